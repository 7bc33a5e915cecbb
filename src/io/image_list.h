/* The files below a folder of images, sorted. */
#ifndef DNNI_IMAGE_LIST_H
#define DNNI_IMAGE_LIST_H

#include "io/support.h"

/* Texts one after another, each ended by a NUL. */
typedef struct dnni_io_texts {
    char *text;
    int64_t used, room;
} dnni_io_texts;

typedef struct dnni_image_entry {
    int64_t path;   /* in texts */
    int64_t reason; /* in texts: why it was left out; 0: it was not */
    int32_t class;  /* -1: none */
} dnni_image_entry;

typedef struct dnni_image_list {
    dnn_context *ctx;
    dnni_io_texts texts;
    int64_t root;    /* the length of the folder's own path, with its slash */
    int64_t *classes; /* names, in texts */
    int64_t n_classes, classes_room;
    dnni_image_entry *entries; /* those that were left out at the end */
    int64_t n, n_good, entries_room;
} dnni_image_list;

/* Finds all files; nothing is opened. To be released also if it fails. */
dnn_status dnni_image_list_find(dnni_image_list *list, dnn_context *ctx, const char *folder);
void dnni_image_list_release(dnni_image_list *list);

static inline const char *dnni_image_list_text(const dnni_image_list *list, int64_t at) {
    return list->texts.text + at;
}

/* Marks an entry as left out. */
dnn_status dnni_image_list_leave_out(dnni_image_list *list, int64_t index, const char *reason);

/* Moves what was left out to the end; both parts stay in order. */
void dnni_image_list_settle(dnni_image_list *list);

#endif
