/* A pool of threads to run kernels on (see lib/base/env.h): the caller is lane 0, the others sleep between calls. */
#ifndef BENCH_LANES_H
#define BENCH_LANES_H

#include "base/env.h"

typedef struct lanes lanes;

/* NULL if there is no memory or no thread to be had. */
lanes *lanes_create(int64_t count);
void lanes_release(lanes *pool);

/* An environment that runs on the pool's threads; count lanes. A NULL pool gives a serial one. */
dnnk_env lanes_env(lanes *pool, dnnk_isa isa);

#endif
