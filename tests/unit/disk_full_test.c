/* The disk is full: whatever writes a file says so, with the path and the system's reason; what was there before stays
 * whole, nothing half-written is left, the run in memory is as it was, and the next try, with room, succeeds. The kernel
 * refuses to let files grow (RLIMIT_FSIZE), which for a program is what a full disk is. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <dnn/io.h>

#include "support/files.h"
#include "support/training_run.h"

enum { ROOM = 64 };

static training_run run;
static dnn_report *report;
static dnn_statistics *statistics;
static dnn_dataset *half;
static dnn_tensor *picture;
static struct rlimit usual;

static void fill_disk(void) {
    struct rlimit few = usual;
    few.rlim_cur = ROOM;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
}

static void make_room(void) { assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0); }

static int set_up(void **state) {
    signal(SIGXFSZ, SIG_IGN);
    if (files_set_up(state) || getrlimit(RLIMIT_FSIZE, &usual)) return -1;
    if (training_run_start(&run, NULL, false) || training_run_step(&run)) return -1;
    if (dnn_audit(&report, run.data, NULL, NULL) || dnn_statistics_fit(&statistics, run.data, NULL)) return -1;
    if (dnn_dataset_first(&half, run.data, 25)) return -1;
    return dnn_sheet_samples(&picture, run.data, NULL) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    dnn_tensor_release(picture);
    dnn_dataset_release(half);
    dnn_statistics_release(statistics);
    dnn_report_release(report);
    training_run_end(&run);
    return files_tear_down(state);
}

/* ---- what writes a file ---- */

static dnn_status checkpoint(const char *path) { return dnn_checkpoint_write(path, &run.parts); }
static dnn_status weights(const char *path) { return dnn_weights_save(run.net, path, NULL); }
static dnn_status figures(const char *path) { return dnn_statistics_save(statistics, path); }
static dnn_status indices(const char *path) {
    const char *name = "half";
    return dnn_index_save(path, run.data, &name, &half, 1, NULL);
}
static dnn_status array(const char *path) { return dnn_npy_write(run.ctx, path, picture); }
static dnn_status png(const char *path) { return dnn_png_write(run.ctx, path, picture); }
static dnn_status page(const char *path) { return dnn_report_write_html(run.ctx, path, report, NULL); }

typedef dnn_status writer(const char *path);
static const struct {
    const char *name;
    writer *write;
} writers[] = {{"checkpoint", checkpoint}, {"weights", weights}, {"statistics", figures}, {"index", indices},
               {"array", array},           {"picture", png},     {"report", page}};

static int files_beside(const char *path) {
    char folder[512];
    int n = 0;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    DIR *all = opendir(folder);
    assert_non_null(all);
    while (readdir(all)) n++;
    closedir(all);
    return n;
}

static void expect_refused(writer *write, const char *path, bool there) {
    int before = files_beside(path);
    uint64_t bits = training_run_bits(&run);
    fill_disk();
    dnn_status status = write(path);
    make_room();
    expect_refusal(status, DNN_ERROR_IO, NULL, strerror(EFBIG));
    if (!strstr(dnn_last_error(), strrchr(path, '/'))) fail_msg("%s is not named: %s", path, dnn_last_error());
    assert_int_equal(files_beside(path), before);
    assert_int_equal(access(path, F_OK), there ? 0 : -1);
    assert_true(training_run_bits(&run) == bits);
}

static void expect_same_file(const char *path, const unsigned char *bytes, size_t n) {
    size_t now;
    unsigned char *all = file_get(path, &now);
    assert_int_equal(now, n);
    assert_memory_equal(all, bytes, n);
    free(all);
}

static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        char name[64];
        snprintf(name, sizeof name, "full/%s", writers[i].name);
        const char *path = file_path(name);
        expect_refused(writers[i].write, path, false);
        if (writers[i].write(path) != DNN_OK) fail_msg("%s: %s", name, dnn_last_error());
        size_t n;
        unsigned char *good = file_get(path, &n);
        expect_refused(writers[i].write, path, true);
        expect_same_file(path, good, n);
        free(good);
    }
}

/* A folder of checkpoints: the last good one still loads. */
static void test_folder(void **state) {
    (void)state;
    const char *folder = file_path("run");
    int64_t number;
    assert_int_equal(dnn_checkpoint_save(folder, &run.parts, NULL), DNN_OK);
    uint64_t bits = training_run_bits(&run);
    int64_t good = dnn_optimizer_steps(run.opt);
    assert_int_equal(training_run_step(&run), DNN_OK);
    fill_disk();
    dnn_status status = dnn_checkpoint_save(folder, &run.parts, NULL);
    make_room();
    expect_refusal(status, DNN_ERROR_IO, NULL, strerror(EFBIG));
    assert_int_equal(dnn_checkpoint_resume(folder, &run.parts, &number), DNN_OK);
    assert_int_equal(number, good);
    assert_true(training_run_bits(&run) == bits);
}

/* A folder that is not there, or may not be written to: the same words, whatever is written. */
static void test_nowhere(void **state) {
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/none/file", file_path("nowhere"));
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        uint64_t bits = training_run_bits(&run);
        expect_refusal(writers[i].write(path), DNN_ERROR_IO, NULL, strerror(ENOENT));
        if (!strstr(dnn_last_error(), path)) fail_msg("%s is not named: %s", path, dnn_last_error());
        assert_true(training_run_bits(&run) == bits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_folder),
                                       cmocka_unit_test(test_nowhere)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
