/* A run's pictures and page: images in, a page out; what is damaged; memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/io.h>
#include <stdlib.h>
#include <string.h>

#include "support/files.h"

static dnn_tensor *image(dnn_dtype dtype, int64_t height, int64_t width, int64_t channels) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, files_ctx, dtype, 3, (int64_t[]){height, width, channels}), DNN_OK);
    return t;
}

static dnn_status add(dnn_run *run, const char *tag, dnn_dtype dtype, int64_t channels) {
    dnn_tensor *t = image(dtype, 12, 9, channels);
    dnn_status status = dnn_run_add_image(files_ctx, run, tag, 3, t);
    dnn_tensor_release(t);
    return status;
}

static char *page_of(const char *path) {
    size_t n;
    unsigned char *bytes = file_get(path, &n);
    char *page = calloc(1, n + 1);
    memcpy(page, bytes, n);
    free(bytes);
    return page;
}

static int occurrences(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

static void test_page(void **state) {
    (void)state;
    char folder[512], path[600];
    dnn_run *run;
    dnn_report *more;
    snprintf(folder, sizeof folder, "%s", file_path("page"));
    assert_int_equal(dnn_run_create(&run, files_ctx, folder, NULL), DNN_OK);
    assert_int_equal(add(run, "grey", DNN_U8, 1), DNN_OK);
    assert_int_equal(add(run, "grey and alpha", DNN_U8, 2), DNN_OK);
    assert_int_equal(add(run, "sheets/colour", DNN_F32, 3), DNN_OK);
    assert_int_equal(add(run, "colour and alpha", DNN_U8, 4), DNN_OK);
    assert_int_equal(add(run, "five", DNN_U8, 5), DNN_ERROR_SHAPE);
    file_put("page/pictures/damaged.png", "\x89PNG", 4);
    file_put("page/pictures/other.txt", "text", 4);
    for (int i = 0; i < 5; i++) assert_int_equal(dnn_run_add_scalar(run, "loss", i, 1.0 / (i + 1)), DNN_OK);
    assert_int_equal(dnn_run_set_text(run, "note", "<b>&"), DNN_OK);
    assert_int_equal(dnn_run_end(run, DNN_OK), DNN_OK);
    assert_int_equal(dnn_run_release(run), DNN_OK);
    assert_int_equal(dnn_report_create(&more, files_ctx, "preflight"), DNN_OK);
    assert_int_equal(dnn_report_add_section(more, "baselines", "prior 0.1\n", NULL), DNN_OK);
    assert_int_equal(dnn_run_write_html(files_ctx, NULL, folder, more), DNN_OK);
    dnn_report_release(more);
    snprintf(path, sizeof path, "%s/index.html", folder);
    char *page = page_of(path);
    assert_int_equal(occurrences(page, "data:image/png;base64,"), 5); /* the curve, and four */
    assert_non_null(strstr(page, "sheets-colour"));
    assert_non_null(strstr(page, "picture-unreadable"));
    assert_non_null(strstr(page, "note  &lt;b&gt;&amp;"));
    assert_non_null(strstr(page, "baselines"));
    free(page);
}

static void test_refusals(void **state) {
    (void)state;
    dnn_tensor *t = image(DNN_U8, 2, 2, 1);
    dnn_run *run;
    assert_int_equal(dnn_run_create(&run, files_ctx, file_path("refusals"), NULL), DNN_OK);
    assert_int_equal(dnn_run_add_image(NULL, run, "x", 1, t), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_add_image(files_ctx, NULL, "x", 1, t), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_add_image(files_ctx, run, NULL, 1, t), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_add_image(files_ctx, run, "x", -1, t), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_add_image(files_ctx, run, "x", 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_write_html(files_ctx, NULL, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_write_html(NULL, NULL, file_path("refusals"), NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_run_write_html(files_ctx, NULL, file_path("nothing"), NULL), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_run_write_html(files_ctx, NULL, file_path("refusals"), (dnn_report *)t), DNN_ERROR_HANDLE);
    dnn_run_release(run);
    dnn_tensor_release(t);
}

static dnn_status make_page(void) {
    dnn_tensor *t = NULL;
    dnn_run *run = NULL;
    dnn_run_desc d = {DNN_SIZED(dnn_run_desc), .mode = DNN_RUN_CONTINUE, .no_events = 1};
    const char *folder = file_path("memory");
    dnn_status status = dnn_tensor_create(&t, files_ctx, DNN_U8, 3, (int64_t[]){3, 3, 4});
    if (status == DNN_OK) status = dnn_run_create(&run, files_ctx, folder, &d);
    if (status == DNN_OK) status = dnn_run_add_image(files_ctx, run, "x", 1, t);
    if (status == DNN_OK) status = dnn_run_end(run, DNN_OK);
    dnn_run_release(run);
    dnn_tensor_release(t);
    return status == DNN_OK ? dnn_run_write_html(files_ctx, NULL, folder, NULL) : status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    expect_out_of_memory_to_be_told(make_page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
