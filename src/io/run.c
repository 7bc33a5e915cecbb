/* Pictures for a run, and its page. */
#include <dirent.h>
#include <dnn/io.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/png_job.h"

enum { MOST_PICTURES = 64, NAME = 256, PATH = 4096 };

/* ---- adding ---- */

typedef struct {
    dnn_context *ctx;
    unsigned char *data;
    int64_t n, room;
} buffer;

static dnn_status collect(void *where, const void *data, int64_t bytes) {
    buffer *b = where;
    if (b->n + bytes > b->room) {
        int64_t room = 2 * (b->n + bytes) + 1024;
        unsigned char *larger = dnni_io_alloc(b->ctx, room);
        if (!larger) return DNN_ERROR_MEMORY;
        if (b->n > 0) memcpy(larger, b->data, (size_t)b->n);
        dnni_io_free(b->data);
        b->data = larger;
        b->room = room;
    }
    memcpy(b->data + b->n, data, (size_t)bytes);
    b->n += bytes;
    return DNN_OK;
}

dnn_status dnn_run_add_image(dnn_context *ctx, dnn_run *run, const char *tag, int64_t step, const dnn_tensor *image) {
    buffer b = {.ctx = ctx};
    if (dnn_context_threads(ctx) == 0) return dnn_last_status();
    if (!dnn_run_folder(run)) return dnn_last_status();
    if (dnn_tensor_dtype(image) == DNN_DTYPE_NONE) return dnn_last_status();
    dnn_status status = dnni_png_encode(ctx, image, NULL, collect, &b);
    if (status == DNN_OK) status = dnn_run_add_png(run, tag, step, b.data, b.n);
    dnni_io_free(b.data);
    return status;
}

/* ---- the pictures of a folder ---- */

typedef struct {
    char names[MOST_PICTURES][NAME];
    int n;
} listing;

static bool is_png(const char *name) {
    size_t n = strlen(name);
    return name[0] != '.' && n > 4 && n < NAME && strcmp(name + n - 4, ".png") == 0;
}

/* In the order of their names; of too many those that come first. */
static void insert(listing *l, const char *name) {
    int at = l->n;
    while (at > 0 && strcmp(l->names[at - 1], name) > 0) at--;
    if (at == MOST_PICTURES) return;
    int last = l->n < MOST_PICTURES ? l->n++ : MOST_PICTURES - 1;
    memmove(l->names[at + 1], l->names[at], (size_t)(last - at) * NAME);
    snprintf(l->names[at], NAME, "%s", name);
}

static dnn_status list(listing *l, const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return errno == ENOENT ? DNN_OK : dnni_io_fail(DNN_ERROR_IO, path, "cannot be opened");
    for (const struct dirent *e; (e = readdir(directory));)
        if (is_png(e->d_name)) insert(l, e->d_name);
    closedir(directory);
    return DNN_OK;
}

/* A report's pictures have 1 or 3 channels: alpha is left out. */
static dnn_status without_alpha(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *image) {
    const int64_t *s = dnn_tensor_dims(image), kept = s[2] - 1, dims[3] = {s[0], s[1], kept};
    IO_TRY(dnn_tensor_create(out, ctx, DNN_U8, 3, dims));
    const unsigned char *from = dnn_tensor_const_data(image);
    unsigned char *to = dnn_tensor_data(*out);
    for (int64_t i = 0; i < s[0] * s[1]; i++) memcpy(to + i * kept, from + i * s[2], (size_t)kept);
    return DNN_OK;
}

static dnn_status tell_unreadable(dnn_report *report, const char *name) {
    char what[1200];
    snprintf(what, sizeof what, "The picture %s is not shown: %s.", name, dnn_last_error());
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NOTE, .name = "picture-unreadable", .what = what,
                     .picture = -1};
    return dnn_report_add_finding(report, &f);
}

static dnn_status add_picture(dnn_context *ctx, dnn_report *report, const char *path, const char *name) {
    dnn_tensor *image, *plain = NULL;
    dnn_status status = dnn_png_read(&image, ctx, path, NULL);
    if (status == DNN_ERROR_MEMORY) return status;
    if (status != DNN_OK) return tell_unreadable(report, name);
    if (dnn_tensor_dim(image, 2) % 2 == 0) status = without_alpha(&plain, ctx, image);
    if (status == DNN_OK) status = dnn_report_add_picture(report, name, plain ? plain : image);
    dnn_tensor_release(plain);
    dnn_tensor_release(image);
    return status;
}

static dnn_status add_pictures(dnn_context *ctx, dnn_report *report, const char *folder) {
    char path[PATH], name[NAME];
    listing *l = dnni_io_alloc(ctx, sizeof *l);
    if (!l) return DNN_ERROR_MEMORY;
    snprintf(path, sizeof path, "%s/pictures", folder);
    dnn_status status = list(l, path);
    for (int i = 0; i < l->n && status == DNN_OK; i++) {
        snprintf(path, sizeof path, "%s/pictures/%s", folder, l->names[i]);
        snprintf(name, sizeof name, "%.*s", (int)strlen(l->names[i]) - 4, l->names[i]);
        status = add_picture(ctx, report, path, name);
    }
    dnni_io_free(l);
    return status;
}

/* ---- the page ---- */

dnn_status dnn_run_write_html(dnn_context *ctx, const char *path, const char *folder, const dnn_report *more) {
    char index[PATH];
    dnn_report *report;
    if (more && !dnn_report_title(more)) return dnn_last_status();
    IO_TRY(dnn_run_report(&report, ctx, folder)); /* whose path is not longer than a path may be */
    snprintf(index, sizeof index, "%s/index.html", folder);
    dnn_status status = more ? dnn_report_append(report, more) : DNN_OK;
    if (status == DNN_OK) status = add_pictures(ctx, report, folder);
    if (status == DNN_OK) status = dnn_report_write_html(ctx, path ? path : index, report, NULL);
    dnn_report_release(report);
    return status;
}
