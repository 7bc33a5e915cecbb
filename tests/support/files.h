/* Files for tests of readers: a folder that goes when the test ends, files of given bytes, and refusals. */
#ifndef TEST_FILES_H
#define TEST_FILES_H

#include <dnn/data.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/allocator.h"

/* What a test of a reader works with; files_set_up makes them, files_tear_down checks that no memory is left. */
extern dnn_context *files_ctx;
extern test_allocator files_memory;
int files_set_up(void **state);
int files_tear_down(void **state);

/* A path in the folder, good until the sixteenth call from here; sub-folders in it are made. */
const char *file_path(const char *name);

/* Writes a file there and returns its path. */
const char *file_put(const char *name, const void *bytes, size_t n);

/* The same, of another file's bytes read whole (free them). */
unsigned char *file_get(const char *path, size_t *n);

/* `got` must be `status`, with `part` somewhere in the last error, and `path` in front of it (NULL: anything). */
void expect_refusal(dnn_status got, dnn_status status, const char *path, const char *part);

/* Fails each allocation of `run` in turn, once and for ever: MEMORY (or, where a sample was read, CALLBACK) each
 * time, and success afterwards. What is left shows in files_tear_down. */
void expect_out_of_memory_to_be_told(dnn_status (*run)(void));

/* Numbers of sample `index`, which must be of these many elements; as doubles. */
void sample_input(dnn_dataset *dataset, int64_t index, double *values, int64_t n);
void sample_target(dnn_dataset *dataset, int64_t index, double *values, int64_t n);

#endif
