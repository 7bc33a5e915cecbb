/* safetensors: what a file may be, every way in which it may be wrong, and what reading it may cost. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/weights.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    return dnn_context_create(&ctx, NULL) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK ? 0 : -1;
}

/* A file in memory: its last byte is the last of its allocation. */
typedef struct {
    unsigned char *bytes;
    int64_t n;
} image;

static image make_image(const char *header, int64_t data_bytes) {
    size_t length = strlen(header);
    image i = {malloc(8 + length + (size_t)data_bytes), 8 + (int64_t)length + data_bytes};
    for (int k = 0; k < 8; k++) i.bytes[k] = (unsigned char)((uint64_t)length >> (8 * k));
    memcpy(i.bytes + 8, header, length);
    for (int64_t k = 0; k < data_bytes; k++) i.bytes[8 + length + (size_t)k] = (unsigned char)(k % 2);
    return i;
}

static dnn_status parse(dnn_archive **archive, const char *header, int64_t data_bytes) {
    image i = make_image(header, data_bytes);
    dnn_status status = dnn_safetensors_parse(archive, ctx, i.bytes, i.n);
    free(i.bytes);
    return status;
}

/* ---- what is refused, and what is not ---- */

#define ONE(fields) "{\"a\":{" fields "}}"
#define F32_2 "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
#define U8(name, shape, offsets) "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    int64_t data_bytes;
    dnn_status status;
    const char *message; /* a part of it */
} headers[] = {
    /* well formed */
    {"{}", 0, DNN_OK, ""},
    {"{ }   ", 0, DNN_OK, ""},
    {ONE(F32_2), 8, DNN_OK, ""},
    {"{ \"a\" : {\n" F32_2 "\t}\r}  ", 8, DNN_OK, ""},
    {ONE("\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"F32\""), 8, DNN_OK, ""},
    {ONE("\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]"), 8, DNN_OK, ""},
    {ONE("\"dtype\":\"F32\",\"shape\":[3,0,5],\"data_offsets\":[0,0]"), 0, DNN_OK, ""},
    {ONE("\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[0,4]"), 4, DNN_OK, ""},
    {"{" U8("b", "[3]", "[5,8]") "," U8("a", "[5]", "[0,5]") "," U8("c", "[0]", "[5,5]") "}", 8, DNN_OK, ""},
    {"{\"__metadata__\":{}," U8("", "[1]", "[0,1]") "}", 1, DNN_OK, ""},
    {"{\"__metadata__\":{\"k\":\"\",\"\":\"v\",\"\\u00e9\":\"\\n\"}}", 0, DNN_OK, ""},
    {"{\"\\u005f_metadata__\":{\"k\":\"v\"}}", 0, DNN_OK, ""},

    /* the text */
    {"", 0, DNN_ERROR_FORMAT, "does not begin with '{'"},
    {" {}", 0, DNN_ERROR_FORMAT, "does not begin with '{'"},
    {"[]", 0, DNN_ERROR_FORMAT, "does not begin with '{'"},
    {"{", 0, DNN_ERROR_FORMAT, "string is missing"},
    {"{}}", 0, DNN_ERROR_FORMAT, "something follows"},
    {"{}\n", 0, DNN_ERROR_FORMAT, "something follows"},
    {"{},{}", 0, DNN_ERROR_FORMAT, "something follows"},
    {"{,}", 0, DNN_ERROR_FORMAT, "string is missing"},
    {"{\"a\"}", 0, DNN_ERROR_FORMAT, "':' is missing"},
    {"{\"a\":1}", 0, DNN_ERROR_FORMAT, "'{' is missing"},
    {"{\"a\":null}", 0, DNN_ERROR_FORMAT, "'{' is missing"},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, DNN_ERROR_FORMAT, "'{' is missing"},
    {"{\"a\":{\"shape\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, DNN_ERROR_FORMAT, "whole number"},
    {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{", 0, DNN_ERROR_FORMAT, "a field that is not"},
    {"{\"a\":{" F32_2 "},}", 8, DNN_ERROR_FORMAT, "string is missing"},
    {"{\"a\xff\":{" F32_2 "}}", 8, DNN_ERROR_FORMAT, "not UTF-8"},
    {"{\"\\ud800\":{" F32_2 "}}", 8, DNN_ERROR_FORMAT, "surrogate"},
    {"{\"a\nb\":{" F32_2 "}}", 8, DNN_ERROR_FORMAT, "control character"},
    {"{\"a\\u0000b\":{" F32_2 "}}", 8, DNN_ERROR_UNSUPPORTED, "NUL"},

    /* fields */
    {ONE(""), 0, DNN_ERROR_FORMAT, "tensor \"a\": dtype is missing"},
    {ONE("\"shape\":[2],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "dtype is missing"},
    {ONE("\"dtype\":\"F32\",\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "shape is missing"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2]"), 8, DNN_ERROR_FORMAT, "data_offsets is missing"},
    {ONE(F32_2 ",\"shape\":[2]"), 8, DNN_ERROR_FORMAT, "shape is there twice"},
    {ONE(F32_2 ",\"\\u0064type\":\"F32\""), 8, DNN_ERROR_FORMAT, "dtype is there twice"},
    {ONE(F32_2 ",\"offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "a field that is not"},
    {ONE("\"dtype\":\"f32\",\"shape\":[2],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "no element type"},
    {ONE("\"dtype\":\"\",\"shape\":[2],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "no element type"},
    {ONE("\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "string is missing"},
    {ONE("\"dtype\":\"I16\",\"shape\":[4],\"data_offsets\":[0,8]"), 8, DNN_ERROR_UNSUPPORTED, "I16"},
    {ONE("\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]"), 8, DNN_ERROR_UNSUPPORTED, "F8_E4M3"},

    /* integers */
    {ONE("\"dtype\":\"F32\",\"shape\":[2e0],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[02],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "'[' is missing"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-0,8]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.0]"), 8, DNN_ERROR_FORMAT, "whole number"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]"), 8, DNN_ERROR_FORMAT, "',' is missing"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]"), 8, DNN_ERROR_FORMAT, "']' is missing"},
    {ONE("\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,18446744073709551624]"), 8, DNN_ERROR_FORMAT, "63 bits"},
    {ONE("\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "63 bits"},

    /* sizes */
    {ONE("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "takes 12 bytes"},
    {ONE("\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "takes 0 bytes"},
    {ONE("\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]"), 0,
     DNN_ERROR_FORMAT, "addressed"},
    {ONE("\"dtype\":\"F32\",\"shape\":[9223372036854775807,0],\"data_offsets\":[0,0]"), 0,
     DNN_ERROR_FORMAT, "addressed"},
    {ONE("\"dtype\":\"U8\",\"shape\":[4294967296,4294967297],\"data_offsets\":[0,8]"), 8,
     DNN_ERROR_FORMAT, "addressed"},
    {ONE("\"dtype\":\"F32\",\"shape\":[4611686018427387906],\"data_offsets\":[0,8]"), 8, DNN_ERROR_FORMAT, "addressed"},
    {ONE("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,8],\"data_offsets\":[0,8]"), 8, DNN_ERROR_UNSUPPORTED, "8 axes"},
    {ONE("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,8],\"data_offsets\":[0,8]"), 8, DNN_OK, ""},

    /* places */
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"), 8, DNN_ERROR_FORMAT, "end before they begin"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775807,0]"), 8,
     DNN_ERROR_FORMAT, "end before"},
    {ONE(F32_2), 7, DNN_ERROR_FORMAT, "data ends at 8"},
    {ONE(F32_2), 0, DNN_ERROR_FORMAT, "data ends at 8"},
    {ONE(F32_2), 9, DNN_ERROR_FORMAT, "1 bytes follow the last tensor"},
    {"{}", 1, DNN_ERROR_FORMAT, "1 bytes follow the last tensor"},
    {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]"), 12, DNN_ERROR_FORMAT, "begins at 4"},
    {"{" U8("a", "[4]", "[0,4]") "," U8("b", "[4]", "[5,9]") "}", 9,
     DNN_ERROR_FORMAT, "tensor \"b\": data begins at 5"},
    {"{" U8("a", "[4]", "[0,4]") "," U8("b", "[4]", "[3,7]") "}", 7,
     DNN_ERROR_FORMAT, "tensor \"b\": data begins at 3"},
    {"{" U8("a", "[4]", "[0,4]") "," U8("b", "[4]", "[0,4]") "}", 4, DNN_ERROR_FORMAT, "data begins at 0"},
    {"{" U8("a", "[8]", "[0,8]") "," U8("b", "[0]", "[4,4]") "}", 8, DNN_ERROR_FORMAT, "data begins at 4"},
    {"{" U8("a", "[8]", "[0,8]") "," U8("b", "[0]", "[9,9]") "}", 8, DNN_ERROR_FORMAT, "data begins at 9"},

    /* twins */
    {"{" U8("a", "[1]", "[0,1]") "," U8("a", "[1]", "[1,2]") "}", 2,
     DNN_ERROR_FORMAT, "tensor \"a\": the name is there twice"},
    {"{" U8("a", "[1]", "[0,1]") "," U8("\\u0061", "[1]", "[1,2]") "}", 2, DNN_ERROR_FORMAT, "twice"},
    {"{" U8("a\\n", "[1]", "[0,1]") "," U8("a\\u000A", "[1]", "[1,2]") "}", 2, DNN_ERROR_FORMAT, "\"a?\""},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, DNN_ERROR_FORMAT, "__metadata__ is there twice"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, DNN_ERROR_FORMAT, "a key twice"},
    {"{\"__metadata__\":{\"k\":1}}", 0, DNN_ERROR_FORMAT, "string is missing"},
    {"{\"__metadata__\":{\"k\":{\"k\":{\"k\":{}}}}}", 0, DNN_ERROR_FORMAT, "string is missing"},
    {"{\"__metadata__\":\"x\"}", 0, DNN_ERROR_FORMAT, "'{' is missing"},
};

static void test_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        dnn_archive *archive = (dnn_archive *)1;
        dnn_status status = parse(&archive, headers[i].header, headers[i].data_bytes);
        if (status != headers[i].status || (status && !strstr(dnn_last_error(), headers[i].message)))
            print_message("%s\n  %d: %s\n", headers[i].header, (int)status, dnn_last_error());
        assert_int_equal(status, headers[i].status);
        if (status != DNN_OK) {
            assert_null(archive);
            assert_non_null(strstr(dnn_last_error(), headers[i].message));
        }
        assert_int_equal(dnn_archive_release(archive), DNN_OK);
    }
}

static void test_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {0, 1, 3, 100000000, 100000001, INT64_MAX, UINT64_MAX, UINT64_C(1) << 63};
    dnn_archive *archive;
    image i = make_image("{}", 0);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        for (int b = 0; b < 8; b++) i.bytes[b] = (unsigned char)(lengths[k] >> (8 * b));
        assert_int_equal(dnn_safetensors_parse(&archive, ctx, i.bytes, i.n), DNN_ERROR_FORMAT);
    }
    free(i.bytes);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, "12345678", 0), DNN_ERROR_FORMAT);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, "12345678", 7), DNN_ERROR_FORMAT);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, NULL, 0), DNN_ERROR_FORMAT);
}

static void test_bools(void **state) {
    (void)state;
    dnn_archive *archive;
    image i = make_image(ONE("\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[0,4]"), 4);
    i.bytes[i.n - 1] = 2;
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, i.bytes, i.n), DNN_ERROR_FORMAT);
    assert_non_null(strstr(dnn_last_error(), "element 3 is 2"));
    free(i.bytes);
}

/* ---- every truncation, every bit ---- */

static const char three[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                            "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                            "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]},"
                            "\"m\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[32,35]}}";

