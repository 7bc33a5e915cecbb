/* Runs: what is in the folder, byte by byte where others read it; continuing; reports and comparisons; memory. */
#define _GNU_SOURCE /* memmem */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/dnn.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "hash/crc32c.h"
#include "support/runs.h"

/* ---- event files ---- */

static void expect_hex(const char *data, size_t n, const char *hex) {
    assert_true(n >= strlen(hex) / 2);
    for (size_t i = 0; i < strlen(hex) / 2; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        if ((unsigned char)data[i] != byte) fail_msg("byte %zu is %02x, not %02x", i, (unsigned char)data[i], byte);
    }
}

/* As TensorFlow's own writer has them. */
static const char version_record[] = "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a";
static const char scalar_record[] = "1a00000000000000129bd82d09000000000000004010052a0d0a0b0a046c6f7373150000003fdb81a714";

static void test_golden_events(void **state) {
    (void)state;
    size_t n, version = sizeof version_record / 2;
    const char *folder = file_path("golden");
    run_time = 1;
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    run_time = 2;
    assert_int_equal(dnn_run_add_scalar(run, "loss", 5, 0.5), DNN_OK);
    char *events = run_text(folder, "events.out.tfevents.0000000001.", 0, &n);
    expect_hex(events, n, version_record);
    expect_hex(events + version, n - version, scalar_record);
    assert_int_equal(n, version + sizeof scalar_record / 2);
    free(events);
    run_finish(run);
    expect_run_text(folder, "scalars.csv", "time,step,tag,value\n2.000,5,\"loss\",0.5\n");
}

static uint64_t little(const unsigned char *p, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static uint32_t masked(const unsigned char *data, int64_t n) {
    uint32_t sum = dnnk_crc32c(DNNK_PORTABLE, 0, data, n);
    return (sum >> 15 | sum << 17) + 0xa282ead8u;
}

/* Walks the records, whose sums must hold: how many there are, and whether one holds those bytes. */
static int records(const char *folder, int file, const char *part, size_t part_bytes, bool *found) {
    size_t n;
    int count = 0;
    unsigned char *all = (unsigned char *)run_text(folder, "events.out.", file, &n);
    assert_non_null(all);
    for (size_t at = 0; at < n; count++) {
        size_t length = (size_t)little(all + at, 8);
        assert_true(at + length + 16 <= n);
        assert_int_equal(little(all + at + 8, 4), masked(all + at, 8));
        assert_int_equal(little(all + at + 12 + length, 4), masked(all + at + 12, (int64_t)length));
        if (found && memmem(all + at + 12, length, part, part_bytes)) *found = true;
        at += length + 16;
    }
    free(all);
    return count;
}

static bool event_holds(const char *folder, int file, const char *part, size_t n) {
    bool found = false;
    records(folder, file, part, n, &found);
    return found;
}

static dnn_tensor *numbers(const double *values, int64_t n) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, files_ctx, DNN_F64, 1, &n), DNN_OK);
    memcpy(dnn_tensor_data(t), values, (size_t)n * sizeof *values);
    return t;
}

/* -0.5, 0, 0.5, 0.5, 1e30: each in the bin that ends right of it, an empty one before each stretch. */
static void test_histogram(void **state) {
    (void)state;
    const char *folder = file_path("histogram");
    const double values[] = {-0.5, 0, 0.5, 0.5, 1e30, NAN, INFINITY};
    run_time = 3;
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    dnn_tensor *t = numbers(values, 7), *empty = numbers(values, 0), *nan = numbers(values + 5, 2);
    assert_int_equal(dnn_run_add_histogram(run, "w", 0, t), DNN_OK);
    assert_int_equal(dnn_run_add_histogram(run, "w", 0, empty), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_run_add_histogram(run, "w", 0, nan), DNN_ERROR_VALUE);
    double edge = 1e-12, before = 0;
    for (; edge <= 0.5; edge *= 1.1) before = edge;
    double last = edge;
    while (last * 1.1 < 1e20) last *= 1.1;
    /* min, max, num, sum, squares; limits; counts */
    const double head[] = {-0.5, 1e30, 5, -0.5 + 0 + 0.5 + 0.5 + 1e30, 0.25 + 0.25 + 0.25 + 1e30 * 1e30};
    const double limits[] = {-before, 0, 1e-12, before, edge, last, 1.7976931348623157e308};
    const double counts[] = {1, 0, 1, 0, 2, 0, 1};
    for (int i = 0; i < 5; i++) {
        char field[9] = {(char)((i + 1) << 3 | 1)};
        memcpy(field + 1, &head[i], 8);
        assert_true(event_holds(folder, 0, field, 9));
    }
    assert_true(event_holds(folder, 0, (const char *)limits, sizeof limits));
    assert_true(event_holds(folder, 0, (const char *)counts, sizeof counts));
    expect_run_text(folder, "log.txt", "w, step 0: 2 of 7 values are not finite");
    dnn_tensor_release(nan);
    dnn_tensor_release(empty);
    dnn_tensor_release(t);
    run_finish(run);
}

