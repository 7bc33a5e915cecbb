#include "paper/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/file.h"

enum { MOST_AT_ONCE = 1 << 30, PIECE = 4096 };

static dnn_status blame(const dnni_journal *j, dnn_status status) {
    if (status != DNN_OK && j->path) dnni_error_prefix(j->path);
    return status;
}

static int open_again(const char *path, int flags) {
    int descriptor;
    do descriptor = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* Of a file that is there, and is one. */
static dnn_status examine(dnni_journal *j) {
    struct stat about;
    if (fstat(j->descriptor, &about) != 0) return dnni_system_error("cannot be examined", errno);
    if (!S_ISREG(about.st_mode)) return dnni_error(DNN_ERROR_IO, "is not a regular file");
    if (about.st_nlink == 0) return dnni_error(DNN_ERROR_IO, "was removed while the run wrote to it");
    return DNN_OK;
}

static dnn_status begin(dnni_journal *j, dnn_context *ctx, const char *path) {
    *j = (dnni_journal){.ctx = ctx, .descriptor = -1, .path = dnni_copy_string(ctx, path)};
    return j->path ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status done(dnni_journal *j, dnn_status status) {
    blame(j, status);
    if (status != DNN_OK) dnni_journal_close(j);
    return status;
}

dnn_status dnni_journal_new(dnni_journal *j, dnn_context *ctx, const char *path, bool *taken) {
    *taken = false;
    DNNI_TRY(begin(j, ctx, path));
    j->descriptor = open_again(path, O_WRONLY | O_EXCL);
    if (j->descriptor >= 0) return done(j, examine(j));
    *taken = errno == EEXIST;
    if (!*taken) return done(j, dnni_system_error("cannot be made", errno));
    dnni_journal_close(j);
    return DNN_OK;
}

/* ---- files of lines ---- */

static dnn_status read_piece(const dnni_journal *j, char *piece, int64_t from, int64_t bytes) {
    for (int64_t at = 0; at < bytes;) {
        ssize_t got = pread(j->descriptor, piece + at, (size_t)(bytes - at), (off_t)(from + at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return dnni_system_error("cannot be read", errno);
        if (got == 0) return dnni_error(DNN_ERROR_IO, "became shorter while it was read");
        at += got;
    }
    return DNN_OK;
}

/* Behind the last end of a line in it. */
static dnn_status find_end(dnni_journal *j, int64_t size) {
    char piece[PIECE];
    for (int64_t end = size; end > 0;) {
        int64_t bytes = end < PIECE ? end : PIECE;
        DNNI_TRY(read_piece(j, piece, end - bytes, bytes));
        for (int64_t i = bytes; i > 0; i--) {
            if (piece[i - 1] != '\n') continue;
            j->bytes = end - bytes + i;
            return DNN_OK;
        }
        end -= bytes;
    }
    return DNN_OK;
}

static dnn_status go_on(dnni_journal *j) {
    DNNI_TRY(examine(j));
    off_t size = lseek(j->descriptor, 0, SEEK_END);
    if (size < 0) return dnni_system_error("cannot be examined", errno);
    DNNI_TRY(find_end(j, (int64_t)size));
    j->torn = j->bytes < (int64_t)size;
    return DNN_OK;
}

dnn_status dnni_journal_lines(dnni_journal *j, dnn_context *ctx, const char *path) {
    DNNI_TRY(begin(j, ctx, path));
    j->descriptor = open_again(path, O_RDWR);
    if (j->descriptor < 0) return done(j, dnni_system_error("cannot be opened", errno));
    return done(j, go_on(j));
}

/* ---- adding ---- */

static dnn_status cut(dnni_journal *j) {
    int result;
    if (!j->torn) return DNN_OK;
    do result = ftruncate(j->descriptor, (off_t)j->bytes);
    while (result != 0 && errno == EINTR);
    if (result != 0) return dnni_system_error("cannot be cut to its last whole piece", errno);
    j->torn = false;
    return DNN_OK;
}

static dnn_status put(dnni_journal *j, const void *data, int64_t bytes) {
    for (int64_t at = 0; at < bytes;) {
        int64_t wanted = bytes - at < MOST_AT_ONCE ? bytes - at : MOST_AT_ONCE;
        ssize_t n = pwrite(j->descriptor, (const char *)data + at, (size_t)wanted, (off_t)(j->bytes + at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return dnni_system_error("cannot be written", n < 0 ? errno : EIO);
        at += n;
        j->torn = true;
    }
    return DNN_OK;
}

static dnn_status add(dnni_journal *j, const void *data, int64_t bytes) {
    DNNI_TRY(examine(j));
    DNNI_TRY(cut(j));
    DNNI_TRY(put(j, data, bytes));
    j->bytes += bytes;
    j->torn = false;
    return DNN_OK;
}

/* What a failure leaves is cut off at once if that can be done, and otherwise before the next piece. */
dnn_status dnni_journal_add(dnni_journal *j, const void *data, int64_t bytes) {
    dnni_saved_error why;
    if (j->descriptor < 0) return DNN_OK;
    dnn_status status = blame(j, add(j, data, bytes));
    if (status == DNN_OK || !j->torn) return status;
    dnni_error_save(&why);
    (void)cut(j);
    return dnni_error_restore(&why);
}

dnn_status dnni_journal_sync(dnni_journal *j) {
    int result;
    if (j->descriptor < 0) return DNN_OK;
    do result = fsync(j->descriptor);
    while (result != 0 && errno == EINTR);
    return result == 0 ? DNN_OK : blame(j, dnni_system_error("cannot be synced", errno));
}

void dnni_journal_close(dnni_journal *j) {
    if (j->descriptor >= 0) close(j->descriptor);
    j->descriptor = -1;
    dnni_free_string(j->ctx, j->path);
    j->path = NULL;
}
