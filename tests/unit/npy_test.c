/* npy and npz: what NumPy writes is read, what is written is read back, everything else is refused with a reason. */
#include "support/files.h"

#include <dnn/io.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *path;

/* A version 1 file with that header, as it stands, and those elements. */
static size_t make_npy(unsigned char *to, const char *header, const void *elements, size_t bytes) {
    size_t n = strlen(header);
    memcpy(to, "\x93NUMPY\x01\x00", 8);
    to[8] = (unsigned char)(n & 0xff);
    to[9] = (unsigned char)(n >> 8);
    memcpy(to + 10, header, n);
    if (bytes) memcpy(to + 10 + n, elements, bytes);
    return 10 + n + bytes;
}

static dnn_status read_npy(dnn_tensor **out, const char *header, const void *elements, size_t bytes) {
    unsigned char file[2048];
    path = file_put("a.npy", file, make_npy(file, header, elements, bytes));
    return dnn_npy_read(out, files_ctx, path);
}

static void refuse(const char *header, size_t bytes, dnn_status status, const char *part) {
    dnn_tensor *tensor;
    unsigned char zeros[64] = {0};
    dnn_status got = read_npy(&tensor, header, zeros, bytes);
    expect_refusal(got, status, path, part);
    assert_null(tensor);
}

/* ---- what is read ---- */

