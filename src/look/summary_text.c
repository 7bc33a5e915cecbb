/* A summary in words and bars. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "look/summary.h"

enum { MOST_CHANNELS = 24, SHOWN_OF_MORE = 8, SHOWN_CLASSES = 40, SHOWN_CONSTANT = 8 };
enum { NUMBERS = 7, SPARK = 24, BAR = 30, CLASS_NAME = 25 };

/* ---- a part's table ---- */

typedef struct part_text {
    const dnni_tally *tally;
    dnn_values all;
    bool own_range; /* columns of rows measure different things: each has a range of its own */
} part_text;

static void write_numbers(dnni_writer *w, const dnn_values *v) {
    const double numbers[] = {v->min, v->q01, v->median, v->q99, v->max, v->mean, v->std};
    for (int i = 0; i < NUMBERS; i++) dnni_write(w, " %10s", dnni_real(numbers[i], 4).text);
}

static void write_channel(dnni_writer *w, const part_text *p, int64_t channel) {
    char name[24] = "all";
    int64_t n;
    dnn_values v = dnni_tally_values(p->tally, channel);
    const double *kept = dnni_tally_kept(p->tally, channel, &n);
    const dnn_values *range = p->own_range ? &v : &p->all;
    if (channel >= 0) snprintf(name, sizeof name, "%lld", (long long)channel);
    dnni_write(w, "  %-7s", name);
    write_numbers(w, &v);
    dnni_write(w, "  |%s|\n", dnni_spark(kept, n, range->min, range->max, SPARK).text);
}

static void write_table(dnni_writer *w, const part_text *p) {
    int64_t channels = p->tally->channels, shown = channels > MOST_CHANNELS ? SHOWN_OF_MORE : channels;
    static const char *const heads[] = {"min", "1 %", "median", "99 %", "max", "mean", "std"};
    dnni_write(w, "  %-7s", "channel");
    for (int i = 0; i < NUMBERS; i++) dnni_write(w, " %10s", heads[i]);
    dnni_write(w, "  values, min to max%s\n", p->own_range && channels > 1 ? " of each" : "");
    for (int64_t c = 0; channels > 1 && c < shown; c++) write_channel(w, p, c);
    if (shown < channels) dnni_write(w, "  … %lld more channels\n", (long long)(channels - shown));
    if (channels == 1 || !p->own_range || shown < channels) write_channel(w, p, -1);
}

static dnni_shape_text position(const dnn_array *item, int64_t element) {
    int64_t index[DNN_MAX_RANK];
    for (int32_t i = item->rank - 1; i >= 0; i--) {
        index[i] = element % item->dims[i];
        element /= item->dims[i];
    }
    return dnni_shape(item->rank, index);
}

static void write_constant(dnni_writer *w, const part_text *p) {
    const dnni_tally *t = p->tally;
    int64_t shown = 0;
    if (p->all.constant == 0) return;
    dnni_write(w, "  constant: %lld of %lld elements never change:", (long long)p->all.constant,
               (long long)t->elements);
    for (int64_t j = 0; j < t->elements && shown < SHOWN_CONSTANT; j++) {
        if (!dnni_tally_is_constant(t, j)) continue;
        dnni_write(w, "%s %s", shown++ ? "," : "", position(&t->item, j).text);
    }
    dnni_write(w, "%s\n", p->all.constant > shown ? ", …" : "");
}

static void write_part(dnni_writer *w, const dnni_tally *t) {
    part_text p = {t, dnni_tally_values(t, -1), t->item.rank <= 1};
    write_table(w, &p);
    if (p.all.nans + p.all.infinities > 0)
        dnni_write(w, "  not finite: %lld NaN, %lld infinite, of %lld\n", (long long)p.all.nans,
                   (long long)p.all.infinities, (long long)p.all.count);
    write_constant(w, &p);
    if (t->cells * t->channels < p.all.count)
        dnni_write(w, "  quantiles and bars: from %lld values of each channel, spread evenly over all\n",
                   (long long)t->cells);
}

