/* Searches in a folder: several at a time, killed and gone on with, on disks that fail, with files that nobody vouches
 * for. This program has its own pwrite, which the library's calls are bound to: it fails on order, and kills the
 * process on order, before, in the middle of, and behind a write. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "rng/rng.h"
#include "support/files.h"

#define OK(call) assert_int_equal((call), DNN_OK)

/* ---- the system ---- */

typedef enum { BEFORE, IN_THE_MIDDLE, BEHIND, PLACES } place;

static struct {
    _Atomic int writes; /* threads count, too */
    int fail_at, reason; /* the number of a write, from 1; 0: none. Half of it is written */
    int kill_at;
    place where;
} sys;

static void die_if(place where) {
    if (sys.kill_at == sys.writes && sys.where == where) syscall(SYS_kill, getpid(), SIGKILL);
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset) {
    sys.writes++;
    die_if(BEFORE);
    if (sys.kill_at == sys.writes && sys.where == IN_THE_MIDDLE) {
        syscall(SYS_pwrite64, descriptor, data, bytes / 2, offset);
        die_if(IN_THE_MIDDLE);
    }
    if (sys.fail_at == sys.writes) {
        sys.fail_at++; /* and what follows it */
        errno = sys.reason;
        return sys.writes % 2 ? -1 : (ssize_t)syscall(SYS_pwrite64, descriptor, data, bytes / 2, offset);
    }
    ssize_t result = (ssize_t)syscall(SYS_pwrite64, descriptor, data, bytes, offset);
    die_if(BEHIND);
    return result;
}

/* ---- a search, and a run of it ---- */

enum { TRIALS = 40, MOST_STEPS = 16 };

/* Every so manyth write is tried; processes are slow to begin under a sanitizer. */
#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 12, ROUNDS = 500 };
#else
enum { STRIDE = 4, ROUNDS = 2000 };
#endif

static dnn_search_desc settings(const char *folder, int32_t promote) {
    return (dnn_search_desc){DNN_SIZED(dnn_search_desc), .folder = folder, .trials = TRIALS, .seed = 4, .min_steps = 1,
                             .max_steps = MOST_STEPS, .promote = promote};
}

static dnn_search *open_search(dnn_context *ctx, const char *folder, int32_t promote) {
    dnn_search *s;
    dnn_search_desc desc = settings(folder, promote);
    OK(dnn_search_create(&s, ctx, &desc));
    OK(dnn_search_log_uniform(s, "lr", 1e-4, 1));
    OK(dnn_search_integer(s, "layers", 1, 8));
    return s;
}

static double loss_at(const dnn_search *s, int64_t trial, int64_t step) {
    return fabs(log10(dnn_search_value(s, trial, "lr")) + 2) + 1.0 / (double)step +
           0.1 * dnnk_random_uniform(3, (uint64_t)step, (uint64_t)trial);
}

/* As a program does that keeps checkpoints: from where the trial was left. `most` trials at the most. */
static dnn_status run_trials(dnn_search *s, int most) {
    dnn_status status = DNN_OK;
    for (int64_t trial; most-- > 0 && (status = dnn_search_next(s, &trial)) == DNN_OK;) {
        dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
        status = dnn_search_trial(s, trial, &info);
        int32_t go_on = 1;
        for (int64_t step = info.steps + 1; go_on && status == DNN_OK; step++)
            status = dnn_search_tell(s, trial, step, loss_at(s, trial, step), &go_on);
        if (status != DNN_OK) break;
    }
    return status;
}

/* All that is known of all trials, as text. */
static char *summary_of(dnn_search *s) {
    enum { ROOM = 1 << 14 };
    char *text = malloc(ROOM);
    size_t used = 0;
    int64_t n = dnn_search_trials(s);
    assert_true(n >= 0);
    for (int64_t i = 0; i < n; i++) {
        dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
        OK(dnn_search_trial(s, i, &info));
        used += (size_t)snprintf(text + used, ROOM - used, "%d %d %d %.17g\n", (int)i, (int)info.state,
                                 (int)info.steps, info.value);
    }
    return text;
}

/* A new one; good until the next. */
static const char *folder_name(void) {
    static char name[32], path[600];
    static int number;
    snprintf(name, sizeof name, "search-%d", number++);
    snprintf(path, sizeof path, "%s", file_path(name));
    return path;
}

/* What a search gives that is not disturbed. */
static char *undisturbed(int32_t promote) {
    dnn_search *s = open_search(files_ctx, NULL, promote);
    assert_int_equal(run_trials(s, 1000), DNN_END);
    char *text = summary_of(s);
    dnn_search_release(s);
    return text;
}

