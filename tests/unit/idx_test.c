/* IDX files, plain and compressed, good and bad; and the data set made of two of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "support/allocator.h"

static char folder[] = "/tmp/dnn-idx-XXXXXX", path[64], labels_path[64];
static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/images", folder);
    snprintf(labels_path, sizeof labels_path, "%s/labels", folder);
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    unlink(labels_path);
    if (dnn_context_release(ctx) != DNN_OK || memory.live != 0) return -1;
    return rmdir(folder);
}

static void put_file(const char *where, const void *bytes, size_t n) {
    FILE *f = fopen(where, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* A gzip member of the bytes, at `to`; its length. */
static size_t compressed(unsigned char *to, size_t room, const void *bytes, size_t n) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (uInt)n};
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t length = z.total_out;
    deflateEnd(&z);
    return length;
}

static dnn_status read_bytes(dnn_tensor **out, const void *bytes, size_t n) {
    put_file(path, bytes, n);
    *out = (dnn_tensor *)1;
    return dnn_idx_read(out, ctx, path, NULL);
}

static void refuse(const void *bytes, size_t n, dnn_status expected, const char *message) {
    dnn_tensor *tensor;
    dnn_status status = read_bytes(&tensor, bytes, n);
    if (status != expected || !strstr(dnn_last_error(), message)) print_message("%d: %s\n", status, dnn_last_error());
    assert_int_equal(status, expected);
    assert_null(tensor);
    assert_non_null(strstr(dnn_last_error(), message));
    assert_memory_equal(dnn_last_error(), path, strlen(path));
}

/* ---- element types ---- */

static const struct {
    unsigned char bytes[24];
    size_t n;
    dnn_dtype dtype;
    double values[2];
} kinds[] = {
    {{0, 0, 0x08, 1, 0, 0, 0, 2, 0, 255}, 10, DNN_U8, {0, 255}},
    {{0, 0, 0x09, 1, 0, 0, 0, 2, 0x80, 0x7f}, 10, DNN_I32, {-128, 127}},
    {{0, 0, 0x0b, 1, 0, 0, 0, 2, 0x80, 0, 0x7f, 0xff}, 12, DNN_I32, {-32768, 32767}},
    {{0, 0, 0x0c, 1, 0, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 1, 2}, 16, DNN_I32, {-2147483648.0, 258}},
    {{0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 16, DNN_F32, {1, -2}},
    {{0, 0, 0x0e, 1, 0, 0, 0, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, 24, DNN_F64, {1, -2}},
};

static void test_types(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        dnn_tensor *tensor;
        unsigned char zipped[256];
        size_t n = compressed(zipped, sizeof zipped, kinds[i / 2].bytes, kinds[i / 2].n);
        if (i % 2) assert_int_equal(read_bytes(&tensor, zipped, n), DNN_OK);
        else assert_int_equal(read_bytes(&tensor, kinds[i / 2].bytes, kinds[i / 2].n), DNN_OK);
        assert_int_equal(dnn_tensor_dtype(tensor), kinds[i / 2].dtype);
        assert_int_equal(dnn_tensor_rank(tensor), 1);
        assert_int_equal(dnn_tensor_dim(tensor, 0), 2);
        for (int64_t k = 0; k < 2; k++) {
            double value;
            assert_int_equal(dnn_tensor_get(tensor, 1, &k, &value), DNN_OK);
            assert_true(value == kinds[i / 2].values[k]);
        }
        dnn_tensor_release(tensor);
    }
}

static void test_shapes(void **state) {
    (void)state;
    dnn_tensor *tensor;
    static const unsigned char eight[4 + 32 + 6] = {0, 0, 8, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1,
                                                    0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6};
    static const unsigned char empty[] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28};
    assert_int_equal(read_bytes(&tensor, eight, sizeof eight), DNN_OK);
    assert_int_equal(dnn_tensor_rank(tensor), 8);
    assert_int_equal(dnn_tensor_dim(tensor, 4), 3);
    assert_memory_equal(dnn_tensor_data(tensor), eight + 36, 6);
    dnn_tensor_release(tensor);
    assert_int_equal(read_bytes(&tensor, empty, sizeof empty), DNN_OK);
    assert_int_equal(dnn_tensor_count(tensor), 0);
    assert_int_equal(dnn_tensor_dim(tensor, 2), 28);
    dnn_tensor_release(tensor);
}

