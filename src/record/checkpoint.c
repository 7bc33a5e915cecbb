/* One checkpoint: a file of pieces, written whole and read whole. */
#include <dnn/checkpoint.h>

#include <stdlib.h>
#include <string.h>

#include "record/pieces.h"

#define VERSION_KEY "dnn.checkpoint"
#define VERSION "1"

enum { OWN_METADATA = 2 };

static dnn_status read_parts(dnn_checkpoint_parts *parts, const char *path, const dnn_checkpoint_parts *given) {
    DNNI_REQUIRE(path, "path is NULL");
    return dnni_read_desc(parts, sizeof *parts, given, false, "parts");
}

/* ---- writing ---- */

static dnn_status check_metadata(const dnn_checkpoint_parts *parts) {
    DNNI_REQUIRE(parts->n_metadata >= 0, "parts.n_metadata is %lld", (long long)parts->n_metadata);
    DNNI_REQUIRE(parts->metadata || parts->n_metadata == 0, "parts.metadata is NULL");
    for (int64_t i = 0; i < parts->n_metadata; i++)
        DNNI_REQUIRE(!parts->metadata[i].key || strncmp(parts->metadata[i].key, "dnn.", 4) != 0,
                     "parts.metadata has the key \"%.60s\": keys that begin with dnn. are the library's",
                     parts->metadata[i].key);
    return DNN_OK;
}

static dnn_status write_pieces(const dnni_pieces *p, const char *path) {
    int64_t n_metadata = OWN_METADATA + p->parts->n_metadata;
    dnni_item *items = dnni_alloc(p->ctx, p->n, sizeof *items);
    dnn_metadata *metadata = dnni_alloc(p->ctx, n_metadata, sizeof *metadata);
    dnn_status status = DNN_ERROR_MEMORY;
    if (items && metadata) {
        for (int64_t i = 0; i < p->n; i++)
            items[i] = (dnni_item){.name = p->items[i].name, .stored = p->items[i].array, .memory = p->items[i].array};
        metadata[0] = (dnn_metadata){VERSION_KEY, VERSION};
        metadata[1] = (dnn_metadata){DNNI_SUM_KEY, DNNI_SUM_NONE};
        for (int64_t i = 0; i < p->parts->n_metadata; i++) metadata[OWN_METADATA + i] = p->parts->metadata[i];
        status = dnni_archive_write(p->ctx, path, items, p->n, metadata, n_metadata, true);
    }
    dnni_free(p->ctx, metadata, n_metadata, sizeof *metadata);
    dnni_free(p->ctx, items, p->n, sizeof *items);
    return status;
}

dnn_status dnn_checkpoint_write(const char *path, const dnn_checkpoint_parts *parts) {
    dnn_checkpoint_parts given;
    DNNI_TRY(read_parts(&given, path, parts));
    DNNI_TRY(check_metadata(&given));
    dnni_pieces p;
    dnn_status status = dnni_pieces_gather(&p, &given, NULL);
    if (status == DNN_OK) status = write_pieces(&p, path);
    dnni_pieces_free(&p);
    return status;
}

/* ---- reading ---- */

static dnn_status check_version(const dnn_archive *archive) {
    const char *version = dnn_archive_metadata(archive, VERSION_KEY);
    if (!version) return dnni_error(DNN_ERROR_FORMAT, "the metadata has no " VERSION_KEY ": this is no checkpoint");
    if (strcmp(version, VERSION) == 0) return DNN_OK;
    bool later = strtol(version, NULL, 10) > strtol(VERSION, NULL, 10);
    return dnni_error(later ? DNN_ERROR_UNSUPPORTED : DNN_ERROR_FORMAT,
                      "a checkpoint of version \"%.20s\", this library reads version " VERSION "%s", version,
                      later ? ": a later one wrote it" : "");
}

/* Where in the archive a piece is, if it fits. */
static dnn_status find_piece(const dnn_archive *archive, const dnni_piece *piece, int64_t *index) {
    *index = dnni_archive_find(archive, piece->name);
    if (*index < 0)
        return dnni_error(DNN_ERROR_NOT_FOUND, "\"%s\" is not in the checkpoint: it is of another model or run",
                          piece->name);
    dnn_array found = dnni_archive_array(archive, *index);
    if (found.dtype != piece->array.dtype)
        return dnni_error(DNN_ERROR_DTYPE, "\"%s\" is %s in the checkpoint, here it is %s", piece->name,
                          dnn_dtype_name(found.dtype), dnn_dtype_name(piece->array.dtype));
    if (!dnni_same_shape(&found, &piece->array))
        return dnni_error(DNN_ERROR_SHAPE, "\"%s\" has shape %s in the checkpoint, here it has %s", piece->name,
                          dnni_array_shape(&found).text, dnni_array_shape(&piece->array).text);
    return DNN_OK;
}

/* State of a parameter that the archive has none of: it made no step there. */
static bool never_stepped(const dnn_archive *archive, const char *name) {
    const char *last = strrchr(name, '.');
    char steps[4096];
    int64_t stem = last ? last - name : 0;
    if (strncmp(name, "optimizer.", 10) != 0 || stem < 10 || stem > (int64_t)sizeof steps - 8) return false;
    memcpy(steps, name, (size_t)stem);
    memcpy(steps + stem, ".steps", 7);
    return dnni_archive_find(archive, steps) < 0;
}

