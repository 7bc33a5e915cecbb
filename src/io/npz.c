/* npz: a zip archive of npy files. A member is unfolded twice: once to check it, once into memory that is then known to
 * be needed. */
#include "io/handle.h"
#include "io/npy.h"
#include "io/zip.h"

struct dnn_npz {
    dnni_io_object base;
    char *path;
    dnni_io_file file;
    bool open;
    int64_t max_bytes;
    dnni_zip zip;
};

static const char tag[] = "npz";

static void release(void *object) {
    struct dnn_npz *npz = object;
    dnni_zip_release(&npz->zip);
    if (npz->open) dnni_io_close(&npz->file);
    dnni_io_free(npz->path);
    dnni_io_free(npz);
}

static dnn_status build(dnn_npz **out, dnn_context *ctx, struct dnn_npz *npz, const char *path) {
    npz->path = dnni_io_copy(ctx, path);
    if (!npz->path) return DNN_ERROR_MEMORY;
    IO_TRY(dnni_io_open(&npz->file, ctx, npz->path));
    npz->open = true;
    IO_TRY(dnni_zip_read(&npz->zip, &npz->file));
    return dnni_io_handle_new(out, ctx, &npz->base, sizeof *npz, tag, release);
}

dnn_status dnn_npz_open(dnn_npz **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    int64_t max_bytes;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(dnni_io_limit(&max_bytes, desc));
    struct dnn_npz *npz = dnni_io_alloc(ctx, sizeof *npz);
    if (!npz) return DNN_ERROR_MEMORY;
    npz->max_bytes = max_bytes;
    dnn_status status = build(out, ctx, npz, path);
    if (status != DNN_OK) release(npz);
    return status;
}

dnn_status dnn_npz_release(dnn_npz *npz) { return dnni_io_handle_release(npz, tag); }

int64_t dnn_npz_count(const dnn_npz *npz) {
    const struct dnn_npz *self = dnni_io_object_of(npz, tag);
    return self ? self->zip.n : -1;
}

const char *dnn_npz_name(const dnn_npz *npz, int64_t index) {
    const struct dnn_npz *self = dnni_io_object_of(npz, tag);
    if (!self) return NULL;
    if (index >= 0 && index < self->zip.n) return self->zip.members[index].name;
    dnni_io_fail(DNN_ERROR_NOT_FOUND, self->path, "has no array %lld, it has %lld", (long long)index,
                 (long long)self->zip.n);
    return NULL;
}

/* ---- arrays ---- */

static dnn_status read_stream(dnn_tensor **out, dnni_io_stream *s, const dnni_zip_member *member) {
    dnni_io_array a;
    IO_TRY(dnni_npy_header(&a, s, member->bytes));
    return dnni_io_array_read(out, &a, s);
}

static dnn_status read_member(dnn_tensor **out, const struct dnn_npz *npz, const dnni_zip_member *member) {
    dnni_io_stream s;
    if (member->deflated && member->bytes > npz->max_bytes)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, npz->path, "member '%s' unfolds to %lld bytes, desc.max_bytes "
                            "allows %lld", member->name, (long long)member->bytes, (long long)npz->max_bytes);
    IO_TRY(dnni_zip_verify(&npz->file, member));
    IO_TRY(dnni_zip_stream(&s, &npz->file, member));
    dnn_status status = read_stream(out, &s, member);
    dnni_io_stream_end(&s);
    return status;
}

static dnn_status read_array(dnn_tensor **out, const struct dnn_npz *npz, const char *name) {
    if (!name) return dnn_fail(DNN_ERROR_ARGUMENT, "a name is NULL");
    const dnni_zip_member *member = dnni_zip_find(&npz->zip, name);
    if (!member) return dnni_io_fail(DNN_ERROR_NOT_FOUND, npz->path, "has no array '%s'", name);
    return read_member(out, npz, member);
}

dnn_status dnn_npz_tensor(dnn_tensor **out, const dnn_npz *npz, const char *name) {
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    const struct dnn_npz *self = dnni_io_object_of(npz, tag);
    return self ? read_array(out, self, name) : dnn_last_status();
}

static dnn_status load(dnni_io_part *part, const struct dnn_npz *npz, const char *name) {
    part->path = dnni_io_copy(npz->base.ctx, npz->path);
    return part->path ? read_array(&part->tensor, npz, name) : DNN_ERROR_MEMORY;
}

dnn_status dnn_npz_dataset(dnn_dataset **out, const dnn_npz *npz, const char *inputs, const char *targets) {
    dnni_io_part x = {.tensor = NULL}, t = {.tensor = NULL};
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    const struct dnn_npz *self = dnni_io_object_of(npz, tag);
    if (!self) return dnn_last_status();
    dnn_status status = load(&x, self, inputs);
    if (status == DNN_OK && targets) status = load(&t, self, targets);
    if (status == DNN_OK && targets) status = dnni_io_part_labels(&t);
    if (status == DNN_OK) return dnni_io_pair(out, self->base.ctx, &x, targets ? &t : NULL, 0, 0);
    dnni_io_part_release(&x);
    dnni_io_part_release(&t);
    return status;
}
