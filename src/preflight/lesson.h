/* Short trainings on samples that are held in memory, by a clone. */
#ifndef DNNI_PREFLIGHT_LESSON_H
#define DNNI_PREFLIGHT_LESSON_H

#include "clone/clone.h"
#include "preflight/flight.h"

typedef struct preflight_set {
    dnn_tensor *x, *target; /* (n, …) */
    int64_t n;
} preflight_set;

/* n of its samples from `first` on, in the same memory. On failure nothing is to be freed. */
dnn_status dnni_set_slice(preflight_set *out, const preflight_set *from, int64_t first, int64_t n);
void dnni_set_free(preflight_set *set);

/* Floating-point operations of a training step on `batch` samples: forward and backward. */
static inline double preflight_step_flops(const preflight *f, int64_t batch) { return 3 * f->flops * (double)batch; }

typedef struct preflight_lesson {
    preflight *flight;
    dnni_clone *clone;
    const preflight_set *set;
    int64_t batch;       /* divides the set; what is left over is not used */
    int64_t steps;       /* at most */
    double rate;         /* times the optimizer's */
    bool without_decay;
    double enough;       /* the mean loss over the set below which it is learnt by heart; 0: go on to the end */
    const preflight_set *exam; /* evaluated five times on the way; NULL: none */
    /* what came of it */
    double first, last;  /* loss over the set, in the first round, and in the last that was complete */
    double best;         /* least loss of the exam; INFINITY: none was finite */
    int64_t taken;       /* steps */
    bool learnt;
} preflight_lesson;

/* From where the clone starts. The clone stays where the training ends. */
dnn_status dnni_lesson_take(preflight_lesson *lesson);

/* The mean loss over a set in evaluation mode, batch by batch. */
dnn_status dnni_lesson_examine(const preflight_lesson *lesson, const preflight_set *set, double *value);

#endif
