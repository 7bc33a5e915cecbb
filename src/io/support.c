#include "io/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 1024, ALIGNMENT = 64, MOST_AT_ONCE = 1 << 30, TEMPORARY_NAMES = 1000, MOST_STRUCT_BYTES = 65536 };

dnn_status dnni_io_fail(dnn_status status, const char *path, const char *format, ...) {
    char line[LINE];
    int used = path ? snprintf(line, sizeof line, "%s: ", path) : 0;
    if (used < 0 || used >= LINE) used = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
    va_end(arguments);
    return dnn_fail(status, line);
}

static dnn_status system_error(const char *path, const char *what, int reason) {
    char text[128] = "";
    if (strerror_r(reason, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", reason);
    return dnni_io_fail(reason == ENOMEM ? DNN_ERROR_MEMORY : DNN_ERROR_IO, path, "%s: %s", what, text);
}

/* ---- memory: in front of each piece, its tensor ---- */

void *dnni_io_alloc(dnn_context *ctx, int64_t bytes) {
    dnn_tensor *tensor;
    if (bytes < 0 || bytes > INT64_MAX / 2) {
        dnn_fail(DNN_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (dnn_tensor_create(&tensor, ctx, DNN_U8, 1, &(const int64_t){bytes + ALIGNMENT}) != DNN_OK) return NULL;
    char *base = dnn_tensor_data(tensor);
    memcpy(base, &tensor, sizeof tensor);
    return base + ALIGNMENT;
}

void dnni_io_free(void *memory) {
    dnn_tensor *tensor;
    if (!memory) return;
    memcpy(&tensor, (char *)memory - ALIGNMENT, sizeof tensor);
    dnn_tensor_release(tensor);
}

char *dnni_io_copy(dnn_context *ctx, const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = dnni_io_alloc(ctx, (int64_t)bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

/* ---- what calls are given ---- */

dnn_status dnni_io_desc(void *full, size_t bytes, const void *desc) {
    size_t size = 0;
    memset(full, 0, bytes);
    if (!desc) return DNN_OK;
    memcpy(&size, desc, sizeof size);
    if (size < sizeof size || size > MOST_STRUCT_BYTES)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc: its size field is %zu, begin it with DNN_SIZED(…)", size);
    for (size_t i = bytes; i < size; i++)
        if (((const unsigned char *)desc)[i])
            return dnni_io_fail(DNN_ERROR_UNSUPPORTED, NULL,
                                "desc: it sets a field that this version (%s) does not know", dnn_version_string());
    memcpy(full, desc, size < bytes ? size : bytes);
    return DNN_OK;
}

dnn_status dnni_io_give(void *info, const void *full, size_t bytes) {
    size_t size;
    if (!info) return dnn_fail(DNN_ERROR_ARGUMENT, "info is NULL");
    memcpy(&size, info, sizeof size);
    if (size < sizeof size || size > MOST_STRUCT_BYTES)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "info->size is %zu: begin it with DNN_SIZED(…)", size);
    size_t n = size < bytes ? size : bytes;
    memcpy((char *)info + sizeof size, (const char *)full + sizeof size, n - sizeof size);
    return DNN_OK;
}

dnn_status dnni_io_begin_call(void *out, dnn_context *ctx, const char *path) {
    void *none = NULL;
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    memcpy(out, &none, sizeof none);
    if (dnn_context_threads(ctx) == 0) return dnn_last_status();
    return path ? DNN_OK : dnn_fail(DNN_ERROR_ARGUMENT, "a path is NULL");
}

dnn_status dnni_io_limit(int64_t *max_bytes, const dnn_read_desc *desc) {
    dnn_read_desc d;
    IO_TRY(IO_DESC(d, desc));
    if (d.max_bytes < 0)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.max_bytes is %lld", (long long)d.max_bytes);
    *max_bytes = d.max_bytes ? d.max_bytes : INT64_C(1) << 30;
    return DNN_OK;
}

dnn_status dnni_io_check(dnn_context *ctx, const char *path, const dnn_read_desc *desc, int64_t *max_bytes) {
    if (dnn_context_threads(ctx) == 0) return dnn_last_status();
    if (!path) return dnn_fail(DNN_ERROR_ARGUMENT, "a path is NULL");
    return dnni_io_limit(max_bytes, desc);
}

/* A host that stops a call without a reason gets one. */
dnn_status dnni_io_progress(const dnn_progress *progress, const char *what, int64_t done, int64_t total) {
    char before[LINE];
    if (!progress->step) return DNN_OK;
    snprintf(before, sizeof before, "%s", dnn_last_error());
    dnn_status status = progress->step(progress->user, what, done, total);
    if (status == DNN_OK) return DNN_OK;
    if (dnn_last_status() == status && strcmp(before, dnn_last_error()) != 0) return status;
    return dnni_io_fail(status == DNN_END ? DNN_ERROR_CALLBACK : status, NULL, "stopped by progress.step");
}

/* ---- reading ---- */

static int open_again(const char *path, int flags) {
    int descriptor;
    do descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

dnn_status dnni_io_read(const dnni_io_file *file, int64_t from, void *target, int64_t bytes) {
    for (int64_t done = 0; done < bytes;) {
        int64_t wanted = bytes - done < MOST_AT_ONCE ? bytes - done : MOST_AT_ONCE;
        ssize_t got = pread(file->descriptor, (char *)target + done, (size_t)wanted, (off_t)(from + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error(file->path, "cannot be read", errno);
        if (got == 0) return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "became shorter while it was read");
        done += got;
    }
    return DNN_OK;
}

/* Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever. */
dnn_status dnni_io_open(dnni_io_file *file, dnn_context *ctx, const char *path) {
    struct stat about;
    dnn_status status = DNN_OK;
    *file = (dnni_io_file){.ctx = ctx, .path = path, .descriptor = open_again(path, O_RDONLY | O_NONBLOCK)};
    if (file->descriptor < 0) return system_error(path, "cannot be opened", errno);
    if (fstat(file->descriptor, &about) != 0) status = system_error(path, "cannot be examined", errno);
    else if (!S_ISREG(about.st_mode)) status = dnni_io_fail(DNN_ERROR_IO, path, "is not a regular file");
    if (status != DNN_OK) dnni_io_close(file);
    else file->n = (int64_t)about.st_size;
    return status;
}

void dnni_io_close(dnni_io_file *file) { close(file->descriptor); }

/* ---- writing ---- */

/* The first free name of .dnn-<process>-<number>.tmp beside the path. */
static dnn_status create_temporary(dnni_io_output *output, int64_t folder, int64_t room) {
    memcpy(output->temporary, output->path, (size_t)folder);
    for (int number = 0; number < TEMPORARY_NAMES; number++) {
        snprintf(output->temporary + folder, (size_t)(room - folder), ".dnn-%ld-%d.tmp", (long)getpid(), number);
        output->descriptor = open_again(output->temporary, O_WRONLY | O_CREAT | O_EXCL);
        if (output->descriptor >= 0) return DNN_OK;
        if (errno != EEXIST) break;
    }
    return system_error(output->path, "a file beside it cannot be made", errno);
}

dnn_status dnni_io_begin(dnni_io_output *output, dnn_context *ctx, const char *path) {
    struct stat about;
    const char *slash = strrchr(path, '/');
    int64_t folder = slash ? slash - path + 1 : 0, room = folder + 64;
    *output = (dnni_io_output){.path = path, .descriptor = -1};
    if (path[0] == '\0') return system_error(path, "cannot be written", ENOENT);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return dnni_io_fail(DNN_ERROR_IO, path, "is not a regular file");
    output->temporary = dnni_io_alloc(ctx, room);
    if (!output->temporary) return DNN_ERROR_MEMORY;
    dnn_status status = create_temporary(output, folder, room);
    if (status != DNN_OK) dnni_io_free(output->temporary);
    return status;
}

dnn_status dnni_io_put(dnni_io_output *output, const void *data, int64_t bytes) {
    for (int64_t done = 0; done < bytes;) {
        int64_t wanted = bytes - done < MOST_AT_ONCE ? bytes - done : MOST_AT_ONCE;
        ssize_t put = write(output->descriptor, (const char *)data + done, (size_t)wanted);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return system_error(output->path, "cannot be written", put < 0 ? errno : EIO);
        done += put;
    }
    return DNN_OK;
}

dnn_status dnni_io_end(dnni_io_output *output, dnn_status status) {
    if (close(output->descriptor) != 0 && errno != EINTR && status == DNN_OK)
        status = system_error(output->path, "cannot be closed", errno);
    if (status == DNN_OK && rename(output->temporary, output->path) != 0)
        status = system_error(output->path, "cannot be replaced", errno);
    if (status != DNN_OK) unlink(output->temporary);
    dnni_io_free(output->temporary);
    return status;
}
