/* Telling whether the elements of a tensor may have changed: for what is computed from weights once and used often. */
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
