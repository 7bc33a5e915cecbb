/* The different texts of a column. New ones are put behind those that are sorted, and sorted in when they have become
 * as many: each costs O(log n) comparisons, whatever comes. */
#include <string.h>

#include "io/sort.h"
#include "io/table.h"

dnn_status dnni_table_add_text(struct dnn_table *t, int64_t *at, const char *text) {
    int64_t n = (int64_t)strlen(text) + 1;
    dnni_table_texts *all = &t->texts;
    if (all->used + n > all->room) {
        int64_t room = 2 * all->used + n + 256;
        char *larger = dnni_io_alloc(t->base.ctx, room);
        if (!larger) return DNN_ERROR_MEMORY;
        if (all->used > 0) memcpy(larger, all->text, (size_t)all->used);
        dnni_io_free(all->text);
        all->text = larger;
        all->room = room;
    }
    memcpy(all->text + all->used, text, (size_t)n);
    *at = all->used;
    all->used += n;
    return DNN_OK;
}

static int compare(const void *context, const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp((const char *)context + x, (const char *)context + y);
}

int64_t dnni_table_class(const struct dnn_table *t, const dnni_column *c, const char *text) {
    for (int64_t low = 0, high = c->n_sorted; low < high;) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(text, dnni_table_text_at(t, c->classes[middle]));
        if (order == 0) return middle;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return -1;
}

/* They are no classes: marked by n_classes = -1. */
static void give_up(dnni_column *c) {
    dnni_io_free(c->classes);
    c->classes = NULL;
    c->n_classes = -1;
    c->n_sorted = 0;
}

void dnni_classes_finish(struct dnn_table *t, dnni_column *c) {
    int64_t kept = 0;
    if (!c->classes) return;
    dnni_io_sort(c->classes, c->n_classes, sizeof *c->classes, compare, t->texts.text);
    for (int64_t i = 0; i < c->n_classes; i++)
        if (kept == 0 || compare(t->texts.text, &c->classes[kept - 1], &c->classes[i]) != 0)
            c->classes[kept++] = c->classes[i];
    c->n_classes = c->n_sorted = kept;
    if (kept > DNNI_MOST_CLASSES) give_up(c);
}

static dnn_status make_room(struct dnn_table *t, dnni_column *c) {
    int64_t room = c->room ? 2 * c->room : 16;
    int64_t *larger = dnni_io_alloc(t->base.ctx, room * (int64_t)sizeof *larger);
    if (!larger) return DNN_ERROR_MEMORY;
    if (c->n_classes > 0) memcpy(larger, c->classes, (size_t)c->n_classes * sizeof *larger);
    dnni_io_free(c->classes);
    c->classes = larger;
    c->room = room;
    return DNN_OK;
}

dnn_status dnni_classes_add(struct dnn_table *t, dnni_column *c, const char *text, int64_t *in_all) {
    if (c->n_classes < 0 || dnni_table_class(t, c, text) >= 0) return DNN_OK;
    if (c->n_classes == 2 * c->n_sorted + 16) {
        *in_all -= c->n_classes;
        dnni_classes_finish(t, c);
        if (c->n_classes < 0) return DNN_OK;
        *in_all += c->n_classes;
        if (dnni_table_class(t, c, text) >= 0) return DNN_OK;
    }
    if (c->n_sorted >= DNNI_MOST_CLASSES || *in_all >= DNNI_MOST_CLASSES_IN_ALL ||
        strlen(text) > DNNI_MOST_CLASS_NAME) {
        *in_all -= c->n_classes;
        give_up(c);
        return DNN_OK;
    }
    if (c->n_classes == c->room) IO_TRY(make_room(t, c));
    IO_TRY(dnni_table_add_text(t, &c->classes[c->n_classes], text));
    c->n_classes++;
    ++*in_all;
    return DNN_OK;
}
