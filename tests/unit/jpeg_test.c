/* JPEG files and images of either kind at a given size: what libjpeg decodes, turned, scaled, cut and padded; and what
 * is refused. */
#include "support/files.h"

#include <dnn/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

/* A smooth image in which no two places look alike. */
static dnn_tensor *smooth(int64_t height, int64_t width, int64_t channels) {
    dnn_tensor *image;
    const int64_t dims[] = {height, width, channels};
    assert_int_equal(dnn_tensor_create(&image, files_ctx, DNN_U8, 3, dims), DNN_OK);
    unsigned char *p = dnn_tensor_data(image);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t c = 0; c < channels; c++)
                *p++ = (unsigned char)(128 + 60 * sin(0.11 * (double)y + (double)c) +
                                       60 * cos(0.07 * (double)(x + y * c)));
    return image;
}

static double worst(const dnn_tensor *a, const dnn_tensor *b) {
    const unsigned char *p = dnn_tensor_const_data(a), *q = dnn_tensor_const_data(b);
    double most = 0;
    assert_int_equal(dnn_tensor_count(a), dnn_tensor_count(b));
    for (int64_t i = 0; i < dnn_tensor_count(a); i++) most = fmax(most, fabs((double)p[i] - (double)q[i]));
    return most;
}

static dnn_tensor *read_as(const char *from, dnn_image_desc desc) {
    dnn_tensor *image;
    desc.size = sizeof desc;
    dnn_status status = dnn_image_read(&image, files_ctx, from, &desc);
    if (status != DNN_OK) print_message("%s\n", dnn_last_error());
    assert_int_equal(status, DNN_OK);
    return image;
}

static void refuse_bytes(const unsigned char *bytes, size_t n, dnn_status status, const char *part) {
    dnn_tensor *image;
    const char *bad = file_put("bad.jpg", bytes, n);
    expect_refusal(dnn_jpeg_read(&image, files_ctx, bad, NULL), status, bad, part);
    assert_null(image);
}

static unsigned char *sample(int64_t height, int64_t width, int64_t channels, size_t *n) {
    dnn_tensor *image = smooth(height, width, channels);
    path = file_path("a.jpg");
    assert_int_equal(dnn_jpeg_write(files_ctx, path, image, 95), DNN_OK);
    dnn_tensor_release(image);
    return file_get(path, n);
}

static void test_round_trip(void **state) {
    (void)state;
    for (int64_t channels = 1; channels <= 3; channels += 2) {
        dnn_tensor *out = smooth(37, 53, channels), *in, *other;
        path = file_path("a.jpg");
        assert_int_equal(dnn_jpeg_write(files_ctx, path, out, 100), DNN_OK);
        assert_int_equal(dnn_jpeg_read(&in, files_ctx, path, NULL), DNN_OK);
        assert_int_equal(dnn_tensor_dim(in, 0), 37);
        assert_int_equal(dnn_tensor_dim(in, 1), 53);
        assert_int_equal(dnn_tensor_dim(in, 2), channels);
        assert_true(worst(in, out) <= 12);
        other = read_as(path, (dnn_image_desc){.channels = channels == 1 ? 3 : 1});
        assert_int_equal(dnn_tensor_dim(other, 2), channels == 1 ? 3 : 1);
        const unsigned char *p = dnn_tensor_const_data(in), *q = dnn_tensor_const_data(other);
        for (int64_t i = 0; i < 37 * 53; i++) {
            double grey = 0.299 * p[3 * i * (channels == 3)] + 0.587 * p[(3 * i + 1) * (channels == 3)] +
                          0.114 * p[(3 * i + 2) * (channels == 3)];
            if (channels == 3) assert_true(fabs(grey - q[i]) <= 3);
            else assert_true(p[i] == q[3 * i] && p[i] == q[3 * i + 1] && p[i] == q[3 * i + 2]);
        }
        dnn_tensor_release(other);
        dnn_tensor_release(in);
        dnn_tensor_release(out);
    }
}

/* ---- EXIF ---- */

