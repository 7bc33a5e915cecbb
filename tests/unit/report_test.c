/* Reports: what goes in comes out, in order, cleaned, as text and as JSON; wrong calls; out of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "support/allocator.h"

static test_allocator memory;
static dnn_context *ctx;
static dnn_report *report;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    if (dnn_context_create(&ctx, &desc) != DNN_OK) return -1;
    return dnn_report_create(&report, ctx, "look at train") == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    dnn_report_release(report);
    return dnn_context_release(ctx) == DNN_OK && memory.live == 0 ? 0 : -1;
}

static dnn_tensor *picture(int64_t height, int64_t width) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_U8, 3, (int64_t[]){height, width, 3}), DNN_OK);
    return t;
}

static dnn_finding finding(dnn_severity severity, const char *name) {
    return (dnn_finding){DNN_SIZED(dnn_finding), .severity = severity, .name = name, .what = "Something.",
                         .picture = -1};
}

static void add(dnn_report *r, dnn_severity severity, const char *name) {
    dnn_finding f = finding(severity, name);
    assert_int_equal(dnn_report_add_finding(r, &f), DNN_OK);
}

/* ---- order ---- */

static void test_empty(void **state) {
    (void)state;
    assert_int_equal(dnn_report_worst(report), DNN_SEVERITY_NONE);
    assert_int_equal(dnn_report_findings(report), 0);
    assert_string_equal(dnn_report_text(report), "look at train: nothing found\n");
    assert_string_equal(dnn_report_json(report),
                        "{\"title\":\"look at train\",\"worst\":\"none\",\"errors\":0,\"warnings\":0,\"notes\":0,"
                        "\"findings\":[],\"figures\":[],\"sections\":[],\"pictures\":[]}\n");
}

static void test_worst_first(void **state) {
    (void)state;
    static const char *const wanted[] = {"e1", "e2", "w1", "w2", "n1"};
    add(report, DNN_SEVERITY_WARNING, "w1");
    add(report, DNN_SEVERITY_NOTE, "n1");
    add(report, DNN_SEVERITY_ERROR, "e1");
    add(report, DNN_SEVERITY_WARNING, "w2");
    add(report, DNN_SEVERITY_ERROR, "e2");
    assert_int_equal(dnn_report_findings(report), 5);
    for (int i = 0; i < 5; i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding), .name = NULL};
        assert_int_equal(dnn_report_finding(report, i, &f), DNN_OK);
        assert_string_equal(f.name, wanted[i]);
    }
    assert_int_equal(dnn_report_worst(report), DNN_SEVERITY_ERROR);
    assert_int_equal(dnn_report_find(report, "w2", NULL), DNN_OK);
    assert_int_equal(dnn_report_find(report, "w3", NULL), DNN_ERROR_NOT_FOUND);
    assert_string_equal(dnn_last_error(), "no finding is called \"w3\"");
}

/* ---- words ---- */

static void fill(dnn_report *r) {
    int64_t samples[20];
    for (int i = 0; i < 20; i++) samples[i] = 7 * i;
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_ERROR, .name = "scaled-twice",
                     .what = "The inputs reach only 0.0039.", .how = "times 255 is 1.00", .action = "scale once",
                     .set = "train", .samples = samples, .n_samples = 20, .picture = 0};
    dnn_tensor *t = picture(2, 3);
    assert_int_equal(dnni_report_give_picture(r, "the first batch", t), DNN_OK);
    assert_int_equal(dnn_report_add_finding(r, &f), DNN_OK);
    assert_int_equal(dnn_report_add_figure(r, "first loss", 2.5, "ln 10 = 2.303"), DNN_OK);
    assert_int_equal(dnn_report_add_figure(r, "Größe", NAN, NULL), DNN_OK);
    assert_int_equal(dnn_report_add_section(r, "classes", "cat 3\n\ndog 4", "[3,4]"), DNN_OK);
}

static void test_text(void **state) {
    (void)state;
    fill(report);
    assert_string_equal(dnn_report_text(report), "look at train: 1 error\n"
                                                 "\n"
                                                 "ERROR  scaled-twice (train)\n"
                                                 "  The inputs reach only 0.0039.\n"
                                                 "  Evidence: times 255 is 1.00\n"
                                                 "  Samples: 0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, … (20 in all)\n"
                                                 "  Picture 1: the first batch\n"
                                                 "  Do: scale once\n"
                                                 "\n"
                                                 "Figures\n"
                                                 "  first loss  2.5           ln 10 = 2.303\n"
                                                 "  Größe       nan\n"
                                                 "\n"
                                                 "classes\n"
                                                 "  cat 3\n"
                                                 "\n"
                                                 "  dog 4\n");
}