static void assert_same_search(const char *folder, int32_t promote, const char *wanted) {
    dnn_search *s = open_search(files_ctx, folder, promote);
    char *text = summary_of(s);
    assert_string_equal(text, wanted);
    free(text);
    dnn_search_release(s);
}

/* ---- going on ---- */

static void a_search_goes_on_where_it_was(void **state) {
    (void)state;
    for (int32_t promote = 0; promote < 2; promote++) {
        const char *folder = folder_name();
        char *wanted = undisturbed(promote);
        for (dnn_status status = DNN_OK; status != DNN_END;) {
            dnn_search *s = open_search(files_ctx, folder, promote);
            status = run_trials(s, 7);
            assert_true(status == DNN_OK || status == DNN_END);
            int64_t trial; /* one that has begun and is not told anything: the next search runs it */
            if (status == DNN_OK) status = dnn_search_next(s, &trial);
            dnn_search_release(s);
        }
        assert_same_search(folder, promote, wanted);
        free(wanted);
    }
}

/* In a process of its own, killed at a write; whether it has come to that. */
static bool run_and_die(const char *folder, int32_t promote, int kill_at, place where) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dnn_context *ctx; /* that of the parent is not ours */
        if (dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}) != DNN_OK) _exit(1);
        sys.writes = 0;
        sys.kill_at = kill_at;
        sys.where = where;
        run_trials(open_search(ctx, folder, promote), 1000);
        _exit(0);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (!WIFSIGNALED(result)) assert_int_equal(WEXITSTATUS(result), 0);
    return WIFSIGNALED(result);
}

/* Killed at each write in turn, and again at the second write of the search that goes on. */
static void a_search_survives_being_killed(void **state) {
    (void)state;
    for (int32_t promote = 0; promote < 2; promote++) {
        char *wanted = undisturbed(promote);
        for (int kill_at = 1; kill_at < 130; kill_at += promote ? 3 * STRIDE : STRIDE)
            for (place where = BEFORE; where < PLACES; where++) {
                const char *folder = folder_name();
                assert_true(run_and_die(folder, promote, kill_at, where));
                assert_true(run_and_die(folder, promote, 2, where));
                dnn_search *s = open_search(files_ctx, folder, promote);
                assert_int_equal(run_trials(s, 1000), DNN_END);
                dnn_search_release(s);
                assert_same_search(folder, promote, wanted);
            }
        free(wanted);
    }
}

/* The fourth time that it is tried, the disk has room again. */
static void make_room(int *failures) {
    if (++*failures > 3) sys.fail_at = 0;
}

/* Runs a search whose k-th write fails, and those that repeat it. */
static void run_on_a_full_disk(dnn_search *s, int fail_at, int *failures) {
    dnn_status status;
    int64_t trial;
    sys.writes = 0;
    sys.fail_at = fail_at;
    sys.reason = ENOSPC;
    for (;;) {
        while ((status = dnn_search_next(s, &trial)) == DNN_ERROR_IO) make_room(failures);
        if (status == DNN_END) break;
        OK(status);
        int32_t go_on = 1;
        for (int64_t step = 1; go_on; step++) {
            double value = loss_at(s, trial, step);
            while ((status = dnn_search_tell(s, trial, step, value, &go_on)) == DNN_ERROR_IO) make_room(failures);
            OK(status);
        }
    }
}

static void a_full_disk_is_told_and_survived(void **state) {
    (void)state;
    char *wanted = undisturbed(0);
    for (int fail_at = 1; fail_at < 100; fail_at += STRIDE - 1) {
        const char *folder = folder_name();
        int failures = 0;
        dnn_search *s = open_search(files_ctx, folder, 0);
        run_on_a_full_disk(s, fail_at, &failures);
        assert_int_equal(failures, 4);
        dnn_search_release(s);
        assert_same_search(folder, 0, wanted);
    }
    free(wanted);
}

/* ---- several at a time ---- */

