/* The monitor's parts. A step goes through all of them, in this order:
 *     loss.c     the loss: smoothed, compared with what it was
 *     weights.c  samples of all tensors: norms of gradients, and how far weights have moved
 *     updates.c  at the end of a window: what the tensors' means say
 *     modes.c    what runners and optimizers have counted: modes, backwards, owners of parameters
 *     units.c    ReLUs, seen in the forward
 *     order.c    batches, if the monitor is given them: do they come as they came before
 *     notes.c    what was found, until somebody wants a report; the history is in history.c
 * A step allocates nothing but a ReLU's list of units at its first forward: what cannot fail needs no undoing. */
#ifndef DNNI_MONITOR_H
#define DNNI_MONITOR_H

#include <dnn/monitor.h>

#include "graph/index.h"
#include "graph/runner.h"
#include "optim/optimizer.h"

enum {
    MONITOR_LAST = 100,    /* losses, norms that a spike is compared with */
    MONITOR_START = 10,    /* losses that say where the run began */
    MONITOR_BURN_IN = 20,  /* steps before a smoothed loss is taken for one */
    MONITOR_SAMPLE = 1024, /* numbers of a tensor */
    MONITOR_STRETCHES = 8,  /* in which they lie */
    MONITOR_ORDER = 16     /* batches whose order is looked for again */
};

#define MONITOR_DIVERGED 4.0 /* times the best loss */

/* ---- notes ---- */

typedef enum note_kind {
    NOTE_DIVERGED, NOTE_LOSS_SPIKE, NOTE_LOSS_STUCK, NOTE_GRADIENT_SPIKE, NOTE_VANISHING, NOTE_TOO_LARGE,
    NOTE_TOO_SMALL, NOTE_DEAD, NOTE_NOT_CLEARED, NOTE_NO_BACKWARD, NOTE_EVALUATING, NOTE_TRAINING, NOTE_NO_OPTIMIZER,
    NOTE_DECAY, NOTE_SAME_EPOCHS, NOTE_KINDS
} note_kind;

typedef struct monitor_note {
    dnn_severity severity; /* NONE: not seen yet */
    int64_t first, last, times;
    char what[320], how[320], action[256], set[192];
} monitor_note;

/* ---- the loss ---- */

/* The last numbers of something, as they came. */
typedef struct monitor_ring {
    double values[MONITOR_LAST];
    int64_t n; /* that came in all */
} monitor_ring;

typedef struct monitor_loss {
    monitor_ring last;
    double value, first, start; /* the last, the first, the mean of the first few */
    double sum, weight;         /* smoothed = sum / weight */
    double smoothed, best;
    int64_t n, same;            /* finite losses; the last of them in a row that are equal */
} monitor_loss;

/* ---- tensors ---- */

/* A sum of logarithms over a window, and of how many; zeros have none. */
typedef struct monitor_mean {
    double logs;
    int64_t n, zeros;
} monitor_mean;

typedef struct monitor_tensor {
    char *path;
    int64_t place;    /* in the module's index */
    dnn_array array;  /* as it was when the monitor was made; without data */
    bool counts;      /* for ratios: see monitor.h */
    int64_t stretches, each; /* the sample: so many pieces of so many numbers */
    void *before;     /* the sample at the last step */
    const dnn_optimizer *optimizer; /* that moves it, and its place there; NULL: none does */
    const dnni_slot *slot;
    double weight, weight_first, weight_before; /* norms: now, at the beginning, at the window's beginning */
    monitor_mean updates, gradients;            /* ‖Δw‖/‖w‖, ‖g‖/‖w‖ */
} monitor_tensor;

/* ---- ReLUs ---- */

typedef struct monitor_units {
    char *path;
    int64_t channels;  /* of its last forward; 0: none yet */
    int32_t *silent;   /* those that have been zero so far, unordered */
    int64_t capacity, n_silent, samples;
} monitor_units;

/* ---- batches ---- */

typedef struct monitor_order {
    uint64_t first[MONITOR_ORDER]; /* hashes of the first batches */
    int32_t n, again;              /* how many are known; how many came again in a row */
    bool over;                     /* found, or not to be looked for */
} monitor_order;

/* ---- the whole ---- */

typedef struct monitor_optimizer {
    dnn_optimizer *optimizer;        /* held */
    dnni_missteps seen;
} monitor_optimizer;

