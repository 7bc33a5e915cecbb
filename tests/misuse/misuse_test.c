/* Every public function, argument by argument, called wrongly: it must say so, and nothing else may happen. The calls come
 * from the headers (generate.py), so that a new function is in this table without anybody's doing. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "misuse_calls.h"

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Handles that may be NULL: releasing nothing is fine, and some arguments are optional. */
static bool null_is_fine(const function_row *f, int at) {
    static const struct {
        const char *name;
        int at;
    } optional[] = {{"dnn_dataset_from_tensors", 2}, {"dnn_audit", 2}};
    if (strstr(f->name, "_release")) return true;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        if (strcmp(f->name, optional[i].name) == 0 && optional[i].at == at) return true;
    return false;
}

static dnn_context *new_context(void) {
    dnn_context *ctx;
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1};
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_OK);
    return ctx;
}

static void make_data(world *w) {
    int64_t four = 4;
    dnn_tensor *x, *targets;
    assert_int_equal(dnn_tensor_create(&x, w->context, DNN_F32, 2, (int64_t[]){4, 2}), DNN_OK);
    assert_int_equal(dnn_tensor_create(&targets, w->context, DNN_I64, 1, &four), DNN_OK);
    assert_int_equal(dnn_dataset_from_tensors(&w->dataset, x, targets), DNN_OK);
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = 2, .prefetch = DNN_NO_PREFETCH};
    assert_int_equal(dnn_loader_create(&w->loader, w->dataset, &d), DNN_OK);
    assert_int_equal(dnn_transform_chain(&w->transform, w->context), DNN_OK);
    assert_int_equal(dnn_statistics_fit(&w->statistics, w->dataset, NULL), DNN_OK);
    dnn_tensor_release(targets);
    dnn_tensor_release(x);
}

static void make_report(world *w) {
    dnn_check_desc d = {DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_SAMPLED, .phases = DNN_CHECK_TRAIN,
                        .skip = DNN_CHECK_NO_STRUCTURE | DNN_CHECK_NO_FLOAT32, .samples = 1};
    const dnn_tensor *x = w->tensor;
    assert_int_equal(dnn_check_gradients(&w->check_report, w->module, &x, 1, &d), DNN_OK);
}

static void make_findings(world *w) {
    dnn_tensor *picture;
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NOTE, .name = "name", .what = "what",
                     .picture = 0};
    assert_int_equal(dnn_report_create(&w->report, w->context, "title"), DNN_OK);
    assert_int_equal(dnn_tensor_create(&picture, w->context, DNN_U8, 3, (int64_t[]){1, 1, 1}), DNN_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnn_report_add_picture(w->report, "title", picture), DNN_OK);
        assert_int_equal(dnn_report_add_finding(w->report, &f), DNN_OK);
        assert_int_equal(dnn_report_add_figure(w->report, "name", 1, NULL), DNN_OK);
        assert_int_equal(dnn_report_add_section(w->report, "title", "text\n", NULL), DNN_OK);
    }
    dnn_tensor_release(picture);
}

static void make_network(world *w) {
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 2, .out_features = 1};
    w->module = dnn_linear(w->context, &linear);
    assert_non_null(w->module);
    assert_int_equal(dnn_tensor_create(&w->tensor, w->context, DNN_F32, 2, (int64_t[]){1, 2}), DNN_OK);
    assert_int_equal(dnn_predictor_create(&w->predictor, w->module), DNN_OK);
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {1, 2}};
    assert_int_equal(dnn_module_describe(&w->description, w->module, &shape, 1), DNN_OK);
    assert_int_equal(dnn_mse_create(&w->loss, w->context, NULL), DNN_OK);
    assert_int_equal(dnn_sgd_create(&w->optimizer, w->module, NULL), DNN_OK);
    dnn_schedule_desc schedule = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_PLATEAU, .lr = 0.1};
    assert_int_equal(dnn_schedule_create(&w->schedule, w->context, &schedule), DNN_OK);
    assert_int_equal(dnn_metrics_create(&w->metrics, w->context, NULL), DNN_OK);
    assert_int_equal(dnn_average_create(&w->average, w->module, NULL), DNN_OK);
    assert_int_equal(dnn_monitor_create(&w->monitor, w->module, w->optimizer, NULL), DNN_OK);
    dnn_search_desc search = {DNN_SIZED(dnn_search_desc), .trials = 2};
    assert_int_equal(dnn_search_create(&w->search, w->context, &search), DNN_OK);
    assert_int_equal(dnn_search_integer(w->search, "width", 1, 9), DNN_OK);
}

/* A run has files, which take their time: only for functions that are about runs. */
static char run_folder[] = "/dev/shm/dnn-misuse-XXXXXX";

