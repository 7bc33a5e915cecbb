/* Samples of a dataset, some MiB at a time, read by all lanes; always the same ones together. */
#ifndef DNNI_LOOK_STREAM_H
#define DNNI_LOOK_STREAM_H

#include "core/tensor.h"
#include "data/dataset.h"

typedef struct dnni_stream {
    dnn_context *ctx;
    dnn_dataset *dataset;
    const dnn_progress *progress;
    const char *what;
    int64_t samples;            /* in all, spread evenly over the dataset */
    int64_t first;              /* of the chunk that is in memory */
    int64_t n;                  /* how many it has */
    dnn_array inputs, targets;  /* (room, …); of the first n rows are read; targets: of dtype NONE if there are none */
    int64_t room;               /* samples that fit into a chunk */
    int64_t *indices;
    dnni_reader *readers;       /* one for each lane */
    int64_t scratch_stride;     /* bytes of scratch for each of them */
    char *scratch;
} dnni_stream;

/* `most` of 0: all samples. `what` and `progress` are lent until the end. On failure dnni_stream_close is still due. */
dnn_status dnni_stream_open(dnni_stream *stream, dnn_dataset *dataset, int64_t most, const char *what,
                            const dnn_progress *progress);

/* The next chunk; END behind the last. Errors: those of the samples, of the progress callback. */
dnn_status dnni_stream_next(dnni_stream *stream);
void dnni_stream_close(dnni_stream *stream);

#endif
