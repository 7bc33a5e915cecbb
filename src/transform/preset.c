/* What published models were trained on. */
#include "transform/transform.h"

static dnn_transform *torchvision(dnn_context *ctx) {
    const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    dnn_transform *parts[2] = {dnn_to_float(ctx, NULL), dnn_transform_standardize_by(ctx, mean, std, 3)};
    return dnni_transform_chain(ctx, parts, 2);
}

static dnn_transform *caffe(dnn_context *ctx) {
    const double mean[3] = {104.007, 116.669, 122.679}, std[3] = {1, 1, 1};
    dnn_to_float_desc d = {DNN_SIZED(dnn_to_float_desc), .low = 0, .high = 255};
    dnn_transform *parts[3] = {dnn_channels(ctx, (const int32_t[]){2, 1, 0}, 3), dnn_to_float(ctx, &d),
                               dnn_transform_standardize_by(ctx, mean, std, 3)};
    return dnni_transform_chain(ctx, parts, 3);
}

dnn_transform *dnn_transform_preset(dnn_context *ctx, dnn_preset preset) {
    if (dnni_context_check(ctx, "ctx") != DNN_OK) return NULL;
    if (preset == DNN_PRESET_TORCHVISION) return torchvision(ctx);
    if (preset == DNN_PRESET_CAFFE) return caffe(ctx);
    dnni_error(DNN_ERROR_ARGUMENT, "preset is %d, which is none", (int)preset);
    return NULL;
}
