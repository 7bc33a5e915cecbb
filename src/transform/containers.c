/* Containers: all of them, one of them, or perhaps. */
#include "transform/transform.h"

static dnn_status give(dnn_transform **out, dnn_context *ctx, const dnni_transform_class *class) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = dnni_transform_new(ctx, class, NULL, 1);
    return *out ? DNN_OK : dnn_last_status();
}

static const dnni_transform_class chain_class = {.type = "chain", .is_container = true};

dnn_status dnn_transform_chain(dnn_transform **out, dnn_context *ctx) { return give(out, ctx, &chain_class); }

dnn_transform *dnni_transform_chain(dnn_context *ctx, dnn_transform *const *parts, int64_t n) {
    return dnni_transform_over(ctx, &chain_class, NULL, 1, parts, n);
}

/* All guards of a choice draw the same number. */
static bool is_chosen(const void *state, dnni_draws *draws, int64_t child, int64_t n) {
    (void)state;
    return dnni_draw_below(draws, n) == child;
}

static const dnni_transform_class one_of_class = {
    .type = "one_of", .is_container = true, .alternatives = true, .runs = is_chosen};

dnn_status dnn_transform_one_of(dnn_transform **out, dnn_context *ctx) { return give(out, ctx, &one_of_class); }

static bool happens(const void *state, dnni_draws *draws, int64_t child, int64_t n) {
    (void)child, (void)n;
    return dnni_draw_range(draws, 0, 1) < *(const double *)state;
}

static void say_p(const void *state, dnni_text *text) {
    dnni_text_add(text, " ");
    dnni_text_number(text, *(const double *)state);
}

static const dnni_transform_class apply_class = {
    .type = "random_apply", .is_container = true, .runs = happens, .settings = say_p};

dnn_transform *dnn_random_apply(dnn_context *ctx, double p, dnn_transform *transform) {
    return dnni_transform_over(ctx, dnni_check_fraction(p, "p") == DNN_OK ? &apply_class : NULL, &p, sizeof p,
                               &transform, 1);
}