/* ---- bad files ---- */

#define BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})
#define FF 0xff, 0xff, 0xff, 0xff

static void test_bad_headers(void **state) {
    (void)state;
    static const unsigned char many_axes[4 + 4 * 255 + 1] = {0, 0, 8, 255};
    refuse("", 0, DNN_ERROR_FORMAT, "0 bytes are too few");
    refuse(BYTES(0, 0, 8), DNN_ERROR_FORMAT, "3 bytes are too few");
    refuse(BYTES(0, 1, 8, 1, 0, 0, 0, 0), DNN_ERROR_FORMAT, "does not begin with 0 0");
    refuse(BYTES('P', 'K', 3, 4), DNN_ERROR_FORMAT, "does not begin with 0 0");
    refuse(BYTES(0, 0, 0x0a, 1, 0, 0, 0, 0), DNN_ERROR_FORMAT, "element type 0x0a");
    refuse(BYTES(0, 0, 8, 0), DNN_ERROR_FORMAT, "no axes");
    refuse(BYTES(0, 0, 8, 0, 7), DNN_ERROR_FORMAT, "no axes");
    refuse(BYTES(0, 0, 8, 9, 0, 0, 0, 1), DNN_ERROR_UNSUPPORTED, "9 axes");
    refuse(many_axes, sizeof many_axes, DNN_ERROR_UNSUPPORTED, "255 axes");
    refuse(BYTES(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0), DNN_ERROR_FORMAT, "within the sizes");
    refuse(BYTES(0, 0, 8, 1, 0, 0, 0, 2, 1), DNN_ERROR_FORMAT, "announces 2 bytes of elements, there are 1");
    refuse(BYTES(0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3), DNN_ERROR_FORMAT, "announces 2 bytes of elements, there are 3");
    refuse(BYTES(0, 0, 0x0e, 1, 0, 0, 0, 1, 1), DNN_ERROR_FORMAT, "announces 8 bytes");
    refuse(BYTES(0, 0, 8, 1, FF), DNN_ERROR_FORMAT, "announces 4294967295 bytes");
    refuse(BYTES(0, 0, 8, 2, FF, FF), DNN_ERROR_FORMAT, "more than can be addressed");
    refuse(BYTES(0, 0, 8, 3, 0, 0, 0, 0, FF, FF), DNN_ERROR_FORMAT, "more than can be addressed");
    refuse(BYTES(0, 0, 8, 8, FF, FF, FF, FF, FF, FF, FF, FF), DNN_ERROR_FORMAT, "more than can be addressed");
    /* 2^32 · 2^32 / 2^64 = 1 element, if sizes wrapped */
    refuse(BYTES(0, 0, 8, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 9), DNN_ERROR_FORMAT, "addressed");
}

static unsigned char *sample(size_t *n) {
    *n = 16 + 4 * 5 * 6;
    unsigned char *bytes = calloc(1, *n);
    static const unsigned char header[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6};
    memcpy(bytes, header, sizeof header);
    for (size_t i = 16; i < *n; i++) bytes[i] = (unsigned char)(i * 37);
    return bytes;
}

static void test_truncations(void **state) {
    (void)state;
    size_t n;
    unsigned char *plain = sample(&n), zipped[512];
    size_t m = compressed(zipped, sizeof zipped, plain, n);
    for (size_t i = 0; i < n; i++) refuse(plain, i, DNN_ERROR_FORMAT, "");
    for (size_t i = 0; i < m; i++) refuse(zipped, i, DNN_ERROR_FORMAT, "");
    free(plain);
}

/* A flipped bit is an error, or changes nothing that is read: gzip's checksum finds those in the elements, and lets
 * pass the remarks in its header (text or not, time, system) and the bits that fill its last byte. */
