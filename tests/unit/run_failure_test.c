/* Runs when the system fails, the process is killed, the folder goes. This program has its own open, pwrite, write,
 * ftruncate, fsync, rename and close, which the library's calls are bound to: they fail on order, also half-way, and
 * kill the process on order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/run.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash/crc32c.h"
#include "support/files.h"

/* ---- the system ---- */

static struct {
    int reason;  /* an errno; 0: none fails */
    int fail_at; /* the number of the call that fails; 0: none */
    bool for_ever;
    bool half;   /* the write before writes half of its bytes */
    int kill_before, kill_after;
    int calls;
} sys;

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); }

static bool refused(void) {
    sys.calls++;
    if (sys.kill_before == sys.calls) die();
    if (!sys.fail_at || (sys.calls != sys.fail_at && !(sys.for_ever && sys.calls > sys.fail_at))) return false;
    errno = sys.reason;
    return true;
}

static int done(long result) {
    if (sys.kill_after == sys.calls) die();
    return (int)result;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return refused() ? -1 : done(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

/* With `half`, the call that is to fail writes the first half; the caller's next call, for the rest, fails. */
static ssize_t put(int descriptor, const void *data, size_t bytes, off_t at, bool there) {
    if (refused()) {
        if (!sys.half || bytes < 2) return -1;
        sys.fail_at++;
        bytes /= 2;
    }
    long n = there ? syscall(SYS_pwrite64, descriptor, data, bytes, at) : syscall(SYS_write, descriptor, data, bytes);
    return (ssize_t)done(n);
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t at) {
    return put(descriptor, data, bytes, at, true);
}
ssize_t write(int descriptor, const void *data, size_t bytes) { return put(descriptor, data, bytes, 0, false); }
int ftruncate(int descriptor, off_t bytes) {
    return refused() ? -1 : done(syscall(SYS_ftruncate, descriptor, bytes));
}
int fsync(int descriptor) { return refused() ? -1 : done(syscall(SYS_fsync, descriptor)); }
int rename(const char *from, const char *to) {
    return refused() ? -1 : done(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int close(int descriptor) {
    bool fails = refused();
    int result = done(syscall(SYS_close, descriptor));
    return fails ? -1 : result;
}

static void peace(void) { memset(&sys, 0, sizeof sys); }

/* ---- what is in the folder ---- */

static uint64_t little(const unsigned char *p, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}

/* Whole records with the right sums, and behind them at most a part of one, if `torn` is allowed. */
static void check_events(const char *path, bool torn) {
    size_t n, at = 0;
    unsigned char *all = file_get(path, &n);
    while (at + 16 <= n && at + little(all + at, 8) + 16 <= n) {
        size_t length = (size_t)little(all + at, 8);
        uint32_t sum = dnnk_crc32c(DNNK_PORTABLE, 0, all + at + 12, (int64_t)length);
        assert_int_equal(little(all + at + 12 + length, 4), (sum >> 15 | sum << 17) + 0xa282ead8u);
        at += length + 16;
    }
    if (!torn) assert_int_equal(at, n);
    free(all);
}

static void for_each_file(const char *folder, void (*visit)(const char *path, bool flag), const char *prefix, bool flag) {
    char path[1024];
    DIR *directory = opendir(folder);
    for (const struct dirent *e; directory && (e = readdir(directory));) {
        if (e->d_name[0] == '.' && strncmp(e->d_name, ".dnn-", 5) != 0) continue;
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        visit(path, flag);
    }
    if (directory) closedir(directory);
}

static void remove_one(const char *path, bool flag) {
    (void)flag;
    unlink(path);
}

static void clear(const char *folder) {
    for_each_file(folder, remove_one, "", false);
    rmdir(folder);
}

/* How many lines scalars.csv has below its head; the last may have no end only if that is allowed. */
static int64_t points(const char *folder, bool torn) {
    char path[600];
    size_t n;
    int64_t lines = 0;
    snprintf(path, sizeof path, "%s/scalars.csv", folder);
    if (access(path, F_OK) != 0) return 0;
    unsigned char *all = file_get(path, &n);
    for (size_t i = 0; i < n; i++) lines += all[i] == '\n';
    if (n > 0 && !torn) assert_int_equal(all[n - 1], '\n');
    free(all);
    return lines > 0 ? lines - 1 : 0;
}

/* ---- the story ---- */

enum { POINTS = 4 };

static int failed_points;

/* Each status in turn, OK or IO; NULL if it could not begin. */
static dnn_status story(const char *folder) {
    dnn_run *run;
    dnn_run_desc d = {DNN_SIZED(dnn_run_desc), .mode = DNN_RUN_CONTINUE};
    dnn_status worst = dnn_run_create(&run, files_ctx, folder, &d);
    failed_points = 0;
    if (worst != DNN_OK) return worst;
    dnn_run_set_number(run, "lr", 0.1);
    for (int i = 0; i < POINTS; i++) {
        dnn_status status = dnn_run_add_scalar(run, "loss", i, 0.1 * i);
        assert_true(status == DNN_OK || status == DNN_ERROR_IO);
        failed_points += status != DNN_OK;
        if (status != DNN_OK) worst = status;
    }
    dnn_status status = dnn_run_end(run, DNN_OK);
    if (status != DNN_OK) worst = status;
    assert_int_equal(dnn_run_release(run), DNN_OK);
    return worst;
}

/* A run that goes on, and a report of it. */
static void check_goes_on(const char *folder) {
    dnn_report *report;
    int64_t before = points(folder, true);
    if (story(folder) != DNN_OK) fail_msg("it does not go on: %s", dnn_last_error());
    assert_int_equal(points(folder, false), before + POINTS);
    if (dnn_run_report(&report, files_ctx, folder) != DNN_OK) fail_msg("no report: %s", dnn_last_error());
    dnn_figure f = {DNN_SIZED(dnn_figure), .name = NULL};
    assert_int_equal(dnn_report_figure(report, 0, &f), DNN_OK);
    assert_string_equal(f.note, "step 3; least 0 at 0, greatest 0.3 at 3");
    dnn_report_release(report);
}

static void test_every_call_fails(void **state) {
    (void)state;
    static const int reasons[] = {EIO, ENOSPC};
    char folder[512];
    snprintf(folder, sizeof folder, "%s", file_path("fails"));
    peace();
    assert_int_equal(story(folder), DNN_OK);
    int calls = sys.calls;
    clear(folder);
    for (int k = 1; k <= calls; k++)
        for (int way = 0; way < 6; way++) {
            peace();
            sys.reason = reasons[way % 2];
            sys.fail_at = k;
            sys.half = way >= 4;
            sys.for_ever = way >= 2 && way < 4;
            dnn_status status = story(folder);
            int failed = failed_points;
            peace();
            assert_true(status == DNN_OK || status == DNN_ERROR_IO);
            if (status == DNN_ERROR_IO && way < 2) assert_true(strstr(dnn_last_error(), "fails/") != NULL);
            for_each_file(folder, check_events, "events.out", way >= 2 && way < 4); /* where nothing can be cut off */
            assert_true(points(folder, false) >= POINTS - failed || status != DNN_OK);
            check_goes_on(folder);
            clear(folder);
        }
}

/* Interrupted calls and short writes are gone on with. */
static void test_interrupted(void **state) {
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", file_path("interrupted"));
    peace();
    assert_int_equal(story(folder), DNN_OK);
    for (int k = 1, calls = sys.calls; k <= calls; k++) {
        clear(folder);
        peace();
        sys.reason = EINTR;
        sys.fail_at = k;
        dnn_status status = story(folder);
        if (status != DNN_OK) assert_non_null(strstr(dnn_last_error(), "cannot be replaced")); /* rename() never is */
        peace();
        for_each_file(folder, check_events, "events.out", false);
    }
    clear(folder);
}

static void test_killed_at_every_call(void **state) {
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", file_path("killed"));
    peace();
    assert_int_equal(story(folder), DNN_OK);
    int calls = sys.calls;
    clear(folder);
    for (int k = 1; k <= calls; k++)
        for (int after = 0; after < 2; after++) {
            int how;
            pid_t child = fork();
            if (child == 0) {
                peace();
                *(after ? &sys.kill_after : &sys.kill_before) = k;
                story(folder);
                _exit(0);
            }
            assert_int_equal(waitpid(child, &how, 0), child);
            assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
            peace();
            for_each_file(folder, check_events, "events.out", true);
            check_goes_on(folder);
            clear(folder);
        }
}

/* Half-written records and lines, at every length that a power cut may leave. */
static void test_torn_anywhere(void **state) {
    (void)state;
    char folder[512], path[600];
    size_t n;
    snprintf(folder, sizeof folder, "%s", file_path("torn"));
    snprintf(path, sizeof path, "%s/scalars.csv", folder);
    peace();
    assert_int_equal(story(folder), DNN_OK);
    unsigned char *all = file_get(path, &n);
    for (size_t length = 0; length <= n; length++) {
        assert_int_equal(truncate(path, 0), 0);
        file_put("torn/scalars.csv", all, length);
        dnn_report *report;
        if (dnn_run_report(&report, files_ctx, folder) != DNN_OK) fail_msg("%zu: %s", length, dnn_last_error());
        dnn_report_release(report);
        check_goes_on(folder);
    }
    free(all);
    clear(folder);
}

/* An end that could not be written is written when the run is released, as what it was. */
static void test_end_is_written_later(void **state) {
    (void)state;
    char folder[512], path[600];
    dnn_run *run;
    size_t n;
    snprintf(folder, sizeof folder, "%s", file_path("later"));
    snprintf(path, sizeof path, "%s/run.json", folder);
    peace();
    assert_int_equal(dnn_run_create(&run, files_ctx, folder, NULL), DNN_OK);
    peace();
    sys.reason = ENOSPC;
    sys.fail_at = 1;
    sys.for_ever = true;
    expect_refusal(dnn_run_end(run, DNN_OK), DNN_ERROR_IO, folder, "No space left");
    peace();
    assert_int_equal(dnn_run_release(run), DNN_OK);
    char *text = (char *)file_get(path, &n);
    text[n] = '\0';
    assert_non_null(strstr(text, "\"status\": \"done\""));
    free(text);
    clear(folder);
}

/* The folder goes while the run writes: each call says so, and nothing else happens. */
static void test_the_folder_goes(void **state) {
    (void)state;
    char folder[512];
    dnn_run *run;
    snprintf(folder, sizeof folder, "%s", file_path("gone"));
    peace();
    assert_int_equal(dnn_run_create(&run, files_ctx, folder, NULL), DNN_OK);
    clear(folder);
    for (int i = 0; i < 3; i++) {
        expect_refusal(dnn_run_add_scalar(run, "loss", i, 0.5), DNN_ERROR_IO, folder, "was removed while the run");
        expect_refusal(dnn_run_log(run, "line"), DNN_ERROR_IO, folder, "log.txt: was removed");
    }
    assert_int_equal(dnn_run_set_number(run, "lr", 1), DNN_OK);
    expect_refusal(dnn_run_flush(run), DNN_ERROR_IO, folder, "run.json: ");
    assert_int_equal(dnn_run_release(run), DNN_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_fails), cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_killed_at_every_call), cmocka_unit_test(test_torn_anywhere),
        cmocka_unit_test(test_end_is_written_later), cmocka_unit_test(test_the_folder_goes),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
