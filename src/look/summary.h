/* A summary: a tally of inputs, one of targets, and the labels counted. */
#ifndef DNNI_LOOK_SUMMARY_H
#define DNNI_LOOK_SUMMARY_H

#include "core/text.h"
#include "look/labels.h"
#include "look/tally.h"

struct dnn_summary {
    dnni_object base;
    dnni_pool pool; /* name, text, json */
    const char *name;
    dnn_dataset *dataset; /* held, for the names of its classes */
    int64_t samples;
    dnni_tally input, target;
    dnni_labels labels;
    dnn_classes classes;
    char *text, *json;
};

static inline const dnni_tally *dnni_summary_part(const dnn_summary *s, dnn_part part) {
    return part == DNN_PART_INPUT ? &s->input : &s->target;
}

/* NOT_FOUND unless the channel is there, or -1. */
dnn_status dnni_summary_check_channel(const dnn_summary *summary, dnn_part part, int64_t channel);

/* "cat", or "3" where classes have no names: cleaned, and cut to fit. */
void dnni_class_text(const dnn_dataset *dataset, int64_t k, char *text, size_t room);

/* The share of `part` in `whole` as a bar of up to `width` characters, in eighths of one. */
typedef struct dnni_bar {
    char text[128];
} dnni_bar;
dnni_bar dnni_text_bar(double part, double whole, int width);

/* Numbers, sorted, as a line of `width` small bars between low and high. */
dnni_bar dnni_spark(const double *sorted, int64_t n, double low, double high, int width);

void dnni_summary_write_text(dnni_writer *w, const void *summary);
void dnni_summary_write_json(dnni_writer *w, const void *summary);

#endif