static void test_truncations(void **state) {
    (void)state;
    image whole = make_image(three, 35);
    dnn_archive *archive;
    for (int64_t n = 0; n <= whole.n; n++) {
        unsigned char *part = calloc(1, n ? (size_t)n : 1);
        memcpy(part, whole.bytes, (size_t)n);
        assert_int_equal(dnn_safetensors_parse(&archive, ctx, part, n), n < whole.n ? DNN_ERROR_FORMAT : DNN_OK);
        dnn_archive_release(archive);
        free(part);
    }
    free(whole.bytes);
}

/* Every tensor can be reached, and lies in memory that is its own. */
static void touch(dnn_archive *archive) {
    double sum = 0;
    for (int64_t i = 0; i < dnn_archive_count(archive); i++) {
        dnn_tensor *tensor;
        assert_int_equal(dnn_archive_tensor(&tensor, archive, dnn_archive_name(archive, i)), DNN_OK);
        const unsigned char *bytes = dnn_tensor_const_data(tensor);
        for (int64_t k = 0; k < dnn_tensor_bytes(tensor); k++) sum += bytes[k];
        dnn_tensor_release(tensor);
    }
    assert_true(sum >= 0);
}

static void test_bit_flips(void **state) {
    (void)state;
    image i = make_image(three, 35);
    int64_t accepted = 0;
    for (int64_t bit = 0; bit < i.n * 8; bit++) {
        dnn_archive *archive;
        i.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        dnn_status status = dnn_safetensors_parse(&archive, ctx, i.bytes, i.n);
        i.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(status == DNN_OK || status == DNN_ERROR_FORMAT || status == DNN_ERROR_UNSUPPORTED);
        if (status != DNN_OK) continue;
        accepted++;
        touch(archive);
        dnn_archive_release(archive);
    }
    /* A bit of the data, of a name or of the metadata changes what is read, not whether it can be. */
    assert_true(accepted >= 8 * 32 && accepted < 8 * 60);
    free(i.bytes);
}