static void test_json(void **state) {
    (void)state;
    dnn_finding f = finding(DNN_SEVERITY_NOTE, "quotes");
    f.what = "a \"b\" \\ c";
    fill(report);
    assert_int_equal(dnn_report_add_finding(report, &f), DNN_OK);
    assert_string_equal(
        dnn_report_json(report),
        "{\"title\":\"look at train\",\"worst\":\"error\",\"errors\":1,\"warnings\":0,\"notes\":1,\"findings\":["
        "{\"severity\":\"error\",\"name\":\"scaled-twice\",\"what\":\"The inputs reach only 0.0039.\","
        "\"how\":\"times 255 is 1.00\",\"action\":\"scale once\",\"set\":\"train\",\"samples\":[0,7,14,21,28,35,42,49,"
        "56,63,70,77,84,91,98,105,112,119,126,133],\"picture\":0},"
        "{\"severity\":\"note\",\"name\":\"quotes\",\"what\":\"a \\\"b\\\" \\\\ c\",\"how\":\"\",\"action\":\"\","
        "\"set\":\"\",\"samples\":[],\"picture\":null}],"
        "\"figures\":[{\"name\":\"first loss\",\"value\":2.5,\"note\":\"ln 10 = 2.303\"},"
        "{\"name\":\"Größe\",\"value\":null,\"note\":\"\"}],"
        "\"sections\":[{\"title\":\"classes\",\"text\":\"cat 3\\u000a\\u000adog 4\",\"data\":[3,4]}],"
        "\"pictures\":[{\"title\":\"the first batch\",\"height\":2,\"width\":3}]}\n");
}

/* Escape sequences of terminals, bytes that are no UTF-8, turned writing, lines where one is due. */
static void test_hostile_text(void **state) {
    (void)state;
    dnn_finding f = finding(DNN_SEVERITY_NOTE, "x\x1b[2Jy");
    f.what = "a\nb\tc\x80\xff d\xe2\x80\xae" "e\xc2\x9b" "f\xf0\x9f\x90\x88";
    assert_int_equal(dnn_report_add_finding(report, &f), DNN_OK);
    assert_int_equal(dnn_report_finding(report, 0, &f), DNN_OK);
    assert_string_equal(f.name, "x\xef\xbf\xbd[2Jy");
    assert_string_equal(f.what, "a b c\xef\xbf\xbd\xef\xbf\xbd d\xef\xbf\xbd" "e\xef\xbf\xbd" "f\xf0\x9f\x90\x88");
    assert_int_equal(dnn_report_add_section(report, "t", "a\nb\r\nc\x1b", NULL), DNN_OK);
    dnn_section s = {DNN_SIZED(dnn_section), .title = NULL};
    assert_int_equal(dnn_report_section(report, 0, &s), DNN_OK);
    assert_string_equal(s.text, "a\nb \nc\xef\xbf\xbd");
    assert_string_equal(s.json, "null");
}

/* ---- as the library adds ---- */

static void test_printed(void **state) {
    (void)state;
    add(report, DNN_SEVERITY_WARNING, "before");
    assert_int_equal(dnni_report_add(report, DNN_SEVERITY_ERROR, "n", "%d of %s", 3, "ten"), DNN_OK);
    assert_string_equal(dnn_report_text(report),
                        "look at train: 1 error, 1 warning\n\nERROR  n\n  3 of ten\n\nWARNING  before\n  Something.\n");
    assert_int_equal(dnni_report_how(report, "%d", 1), DNN_OK);
    assert_int_equal(dnni_report_action(report, "do %s", "that"), DNN_OK);
    assert_int_equal(dnni_report_set(report, "test"), DNN_OK);
    assert_int_equal(dnni_report_samples(report, (int64_t[]){5}, 1), DNN_OK);
    assert_int_equal(dnni_report_give_picture(report, "p", picture(1, 1)), DNN_OK);
    dnni_report_show(report, 0);
    assert_string_equal(dnn_report_text(report), "look at train: 1 error, 1 warning\n\n"
                                                 "ERROR  n (test)\n  3 of ten\n  Evidence: 1\n  Sample: 5\n"
                                                 "  Picture 1: p\n  Do: do that\n\nWARNING  before\n  Something.\n");
}