static void test_bit_flips(void **state) {
    (void)state;
    size_t n;
    unsigned char *plain = sample(&n), zipped[512];
    size_t m = compressed(zipped, sizeof zipped, plain, n);
    for (size_t bit = 0; bit < 8 * m; bit++) {
        dnn_tensor *tensor;
        zipped[bit / 8] ^= (unsigned char)(1 << bit % 8);
        dnn_status status = read_bytes(&tensor, zipped, m);
        zipped[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (status == DNN_OK) {
            assert_memory_equal(dnn_tensor_data(tensor), plain + 16, n - 16);
        } else {
            assert_true(status == DNN_ERROR_FORMAT || status == DNN_ERROR_UNSUPPORTED);
        }
        dnn_tensor_release(tensor);
    }
    for (size_t bit = 0; bit < 8 * 16; bit++) {
        dnn_tensor *tensor;
        plain[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (read_bytes(&tensor, plain, n) == DNN_OK) assert_int_equal(bit, 16); /* the type: a signed byte */
        dnn_tensor_release(tensor);
        plain[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(plain);
}

/* ---- gzip ---- */

static void test_members(void **state) {
    (void)state;
    size_t n;
    unsigned char *plain = sample(&n), zipped[1024];
    dnn_tensor *tensor;
    size_t m = compressed(zipped, sizeof zipped, plain, 50);
    m += compressed(zipped + m, sizeof zipped - m, plain + 50, n - 50);
    assert_int_equal(read_bytes(&tensor, zipped, m), DNN_OK);
    assert_memory_equal(dnn_tensor_data(tensor), plain + 16, n - 16);
    dnn_tensor_release(tensor);
    zipped[m] = 0;
    refuse(zipped, m + 1, DNN_ERROR_FORMAT, "cut short");
    zipped[m] = 'x';
    zipped[m + 1] = 'y';
    refuse(zipped, m + 2, DNN_ERROR_FORMAT, "damaged");
    free(plain);
}

/* 64 MiB of zeros in 64 KiB: a header that announces less, more, and as much. */
static void test_bombs(void **state) {
    (void)state;
    const size_t zeros = 64 << 20;
    unsigned char *plain = calloc(1, zeros + 8), *zipped = malloc(1 << 20);
    dnn_tensor *tensor;
    const unsigned char less[] = {0, 0, 8, 1, 0, 0, 0, 4}, more[] = {0, 0, 8, 1, 8, 0, 0, 0};
    const unsigned char same[] = {0, 0, 8, 1, 4, 0, 0, 0};
    memcpy(plain, less, 8);
    size_t n = compressed(zipped, 1 << 20, plain, zeros + 8);
    int64_t calls = memory.calls;
    refuse(zipped, n, DNN_ERROR_FORMAT, "announces 4 bytes of elements, there are at least ");
    memcpy(plain, more, 8);
    n = compressed(zipped, 1 << 20, plain, zeros + 8);
    refuse(zipped, n, DNN_ERROR_FORMAT, "announces 134217728 bytes of elements, there are 67108864");
    assert_true(memory.calls - calls < 32);
    memcpy(plain, same, 8);
    n = compressed(zipped, 1 << 20, plain, zeros + 8);
    put_file(path, zipped, n);
    dnn_read_desc limit = {DNN_SIZED(dnn_read_desc), .max_bytes = (64 << 20) - 1};
    assert_int_equal(dnn_idx_read(&tensor, ctx, path, &limit), DNN_ERROR_UNSUPPORTED);
    limit.max_bytes++;
    assert_int_equal(dnn_idx_read(&tensor, ctx, path, &limit), DNN_OK);
    assert_int_equal(dnn_tensor_count(tensor), 64 << 20);
    dnn_tensor_release(tensor);
    free(plain);
    free(zipped);
}

/* ---- the data set ---- */

static void put_pair(int64_t n, int64_t m) {
    unsigned char images[16 + 60] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)n, 0, 0, 0, 2, 0, 0, 0, 3};
    unsigned char labels[8 + 10] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)m};
    for (size_t i = 0; i < 60; i++) images[16 + i] = (unsigned char)(i * 4);
    for (size_t i = 0; i < 10; i++) labels[8 + i] = (unsigned char)(9 - i);
    put_file(path, images, (size_t)(16 + 6 * n));
    put_file(labels_path, labels, (size_t)(8 + m));
}

