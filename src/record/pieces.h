/* What a checkpoint holds, as a list of named arrays: each lies where the run has it, or in a copy of ours where the
 * run has no array. Saving writes them all; loading finds them all, and then copies. */
#ifndef DNNI_PIECES_H
#define DNNI_PIECES_H

#include <dnn/checkpoint.h>

#include "record/archive.h"

/* What was the loader's, in the order of the file. */
enum { LOADER_EPOCH, LOADER_BATCH, LOADER_SAMPLES, LOADER_BATCH_SIZE, LOADER_SHUFFLED, LOADER_SEED, LOADER_NUMBERS };
enum { RANDOM_SEED, RANDOM_STREAM, RANDOM_FORWARDS, RANDOM_NUMBERS };

typedef struct dnni_piece {
    const char *name;
    dnn_array array;
} dnni_piece;

typedef struct dnni_pieces {
    dnn_context *ctx;
    dnni_pool pool;
    const dnn_checkpoint_parts *parts;
    dnni_piece *items;
    int64_t n, capacity;
    int64_t *random;                /* (modules, RANDOM_NUMBERS): of each module below */
    int64_t generator[2];           /* the context's seed, and its next stream */
    int64_t loader[LOADER_NUMBERS]; /* as it is now */
} dnni_pieces;

/* Checks the handles, and gives their context. */
dnn_status dnni_pieces_check(const dnn_checkpoint_parts *parts, dnn_context **ctx);

/* Checks the parts, and lists what they hold. With an archive, which is to be loaded, the optimizer first gets the
 * state that the archive has for it, as zeros, so that there is a place for it. dnni_pieces_free in any case. */
dnn_status dnni_pieces_gather(dnni_pieces *p, const dnn_checkpoint_parts *parts, const dnn_archive *archive);
void dnni_pieces_free(dnni_pieces *p);

/* The numbers that have no array of their own go where they belong. Nothing here fails. */
void dnni_pieces_apply_random(const dnni_pieces *p);

#endif
