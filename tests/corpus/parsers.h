/* Everything that reads files, one function for each format: what corpus_test.c and the fuzzers call. */
#ifndef CORPUS_PARSERS_H
#define CORPUS_PARSERS_H

#include <dnn/context.h>

typedef struct parser {
    const char *name; /* of its folder in tests/corpus */

    /* Reads all there is to the file, and gives it back. */
    dnn_status (*read)(dnn_context *ctx, const char *path);

    int64_t unfolds; /* how many bytes it may take besides those of the file, by its limits */
} parser;

extern const parser parsers[];
extern const int parser_count;

/* What every reader may take: four times the file, and so much. */
enum { PARSER_CONSTANT = 4 << 20 };

#endif