/* A PNG file of one grey pixel. */
static const unsigned char pixel[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I', 'H', 'D', 'R', 0,   0,    0,   1,    0,   0,    0,
    1,    8,   0,   0,   0,    0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,   10,  'I', 'D', 'A', 'T',  'x', 0x9c, 'c', 0x60, 0,
    0,    0,   2,   0,   1,    0x48, 0xaf, 0xa4, 0x71, 0,    0,    0,    0,   'I', 'E', 'N', 'D', 0xae, 'B', 0x60, 0x82};

static void test_text_and_pictures(void **state) {
    (void)state;
    const char *folder = file_path("media");
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    dnn_report *report;
    assert_int_equal(dnn_run_add_text(run, "note", 1, "two\nlines \x1b[2J"), DNN_OK);
    expect_run_text(folder, "log.txt", "Z  two\n");
    expect_run_text(folder, "log.txt", "Z  lines \xef\xbf\xbd[2J\n");
    assert_true(event_holds(folder, 0, "note/text_summary", 17));
    assert_true(event_holds(folder, 0, "two\nlines", 9));
    assert_int_equal(dnn_run_add_png(run, "../x/y", 1, pixel, sizeof pixel), DNN_OK);
    assert_int_equal(dnn_run_add_png(run, "bad", 1, pixel, 32), DNN_ERROR_FORMAT);
    assert_int_equal(dnn_run_add_png(run, "bad", 1, "no picture, but long enough for one", 35), DNN_ERROR_FORMAT);
    assert_true(event_holds(folder, 0, (const char *)pixel, sizeof pixel));
    char pictures[300];
    snprintf(pictures, sizeof pictures, "%s/pictures", folder);
    size_t n;
    char *kept = run_text(pictures, "-.-x-y.png", 0, &n);
    assert_int_equal(n, sizeof pixel);
    free(kept);
    assert_int_equal(dnn_report_create(&report, files_ctx, "preflight"), DNN_OK);
    assert_int_equal(dnn_run_add_report(run, 1, report), DNN_OK);
    expect_run_text(folder, "log.txt", "preflight: nothing found");
    dnn_report_release(report);
    run_finish(run);
}

/* ---- run.json ---- */

