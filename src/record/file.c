#include "record/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One call of read and write takes at most this much (Linux: 2^31 - 4096). */
enum { MOST_AT_ONCE = 1 << 30, TEMPORARY_NAMES = 1000 };

#if defined(__GLIBC__) && defined(_GNU_SOURCE)
#error "strerror_r must be the one of POSIX here"
#endif

dnn_status dnni_system_error(const char *what, int reason) {
    char text[128] = "";
    if (strerror_r(reason, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", reason);
    return dnni_error(reason == ENOMEM ? DNN_ERROR_MEMORY : DNN_ERROR_IO, "%s: %s", what, text);
}

static int open_again(const char *path, int flags, mode_t mode) {
    int descriptor;
    do descriptor = open(path, flags | O_CLOEXEC, mode);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* ---- reading ---- */

/* Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever. */
dnn_status dnni_file_open(dnni_file *file, const char *path) {
    file->descriptor = open_again(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    if (file->descriptor < 0) return dnni_system_error("cannot be opened", errno);
    struct stat about;
    dnn_status status = DNN_OK;
    if (fstat(file->descriptor, &about) != 0) status = dnni_system_error("cannot be examined", errno);
    else if (!S_ISREG(about.st_mode)) status = dnni_error(DNN_ERROR_IO, "is not a regular file");
    if (status != DNN_OK) dnni_file_close(file);
    else file->bytes = (int64_t)about.st_size;
    return status;
}

dnn_status dnni_file_read(dnni_file *file, void *data, int64_t bytes) {
    for (int64_t done = 0; done < bytes;) {
        int64_t wanted = bytes - done < MOST_AT_ONCE ? bytes - done : MOST_AT_ONCE;
        ssize_t got = read(file->descriptor, (char *)data + done, (size_t)wanted);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return dnni_system_error("cannot be read", errno);
        if (got == 0) return dnni_error(DNN_ERROR_FORMAT, "ended %lld bytes early", (long long)(bytes - done));
        done += got;
    }
    return DNN_OK;
}

void dnni_file_close(dnni_file *file) {
    if (file->descriptor >= 0) close(file->descriptor);
    file->descriptor = -1;
}

/* ---- writing ---- */

/* Bytes of the path up to its last slash, that included. */
static int64_t folder_bytes(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash - path + 1 : 0;
}

/* A device or a pipe must not be replaced by a file. */
static dnn_status check_target(const char *path) {
    struct stat about;
    if (path[0] == '\0') return dnni_system_error("cannot be written", ENOENT);
    if (stat(path, &about) != 0 || S_ISREG(about.st_mode)) return DNN_OK;
    return dnni_error(DNN_ERROR_IO, "is not a regular file");
}

static void free_temporary(dnni_replacement *r) {
    dnni_free(r->ctx, r->temporary, r->temporary_bytes, 1);
    r->temporary = NULL;
}

/* The first free name of .dnn-<process>-<number>.tmp beside the path. */
static dnn_status create_temporary(dnni_replacement *r) {
    int64_t folder = folder_bytes(r->path);
    memcpy(r->temporary, r->path, (size_t)folder);
    for (int number = 0; number < TEMPORARY_NAMES; number++) {
        snprintf(r->temporary + folder, (size_t)(r->temporary_bytes - folder), ".dnn-%ld-%d.tmp", (long)getpid(),
                 number);
        r->descriptor = open_again(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, 0666);
        if (r->descriptor >= 0) return DNN_OK;
        if (errno != EEXIST) return dnni_system_error("a file beside it cannot be made", errno);
    }
    return dnni_system_error("a file beside it cannot be made", EEXIST);
}

dnn_status dnni_replacement_begin(dnni_replacement *r, dnn_context *ctx, const char *path) {
    *r = (dnni_replacement){.ctx = ctx, .path = path, .descriptor = -1};
    DNNI_TRY(check_target(path));
    r->temporary_bytes = folder_bytes(path) + 64;
    r->temporary = dnni_alloc(ctx, r->temporary_bytes, 1);
    if (!r->temporary) return DNN_ERROR_MEMORY;
    dnn_status status = create_temporary(r);
    if (status != DNN_OK) free_temporary(r);
    return status;
}

dnn_status dnni_replacement_write(dnni_replacement *r, const void *data, int64_t bytes) {
    for (int64_t done = 0; done < bytes;) {
        int64_t wanted = bytes - done < MOST_AT_ONCE ? bytes - done : MOST_AT_ONCE;
        ssize_t put = write(r->descriptor, (const char *)data + done, (size_t)wanted);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return dnni_system_error("cannot be written", errno);
        if (put == 0) return dnni_system_error("cannot be written", EIO);
        done += put;
    }
    return DNN_OK;
}

static int sync_again(int descriptor) {
    int result;
    do result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Only now does the new name outlive a power cut. Some file systems cannot sync a folder, and say EINVAL. */
static dnn_status sync_folder(dnni_replacement *r) {
    int64_t folder = folder_bytes(r->path);
    memcpy(r->temporary, folder > 0 ? r->path : "./", (size_t)(folder > 0 ? folder : 2));
    r->temporary[folder > 0 ? folder : 2] = '\0';
    int descriptor = open_again(r->temporary, O_RDONLY | O_DIRECTORY, 0);
    if (descriptor < 0) return dnni_system_error("is written, but its folder cannot be synced", errno);
    dnn_status status = DNN_OK;
    if (sync_again(descriptor) != 0 && errno != EINVAL)
        status = dnni_system_error("is written, but its folder cannot be synced", errno);
    close(descriptor);
    return status;
}

/* close() after EINTR has closed on Linux: never twice. */
static dnn_status sync_and_close(dnni_replacement *r) {
    if (sync_again(r->descriptor) != 0) return dnni_system_error("cannot be synced", errno);
    int result = close(r->descriptor);
    r->descriptor = -1;
    return result != 0 && errno != EINTR ? dnni_system_error("cannot be closed", errno) : DNN_OK;
}

dnn_status dnni_replacement_commit(dnni_replacement *r) {
    dnn_status status = sync_and_close(r);
    if (status == DNN_OK && rename(r->temporary, r->path) != 0) status = dnni_system_error("cannot be replaced", errno);
    if (status != DNN_OK) {
        dnni_replacement_abandon(r);
        return status;
    }
    status = sync_folder(r);
    free_temporary(r);
    return status;
}

void dnni_replacement_abandon(dnni_replacement *r) {
    if (r->descriptor >= 0) close(r->descriptor);
    r->descriptor = -1;
    unlink(r->temporary);
    free_temporary(r);
}
