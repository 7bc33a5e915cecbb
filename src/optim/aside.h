/* What changes in an optimizer as it steps, and as it is set, put aside while it steps on somebody else's behalf: its
 * rule and its settings serve both. */
#ifndef DNNI_OPTIM_ASIDE_H
#define DNNI_OPTIM_ASIDE_H

#include "optim/optimizer.h"

/* While it is exchanged, the owner's; else the other's. */
typedef struct dnni_optimizer_aside {
    dnn_optimizer *optimizer; /* NULL: there is nothing to exchange */
    bool keeps_state, is_exchanged;
    dnn_tensor *lr, *steps, *shared[DNNI_MOST_STATES];
    struct dnni_slot_aside {
        dnn_tensor *steps, *state[DNNI_MOST_STATES];
    } *slots;
    dnni_group *groups; /* patterns are the optimizer's */
    int64_t n_groups;
    double weight_decay, max_norm, norm;
    int32_t accumulation;
    dnni_missteps missteps; /* the other's are no news: what is tried is none for the host's log */
} dnni_optimizer_aside;

/* Another's state: as a new optimizer has it, or a copy of the owner's (`keeps_state`). The lists lie in the caller's
 * pool. On failure dnni_optimizer_aside_free is still due, which exchanges back, too. */
dnn_status dnni_optimizer_aside_make(dnni_optimizer_aside *aside, dnni_pool *pool, dnn_optimizer *optimizer,
                                     bool keeps_state);
void dnni_optimizer_aside_free(dnni_optimizer_aside *aside);

/* Cannot fail. No groups may be added while it is exchanged. */
void dnni_optimizer_exchange(dnni_optimizer_aside *aside);

/* While it is exchanged: the other's goes back to where it started, with the owner's rate, decays and clipping. */
void dnni_optimizer_restart(dnni_optimizer_aside *aside);

#endif