/* ---- content ---- */

static void test_content(void **state) {
    (void)state;
    image i = make_image(three, 35);
    dnn_archive *archive;
    dnn_tensor *w, *n;
    dnn_metadata pair;
    const int64_t value = 1234567890123;
    memcpy(i.bytes + i.n - 11, &value, sizeof value);
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, i.bytes, i.n), DNN_OK);
    free(i.bytes);
    assert_int_equal(dnn_archive_count(archive), 3);
    assert_string_equal(dnn_archive_name(archive, 0), "w");
    assert_string_equal(dnn_archive_name(archive, 2), "m");
    assert_null(dnn_archive_name(archive, 3));
    assert_null(dnn_archive_name(archive, -1));
    assert_int_equal(dnn_archive_metadata_count(archive), 1);
    assert_int_equal(dnn_archive_metadata_at(archive, 0, &pair), DNN_OK);
    assert_string_equal(pair.key, "format");
    assert_string_equal(pair.value, "pt");
    assert_int_equal(dnn_archive_metadata_at(archive, 1, &pair), DNN_ERROR_NOT_FOUND);
    assert_string_equal(dnn_archive_metadata(archive, "format"), "pt");
    assert_null(dnn_archive_metadata(archive, "other"));
    assert_int_equal(dnn_archive_tensor(&w, archive, "v"), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_archive_tensor(&w, archive, "w"), DNN_OK);
    assert_int_equal(dnn_archive_tensor_at(&n, archive, 1), DNN_OK);
    dnn_archive_release(archive); /* the tensors keep the memory */
    assert_int_equal(dnn_tensor_rank(w), 2);
    assert_int_equal(dnn_tensor_dim(w, 1), 3);
    assert_int_equal(dnn_tensor_dtype(n), DNN_I64);
    assert_int_equal(dnn_tensor_rank(n), 0);
    assert_int_equal(*(const int64_t *)dnn_tensor_const_data(n), value);
    dnn_tensor_release(w);
    dnn_tensor_release(n);
}

