/* Batches that come in the same order in every epoch: one seed for all epochs, a loader made anew for each of them, or
 * none that shuffles. The first batches are remembered by a hash, and looked for again. */
#include <stdio.h>

#include "hash/hash.h"
#include "monitor/monitor.h"

enum { PIECES = 16, PIECE = 512, /* bytes of an input that are hashed, spread evenly */
       DIFFERENT = 4 };           /* fewer batches than that are not shuffled by anybody */

static uint64_t hash_input(uint64_t seed, const dnn_array *a) {
    int64_t bytes = dnni_bytes(a);
    uint64_t hash = dnnk_hash(seed, a->dims, (int64_t)sizeof a->dims[0] * a->rank);
    if (bytes <= PIECES * PIECE) return dnnk_hash(hash, a->data, bytes);
    for (int64_t i = 0; i < PIECES; i++)
        hash = dnnk_hash(hash, (const char *)a->data + i * (bytes - PIECE) / (PIECES - 1), PIECE);
    return hash;
}

static bool is_different(const monitor_order *o) {
    int different = 0;
    for (int i = 0; i < MONITOR_ORDER; i++) {
        bool before = false;
        for (int k = 0; k < i; k++) before = before || o->first[k] == o->first[i];
        different += !before;
    }
    return different >= DIFFERENT;
}

static void say(dnn_monitor *m) {
    monitor_note *note = monitor_note_of(m, NOTE_SAME_EPOCHS, DNN_SEVERITY_WARNING);
    if (!note) return;
    MONITOR_SAY(note->what, "the first %d batches came again in the same order, from step %lld on: every epoch is the "
                            "same", MONITOR_ORDER, (long long)m->steps - MONITOR_ORDER + 1);
    MONITOR_SAY(note->how, "by a hash of what the module was given");
    MONITOR_SAY(note->action, "shuffle, and let one loader run through all epochs: a new one begins with epoch 0; draw "
                              "what you draw yourself by (seed, epoch, index)");
    monitor_send(m, NOTE_SAME_EPOCHS);
}

void monitor_order_step(dnn_monitor *m, const dnn_tensor *const *inputs, int32_t n_inputs) {
    monitor_order *o = &m->inputs;
    uint64_t hash = 0;
    if (n_inputs == 0 || o->over) return;
    for (int32_t i = 0; i < n_inputs; i++) hash = hash_input(hash, &inputs[i]->array);
    if (o->n < MONITOR_ORDER) {
        o->first[o->n++] = hash;
        o->over = o->n == MONITOR_ORDER && !is_different(o);
        return;
    }
    o->again = hash == o->first[o->again] ? o->again + 1 : hash == o->first[0];
    if (o->again < MONITOR_ORDER) return;
    o->over = true;
    say(m);
}