/* ---- classes ---- */

static void write_class(dnni_writer *w, const dnn_summary *s, int64_t k) {
    char name[CLASS_NAME * 4];
    double n = (double)s->labels.counts[k], share = 100 * n / (double)s->labels.total;
    double most = (double)s->labels.counts[s->classes.most];
    dnni_class_text(s->dataset, k, name, CLASS_NAME);
    dnni_write(w, "  %5lld ", (long long)k);
    if (s->dataset->metadata.class_names) dnni_write(w, "%s%*s", name, CLASS_NAME - dnni_characters(name), "");
    bool tiny = share > 0 && share < 0.01;
    dnni_write(w, "%9lld  %5s %%  %s\n", (long long)s->labels.counts[k], tiny ? "<0.01" : dnni_real(share, 3).text,
               dnni_text_bar(n, most, BAR).text);
}

/* Classes that nobody declared and nobody saw are left out. */
static bool is_shown(const dnn_summary *s, int64_t k) {
    return s->labels.counts[k] > 0 || s->labels.declared > 0;
}

static void write_bars(dnni_writer *w, const dnn_summary *s) {
    int64_t shown = 0, left = 0;
    for (int64_t k = 0; k < s->classes.classes; k++) {
        if (!is_shown(s, k)) continue;
        if (shown < SHOWN_CLASSES) write_class(w, s, k);
        else left++;
        shown++;
    }
    if (left > 0) dnni_write(w, "  … %lld more classes\n", (long long)left);
}

/* A batch lacks classes by chance. */
static bool enough_to_judge(const dnn_classes *c) { return c->counted >= 10 * c->classes; }

static void write_balance(dnni_writer *w, const dnn_summary *s) {
    const dnn_classes *c = &s->classes;
    char least[CLASS_NAME * 4], most[CLASS_NAME * 4];
    if (c->counted == c->outside) return;
    dnni_class_text(s->dataset, c->least, least, sizeof least);
    dnni_class_text(s->dataset, c->most, most, sizeof most);
    dnni_write(w, "  the fewest: %s, %s %%; ", least, dnni_real(100 * c->least_share, 3).text);
    dnni_write(w, "the most: %s, %s %%\n", most, dnni_real(100 * c->most_share, 3).text);
    if (c->imbalanced && enough_to_judge(c))
        dnni_write(w, "  ! imbalanced: the fewest are less than a tenth of an even share\n");
}

static void write_classes(dnni_writer *w, const dnn_summary *s) {
    const dnn_classes *c = &s->classes;
    dnni_write(w, "  %lld classes%s\n", (long long)c->classes, s->labels.declared > 0 ? "" : ", by the largest label");
    if (s->labels.total > 0) write_bars(w, s);
    write_balance(w, s);
    if (c->empty > 0 && s->labels.declared > 0 && enough_to_judge(c))
        dnni_write(w, "  ! %lld of them have no label\n", (long long)c->empty);
    if (c->outside > 0)
        dnni_write(w, "  ! %lld labels are no class: below 0, or %lld and more\n", (long long)c->outside,
                   (long long)c->classes);
}

/* ---- the whole ---- */

static void write_head(dnni_writer *w, const char *name, const dnn_array *item) {
    dnni_write(w, "\n%s: %s %s", name, dnn_dtype_name(item->dtype), dnni_array_shape(item).text);
}

