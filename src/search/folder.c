/* The folder of a search: what it is searched in must be what this program searches in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/file.h"
#include "search/search.h"

#define SPACE "space.json"
#define LOCK "lock"

char *dnni_folder_path(const dnn_search *s, const char *name) {
    int64_t bytes = (int64_t)(strlen(s->desc.folder) + strlen(name)) + 2;
    char *path = dnni_alloc(s->base.ctx, bytes, 1);
    if (path) snprintf(path, (size_t)bytes, "%s/%s", s->desc.folder, name);
    return path;
}

/* ---- the lock ---- */

dnn_status dnni_folder_lock(dnn_search *s) {
    if (s->lock < 0) return DNN_OK;
    int result;
    do result = flock(s->lock, LOCK_EX);
    while (result != 0 && errno == EINTR);
    if (result == 0) return DNN_OK;
    dnn_status status = dnni_system_error("cannot be locked", errno);
    dnni_error_prefix(s->desc.folder);
    return status;
}

void dnni_folder_unlock(dnn_search *s) {
    if (s->lock >= 0) flock(s->lock, LOCK_UN);
}

static dnn_status open_lock(dnn_search *s) {
    char *path = dnni_folder_path(s, LOCK);
    if (!path) return DNN_ERROR_MEMORY;
    do s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    while (s->lock < 0 && errno == EINTR);
    dnn_status status = s->lock >= 0 ? DNN_OK : dnni_system_error("cannot be opened", errno);
    if (status != DNN_OK) dnni_error_prefix(path);
    dnni_free_string(s->base.ctx, path);
    return status;
}

/* ---- the space ---- */

/* What they are at the first place where they differ, from the member's name on. */
static dnn_status tell_difference(const char *there, int64_t bytes, const char *here) {
    int64_t at = 0, from = 0;
    for (; at < bytes && here[at] && there[at] == here[at]; at++)
        if (strchr("{[,", here[at])) from = at + 1;
    char clean[2][80], cut[80] = "";
    snprintf(cut, sizeof cut, "%.*s", (int)(bytes - from < 60 ? bytes - from : 60), there + from);
    dnni_clean(clean[0], sizeof clean[0], cut);
    snprintf(cut, sizeof cut, "%.60s", here + from);
    dnni_clean(clean[1], sizeof clean[1], cut);
    return dnni_error(DNN_ERROR_STATE, "it is of another search: it has %s, this one %s", clean[0], clean[1]);
}

static dnn_status compare_space(const dnn_search *s, dnni_file *file, const char *here) {
    enum { LARGEST = 1 << 24 };
    if (file->bytes > LARGEST) return dnni_error(DNN_ERROR_FORMAT, "it has %lld bytes", (long long)file->bytes);
    char *there = dnni_alloc_raw(s->base.ctx, file->bytes + 1, 1);
    if (!there) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_file_read(file, there, file->bytes);
    if (status == DNN_OK && (file->bytes != (int64_t)strlen(here) || memcmp(there, here, (size_t)file->bytes) != 0))
        status = tell_difference(there, file->bytes, here);
    dnni_free(s->base.ctx, there, file->bytes + 1, 1);
    return status;
}

static dnn_status write_space(const dnn_search *s, const char *path, const char *text) {
    dnni_replacement r;
    DNNI_TRY(dnni_replacement_begin(&r, s->base.ctx, path));
    dnn_status status = dnni_replacement_write(&r, text, (int64_t)strlen(text));
    if (status == DNN_OK) return dnni_replacement_commit(&r);
    dnni_replacement_abandon(&r);
    return status;
}

/* The first one writes it, the others compare. */
static dnn_status agree_at(const dnn_search *s, const char *path, const char *text) {
    dnni_file file;
    struct stat about;
    if (stat(path, &about) != 0 && errno == ENOENT) return write_space(s, path, text);
    DNNI_TRY(dnni_file_open(&file, path));
    dnn_status status = compare_space(s, &file, text);
    dnni_file_close(&file);
    return status;
}

static dnn_status agree_on_space(dnn_search *s) {
    dnni_pool pool = {.ctx = s->base.ctx};
    char *path = dnni_folder_path(s, SPACE), *text = dnni_written(&pool, dnni_space_write, s);
    dnn_status status = path && text ? dnni_folder_lock(s) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) {
        status = agree_at(s, path, text);
        dnni_folder_unlock(s);
        if (status != DNN_OK) dnni_error_prefix(path);
    }
    dnni_free_string(s->base.ctx, path);
    dnni_pool_free(&pool);
    return status;
}

/* ---- opening ---- */

static dnn_status open_folder(dnn_search *s) {
    if (mkdir(s->desc.folder, 0777) != 0 && errno != EEXIST) {
        dnn_status status = dnni_system_error("the folder cannot be made", errno);
        dnni_error_prefix(s->desc.folder);
        return status;
    }
    DNNI_TRY(open_lock(s));
    dnn_status status = agree_on_space(s);
    if (status == DNN_OK) return DNN_OK;
    close(s->lock);
    s->lock = -1;
    return status;
}

dnn_status dnni_folder_open(dnn_search *s) {
    if (s->opened) return DNN_OK;
    DNNI_REQUIRE(s->n_ranges > 0, "the search has no parameters: dnn_search_log_uniform and its like add them");
    if (s->desc.folder) DNNI_TRY(open_folder(s));
    s->opened = true;
    return DNN_OK;
}

void dnni_folder_close(dnn_search *s) {
    for (int64_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].descriptor >= 0) close(s->workers[i].descriptor);
    dnni_free(s->base.ctx, s->workers, s->workers_capacity, sizeof *s->workers);
    if (s->lock >= 0) close(s->lock);
}