/* The file with an APP1 segment behind its start, EXIF of that byte order with that orientation. */
static size_t with_orientation(unsigned char *to, const unsigned char *from, size_t n, int orientation, bool big) {
    unsigned char exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', '*', 0, 8, 0, 0, 0,
                            1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char turned[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1};
    if (big) memcpy(exif + 10, turned, sizeof turned);
    exif[big ? 29 : 28] = (unsigned char)orientation;
    memcpy(to, from, 2);
    memcpy(to + 2, exif, sizeof exif);
    memcpy(to + 2 + sizeof exif, from + 2, n - 2);
    return n + sizeof exif;
}

/* Where the pixel that is seen at (y, x) lies in a file of height × width: told by which corner is first. */
static void place_of(int orientation, int64_t y, int64_t x, int64_t height, int64_t width, int64_t *row,
                     int64_t *column) {
    const bool swapped = orientation > 4 && orientation < 9;
    int64_t r = swapped ? x : y, c = swapped ? y : x;
    if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) r = height - 1 - r;
    if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) c = width - 1 - c;
    *row = r;
    *column = c;
}

static void test_orientation(void **state) {
    (void)state;
    size_t n;
    unsigned char *plain = sample(16, 24, 3, &n), *turned = malloc(n + 64);
    for (int orientation = 0; orientation <= 9; orientation++) {
        const char *name = file_put("t.jpg", turned, with_orientation(turned, plain, n, orientation, orientation & 1));
        dnn_tensor *raw = read_as(name, (dnn_image_desc){.ignore_orientation = 1});
        dnn_tensor *seen = read_as(name, (dnn_image_desc){.channels = 3});
        bool lying = orientation > 4 && orientation < 9;
        assert_int_equal(dnn_tensor_dim(raw, 0), 16);
        assert_int_equal(dnn_tensor_dim(seen, 0), lying ? 24 : 16);
        assert_int_equal(dnn_tensor_dim(seen, 1), lying ? 16 : 24);
        const unsigned char *p = dnn_tensor_const_data(raw), *q = dnn_tensor_const_data(seen);
        for (int64_t y = 0; y < dnn_tensor_dim(seen, 0); y++)
            for (int64_t x = 0; x < dnn_tensor_dim(seen, 1); x++, q += 3) {
                int64_t row, column;
                place_of(orientation, y, x, 16, 24, &row, &column);
                assert_memory_equal(q, p + 3 * (row * 24 + column), 3);
            }
        dnn_tensor_release(raw);
        dnn_tensor_release(seen);
    }
    free(turned);
    free(plain);
}

/* EXIF that is cut or points nowhere is passed over. */
static void test_bad_exif(void **state) {
    (void)state;
    size_t n, m;
    unsigned char *plain = sample(16, 24, 1, &n), *turned = malloc(n + 64);
    dnn_tensor *image;
    for (int offset = 12; offset < 38; offset++) {
        for (int value = 0; value < 256; value += 51) {
            m = with_orientation(turned, plain, n, 6, false);
            turned[offset] = (unsigned char)value;
            dnn_status status = dnn_image_read(&image, files_ctx, file_put("e.jpg", turned, m), NULL);
            if (status == DNN_OK) assert_int_equal(dnn_tensor_count(image), 16 * 24);
            dnn_tensor_release(image);
        }
    }
    free(turned);
    free(plain);
}

/* ---- sizes ---- */

static double triangle(double t) { return fmax(0, 1 - fabs(t)); }

/* One value of the image scaled, straight from the definition. */
static double scaled_value(const dnn_tensor *image, double y, double x, double step_y, double step_x, int64_t c) {
    const unsigned char *p = dnn_tensor_const_data(image);
    int64_t height = dnn_tensor_dim(image, 0), width = dnn_tensor_dim(image, 1), n = dnn_tensor_dim(image, 2);
    double sum = 0, weights = 0;
    for (int64_t r = 0; r < height; r++)
        for (int64_t k = 0; k < width; k++) {
            double w = triangle(((double)r + 0.5 - y) / fmax(1, step_y)) *
                       triangle(((double)k + 0.5 - x) / fmax(1, step_x));
            sum += w * p[(r * width + k) * n + c];
            weights += w;
        }
    return sum / weights;
}

