/* The files of the processes that work on a search: worker-0.jsonl, worker-1.jsonl, … Each is written by the one that
 * holds its lock, and read by all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/file.h"
#include "search/search.h"

enum { READ_ROOM = 1 << 16, MOST_WORKERS = 100000 };

static void name_of(char name[32], int64_t worker) { snprintf(name, 32, "worker-%lld.jsonl", (long long)worker); }

/* `what` failed at the file of a worker. */
static dnn_status fail_at(const dnn_search *s, int64_t worker, dnn_status status) {
    char name[32];
    name_of(name, worker);
    dnni_error_prefix(name);
    dnni_error_prefix(s->desc.folder);
    return status;
}

/* ---- opening ---- */

/* Opens the file of a worker; *there is false, and all is well, if it does not exist and is not to be made. */
static dnn_status open_file(dnn_search *s, int64_t worker, int flags, int *descriptor, bool *there) {
    char name[32];
    struct stat about;
    name_of(name, worker);
    char *path = dnni_folder_path(s, name);
    if (!path) return DNN_ERROR_MEMORY;
    do *descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    while (*descriptor < 0 && errno == EINTR);
    int reason = errno;
    dnni_free_string(s->base.ctx, path);
    *there = *descriptor >= 0;
    if (!*there) return reason == ENOENT ? DNN_OK : fail_at(s, worker, dnni_system_error("cannot be opened", reason));
    if (fstat(*descriptor, &about) == 0 && S_ISREG(about.st_mode)) return DNN_OK;
    close(*descriptor);
    return fail_at(s, worker, dnni_error(DNN_ERROR_IO, "is not a regular file"));
}

/* All that exist: they are numbered without gaps. */
static dnn_status find_others(dnn_search *s) {
    bool there = true;
    while (s->desc.folder && there && s->n_workers < MOST_WORKERS) {
        int descriptor;
        int64_t n = s->n_workers;
        DNNI_TRY(dnni_grow(s->base.ctx, (void **)&s->workers, &s->workers_capacity, n + 1, sizeof *s->workers));
        DNNI_TRY(open_file(s, n, O_RDONLY, &descriptor, &there));
        if (there) s->workers[s->n_workers++] = (dnni_worker){.descriptor = descriptor, .current = -1};
    }
    return DNN_OK;
}

/* ---- reading ---- */

static dnn_status read_line(dnn_search *s, dnni_worker *worker, const char *text, int64_t bytes) {
    dnni_line line;
    char where[40];
    dnn_status status = dnni_line_read(&line, text, bytes);
    if (status == DNN_OK) status = dnni_trials_reserve(s, line.trial);
    if (status == DNN_OK) {
        dnni_trials_take(s, worker, &line);
        return DNN_OK;
    }
    snprintf(where, sizeof where, "line %lld", (long long)worker->lines + 1);
    dnni_error_prefix(where);
    return status;
}

/* The whole lines among text[0..bytes); *used is where the last one ends. */
static dnn_status read_lines(dnn_search *s, dnni_worker *worker, const char *text, int64_t bytes, int64_t *used) {
    *used = 0;
    for (const char *end; (end = memchr(text + *used, '\n', (size_t)(bytes - *used))) != NULL;) {
        DNNI_TRY(read_line(s, worker, text + *used, end - text - *used));
        worker->lines++;
        worker->bytes += end - text + 1 - *used;
        *used = end - text + 1;
    }
    if (*used > 0 || bytes < READ_ROOM) return DNN_OK;
    return dnni_error(DNN_ERROR_FORMAT, "line %lld has more than %d bytes", (long long)worker->lines + 1,
                      READ_ROOM - 1);
}

/* What has come to the file since; a last line without an end stays for later. */
static dnn_status read_file(dnn_search *s, dnni_worker *worker, char *room) {
    for (;;) {
        ssize_t got;
        int64_t used;
        do got = pread(worker->descriptor, room, READ_ROOM, (off_t)worker->bytes);
        while (got < 0 && errno == EINTR);
        if (got < 0) return dnni_system_error("cannot be read", errno);
        DNNI_TRY(read_lines(s, worker, room, got, &used));
        if (got < READ_ROOM) return DNN_OK;
    }
}

