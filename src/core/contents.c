/* Telling whether the elements of a tensor may have changed: for what is computed from weights once and used often. And
 * elements that are zeros before they are so in memory: gradients, between being cleared and being written. */
#include <string.h>

#include "core/tensor.h"

void dnni_storage_new_version(dnni_storage *storage) {
    uint64_t version = atomic_fetch_add_explicit(&storage->ctx->next_version, 1, memory_order_relaxed);
    atomic_store_explicit(&storage->version, version, memory_order_relaxed);
}

void dnni_tensor_written(dnn_tensor *tensor) { dnni_storage_new_version(tensor->storage); }

enum { WORDS = 8 }; /* hashed side by side, which hides the multiplication's latency */

/* Odd: multiplying by it loses nothing. The golden ratio's digits. */
static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * factor;
    return hash ^ hash >> 32;
}

static uint64_t hash_bytes(const unsigned char *bytes, int64_t n) {
    uint64_t hash[WORDS] = {1, 2, 3, 4, 5, 6, 7, 8}, word[WORDS], whole = (uint64_t)n;
    int64_t i = 0;
    for (; i + (int64_t)sizeof word <= n; i += (int64_t)sizeof word) {
        memcpy(word, bytes + i, sizeof word);
        for (int k = 0; k < WORDS; k++) hash[k] = mix(hash[k], word[k]);
    }
    for (; i < n; i++) whole = mix(whole, bytes[i]);
    for (int k = 0; k < WORDS; k++) whole = mix(whole, hash[k]);
    return whole;
}

uint64_t dnni_tensor_contents(const dnn_tensor *tensor) {
    dnni_storage *storage = tensor->storage;
    uint64_t version = atomic_load_explicit(&storage->version, memory_order_relaxed);
    if (!atomic_load_explicit(&storage->exposed, memory_order_relaxed)) return version;
    return mix(version, hash_bytes(tensor->array.data, dnni_bytes(&tensor->array)));
}

/* ---- zeros ---- */

static void clear_now(dnni_storage *storage) {
    if (storage->bytes > 0) memset(storage->data, 0, (size_t)storage->bytes);
}

static bool only_the_owner_knows(const dnn_tensor *tensor) {
    const dnni_storage *storage = tensor->storage;
    return atomic_load_explicit(&tensor->base.holders, memory_order_relaxed) == 1 &&
           atomic_load_explicit(&storage->holders, memory_order_relaxed) == 1 &&
           !atomic_load_explicit(&storage->seen, memory_order_relaxed);
}

void dnni_tensor_clear(dnn_tensor *tensor) {
    bool later = only_the_owner_knows(tensor);
    if (!later) clear_now(tensor->storage);
    atomic_store_explicit(&tensor->storage->zero, later, memory_order_release);
}

bool dnni_tensor_take_cleared(dnn_tensor *tensor) {
    return atomic_exchange_explicit(&tensor->storage->zero, false, memory_order_acq_rel);
}

/* Two threads may read one tensor at once: the second waits until the first has cleared it. */
static void settle(dnni_storage *storage) {
    pthread_mutex_lock(&storage->ctx->clear_lock);
    if (atomic_load_explicit(&storage->zero, memory_order_relaxed)) {
        clear_now(storage);
        atomic_store_explicit(&storage->zero, false, memory_order_release);
    }
    pthread_mutex_unlock(&storage->ctx->clear_lock);
}

void dnni_tensor_settle(const dnn_tensor *tensor) {
    if (atomic_load_explicit(&tensor->storage->zero, memory_order_acquire)) settle(tensor->storage);
}
