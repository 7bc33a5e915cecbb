/* A folder of images: looked through once, then read image by image. */
#include <stdio.h>
#include <string.h>

#include "io/handle.h"
#include "io/image.h"
#include "io/image_list.h"

/* How much of a file is read to see its header; where that is not enough, all of it. */
enum { HEADER = 1 << 15 };

struct dnn_image_folder {
    dnni_io_object base;
    dnni_image_list list;
    dnni_io_pool pool;
    dnn_image_desc image;
    dnn_bad_image bad;
};

typedef struct dnn_image_folder folder;

static const char tag[] = "folder";

static void release(void *object) {
    folder *f = object;
    dnni_image_list_release(&f->list);
    dnni_io_pool_end(&f->pool);
    dnni_io_free(f);
}

/* ---- one file ---- */

static dnn_status decode_file(const folder *f, dnni_io_arena *arena, const dnni_io_file *from, unsigned char *target) {
    dnni_image_file file;
    dnni_image image;
    IO_TRY(dnni_image_load(&file, arena, from, f->image.max_bytes, INT64_MAX));
    return dnni_image_decode(&image, arena, &file, &f->image, target);
}

static dnn_status probe_some(dnni_image *image, const folder *f, dnni_io_arena *arena, const dnni_io_file *from,
                             int64_t most) {
    dnni_image_file file;
    IO_TRY(dnni_image_load(&file, arena, from, f->image.max_bytes, most));
    return dnni_image_probe(image, arena, &file, &f->image);
}

/* The header, and whether the image can be what is wanted. */
static dnn_status probe_file(dnni_image *image, const folder *f, dnni_io_arena *arena, const dnni_io_file *from) {
    dnn_status status = probe_some(image, f, arena, from, HEADER);
    if (status != DNN_OK && from->n > HEADER) status = probe_some(image, f, arena, from, INT64_MAX);
    IO_TRY(status);
    IO_TRY(dnni_image_check_bytes(image, &f->image, from->path));
    bool fits = image->height == f->image.height && image->width == f->image.width;
    if (f->image.height == 0 || f->image.fit != DNN_IMAGE_FIT_EXACT || fits) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_SHAPE, from->path, "is %lld × %lld pixels, not %lld × %lld (desc.image->fit can "
                        "scale)", (long long)image->height, (long long)image->width, (long long)f->image.height,
                        (long long)f->image.width);
}

/* ---- looking through ---- */

/* Good or not: the first good one decides the size, if none was asked for. */
static dnn_status look_at(folder *f, dnni_io_arena *arena, const char *path) {
    dnni_io_file file;
    dnni_image image;
    IO_TRY(dnni_io_open(&file, f->base.ctx, path));
    dnn_status status = probe_file(&image, f, arena, &file);
    if (status == DNN_OK && f->bad == DNN_BAD_IMAGE_SKIP) {
        dnni_io_arena_reset(arena);
        status = decode_file(f, arena, &file, NULL);
    }
    dnni_io_close(&file);
    if (status == DNN_OK && f->image.height == 0) {
        f->image.height = image.height;
        f->image.width = image.width;
    }
    return status;
}

/* The reason without the path in front of it, which is listed beside it. */
static dnn_status skip(folder *f, int64_t index) {
    const char *path = dnni_image_list_text(&f->list, f->list.entries[index].path), *reason = dnn_last_error();
    size_t n = strlen(path);
    if (strncmp(reason, path, n) == 0 && reason[n] == ':') reason += n + 2;
    return dnni_image_list_leave_out(&f->list, index, reason);
}

static dnn_status look_through(folder *f, dnni_io_arena *arena, const dnn_progress *progress) {
    for (int64_t i = 0; i < f->list.n; i++) {
        const dnni_image_entry *e = &f->list.entries[i];
        if (e->reason > 0) continue;
        IO_TRY(dnni_io_progress(progress, "looking at images", i, f->list.n));
        dnn_status status = look_at(f, arena, dnni_image_list_text(&f->list, e->path));
        dnni_io_arena_reset(arena);
        bool its_fault = status != DNN_ERROR_MEMORY && status != DNN_OK;
        if (its_fault && f->bad == DNN_BAD_IMAGE_SKIP) status = skip(f, i);
        IO_TRY(status);
    }
    dnni_image_list_settle(&f->list);
    return dnni_io_progress(progress, "looking at images", f->list.n, f->list.n);
}

static dnn_status build(dnn_image_folder **out, folder *f, const char *path, const dnn_progress *progress) {
    IO_TRY(dnni_image_list_find(&f->list, f->base.ctx, path));
    dnni_io_arena *arena = dnni_io_pool_take(&f->pool);
    if (!arena) return DNN_ERROR_MEMORY;
    dnn_status status = look_through(f, arena, progress);
    dnni_io_pool_give(&f->pool, arena);
    IO_TRY(status);
    if (f->list.n_good == 0)
        return dnni_io_fail(DNN_ERROR_NOT_FOUND, path, "has no image%s", f->list.n > 0 ? " that is good" : "");
    return dnni_io_handle_new(out, f->base.ctx, &f->base, sizeof *f, tag, release);
}

