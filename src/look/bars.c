/* Bars and small histograms in text: the block elements of Unicode, in eighths. */
#include <stdio.h>
#include <string.h>

#include "look/summary.h"

void dnni_class_text(const dnn_dataset *dataset, int64_t k, char *text, size_t room) {
    const char *name = dataset->metadata.class_names && k >= 0 && k < dataset->metadata.classes
                           ? dataset->metadata.class_names[k]
                           : NULL;
    if (name) dnni_clean(text, room, name);
    else snprintf(text, room, "%lld", (long long)k);
}

dnni_bar dnni_text_bar(double part, double whole, int width) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    dnni_bar bar = {""};
    int n = whole > 0 ? (int)(8 * width * (part / whole) + 0.5) : 0;
    if (n == 0 && part > 0) n = 1;
    for (int i = 0; i < n / 8; i++) strncat(bar.text, "█", sizeof bar.text - strlen(bar.text) - 1);
    strncat(bar.text, eighths[n % 8], sizeof bar.text - strlen(bar.text) - 1);
    return bar;
}

enum { MOST_WIDTH = 40 };

static int64_t count_bins(const double *sorted, int64_t n, double low, double high, int width, int64_t *counts) {
    int64_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
        double at = high > low ? (sorted[i] / 2 - low / 2) / (high / 2 - low / 2) * width : width / 2.0;
        if (!(at >= 0 && at <= width)) continue;
        int bin = at < width ? (int)at : width - 1;
        if (++counts[bin] > largest) largest = counts[bin];
    }
    return largest;
}

dnni_bar dnni_spark(const double *sorted, int64_t n, double low, double high, int width) {
    static const char *const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int64_t counts[MOST_WIDTH] = {0};
    dnni_bar bar = {""};
    double largest = (double)count_bins(sorted, n, low, high, width, counts);
    for (int i = 0; i < width; i++) {
        int level = largest > 0 ? (int)(8 * (double)counts[i] / largest + 0.5) : 0;
        if (level == 0 && counts[i] > 0) level = 1;
        strncat(bar.text, levels[level], sizeof bar.text - strlen(bar.text) - 1);
    }
    return bar;
}