static void test_append(void **state) {
    (void)state;
    dnn_report *other;
    dnn_finding f = {DNN_SIZED(dnn_finding), .name = NULL};
    dnn_picture p = {DNN_SIZED(dnn_picture), .title = NULL};
    dnn_section s = {DNN_SIZED(dnn_section), .title = NULL};
    dnn_figure figure = {DNN_SIZED(dnn_figure), .name = NULL};
    fill(report);
    assert_int_equal(dnn_report_create(&other, ctx, "audit"), DNN_OK);
    fill(other);
    add(other, DNN_SEVERITY_NOTE, "note");
    assert_int_equal(dnn_report_append(report, other), DNN_OK);
    dnn_report_release(other);
    assert_int_equal(dnn_report_findings(report), 3);
    assert_int_equal(dnn_report_finding(report, 1, &f), DNN_OK);
    assert_int_equal(f.picture, 1);
    assert_int_equal(f.samples[19], 133);
    assert_string_equal(f.set, "train");
    assert_int_equal(dnn_report_find(report, "note", &f), DNN_OK);
    assert_string_equal(f.set, "audit");
    assert_int_equal(dnn_report_picture(report, 1, &p), DNN_OK);
    assert_string_equal(p.title, "audit: the first batch");
    assert_int_equal(dnn_tensor_dim(p.image, 1), 3);
    assert_int_equal(dnn_report_section(report, 1, &s), DNN_OK);
    assert_string_equal(s.title, "audit: classes");
    assert_string_equal(s.json, "[3,4]");
    assert_int_equal(dnn_report_figures(report), 4);
    assert_int_equal(dnn_report_figure(report, 2, &figure), DNN_OK);
    assert_string_equal(figure.name, "audit: first loss");
}

/* ---- wrong calls ---- */

static void refused(dnn_status status, dnn_status wanted, const char *line) {
    assert_int_equal(status, wanted);
    assert_string_equal(dnn_last_error(), line);
}

static void test_refusals(void **state) {
    (void)state;
    dnn_finding f = finding((dnn_severity)15, "x");
    refused(dnn_report_add_finding(report, &f), DNN_ERROR_ARGUMENT, "finding.severity is 15, which is no severity");
    f = finding(DNN_SEVERITY_NOTE, "");
    refused(dnn_report_add_finding(report, &f), DNN_ERROR_ARGUMENT, "finding.name is empty");
    f = finding(DNN_SEVERITY_NOTE, "x");
    f.n_samples = 2;
    refused(dnn_report_add_finding(report, &f), DNN_ERROR_ARGUMENT, "finding.samples: 2 of them, NULL");
    f = finding(DNN_SEVERITY_NOTE, "x");
    f.picture = 0;
    refused(dnn_report_add_finding(report, &f), DNN_ERROR_NOT_FOUND, "there is no picture 0, the report has 0");
    refused(dnn_report_finding(report, -1, &f), DNN_ERROR_NOT_FOUND, "there is no finding -1, the report has 0");
    refused(dnn_report_append(report, report), DNN_ERROR_ARGUMENT, "a report cannot be appended to itself");
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 3, (int64_t[]){1, 1, 3}), DNN_OK);
    refused(dnn_report_add_picture(report, "t", t), DNN_ERROR_DTYPE, "a picture is uint8, not float32");
    dnn_tensor_release(t);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_U8, 2, (int64_t[]){4, 4}), DNN_OK);
    refused(dnn_report_add_picture(report, "t", t), DNN_ERROR_SHAPE, "a picture is (H, W, 3) or (H, W, 1), not [4,4]");
    dnn_tensor_release(t);
    assert_string_equal(dnn_report_text(report), "look at train: nothing found\n");
}

/* Whatever allocation fails, what was there is unchanged, and the call can be repeated. */
static void test_out_of_memory(void **state) {
    (void)state;
    dnn_report *other;
    char before[512];
    assert_int_equal(dnn_report_create(&other, ctx, "other"), DNN_OK);
    fill(other);
    snprintf(before, sizeof before, "%s", dnn_report_text(report));
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t fail = 1; status != DNN_OK; fail++) {
        test_allocator_arm(&memory, fail, false);
        status = dnn_report_append(report, other);
        test_allocator_arm(&memory, 0, false);
        if (status == DNN_OK) break;
        assert_int_equal(status, DNN_ERROR_MEMORY);
        assert_string_equal(dnn_report_text(report), before);
        assert_int_equal(dnn_report_pictures(report) + dnn_report_figures(report) + dnn_report_sections(report), 0);
    }
    assert_int_equal(dnn_report_pictures(report), 1);
    for (int64_t fail = 1;; fail++) {
        test_allocator_arm(&memory, fail, false);
        const char *text = dnn_report_text(report), *json = dnn_report_json(report);
        test_allocator_arm(&memory, 0, false);
        if (text && json) break;
    }
    dnn_report_release(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_worst_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_printed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_append, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