dnn_status dnni_worker_read_all(dnn_search *s) {
    dnn_context *ctx = s->base.ctx;
    DNNI_TRY(find_others(s));
    if (s->n_workers == 0) return DNN_OK;
    char *room = dnni_alloc_raw(ctx, READ_ROOM, 1);
    dnn_status status = room ? DNN_OK : DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->n_workers && status == DNN_OK; i++) {
        if (i == s->own || s->workers[i].descriptor < 0) continue;
        status = read_file(s, &s->workers[i], room);
        if (status != DNN_OK && status != DNN_ERROR_MEMORY) fail_at(s, i, status);
    }
    dnni_free(ctx, room, READ_ROOM, 1);
    return status;
}

/* ---- a file of our own ---- */

/* The lock of a worker's file, if nobody has it. */
static bool take_lock(int descriptor) {
    int result;
    do result = flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/* What stands behind the last whole line goes: nobody is writing it any more. */
static dnn_status cut_tail(dnn_search *s, const dnni_worker *worker) {
    struct stat about;
    if (fstat(worker->descriptor, &about) != 0) return dnni_system_error("cannot be examined", errno);
    if (about.st_size == worker->bytes) return DNN_OK;
    dnni_log(s->base.ctx, DNN_LOG_WARNING, "%s: a line that was not written to its end is cut off", s->desc.folder);
    if (ftruncate(worker->descriptor, (off_t)worker->bytes) == 0) return DNN_OK;
    return dnni_system_error("cannot be cut", errno);
}

/* Takes over file `i`, of which all whole lines are read; *taken is false if somebody has it. */
static dnn_status try_to_join(dnn_search *s, int64_t i, bool *taken) {
    int descriptor;
    bool there;
    DNNI_TRY(open_file(s, i, O_RDWR | (i == s->n_workers ? O_CREAT : 0), &descriptor, &there));
    *taken = there && take_lock(descriptor);
    if (!*taken) {
        if (there) close(descriptor);
        return DNN_OK;
    }
    if (i == s->n_workers) s->workers[s->n_workers++] = (dnni_worker){.descriptor = -1, .current = -1};
    if (s->workers[i].descriptor >= 0) close(s->workers[i].descriptor);
    s->workers[i].descriptor = descriptor;
    return DNN_OK;
}

/* What its last owner has written since we looked, and no more than that. */
static dnn_status settle_in(dnn_search *s, dnni_worker *worker) {
    char *room = dnni_alloc_raw(s->base.ctx, READ_ROOM, 1);
    dnn_status status = room ? read_file(s, worker, room) : DNN_ERROR_MEMORY;
    dnni_free(s->base.ctx, room, READ_ROOM, 1);
    return status == DNN_OK ? cut_tail(s, worker) : status;
}

/* Without a folder there is one worker, without a file. */
static dnn_status join_memory(dnn_search *s) {
    DNNI_TRY(dnni_grow(s->base.ctx, (void **)&s->workers, &s->workers_capacity, 1, sizeof *s->workers));
    s->workers[0] = (dnni_worker){.descriptor = -1, .current = -1};
    s->n_workers = 1;
    s->own = 0;
    return DNN_OK;
}

dnn_status dnni_worker_join(dnn_search *s) {
    if (s->own >= 0) return DNN_OK;
    if (!s->desc.folder) return join_memory(s);
    DNNI_TRY(dnni_worker_read_all(s));
    DNNI_TRY(dnni_grow(s->base.ctx, (void **)&s->workers, &s->workers_capacity, s->n_workers + 1, sizeof *s->workers));
    bool taken = false;
    int64_t i = 0, last = s->n_workers;
    for (; i <= last; i++) {
        DNNI_TRY(try_to_join(s, i, &taken));
        if (taken) break;
    }
    if (!taken) return dnni_error(DNN_ERROR_IO, "%s: no file for this process can be had", s->desc.folder);
    dnn_status status = settle_in(s, &s->workers[i]);
    if (status == DNN_OK) s->own = i;
    else flock(s->workers[i].descriptor, LOCK_UN);
    return status == DNN_OK ? status : fail_at(s, i, status);
}

static dnn_status write_all(int descriptor, const char *text, int64_t bytes, int64_t at) {
    for (int64_t done = 0; done < bytes;) {
        ssize_t put = pwrite(descriptor, text + done, (size_t)(bytes - done), (off_t)(at + done));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return dnni_system_error("cannot be written", put < 0 ? errno : EIO);
        done += put;
    }
    return DNN_OK;
}

static dnn_status sync_file(int descriptor) {
    int result;
    do result = fdatasync(descriptor);
    while (result != 0 && errno == EINTR);
    return result == 0 ? DNN_OK : dnni_system_error("cannot be synced", errno);
}

/* What is written is known to the others, whether or not it has come to the disk. */
static void sync_line(const dnn_search *s, int descriptor) {
    if (sync_file(descriptor) != DNN_OK)
        dnni_log(s->base.ctx, DNN_LOG_WARNING, "%s: %s", s->desc.folder, dnn_last_error());
}

/* Behind a write that failed half-way, its rest is cut off first. */
static dnn_status write_line(dnn_search *s, dnni_worker *own, const dnni_line *line, bool sync) {
    char text[DNNI_LINE_ROOM];
    int64_t bytes = dnni_line_write(text, line);
    if (s->torn && ftruncate(own->descriptor, (off_t)own->bytes) != 0)
        return dnni_system_error("cannot be cut", errno);
    dnn_status status = write_all(own->descriptor, text, bytes, own->bytes);
    s->torn = status != DNN_OK;
    if (s->torn && ftruncate(own->descriptor, (off_t)own->bytes) == 0) s->torn = false;
    if (status != DNN_OK) return status;
    own->bytes += bytes;
    if (sync) sync_line(s, own->descriptor);
    return DNN_OK;
}

dnn_status dnni_worker_add(dnn_search *s, const dnni_line *line, bool sync) {
    dnni_worker *own = &s->workers[s->own];
    DNNI_TRY(dnni_trials_reserve(s, line->trial));
    dnn_status status = own->descriptor < 0 ? DNN_OK : write_line(s, own, line, sync);
    if (status != DNN_OK) return fail_at(s, s->own, status);
    own->lines++;
    dnni_trials_take(s, own, line);
    return DNN_OK;
}

/* ---- what others have left ---- */

static bool is_at_work(const dnn_search *s, int64_t worker) {
    if (worker == s->own) return true;
    if (!take_lock(s->workers[worker].descriptor)) return true;
    flock(s->workers[worker].descriptor, LOCK_UN);
    return false;
}

static bool somebody_runs(const dnn_search *s, int64_t trial) {
    for (int64_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].current == trial && i != s->own && is_at_work(s, i)) return true;
    return false;
}

/* The trial that a process has begun and not ended, if nobody runs it now; -1. */
static int64_t left_by(const dnn_search *s, const dnni_worker *worker) {
    int64_t trial = worker->current;
    const dnni_trial *t = dnni_trials_find(s, trial);
    if (!t || dnni_trial_ended(t) || dnni_trial_waits(t) || trial >= dnni_space_trials(s)) return -1;
    return somebody_runs(s, trial) ? -1 : trial;
}

/* What our own file has comes first: it is about to name another one. */
int64_t dnni_worker_left(const dnn_search *s) {
    int64_t trial = left_by(s, &s->workers[s->own]);
    for (int64_t i = 0; i < s->n_workers && trial < 0; i++) trial = left_by(s, &s->workers[i]);
    return trial;
}
