/* Texts in windows: bytes and characters, vocabularies, strides, what is not UTF-8. */
#include "support/files.h"

#include <dnn/io.h>
#include <stdlib.h>
#include <string.h>

static dnn_status make(dnn_dataset **out, const char *text, size_t n, dnn_text_desc desc) {
    desc.size = sizeof desc;
    return dnn_text_dataset(out, files_ctx, file_put("a.txt", text, n), &desc);
}

static void test_bytes(void **state) {
    (void)state;
    dnn_dataset *dataset;
    double x[3], t[3];
    char name[256];
    assert_int_equal(make(&dataset, "hello\xff", 6, (dnn_text_desc){.window = 3, .stride = 2}), DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), 2);
    assert_int_equal(dnn_dataset_classes(dataset), 5); /* e h l o 0xff */
    assert_string_equal(dnn_dataset_class_name(dataset, 1), "h");
    assert_string_equal(dnn_dataset_class_name(dataset, 4), "\\xFF");
    sample_input(dataset, 1, x, 3);
    sample_target(dataset, 1, t, 3);
    assert_true(x[0] == 2 && x[1] == 2 && x[2] == 3);
    assert_true(t[0] == 2 && t[1] == 3 && t[2] == 4);
    assert_int_equal(dnn_dataset_sample_name(dataset, 1, name, sizeof name), DNN_OK);
    assert_non_null(strstr(name, "a.txt, byte 2"));
    dnn_dataset_release(dataset);
}

