/* A schedule as the library sees it: a descriptor with its defaults in place. */
#ifndef DNNI_SCHEDULE_ROOM_H
#define DNNI_SCHEDULE_ROOM_H

#include <dnn/schedule.h>

#include "core/tensor.h"

/* What PLATEAU remembers, by its place in the state's tensor. */
enum { PLATEAU_BEST, PLATEAU_WAITED, PLATEAU_DROPS, PLATEAU_COOLDOWN, PLATEAU_NUMBERS };

struct dnn_schedule {
    dnni_object base;
    dnn_schedule_desc desc; /* milestones: a copy of our own */
    dnn_tensor *state;      /* PLATEAU's; NULL for other kinds */
};

/* Looks at every field that the kind reads, and fills in the defaults. */
dnn_status dnni_schedule_settle(dnn_schedule_desc *desc);

/* The rate as a share of desc.lr. */
double dnni_schedule_factor(const dnn_schedule *schedule, double epoch);

#endif
