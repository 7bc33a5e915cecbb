#include "look/summary.h"

#include "look/stream.h"

/* ---- making ---- */

static void destroy_summary(void *object) {
    dnn_summary *s = object;
    if (s->input.ctx) dnni_tally_free(&s->input);
    if (s->target.ctx) dnni_tally_free(&s->target);
    if (s->labels.ctx) dnni_labels_free(&s->labels);
    dnni_pool_free(&s->pool);
    dnn_dataset_release(s->dataset);
}

static dnn_status take_chunk(dnn_summary *s, const dnni_stream *stream) {
    dnni_tally_take(&s->input, &stream->inputs, stream->n);
    dnni_tally_take(&s->target, &stream->targets, stream->n);
    if (!s->labels.whole) return DNN_OK;
    return dnni_labels_take(&s->labels, &stream->targets, stream->n * s->target.elements);
}

static dnn_status take_all(dnn_summary *s, dnni_stream *stream) {
    dnn_status status;
    while ((status = dnni_stream_next(stream)) == DNN_OK) DNNI_TRY(take_chunk(s, stream));
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status add_up(dnn_summary *s, const dnn_summary_desc *d) {
    dnni_stream stream;
    dnn_context *ctx = s->base.ctx;
    dnn_status status = dnni_stream_open(&stream, s->dataset, d->most, "summary", &d->progress);
    s->samples = stream.samples;
    if (status == DNN_OK) status = dnni_tally_begin(&s->input, ctx, &s->dataset->input, s->samples);
    if (status == DNN_OK) status = dnni_tally_begin(&s->target, ctx, &s->dataset->target, s->samples);
    if (status == DNN_OK) status = dnni_labels_begin(&s->labels, s->dataset);
    if (status == DNN_OK) status = take_all(s, &stream);
    dnni_stream_close(&stream);
    return status;
}

static dnn_status finish(dnn_summary *s) {
    DNNI_TRY(dnni_tally_end(&s->input));
    DNNI_TRY(dnni_tally_end(&s->target));
    s->classes = dnni_labels_classes(&s->labels);
    s->text = dnni_written(&s->pool, dnni_summary_write_text, s);
    s->json = s->text ? dnni_written(&s->pool, dnni_summary_write_json, s) : NULL;
    return s->json ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnn_summarise(dnn_summary **out, dnn_dataset *dataset, const dnn_summary_desc *desc) {
    dnn_summary_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.most >= 0, "desc.most is %lld", (long long)d.most);
    dnn_summary *s = dnni_object_new(dnni_context_of(dataset), DNNI_SUMMARY, sizeof *s, destroy_summary);
    if (!s) return DNN_ERROR_MEMORY;
    s->pool.ctx = s->base.ctx;
    dnn_dataset_retain(s->dataset = dataset);
    s->name = dnni_pool_clean(&s->pool, d.name ? d.name : "data", false);
    dnn_status status = s->name ? add_up(s, &d) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = finish(s);
    if (status == DNN_OK) *out = s;
    else dnn_summary_release(s);
    return status;
}

dnn_status dnn_summary_release(dnn_summary *summary) { return dnni_object_release(summary, DNNI_SUMMARY, "summary"); }

/* ---- questions ---- */

static dnn_status check_summary(const dnn_summary *summary) { return dnni_check(summary, DNNI_SUMMARY, "summary"); }

static dnn_status check_part(const dnn_summary *summary, dnn_part part) {
    DNNI_TRY(check_summary(summary));
    DNNI_REQUIRE(part == DNN_PART_INPUT || part == DNN_PART_TARGET, "part is %d, which is no part", (int)part);
    return DNN_OK;
}

int64_t dnn_summary_samples(const dnn_summary *summary) {
    return check_summary(summary) == DNN_OK ? summary->samples : -1;
}

int64_t dnn_summary_channels(const dnn_summary *summary, dnn_part part) {
    return check_part(summary, part) == DNN_OK ? dnni_summary_part(summary, part)->channels : -1;
}

dnn_status dnni_summary_check_channel(const dnn_summary *summary, dnn_part part, int64_t channel) {
    DNNI_TRY(check_part(summary, part));
    int64_t channels = dnni_summary_part(summary, part)->channels;
    if (channels > 0 && channel >= -1 && channel < channels) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no channel %lld, %s has %lld", (long long)channel,
                      part == DNN_PART_INPUT ? "the input" : "the target", (long long)channels);
}

dnn_status dnn_summary_values(const dnn_summary *summary, dnn_part part, int64_t channel, dnn_values *values) {
    DNNI_TRY(dnni_summary_check_channel(summary, part, channel));
    dnn_values v = dnni_tally_values(dnni_summary_part(summary, part), channel);
    return dnni_give(values, &v, sizeof v, "values");
}

int64_t dnn_summary_constant(const dnn_summary *summary, dnn_part part, int64_t *elements, int64_t most) {
    if (check_part(summary, part) != DNN_OK) return -1;
    const dnni_tally *t = dnni_summary_part(summary, part);
    int64_t n = 0;
    for (int64_t j = 0; j < t->elements; j++) {
        if (!dnni_tally_is_constant(t, j)) continue;
        if (elements && n < most) elements[n] = j;
        n++;
    }
    return n;
}

dnn_status dnn_summary_classes(const dnn_summary *summary, dnn_classes *classes) {
    DNNI_TRY(check_summary(summary));
    return dnni_give(classes, &summary->classes, sizeof *classes, "classes");
}

int64_t dnn_summary_class_count(const dnn_summary *summary, int64_t k) {
    if (check_summary(summary) != DNN_OK) return -1;
    if (k >= 0 && k < summary->classes.classes) return summary->labels.counts[k];
    dnni_error(DNN_ERROR_NOT_FOUND, "there is no class %lld, targets have %lld", (long long)k,
               (long long)summary->classes.classes);
    return -1;
}

const char *dnn_summary_text(const dnn_summary *summary) {
    return check_summary(summary) == DNN_OK ? summary->text : NULL;
}

const char *dnn_summary_json(const dnn_summary *summary) {
    return check_summary(summary) == DNN_OK ? summary->json : NULL;
}