struct dnn_monitor {
    dnni_object base;
    dnn_module *module; /* held */
    dnni_pool pool;     /* of all that is made at the beginning */
    int64_t window, patience;
    char *replay;
    bool ignored[NOTE_KINDS];
    monitor_optimizer *optimizers;
    int64_t n_optimizers, optimizers_capacity;
    int64_t index_size;
    monitor_tensor *tensors;
    int64_t n_tensors;
    double *ratios; /* room for a number for each tensor, and for their order */
    uint32_t *order;
    monitor_units *units;
    int64_t n_units;
    bool differs; /* a layer differs between training and evaluation */

    int64_t steps;
    dnni_tally seen;      /* at the last call */
    int64_t stepped;      /* how often all optimizers have stepped, as last seen */
    bool accumulates;     /* none has since: the weights are as they were, and are meant to be */
    int64_t rose;         /* the step in which the rate was seen to rise */
    double largest_rate;
    int64_t small_windows; /* in a row */
    monitor_loss loss;
    monitor_ring norms;
    double largest_early; /* of the norms of the first MONITOR_LAST steps */
    dnn_monitor_figures figures;
    monitor_note notes[NOTE_KINDS];
    monitor_order inputs;
    dnn_report *autopsy;
    bool looked; /* for what is not finite */

    double *history; /* [capacity][MONITOR_COLUMNS] */
    int64_t history_rows, history_capacity, history_every;
};

enum { MONITOR_COLUMNS = 6 };

/* notes.c. A finding: counted; the note to be filled in and sent (monitor_send) if it is new, or worse than it was;
 * otherwise NULL. */
monitor_note *monitor_note_of(dnn_monitor *m, note_kind kind, dnn_severity severity);
void monitor_send(dnn_monitor *m, note_kind kind);
/* The kind of that name; NOTE_KINDS if there is none. */
note_kind monitor_note_find(const char *name);
#define MONITOR_SAY(field, ...) (void)snprintf(field, sizeof(field), __VA_ARGS__)

/* loss.c */
void monitor_loss_step(dnn_monitor *m, double loss);
void monitor_loss_window(dnn_monitor *m); /* at its end */
bool monitor_has_not_learned(const monitor_loss *l); /* a tenth, since it began; as far as can be told */
void monitor_push(monitor_ring *ring, double value);
/* What is at these places of n ≥ 1 numbers in order, `order` being room for as many; of what is in a ring. */
enum { LOWER, MEDIAN, UPPER, NINE_TENTHS, LOWEST, HIGHEST, RANKS };
void monitor_ranks(const double *values, uint32_t *order, int64_t n, double ranks[RANKS]);
void monitor_ring_ranks(const monitor_ring *ring, double ranks[RANKS]);
/* Whether a value is out of all proportion to those. Small batches have heavy tails, which are no spikes; and what
 * comes back in every epoch is one every time. */
bool monitor_jumps(double value, const double ranks[RANKS]);
void monitor_diverged(dnn_monitor *m, double reference, const char *which); /* reference: a loss, `which` one it is */
void monitor_not_finite(dnn_monitor *m, const char *what, double value);

/* weights.c */
dnn_status monitor_tensors_make(dnn_monitor *m, const dnni_index *index);
void monitor_tensors_step(dnn_monitor *m, const dnni_index *index);
/* ‖g‖/‖w‖ of the whole tensor now. */
double monitor_exact_gradient(const dnn_monitor *m, const monitor_tensor *t, const dnni_index *index);

/* updates.c */
void monitor_updates_early(dnn_monitor *m); /* at the end of the burn-in */
void monitor_updates_window(dnn_monitor *m, const dnni_index *index);
double monitor_mean_of(const monitor_mean *mean); /* NaN: of nothing; 0 if most are */

/* modes.c */
dnn_status monitor_link(dnn_monitor *m, const dnni_index *index);
void monitor_modes_step(dnn_monitor *m);
void monitor_modes_validate(dnn_monitor *m);
void monitor_owners(dnn_monitor *m, const dnni_index *index);

/* units.c */
dnn_status monitor_units_make(dnn_monitor *m, const dnni_index *index);
dnn_status monitor_units_prepare(dnn_monitor *m);
void monitor_units_step(dnn_monitor *m);
void monitor_units_free(dnn_monitor *m);
void monitor_units_see(void *monitor, const char *path, const dnn_array *y);

/* order.c */
void monitor_order_step(dnn_monitor *m, const dnn_tensor *const *inputs, int32_t n_inputs);

/* history.c */
dnn_status monitor_history_make(dnn_monitor *m, int64_t rows);
void monitor_history_step(dnn_monitor *m);

#endif
