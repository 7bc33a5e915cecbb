/* Layer normalisation over the last axes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "layers/weights.h"
#include "norm/norm.h"

typedef struct {
    int64_t dims[DNN_MAX_RANK]; /* of the axes that are normalised */
    int32_t rank;
    double eps;
} layer_norm;

enum { MEAN, RSTD }; /* kept: of each row */

static int64_t cols_of(const layer_norm *s) { return dnni_product(s->dims, 0, s->rank); }

static int64_t rows_of(const layer_norm *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    return dnni_product(x->dims, 0, x->rank - s->rank);
}

static dnn_status expect_shape(const layer_norm *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    int32_t front = x->rank - s->rank;
    if (front >= 0 && memcmp(x->dims + front, s->dims, (size_t)s->rank * sizeof *s->dims) == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input is %s, its last axes must be %s", dnni_array_shape(x).text,
                      dnni_shape(s->rank, s->dims).text);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const layer_norm *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(expect_shape(s, call));
    int64_t rows = rows_of(s, call);
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    if (s->rank == 1) spec->sees = DNN_SEES_PLACE;
    spec->n_kept = 2;
    spec->kept[MEAN] = spec->kept[RSTD] = dnni_array(call->inputs[0].dtype, 1, &rows);
    spec->backward_reads = DNN_READS_INPUT(0);
    spec->backward_work = dnnk_layer_norm_workspace(dnni_call_type(call), rows, cols_of(s));
    spec->flops = 7.0 * (double)dnni_count(&call->inputs[0]);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const layer_norm *s = state;
    dnnk_layer_norm_forward(dnni_call_env(call), dnni_call_type(call), rows_of(s, call), cols_of(s), s->eps,
                            call->inputs[0].data, dnni_parameter_data(call, 0), dnni_parameter_data(call, 1),
                            call->kept[MEAN].data, call->kept[RSTD].data, call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const layer_norm *s = state;
    dnnk_layer_norm_backward(dnni_call_env(call), dnni_call_type(call), rows_of(s, call), cols_of(s),
                             call->inputs[0].data, dnni_parameter_data(call, 0), call->kept[MEAN].data,
                             call->kept[RSTD].data, call->output_gradients[0].data, call->input_gradients[0].data,
                             dnni_parameter_gradient(call, 0), dnni_parameter_gradient(call, 1), call->work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const layer_norm *s = state;
    snprintf(text, bytes, "%s", dnni_shape(s->rank, s->dims).text);
}

static const dnn_layer_class layer_norm_class = {DNN_SIZED(dnn_layer_class), .type = "layer_norm", .shape = shape,
                                                 .forward = forward, .backward = backward, .detail = detail,
                                                 .repeatable = 1};

static dnn_status read_state(layer_norm *s, const dnn_layer_norm_desc *d) {
    *s = (layer_norm){.eps = dnni_or_default(d->eps, 1e-5)};
    DNNI_REQUIRE(s->eps >= 0 && isfinite(s->eps), "desc.eps is %g, it must be finite and not negative", s->eps);
    while (s->rank < DNN_MAX_RANK && d->shape[s->rank] != 0) s->rank++;
    DNNI_REQUIRE(s->rank > 0, "desc.shape is empty, it must have the sizes of the last axes");
    for (int32_t i = 0; i < DNN_MAX_RANK; i++) {
        DNNI_REQUIRE(i < s->rank || d->shape[i] == 0, "desc.shape[%d] is %lld, behind a 0, which ends the shape", i,
                     (long long)d->shape[i]);
        DNNI_REQUIRE(d->shape[i] >= 0, "desc.shape[%d] is %lld, it must be at least 1", i, (long long)d->shape[i]);
    }
    memcpy(s->dims, d->shape, sizeof s->dims);
    dnn_array checked;
    return dnni_make_array(&checked, DNN_F64, s->rank, s->dims);
}

static void add_parameters(dnn_module *m, const layer_norm *s, bool no_bias) {
    dnn_init one = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 1};
    dnn_layer_add_parameter(m, "weight", s->rank, s->dims, &one);
    if (!no_bias) dnn_layer_add_parameter(m, "bias", s->rank, s->dims, NULL);
}

dnn_module *dnn_layer_norm(dnn_context *ctx, const dnn_layer_norm_desc *desc) {
    dnn_layer_norm_desc d;
    layer_norm state;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || read_state(&state, &d) != DNN_OK) return NULL;
    dnn_module *m = dnn_layer_create(ctx, &layer_norm_class, &state, sizeof state);
    if (m && !d.no_affine) add_parameters(m, &state, d.no_bias != 0);
    return dnni_layer_done(m);
}