static void two_searches_share_the_trials(void **state) {
    (void)state;
    const char *folder = folder_name();
    dnn_search *a = open_search(files_ctx, folder, 0), *b = open_search(files_ctx, folder, 0);
    int64_t first, second, third;
    int32_t go_on;
    OK(dnn_search_next(a, &first));
    OK(dnn_search_next(b, &second));
    assert_true(first == 0 && second == 1);
    assert_true(dnn_search_value(a, 1, "lr") == dnn_search_value(b, 1, "lr"));
    OK(dnn_search_tell(a, first, 1, 0.5, &go_on));
    assert_int_equal(go_on, 1);
    OK(dnn_search_tell(b, second, 1, 0.6, &go_on)); /* worse than what the other has told */
    assert_int_equal(go_on, 0);
    dnn_search_release(a); /* leaves trial 0 */
    OK(dnn_search_next(b, &third));
    assert_int_equal(third, 0);
    a = open_search(files_ctx, folder, 0);
    OK(dnn_search_next(a, &third));
    assert_int_equal(third, 2);
    assert_int_equal(dnn_search_trials(b), 3);
    dnn_search_release(a);
    dnn_search_release(b);
}

static pid_t start_worker(const char *folder) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) return child;
    dnn_context *ctx;
    if (dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}) != DNN_OK) _exit(1);
    _exit(run_trials(open_search(ctx, folder, 0), 1000) == DNN_END ? 0 : 1);
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

static void processes_share_the_trials(void **state) {
    (void)state;
    enum { WORKERS = 4 };
    const char *folder = folder_name();
    pid_t workers[WORKERS];
    int begun[TRIALS] = {0};
    for (int i = 0; i < WORKERS; i++) workers[i] = start_worker(folder);
    for (int i = 0; i < WORKERS; i++) {
        int result;
        assert_int_equal(waitpid(workers[i], &result, 0), workers[i]);
        assert_int_equal(result, 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        char path[700], begin[64];
        size_t n;
        snprintf(path, sizeof path, "%s/worker-%d.jsonl", folder, i);
        if (access(path, R_OK) != 0) continue; /* a late one has found a file of one that was ready */
        unsigned char *text = file_get(path, &n);
        text[n] = '\0';
        for (int k = 0; k < TRIALS; k++) {
            snprintf(begin, sizeof begin, "{\"trial\":%d,\"then\":\"begin\"}", k);
            begun[k] += count((char *)text, begin);
        }
        free(text);
    }
    for (int k = 0; k < TRIALS; k++) assert_int_equal(begun[k], 1);
    dnn_search *s = open_search(files_ctx, folder, 0);
    int64_t trial;
    assert_int_equal(dnn_search_next(s, &trial), DNN_END);
    dnn_search_release(s);
}

/* Threads of one process, each with a search of its own, in one context. */
static void *run_thread(void *folder) {
    dnn_search *s = open_search(files_ctx, folder, 0);
    dnn_status status = run_trials(s, 1000);
    dnn_search_release(s);
    return status == DNN_END ? NULL : folder;
}

static void threads_share_the_trials(void **state) {
    (void)state;
    enum { THREADS = 4 };
    char folder[600];
    pthread_t threads[THREADS];
    int64_t ended = 0;
    snprintf(folder, sizeof folder, "%s", folder_name());
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_thread, folder), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    dnn_search *s = open_search(files_ctx, folder, 0);
    assert_int_equal(dnn_search_trials(s), TRIALS);
    for (int64_t k = 0; k < TRIALS; k++) {
        dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
        OK(dnn_search_trial(s, k, &info));
        ended += info.state == DNN_TRIAL_DONE || info.state == DNN_TRIAL_STOPPED;
    }
    assert_int_equal(ended, TRIALS);
    dnn_search_release(s);
}

/* ---- files that nobody vouches for ---- */

static const char *put_worker(const char *folder, const char *text, size_t n) {
    char name[64];
    snprintf(name, sizeof name, "%s/worker-0.jsonl", strrchr(folder, '/') + 1);
    return file_put(name, text, n);
}

static dnn_status look_at(const char *folder) {
    dnn_search *s = open_search(files_ctx, folder, 1);
    int64_t trial;
    dnn_status status = dnn_search_next(s, &trial);
    dnn_report *report = NULL;
    if (status == DNN_OK || status == DNN_END) status = dnn_search_report(&report, s);
    dnn_report_release(report);
    dnn_search_release(s);
    return status;
}