static void test_json(void **state) {
    (void)state;
    const char *folder = file_path("json");
    run_time = 1e9;
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    assert_string_equal(dnn_run_folder(run), folder);
    expect_run_text(folder, "run.json", "  \"format\": 1,\n  \"name\": \"json\",\n  \"status\": \"running\",\n");
    expect_run_text(folder, "run.json", "\"started\": \"2001-09-09T01:46:40Z\",\n  \"ended\": null,\n");
    expect_run_text(folder, "run.json", "  \"arguments\": [\n    \"./train\",\n    \"--lr\",\n    \"0.1\"\n  ],\n  \"settings\": {},\n");
    assert_int_equal(dnn_run_set_number(run, "lr", 0.1), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "third", 1 / 3.0), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "nothing", NAN), DNN_OK);
    assert_int_equal(dnn_run_set_bool(run, "shuffle", 7), DNN_OK);
    assert_int_equal(dnn_run_set_text(run, "say \"it\"", "a\\\"b: {c}, [d]\n"), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "lr", 0.2), DNN_OK);
    assert_int_equal(dnn_run_flush(run), DNN_OK);
    expect_run_text(folder, "run.json", "  \"settings\": {\n    \"lr\": 0.2,\n    \"third\": 0.3333333333333333,\n    \"nothing\": \"nan\",\n"
                                    "    \"shuffle\": true,\n    \"say \\\"it\\\"\": \"a\\\\\\\"b: {c}, [d]\\u000a\"\n  },\n");
    expect_run_text(folder, "log.txt", "2001-09-09T01:46:40.000Z  setting lr: 0.2, before 0.1\n");
    assert_true(event_holds(folder, 0, "_hparams_/session_start_info", 28));
    dnn_fail(DNN_ERROR_VALUE, "diverged at step 3");
    assert_int_equal(dnn_run_end(run, DNN_ERROR_VALUE), DNN_OK);
    expect_run_text(folder, "run.json", "\"status\": \"failed\",\n  \"message\": \"diverged at step 3\",");
    assert_int_equal(dnn_run_release(run), DNN_OK);
    run = run_begin(file_path("stopped"), DNN_RUN_NEW);
    assert_int_equal(dnn_run_release(run), DNN_OK);
    expect_run_text(file_path("stopped"), "run.json", "\"status\": \"stopped\"");
}

static void test_model_and_data(void **state) {
    (void)state;
    const char *folder = file_path("model");
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = 2};
    dnn_module *net = dnn_linear(files_ctx, &linear);
    dnn_description *description;
    dnn_dataset *data;
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {4, 3}};
    assert_int_equal(dnn_module_describe(&description, net, &shape, 1), DNN_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(dnn_run_set_model(run, description), DNN_OK); /* once */
    assert_int_equal(dnn_digits(&data, files_ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 8}), DNN_OK);
    assert_int_equal(dnn_run_set_data(run, "train", data, NULL), DNN_OK);
    run_finish(run);
    expect_run_text(folder, "run.json", "\"parameters\": 8");
    expect_run_text(folder, "run.json", ", 8 samples\"");
    char *text = run_text(folder, "run.json", 0, NULL), *first = strstr(text, "linear");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"description\""));
    free(text);
    dnn_dataset_release(data);
    dnn_description_release(description);
    dnn_module_release(net);
}

static void test_context_log(void **state) {
    (void)state;
    const char *folder = file_path("log");
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    dnni_log(files_ctx, DNN_LOG_WARNING, "%s is odd", "this");
    assert_int_equal(dnn_run_log(run, "of the program"), DNN_OK);
    run_finish(run);
    dnni_log(files_ctx, DNN_LOG_INFO, "nobody hears it");
    expect_run_text(folder, "log.txt", "Z  WARNING  this is odd\n");
    expect_run_text(folder, "log.txt", "Z  of the program\n");
}

/* ---- continuing ---- */

static void test_existing_is_refused(void **state) {
    (void)state;
    const char *folder = file_path("twice");
    dnn_run *run;
    dnn_run_desc d = run_desc(DNN_RUN_NEW);
    run_finish(run_begin(folder, DNN_RUN_NEW));
    expect_refusal(dnn_run_create(&run, files_ctx, folder, &d), DNN_ERROR_STATE, folder, "continue it");
    assert_null(run);
    char deep[600];
    snprintf(deep, sizeof deep, "%s/below", file_path("none"));
    expect_refusal(dnn_run_create(&run, files_ctx, deep, NULL), DNN_ERROR_IO, deep, "the folder cannot be made");
    file_put("damaged/run.json", "{\"format\": 1,", 13);
    d.mode = DNN_RUN_CONTINUE;
    expect_refusal(dnn_run_create(&run, files_ctx, file_path("damaged"), &d), DNN_ERROR_FORMAT, NULL, "run.json, byte");
}