static void expect_scaled(const dnn_tensor *source, const dnn_tensor *got, int64_t top, int64_t left, int64_t rows,
                          int64_t columns, double from_y, double from_x, double height, double width) {
    const unsigned char *p = dnn_tensor_const_data(got);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t c = 0; c < 3; c++) {
                double sy = height / (double)rows, sx = width / (double)columns;
                double y = from_y + ((double)i + 0.5) * sy, x = from_x + ((double)j + 0.5) * sx;
                double want = scaled_value(source, y, x, sy, sx, c);
                double have = p[((top + i) * dnn_tensor_dim(got, 1) + left + j) * 3 + c];
                if (fabs(want - have) > 0.76) print_message("%d %d: %g, not %g\n", (int)i, (int)j, have, want);
                assert_true(fabs(want - have) <= 0.76);
            }
}

static void test_fits(void **state) {
    (void)state;
    dnn_tensor *source = smooth(20, 30, 3), *image, *none;
    path = file_path("f.png");
    assert_int_equal(dnn_png_write(files_ctx, path, source), DNN_OK);
    image = read_as(path, (dnn_image_desc){.height = 7, .width = 9, .fit = DNN_IMAGE_FIT_STRETCH});
    expect_scaled(source, image, 0, 0, 7, 9, 0, 0, 20, 30);
    dnn_tensor_release(image);
    image = read_as(path, (dnn_image_desc){.height = 33, .width = 41, .fit = DNN_IMAGE_FIT_STRETCH});
    expect_scaled(source, image, 0, 0, 33, 41, 0, 0, 20, 30);
    dnn_tensor_release(image);
    image = read_as(path, (dnn_image_desc){.height = 10, .width = 10, .fit = DNN_IMAGE_FIT_COVER});
    expect_scaled(source, image, 0, 0, 10, 10, 0, 5, 20, 20);
    dnn_tensor_release(image);
    image = read_as(path, (dnn_image_desc){.height = 12, .width = 12, .fit = DNN_IMAGE_FIT_CONTAIN, .padding = 77});
    expect_scaled(source, image, 2, 0, 8, 12, 0, 0, 20, 30);
    const unsigned char *p = dnn_tensor_const_data(image);
    for (int64_t i = 0; i < 2 * 12 * 3; i++) assert_true(p[i] == 77 && p[10 * 12 * 3 + i] == 77);
    dnn_tensor_release(image);
    dnn_image_desc exact = {DNN_SIZED(dnn_image_desc), .height = 20, .width = 31};
    expect_refusal(dnn_image_read(&none, files_ctx, path, &exact), DNN_ERROR_SHAPE, path, "is 20 × 30 pixels");
    exact.width = 30;
    image = read_as(path, exact);
    assert_true(worst(image, source) == 0);
    dnn_tensor_release(image);
    dnn_tensor_release(source);
}

/* From 256 × 192 to 40 × 60, decoded at a half: near what the whole would give. */
static void test_scaled_decoding(void **state) {
    (void)state;
    dnn_tensor *source = smooth(256, 192, 3), *big, *small;
    path = file_path("s.jpg");
    assert_int_equal(dnn_jpeg_write(files_ctx, path, source, 98), DNN_OK);
    small = read_as(path, (dnn_image_desc){.height = 64, .width = 48, .fit = DNN_IMAGE_FIT_STRETCH});
    assert_int_equal(dnn_png_write(files_ctx, file_path("s.png"), source), DNN_OK);
    big = read_as(file_path("s.png"), (dnn_image_desc){.height = 64, .width = 48, .fit = DNN_IMAGE_FIT_STRETCH});
    assert_true(worst(small, big) <= 8);
    dnn_tensor_release(small);
    dnn_tensor_release(big);
    dnn_tensor_release(source);
}

/* ---- bad files ---- */

