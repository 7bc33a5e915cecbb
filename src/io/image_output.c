/* Tensors as bytes to be written. */
#include <math.h>

#include "io/image.h"

static dnn_status check_image(dnni_image_output *out, const dnn_tensor *image, const char *format,
                              int64_t most_channels, int64_t most_side) {
    dnn_dtype dtype = dnn_tensor_dtype(image);
    int32_t rank = dnn_tensor_rank(image);
    if (dtype == DNN_DTYPE_NONE) return dnn_last_status();
    if (dtype != DNN_U8 && dtype != DNN_F32 && dtype != DNN_F64)
        return dnni_io_fail(DNN_ERROR_DTYPE, NULL, "an image is uint8, float32 or float64, not %s",
                            dnn_dtype_name(dtype));
    out->height = dnn_tensor_dim(image, 0);
    out->width = dnn_tensor_dim(image, 1);
    out->channels = rank == 2 ? 1 : dnn_tensor_dim(image, 2);
    if ((rank != 2 && rank != 3) || out->channels < 1 || out->channels > most_channels)
        return dnni_io_fail(DNN_ERROR_SHAPE, NULL, "an image is (H, W) or (H, W, C) with 1 to %d channels",
                            (int)most_channels);
    if (out->height >= 1 && out->width >= 1 && out->height <= most_side && out->width <= most_side) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_SHAPE, NULL, "an image of %lld × %lld pixels cannot be a %s file",
                        (long long)out->height, (long long)out->width, format);
}

static double value_at(const dnn_tensor *image, int64_t i) {
    const void *data = dnn_tensor_const_data(image);
    return dnn_tensor_dtype(image) == DNN_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* [0, 1] to 0 … 255. */
static dnn_status to_bytes(unsigned char *bytes, const dnn_tensor *image) {
    int64_t outside = 0, first = -1, n = dnn_tensor_count(image);
    for (int64_t i = 0; i < n; i++) {
        double value = value_at(image, i);
        bool inside = value >= 0 && value <= 1; /* a NaN is not */
        if (!inside && outside++ == 0) first = i;
        bytes[i] = inside ? (unsigned char)floor(255 * value + 0.5) : 0;
    }
    if (outside == 0) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_VALUE, NULL,
                        "%lld of %lld values of the image are outside of [0, 1], the first, element %lld, is %.9g",
                        (long long)outside, (long long)n, (long long)first, value_at(image, first));
}

dnn_status dnni_image_to_bytes(dnni_image_output *out, dnn_context *ctx, const dnn_tensor *image, const char *format,
                               int64_t most_channels, int64_t most_side) {
    *out = (dnni_image_output){.made = NULL};
    IO_TRY(check_image(out, image, format, most_channels, most_side));
    out->pixels = dnn_tensor_const_data(image);
    if (dnn_tensor_dtype(image) == DNN_U8) return DNN_OK;
    out->pixels = out->made = dnni_io_alloc(ctx, dnn_tensor_count(image));
    if (!out->made) return DNN_ERROR_MEMORY;
    dnn_status status = to_bytes(out->made, image);
    if (status != DNN_OK) dnni_io_free(out->made);
    return status;
}
