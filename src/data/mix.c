/* View: mixtures of two samples, mixup and cutmix. */
#include <math.h>
#include <string.h>

#include "act/elementwise.h"
#include "data/dataset.h"
#include "rng/rng.h"

typedef struct {
    dnn_dataset base;
    dnn_dataset *source; /* held */
    double mixup, cutmix, probability;
    uint64_t seed;
    bool labels; /* the source's targets are class numbers */
} mix_dataset;

/* What is drawn for one sample. */
typedef struct {
    bool mixed, cut;
    int64_t partner;
    double own;         /* the share of the sample itself, λ */
    int64_t top, left;  /* cutmix: the partner's box */
    int64_t height, width;
} mixture;

enum { DRAWS = 4 }; /* blocks of the stream, for each sample */

/* ---- drawing ---- */

/* One side of the box: `share` of `size`, about a centre that may be anywhere, and cut at the borders. */
static void draw_side(int64_t size, double share, double centre, int64_t *first, int64_t *length) {
    int64_t side = (int64_t)((double)size * share), middle = (int64_t)((double)size * centre);
    *first = dnnk_max(middle - side / 2, 0);
    *length = dnnk_min(middle - side / 2 + side, size) - *first;
}

/* The box has the area 1 - λ, before it is cut; λ is then what is left (Yun et al. 2019). */
static void draw_box(mixture *m, const dnn_array *input, const dnnk_philox_block *block) {
    double side = sqrt(1 - m->own);
    draw_side(input->dims[0], side, dnnk_unit_f64(block->word[0], block->word[1]), &m->top, &m->height);
    draw_side(input->dims[1], side, dnnk_unit_f64(block->word[2], block->word[3]), &m->left, &m->width);
    m->own = 1 - (double)(m->height * m->width) / (double)(input->dims[0] * input->dims[1]);
}

static mixture draw(const mix_dataset *v, int64_t index, int64_t epoch) {
    uint64_t stream = DNNI_STREAM_MIX + (uint64_t)epoch, at = (uint64_t)index * DRAWS;
    dnnk_philox_block choice = dnnk_random_block(v->seed, stream, at);
    mixture m = {.mixed = dnnk_unit_f64(choice.word[0], choice.word[1]) < v->probability};
    if (!m.mixed) return m;
    m.cut = v->cutmix > 0 && (v->mixup == 0 || choice.word[2] >> 31);
    m.partner = (int64_t)dnnk_random_below(v->seed, stream, at + 1, (uint64_t)v->source->count);
    m.own = dnnk_random_beta(v->seed, stream, at + 2, m.cut ? v->cutmix : v->mixup);
    dnnk_philox_block box = dnnk_random_block(v->seed, stream, at + 3);
    if (m.cut) draw_box(&m, &v->source->input, &box);
    return m;
}

/* ---- mixing ---- */

static void copy(const dnn_array *to, const dnn_array *from) {
    int64_t bytes = dnni_bytes(to);
    if (bytes > 0) memcpy(to->data, from->data, (size_t)bytes);
}

/* to = own to + (1 - own) from */
static void blend(const mix_dataset *v, const dnn_array *to, const dnn_array *from, double own) {
    dnnk_env env = dnnk_serial(dnni_env(v->base.base.ctx)->isa);
    int64_t n = dnni_count(to);
    dnnk_scale(&env, dnni_type(to->dtype), n, own, to->data, to->data);
    dnnk_axpy(&env, dnni_type(to->dtype), n, 1 - own, from->data, to->data);
}

static void paste(const mixture *m, const dnn_array *to, const dnn_array *from) {
    int64_t place = dnni_product(to->dims, 2, to->rank) * dnn_dtype_size(to->dtype), row = to->dims[1] * place;
    for (int64_t y = m->top; y < m->top + m->height; y++) {
        int64_t at = y * row + m->left * place;
        if (m->width * place > 0)
            memcpy((char *)to->data + at, (const char *)from->data + at, (size_t)(m->width * place));
    }
}

/* Adds `share` at the class. */
static dnn_status add_label(const dnn_array *target, const dnn_array *label, double share) {
    int64_t class = (int64_t)dnni_load(label->dtype, label->data, 0);
    if (class < 0 || class >= target->dims[0])
        return dnni_error(DNN_ERROR_VALUE, "the target is class %lld, there are %lld", (long long)class,
                          (long long)target->dims[0]);
    ((float *)target->data)[class] += (float)share;
    return DNN_OK;
}

static dnn_status begin_target(const mix_dataset *v, const dnn_array *target, const dnn_array *own, double share) {
    if (!v->labels) {
        copy(target, own);
        return DNN_OK;
    }
    memset(target->data, 0, (size_t)dnni_bytes(target));
    return add_label(target, own, share);
}