/* Tensors of a part that the caller does not load. */
static bool belongs_elsewhere(const dnn_checkpoint_parts *parts, const char *name) {
    if (strncmp(name, "module.", 7) == 0 || strncmp(name, "random.", 7) == 0) return !parts->module;
    if (strncmp(name, "optimizer.", 10) == 0) return !parts->optimizer;
    if (strncmp(name, "schedule.", 9) == 0) return !parts->schedule;
    if (strcmp(name, "loader") == 0) return !parts->loader;
    if (strncmp(name, "average.", 8) == 0) return !parts->average;
    if (strncmp(name, "host.", 5) == 0) return parts->n_tensors == 0;
    return false;
}

typedef struct {
    const dnni_pieces *pieces;
    const dnn_archive *archive;
    int64_t *place;      /* of each piece in the archive; -1: it becomes zeros */
    unsigned char *used; /* for each tensor of the archive */
} loading;

static dnn_status find_all(const loading *l) {
    for (int64_t i = 0; i < l->pieces->n; i++) {
        l->place[i] = -1;
        if (never_stepped(l->archive, l->pieces->items[i].name)) continue;
        DNNI_TRY(find_piece(l->archive, &l->pieces->items[i], &l->place[i]));
        l->used[l->place[i]] = 1;
    }
    for (int64_t i = 0; i < l->archive->n_entries; i++) {
        const char *name = dnni_archive_name(l->archive, i);
        if (!l->used[i] && !belongs_elsewhere(l->pieces->parts, name))
            return dnni_error(DNN_ERROR_NOT_FOUND,
                              "the checkpoint has \"%.200s\", for which there is no place here: it is of another "
                              "model or run",
                              name);
    }
    return DNN_OK;
}

static const int64_t *archived_loader(const loading *l) {
    return dnni_archive_array(l->archive, dnni_archive_find(l->archive, "loader")).data;
}

/* The place must be one of this loader's, and mean the same samples. */
static dnn_status check_loader(const loading *l) {
    static const char *const names[] = {[LOADER_SAMPLES] = "samples", [LOADER_BATCH_SIZE] = "batch_size",
                                        [LOADER_SHUFFLED] = "shuffle", [LOADER_SEED] = "seed"};
    const dnn_loader *loader = l->pieces->parts->loader;
    if (!loader) return DNN_OK;
    const int64_t *now = l->pieces->loader, *then = archived_loader(l);
    for (int i = LOADER_SAMPLES; i < LOADER_NUMBERS; i++)
        if (now[i] != then[i])
            return dnni_error(DNN_ERROR_STATE, "the loader's %s is %lld, it was %lld when the checkpoint was made",
                              names[i], (long long)now[i], (long long)then[i]);
    if (then[LOADER_EPOCH] < 0 || then[LOADER_BATCH] < 0 || then[LOADER_BATCH] > dnn_loader_batches(loader))
        return dnni_error(DNN_ERROR_STATE, "the loader's place is batch %lld of epoch %lld, an epoch has %lld",
                          (long long)then[LOADER_BATCH], (long long)then[LOADER_EPOCH],
                          (long long)dnn_loader_batches(loader));
    return DNN_OK;
}

/* Nothing can fail from here on, but a loader that cannot start its threads anew. */
static dnn_status apply(const loading *l) {
    for (int64_t i = 0; i < l->pieces->n; i++) {
        const dnn_array *to = &l->pieces->items[i].array;
        size_t bytes = (size_t)dnni_bytes(to);
        if (bytes == 0) continue;
        if (l->place[i] < 0) memset(to->data, 0, bytes);
        else memcpy(to->data, dnni_archive_array(l->archive, l->place[i]).data, bytes);
    }
    dnni_pieces_apply_random(l->pieces);
    if (!l->pieces->parts->loader) return DNN_OK;
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place), l->pieces->loader[LOADER_EPOCH],
                              l->pieces->loader[LOADER_BATCH]};
    return dnn_loader_seek(l->pieces->parts->loader, &place);
}

static dnn_status load(const dnni_pieces *pieces, const dnn_archive *archive) {
    loading l = {pieces, archive, dnni_alloc(pieces->ctx, pieces->n, sizeof *l.place),
                 dnni_alloc(pieces->ctx, archive->n_entries, 1)};
    dnn_status status = l.place && l.used ? find_all(&l) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = check_loader(&l);
    if (status == DNN_OK) status = apply(&l);
    dnni_free(pieces->ctx, l.place, pieces->n, sizeof *l.place);
    dnni_free(pieces->ctx, l.used, archive->n_entries, 1);
    return status;
}

static dnn_status read_into(const dnn_checkpoint_parts *parts, const dnn_archive *archive) {
    dnni_pieces p;
    DNNI_TRY(check_version(archive));
    dnn_status status = dnni_pieces_gather(&p, parts, archive);
    if (status == DNN_OK) status = load(&p, archive);
    dnni_pieces_free(&p);
    return status;
}

dnn_status dnn_checkpoint_read(const char *path, const dnn_checkpoint_parts *parts) {
    dnn_checkpoint_parts given;
    dnn_context *ctx;
    dnn_archive *archive;
    DNNI_TRY(read_parts(&given, path, parts));
    DNNI_TRY(dnni_pieces_check(&given, &ctx));
    DNNI_TRY(dnni_archive_read(&archive, ctx, path, true));
    dnn_status status = read_into(&given, archive);
    if (status != DNN_OK) dnni_error_prefix(path);
    dnn_archive_release(archive);
    return status;
}
