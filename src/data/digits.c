/* Source: the embedded data set. */
#include "data/dataset.h"
#include "data/digit_ink.h"

typedef struct {
    dnn_dataset base;
    int64_t first, image_size;
    uint64_t seed;
} digit_dataset;

static const int64_t most_digits = INT64_C(1) << 48;

/* Each ten digits are one of each class, in the order a·i + b mod 10, a without a common divisor with 10. */
static int32_t label_of(uint64_t seed, int64_t number) {
    static const int32_t factors[4] = {1, 3, 7, 9};
    dnnk_philox_block block = dnnk_random_block(seed, DNNI_STREAM_LABEL, (uint64_t)number / 10);
    int32_t a = factors[block.word[0] >> 30], b = (int32_t)(block.word[1] % 10);
    return (a * (int32_t)(number % 10) + b) % 10;
}

static const dnni_glyph *choose_style(dnni_draws *draws, int32_t digit) {
    int32_t first = 0, total = 0;
    while (dnni_glyphs[first].digit != digit) first++;
    for (int32_t i = first; i < dnni_glyph_count && dnni_glyphs[i].digit == digit; i++) total += dnni_glyphs[i].weight;
    int32_t chosen = (int32_t)(dnni_draw_word(draws) % (uint32_t)total);
    while (chosen >= dnni_glyphs[first].weight) chosen -= dnni_glyphs[first++].weight;
    return &dnni_glyphs[first];
}

/* Width of the strokes' edges, in pixels. */
static float draw_softness(dnni_draws *draws, int64_t size) {
    float softness = dnni_draw_between(draws, 0.7f, 1.4f);
    return size > 28 ? softness * (float)size / 28.0f : softness;
}

/* Adds noise of a triangular density, of standard deviation `deviation`, to every pixel. */
static void add_noise(dnni_draws *draws, float deviation, int64_t pixels, float *image) {
    for (int64_t i = 0; i < pixels; i++) {
        uint32_t word = dnni_draw_word(draws);
        float noise = (float)((int32_t)(word & 0xffff) - (int32_t)(word >> 16)) * (0x1p-16f * 2.4494897f);
        float value = image[i] + deviation * noise;
        image[i] = value < 0 ? 0 : value > 1 ? 1 : value;
    }
}

static dnn_status read_digit(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                             const dnn_array *target) {
    const digit_dataset *digits = (const digit_dataset *)self;
    dnni_ink *ink = reader->scratch;
    int64_t number = digits->first + index, size = digits->image_size;
    int32_t digit = label_of(digits->seed, number);
    dnni_draws draws = {.seed = digits->seed, .stream = DNNI_STREAM_DIGIT + (uint64_t)number};
    dnni_ink_write(ink, &draws, choose_style(&draws, digit), (float)size);
    float softness = draw_softness(&draws, size), level = dnni_draw_between(&draws, 0.9f, 1.2f);
    float noise = dnni_draw_between(&draws, -0.1f, 0.05f); /* one digit in three has some */
    float *image = input->data;
    for (int64_t i = 0; i < size * size; i++) image[i] = 0;
    dnni_ink_colour(ink, softness, level, size, image);
    if (noise > 0) add_noise(&draws, noise, size * size, image);
    *(int64_t *)target->data = digit;
    return DNN_OK;
}

static const dnni_dataset_class digit_class = {.read = read_digit};

static const char *const digit_names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static dnn_status check_desc(const dnn_digits_desc *d) {
    DNNI_REQUIRE(d->count >= 0 && d->count <= most_digits, "desc.count is %lld", (long long)d->count);
    DNNI_REQUIRE(d->first >= 0 && d->first <= most_digits - d->count, "desc.first is %lld", (long long)d->first);
    DNNI_REQUIRE(d->image_size == 0 || (d->image_size >= 8 && d->image_size <= 512),
                 "desc.image_size is %lld, it may be 0 (default) or 8 to 512", (long long)d->image_size);
    return DNN_OK;
}

dnn_status dnn_digits(dnn_dataset **out, dnn_context *ctx, const dnn_digits_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_digits_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_desc(&d));
    int64_t size = d.image_size ? d.image_size : 28, image[3] = {size, size, 1};
    dnni_dataset_shape shape = {.count = d.count ? d.count : 10000,
                                .input = dnni_array(DNN_F32, 3, image),
                                .target = dnni_array(DNN_I64, 0, NULL),
                                .scratch_bytes = sizeof(dnni_ink),
                                .metadata = {.classes = 10, .class_names = digit_names, .high = 1}};
    digit_dataset *digits = dnni_dataset_new(ctx, &digit_class, sizeof *digits, &shape);
    if (!digits) return DNN_ERROR_MEMORY;
    digits->first = d.first;
    digits->image_size = size;
    digits->seed = d.seed;
    *out = &digits->base;
    return DNN_OK;
}