/* How many windows a text of n units has. */
static void test_counts(void **state) {
    (void)state;
    static const int64_t cases[][4] = {/* n, window, stride, windows */
                                       {0, 1, 1, 0}, {1, 1, 1, 0}, {2, 1, 1, 1}, {10, 3, 0, 3}, {9, 3, 0, 2},
                                       {10, 9, 1, 1}, {10, 10, 1, 0}, {10, 3, 1, 7}, {10, 2, 5, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnn_dataset *dataset;
        dnn_text_desc desc = {.window = cases[i][1], .stride = cases[i][2]};
        assert_int_equal(make(&dataset, "aaaaaaaaaa", (size_t)cases[i][0], desc), DNN_OK);
        assert_int_equal(dnn_dataset_count(dataset), cases[i][3]);
        if (cases[i][3] > 0) {
            double x[16];
            sample_target(dataset, cases[i][3] - 1, x, cases[i][1]);
        }
        dnn_dataset_release(dataset);
    }
}

static void test_characters(void **state) {
    (void)state;
    dnn_dataset *dataset;
    double x[4];
    dnn_text_desc desc = {.window = 4, .unit = DNN_TEXT_CHARACTERS};
    assert_int_equal(make(&dataset, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", 11, desc), DNN_OK);
    assert_int_equal(dnn_dataset_classes(dataset), 5);
    assert_string_equal(dnn_dataset_class_name(dataset, 3), "\xe2\x82\xac");
    sample_input(dataset, 0, x, 4);
    assert_true(x[0] == 0 && x[1] == 2 && x[2] == 3 && x[3] == 4);
    sample_target(dataset, 0, x, 4);
    assert_true(x[3] == 1);
    dnn_dataset_release(dataset);
    desc.vocabulary = "z\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa4" "a?";
    assert_int_equal(make(&dataset, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", 11, desc), DNN_OK);
    assert_int_equal(dnn_dataset_classes(dataset), 6);
    sample_input(dataset, 0, x, 4);
    assert_true(x[0] == 4 && x[1] == 3 && x[2] == 2 && x[3] == 1);
    dnn_dataset_release(dataset);
}

/* Longer than chunks and marks: characters of 1, 2, 3 bytes in turn, so that boundaries cut them. */
static void test_long(void **state) {
    (void)state;
    enum { N = 30000 };
    char *text = malloc(3 * N);
    size_t n = 0;
    dnn_dataset *dataset;
    for (int i = 0; i < N; i++) {
        int k = i % 7; /* a, é, €, a, b, é, € by place */
        static const char *const units[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "a", "b", "\xc3\xa9", "\xe2\x82\xac"};
        memcpy(text + n, units[k], strlen(units[k]));
        n += strlen(units[k]);
    }
    assert_int_equal(make(&dataset, text, n, (dnn_text_desc){.window = 5, .stride = 1, .unit = DNN_TEXT_CHARACTERS}),
                     DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), N - 5);
    static const double numbers[] = {0, 2, 3, 0, 1, 2, 3};
    for (int64_t i = 0; i < N - 5; i += 101) {
        double x[5], t[5];
        sample_input(dataset, i, x, 5);
        sample_target(dataset, i, t, 5);
        for (int k = 0; k < 5; k++) {
            assert_true(x[k] == numbers[(i + k) % 7]);
            assert_true(t[k] == numbers[(i + k + 1) % 7]);
        }
    }
    dnn_dataset_release(dataset);
    free(text);
}

static void test_bad_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *part;
    } cases[] = {
        {"ab\x80", 3, "byte 2"},         {"a\xc3", 2, "byte 1"},          {"\xc0\x80", 2, "byte 0"},
        {"\xed\xa0\x80", 3, "byte 0"},   {"\xf4\x90\x80\x80", 4, "byte 0"}, {"\xe2\x82", 2, "byte 0"},
        {"\xe0\x80\x80", 3, "byte 0"},   {"\xff", 1, "byte 0"},           {"a\xc3" "a", 3, "byte 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnn_dataset *dataset;
        dnn_text_desc desc = {.window = 1, .unit = DNN_TEXT_CHARACTERS};
        expect_refusal(make(&dataset, cases[i].text, cases[i].n, desc), DNN_ERROR_FORMAT, NULL, cases[i].part);
        assert_null(dataset);
    }
}

static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    (void)what;
    (void)done;
    (void)total;
    return *(int *)user ? dnn_fail(DNN_ERROR_STATE, "enough of it") : DNN_ERROR_STATE;
}

static void test_misuse(void **state) {
    (void)state;
    dnn_dataset *dataset;
    int said = 1;
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .vocabulary = "ab"}), DNN_ERROR_VALUE, NULL,
                   "byte 2: U+0063");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .vocabulary = "aba"}), DNN_ERROR_ARGUMENT,
                   NULL, "U+0061 twice");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .vocabulary = ""}), DNN_ERROR_ARGUMENT, NULL,
                   "0 units");
    expect_refusal(make(&dataset, "a", 1, (dnn_text_desc){.window = 1, .vocabulary = "\xff", .unit = DNN_TEXT_CHARACTERS}),
                   DNN_ERROR_ARGUMENT, NULL, "not UTF-8");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 0}), DNN_ERROR_ARGUMENT, NULL, "window");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .stride = -1}), DNN_ERROR_ARGUMENT, NULL,
                   "stride");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .unit = 3}), DNN_ERROR_ARGUMENT, NULL, "unit");
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .progress = {stop, &said}}), DNN_ERROR_STATE,
                   NULL, "enough of it");
    said = 0;
    expect_refusal(make(&dataset, "abc", 3, (dnn_text_desc){.window = 1, .progress = {stop, &said}}), DNN_ERROR_STATE,
                   NULL, "");
    assert_int_equal(dnn_text_dataset(&dataset, files_ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_text_dataset(&dataset, NULL, "", NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_text_dataset(NULL, files_ctx, "", NULL), DNN_ERROR_ARGUMENT);
}

static dnn_status use(void) {
    dnn_dataset *dataset = NULL;
    dnn_tensor *x = NULL;
    dnn_text_desc desc = {DNN_SIZED(dnn_text_desc), .window = 2, .unit = DNN_TEXT_CHARACTERS};
    dnn_status status = dnn_text_dataset(&dataset, files_ctx, file_path("m.txt"), &desc);
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, dataset, 0, 1);
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    file_put("m.txt", "a\xc3\xa9" "bc", 5);
    expect_out_of_memory_to_be_told(use);
}

static void test_real(void **state) {
    (void)state;
    const char *folder = getenv("DNN_DATA_DIR");
    char path[512];
    snprintf(path, sizeof path, "%s/text/tinyshakespeare.txt", folder ? folder : "");
    FILE *there = folder ? fopen(path, "rb") : NULL;
    if (!there) {
        print_message("skipped: DNN_DATA_DIR has no text\n");
        skip();
    }
    fclose(there);
    dnn_dataset *dataset;
    dnn_text_desc desc = {DNN_SIZED(dnn_text_desc), .window = 256, .stride = 1};
    assert_int_equal(dnn_text_dataset(&dataset, files_ctx, path, &desc), DNN_OK);
    assert_int_equal(dnn_dataset_classes(dataset), 65);
    assert_int_equal(dnn_dataset_count(dataset), 1115394 - 256);
    double x[256];
    const char *first = "First Citizen:";
    sample_input(dataset, 0, x, 256);
    for (int i = 0; first[i]; i++) assert_int_equal(dnn_dataset_class_name(dataset, (int64_t)x[i])[0], first[i]);
    dnn_dataset_release(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_counts), cmocka_unit_test(test_characters),
        cmocka_unit_test(test_long),     cmocka_unit_test(test_bad_utf8), cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
