/* libdnn: everything in the core library. Files of other people's formats (IDX, PNG): <dnn/io.h> and libdnn_io. */
#ifndef DNN_DNN_H
#define DNN_DNN_H

#include "audit.h"
#include "average.h"
#include "base.h"
#include "check.h"
#include "checkpoint.h"
#include "context.h"
#include "data.h"
#include "index.h"
#include "inspect.h"
#include "layer.h"
#include "layers.h"
#include "look.h"
#include "loss.h"
#include "metrics.h"
#include "module.h"
#include "monitor.h"
#include "optimizer.h"
#include "preflight.h"
#include "probe.h"
#include "report.h"
#include "run.h"
#include "schedule.h"
#include "statistics.h"
#include "status.h"
#include "tensor.h"
#include "transform.h"
#include "views.h"
#include "weights.h"

#endif
