/* Archives on disk: files of the `safetensors` package, byte for byte; out of memory; wrong calls. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/weights.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/allocator.h"

enum { MOST = 16 };

static char folder[] = "/tmp/dnn-archive-XXXXXX", path[64], golden[512];
static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    snprintf(golden, sizeof golden, TEST_FOLDER "/golden/safetensors/dtypes.safetensors");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    if (dnn_context_release(ctx) != DNN_OK || memory.live != 0) return -1;
    return rmdir(folder);
}

static char *bytes_of(const char *file, int64_t *n) {
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    char *bytes = malloc(1 << 16);
    *n = (int64_t)fread(bytes, 1, 1 << 16, f);
    fclose(f);
    return bytes;
}

/* Reads a file and writes it again, in the order of its names backwards. */
static dnn_status copy_file(const char *from, const char *to) {
    dnn_archive *archive;
    dnn_tensor *tensors[MOST] = {NULL};
    const char *names[MOST];
    dnn_metadata metadata[MOST];
    dnn_status status = dnn_safetensors_read(&archive, ctx, from);
    if (status != DNN_OK) return status;
    int64_t n = dnn_archive_count(archive), pairs = dnn_archive_metadata_count(archive);
    for (int64_t i = 0; i < n && status == DNN_OK; i++) {
        names[i] = dnn_archive_name(archive, n - 1 - i);
        status = dnn_archive_tensor(&tensors[i], archive, names[i]);
    }
    for (int64_t i = 0; i < pairs && status == DNN_OK; i++) status = dnn_archive_metadata_at(archive, i, &metadata[i]);
    if (status == DNN_OK)
        status = dnn_safetensors_write(ctx, to, names, (const dnn_tensor *const *)tensors, n, metadata, pairs);
    for (int64_t i = 0; i < n; i++) dnn_tensor_release(tensors[i]);
    dnn_archive_release(archive);
    return status;
}

static void test_same_bytes(void **state) {
    (void)state;
    int64_t n, m;
    assert_int_equal(copy_file(golden, path), DNN_OK);
    char *a = bytes_of(golden, &n), *b = bytes_of(path, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, (size_t)n);
    free(a);
    free(b);
}

static double element(const dnn_archive *archive, const char *name, int32_t rank, const int64_t *index) {
    dnn_tensor *tensor;
    double value;
    assert_int_equal(dnn_archive_tensor(&tensor, archive, name), DNN_OK);
    assert_int_equal(dnn_tensor_get(tensor, rank, index, &value), DNN_OK);
    dnn_tensor_release(tensor);
    return value;
}

static void test_values(void **state) {
    (void)state;
    dnn_archive *archive;
    const int64_t first[2] = {0, 0}, last[2] = {1, 2};
    static const char *const steps[] = {"half.f16", "half.bf16", "single", "double"};
    assert_int_equal(dnn_safetensors_read(&archive, ctx, golden), DNN_OK);
    assert_int_equal(dnn_archive_count(archive), 11);
    assert_string_equal(dnn_archive_metadata(archive, "format"), "pt\n");
    for (int i = 0; i < 4; i++) {
        assert_true(element(archive, steps[i], 2, first) == -0.75);
        assert_true(element(archive, steps[i], 2, last) == 0.5);
    }
    assert_true(element(archive, "scalar", 0, NULL) == (double)0.1f);
    assert_true(element(archive, "byte", 1, (const int64_t[]){2}) == 255);
    assert_true(element(archive, "int", 1, (const int64_t[]){0}) == INT32_MIN);
    assert_true(element(archive, "long", 1, (const int64_t[]){0}) == -9223372036854775808.0);
    assert_true(element(archive, "flag", 1, (const int64_t[]){1}) == 0);
    assert_true(element(archive, "Größe \"q\" \\ \t\x01", 1, first) == 1);
    dnn_archive_release(archive);
}

/* The k-th allocation fails, once and for ever after: an error, the old file, nothing lost, and a retry works. */
static void test_out_of_memory(void **state) {
    (void)state;
    int64_t n, m;
    char *before = bytes_of(golden, &n);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        assert_int_equal(copy_file(golden, path), DNN_OK);
        for (int64_t k = 1; failed; k++) {
            int64_t live = memory.live;
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = copy_file(golden, path);
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            assert_in_range(memory.live, 0, live + 256); /* released objects are remembered for a while */
            char *after = bytes_of(path, &m);
            assert_int_equal(n, m);
            assert_memory_equal(before, after, (size_t)n);
            free(after);
        }
        assert_int_equal(copy_file(golden, path), DNN_OK);
    }
    free(before);
}