static void test_truncations(void **state) {
    (void)state;
    size_t n;
    unsigned char *bytes = sample(24, 24, 3, &n);
    for (size_t cut = 0; cut < n; cut++) refuse_bytes(bytes, cut, DNN_ERROR_FORMAT, "");
    free(bytes);
}

static void test_bit_flips(void **state) {
    (void)state;
    size_t n;
    unsigned char *bytes = sample(16, 16, 1, &n);
    for (size_t bit = 0; bit < 8 * n; bit += 3) {
        dnn_tensor *image;
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        dnn_image_desc limit = {DNN_SIZED(dnn_image_desc), .max_bytes = 1 << 22};
        dnn_status status = dnn_image_read(&image, files_ctx, file_put("b.jpg", bytes, n), &limit);
        assert_true(status == DNN_OK || status == DNN_ERROR_FORMAT || status == DNN_ERROR_UNSUPPORTED);
        dnn_tensor_release(image);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}

/* The place of the first segment of that marker; its length with the marker. */
static size_t find_segment(const unsigned char *bytes, size_t n, int marker, size_t *length) {
    for (size_t at = 2; at + 4 < n; at += *length) {
        *length = 2 + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
        if (bytes[at + 1] == marker) return at;
    }
    fail_msg("no segment %02x", (unsigned)marker);
    return 0;
}

static void test_hostile(void **state) {
    (void)state;
    size_t n, length;
    unsigned char *bytes = sample(16, 16, 3, &n), *copy = malloc(n + 16);
    static const int tables[] = {0xdb, 0xc4};
    for (int i = 0; i < 2; i++) { /* without its tables: never those of the file before */
        size_t at = find_segment(bytes, n, tables[i], &length);
        memcpy(copy, bytes, at);
        memcpy(copy + at, bytes + at + length, n - at - length);
        if (i == 0) refuse_bytes(copy, n - length, DNN_ERROR_FORMAT, "");
    }
    size_t frame = find_segment(bytes, n, 0xc0, &length);
    memcpy(copy, bytes, n);
    memset(copy + frame + 5, 0, 2);
    refuse_bytes(copy, n, DNN_ERROR_FORMAT, ""); /* no rows */
    memset(copy + frame + 5, 0xff, 4);
    refuse_bytes(copy, n, DNN_ERROR_FORMAT, "");
    memset(copy + frame + 5, 0xfd, 4); /* 65021 × 65021, in a few hundred bytes */
    int64_t calls = files_memory.calls;
    refuse_bytes(copy, n, DNN_ERROR_FORMAT, "cannot be in");
    assert_true(files_memory.calls - calls < 64);
    copy[frame + 1] = 0xc2; /* and progressive: the whole would be in memory */
    refuse_bytes(copy, n, DNN_ERROR_FORMAT, "cannot be in");
    memcpy(copy, bytes, n);
    copy[frame + 1] = 0xc9;
    refuse_bytes(copy, n, DNN_ERROR_UNSUPPORTED, "arithmetic");
    memcpy(copy, bytes, n);
    copy[frame + 4] = 12;
    refuse_bytes(copy, n, DNN_ERROR_FORMAT, "");
    refuse_bytes((const unsigned char *)"GIF89a", 6, DNN_ERROR_FORMAT, "no JPEG");
    dnn_tensor *image;
    dnn_image_desc limit = {DNN_SIZED(dnn_image_desc), .max_bytes = 767};
    path = file_put("ok.jpg", bytes, n);
    expect_refusal(dnn_image_read(&image, files_ctx, path, &limit), DNN_ERROR_UNSUPPORTED, path, "max_bytes");
    path = file_put("text.jpg", "hello", 5);
    expect_refusal(dnn_image_read(&image, files_ctx, path, NULL), DNN_ERROR_FORMAT, path, "neither a PNG nor a JPEG");
    free(copy);
    free(bytes);
}

static void test_misuse(void **state) {
    (void)state;
    dnn_tensor *image = smooth(4, 4, 3), *none, *two;
    static const dnn_image_desc bad[] = {
        {.height = 1}, {.height = -1, .width = -1}, {.channels = 2}, {.channels = 4}, {.fit = 7},
        {.padding = 256}, {.padding = -1}, {.max_bytes = -1}, {.height = 4, .width = INT64_MAX},
    };
    path = file_path("m.jpg");
    assert_int_equal(dnn_jpeg_write(files_ctx, path, image, 0), DNN_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dnn_image_desc desc = bad[i];
        desc.size = sizeof desc;
        assert_int_equal(dnn_image_read(&none, files_ctx, path, &desc), DNN_ERROR_ARGUMENT);
    }
    assert_int_equal(dnn_image_read(NULL, files_ctx, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_read(&none, NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_read(&none, files_ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_read(&none, files_ctx, "/no/such", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_jpeg_write(files_ctx, path, image, 101), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_jpeg_write(files_ctx, path, image, -1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_jpeg_write(files_ctx, path, NULL, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_jpeg_write(files_ctx, NULL, image, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_jpeg_write(files_ctx, "/no/such/folder.jpg", image, 0), DNN_ERROR_IO);
    assert_int_equal(dnn_tensor_create(&two, files_ctx, DNN_U8, 3, (const int64_t[]){4, 4, 2}), DNN_OK);
    assert_int_equal(dnn_jpeg_write(files_ctx, path, two, 0), DNN_ERROR_SHAPE);
    dnn_tensor_release(two);
    dnn_tensor_release(image);
}

static dnn_status use(void) {
    dnn_tensor *image = NULL, *grey = NULL, *back = NULL;
    dnn_image_desc desc = {DNN_SIZED(dnn_image_desc), .height = 9, .width = 5, .fit = DNN_IMAGE_FIT_COVER,
                           .channels = 1};
    dnn_status status = dnn_image_read(&image, files_ctx, file_path("o.jpg"), &desc);
    if (status == DNN_OK) status = dnn_image_read(&grey, files_ctx, file_path("o.png"), &desc);
    if (status == DNN_OK) status = dnn_jpeg_write(files_ctx, file_path("w.jpg"), image, 50);
    if (status == DNN_OK) status = dnn_jpeg_read(&back, files_ctx, file_path("w.jpg"), NULL);
    dnn_tensor_release(image);
    dnn_tensor_release(grey);
    dnn_tensor_release(back);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    size_t n;
    dnn_tensor *image = smooth(40, 60, 3);
    unsigned char *plain = sample(40, 60, 3, &n), *turned = malloc(n + 64);
    file_put("o.jpg", turned, with_orientation(turned, plain, n, 6, true));
    assert_int_equal(dnn_png_write(files_ctx, file_path("o.png"), image), DNN_OK);
    expect_out_of_memory_to_be_told(use);
    dnn_tensor_release(image);
    free(turned);
    free(plain);
}

static void test_real(void **state) {
    (void)state;
    static const char *const names[] = {"dog", "eagle", "giraffe", "horses"};
    static const int64_t sizes[][2] = {{576, 768}, {512, 773}, {500, 500}, {512, 773}};
    const char *folder = getenv("DNN_DATA_DIR");
    char photo[512];
    snprintf(photo, sizeof photo, "%s/photos/dog.jpg", folder ? folder : "");
    FILE *there = folder ? fopen(photo, "rb") : NULL;
    if (!there) {
        print_message("skipped: DNN_DATA_DIR has no photos\n");
        skip();
    }
    fclose(there);
    for (int i = 0; i < 4; i++) {
        dnn_tensor *image;
        snprintf(photo, sizeof photo, "%s/photos/%s.jpg", folder, names[i]);
        image = read_as(photo, (dnn_image_desc){.channels = 3});
        assert_int_equal(dnn_tensor_dim(image, 0), sizes[i][0]);
        assert_int_equal(dnn_tensor_dim(image, 1), sizes[i][1]);
        dnn_tensor_release(image);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_orientation),     cmocka_unit_test(test_bad_exif),
        cmocka_unit_test(test_fits),       cmocka_unit_test(test_scaled_decoding), cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_bit_flips),  cmocka_unit_test(test_hostile),         cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