/* Tensors that lie at odd places in the file lie at even ones in memory, and have their own bytes. */
static void test_alignment(void **state) {
    (void)state;
    char header[4096] = "{";
    int64_t place = 0;
    for (int k = 0; k < 20; k++) {
        size_t used = strlen(header);
        snprintf(header + used, sizeof header - used,
                 "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%lld,%lld]}", k ? "," : "", k, k * 7 % 20,
                 (long long)place, (long long)place + k * 7 % 20);
        place += k * 7 % 20;
    }
    image i = make_image(strcat(header, "}"), place);
    for (int64_t k = 0; k < place; k++) i.bytes[i.n - place + k] = (unsigned char)k;
    dnn_archive *archive;
    assert_int_equal(dnn_safetensors_parse(&archive, ctx, i.bytes, i.n), DNN_OK);
    free(i.bytes);
    int64_t next = 0;
    for (int64_t k = 0; k < 20; k++) {
        dnn_tensor *tensor;
        assert_int_equal(dnn_archive_tensor_at(&tensor, archive, k), DNN_OK);
        const unsigned char *bytes = dnn_tensor_const_data(tensor);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (int64_t b = 0; b < dnn_tensor_bytes(tensor); b++) assert_int_equal(bytes[b], (next + b) & 255);
        next += dnn_tensor_bytes(tensor);
        dnn_tensor_release(tensor);
    }
    dnn_archive_release(archive);
}

