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

#define RESIZE(...) dnn_resize(ctx, DESC(dnn_resize_desc, __VA_ARGS__))
MAKE(resize_smaller, RESIZE(.out = {5, 4}))
MAKE(resize_larger, RESIZE(.out = {29, 30}))
MAKE(resize_shorter, RESIZE(.shorter = 7, .no_antialias = 1))
MAKE(resize_nearest, RESIZE(.out = {7, 17}, .filter = DNN_FILTER_NEAREST))
MAKE(resize_area, RESIZE(.out = {6, 19}, .filter = DNN_FILTER_AREA))
MAKE(resize_nothing, RESIZE(.shorter = 11))

#define RESIZED(...) dnn_random_resized_crop(ctx, DESC(dnn_random_resized_crop_desc, __VA_ARGS__))
MAKE(resized_crop, RESIZED(.out = {8}))
MAKE(resized_crop_area, RESIZED(.out = {9, 12}, .filter = DNN_FILTER_AREA, .scale = {0.3, 0.9}, .ratio = {0.2, 5}))
MAKE(resized_crop_nothing, RESIZED(.out = {13, 11}, .scale = {1, 1}, .ratio = {11.0 / 13, 11.0 / 13}))

#define ROTATION(...) dnn_random_rotation(ctx, DESC(dnn_random_rotation_desc, __VA_ARGS__))
MAKE(rotation, ROTATION(.low = -30, .high = 30))
MAKE(rotation_nearest, ROTATION(.low = -180, .high = 180, .filter = DNN_FILTER_NEAREST, .border = DNN_BORDER_EDGE))
MAKE(rotation_nothing, ROTATION(.low = 0))

#define AFFINE(...) dnn_random_affine(ctx, DESC(dnn_random_affine_desc, __VA_ARGS__))
MAKE(affine, AFFINE(.rotate = {-20, 20}, .translate = {0.2, 0.1}, .scale = {0.8, 1.3}, .shear = {10, 5}))
MAKE(affine_shift, AFFINE(.translate = {1, 1}, .fill = 1))
MAKE(affine_nothing, AFFINE(.fill = 0))

#define PERSPECTIVE(...) dnn_random_perspective(ctx, DESC(dnn_random_perspective_desc, __VA_ARGS__))
MAKE(perspective, PERSPECTIVE(.border = DNN_BORDER_REFLECT))
MAKE(perspective_most, PERSPECTIVE(.distortion = 0.6))
MAKE(perspective_nothing, PERSPECTIVE(.distortion = DNN_ZERO))

#define JITTER(...) dnn_color_jitter(ctx, DESC(dnn_color_jitter_desc, __VA_ARGS__))
MAKE(jitter, JITTER(.brightness = 0.5, .contrast = 0.5, .saturation = 2, .hue = 0.5))
MAKE(jitter_grey, JITTER(.brightness = 3, .contrast = 0.2))
MAKE(jitter_nothing, JITTER(.brightness = 0))
MAKE(grayscale, dnn_grayscale(ctx, 3))
MAKE(grayscale_one, dnn_grayscale(ctx, 1))

MAKE(blur, dnn_random_blur(ctx, 0.1, 2))
MAKE(blur_wide, dnn_random_blur(ctx, 10, 50))
MAKE(blur_nothing, dnn_random_blur(ctx, 0, 0))
MAKE(noise, dnn_random_noise(ctx, 0.02, 0.3))
MAKE(noise_nothing, dnn_random_noise(ctx, 0, 0))
MAKE(erase, dnn_random_erase(ctx, NULL))
MAKE(erase_noise, dnn_random_erase(ctx, DESC(dnn_random_erase_desc, .noise = 1, .scale = {0.1, 0.2})))
MAKE(erase_nothing, dnn_random_erase(ctx, DESC(dnn_random_erase_desc, .scale = {1, 1}, .ratio = {9, 9})))

#define RANDOMIZE(...) dnn_domain_randomization(ctx, DESC(dnn_domain_randomization_desc, __VA_ARGS__))
MAKE(randomization, RANDOMIZE(.strength = 1))
MAKE(randomization_grey, RANDOMIZE(.no_color = 1))
MAKE(randomization_nothing, RANDOMIZE(.strength = DNN_ZERO))

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
    {"random_crop", crop_inside, crop_nothing, .is_random = true, .moves = true, .cuts = true},
    {"random_crop, padded", crop_padded, NULL, .is_random = true, .moves = true, .cuts = true, .fill = 1},
    {"random_crop, edge", crop_edge, NULL, .is_random = true, .moves = true, .repeats = true},
    {"random_crop, reflect", crop_reflect, NULL, .is_random = true, .moves = true, .repeats = true},
    {"center_crop", center_crop, center_crop_nothing, .moves = true, .cuts = true},
    {"random_flip", flip, flip_nothing, .is_random = true, .moves = true, .cuts = true},
    {"random_flip, both", flip_both, flip_nothing, .is_random = true, .moves = true, .cuts = true},
    {"resize, smaller", resize_smaller, resize_nothing, .moves = true},
    {"resize, larger", resize_larger, resize_nothing, .moves = true},
    {"resize, shorter", resize_shorter, resize_nothing, .moves = true},
    {"resize, nearest", resize_nearest, NULL, .moves = true},
    {"resize, area", resize_area, NULL, .moves = true},
    {"random_resized_crop", resized_crop, resized_crop_nothing, .is_random = true, .moves = true},
    {"random_resized_crop, area", resized_crop_area, NULL, .is_random = true, .moves = true},
    {"random_rotation", rotation, rotation_nothing, .is_random = true, .moves = true},
    {"random_rotation, nearest", rotation_nearest, rotation_nothing, .is_random = true, .moves = true,
     .repeats = true},
    {"random_affine", affine, affine_nothing, .is_random = true, .moves = true},
    {"random_affine, shift", affine_shift, affine_nothing, .is_random = true, .moves = true, .fill = 1},
    {"random_perspective", perspective, perspective_nothing, .is_random = true, .moves = true, .repeats = true},
    {"random_perspective, most", perspective_most, perspective_nothing, .is_random = true, .moves = true},
    {"color_jitter", jitter, jitter_nothing, .is_random = true, .wants_rgb = true, .wants_known = true},
    {"color_jitter, grey", jitter_grey, jitter_nothing, .is_random = true, .wants_known = true},
    {"grayscale", grayscale, NULL, .wants_rgb = true},
    {"grayscale, one channel", grayscale_one, NULL, .wants_rgb = true},
    {"random_blur", blur, blur_nothing, .is_random = true},
    {"random_blur, wide", blur_wide, blur_nothing, .is_random = true},
    {"random_noise", noise, noise_nothing, .is_random = true},
    {"random_erase", erase, erase_nothing, .is_random = true},
    {"random_erase, noise", erase_noise, NULL, .is_random = true},
    {"domain_randomization", randomization, randomization_nothing, .is_random = true, .moves = true,
     .wants_rgb = true,
     .wants_known = true},
    {"domain_randomization, grey", randomization_grey, randomization_nothing, .is_random = true, .moves = true,
     .wants_known = true},
    {"random_apply", perhaps, perhaps_never, .is_random = true, .moves = true, .cuts = true},
    {"chain", chain, chain_empty, .is_random = true, .moves = true, .cuts = true, .fill = 1},
    {"one_of", one_of, NULL, .is_random = true, .moves = true, .cuts = true, .fill = 1},
};
const int transform_row_count = sizeof transform_rows / sizeof *transform_rows;
