#include "io/image_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/sort.h"

enum { MOST_DEPTH = 16, MOST_PATH = 4096 };

/* ---- arrays that grow ---- */

static dnn_status make_room(dnn_context *ctx, void *array, int64_t *room, int64_t used, int64_t more, int64_t bytes) {
    void *old, *new;
    if (used + more <= *room) return DNN_OK;
    int64_t wanted = 2 * *room > used + more ? 2 * *room : used + more + 64;
    new = dnni_io_alloc(ctx, wanted * bytes);
    if (!new) return DNN_ERROR_MEMORY;
    memcpy(&old, array, sizeof old);
    if (used > 0) memcpy(new, old, (size_t)(used * bytes));
    dnni_io_free(old);
    memcpy(array, &new, sizeof new);
    *room = wanted;
    return DNN_OK;
}

static dnn_status add_text(dnni_image_list *list, int64_t *at, const char *text) {
    int64_t n = (int64_t)strlen(text) + 1;
    dnni_io_texts *t = &list->texts;
    IO_TRY(make_room(list->ctx, &t->text, &t->room, t->used, n, 1));
    memcpy(t->text + t->used, text, (size_t)n);
    *at = t->used;
    t->used += n;
    return DNN_OK;
}

static dnn_status add_class(dnni_image_list *list, const char *name) {
    int64_t at;
    IO_TRY(add_text(list, &at, name));
    IO_TRY(make_room(list->ctx, &list->classes, &list->classes_room, list->n_classes, 1, sizeof *list->classes));
    list->classes[list->n_classes++] = at;
    return DNN_OK;
}

static dnn_status add_entry(dnni_image_list *list, const char *path, int32_t class) {
    dnni_image_entry e = {.class = class};
    IO_TRY(add_text(list, &e.path, path));
    IO_TRY(make_room(list->ctx, &list->entries, &list->entries_room, list->n, 1, sizeof *list->entries));
    list->entries[list->n++] = e;
    return DNN_OK;
}

void dnni_image_list_release(dnni_image_list *list) {
    dnni_io_free(list->texts.text);
    dnni_io_free(list->classes);
    dnni_io_free(list->entries);
}

/* ---- walking ---- */

typedef enum { IS_FILE, IS_FOLDER, IS_OTHER } kind;

