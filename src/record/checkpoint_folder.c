/* A folder of checkpoints: the newest whole one counts, the last few are kept.
 *
 *     checkpoint-<number, twelve digits>.safetensors      .dnn-<process>-<number>.tmp: being written, or left behind
 */
#include <dnn/checkpoint.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/pieces.h"

#define PREFIX "checkpoint-"
#define SUFFIX ".safetensors"

enum { DIGITS = 12, NAME_BYTES = 64 };
#define LARGEST_NUMBER INT64_C(999999999999)

/* ---- names ---- */

/* The number in a checkpoint's name; -1: it is something else. */
static int64_t number_of(const char *name) {
    const size_t prefix = sizeof PREFIX - 1;
    if (strncmp(name, PREFIX, prefix) != 0) return -1;
    if (strspn(name + prefix, "0123456789") != DIGITS || strcmp(name + prefix + DIGITS, SUFFIX) != 0) return -1;
    return strtoll(name + prefix, NULL, 10);
}

static bool is_temporary(const char *name) {
    size_t length = strlen(name);
    return strncmp(name, ".dnn-", 5) == 0 && length > 4 && strcmp(name + length - 4, ".tmp") == 0;
}

/* folder/name, to be given back with dnni_free_string. */
static char *path_in(dnn_context *ctx, const char *folder, const char *name) {
    char joined[4096];
    int length = snprintf(joined, sizeof joined, "%s/%s", folder, name);
    if (length > 0 && length < (int)sizeof joined) return dnni_copy_string(ctx, joined);
    dnni_error(DNN_ERROR_ARGUMENT, "folder has %zu bytes: its path is too long", strlen(folder));
    return NULL;
}

static char *checkpoint_path(dnn_context *ctx, const char *folder, int64_t number) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, PREFIX "%0*lld" SUFFIX, DIGITS, (long long)number);
    return path_in(ctx, folder, name);
}

/* ---- what is in the folder ---- */

typedef struct {
    dnn_context *ctx;
    const char *folder;
    int64_t *numbers; /* of its checkpoints, ascending */
    int64_t n, capacity;
} listing;

static void free_listing(listing *l) { dnni_free(l->ctx, l->numbers, l->capacity, sizeof *l->numbers); }

static void remove_file(const listing *l, const char *name) {
    char *path = path_in(l->ctx, l->folder, name);
    if (path && unlink(path) != 0 && errno != ENOENT)
        dnni_log(l->ctx, DNN_LOG_WARNING, "%s cannot be removed: error %d", path, errno);
    dnni_free_string(l->ctx, path);
}

static dnn_status visit(listing *l, const char *name, bool clean) {
    if (clean && is_temporary(name)) remove_file(l, name);
    int64_t number = number_of(name);
    if (number < 0) return DNN_OK;
    DNNI_TRY(dnni_grow(l->ctx, (void **)&l->numbers, &l->capacity, l->n + 1, sizeof *l->numbers));
    int64_t at = l->n++;
    for (; at > 0 && l->numbers[at - 1] > number; at--) l->numbers[at] = l->numbers[at - 1];
    l->numbers[at] = number;
    return DNN_OK;
}

/* With `clean`, temporary files go on the way. free_listing in any case. */
static dnn_status list(listing *l, dnn_context *ctx, const char *folder, bool clean) {
    *l = (listing){.ctx = ctx, .folder = folder};
    DIR *directory = opendir(folder);
    if (!directory && errno == ENOENT) return dnni_error(DNN_ERROR_NOT_FOUND, "there is no such folder");
    if (!directory) return dnni_system_error("cannot be opened", errno);
    dnn_status status = DNN_OK;
    const struct dirent *entry;
    while (status == DNN_OK && (errno = 0, entry = readdir(directory))) status = visit(l, entry->d_name, clean);
    if (status == DNN_OK && errno != 0) status = dnni_system_error("cannot be read", errno);
    closedir(directory);
    return status;
}

/* ---- saving ---- */

static dnn_status make_folder(const char *folder) {
    if (mkdir(folder, 0777) == 0 || errno == EEXIST) return DNN_OK;
    return dnni_system_error("the folder cannot be made", errno);
}