static void wrong_lines_are_refused(void **state) {
    (void)state;
    static const char good[] = "{\"trial\":0,\"then\":\"begin\"}\n";
    static const char *const bad[] = {
        "", "{}", "[]", "{\"trial\":0}", "{\"trial\":-1,\"then\":\"begin\"}", "{\"trial\":0.5,\"then\":\"begin\"}",
        "{\"trial\":1000000,\"then\":\"begin\"}", "{\"trial\":99999999999999999999,\"then\":\"begin\"}",
        "{\"trial\":0,\"then\":\"began\"}", "{\"trial\":0,\"then\":\"begin\"", "{\"trial\":0,\"then\":\"begin\"} x",
        "{\"trial\":0,\"then\":\"go on\"}", "{\"trial\":0,\"step\":1,\"then\":\"go on\"}",
        "{\"trial\":0,\"step\":1,\"then\":\"done\"}", "{\"trial\":0,\"step\":0,\"value\":1,\"then\":\"go on\"}",
        "{\"trial\":0,\"step\":1,\"value\":1,\"then\":\"begin\"}", "{\"trial\":0,\"step\":1,\"value\":x,\"then\":\"stop\"}",
        "{\"trial\":0,\"step\":1,\"value\":1e999,\"then\":\"stop\"}", "{\"trial\":0,\"step\":1,\"value\":nan,\"then\":\"stop\"}",
        "{\"trial\":0,\"step\":1,\"value\":0.11111111111111111111111111111111111111111111111111,\"then\":\"stop\"}",
        "{\"step\":1,\"trial\":0,\"value\":1,\"then\":\"stop\"}", "{\"trial\":0,\"then\":\"begin\",\"x\":1}", "\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        const char *folder = folder_name();
        assert_true(look_at(folder) == DNN_OK); /* makes it */
        int n = snprintf(text, sizeof text, "%s%s\n", good, bad[i]);
        put_worker(folder, text, (size_t)n);
        dnn_status status = look_at(folder);
        if (status != DNN_ERROR_FORMAT) fail_msg("%s: %s", bad[i], dnn_status_name(status));
        expect_refusal(status, DNN_ERROR_FORMAT, NULL, "line 2: ");
        assert_non_null(strstr(dnn_last_error(), "worker-0.jsonl"));
    }
}

static void a_line_that_never_ends_is_refused(void **state) {
    (void)state;
    enum { N = 1 << 17 };
    const char *folder = folder_name();
    char *text = malloc(N);
    memset(text, ' ', N);
    OK(look_at(folder));
    put_worker(folder, text, N);
    expect_refusal(look_at(folder), DNN_ERROR_FORMAT, NULL, "line 1 has more than 65535 bytes");
    free(text);
}

/* What a power cut may leave: bytes without an end, zeros. */
static void a_torn_tail_is_cut_off(void **state) {
    (void)state;
    static const char whole[] = "{\"trial\":0,\"then\":\"begin\"}\n{\"trial\":0,\"step\":1,\"value\":0.25,\"then\":\"go on\"}\n";
    static const char tails[2][12] = {"{\"trial\":0,", ""};
    for (int k = 0; k < 2; k++) {
        char text[256];
        size_t n = sizeof whole - 1;
        const char *folder = folder_name();
        OK(look_at(folder));
        memcpy(text, whole, n);
        memcpy(text + n, tails[k], 11);
        const char *path = put_worker(folder, text, n + 11);
        dnn_search *s = open_search(files_ctx, folder, 1);
        dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
        int64_t trial;
        OK(dnn_search_next(s, &trial));
        assert_int_equal(trial, 0);
        OK(dnn_search_trial(s, 0, &info));
        assert_true(info.steps == 1 && info.value == 0.25 && info.state == DNN_TRIAL_RUNNING);
        dnn_search_release(s);
        unsigned char *now = file_get(path, &n);
        now[n] = '\0';
        assert_memory_equal(now, whole, sizeof whole - 1);
        assert_string_equal((char *)now + sizeof whole - 1, "{\"trial\":0,\"then\":\"begin\"}\n");
        free(now);
    }
}

/* Bytes of a good file changed, cut, doubled: read, or refused as a file. */
static void spoilt_files_do_no_harm(void **state) {
    (void)state;
    size_t n;
    const char *folder = folder_name();
    char path[700];
    dnn_search *s = open_search(files_ctx, folder, 1);
    OK(run_trials(s, 12));
    dnn_search_release(s);
    snprintf(path, sizeof path, "%s/worker-0.jsonl", folder);
    unsigned char *good = file_get(path, &n), *spoilt = malloc(n);
    uint64_t draw = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static const char likely[] = "\n\"{},:0123456789-e.truenlstopau";
        memcpy(spoilt, good, n);
        for (uint64_t k = dnnk_random_below(1, 1, draw++, 4) + 1; k > 0; k--) {
            uint64_t at = dnnk_random_below(1, 1, draw++, n), byte = dnnk_random_below(1, 1, draw++, 64);
            spoilt[at] = byte < sizeof likely - 1 ? (unsigned char)likely[byte] : (unsigned char)(4 * byte);
        }
        put_worker(folder, (char *)spoilt, n - dnnk_random_below(1, 1, draw++, 40));
        dnn_status status = look_at(folder);
        if (status != DNN_OK && status != DNN_ERROR_FORMAT && status != DNN_ERROR_UNSUPPORTED)
            fail_msg("round %d: %s", round, dnn_last_error());
    }
    free(good);
    free(spoilt);
}