static void make_run(world *w) {
    dnn_run_desc d = {DNN_SIZED(dnn_run_desc), .mode = DNN_RUN_CONTINUE, .no_events = 1};
    assert_int_equal(dnn_run_create(&w->run, w->context, run_folder, &d), DNN_OK);
}

static void make_world(world *w, const char *function) {
    static const char empty[] = "\2\0\0\0\0\0\0\0{}";
    memset(w, 0, sizeof *w);
    w->context = new_context();
    make_network(w);
    make_data(w);
    assert_int_equal(dnn_safetensors_parse(&w->archive, w->context, empty, 10), DNN_OK);
    if (strstr(function, "report")) make_report(w);
    make_findings(w);
    if (strncmp(function, "dnn_run_", 8) == 0) make_run(w);
    assert_int_equal(dnn_summarise(&w->summary, w->dataset, NULL), DNN_OK);
    assert_int_equal(dnn_strip_create(&w->strip, w->dataset, NULL), DNN_OK);
    for (int i = 0; i < 4; i++) {
        w->tensors[i] = w->tensor;
        w->names[i] = "name";
    }
    for (int i = 0; i < 16; i++) w->numbers[i] = 1;
    w->arrays[0] = (dnn_array){.dtype = DNN_F32, .rank = 2, .dims = {1, 2}};
}

/* The hold that the function under test has taken. */
static void give_back_retained(const function_row *f, world *w) {
    if (strcmp(f->name, "dnn_tensor_retain") == 0) dnn_tensor_release(w->tensor);
    if (strcmp(f->name, "dnn_module_retain") == 0) dnn_module_release(w->module);
    if (strcmp(f->name, "dnn_dataset_retain") == 0) dnn_dataset_release(w->dataset);
    if (strcmp(f->name, "dnn_transform_retain") == 0) dnn_transform_release(w->transform);
    if (strcmp(f->name, "dnn_statistics_retain") == 0) dnn_statistics_release(w->statistics);
}

/* Some of these were released, or handed over, by the function under test: then this is an error, and harmless. */
static void end_world(world *w) {
    dnn_run_release(w->run);
    dnn_strip_release(w->strip);
    dnn_summary_release(w->summary);
    dnn_report_release(w->report);
    dnn_statistics_release(w->statistics);
    dnn_archive_release(w->archive);
    dnn_check_report_release(w->check_report);
    dnn_loader_release(w->loader);
    dnn_transform_release(w->transform);
    dnn_dataset_release(w->dataset);
    dnn_monitor_release(w->monitor);
    dnn_average_release(w->average);
    dnn_search_release(w->search);
    dnn_metrics_release(w->metrics);
    dnn_schedule_release(w->schedule);
    dnn_optimizer_release(w->optimizer);
    dnn_loss_release(w->loss);
    dnn_description_release(w->description);
    dnn_predictor_release(w->predictor);
    dnn_tensor_release(w->tensor);
    dnn_module_release(w->module);
    dnn_context_release(w->context);
}

typedef enum { NULL_POINTER, OTHER_KIND, RELEASED, NO_HANDLE, OTHER_CONTEXT, WAYS } way;

static const char *const way_names[WAYS] = {"NULL", "a handle of another kind", "a released handle", "no handle at all",
                                            "a handle of another context"};

static void *handle_of(const world *w, argument_kind kind) {
    switch (kind) {
    case HANDLE_CONTEXT: return w->context;
    case HANDLE_TENSOR: return w->tensor;
    case HANDLE_MODULE: return w->module;
    case HANDLE_PREDICTOR: return w->predictor;
    case HANDLE_DESCRIPTION: return w->description;
    case HANDLE_LOSS: return w->loss;
    case HANDLE_OPTIMIZER: return w->optimizer;
    case HANDLE_SCHEDULE: return w->schedule;
    case HANDLE_METRICS: return w->metrics;
    case HANDLE_AVERAGE: return w->average;
    case HANDLE_MONITOR: return w->monitor;
    case HANDLE_SEARCH: return w->search;
    case HANDLE_DATASET: return w->dataset;
    case HANDLE_LOADER: return w->loader;
    case HANDLE_TRANSFORM: return w->transform;
    case HANDLE_CHECK_REPORT: return w->check_report;
    case HANDLE_ARCHIVE: return w->archive;
    case HANDLE_REPORT: return w->report;
    case HANDLE_RUN: return w->run;
    case HANDLE_SUMMARY: return w->summary;
    case HANDLE_STATISTICS: return w->statistics;
    case HANDLE_STRIP: return w->strip;
    default: return NULL;
    }
}