/* ---- cost ---- */

/* A header of `n` items made by `item`, in as little text as the format allows. */
static image crowded(int64_t n, int64_t data_bytes, int (*item)(char *text, int64_t i)) {
    char *header = malloc((size_t)n * 96 + 64);
    int64_t used = sprintf(header, item(NULL, 0) ? "{\"__metadata__\":{" : "{");
    for (int64_t i = 0; i < n; i++) {
        if (i > 0) header[used++] = ',';
        used += item(header + used, i);
    }
    sprintf(header + used, item(NULL, 0) ? "}}" : "}");
    image file = make_image(header, data_bytes);
    free(header);
    return file;
}

static int empty_tensor(char *text, int64_t i) {
    return text ? sprintf(text, "\"%llx\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", (long long)i) : 0;
}

static int ones_tensor(char *text, int64_t i) {
    return text ? sprintf(text, "\"%llx\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[%lld,%lld]}",
                          (long long)i, (long long)i, (long long)i + 1) : 0;
}

static int pair_text(char *text, int64_t i) { return text ? sprintf(text, "\"%llx\":\"\"", (long long)i) : 1; }

/* What is out, and the most that was. */
typedef struct {
    int64_t live, peak;
} account;

static void *take(void *user, size_t bytes, size_t alignment) {
    account *a = user;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, bytes) != 0) return NULL;
    a->live += (int64_t)bytes;
    if (a->live > a->peak) a->peak = a->live;
    return memory;
}

static void give_back(void *user, void *memory, size_t bytes) {
    ((account *)user)->live -= (int64_t)bytes;
    free(memory);
}

/* Reading takes at most four times the file, whatever it holds, and not much time for many names. */
static void test_memory(void **state) {
    (void)state;
    enum { MANY = 200000 };
    image files[] = {crowded(MANY, 0, empty_tensor), crowded(MANY, MANY, ones_tensor), crowded(MANY, 0, pair_text),
                     make_image(ONE("\"dtype\":\"U8\",\"shape\":[3000000],\"data_offsets\":[0,3000000]"), 3000000)};
    for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) {
        account memory = {0, 0};
        dnn_archive *archive;
        dnn_context *counted;
        dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = {take, give_back, &memory}, .threads = 1};
        assert_int_equal(dnn_context_create(&counted, &desc), DNN_OK);
        int64_t before = memory.live;
        assert_int_equal(dnn_safetensors_parse(&archive, counted, files[k].bytes, files[k].n), DNN_OK);
        assert_true(memory.peak - before <= 4 * files[k].n + 4096);
        dnn_archive_release(archive);
        dnn_context_release(counted);
        assert_int_equal(memory.live, 0);
        free(files[k].bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),    cmocka_unit_test(test_lengths), cmocka_unit_test(test_bools),
        cmocka_unit_test(test_truncations), cmocka_unit_test(test_bit_flips), cmocka_unit_test(test_content),
        cmocka_unit_test(test_alignment),  cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