void dnni_summary_write_text(dnni_writer *w, const void *summary) {
    const dnn_summary *s = summary;
    const dnni_metadata *m = &s->dataset->metadata;
    dnni_write(w, "%s: %lld samples", s->name, (long long)s->samples);
    if (s->samples < s->dataset->count) dnni_write(w, " of %lld, evenly spread", (long long)s->dataset->count);
    dnni_write(w, "\n");
    write_head(w, "input", &s->input.item);
    if (m->low < m->high) dnni_write(w, ", declared from %s", dnni_real(m->low, 6).text);
    if (m->low < m->high) dnni_write(w, " to %s", dnni_real(m->high, 6).text);
    dnni_write(w, "\n");
    write_part(w, &s->input);
    if (s->target.item.dtype == DNN_DTYPE_NONE) return;
    write_head(w, "target", &s->target.item);
    dnni_write(w, "\n");
    if (s->classes.classes > 0) write_classes(w, s);
    else write_part(w, &s->target);
}

/* ---- for programs ---- */

static void put_values(dnni_writer *w, const char *name, const dnn_values *v) {
    dnni_put_open(w, name, '{');
    dnni_put_whole(w, "count", v->count);
    dnni_put_whole(w, "nans", v->nans);
    dnni_put_whole(w, "infinities", v->infinities);
    dnni_put_real(w, "min", v->min);
    dnni_put_real(w, "max", v->max);
    dnni_put_real(w, "mean", v->mean);
    dnni_put_real(w, "std", v->std);
    dnni_put_open(w, "quantiles", '{');
    dnni_put_real(w, "0.01", v->q01);
    dnni_put_real(w, "0.05", v->q05);
    dnni_put_real(w, "0.25", v->q25);
    dnni_put_real(w, "0.5", v->median);
    dnni_put_real(w, "0.75", v->q75);
    dnni_put_real(w, "0.95", v->q95);
    dnni_put_real(w, "0.99", v->q99);
    dnni_put_close(w, '}');
    dnni_put_whole(w, "kept", v->kept);
    dnni_put_whole(w, "constant", v->constant);
    dnni_put_bool(w, "whole", v->whole);
    dnni_put_close(w, '}');
}

static void put_part(dnni_writer *w, const char *name, const dnni_tally *t) {
    if (t->item.dtype == DNN_DTYPE_NONE) {
        dnni_put_json(w, name, "null");
        return;
    }
    dnn_values v = dnni_tally_values(t, -1);
    dnni_put_open(w, name, '{');
    dnni_put_text(w, "dtype", dnn_dtype_name(t->item.dtype));
    dnni_put_json(w, "shape", dnni_array_shape(&t->item).text);
    put_values(w, "all", &v);
    dnni_put_open(w, "channels", '[');
    for (int64_t c = 0; c < t->channels; c++) {
        v = dnni_tally_values(t, c);
        put_values(w, NULL, &v);
    }
    dnni_put_close(w, ']');
    dnni_put_close(w, '}');
}

static void put_classes(dnni_writer *w, const dnn_summary *s) {
    const dnn_classes *c = &s->classes;
    char name[256];
    if (c->classes == 0) {
        dnni_put_json(w, "classes", "null");
        return;
    }
    dnni_put_open(w, "classes", '{');
    dnni_put_bool(w, "declared", s->labels.declared > 0);
    dnni_put_whole(w, "outside", c->outside);
    dnni_put_whole(w, "empty", c->empty);
    dnni_put_bool(w, "imbalanced", c->imbalanced);
    dnni_put_open(w, "counts", '[');
    for (int64_t k = 0; k < c->classes; k++) {
        dnni_class_text(s->dataset, k, name, sizeof name);
        dnni_put_open(w, NULL, '{');
        dnni_put_text(w, "name", name);
        dnni_put_whole(w, "count", s->labels.counts[k]);
        dnni_put_close(w, '}');
    }
    dnni_put_close(w, ']');
    dnni_put_close(w, '}');
}

void dnni_summary_write_json(dnni_writer *w, const void *summary) {
    const dnn_summary *s = summary;
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "name", s->name);
    dnni_put_whole(w, "samples", s->samples);
    put_part(w, "input", &s->input);
    put_part(w, "target", &s->target);
    put_classes(w, s);
    dnni_put_close(w, '}');
    dnni_write(w, "\n");
}