static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *descr;
        unsigned char bytes[16];
        size_t n;
        dnn_dtype dtype;
        double values[2];
    } cases[] = {
        {"<f4", {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, 8, DNN_F32, {1, -2}},
        {">f4", {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 8, DNN_F32, {1, -2}},
        {"<f8", {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}, 16, DNN_F64, {1, -2}},
        {">f8", {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, 16, DNN_F64, {1, -2}},
        {"<f2", {0, 0x3c, 0, 0xc0}, 4, DNN_F16, {1, -2}},
        {">f2", {0x3c, 0, 0xc0, 0}, 4, DNN_F16, {1, -2}},
        {"|b1", {0, 1}, 2, DNN_BOOL, {0, 1}},
        {"|u1", {0, 255}, 2, DNN_U8, {0, 255}},
        {"|i1", {0x80, 0x7f}, 2, DNN_I32, {-128, 127}},
        {"<i1", {0x80, 0x7f}, 2, DNN_I32, {-128, 127}},
        {"<i2", {0, 0x80, 0xff, 0x7f}, 4, DNN_I32, {-32768, 32767}},
        {">u2", {0x80, 0, 0xff, 0xff}, 4, DNN_I32, {32768, 65535}},
        {"<i4", {0, 0, 0, 0x80, 2, 1, 0, 0}, 8, DNN_I32, {-2147483648.0, 258}},
        {">i4", {0x80, 0, 0, 0, 0, 0, 1, 2}, 8, DNN_I32, {-2147483648.0, 258}},
        {"<u4", {0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff}, 8, DNN_I64, {2147483648.0, 4294967295.0}},
        {"<i8", {0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 16, DNN_I64, {4294967296.0, -1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnn_tensor *tensor;
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }\n", cases[i].descr);
        dnn_status status = read_npy(&tensor, header, cases[i].bytes, cases[i].n);
        if (status != DNN_OK) print_message("%s: %s\n", cases[i].descr, dnn_last_error());
        assert_int_equal(status, DNN_OK);
        assert_int_equal(dnn_tensor_dtype(tensor), cases[i].dtype);
        for (int64_t k = 0; k < 2; k++) {
            double value;
            assert_int_equal(dnn_tensor_get(tensor, 1, &k, &value), DNN_OK);
            assert_true(value == cases[i].values[k]);
        }
        dnn_tensor_release(tensor);
    }
}

static void test_shapes(void **state) {
    (void)state;
    dnn_tensor *tensor;
    double value;
    assert_int_equal(read_npy(&tensor, "{'descr':'|u1','fortran_order':False,'shape':()}", "\x07", 1), DNN_OK);
    assert_int_equal(dnn_tensor_rank(tensor), 0);
    dnn_tensor_release(tensor);
    assert_int_equal(read_npy(&tensor, "{\"shape\": (3, 0), 'fortran_order': True, 'descr': '<f4'}", "", 0), DNN_OK);
    assert_int_equal(dnn_tensor_count(tensor), 0);
    dnn_tensor_release(tensor);
    assert_int_equal(read_npy(&tensor, "{'descr':'|u1','fortran_order':False,'shape':(1L,1,1,1,1,1,1,2)}", "\1\2", 2),
                     DNN_OK);
    assert_int_equal(dnn_tensor_rank(tensor), 8);
    dnn_tensor_release(tensor);
    /* (2, 3) column by column: 0 3 1 4 2 5 is 0 1 2 / 3 4 5 */
    assert_int_equal(read_npy(&tensor, "{'descr':'|i1','fortran_order':True,'shape':(2,3)}", "\0\3\1\4\2\5", 6), DNN_OK);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(dnn_tensor_get(tensor, 2, (const int64_t[]){i / 3, i % 3}, &value), DNN_OK);
        assert_true(value == (double)i);
    }
    dnn_tensor_release(tensor);
}

/* Larger than what is read at a time, of three axes. */
static void test_fortran(void **state) {
    (void)state;
    enum { A = 19, B = 23, C = 29 };
    unsigned char *file = malloc(A * B * C * 2 + 256);
    uint16_t *elements = malloc(A * B * C * sizeof *elements);
    dnn_tensor *tensor;
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++) elements[a + A * (b + B * c)] = (uint16_t)(a * 10000 % 4096 + b * 100 + c);
    size_t n = make_npy(file, "{'descr': '<u2', 'fortran_order': True, 'shape': (19, 23, 29), }", elements,
                        A * B * C * 2);
    path = file_put("f.npy", file, n);
    assert_int_equal(dnn_npy_read(&tensor, files_ctx, path), DNN_OK);
    const int32_t *data = dnn_tensor_const_data(tensor);
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++)
                assert_int_equal(data[(a * B + b) * C + c], (uint16_t)(a * 10000 % 4096 + b * 100 + c));
    dnn_tensor_release(tensor);
    free(elements);
    free(file);
}

/* ---- what is refused ---- */

static void test_bad_headers(void **state) {
    (void)state;
    refuse("", 0, DNN_ERROR_FORMAT, "no dictionary");
    refuse("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, DNN_ERROR_UNSUPPORTED, "Python objects");
    refuse("{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", 12, DNN_ERROR_UNSUPPORTED, "'<U3'");
    refuse("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, DNN_ERROR_UNSUPPORTED, "'<c8'");
    refuse("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", 8, DNN_ERROR_UNSUPPORTED, "'<u8'");
    refuse("{'descr': '', 'fortran_order': False, 'shape': (1,)}", 8, DNN_ERROR_UNSUPPORTED, "''");
    refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, DNN_ERROR_UNSUPPORTED, "records");
    refuse("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, DNN_ERROR_FORMAT, "fortran_order");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, DNN_ERROR_FORMAT, "size");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", 4, DNN_ERROR_FORMAT, "size");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, DNN_ERROR_FORMAT, "tuple");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': 1}", 4, DNN_ERROR_FORMAT, "tuple");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", 8, DNN_ERROR_FORMAT, "comma");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': ((1,),)}", 4, DNN_ERROR_FORMAT, "size");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1e3,)}", 4, DNN_ERROR_FORMAT, "comma");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000000000000000000,)}", 4,
           DNN_ERROR_FORMAT, "addressed");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4, DNN_ERROR_FORMAT,
           "addressed");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967297, 4294967297)}", 1, DNN_ERROR_FORMAT,
           "addressed");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 0)}", 0, DNN_ERROR_FORMAT,
           "addressed");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 1, DNN_ERROR_UNSUPPORTED, "axes");
    refuse("{'descr': '<f4', 'fortran_order': False}", 4, DNN_ERROR_FORMAT, "missing");
    refuse("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, DNN_ERROR_FORMAT, "repeated");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4, DNN_ERROR_FORMAT, "none of");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, DNN_ERROR_FORMAT, "follows");
    refuse("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, DNN_ERROR_FORMAT, "comma");
    refuse("{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}", 4, DNN_ERROR_FORMAT, "colon");
    refuse("{'descr", 4, DNN_ERROR_FORMAT, "does not end");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,", 0, DNN_ERROR_FORMAT, "size");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 3, DNN_ERROR_FORMAT, "announces 4 bytes");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 5, DNN_ERROR_FORMAT, "announces 4 bytes");
    refuse("{'descr': '|i1', 'fortran_order': False, 'shape': (1152921504606846975,)}", 5, DNN_ERROR_FORMAT, "");
    dnn_tensor *tensor;
    expect_refusal(read_npy(&tensor, "{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", "\1\2", 2),
                   DNN_ERROR_FORMAT, path, "element 1 is a bool of value 2");
}

static void test_preambles(void **state) {
    (void)state;
    dnn_tensor *tensor;
    unsigned char file[512], *f = file;
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
    size_t n = make_npy(file, header, "\0\0\x80\x3f\0\0\0\xc0", 8);
    for (size_t cut = 0; cut < n; cut++) {
        path = file_put("cut.npy", file, cut);
        expect_refusal(dnn_npy_read(&tensor, files_ctx, path), DNN_ERROR_FORMAT, path, "");
    }
    static const struct {
        unsigned char version, low, high;
        dnn_status status;
    } cases[] = {{0, 55, 0, DNN_ERROR_UNSUPPORTED}, {4, 55, 0, DNN_ERROR_UNSUPPORTED}, {1, 0, 0, DNN_ERROR_FORMAT},
                 {1, 0xff, 0xff, DNN_ERROR_FORMAT}, {2, 55, 0, DNN_ERROR_FORMAT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f[6] = cases[i].version;
        f[8] = cases[i].low;
        f[9] = cases[i].high;
        path = file_put("bad.npy", file, n);
        expect_refusal(dnn_npy_read(&tensor, files_ctx, path), cases[i].status, path, "");
    }
    memmove(file + 12, file + 10, n - 10);
    memcpy(file + 6, "\x03\x00\x37\x00\x00\x00", 6);
    path = file_put("three.npy", file, n + 2);
    assert_int_equal(dnn_npy_read(&tensor, files_ctx, path), DNN_OK);
    dnn_tensor_release(tensor);
    memcpy(file + 8, "\xff\xff\xff\xff", 4);
    path = file_put("three.npy", file, n + 2);
    expect_refusal(dnn_npy_read(&tensor, files_ctx, path), DNN_ERROR_FORMAT, path, "4294967295");
}

/* ---- writing ---- */

static void test_round_trip(void **state) {
    (void)state;
    static const dnn_dtype dtypes[] = {DNN_F16, DNN_F32, DNN_F64, DNN_U8, DNN_BOOL, DNN_I32, DNN_I64};
    static const int64_t dims[] = {3, 2, 1, 4};
    dnn_tensor *tensor, *back;
    size_t n;
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        for (int32_t rank = 0; rank <= 4; rank++) {
            assert_int_equal(dnn_tensor_create(&tensor, files_ctx, dtypes[i], rank, dims), DNN_OK);
            unsigned char *bytes = dnn_tensor_data(tensor);
            for (int64_t b = 0; b < dnn_tensor_bytes(tensor); b++) bytes[b] = (unsigned char)(b & 1);
            path = file_path("w.npy");
            assert_int_equal(dnn_npy_write(files_ctx, path, tensor), DNN_OK);
            assert_int_equal(dnn_npy_read(&back, files_ctx, path), DNN_OK);
            assert_int_equal(dnn_tensor_dtype(back), dtypes[i]);
            assert_int_equal(dnn_tensor_rank(back), rank);
            for (int32_t k = 0; k < rank; k++) assert_int_equal(dnn_tensor_dim(back, k), dims[k]);
            assert_memory_equal(dnn_tensor_data(back), bytes, (size_t)dnn_tensor_bytes(tensor));
            dnn_tensor_release(tensor);
            dnn_tensor_release(back);
            unsigned char *file = file_get(path, &n);
            assert_int_equal((10 + file[8] + 256 * file[9]) % 64, 0);
            free(file);
        }
    }
    assert_int_equal(dnn_tensor_create(&tensor, files_ctx, DNN_BF16, 1, dims), DNN_OK);
    expect_refusal(dnn_npy_write(files_ctx, path, tensor), DNN_ERROR_UNSUPPORTED, path, "bfloat16");
    dnn_tensor_release(tensor);
}

/* ---- datasets ---- */

static const char *put_npy(const char *name, const char *header, const void *elements, size_t bytes) {
    unsigned char file[2048];
    return file_put(name, file, make_npy(file, header, elements, bytes));
}

static void test_dataset(void **state) {
    (void)state;
    const char *orders[] = {"False", "True"};
    for (int fortran = 0; fortran < 2; fortran++) {
        char header[128];
        dnn_dataset *dataset;
        double values[2];
        dnn_item_info item = {DNN_SIZED(dnn_item_info)};
        snprintf(header, sizeof header, "{'descr': '>i2', 'fortran_order': %s, 'shape': (3, 2)}", orders[fortran]);
        const char *x = put_npy("x.npy", header, fortran ? "\0\1\0\3\0\5\0\2\0\4\0\6" : "\0\1\0\2\0\3\0\4\0\5\0\6", 12);
        const char *t = put_npy("t.npy", "{'descr': '|u1', 'fortran_order': True, 'shape': (3,)}", "\7\x8\x9", 3);
        assert_int_equal(dnn_npy_dataset(&dataset, files_ctx, x, t), DNN_OK);
        assert_int_equal(dnn_dataset_count(dataset), 3);
        assert_int_equal(dnn_dataset_item(dataset, &item), DNN_OK);
        assert_int_equal(item.input.dtype, DNN_I32);
        assert_int_equal(item.target.dtype, DNN_I64);
        assert_int_equal(item.target.rank, 0);
        sample_input(dataset, 2, values, 2);
        assert_true(values[0] == 5 && values[1] == 6);
        sample_target(dataset, 1, values, 1);
        assert_true(values[0] == 8);
        if (!fortran) { /* it lies in the file: what is cut off is missed */
            dnn_tensor *got;
            put_npy("x.npy", header, "", 0);
            expect_refusal(dnn_dataset_get_range(&got, NULL, dataset, 2, 1), DNN_ERROR_CALLBACK, "sample 2: ",
                           "x.npy: became shorter");
        }
        dnn_dataset_release(dataset);
    }
}

static void test_bad_datasets(void **state) {
    (void)state;
    dnn_dataset *dataset;
    const char *x = put_npy("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,1)}", "\1\2", 2);
    const char *t = put_npy("t.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "\1\2\3", 3);
    const char *s = put_npy("s.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "\1", 1);
    expect_refusal(dnn_npy_dataset(&dataset, files_ctx, x, t), DNN_ERROR_SHAPE, x, "2 inputs, but 3 targets");
    expect_refusal(dnn_npy_dataset(&dataset, files_ctx, s, t), DNN_ERROR_SHAPE, s, "scalar");
    expect_refusal(dnn_npy_dataset(&dataset, files_ctx, t, s), DNN_ERROR_SHAPE, s, "scalar");
    expect_refusal(dnn_npy_dataset(&dataset, files_ctx, x, "/no/such"), DNN_ERROR_IO, "/no/such", "");
    assert_int_equal(dnn_npy_dataset(&dataset, files_ctx, x, NULL), DNN_OK);
    dnn_dataset_release(dataset);
    assert_int_equal(dnn_npy_dataset(NULL, files_ctx, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_npy_dataset(&dataset, NULL, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_npy_dataset(&dataset, files_ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
}

/* ---- npz ---- */

typedef struct {
    unsigned char bytes[4096];
    size_t n;
    unsigned char directory[1024];
    size_t m;
    int members;
} zip;

static void put(unsigned char *to, size_t *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[(*at)++] = (unsigned char)(value >> 8 * i);
}

static void put_text(unsigned char *to, size_t *at, const char *text, size_t n) {
    memcpy(to + *at, text, n);
    *at += n;
}

static void add_member(zip *z, const char *name, const void *data, size_t n, bool deflated) {
    unsigned char packed[2048];
    z_stream s = {.next_in = (unsigned char *)(uintptr_t)data, .avail_in = (uInt)n, .next_out = packed,
                  .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    size_t length = deflated ? s.total_out : n, local = z->n;
    deflateEnd(&s);
    for (int copy = 0; copy < 2; copy++) {
        unsigned char *to = copy ? z->directory : z->bytes;
        size_t *at = copy ? &z->m : &z->n;
        put_text(to, at, copy ? "PK\1\2\24\0" : "PK\3\4", copy ? 6 : 4);
        put(to, at, 20, 2);
        put(to, at, 0, 2);
        put(to, at, deflated ? 8 : 0, 2);
        put(to, at, 0, 4);
        put(to, at, crc32(crc32(0, NULL, 0), data, (uInt)n), 4);
        put(to, at, length, 4);
        put(to, at, n, 4);
        put(to, at, strlen(name), 2);
        put(to, at, 0, copy ? 8 : 2);
        if (copy) put(to, at, local << 32, 8);
        put_text(to, at, name, strlen(name));
    }
    put_text(z->bytes, &z->n, deflated ? (const char *)packed : data, length);
    z->members++;
}

static void finish(zip *z) {
    size_t from = z->n;
    put_text(z->bytes, &z->n, (const char *)z->directory, z->m);
    put_text(z->bytes, &z->n, "PK\5\6\0\0\0\0", 8);
    put(z->bytes, &z->n, (uint64_t)z->members, 2);
    put(z->bytes, &z->n, (uint64_t)z->members, 2);
    put(z->bytes, &z->n, z->m, 4);
    put(z->bytes, &z->n, from, 4);
    put(z->bytes, &z->n, 0, 2);
}

static zip two_arrays(void) {
    zip z = {.n = 0};
    unsigned char npy[512];
    size_t n = make_npy(npy, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}", "\1\2\3\4\5\6", 6);
    add_member(&z, "x.npy", npy, n, true);
    n = make_npy(npy, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", "\5\0\0\0\6\0\0\0", 8);
    add_member(&z, "label.npy", npy, n, false);
    finish(&z);
    return z;
}

static dnn_status open_npz(dnn_npz **npz, const zip *z, size_t n) {
    path = file_put("a.npz", z->bytes, n);
    return dnn_npz_open(npz, files_ctx, path, NULL);
}

static void test_npz(void **state) {
    (void)state;
    zip z = two_arrays();
    dnn_npz *npz;
    dnn_tensor *tensor;
    dnn_dataset *dataset;
    double values[3];
    assert_int_equal(open_npz(&npz, &z, z.n), DNN_OK);
    assert_int_equal(dnn_npz_count(npz), 2);
    assert_string_equal(dnn_npz_name(npz, 0), "label");
    assert_string_equal(dnn_npz_name(npz, 1), "x");
    assert_null(dnn_npz_name(npz, 2));
    assert_int_equal(dnn_last_status(), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_npz_tensor(&tensor, npz, "x"), DNN_OK);
    assert_memory_equal(dnn_tensor_data(tensor), "\1\2\3\4\5\6", 6);
    dnn_tensor_release(tensor);
    expect_refusal(dnn_npz_tensor(&tensor, npz, "y"), DNN_ERROR_NOT_FOUND, path, "'y'");
    assert_int_equal(dnn_npz_dataset(&dataset, npz, "x", "label"), DNN_OK);
    assert_int_equal(dnn_npz_release(npz), DNN_OK);
    sample_input(dataset, 1, values, 3);
    assert_true(values[0] == 4 && values[2] == 6);
    sample_target(dataset, 1, values, 1);
    assert_true(values[0] == 6);
    dnn_dataset_release(dataset);
}

/* Every truncation is refused, every flipped bit is found or changes nothing. */
static void test_damaged_npz(void **state) {
    (void)state;
    zip good = two_arrays(), z;
    dnn_npz *npz;
    for (size_t n = 0; n < good.n; n++) {
        expect_refusal(open_npz(&npz, &good, n), DNN_ERROR_FORMAT, path, "");
        assert_null(npz);
    }
    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        dnn_tensor *x, *label;
        z = good;
        z.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (open_npz(&npz, &z, z.n) != DNN_OK) continue;
        if (dnn_npz_tensor(&x, npz, "x") == DNN_OK) assert_memory_equal(dnn_tensor_data(x), "\1\2\3\4\5\6", 6);
        if (dnn_npz_tensor(&label, npz, "label") == DNN_OK)
            assert_memory_equal(dnn_tensor_data(label), "\5\0\0\0\6\0\0\0", 8);
        dnn_tensor_release(x);
        dnn_tensor_release(label);
        dnn_npz_release(npz);
    }
}

static void test_bad_npz(void **state) {
    (void)state;
    static const char *const bad[] = {"", "/x.npy", "../x.npy", "a/../../x.npy", "a\nb.npy"};
    dnn_npz *npz;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        zip z = {.n = 0};
        add_member(&z, bad[i], "", 0, false);
        finish(&z);
        expect_refusal(open_npz(&npz, &z, z.n), DNN_ERROR_FORMAT, path, "name");
    }
    zip twice = {.n = 0};
    add_member(&twice, "a.npy", "x", 1, false);
    add_member(&twice, "a.npy", "y", 1, false);
    finish(&twice);
    expect_refusal(open_npz(&npz, &twice, twice.n), DNN_ERROR_FORMAT, path, "'a' is there twice");
    zip same = {.n = 0}; /* two entries, one member: how quines and bombs are made */
    add_member(&same, "a.npy", "x", 1, false);
    memcpy(same.directory + same.m, same.directory, same.m);
    same.directory[same.m + 46] = 'b';
    same.m *= 2;
    same.members = 2;
    finish(&same);
    expect_refusal(open_npz(&npz, &same, same.n), DNN_ERROR_FORMAT, path, "overlap");
    zip z = two_arrays();
    dnn_tensor *tensor;
    dnn_read_desc desc = {DNN_SIZED(dnn_read_desc), .max_bytes = 10};
    path = file_put("a.npz", z.bytes, z.n);
    assert_int_equal(dnn_npz_open(&npz, files_ctx, path, &desc), DNN_OK);
    expect_refusal(dnn_npz_tensor(&tensor, npz, "x"), DNN_ERROR_UNSUPPORTED, path, "max_bytes allows 10");
    assert_int_equal(dnn_npz_tensor(NULL, npz, "x"), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_npz_tensor(&tensor, npz, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_npz_release(npz), DNN_OK);
    assert_int_equal(dnn_npz_release(npz), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_npz_count(npz), -1);
    assert_int_equal(dnn_npz_count(NULL), -1);
    assert_int_equal(dnn_npz_release(NULL), DNN_OK);
    assert_int_equal(dnn_tensor_create(&tensor, files_ctx, DNN_U8, 1, (const int64_t[]){100}), DNN_OK);
    assert_int_equal(dnn_npz_release((dnn_npz *)tensor), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_npz_release((dnn_npz *)files_ctx), DNN_ERROR_HANDLE);
    dnn_tensor_release(tensor);
}

/* ---- out of memory ---- */

static dnn_status use_all(void) {
    dnn_npz *npz = NULL;
    dnn_dataset *dataset = NULL, *mapped = NULL;
    dnn_tensor *x = NULL, *f = NULL;
    dnn_status status = dnn_npz_open(&npz, files_ctx, file_path("a.npz"), NULL);
    if (status == DNN_OK) status = dnn_npz_dataset(&dataset, npz, "x", "label");
    if (status == DNN_OK) status = dnn_npy_dataset(&mapped, files_ctx, file_path("x.npy"), file_path("x.npy"));
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, mapped, 0, 1);
    if (status == DNN_OK) status = dnn_npy_read(&f, files_ctx, file_path("f.npy"));
    if (status == DNN_OK) status = dnn_npy_write(files_ctx, file_path("w.npy"), f);
    dnn_tensor_release(f);
    dnn_tensor_release(x);
    dnn_dataset_release(mapped);
    dnn_dataset_release(dataset);
    dnn_npz_release(npz);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    zip z = two_arrays();
    file_put("a.npz", z.bytes, z.n);
    put_npy("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,1)}", "\1\2", 2);
    put_npy("f.npy", "{'descr': '|u1', 'fortran_order': True, 'shape': (2,1)}", "\1\2", 2);
    expect_out_of_memory_to_be_told(use_all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),      cmocka_unit_test(test_shapes),     cmocka_unit_test(test_fortran),
        cmocka_unit_test(test_bad_headers), cmocka_unit_test(test_preambles), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_dataset),    cmocka_unit_test(test_bad_datasets), cmocka_unit_test(test_npz),
        cmocka_unit_test(test_damaged_npz), cmocka_unit_test(test_bad_npz),   cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
