/* An environment whose lanes are threads, started for each call and joined; results must not depend on their number. */
#ifndef TEST_LANES_H
#define TEST_LANES_H

#include "base/env.h"

enum { TEST_LANES_MAX = 16 };

/* lanes in [1, TEST_LANES_MAX] */
dnnk_env test_lanes(int64_t lanes, dnnk_isa isa);

#endif
