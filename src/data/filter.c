/* View: the samples that a function of the host's chooses. */
#include "data/progress.h"
#include "data/subset.h"

enum { PROGRESS_EVERY = 256 };

typedef struct {
    dnn_dataset *source;
    dnn_filter_desc desc;
    dnni_reader reader;
    void *room;
    int64_t room_bytes;
    int64_t *kept; /* [source's samples] */
    int64_t count;
} job;

/* The sample, or its target alone. */
static dnn_status read_sample(job *j, int64_t index, dnn_array *input, dnn_array *target) {
    if (!j->desc.targets_only) return dnni_read_to_room(j->source, &j->reader, index, j->room, input, target);
    *input = j->source->input;
    *target = j->source->target;
    target->data = j->room;
    return dnni_has_targets(j->source) ? dnni_read_source_target(j->source, &j->reader, index, target) : DNN_OK;
}

static dnn_status ask_host(const job *j, int64_t index, const dnn_array *input, const dnn_array *target,
                           int32_t *keep) {
    uint64_t errors = dnni_error_count();
    dnn_status status = j->desc.choose(j->desc.user, index, input, target, keep);
    if (status == DNN_OK) return DNN_OK;
    dnni_host_failed(status, errors, "choose");
    dnni_saved_error reason;
    dnni_error_save(&reason);
    return dnni_name_sample(dnni_error(DNN_ERROR_CALLBACK, "%s", reason.line), index);
}

static dnn_status choose_all(job *j) {
    j->reader.run = 1;
    for (int64_t i = 0, n = j->source->count; i < n; i++) {
        if (i % PROGRESS_EVERY == 0) DNNI_TRY(dnni_progress(&j->desc.progress, "choosing samples", i, n));
        dnn_array input, target;
        int32_t keep = 0;
        DNNI_TRY(read_sample(j, i, &input, &target));
        DNNI_TRY(ask_host(j, i, &input, &target, &keep));
        if (keep) j->kept[j->count++] = i;
    }
    return DNN_OK;
}

static dnn_status filter(dnn_dataset **out, job *j) {
    dnn_context *ctx = dnni_context_of(j->source);
    int64_t scratch = j->source->target_scratch_bytes;
    j->room_bytes = dnni_sample_room(j->source);
    j->room = dnni_alloc(ctx, j->room_bytes, 1);
    j->kept = dnni_alloc_raw(ctx, j->source->count, sizeof *j->kept);
    dnn_status status = j->room && j->kept && dnni_reader_open(&j->reader, ctx, scratch) ? DNN_OK : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = choose_all(j);
    if (status == DNN_OK) status = dnni_subset(out, j->source, j->kept, j->count);
    dnni_reader_close(&j->reader, ctx, scratch);
    dnni_free(ctx, j->kept, j->source->count, sizeof *j->kept);
    dnni_free(ctx, j->room, j->room_bytes, 1);
    return status;
}

dnn_status dnn_dataset_filter(dnn_dataset **out, dnn_dataset *source, const dnn_filter_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    job j = {.source = source};
    DNNI_TRY(DNNI_READ_DESC(j.desc, desc, false));
    DNNI_REQUIRE(j.desc.choose, "desc.choose is NULL");
    return filter(out, &j);
}