/* ---- wrong calls ---- */

static void test_names(void **state) {
    (void)state;
    dnn_tensor *tensor;
    const dnn_metadata twice[] = {{"k", "1"}, {"k", "2"}}, no_value[] = {{"k", NULL}}, wrong[] = {{"k", "\xff"}};
    assert_int_equal(dnn_tensor_create(&tensor, ctx, DNN_F32, 0, NULL), DNN_OK);
    const dnn_tensor *tensors[] = {tensor, tensor};
    static const char *const bad[][2] = {{"a", "a"}, {"a", "__metadata__"}, {"a", NULL},
                                         {"a", "\xc3"}, {"\xed\xa0\x80", "b"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(dnn_safetensors_write(ctx, path, bad[i], tensors, 2, NULL, 0), DNN_ERROR_ARGUMENT);
    const char *const good[] = {"", "a"};
    assert_int_equal(dnn_safetensors_write(ctx, path, good, tensors, 2, twice, 2), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, good, tensors, 2, no_value, 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, good, tensors, 2, wrong, 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, good, tensors, 2, NULL, 0), DNN_OK);
    assert_int_equal(dnn_safetensors_write(ctx, path, NULL, NULL, 0, NULL, 0), DNN_OK);
    dnn_tensor_release(tensor);
}

static void test_misuse(void **state) {
    (void)state;
    dnn_archive *archive;
    dnn_context *other;
    dnn_tensor *tensor, *out;
    dnn_metadata pair;
    const char *name = "a";
    assert_int_equal(dnn_context_create(&other, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_create(&tensor, other, DNN_F32, 0, NULL), DNN_OK);
    const dnn_tensor *foreign[] = {tensor}, *none[] = {NULL}, *wrong[] = {(const dnn_tensor *)ctx};
    assert_int_equal(dnn_safetensors_write(ctx, path, &name, foreign, 1, NULL, 0), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_safetensors_write(ctx, path, &name, none, 1, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, &name, wrong, 1, NULL, 0), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_safetensors_write(ctx, path, &name, NULL, 1, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, NULL, foreign, 1, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, NULL, NULL, -1, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, path, NULL, NULL, 0, NULL, 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(ctx, NULL, NULL, NULL, 0, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write(NULL, path, NULL, NULL, 0, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_write((dnn_context *)tensor, path, NULL, NULL, 0, NULL, 0), DNN_ERROR_HANDLE);
    dnn_tensor_release(tensor);
    dnn_context_release(other);

    assert_int_equal(dnn_safetensors_read(NULL, ctx, path), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_read(&archive, NULL, path), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_read(&archive, ctx, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_parse(NULL, ctx, "", 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, NULL, 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, "", -1), DNN_ERROR_ARGUMENT);

    assert_int_equal(dnn_archive_release(NULL), DNN_OK);
    assert_int_equal(dnn_archive_count(NULL), -1);
    assert_null(dnn_archive_name(NULL, 0));
    assert_null(dnn_archive_metadata(NULL, "a"));
    assert_int_equal(dnn_archive_metadata_count(NULL), -1);
    assert_int_equal(dnn_archive_metadata_at(NULL, 0, &pair), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_archive_tensor(&out, NULL, "a"), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_archive_tensor_at(&out, NULL, 0), DNN_ERROR_ARGUMENT);

    assert_int_equal(dnn_safetensors_read(&archive, ctx, golden), DNN_OK);
    assert_int_equal(dnn_archive_tensor(NULL, archive, "a"), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_archive_tensor(&out, archive, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_archive_tensor_at(&out, archive, 11), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_archive_metadata_at(archive, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_null(dnn_archive_metadata(archive, NULL));
    assert_int_equal(dnn_tensor_release((dnn_tensor *)archive), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_archive_release(archive), DNN_OK);
    assert_int_equal(dnn_archive_release(archive), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_archive_count(archive), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_values), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