static void a_folder_of_another_search_is_refused(void **state) {
    (void)state;
    const char *folder = folder_name();
    int64_t trial;
    dnn_search *s;
    dnn_search_desc desc = settings(folder, 1);
    OK(look_at(folder));
    OK(dnn_search_create(&s, files_ctx, &desc));
    OK(dnn_search_log_uniform(s, "lr", 1e-4, 10));
    OK(dnn_search_integer(s, "layers", 1, 8));
    expect_refusal(dnn_search_next(s, &trial), DNN_ERROR_STATE, folder,
                   "it is of another search: it has \"high\":1}");
    assert_non_null(strstr(dnn_last_error(), "this one \"high\":10}"));
    assert_int_equal(dnn_search_trials(s), -1);
    dnn_search_release(s);
    desc.seed = 5;
    OK(dnn_search_create(&s, files_ctx, &desc));
    OK(dnn_search_log_uniform(s, "lr", 1e-4, 1));
    expect_refusal(dnn_search_next(s, &trial), DNN_ERROR_STATE, folder, "it has \"seed\":4");
    dnn_search_release(s);
    desc = settings(folder, 1); /* more trials are no other search */
    desc.trials = 2 * TRIALS;
    OK(dnn_search_create(&s, files_ctx, &desc));
    OK(dnn_search_log_uniform(s, "lr", 1e-4, 1));
    OK(dnn_search_integer(s, "layers", 1, 8));
    OK(dnn_search_next(s, &trial));
    dnn_search_release(s);
}

static void folders_that_are_none_are_refused(void **state) {
    (void)state;
    const char *file = file_put("a-file", "x", 1);
    char below[700];
    int64_t trial;
    dnn_search *s = open_search(files_ctx, file, 0);
    expect_refusal(dnn_search_next(s, &trial), DNN_ERROR_IO, file, "cannot be opened");
    dnn_search_release(s);
    snprintf(below, sizeof below, "%s/deeper/still", file_path("nothing"));
    s = open_search(files_ctx, below, 0);
    expect_refusal(dnn_search_next(s, &trial), DNN_ERROR_IO, below, "the folder cannot be made");
    dnn_search_release(s);
    const char *folder = folder_name();
    OK(look_at(folder));
    snprintf(below, sizeof below, "%s/worker-0.jsonl", folder);
    unlink(below);
    mkdir(below, 0777);
    assert_int_equal(look_at(folder), DNN_ERROR_IO);
    assert_non_null(strstr(dnn_last_error(), "worker-0.jsonl"));
}

/* ---- memory ---- */

static char memory_folder[600];

static dnn_status search_in_a_folder(void) {
    dnn_search *s;
    dnn_search_desc desc = settings(memory_folder, 0);
    dnn_status status = dnn_search_create(&s, files_ctx, &desc);
    if (status == DNN_OK) status = dnn_search_log_uniform(s, "lr", 1e-4, 1);
    if (status == DNN_OK) status = dnn_search_integer(s, "layers", 1, 8);
    if (status == DNN_OK) status = run_trials(s, 5);
    dnn_report *report = NULL;
    if (status == DNN_OK || status == DNN_END) status = dnn_search_report(&report, s);
    dnn_report_release(report);
    dnn_search_release(s);
    return status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    snprintf(memory_folder, sizeof memory_folder, "%s", folder_name());
    expect_out_of_memory_to_be_told(search_in_a_folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_goes_on_where_it_was),
        cmocka_unit_test(a_search_survives_being_killed),
        cmocka_unit_test(a_full_disk_is_told_and_survived),
        cmocka_unit_test(two_searches_share_the_trials),
        cmocka_unit_test(processes_share_the_trials),
        cmocka_unit_test(threads_share_the_trials),
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(a_line_that_never_ends_is_refused),
        cmocka_unit_test(a_torn_tail_is_cut_off),
        cmocka_unit_test(spoilt_files_do_no_harm),
        cmocka_unit_test(a_folder_of_another_search_is_refused),
        cmocka_unit_test(folders_that_are_none_are_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
