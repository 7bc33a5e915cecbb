/* Saving checkpoints when the system fails, the process is killed, the power goes. This program has its own open, write,
 * fsync, rename, unlink and close, which the library's calls are bound to: they fail on order, kill the process on
 * order, and keep a log from which the disk is made anew as a power cut may leave it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
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

#include "support/training_run.h"

/* ---- the system ---- */

enum { MOST_CALLS = 64, MOST_FILES = 64 };

typedef enum { OPEN, WRITE, FSYNC, RENAME, UNLINK, CLOSE } operation;

typedef struct {
    operation what;
    char path[192], to[192]; /* of what was opened, is synced, renamed, removed */
    void *data;
    size_t bytes;
} call;

static struct {
    int reason;  /* an errno; 0: none fails */
    int fail_at; /* the number of the call that fails; 0: none */
    bool for_ever;
    int kill_before, kill_after; /* the number of a call; 0: none */
    int calls;
    bool logging;
    call log[MOST_CALLS];
    char open_path[1024][192];
} sys;

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); }

static bool refused(void) {
    sys.calls++;
    if (sys.kill_before == sys.calls) die();
    if (!sys.fail_at || sys.reason == 0) return false;
    if (sys.calls != sys.fail_at && !(sys.for_ever && sys.calls > sys.fail_at)) return false;
    errno = sys.reason;
    return true;
}

static void done(operation what, const char *path, const char *to, const void *data, size_t bytes) {
    if (sys.kill_after == sys.calls) die();
    if (!sys.logging || sys.calls > MOST_CALLS) return;
    call *c = &sys.log[sys.calls - 1];
    *c = (call){.what = what, .bytes = bytes, .data = bytes ? malloc(bytes) : NULL};
    snprintf(c->path, sizeof c->path, "%s", path);
    if (to) snprintf(c->to, sizeof c->to, "%s", to);
    if (bytes) memcpy(c->data, data, bytes);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (refused()) return -1;
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0 && descriptor < 1024) snprintf(sys.open_path[descriptor], sizeof sys.open_path[0], "%s", path);
    done(OPEN, path, NULL, NULL, 0);
    return descriptor;
}

ssize_t write(int descriptor, const void *data, size_t bytes) {
    if (refused()) return -1;
    ssize_t put = syscall(SYS_write, descriptor, data, bytes);
    done(WRITE, sys.open_path[descriptor], NULL, data, put > 0 ? (size_t)put : 0);
    return put;
}

int fsync(int descriptor) {
    if (refused()) return -1;
    int result = (int)syscall(SYS_fsync, descriptor);
    done(FSYNC, sys.open_path[descriptor], NULL, NULL, 0);
    return result;
}

int rename(const char *from, const char *to) {
    if (refused()) return -1;
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    done(RENAME, from, to, NULL, 0);
    return result;
}

int unlink(const char *path) {
    if (refused()) return -1;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    done(UNLINK, path, NULL, NULL, 0);
    return result;
}

int close(int descriptor) {
    bool fails = refused();
    int result = (int)syscall(SYS_close, descriptor);
    if (fails) return -1;
    done(CLOSE, descriptor >= 0 && descriptor < 1024 ? sys.open_path[descriptor] : "", NULL, NULL, 0);
    return result;
}

static void peace(void) {
    sys.reason = sys.fail_at = sys.kill_before = sys.kill_after = sys.calls = 0;
    sys.for_ever = sys.logging = false;
}

/* ---- the scenario: checkpoint 1 is there, 2 is saved, of which only one is kept ---- */

static char folder[] = "/tmp/dnn-power-XXXXXX";
static training_run first, second, reader; /* as they are after one step, after two, and whatever was loaded */
static uint64_t bits[3];

static void empty_folder(void) {
    DIR *directory = opendir(folder);
    for (const struct dirent *e; directory && (e = readdir(directory));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' || strstr(e->d_name, ".tmp")) unlink(path);
    }
    if (directory) closedir(directory);
}