/* What was saved stays saved, whatever becomes of the old ones. */
static void remove_older(dnn_context *ctx, const char *folder, int64_t keep, int64_t newest) {
    listing l;
    if (list(&l, ctx, folder, true) == DNN_OK)
        for (int64_t i = 0; i < l.n - keep; i++) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, PREFIX "%0*lld" SUFFIX, DIGITS, (long long)l.numbers[i]);
            if (l.numbers[i] != newest) remove_file(&l, name);
        }
    free_listing(&l);
}

static dnn_status settle(dnn_checkpoint_save_desc *d, const dnn_checkpoint_parts *parts) {
    if (d->keep == 0) d->keep = 3;
    if (d->number == 0 && parts->optimizer) d->number = dnn_optimizer_steps(parts->optimizer);
    DNNI_REQUIRE(d->keep >= 1, "desc.keep is %lld: it is at least 1", (long long)d->keep);
    DNNI_REQUIRE(d->number > 0 || parts->optimizer, "desc.number is needed where there is no optimizer to count steps");
    DNNI_REQUIRE(d->number >= 0 && d->number <= LARGEST_NUMBER, "desc.number is %lld: it is from 0 to %lld",
                 (long long)d->number, (long long)LARGEST_NUMBER);
    return DNN_OK;
}

dnn_status dnn_checkpoint_save(const char *folder, const dnn_checkpoint_parts *parts,
                               const dnn_checkpoint_save_desc *desc) {
    dnn_checkpoint_parts given;
    dnn_checkpoint_save_desc d;
    dnn_context *ctx;
    DNNI_REQUIRE(folder, "folder is NULL");
    DNNI_TRY(dnni_read_desc(&given, sizeof given, parts, false, "parts"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(dnni_pieces_check(&given, &ctx));
    DNNI_TRY(settle(&d, &given));
    dnn_status status = make_folder(folder);
    if (status != DNN_OK) {
        dnni_error_prefix(folder);
        return status;
    }
    char *path = checkpoint_path(ctx, folder, d.number);
    if (!path) return dnn_last_status();
    status = dnn_checkpoint_write(path, &given);
    if (status == DNN_OK) remove_older(ctx, folder, d.keep, d.number);
    dnni_free_string(ctx, path);
    return status;
}

/* ---- resuming ---- */

/* Tries one; a damaged one is told, and borne. The first one's fault is kept. */
static dnn_status try_one(const listing *l, int64_t i, const dnn_checkpoint_parts *parts, dnni_saved_error *first) {
    char *path = checkpoint_path(l->ctx, l->folder, l->numbers[i]);
    if (!path) return dnn_last_status();
    dnn_status status = dnn_checkpoint_read(path, parts);
    dnni_free_string(l->ctx, path);
    if (status != DNN_ERROR_FORMAT) return status;
    dnni_log(l->ctx, DNN_LOG_WARNING, "%s; the checkpoint before it is tried", dnn_last_error());
    if (first->status == DNN_OK) dnni_error_save(first);
    return status;
}

static dnn_status newest_whole(const listing *l, const dnn_checkpoint_parts *parts, int64_t *number) {
    dnni_saved_error first = {.status = DNN_OK};
    for (int64_t i = l->n - 1; i >= 0; i--) {
        dnn_status status = try_one(l, i, parts, &first);
        if (status == DNN_OK && number) *number = l->numbers[i];
        if (status != DNN_ERROR_FORMAT) return status;
    }
    if (first.status != DNN_OK) return dnni_error_restore(&first);
    return dnni_error(DNN_ERROR_NOT_FOUND, "%s: there is no checkpoint in this folder", l->folder);
}

dnn_status dnn_checkpoint_resume(const char *folder, const dnn_checkpoint_parts *parts, int64_t *number) {
    dnn_checkpoint_parts given;
    dnn_context *ctx;
    listing l;
    if (number) *number = -1;
    DNNI_REQUIRE(folder, "folder is NULL");
    DNNI_TRY(dnni_read_desc(&given, sizeof given, parts, false, "parts"));
    DNNI_TRY(dnni_pieces_check(&given, &ctx));
    dnn_status status = list(&l, ctx, folder, false);
    if (status != DNN_OK) dnni_error_prefix(folder);
    else status = newest_whole(&l, &given, number);
    free_listing(&l);
    return status;
}
