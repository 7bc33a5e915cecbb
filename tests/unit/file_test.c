/* Files when the system fails: this program has its own open, read, write, fsync, rename and close, which the library's
 * calls are bound to, and which fail on order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/weights.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the system ---- */

static struct {
    int reason;    /* an errno; 0: transfers of one byte */
    int fail_at;   /* the number of the call that fails; 0: none */
    bool for_ever; /* and all behind it */
    int calls;
} order;

static bool fails(void) {
    order.calls++;
    return order.fail_at && (order.calls == order.fail_at || (order.for_ever && order.calls > order.fail_at));
}

static bool refused(void) {
    if (!fails() || order.reason == 0) return false;
    errno = order.reason;
    return true;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return refused() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t read(int descriptor, void *data, size_t bytes) {
    bool now = fails();
    if (now && order.reason) {
        errno = order.reason;
        return -1;
    }
    return syscall(SYS_read, descriptor, data, now && bytes > 1 ? 1 : bytes);
}

ssize_t write(int descriptor, const void *data, size_t bytes) {
    bool now = fails();
    if (now && order.reason) {
        errno = order.reason;
        return -1;
    }
    return syscall(SYS_write, descriptor, data, now && bytes > 1 ? 1 : bytes);
}

int fsync(int descriptor) { return refused() ? -1 : (int)syscall(SYS_fsync, descriptor); }

int rename(const char *from, const char *to) {
    return refused() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* A close that fails has closed. */
int close(int descriptor) {
    int result = (int)syscall(SYS_close, descriptor);
    return refused() ? -1 : result;
}

/* ---- the scenario ---- */

static char folder[] = "/tmp/dnn-file-XXXXXX", path[64];
static dnn_context *ctx;
static dnn_tensor *before, *after;

static dnn_status save(dnn_tensor *tensor, const char *where) {
    const char *name = "w";
    return dnn_safetensors_write(ctx, where, &name, (const dnn_tensor *const[]){tensor}, 1, NULL, 0);
}

/* 1.0 for `before`, 2.0 for `after`; 0 for a file that cannot be read. */
static double content(void) {
    dnn_archive *archive;
    dnn_tensor *tensor;
    double value = 0;
    if (dnn_safetensors_read(&archive, ctx, path) != DNN_OK) return 0;
    assert_int_equal(dnn_archive_tensor(&tensor, archive, "w"), DNN_OK);
    assert_int_equal(dnn_tensor_get(tensor, 1, (const int64_t[]){7}, &value), DNN_OK);
    dnn_tensor_release(tensor);
    dnn_archive_release(archive);
    return value;
}

static int files_in_folder(void) {
    int n = 0;
    DIR *directory = opendir(folder);
    while (readdir(directory)) n++;
    closedir(directory);
    return n - 2;
}

static int set_up(void **state) {
    (void)state;
    const int64_t n = 8;
    if (!mkdtemp(folder) || dnn_context_create(&ctx, NULL) != DNN_OK) return -1;
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    if (dnn_tensor_create(&before, ctx, DNN_F32, 1, &n) != DNN_OK) return -1;
    if (dnn_tensor_create(&after, ctx, DNN_F32, 1, &n) != DNN_OK) return -1;
    return dnn_tensor_set(before, 1, (const int64_t[]){7}, 1) || dnn_tensor_set(after, 1, (const int64_t[]){7}, 2);
}

static int tear_down(void **state) {
    (void)state;
    dnn_tensor_release(before);
    dnn_tensor_release(after);
    dnn_context_release(ctx);
    unlink(path);
    return rmdir(folder);
}

static void arm(int reason, int fail_at, bool for_ever) {
    order.reason = reason;
    order.fail_at = fail_at;
    order.for_ever = for_ever;
    order.calls = 0;
}

/* ---- every call fails in turn ---- */

/* The old content or the new one, no temporary file; if the folder could not be synced, the new one and an error. */
static void check_save(int k, int calls) {
    dnn_status status = save(after, path);
    order.fail_at = 0;
    double now = content();
    if (status == DNN_OK) assert_true(now == 2);
    else assert_int_equal(status, DNN_ERROR_IO);
    if (status != DNN_OK) assert_true(now == (k > calls - 3 ? 2 : 1));
    if (status != DNN_OK) assert_memory_equal(dnn_last_error(), path, strlen(path));
    assert_int_equal(files_in_folder(), 1);
}

static int calls_of_save(void) {
    arm(0, 0, false);
    assert_int_equal(save(before, path), DNN_OK);
    return order.calls;
}

static void test_save(void **state) {
    (void)state;
    static const int reasons[] = {EIO, ENOSPC, EDQUOT};
    int calls = calls_of_save();
    assert_int_equal(calls, 9); /* open, header, data, fsync, close, rename; open, fsync, close of the folder */
    for (size_t r = 0; r < sizeof reasons / sizeof reasons[0]; r++)
        for (int k = 1; k <= calls; k++)
            for (int for_ever = 0; for_ever < 2; for_ever++) {
                arm(0, 0, false);
                assert_int_equal(save(before, path), DNN_OK);
                arm(reasons[r], k, for_ever);
                check_save(k, calls);
            }
}

/* Interrupted calls and short transfers are gone on with. */
static void test_save_goes_on(void **state) {
    (void)state;
    int calls = calls_of_save();
    for (int k = 1; k <= calls; k++) {
        arm(EINTR, k, false);
        dnn_status status = save(after, path);
        assert_int_equal(status, k == 6 ? DNN_ERROR_IO : DNN_OK); /* rename() is never interrupted */
        arm(0, k, true);
        assert_int_equal(save(after, path), DNN_OK);
        arm(0, 0, false);
        assert_true(content() == 2);
        assert_int_equal(files_in_folder(), 1);
    }
}

static void test_load(void **state) {
    (void)state;
    dnn_archive *archive;
    calls_of_save();
    arm(0, 0, false);
    assert_true(content() == 1);
    int calls = order.calls;
    for (int k = 1; k < calls; k++) { /* the last is close */
        arm(EIO, k, false);
        assert_int_equal(dnn_safetensors_read(&archive, ctx, path), DNN_ERROR_IO);
        assert_null(archive);
        arm(EINTR, k, false);
        assert_true(content() == 1);
        arm(0, k, true);
        assert_true(content() == 1);
    }
    arm(0, 0, false);
}

/* ---- paths ---- */

static void test_paths(void **state) {
    (void)state;
    dnn_archive *archive;
    char target[128];
    static const char *const bad[] = {"", "/", "/dev/null", "/proc/nothing", "/dnn-no-such-folder/w"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(save(after, bad[i]), DNN_ERROR_IO);
        assert_int_equal(dnn_safetensors_read(&archive, ctx, bad[i]), DNN_ERROR_IO);
    }
    assert_int_equal(save(after, folder), DNN_ERROR_IO);
    struct stat null;
    assert_true(stat("/dev/null", &null) == 0 && S_ISCHR(null.st_mode));
    snprintf(target, sizeof target, "%s/pipe", folder);
    assert_int_equal(mkfifo(target, 0600), 0);
    assert_int_equal(dnn_safetensors_read(&archive, ctx, target), DNN_ERROR_IO); /* and does not wait */
    assert_non_null(strstr(dnn_last_error(), "/pipe: is not a regular file"));
    assert_int_equal(save(after, target), DNN_ERROR_IO);
    unlink(target);
}

/* Without a folder in the path, it is the one that the process is in. */
static void test_bare_name(void **state) {
    (void)state;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(save(after, "w.safetensors"), DNN_OK);
    assert_int_equal(chdir(here), 0);
    assert_true(content() == 2);
}

/* A name that a killed process left behind is not in the way. */
static void test_leftover(void **state) {
    (void)state;
    char leftover[128];
    snprintf(leftover, sizeof leftover, "%s/.dnn-%ld-0.tmp", folder, (long)getpid());
    int descriptor = open(leftover, O_CREAT | O_WRONLY, 0600);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_int_equal(save(after, path), DNN_OK);
    assert_true(content() == 2);
    assert_int_equal(unlink(leftover), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save),  cmocka_unit_test(test_save_goes_on), cmocka_unit_test(test_load),
        cmocka_unit_test(test_paths), cmocka_unit_test(test_bare_name),    cmocka_unit_test(test_leftover),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