static void test_continue(void **state) {
    (void)state;
    const char *folder = file_path("go-on");
    dnn_report *report;
    run_time = 100;
    dnn_run *run = run_begin(folder, DNN_RUN_CONTINUE); /* there is none: it begins */
    assert_int_equal(dnn_run_set_number(run, "lr", 0.1), DNN_OK);
    for (int step = 1; step <= 7; step++) assert_int_equal(dnn_run_add_scalar(run, "loss", step, step), DNN_OK);
    assert_int_equal(dnn_run_release(run), DNN_OK);
    run_time = 200;
    run = run_begin(folder, DNN_RUN_CONTINUE);
    for (int step = 6; step <= 8; step++) assert_int_equal(dnn_run_add_scalar(run, "loss", step, -step), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "lr", 0.01), DNN_OK);
    run_finish(run);
    expect_run_text(folder, "run.json", "\"lr\": 0.01");
    expect_run_text(folder, "run.json", "\"earlier\": [\n    \"1970-01-01T00:01:40Z, stopped\"\n  ]");
    expect_run_text(folder, "log.txt", "setting lr: 0.01, before 0.1");
    assert_true(event_holds(folder, 1, "\x10\x06\x3a\x02\x08\x01", 6)); /* step 6, session_log: start */
    assert_false(event_holds(folder, 0, "\x3a\x02\x08\x01", 4));
    assert_int_equal(dnn_run_report(&report, files_ctx, folder), DNN_OK);
    dnn_figure f = {DNN_SIZED(dnn_figure), .name = NULL};
    assert_int_equal(dnn_report_figure(report, 0, &f), DNN_OK);
    assert_string_equal(f.name, "loss");
    assert_true(f.value == -8);
    assert_string_equal(f.note, "step 8; least -8 at 8, greatest 5 at 5");
    dnn_report_release(report);
}

/* A host that writes 0,5 gets files with 0.5, which are read as that. */
static void test_locale(void **state) {
    (void)state;
    const char *folder = file_path("locale");
    dnn_report *report;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) skip();
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    assert_int_equal(dnn_run_set_number(run, "lr", 0.1), DNN_OK);
    assert_int_equal(dnn_run_add_scalar(run, "loss", 1, 1.5e-7), DNN_OK);
    run_finish(run);
    assert_int_equal(dnn_run_report(&report, files_ctx, folder), DNN_OK);
    setlocale(LC_NUMERIC, "C");
    expect_run_text(folder, "run.json", "\"lr\": 0.1");
    expect_run_text(folder, "scalars.csv", ",\"loss\",1.5e-07\n");
    const double lr = 0.1;
    assert_true(event_holds(folder, 0, (const char *)&lr, sizeof lr)); /* as a hyperparameter */
    dnn_figure f = {DNN_SIZED(dnn_figure), .name = NULL};
    assert_int_equal(dnn_report_figure(report, 0, &f), DNN_OK);
    assert_true(f.value == 1.5e-7);
    dnn_report_release(report);
}

/* What a killed program has left half-written is cut off. */
static void test_torn_lines(void **state) {
    (void)state;
    const char *folder = file_path("torn");
    static const char torn[] = "time,step,tag,value\n1,1,\"loss\",0.5\n2,2,\"lo";
    file_put("torn/scalars.csv", torn, sizeof torn - 1);
    dnn_run *run = run_begin(folder, DNN_RUN_CONTINUE);
    run_time = 3;
    assert_int_equal(dnn_run_add_scalar(run, "say \"hm\", so", 2, INFINITY), DNN_OK);
    run_finish(run);
    expect_run_text(folder, "scalars.csv", "time,step,tag,value\n1,1,\"loss\",0.5\n3.000,2,\"say \"\"hm\"\", so\",inf\n");
    dnn_report *report;
    assert_int_equal(dnn_run_report(&report, files_ctx, folder), DNN_OK);
    assert_int_equal(dnn_report_pictures(report), 2);
    dnn_report_release(report);
}

/* ---- wrong calls ---- */

