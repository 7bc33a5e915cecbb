/* Reports as pages: well-formed, with nothing from outside, hostile text as text, pictures whole; files and memory that
 * fail. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/allocator.h"

static char folder[] = "/tmp/dnn-html-XXXXXX", path[64], png[64];
static test_allocator memory;
static dnn_context *ctx;
static dnn_report *report;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    strcpy(folder, "/tmp/dnn-html-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/a.html", folder);
    snprintf(png, sizeof png, "%s/a.png", folder);
    if (dnn_context_create(&ctx, &desc) != DNN_OK) return -1;
    return dnn_report_create(&report, ctx, "look at <train>") == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    unlink(png);
    dnn_report_release(report);
    if (dnn_context_release(ctx) != DNN_OK || memory.live != 0) return -1;
    return rmdir(folder);
}

static void add_picture(int64_t height, int64_t width) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_U8, 3, (int64_t[]){height, width, 3}), DNN_OK);
    unsigned char *p = dnn_tensor_data(t);
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) p[i] = (unsigned char)(i * 31 + i / 7);
    assert_int_equal(dnn_report_add_picture(report, "a \"picture\"", t), DNN_OK);
    dnn_tensor_release(t);
}

static void fill(void) {
    static const int64_t samples[] = {4, 8};
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_ERROR, .name = "scaled-twice",
                     .what = "</p><script>alert('x')</script>", .how = "a & b", .action = "scale \"once\"",
                     .set = "<img src=x onerror=alert(1)>", .samples = samples, .n_samples = 2, .picture = 0};
    add_picture(3, 5);
    add_picture(40, 30);
    assert_int_equal(dnn_report_add_finding(report, &f), DNN_OK);
    assert_int_equal(dnn_report_add_figure(report, "first loss", 2.5, "ln 10"), DNN_OK);
    assert_int_equal(dnn_report_add_section(report, "classes", "cat 3\n</pre><b>dog</b> 4\n", NULL), DNN_OK);
}

/* The file as a string; the caller frees it. */
static char *read_file(const char *name, long *bytes) {
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *bytes = ftell(file);
    rewind(file);
    char *text = malloc((size_t)*bytes + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)*bytes, file), (size_t)*bytes);
    text[*bytes] = '\0';
    fclose(file);
    return text;
}

static char *page(const char *title) {
    long bytes;
    if (dnn_report_write_html(ctx, path, report, title) != DNN_OK) fail_msg("%s", dnn_last_error());
    return read_file(path, &bytes);
}

static void expect(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("this is not there: %s", part);
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) n++;
    return n;
}

/* ---- what is there ---- */

static void test_parts(void **state) {
    (void)state;
    fill();
    char *text = page(NULL);
    expect(text, "<!doctype html>");
    expect(text, "<title>look at &lt;train&gt;</title>");
    expect(text, "<h1>look at &lt;train&gt;</h1>");
    expect(text, "<li class=\"badge error\">1 error</li>");
    expect(text, "<p class=\"how\">a &amp; b</p>");
    expect(text, "<b>Do:</b> scale &quot;once&quot;</p>");
    expect(text, "Samples 4, 8</p>");
    expect(text, "<th scope=\"row\">first loss</th><td class=\"value\">2.5</td><td class=\"aside\">ln 10</td>");
    expect(text, "<pre>cat 3\n&lt;/pre&gt;&lt;b&gt;dog&lt;/b&gt; 4\n</pre>");
    expect(text, "</html>\n");
    assert_int_equal(count(text, "src=\"data:image/png;base64,"), 2);
    assert_int_equal(count(text, "alt=\"a &quot;picture&quot;\" width=\"5\" height=\"3\""), 1);
    free(text);
}

/* Nothing is loaded, nothing runs, whatever the text says. */
static void test_hostile_text(void **state) {
    (void)state;
    fill();
    char *text = page("<script>1</script>\x1b\xff");
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<img src=x"));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\xff'));
    expect(text, "default-src 'none'");
    expect(text, "<h1>&lt;script&gt;1&lt;/script&gt;\xef\xbf\xbd\xef\xbf\xbd</h1>");
    expect(text, "&lt;img src=x onerror=alert(1)&gt;");
    free(text);
}

static void test_nothing_found(void **state) {
    (void)state;
    char *text = page(NULL);
    expect(text, "<li class=\"badge good\">nothing found</li>");
    assert_null(strstr(text, "<h2>"));
    free(text);
}

/* ---- pictures ---- */

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes the picture at `at` into a file. */
static void save_picture(const char *at) {
    FILE *file = fopen(png, "wb");
    assert_non_null(file);
    for (; *at != '"'; at += 4) {
        int d[4];
        for (int i = 0; i < 4; i++) d[i] = digit(at[i]);
        assert_true(d[0] >= 0 && d[1] >= 0);
        fputc(d[0] << 2 | d[1] >> 4, file);
        if (d[2] >= 0) fputc((d[1] & 15) << 4 | d[2] >> 2, file);
        if (d[3] >= 0) fputc((d[2] & 3) << 6 | d[3], file);
    }
    fclose(file);
}

/* Each picture is a PNG file with the pixels that were given. */
static void test_pictures_are_whole(void **state) {
    (void)state;
    for (int64_t width = 1; width < 8; width++) add_picture(width, 2 * width + 1);
    char *text = page(NULL), *at = text;
    for (int64_t i = 0; i < 7; i++) {
        dnn_picture p = {DNN_SIZED(dnn_picture), .title = NULL};
        dnn_tensor *read;
        at = strstr(at, "base64,") + 7;
        save_picture(at);
        assert_int_equal(dnn_png_read(&read, ctx, png, NULL), DNN_OK);
        assert_int_equal(dnn_report_picture(report, i, &p), DNN_OK);
        assert_int_equal(dnn_tensor_count(read), dnn_tensor_count(p.image));
        assert_memory_equal(dnn_tensor_data(read), dnn_tensor_const_data(p.image), (size_t)dnn_tensor_count(read));
        dnn_tensor_release(read);
    }
    free(text);
}

static void test_same_bytes(void **state) {
    (void)state;
    fill();
    char *one = page(NULL), *two = page(NULL);
    assert_string_equal(one, two);
    free(one);
    free(two);
}

/* ---- what fails ---- */

static void test_refusals(void **state) {
    (void)state;
    char nowhere[96];
    snprintf(nowhere, sizeof nowhere, "%s/none/a.html", folder);
    assert_int_equal(dnn_report_write_html(ctx, nowhere, report, NULL), DNN_ERROR_IO);
    assert_non_null(strstr(dnn_last_error(), "none/a.html: "));
    assert_int_equal(dnn_report_write_html(ctx, folder, report, NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_report_write_html(ctx, NULL, report, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_report_write_html(NULL, path, report, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_report_write_html(ctx, path, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_report_write_html(ctx, path, (dnn_report *)ctx, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(access(path, F_OK), -1);
}

/* What was there stays until the new page is complete, and no other file is left. */
static void test_out_of_memory(void **state) {
    (void)state;
    long bytes;
    char *before = page("before"), *after;
    fill();
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t fail = 1; status != DNN_OK; fail++) {
        test_allocator_arm(&memory, fail, false);
        status = dnn_report_write_html(ctx, path, report, "after");
        test_allocator_arm(&memory, 0, false);
        after = read_file(path, &bytes);
        assert_true(status == DNN_OK || status == DNN_ERROR_MEMORY);
        if (status != DNN_OK) assert_string_equal(before, after);
        free(after);
    }
    free(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pictures_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