static void test_dataset(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_tensor *x, *t;
    double value;
    put_pair(10, 10);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, labels_path, NULL), DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), 10);
    assert_int_equal(dnn_dataset_get_range(&x, &t, dataset, 9, 1), DNN_OK);
    assert_int_equal(dnn_tensor_dtype(x), DNN_F32);
    assert_int_equal(dnn_tensor_dtype(t), DNN_I64);
    assert_int_equal(dnn_tensor_rank(x), 4);
    assert_int_equal(dnn_tensor_dim(x, 2), 3);
    assert_int_equal(dnn_tensor_dim(x, 3), 1);
    assert_int_equal(dnn_tensor_rank(t), 1);
    assert_int_equal(dnn_tensor_get(x, 4, (const int64_t[]){0, 1, 2, 0}, &value), DNN_OK);
    assert_true(value == (double)(236.0f / 255.0f));
    assert_int_equal(dnn_tensor_get(t, 1, (const int64_t[]){0}, &value), DNN_OK);
    assert_true(value == 0);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(dataset);
}

static void test_bad_datasets(void **state) {
    (void)state;
    dnn_dataset *dataset = (dnn_dataset *)1;
    put_pair(10, 9);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, labels_path, NULL), DNN_ERROR_SHAPE);
    assert_non_null(strstr(dnn_last_error(), "10 images, but 9 labels"));
    assert_null(dataset);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, path, NULL), DNN_ERROR_SHAPE);
    put_file(labels_path, BYTES(0, 0, 0x0e, 1, 0, 0, 0, 0));
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, labels_path, NULL), DNN_ERROR_DTYPE);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, labels_path, path, NULL), DNN_ERROR_DTYPE);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, "/nowhere/labels", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, folder, path, NULL), DNN_ERROR_IO);
}

/* ---- out of memory, wrong calls ---- */

static dnn_status read_both(void) {
    dnn_dataset *dataset;
    dnn_status status = dnn_idx_dataset(&dataset, ctx, path, labels_path, NULL);
    if (status != DNN_OK) assert_null(dataset);
    dnn_dataset_release(dataset);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    unsigned char plain[16 + 60] = {0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 3}, zipped[512];
    put_pair(10, 10);
    put_file(path, zipped, compressed(zipped, sizeof zipped, plain, sizeof plain));
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = read_both();
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            assert_int_equal(dnn_last_status() == DNN_ERROR_MEMORY, failed || k > 1);
            assert_int_equal(read_both(), DNN_OK);
        }
    }
}

static void test_misuse(void **state) {
    (void)state;
    dnn_tensor *tensor;
    dnn_dataset *dataset;
    dnn_read_desc unsized = {.max_bytes = 1}, negative = {DNN_SIZED(dnn_read_desc), .max_bytes = -1};
    assert_int_equal(dnn_idx_read(NULL, ctx, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_read(&tensor, NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_read(&tensor, (dnn_context *)(void *)&memory, path, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_idx_read(&tensor, ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_read(&tensor, ctx, path, &unsized), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_read(&tensor, ctx, path, &negative), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_read(&tensor, ctx, "", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_idx_read(&tensor, ctx, "/dev/zero", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_idx_dataset(NULL, ctx, path, labels_path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_dataset(&dataset, NULL, path, labels_path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, NULL, labels_path, NULL), DNN_ERROR_ARGUMENT);
    put_pair(1, 1);
    assert_int_equal(dnn_idx_dataset(&dataset, ctx, path, NULL, NULL), DNN_ERROR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),   cmocka_unit_test(test_shapes),        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_truncations), cmocka_unit_test(test_bit_flips), cmocka_unit_test(test_members),
        cmocka_unit_test(test_bombs),   cmocka_unit_test(test_dataset),       cmocka_unit_test(test_bad_datasets),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