static void test_wrong_calls(void **state) {
    (void)state;
    char tag[300];
    memset(tag, 'x', sizeof tag);
    tag[201] = '\0';
    dnn_run *run = run_begin(file_path("wrong"), DNN_RUN_NEW);
    expect_refusal(dnn_run_add_scalar(run, "", 0, 1), DNN_ERROR_ARGUMENT, NULL, "tag has 0 bytes");
    expect_refusal(dnn_run_add_scalar(run, tag, 0, 1), DNN_ERROR_ARGUMENT, NULL, "tag has more bytes");
    expect_refusal(dnn_run_add_scalar(run, "loss", -1, 1), DNN_ERROR_ARGUMENT, NULL, "step is -1");
    expect_refusal(dnn_run_set_text(run, tag, ""), DNN_ERROR_ARGUMENT, NULL, "name has more bytes");
    tag[200] = '\0';
    for (int i = 0; i < 200; i++) tag[i] = '\x01';
    assert_int_equal(dnn_run_add_scalar(run, tag, 0, 1), DNN_OK);
    dnn_run_desc d = run_desc((dnn_run_mode)3);
    dnn_run *other;
    expect_refusal(dnn_run_create(&other, files_ctx, file_path("mode"), &d), DNN_ERROR_ARGUMENT, NULL, "desc.mode is 3");
    run_finish(run);
}

static void test_many_settings(void **state) {
    (void)state;
    char name[32];
    const char *folder = file_path("many");
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    for (int i = 0; i < 4000; i++) {
        snprintf(name, sizeof name, "setting-%d", i);
        assert_int_equal(dnn_run_set_number(run, name, i), DNN_OK);
    }
    expect_refusal(dnn_run_set_number(run, "one more", 1), DNN_ERROR_UNSUPPORTED, NULL, "4000 settings");
    assert_int_equal(dnn_run_set_number(run, "setting-7", 1), DNN_OK);
    char *large = calloc(1, 9 << 20);
    memset(large, '\n', (9 << 20) - 1);
    expect_refusal(dnn_run_set_text(run, "setting-8", large), DNN_ERROR_UNSUPPORTED, NULL, "bytes of text");
    large[1 << 19] = '\0'; /* each is six bytes in the file, and can be read again */
    assert_int_equal(dnn_run_set_text(run, "setting-8", large), DNN_OK);
    free(large);
    run_finish(run);
    run_finish(run_begin(folder, DNN_RUN_CONTINUE));
}

/* ---- memory ---- */

static int try_number;

static dnn_status whole_story(void) {
    char folder[64];
    snprintf(folder, sizeof folder, "memory-%d", try_number++);
    dnn_run_desc d = run_desc(DNN_RUN_CONTINUE);
    dnn_run *run;
    dnn_report *report = NULL;
    const char *path = file_path(folder);
    dnn_status status = dnn_run_create(&run, files_ctx, path, &d);
    if (status != DNN_OK) return status;
    const double value = 1;
    dnn_tensor *t = NULL;
    if (dnn_tensor_create(&t, files_ctx, DNN_F64, 0, NULL) == DNN_OK) *(double *)dnn_tensor_data(t) = value;
    status = t ? dnn_run_set_number(run, "lr", 0.1) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = dnn_run_add_scalar(run, "loss", 1, 0.5);
    if (status == DNN_OK) status = dnn_run_add_histogram(run, "w", 1, t);
    if (status == DNN_OK) status = dnn_run_add_text(run, "note", 1, "text");
    if (status == DNN_OK) status = dnn_run_add_png(run, "image", 1, pixel, sizeof pixel);
    if (status == DNN_OK) status = dnn_run_end(run, DNN_OK);
    dnn_tensor_release(t);
    dnn_run_release(run);
    if (status == DNN_OK) status = dnn_run_compare(&report, files_ctx, path, path);
    dnn_report_release(report);
    report = NULL;
    if (status == DNN_OK) status = dnn_run_report(&report, files_ctx, path);
    dnn_report_release(report);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    run_time = 5;
    expect_out_of_memory_to_be_told(whole_story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_events),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_text_and_pictures),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_model_and_data),
        cmocka_unit_test(test_context_log),
        cmocka_unit_test(test_existing_is_refused),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_torn_lines),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_many_settings),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