static dnn_status save(training_run *r) {
    dnn_checkpoint_save_desc only_one = {DNN_SIZED(dnn_checkpoint_save_desc), .keep = 1};
    return dnn_checkpoint_save(folder, &r->parts, &only_one);
}

static void begin_with_the_first(void) {
    peace();
    empty_folder();
    assert_int_equal(save(&first), DNN_OK);
    sys.calls = 0;
}

/* Which checkpoint the folder gives now, loaded exactly; 0: none. */
static int64_t loaded(void) {
    int64_t number;
    peace();
    if (dnn_checkpoint_resume(folder, &reader.parts, &number) != DNN_OK) return 0;
    assert_true(number == 1 || number == 2);
    assert_true(training_run_bits(&reader) == bits[number]);
    return number;
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder) || training_run_start(&first, NULL, false) || training_run_start(&second, NULL, false)) return -1;
    if (training_run_start(&reader, NULL, false) || training_run_step(&first)) return -1;
    if (training_run_step(&second) || training_run_step(&second)) return -1;
    bits[1] = training_run_bits(&first);
    bits[2] = training_run_bits(&second);
    return bits[1] == bits[2];
}

static int tear_down(void **state) {
    (void)state;
    peace();
    training_run_end(&reader);
    training_run_end(&second);
    training_run_end(&first);
    empty_folder();
    return rmdir(folder);
}

static int calls_of_save(void) {
    begin_with_the_first();
    assert_int_equal(save(&second), DNN_OK);
    return sys.calls;
}

/* ---- every call fails: the old one or the new one, and an error unless it is the new one ---- */

static void test_every_call_fails(void **state) {
    (void)state;
    static const int reasons[] = {EIO, ENOSPC, EROFS};
    int calls = calls_of_save();
    assert_true(calls > 8);
    for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++)
        for (int k = 1; k <= calls; k++)
            for (int for_ever = 0; for_ever < 2; for_ever++) {
                begin_with_the_first();
                sys.reason = reasons[r];
                sys.fail_at = k;
                sys.for_ever = for_ever;
                dnn_status status = save(&second);
                if (status != DNN_OK) assert_non_null(strstr(dnn_last_error(), strerror(reasons[r])));
                int64_t number = loaded();
                if (status == DNN_OK) assert_int_equal(number, 2);
                else assert_true(status == DNN_ERROR_IO && number > 0);
                assert_true(training_run_bits(&second) == bits[2]);
                assert_int_equal(save(&second), DNN_OK);
                assert_int_equal(loaded(), 2);
            }
}

/* ---- killed before and after every call ---- */