static dnn_status system_error(const char *path, int reason) {
    char text[128] = "";
    if (strerror_r(reason, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", reason);
    return dnni_io_fail(reason == ENOMEM ? DNN_ERROR_MEMORY : DNN_ERROR_IO, path, "cannot be read: %s", text);
}

static dnn_status kind_of(kind *k, const char *path) {
    struct stat about;
    if (stat(path, &about) != 0) return system_error(path, errno);
    *k = S_ISREG(about.st_mode) ? IS_FILE : S_ISDIR(about.st_mode) ? IS_FOLDER : IS_OTHER;
    return DNN_OK;
}

/* The next name that does not begin with a dot, appended to path[0..n); false at the end. */
static dnn_status next_name(DIR *folder, char *path, size_t n, bool *more) {
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(folder);
    } while (entry && entry->d_name[0] == '.');
    *more = entry != NULL;
    path[n] = '\0';
    if (!entry) return errno ? system_error(path, errno) : DNN_OK;
    if (n + strlen(entry->d_name) + 2 > MOST_PATH)
        return dnni_io_fail(DNN_ERROR_IO, path, "the paths in it are too long");
    memcpy(path + n, entry->d_name, strlen(entry->d_name) + 1);
    return DNN_OK;
}

typedef dnn_status visitor(dnni_image_list *list, char *path, size_t n, int32_t class, int depth);

/* Calls `visit` for each name in the folder path[0..n), which ends with a slash. */
static dnn_status walk(dnni_image_list *list, char *path, size_t n, int32_t class, int depth, visitor *visit) {
    bool more;
    path[n] = '\0';
    DIR *folder = opendir(path);
    if (!folder) return system_error(path, errno);
    dnn_status status = next_name(folder, path, n, &more);
    while (status == DNN_OK && more) {
        status = visit(list, path, n, class, depth);
        if (status == DNN_OK) status = next_name(folder, path, n, &more);
    }
    closedir(folder);
    return status;
}

/* A name below a class (or in a folder without classes): a file is a sample, a folder is gone into. */
static dnn_status visit_below(dnni_image_list *list, char *path, size_t n, int32_t class, int depth) {
    kind k = IS_OTHER;
    size_t length = n + strlen(path + n);
    IO_TRY(kind_of(&k, path));
    if (k == IS_FILE) return add_entry(list, path, class);
    if (k == IS_OTHER) return DNN_OK;
    if (depth == MOST_DEPTH)
        return dnni_io_fail(DNN_ERROR_IO, path, "its folders are nested more than %d deep", MOST_DEPTH);
    path[length] = '/';
    return walk(list, path, length + 1, class, depth + 1, visit_below);
}

static dnn_status visit_top(dnni_image_list *list, char *path, size_t n, int32_t class, int depth) {
    kind k = IS_OTHER;
    (void)depth;
    IO_TRY(kind_of(&k, path));
    if (k == IS_FOLDER) return add_class(list, path + n);
    return k == IS_FILE ? add_entry(list, path, class) : DNN_OK;
}

/* ---- order ---- */

static int compare_class(const void *context, const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp((const char *)context + x, (const char *)context + y);
}

static int compare_entry(const void *context, const void *a, const void *b) {
    const dnni_image_entry *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    return strcmp((const char *)context + x->path, (const char *)context + y->path);
}

static dnn_status walk_class(dnni_image_list *list, char *path, int32_t class) {
    int n = snprintf(path + list->root, (size_t)(MOST_PATH - list->root), "%s/",
                     dnni_image_list_text(list, list->classes[class]));
    if (n < 0 || n >= MOST_PATH - list->root) return dnni_io_fail(DNN_ERROR_IO, path, "the paths in it are too long");
    return walk(list, path, (size_t)(list->root + n), class, 1, visit_below);
}

/* Files beside folders of classes belong to none. */
static dnn_status leave_out_strays(dnni_image_list *list) {
    for (int64_t i = 0; list->n_classes > 0 && i < list->n; i++)
        IO_TRY(dnni_image_list_leave_out(list, i, "lies beside the folders of the classes"));
    return DNN_OK;
}

static dnn_status walk_all(dnni_image_list *list, char *path) {
    IO_TRY(walk(list, path, (size_t)list->root, -1, 0, visit_top));
    if (list->n_classes > INT32_MAX) return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "has too many folders");
    IO_TRY(leave_out_strays(list));
    if (list->n_classes > 0)
        dnni_io_sort(list->classes, list->n_classes, sizeof *list->classes, compare_class, list->texts.text);
    for (int32_t k = 0; k < list->n_classes; k++) IO_TRY(walk_class(list, path, k));
    if (list->n > 0) dnni_io_sort(list->entries, list->n, sizeof *list->entries, compare_entry, list->texts.text);
    return DNN_OK;
}

dnn_status dnni_image_list_find(dnni_image_list *list, dnn_context *ctx, const char *folder) {
    int64_t n = (int64_t)strlen(folder), empty;
    *list = (dnni_image_list){.ctx = ctx, .root = n};
    if (n == 0 || n + 2 > MOST_PATH) return system_error(folder, n == 0 ? ENOENT : ENAMETOOLONG);
    char *path = dnni_io_alloc(ctx, MOST_PATH);
    if (!path) return DNN_ERROR_MEMORY;
    memcpy(path, folder, (size_t)n);
    if (folder[n - 1] != '/') path[list->root++] = '/';
    dnn_status status = add_text(list, &empty, ""); /* so that no reason has place 0 */
    if (status == DNN_OK) status = walk_all(list, path);
    dnni_io_free(path);
    return status;
}

/* ---- what was left out ---- */

dnn_status dnni_image_list_leave_out(dnni_image_list *list, int64_t index, const char *reason) {
    int64_t at;
    IO_TRY(add_text(list, &at, reason));
    list->entries[index].reason = at;
    return DNN_OK;
}

static int compare_left_out(const void *context, const void *a, const void *b) {
    const dnni_image_entry *x = a, *y = b;
    if ((x->reason > 0) != (y->reason > 0)) return x->reason > 0 ? 1 : -1;
    return compare_entry(context, a, b);
}

void dnni_image_list_settle(dnni_image_list *list) {
    if (list->n > 0) dnni_io_sort(list->entries, list->n, sizeof *list->entries, compare_left_out, list->texts.text);
    for (list->n_good = 0; list->n_good < list->n && list->entries[list->n_good].reason == 0;) list->n_good++;
}