static dnn_status mix_target(const mix_dataset *v, const dnn_array *target, const dnn_array *partner, double own) {
    if (v->labels) return add_label(target, partner, 1 - own);
    blend(v, target, partner, own);
    return DNN_OK;
}

static dnn_status read_mixed(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                             const dnn_array *target) {
    const mix_dataset *v = (const mix_dataset *)self;
    mixture m = draw(v, index, reader->epoch);
    dnn_array from_input, from_target;
    DNNI_TRY(dnni_read_to_room(v->source, reader, index, reader->scratch, &from_input, &from_target));
    copy(input, &from_input);
    DNNI_TRY(begin_target(v, target, &from_target, m.mixed ? m.own : 1));
    if (!m.mixed) return DNN_OK;
    DNNI_TRY(dnni_read_to_room(v->source, reader, m.partner, reader->scratch, &from_input, &from_target));
    if (m.cut) paste(&m, input, &from_input);
    else blend(v, input, &from_input, m.own);
    return mix_target(v, target, &from_target, m.own);
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    *source_index = index;
    return ((const mix_dataset *)self)->source;
}

static void destroy_mix(dnn_dataset *self) { dnn_dataset_release(((mix_dataset *)self)->source); }

static const dnni_dataset_class mix_class = {.read = read_mixed, .destroy = destroy_mix, .origin = origin};

/* ---- making ---- */

static dnn_status check_numbers(const dnn_mix_desc *d, double probability) {
    DNNI_REQUIRE(d->mixup >= 0 && isfinite(d->mixup), "desc.mixup is %g, it must be at least 0", d->mixup);
    DNNI_REQUIRE(d->cutmix >= 0 && isfinite(d->cutmix), "desc.cutmix is %g, it must be at least 0", d->cutmix);
    DNNI_REQUIRE(d->mixup > 0 || d->cutmix > 0, "desc: neither mixup nor cutmix is set");
    DNNI_REQUIRE(probability >= 0 && probability <= 1, "desc.probability is %g, it may be 0 to 1", probability);
    DNNI_REQUIRE(d->classes >= 0, "desc.classes is %lld", (long long)d->classes);
    return DNN_OK;
}

static dnn_status check_input(const dnn_array *input, const dnn_mix_desc *d) {
    if (d->mixup > 0 && !dnni_is_real(input->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "inputs are %s: mixup takes float32 and float64 (a transform makes them)",
                          dnn_dtype_name(input->dtype));
    if (d->cutmix > 0 && (input->rank < 2 || input->dims[0] == 0 || input->dims[1] == 0))
        return dnni_error(DNN_ERROR_SHAPE, "inputs have shape %s: cutmix takes images (H, W, …)",
                          dnni_array_shape(input).text);
    return DNN_OK;
}

/* Class numbers become shares of the classes, float32 (K); real numbers stay as they are. */
static dnn_status mixed_target(dnn_array *target, bool *labels, int64_t classes) {
    *labels = target->rank == 0 && dnni_is_label(target->dtype);
    if (dnni_is_real(target->dtype)) return DNN_OK;
    if (!*labels)
        return dnni_error(DNN_ERROR_DTYPE, "targets are %s %s: class numbers are mixed, and float32 and float64",
                          dnn_dtype_name(target->dtype), dnni_array_shape(target).text);
    DNNI_REQUIRE(classes > 0, "desc.classes is not set, and the dataset does not know how many classes it has");
    dnn_array soft = dnni_array(DNN_F32, 1, &classes);
    return dnni_item_array(target, &soft, "the mixed target");
}

dnn_status dnn_dataset_mix(dnn_dataset **out, dnn_dataset *source, const dnn_mix_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_mix_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    double probability = dnni_or_default(d.probability, 1);
    DNNI_TRY(check_numbers(&d, probability));
    DNNI_TRY(check_input(&source->input, &d));
    dnni_dataset_shape shape = dnni_view_shape(source, source->count);
    bool labels;
    DNNI_TRY(mixed_target(&shape.target, &labels, d.classes ? d.classes : source->metadata.classes));
    shape.scratch_bytes = dnni_sample_room(source);
    mix_dataset *v = dnni_dataset_new(dnni_context_of(source), &mix_class, sizeof *v, &shape);
    if (!v) return DNN_ERROR_MEMORY;
    dnn_dataset_retain(v->source = source);
    v->mixup = d.mixup;
    v->cutmix = d.cutmix;
    v->probability = probability;
    v->seed = d.seed;
    v->labels = labels;
    *out = &v->base;
    return DNN_OK;
}
