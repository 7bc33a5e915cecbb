/* PNG: what is written is read back; files of every kind made by hand, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "support/allocator.h"

static char folder[] = "/tmp/dnn-png-XXXXXX", path[64];
static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/a.png", folder);
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    if (dnn_context_release(ctx) != DNN_OK || memory.live != 0) return -1;
    return rmdir(folder);
}

/* ---- files made by hand ---- */

typedef struct {
    unsigned char bytes[8192];
    size_t n;
} image;

static void put32(unsigned char *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void add_chunk(image *png, const char *type, const void *data, size_t n) {
    unsigned char *at = png->bytes + png->n;
    put32(at, (uint32_t)n);
    memcpy(at + 4, type, 4);
    if (n > 0) memcpy(at + 8, data, n);
    put32(at + 8 + n, (uint32_t)crc32(crc32(0, NULL, 0), at + 4, (uInt)(4 + n)));
    png->n += 12 + n;
}

static void begin(image *png, uint32_t width, uint32_t height, int depth, int colour, int interlace) {
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    unsigned char header[13] = {0};
    memcpy(png->bytes, signature, 8);
    png->n = 8;
    put32(header, width);
    put32(header + 4, height);
    header[8] = (unsigned char)depth;
    header[9] = (unsigned char)colour;
    header[12] = (unsigned char)interlace;
    add_chunk(png, "IHDR", header, 13);
}

static void add_pixels(image *png, const void *rows, size_t n) {
    unsigned char packed[4096];
    uLongf length = sizeof packed;
    assert_int_equal(compress(packed, &length, rows, (uLong)n), Z_OK);
    add_chunk(png, "IDAT", packed, length);
}

/* The image whose rows (each with its filter's number in front) these are, and the end. */
static image whole(uint32_t width, uint32_t height, int depth, int colour, const void *rows, size_t n) {
    image png;
    begin(&png, width, height, depth, colour, 0);
    add_pixels(&png, rows, n);
    add_chunk(&png, "IEND", NULL, 0);
    return png;
}

static dnn_status read_image(dnn_tensor **out, const image *png, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(png->bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    *out = (dnn_tensor *)1;
    return dnn_png_read(out, ctx, path, NULL);
}

static void expect_pixels(const image *png, int64_t channels, const unsigned char *pixels) {
    dnn_tensor *tensor;
    dnn_status status = read_image(&tensor, png, png->n);
    if (status != DNN_OK) print_message("%s\n", dnn_last_error());
    assert_int_equal(status, DNN_OK);
    assert_int_equal(dnn_tensor_rank(tensor), 3);
    assert_int_equal(dnn_tensor_dim(tensor, 2), channels);
    assert_memory_equal(dnn_tensor_data(tensor), pixels, (size_t)dnn_tensor_count(tensor));
    dnn_tensor_release(tensor);
}

static void refuse(const image *png, size_t n, dnn_status expected, const char *message) {
    dnn_tensor *tensor;
    dnn_status status = read_image(&tensor, png, n);
    if (status != expected || !strstr(dnn_last_error(), message)) print_message("%d: %s\n", status, dnn_last_error());
    assert_int_equal(status, expected);
    assert_null(tensor);
    assert_non_null(strstr(dnn_last_error(), message));
}

/* ---- kinds ---- */

static void test_kinds(void **state) {
    (void)state;
    image grey = whole(2, 2, 8, 0, "\0\x01\x02\0\x03\x04", 6);
    expect_pixels(&grey, 1, (const unsigned char *)"\x01\x02\x03\x04");
    image bits = whole(3, 1, 1, 0, "\0\xa0", 2);
    expect_pixels(&bits, 1, (const unsigned char *)"\xff\0\xff");
    image nibbles = whole(2, 1, 4, 0, "\0\x1f", 2);
    expect_pixels(&nibbles, 1, (const unsigned char *)"\x11\xff");
    image alpha = whole(1, 1, 8, 4, "\0\x07\x80", 3);
    expect_pixels(&alpha, 2, (const unsigned char *)"\x07\x80");
    image rgb = whole(1, 2, 8, 2, "\0\x01\x02\x03\0\x04\x05\x06", 8);
    expect_pixels(&rgb, 3, (const unsigned char *)"\x01\x02\x03\x04\x05\x06");
    image rgba = whole(1, 1, 8, 6, "\0\x01\x02\x03\x04", 5);
    expect_pixels(&rgba, 4, (const unsigned char *)"\x01\x02\x03\x04");
    image deep = whole(1, 1, 16, 0, "\0\x01\x02", 3);
    refuse(&deep, deep.n, DNN_ERROR_UNSUPPORTED, "16 bits");
}

static image with_palette(const char *entries, size_t n, const char *transparency, size_t m, const char *row) {
    image png;
    begin(&png, 2, 1, 8, 3, 0);
    add_chunk(&png, "PLTE", entries, n);
    if (transparency) add_chunk(&png, "tRNS", transparency, m);
    add_pixels(&png, row, 3);
    add_chunk(&png, "IEND", NULL, 0);
    return png;
}

static void test_palettes(void **state) {
    (void)state;
    image png = with_palette("\x01\x02\x03\x04\x05\x06", 6, NULL, 0, "\0\x01\0");
    expect_pixels(&png, 3, (const unsigned char *)"\x04\x05\x06\x01\x02\x03");
    png = with_palette("\x01\x02\x03\x04\x05\x06", 6, "\x80", 1, "\0\x01\0");
    expect_pixels(&png, 4, (const unsigned char *)"\x04\x05\x06\xff\x01\x02\x03\x80");
    dnn_tensor *any; /* as an image of any kind, too: its channels are those of its colours, not of its indices */
    assert_int_equal(dnn_image_read(&any, ctx, path, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_count(any), 8);
    assert_memory_equal(dnn_tensor_data(any), "\x04\x05\x06\xff\x01\x02\x03\x80", 8);
    dnn_tensor_release(any);
    png = with_palette("\x01\x02\x03\x04\x05\x06", 6, NULL, 0, "\0\x01\x02"); /* an index past the end */
    refuse(&png, png.n, DNN_ERROR_FORMAT, "palette");
    png = with_palette("\x01\x02\x03\x04", 4, NULL, 0, "\0\0\0");
    refuse(&png, png.n, DNN_ERROR_FORMAT, "PLTE");
    image none = whole(2, 1, 8, 3, "\0\0\0", 3);
    refuse(&none, none.n, DNN_ERROR_FORMAT, "");
}

/* Adam7: 3 × 3 is passes 1 (one pixel), 4 to 7. */
static void test_interlace(void **state) {
    (void)state;
    image png;
    begin(&png, 3, 3, 8, 0, 1);
    add_pixels(&png, "\0\x01" "\0\x03" "\0\x07\x09" "\0\x02" "\0\x08" "\0\x04\x05\x06", 15);
    add_chunk(&png, "IEND", NULL, 0);
    dnn_tensor *tensor;
    assert_int_equal(read_image(&tensor, &png, png.n), DNN_OK);
    const unsigned char *p = dnn_tensor_data(tensor);
    int sum = 0;
    for (int i = 0; i < 9; i++) sum += p[i];
    assert_int_equal(sum, 45);
    assert_int_equal(p[0], 1);
    assert_memory_equal(p + 3, "\x04\x05\x06", 3);
    dnn_tensor_release(tensor);
}

/* What says something about colours, or is text, does not touch the pixels, nor make a file bad. */
static void test_ancillary(void **state) {
    (void)state;
    image png;
    begin(&png, 1, 1, 8, 0, 0);
    add_chunk(&png, "gAMA", "\0\0\xb1\x8f", 4);
    add_chunk(&png, "iCCP", "broken", 6);
    add_chunk(&png, "tEXt", "Comment\0hello", 13);
    add_chunk(&png, "prIv", "?", 1);
    add_pixels(&png, "\0\x2a", 2);
    add_chunk(&png, "IEND", NULL, 0);
    expect_pixels(&png, 1, (const unsigned char *)"\x2a");
    png.n -= 12;
    add_chunk(&png, "CRIT", "?", 1); /* one that readers must understand */
    add_chunk(&png, "IEND", NULL, 0);
    refuse(&png, png.n, DNN_ERROR_FORMAT, "");
}

/* ---- bad files ---- */

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        uint32_t width, height;
        int depth, colour;
        dnn_status status;
    } cases[] = {
        {0, 1, 8, 0, DNN_ERROR_FORMAT},          {1, 0, 8, 0, DNN_ERROR_FORMAT},
        {0x80000000, 1, 8, 0, DNN_ERROR_FORMAT}, {0xffffffff, 1, 8, 0, DNN_ERROR_FORMAT},
        {1, 0x80000000, 8, 0, DNN_ERROR_FORMAT}, {0x7fffffff, 0x7fffffff, 8, 6, DNN_ERROR_UNSUPPORTED},
        {40000, 40000, 8, 2, DNN_ERROR_UNSUPPORTED}, {30000, 30000, 8, 0, DNN_ERROR_FORMAT},
        {2, 2, 8, 0, DNN_ERROR_FORMAT},          {1, 1, 3, 0, DNN_ERROR_FORMAT},
        {1, 1, 8, 1, DNN_ERROR_FORMAT},          {1, 1, 16, 3, DNN_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        image png = whole(cases[i].width, cases[i].height, cases[i].depth, cases[i].colour, "\0\x2a", 2);
        refuse(&png, png.n, cases[i].status, "");
    }
}

static void test_damage(void **state) {
    (void)state;
    image good = whole(2, 2, 8, 0, "\0\x01\x02\0\x03\x04", 6), png;
    for (size_t n = 0; n < good.n; n++) refuse(&good, n, DNN_ERROR_FORMAT, "");
    for (size_t bit = 0; bit < 8 * good.n; bit++) { /* every bit is under a checksum, or under a length or name */
        png = good;
        png.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        refuse(&png, png.n, DNN_ERROR_FORMAT, "");
    }
    png = good;
    png.bytes[png.n++] = 0;
    refuse(&png, png.n, DNN_ERROR_FORMAT, "1 bytes follow");
    png = whole(2, 2, 8, 0, "\0\x01\x02\0\x03\x04\0\0\0", 9);
    refuse(&png, png.n, DNN_ERROR_FORMAT, "");
    png = whole(2, 2, 8, 0, "\x05\x01\x02\0\x03\x04", 6);
    refuse(&png, png.n, DNN_ERROR_FORMAT, "filter");
}

/* ---- writing ---- */

static void test_round_trip(void **state) {
    (void)state;
    for (int64_t channels = 0; channels <= 4; channels++) {
        const int64_t dims[3] = {5, 7, channels};
        dnn_tensor *image_out, *image_in;
        assert_int_equal(dnn_tensor_create(&image_out, ctx, DNN_U8, channels ? 3 : 2, dims), DNN_OK);
        unsigned char *pixels = dnn_tensor_data(image_out);
        for (int64_t i = 0; i < dnn_tensor_count(image_out); i++) pixels[i] = (unsigned char)(i * 41);
        assert_int_equal(dnn_png_write(ctx, path, image_out), DNN_OK);
        assert_int_equal(dnn_png_read(&image_in, ctx, path, NULL), DNN_OK);
        assert_int_equal(dnn_tensor_dim(image_in, 0), 5);
        assert_int_equal(dnn_tensor_dim(image_in, 1), 7);
        assert_int_equal(dnn_tensor_dim(image_in, 2), channels ? channels : 1);
        assert_memory_equal(dnn_tensor_data(image_in), pixels, (size_t)dnn_tensor_count(image_out));
        dnn_tensor_release(image_out);
        dnn_tensor_release(image_in);
    }
}

static void test_floats(void **state) {
    (void)state;
    static const unsigned char expected[] = {0, 255, 128, 1};
    static const double bad[] = {-1e-9, 1.0000001, NAN, INFINITY};
    for (int k = 0; k < 2; k++) {
        dnn_tensor *image_out, *image_in;
        assert_int_equal(dnn_tensor_create(&image_out, ctx, k ? DNN_F64 : DNN_F32, 2, (const int64_t[]){2, 2}), DNN_OK);
        const double values[] = {0, 1, 0.5, 0.5000001 / 255};
        for (int64_t i = 0; i < 4; i++) dnn_tensor_set(image_out, 2, (const int64_t[]){i / 2, i % 2}, values[i]);
        assert_int_equal(dnn_png_write(ctx, path, image_out), DNN_OK);
        assert_int_equal(dnn_png_read(&image_in, ctx, path, NULL), DNN_OK);
        assert_memory_equal(dnn_tensor_data(image_in), expected, 4);
        dnn_tensor_release(image_in);
        for (size_t b = 0; b < 4; b++) {
            dnn_tensor_set(image_out, 2, (const int64_t[]){0, 1}, bad[b]);
            assert_int_equal(dnn_png_write(ctx, path, image_out), DNN_ERROR_VALUE);
            assert_non_null(strstr(dnn_last_error(), "1 of 4 values"));
        }
        dnn_tensor_release(image_out);
    }
}

static void test_misuse(void **state) {
    (void)state;
    dnn_tensor *tensor, *pixel;
    static const struct {
        dnn_dtype dtype;
        int32_t rank;
        int64_t dims[4];
        dnn_status status;
    } cases[] = {
        {DNN_I32, 2, {1, 1}, DNN_ERROR_DTYPE},    {DNN_F16, 2, {1, 1}, DNN_ERROR_DTYPE},
        {DNN_U8, 1, {4}, DNN_ERROR_SHAPE},        {DNN_U8, 0, {0}, DNN_ERROR_SHAPE},
        {DNN_U8, 4, {1, 1, 1, 1}, DNN_ERROR_SHAPE}, {DNN_U8, 3, {1, 1, 5}, DNN_ERROR_SHAPE},
        {DNN_U8, 3, {1, 1, 0}, DNN_ERROR_SHAPE},  {DNN_U8, 2, {0, 1}, DNN_ERROR_SHAPE},
        {DNN_U8, 2, {1, 0}, DNN_ERROR_SHAPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dnn_tensor_create(&tensor, ctx, cases[i].dtype, cases[i].rank, cases[i].dims), DNN_OK);
        assert_int_equal(dnn_png_write(ctx, path, tensor), cases[i].status);
        dnn_tensor_release(tensor);
    }
    assert_int_equal(dnn_tensor_create(&pixel, ctx, DNN_U8, 2, (const int64_t[]){1, 1}), DNN_OK);
    assert_int_equal(dnn_png_write(NULL, path, pixel), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_png_write(ctx, NULL, pixel), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_png_write(ctx, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_png_write(ctx, path, (dnn_tensor *)ctx), DNN_ERROR_HANDLE);
    static const char *const bad[] = {"", "/", "/dev/null", "/proc/a.png", "/dnn-no-such-folder/a.png"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dnn_png_write(ctx, bad[i], pixel), DNN_ERROR_IO);
        assert_int_equal(dnn_png_read(&tensor, ctx, bad[i], NULL), DNN_ERROR_IO);
    }
    assert_int_equal(dnn_png_write(ctx, folder, pixel), DNN_ERROR_IO);
    assert_int_equal(dnn_png_read(NULL, ctx, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_png_read(&tensor, NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_png_read(&tensor, ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    dnn_tensor_release(pixel);
}

/* ---- out of memory ---- */

static dnn_status there_and_back(const dnn_tensor *out) {
    dnn_tensor *in;
    dnn_status status = dnn_png_write(ctx, path, out);
    if (status == DNN_OK) status = dnn_png_read(&in, ctx, path, NULL);
    if (status == DNN_OK) dnn_tensor_release(in);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    dnn_tensor *out;
    assert_int_equal(dnn_tensor_create(&out, ctx, DNN_F32, 3, (const int64_t[]){9, 5, 3}), DNN_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = there_and_back(out);
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            if (failed) assert_non_null(strstr(dnn_last_error(), dnn_status_text(DNN_ERROR_MEMORY)));
        }
    }
    assert_int_equal(there_and_back(out), DNN_OK);
    dnn_tensor_release(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),  cmocka_unit_test(test_palettes),   cmocka_unit_test(test_interlace),
        cmocka_unit_test(test_ancillary), cmocka_unit_test(test_sizes),   cmocka_unit_test(test_damage),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_floats), cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