static bool killed_at(int before, int after) {
    begin_with_the_first();
    pid_t child = fork();
    if (child == 0) { /* the runs have no threads that could be missing here */
        sys.kill_before = before;
        sys.kill_after = after;
        _exit(save(&second) == DNN_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_killed_at_every_call(void **state) {
    (void)state;
    int calls = calls_of_save(), seen[3] = {0};
    for (int k = 1; k <= calls; k++)
        for (int after = 0; after < 2; after++) {
            assert_true(killed_at(after ? 0 : k, after ? k : 0));
            int64_t number = loaded();
            assert_true(number > 0);
            seen[number]++;
            assert_int_equal(save(&second), DNN_OK); /* what the killed one left behind goes */
            assert_int_equal(loaded(), 2);
        }
    assert_true(seen[1] > 0 && seen[2] > 0);
}

/* ---- the power goes ---- */

/* What is on the disk of a file that was written and not synced. */
typedef enum { LOST, TORN, HOLES, ALL_THERE, FATES } fate;

typedef struct {
    char path[192];
    unsigned char *data;
    size_t bytes;
    bool synced, removed;
} file;

typedef struct {
    file files[MOST_FILES];
    int n;
} disk;

static file *find(disk *d, const char *path) {
    for (int i = 0; i < d->n; i++)
        if (!d->files[i].removed && strcmp(d->files[i].path, path) == 0) return &d->files[i];
    return NULL;
}

static file *made(disk *d, const char *path) {
    file *f = &d->files[d->n++];
    *f = (file){.data = NULL};
    snprintf(f->path, sizeof f->path, "%s", path);
    return f;
}

static void append(file *f, const call *c) {
    f->data = realloc(f->data, f->bytes + c->bytes + 1);
    memcpy(f->data + f->bytes, c->data, c->bytes);
    f->bytes += c->bytes;
    f->synced = false;
}

/* Names change on the disk when the folder is synced, or earlier: where `eager`, at once. */
static bool names_hold(int at, int calls, bool eager) {
    for (int i = at + 1; i < calls; i++)
        if (sys.log[i].what == FSYNC && !strstr(sys.log[i].path, ".tmp")) return true;
    return eager;
}

/* The disk after the first `calls` of the log. */
static disk after(int calls, bool eager) {
    disk d = {.n = 0};
    for (int i = 0; i < calls; i++) {
        const call *c = &sys.log[i];
        file *f = find(&d, c->path);
        if (c->what == OPEN && strstr(c->path, ".tmp") && !f) made(&d, c->path);
        else if (c->what == WRITE && f) append(f, c);
        else if (c->what == FSYNC && f) f->synced = true;
        else if (c->what == RENAME && f && names_hold(i, calls, eager)) snprintf(f->path, sizeof f->path, "%s", c->to);
        else if (c->what == UNLINK && f && names_hold(i, calls, eager)) f->removed = true;
    }
    return d;
}

static bool was_removed(const char *path, int calls, bool eager) {
    for (int i = 0; i < calls; i++)
        if (sys.log[i].what == UNLINK && strcmp(sys.log[i].path, path) == 0) return names_hold(i, calls, eager);
    return false;
}

static void put_file(const file *f, fate of) {
    FILE *out = fopen(f->path, "wb");
    assert_non_null(out);
    size_t half = f->bytes / 2, bytes = f->synced || of >= HOLES ? f->bytes : of == TORN ? half : 0;
    unsigned char *data = calloc(1, f->bytes + 1);
    if (f->bytes > 0) memcpy(data, f->data, f->bytes);
    if (!f->synced && of == HOLES) memset(data, 0, half);
    assert_int_equal(fwrite(data, 1, bytes, out), bytes);
    fclose(out);
    free(data);
}

static void free_disk(disk *d) {
    for (int i = 0; i < d->n; i++) free(d->files[i].data);
}

static void test_the_power_goes(void **state) {
    (void)state;
    char old[192];
    snprintf(old, sizeof old, "%s/checkpoint-000000000001.safetensors", folder);
    begin_with_the_first();
    sys.logging = true;
    assert_int_equal(save(&second), DNN_OK);
    int calls = sys.calls, seen[3] = {0};
    assert_true(calls <= MOST_CALLS);
    for (int k = 0; k <= calls; k++)
        for (int eager = 0; eager < 2; eager++)
            for (int f = LOST; f < FATES; f++) {
                begin_with_the_first();
                disk d = after(k, eager);
                for (int i = 0; i < d.n; i++)
                    if (!d.files[i].removed) put_file(&d.files[i], (fate)f);
                if (was_removed(old, k, eager)) unlink(old);
                int64_t number = loaded();
                if (number == 0) fail_msg("power gone after call %d (%d, fate %d): nothing is left", k, eager, f);
                if (k == calls) assert_int_equal(number, 2); /* save had returned */
                seen[number]++;
                free_disk(&d);
            }
    assert_true(seen[1] > 0 && seen[2] > 0);
    for (int i = 0; i < calls; i++) free(sys.log[i].data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_fails),
        cmocka_unit_test(test_killed_at_every_call),
        cmocka_unit_test(test_the_power_goes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