static dnn_status make(dnn_image_folder **out, dnn_context *ctx, const char *path, const dnn_image_folder_desc *d) {
    folder *f = dnni_io_alloc(ctx, sizeof *f);
    if (!f) return DNN_ERROR_MEMORY;
    f->base.ctx = ctx;
    f->bad = d->bad;
    dnni_io_pool_begin(&f->pool, ctx);
    dnn_status status = dnni_image_check_desc(&f->image, d->image);
    if (f->image.channels == 0) f->image.channels = 3;
    if (status == DNN_OK) status = build(out, f, path, &d->progress);
    if (status != DNN_OK) release(f);
    return status;
}

dnn_status dnn_image_folder_open(dnn_image_folder **out, dnn_context *ctx, const char *path,
                                 const dnn_image_folder_desc *desc) {
    dnn_image_folder_desc d;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(IO_DESC(d, desc));
    if (d.bad != DNN_BAD_IMAGE_REFUSE && d.bad != DNN_BAD_IMAGE_SKIP)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.bad is %d", (int)d.bad);
    return make(out, ctx, path, &d);
}

dnn_status dnn_image_folder_release(dnn_image_folder *f) { return dnni_io_handle_release(f, tag); }

/* ---- questions ---- */

int64_t dnn_image_folder_count(const dnn_image_folder *handle) {
    const folder *f = dnni_io_object_of(handle, tag);
    return f ? f->list.n_good : -1;
}

int64_t dnn_image_folder_skipped(const dnn_image_folder *handle) {
    const folder *f = dnni_io_object_of(handle, tag);
    return f ? f->list.n - f->list.n_good : -1;
}

static const dnni_image_entry *entry_of(const folder *f, int64_t index, int64_t from, int64_t to) {
    if (!f) return NULL;
    if (index >= 0 && index < to - from) return &f->list.entries[from + index];
    dnni_io_fail(DNN_ERROR_NOT_FOUND, NULL, "there is no file %lld of %lld", (long long)index, (long long)(to - from));
    return NULL;
}

const char *dnn_image_folder_path(const dnn_image_folder *handle, int64_t index) {
    const folder *f = dnni_io_object_of(handle, tag);
    const dnni_image_entry *e = entry_of(f, index, 0, f ? f->list.n_good : 0);
    return e ? dnni_image_list_text(&f->list, e->path) : NULL;
}

const char *dnn_image_folder_skipped_path(const dnn_image_folder *handle, int64_t index, const char **reason) {
    const folder *f = dnni_io_object_of(handle, tag);
    const dnni_image_entry *e = entry_of(f, index, f ? f->list.n_good : 0, f ? f->list.n : 0);
    if (reason) *reason = e ? dnni_image_list_text(&f->list, e->reason) : NULL;
    return e ? dnni_image_list_text(&f->list, e->path) : NULL;
}

/* ---- the dataset ---- */

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    folder *f = dnni_io_inside(user);
    const dnni_image_entry *e = &f->list.entries[index];
    const int64_t class = e->class;
    dnni_io_file file;
    (void)epoch;
    if (target && target->data) memcpy(target->data, &class, sizeof class);
    IO_TRY(dnni_io_open(&file, f->base.ctx, dnni_image_list_text(&f->list, e->path)));
    dnni_io_arena *arena = dnni_io_pool_take(&f->pool);
    dnn_status status = arena ? decode_file(f, arena, &file, input->data) : DNN_ERROR_MEMORY;
    if (arena) dnni_io_pool_give(&f->pool, arena);
    dnni_io_close(&file);
    return status;
}

static dnn_status name(void *user, int64_t index, char *text, size_t bytes) {
    const folder *f = dnni_io_inside(user);
    snprintf(text, bytes, "%s", dnni_image_list_text(&f->list, f->list.entries[index].path));
    return DNN_OK;
}

static void give_back(void *user) { dnn_tensor_release(user); }

static dnn_status make_dataset(dnn_dataset **out, folder *f, dnn_image_folder *handle) {
    const char **names = NULL;
    dnn_callback_dataset_desc desc = {
        DNN_SIZED(dnn_callback_dataset_desc), .count = f->list.n_good, .get = get, .name = name, .thread_safe = 1,
        .input = {.dtype = DNN_U8, .rank = 3, .dims = {f->image.height, f->image.width, f->image.channels}},
        .release = give_back, .user = handle, .high = 255, .classes = f->list.n_classes};
    if (desc.classes > 0) {
        desc.target.dtype = DNN_I64;
        names = dnni_io_alloc(f->base.ctx, desc.classes * (int64_t)sizeof *names);
        if (!names) return DNN_ERROR_MEMORY;
        for (int64_t k = 0; k < desc.classes; k++) names[k] = dnni_image_list_text(&f->list, f->list.classes[k]);
        desc.class_names = names;
    }
    dnn_status status = dnn_dataset_from_callbacks(out, f->base.ctx, &desc);
    dnni_io_free(names);
    return status;
}

dnn_status dnn_image_folder_dataset(dnn_dataset **out, dnn_image_folder *handle) {
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    folder *f = dnni_io_object_of(handle, tag);
    if (!f) return dnn_last_status();
    IO_TRY(dnni_io_handle_retain(handle));
    dnn_status status = make_dataset(out, f, handle);
    if (status != DNN_OK) dnn_tensor_release((dnn_tensor *)(void *)handle);
    return status;
}
