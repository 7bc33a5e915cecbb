/* View: every class equally often. */
#include "data/groups.h"
#include "rng/rng.h"

typedef struct {
    dnn_dataset base;
    dnn_dataset *source; /* held */
    dnni_groups classes;
    uint64_t seed;
} balance_dataset;

/* Sample j of class k in an epoch: the classes' samples in one random order after another. */
static int64_t draw(const balance_dataset *b, int64_t index, int64_t epoch) {
    const dnni_groups *g = &b->classes;
    int64_t k = index % g->groups, j = index / g->groups, n = dnni_group_size(g, k);
    dnnk_philox_block key = dnnk_random_block(b->seed, DNNI_STREAM_BALANCE + (uint64_t)k, (uint64_t)epoch);
    uint64_t seed = (uint64_t)key.word[0] << 32 | key.word[1];
    return g->order[g->start[k] + dnnk_permuted(seed, DNNI_STREAM_BALANCE + (uint64_t)(j / n), n, j % n)];
}

static dnn_status read_drawn(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                             const dnn_array *target) {
    const balance_dataset *b = (const balance_dataset *)self;
    return dnni_read_source(b->source, reader, draw(b, index, reader->epoch), input, target);
}

static dnn_status read_drawn_target(dnn_dataset *self, const dnni_reader *reader, int64_t index,
                                    const dnn_array *target) {
    const balance_dataset *b = (const balance_dataset *)self;
    return dnni_read_source_target(b->source, reader, draw(b, index, reader->epoch), target);
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    const balance_dataset *b = (const balance_dataset *)self;
    *source_index = draw(b, index, 0);
    return b->source;
}

static void destroy_balance(dnn_dataset *self) {
    balance_dataset *b = (balance_dataset *)self;
    dnni_groups_free(&b->classes);
    dnn_dataset_release(b->source);
}

static const dnni_dataset_class balance_class = {.read = read_drawn, .destroy = destroy_balance,
                                                 .read_target = read_drawn_target, .origin = origin};

static int64_t largest(const dnni_groups *g) {
    int64_t most = 0;
    for (int64_t k = 0; k < g->groups; k++) most = dnnk_max(most, dnni_group_size(g, k));
    return most;
}

/* How many samples an epoch has. */
static dnn_status epoch_size(int64_t *count, const dnni_groups *g, const dnn_balance_desc *d) {
    if (g->samples == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples, and so no classes");
    if (dnni_mul(d->per_class ? d->per_class : largest(g), g->groups, count)) return DNN_OK;
    return dnni_error(DNN_ERROR_ARGUMENT, "desc.per_class is %lld", (long long)d->per_class);
}

/* Takes the classes over, with success or without. */
static dnn_status make(dnn_dataset **out, dnn_dataset *source, dnni_groups *classes, const dnn_balance_desc *d) {
    dnni_dataset_shape shape = dnni_view_shape(source, 0);
    dnn_status status = epoch_size(&shape.count, classes, d);
    balance_dataset *b = NULL;
    if (status == DNN_OK) b = dnni_dataset_new(dnni_context_of(source), &balance_class, sizeof *b, &shape);
    if (!b) {
        dnni_groups_free(classes);
        return status == DNN_OK ? DNN_ERROR_MEMORY : status;
    }
    dnn_dataset_retain(b->source = source);
    b->classes = *classes;
    b->seed = d->seed;
    *out = &b->base;
    return DNN_OK;
}

dnn_status dnn_dataset_balance(dnn_dataset **out, dnn_dataset *source, const dnn_balance_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_balance_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.per_class >= 0, "desc.per_class is %lld", (long long)d.per_class);
    dnni_groups classes;
    dnn_status status = dnni_groups_of_classes(&classes, source);
    if (status == DNN_OK) return make(out, source, &classes, &d);
    dnni_groups_free(&classes);
    return status;
}
