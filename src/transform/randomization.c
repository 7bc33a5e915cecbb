/* A set of variations with one strength. */
#include "transform/transform.h"

#define DESC(type, ...) (&(type){DNN_SIZED(type), __VA_ARGS__})

static dnn_transform *camera_turn(dnn_context *ctx, double s) {
    return dnn_random_affine(ctx, DESC(dnn_random_affine_desc, .rotate = {-15 * s, 15 * s},
                                       .translate = {0.1 * s, 0.1 * s}, .scale = {1 - 0.2 * s, 1 + 0.25 * s},
                                       .shear = {5 * s, 5 * s}, .border = DNN_BORDER_REFLECT));
}

static dnn_transform *camera_place(dnn_context *ctx, double s) {
    return dnn_random_perspective(ctx, DESC(dnn_random_perspective_desc, .distortion = s > 0 ? 0.3 * s : DNN_ZERO,
                                            .border = DNN_BORDER_REFLECT));
}

static dnn_transform *light(dnn_context *ctx, double s, bool color) {
    return dnn_color_jitter(ctx, DESC(dnn_color_jitter_desc, .brightness = 0.4 * s, .contrast = 0.4 * s,
                                      .saturation = color ? 0.4 * s : 0, .hue = color ? 0.1 * s : 0));
}

static dnn_transform *distractors(dnn_context *ctx, double s) {
    return dnn_random_apply(ctx, 0.5 * s,
                            dnn_random_erase(ctx, DESC(dnn_random_erase_desc, .scale = {0.02, 0.1}, .noise = 1)));
}

static dnn_status check(double strength) { return dnni_check_fraction(strength, "desc.strength"); }

dnn_transform *dnn_domain_randomization(dnn_context *ctx, const dnn_domain_randomization_desc *desc) {
    dnn_domain_randomization_desc d;
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK) return NULL;
    double s = dnni_or_default(d.strength, 0.5);
    if (dnni_context_check(ctx, "ctx") != DNN_OK || check(s) != DNN_OK) return NULL;
    dnn_transform *parts[6] = {camera_turn(ctx, s),          camera_place(ctx, s),
                               light(ctx, s, !d.no_color),   dnn_random_blur(ctx, 0, 1.5 * s),
                               dnn_random_noise(ctx, 0, 0.05 * s), distractors(ctx, s)};
    return dnni_transform_chain(ctx, parts, 6);
}
