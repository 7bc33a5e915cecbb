/* How a loader works.
 *
 * Batches are numbered 0, 1, 2, … from the last seek on, across epochs. Batch s lies in slot s mod slots; three
 * counters say where everything is:
 *
 *     freed ≤ taken ≤ opened ≤ freed + slots
 *     [freed, taken)   lent to the caller, until he comes back: at most one
 *     [taken, opened)  being read, or read and waiting
 *
 * A thread that looks for work claims a run of samples of the batch that was opened last; when all of it is claimed,
 * and a slot is free, it opens the next one: computes a new epoch's order if one begins, and copies the batch's
 * indices. The lock is not held while samples are read or an order is computed. Without workers the caller's thread
 * does the same.
 */
#ifndef DNNI_LOADER_H
#define DNNI_LOADER_H

#include <pthread.h>

#include "core/tensor.h"
#include "data/dataset.h"

typedef struct dnni_place {
    int64_t epoch, batch;
} dnni_place;

typedef struct dnni_batch {
    dnn_tensor *x, *target;           /* of a full batch; target is NULL if there are none */
    dnn_tensor *last_x, *last_target; /* their first rows, for the smaller batch at the end; NULL if there is none */
    int64_t *indices;
    int64_t epoch;
    int64_t samples, claimed, finished;
    int64_t failed; /* the first sample that could not be read, INT64_MAX: none; its error: */
    dnni_saved_error error;
} dnni_batch;

typedef struct dnni_worker {
    dnn_loader *loader;
    dnni_reader reader;
    pthread_t thread;
} dnni_worker;

struct dnn_loader {
    dnni_object base;
    dnn_dataset *dataset; /* held */
    int64_t batch_size, batches;
    int64_t rows;  /* of a full batch; batch_size, unless the dataset is smaller */
    int64_t chunk; /* samples claimed at a time */
    uint64_t seed;

    int64_t *order; /* of order_epoch; NULL: not shuffled */
    int64_t order_epoch;
    void *permutation_work;
    int64_t permutation_bytes;

    dnni_place next;   /* the caller's: what he gets next */
    dnni_place unread; /* what is opened next */
    int64_t freed, taken, opened;
    dnni_batch *slot;
    int64_t slots;

    pthread_mutex_t lock;      /* all below, unread, the counters, and claims */
    pthread_cond_t work, done; /* there may be something to read; something was read */
    bool running;              /* the caller wants batches: false until his first call, and after a failure */
    bool stopping, opening;
    int64_t busy; /* threads at work outside of the lock */

    dnni_worker *worker; /* at least one: the caller's thread uses the first if none is started */
    int64_t workers, started;
};

/* With the lock held (it is given up in between): does one piece of reading. False: there is nothing to do. */
bool dnni_loader_work(dnn_loader *loader, dnni_reader *reader);

/* With the lock held: reading stops, what was read is dropped, and goes on at `place` when `running` is set again. */
void dnni_loader_reset(dnn_loader *loader, dnni_place place);

/* Bytes of what a loader takes for its batches, and for its order if it shuffles; handles left out. -1: too many. */
int64_t dnni_loader_bytes(const dnn_dataset *dataset, const dnn_loader_desc *desc);

dnn_status dnni_loader_start(dnn_loader *loader);
void dnni_loader_stop(dnn_loader *loader);

static inline dnni_batch *dnni_loader_slot(const dnn_loader *loader, int64_t sequence) {
    return &loader->slot[sequence % loader->slots];
}

#endif
