/* The hash of a dataset. */
#include "hash/hash.h"

#include <stdio.h>
#include <string.h>

#include "data/walk.h"

enum { SLOTS = 32 };

typedef struct {
    dnn_dataset *dataset;
    int64_t samples;  /* of a block */
    int64_t input_bytes, target_bytes, left; /* left: samples that are not in `hash` */
    uint64_t *hashes; /* [SLOTS][samples] */
    uint64_t hash;
} job;

/* A sample: its input, then its target. */
static dnn_status hash_block(void *user, const dnni_block *b) {
    const job *j = user;
    uint64_t *hashes = j->hashes + b->slot * j->samples;
    for (int64_t i = 0; i < b->n; i++) {
        hashes[i] = dnnk_hash(0, (const char *)b->inputs + i * j->input_bytes, j->input_bytes);
        if (b->targets)
            hashes[i] = dnnk_hash(hashes[i], (const char *)b->targets + i * j->target_bytes, j->target_bytes);
    }
    return DNN_OK;
}

/* Samples in order: each one's hash, as 8 little-endian bytes, under what came before. */
static dnn_status chain_hashes(void *user, int64_t slots) {
    job *j = user;
    int64_t n = dnnk_min(slots * j->samples, j->left);
    for (int64_t i = 0; i < n; i++) {
        unsigned char bytes[8];
        for (int k = 0; k < 8; k++) bytes[k] = (unsigned char)(j->hashes[i] >> (8 * k));
        j->hash = dnnk_hash(j->hash, bytes, sizeof bytes);
    }
    j->left -= n;
    return DNN_OK;
}

/* What samples are comes first: "float32 [28,28,1] int64 []". */
static uint64_t hash_of_item(const dnn_dataset *d) {
    char text[512];
    int n = snprintf(text, sizeof text, "%s %s %s %s", dnn_dtype_name(d->input.dtype), dnni_array_shape(&d->input).text,
                     dnn_dtype_name(d->target.dtype), dnni_array_shape(&d->target).text);
    return dnnk_hash((uint64_t)d->count, text, n);
}

dnn_status dnn_dataset_hash(uint64_t *hash, dnn_dataset *dataset, const dnn_progress *progress) {
    static const dnn_progress nobody = {NULL, NULL};
    DNNI_REQUIRE(hash, "hash is NULL");
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    bool targets = dnni_has_targets(dataset);
    job j = {.dataset = dataset, .left = dataset->count, .input_bytes = dnni_bytes(&dataset->input),
             .target_bytes = targets ? dnni_bytes(&dataset->target) : 0};
    j.samples = dnni_block_samples(j.input_bytes + j.target_bytes);
    j.hashes = dnni_alloc_raw(dnni_context_of(dataset), SLOTS * j.samples, sizeof *j.hashes);
    if (!j.hashes) return DNN_ERROR_MEMORY;
    j.hash = hash_of_item(dataset);
    dnni_walk walk = {.dataset = dataset, .inputs = true, .targets = targets, .samples = j.samples, .slots = SLOTS,
                      .what = "hashing samples", .progress = progress ? progress : &nobody, .user = &j,
                      .work = hash_block, .combine = chain_hashes};
    dnn_status status = dnni_walk_samples(&walk);
    if (status == DNN_OK) *hash = j.hash;
    dnni_free(dnni_context_of(dataset), j.hashes, SLOTS * j.samples, sizeof *j.hashes);
    return status;
}
