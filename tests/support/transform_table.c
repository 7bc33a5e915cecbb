#include "support/transform_table.h"

#define MAKE(name, expression) \
    static dnn_transform *name(dnn_context *ctx) { return expression; }
#define DESC(type, ...) (&(type){DNN_SIZED(type), __VA_ARGS__})

MAKE(to_float, dnn_to_float(ctx, NULL))
MAKE(to_float_signed, dnn_to_float(ctx, DESC(dnn_to_float_desc, .low = -1, .high = 1)))

static const double three[6] = {0.4, 0.5, 0.6, 0.2, 0.3, 0.4}, zero_one[2] = {0, 1}, half_two[2] = {0.5, 2};
MAKE(standardize, dnn_transform_standardize_by(ctx, half_two, half_two + 1, 1))
MAKE(standardize_rgb, dnn_transform_standardize_by(ctx, three, three + 3, 3))
MAKE(standardize_nothing, dnn_transform_standardize_by(ctx, zero_one, zero_one + 1, 1))
MAKE(torchvision, dnn_transform_preset(ctx, DNN_PRESET_TORCHVISION))
MAKE(caffe, dnn_transform_preset(ctx, DNN_PRESET_CAFFE))

static const int32_t order[3] = {2, 1, 0}, repeated[3] = {0, 0, 0};
MAKE(channels_bgr, dnn_channels(ctx, order, 3))
MAKE(channels_repeated, dnn_channels(ctx, repeated, 3))

#define CROP(...) dnn_random_crop(ctx, DESC(dnn_random_crop_desc, __VA_ARGS__))
MAKE(crop_inside, CROP(.out = {7, 6}))
MAKE(crop_padded, CROP(.padding = 4, .fill = 1))
MAKE(crop_edge, CROP(.out = {9}, .padding = 5, .border = DNN_BORDER_EDGE))
MAKE(crop_reflect, CROP(.padding = 30, .border = DNN_BORDER_REFLECT))
MAKE(crop_nothing, CROP(.padding = 0))
MAKE(center_crop, dnn_center_crop(ctx, 6, 7))
MAKE(center_crop_nothing, dnn_center_crop(ctx, 13, 11))

MAKE(flip, dnn_random_flip(ctx, NULL))
MAKE(flip_both, dnn_random_flip(ctx, DESC(dnn_random_flip_desc, .vertical = 0.5)))
MAKE(flip_nothing, dnn_random_flip(ctx, DESC(dnn_random_flip_desc, .horizontal = DNN_ZERO)))

MAKE(perhaps, dnn_random_apply(ctx, 0.5, flip_both(ctx)))
MAKE(perhaps_never, dnn_random_apply(ctx, 0, flip_both(ctx)))

static dnn_transform *add_all(dnn_transform *container, dnn_transform *a, dnn_transform *b, dnn_transform *c) {
    dnn_transform_add(container, a);
    dnn_transform_add(container, b);
    dnn_transform_add(container, c);
    return container;
}

static dnn_transform *chain(dnn_context *ctx) {
    dnn_transform *t;
    if (dnn_transform_chain(&t, ctx) != DNN_OK) return NULL;
    return add_all(t, crop_padded(ctx), perhaps(ctx), flip(ctx));
}

static dnn_transform *chain_empty(dnn_context *ctx) {
    dnn_transform *t;
    return dnn_transform_chain(&t, ctx) == DNN_OK ? t : NULL;
}

static dnn_transform *one_of(dnn_context *ctx) {
    dnn_transform *t;
    if (dnn_transform_one_of(&t, ctx) != DNN_OK) return NULL;
    return add_all(t, flip(ctx), crop_padded(ctx), chain(ctx));
}

const transform_row transform_rows[] = {
    {"to_float", to_float, NULL, .wants_bytes = true},
    {"to_float, signed", to_float_signed, NULL, .wants_known = true},
    {"standardize", standardize, standardize_nothing, .wants_float = true},
    {"standardize, RGB", standardize_rgb, NULL, .wants_float = true, .wants_rgb = true},
    {"preset, torchvision", torchvision, NULL, .wants_bytes = true, .wants_rgb = true},
    {"preset, caffe", caffe, NULL, .wants_known = true, .wants_rgb = true},
    {"channels, BGR", channels_bgr, NULL, .wants_rgb = true},
    {"channels, repeated", channels_repeated, NULL, .is_random = false},
    {"random_crop", crop_inside, crop_nothing, .is_random = true, .moves = true},
    {"random_crop, padded", crop_padded, NULL, .is_random = true, .moves = true},
    {"random_crop, edge", crop_edge, NULL, .is_random = true, .moves = true},
    {"random_crop, reflect", crop_reflect, NULL, .is_random = true, .moves = true},
    {"center_crop", center_crop, center_crop_nothing, .moves = true},
    {"random_flip", flip, flip_nothing, .is_random = true, .moves = true},
    {"random_flip, both", flip_both, flip_nothing, .is_random = true, .moves = true},
    {"random_apply", perhaps, perhaps_never, .is_random = true, .moves = true},
    {"chain", chain, chain_empty, .is_random = true, .moves = true},
    {"one_of", one_of, NULL, .is_random = true, .moves = true},
};
const int transform_row_count = sizeof transform_rows / sizeof *transform_rows;