/* A tensor of the world's that is released; its tombstone stands. For a context, one that is gone. */
static void *released_handle(const world *w, argument_kind kind) {
    if (kind == HANDLE_CONTEXT) {
        dnn_context *gone = new_context();
        dnn_context_release(gone);
        return gone;
    }
    dnn_tensor *gone;
    assert_int_equal(dnn_tensor_create(&gone, w->context, DNN_F32, 0, NULL), DNN_OK);
    dnn_tensor_release(gone);
    return gone;
}

static void *bad_argument(const world *w, const world *other, argument_kind kind, way how) {
    static uint64_t garbage[64];
    memset(garbage, 0x5a, sizeof garbage);
    if (how == OTHER_KIND) return kind == HANDLE_TENSOR ? (void *)w->module : (void *)w->tensor;
    if (how == RELEASED) return released_handle(w, kind);
    if (how == NO_HANDLE) return garbage;
    if (how == OTHER_CONTEXT) return handle_of(other, kind);
    return NULL;
}

static bool applies(const function_row *f, int at, way how) {
    if (f->arguments[at] == VALUE) return false;
    if (f->arguments[at] == POINTER) return how == NULL_POINTER;
    if (how != OTHER_CONTEXT) return true;
    int handles = 0; /* a handle of another context is wrong only beside one of this context */
    for (int i = 0; i < f->n; i++) handles += f->arguments[i] > POINTER;
    return handles > 1;
}

/* Functions that only read the elements of a tensor, whose context is then no matter. */
static bool only_reads(const function_row *f) {
    return strcmp(f->name, "dnn_tensor_copy") == 0 || strcmp(f->name, "dnn_plot_histogram") == 0 ||
           strcmp(f->name, "dnn_plot_heat") == 0;
}

/* NULL for what is no handle may be allowed: it must only do no harm. */
static bool must_fail(const function_row *f, int at, way how) {
    if (how == NULL_POINTER && (f->arguments[at] == POINTER || null_is_fine(f, at))) return false;
    if (how == OTHER_CONTEXT && only_reads(f)) return false;
    return strcmp(f->name, "dnn_layer_mix") != 0;
}

/* A NULL child is a constructor's failure: the error is the one that it left. */
static bool repeats_an_error(const function_row *f, int at, way how) {
    if (how != NULL_POINTER) return false;
    if (strcmp(f->name, "dnn_transform_add") == 0) return at == 1;
    return at == 2 && (strstr(f->name, "dnn_graph_") || strstr(f->name, "dnn_sequential_") ||
                       strcmp(f->name, "dnn_random_apply") == 0);
}

static int check_call(const function_row *f, int at, way how) {
    world w, other;
    make_world(&w, f->name);
    make_world(&other, strncmp(f->name, "dnn_run_", 8) == 0 ? f->name : "");
    dnn_fail(DNN_ERROR_INTERNAL, "untouched");
    bool failed = f->call(&w, at, bad_argument(&w, &other, f->arguments[at], how));
    bool said = (repeats_an_error(f, at, how) || !strstr(dnn_last_error(), "untouched")) && *dnn_last_error() &&
                !strpbrk(dnn_last_error(), "\r\n");
    bool wrong = must_fail(f, at, how) && !(failed && said);
    if (wrong) print_error("%s, argument %d, %s: %s\n", f->name, at, way_names[how], failed ? "failed without a word" : "accepted");
    end_world(&other);
    end_world(&w);
    return wrong;
}

static void every_argument_of_every_function(void **state) {
    (void)state;
    int calls = 0, wrong = 0;
    for (int i = 0; i < FUNCTIONS; i++)
        for (int at = 0; at < functions[i].n; at++)
            for (int how = 0; how < WAYS; how++) {
                if (!applies(&functions[i], at, (way)how)) continue;
                wrong += check_call(&functions[i], at, (way)how);
                calls++;
            }
    print_message("%d wrong calls of %d functions\n", calls, FUNCTIONS);
    assert_int_equal(wrong, 0);
}

/* With good arguments, so far as a table can know them, nothing crashes either. */
static void every_function_with_good_arguments(void **state) {
    (void)state;
    for (int i = 0; i < FUNCTIONS; i++) {
        world w;
        make_world(&w, functions[i].name);
        if (!functions[i].call(&w, -1, NULL)) give_back_retained(&functions[i], &w);
        end_world(&w);
    }
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)kind, (void)where;
    return remove(path);
}

static int set_up(void **state) {
    (void)state;
    if (mkdtemp(run_folder)) return 0;
    snprintf(run_folder, sizeof run_folder, "/tmp/dnn-misuse-XXXXXX");
    return mkdtemp(run_folder) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return nftw(run_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_argument_of_every_function),
        cmocka_unit_test(every_function_with_good_arguments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
