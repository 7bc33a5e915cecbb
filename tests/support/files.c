#define _XOPEN_SOURCE 700 /* nftw */

#include "support/files.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

dnn_context *files_ctx;
test_allocator files_memory;
static char folder[64];

int files_set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&files_memory), .threads = 1};
    snprintf(folder, sizeof folder, "/dev/shm/dnn-files-XXXXXX"); /* thousands of small files: in memory, if there is */
    if (!mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/dnn-files-XXXXXX");
        if (!mkdtemp(folder)) return -1;
    }
    return dnn_context_create(&files_ctx, &desc) == DNN_OK ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

int files_tear_down(void **state) {
    (void)state;
    if (dnn_context_release(files_ctx) != DNN_OK || files_memory.live != 0) return -1;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *file_path(const char *name) {
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0777);
    }
    return path;
}

const char *file_put(const char *name, const void *bytes, size_t n) {
    const char *path = file_path(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

unsigned char *file_get(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long length = ftell(f);
    assert_true(length >= 0);
    rewind(f);
    unsigned char *bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    *n = fread(bytes, 1, (size_t)length, f);
    assert_int_equal(*n, length);
    fclose(f);
    return bytes;
}

void expect_refusal(dnn_status got, dnn_status status, const char *path, const char *part) {
    const char *line = dnn_last_error();
    bool named = !path || strncmp(line, path, strlen(path)) == 0;
    if (got != status || !strstr(line, part) || !named)
        print_message("%s instead of %s: %s\n", dnn_status_name(got), dnn_status_name(status), line);
    assert_int_equal(got, status);
    assert_non_null(strstr(line, part));
    assert_true(named);
}

void expect_out_of_memory_to_be_told(dnn_status (*run)(void)) {
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            test_allocator_arm(&files_memory, k, for_ever);
            dnn_status status = run();
            failed = files_memory.calls >= k;
            test_allocator_arm(&files_memory, 0, false);
            if (failed ? status != DNN_ERROR_MEMORY && status != DNN_ERROR_CALLBACK : status != DNN_OK)
                print_message("allocation %lld: %s: %s\n", (long long)k, dnn_status_name(status), dnn_last_error());
            if (failed) assert_true(status == DNN_ERROR_MEMORY || status == DNN_ERROR_CALLBACK);
            else assert_int_equal(status, DNN_OK);
            assert_int_equal(run(), DNN_OK);
        }
    }
}

static void values_of(dnn_tensor *tensor, double *values, int64_t n) {
    dnn_tensor *wide;
    assert_int_equal(dnn_tensor_count(tensor), n);
    assert_int_equal(dnn_tensor_cast(&wide, tensor, DNN_F64, DNN_CAST_LOSSY, NULL), DNN_OK);
    if (n > 0) memcpy(values, dnn_tensor_const_data(wide), (size_t)n * sizeof *values);
    dnn_tensor_release(wide);
}

static void sample(dnn_dataset *dataset, int64_t index, double *values, int64_t n, bool target) {
    dnn_tensor *x, *t;
    dnn_status status = dnn_dataset_get_range(&x, &t, dataset, index, 1);
    if (status != DNN_OK) print_message("%s\n", dnn_last_error());
    assert_int_equal(status, DNN_OK);
    values_of(target ? t : x, values, n);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

void sample_input(dnn_dataset *dataset, int64_t index, double *values, int64_t n) {
    sample(dataset, index, values, n, false);
}

void sample_target(dnn_dataset *dataset, int64_t index, double *values, int64_t n) {
    sample(dataset, index, values, n, true);
}
