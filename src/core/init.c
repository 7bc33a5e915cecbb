/* Starting values. Sources: He, Zhang, Ren, Sun 2015 (Kaiming); Glorot, Bengio 2010 (Xavier). */
#include <math.h>

#include "core/tensor.h"
#include "rng/rng.h"

typedef struct {
    bool normal;
    double a, b; /* uniform: from a to b; normal: mean, deviation */
} spread;

static double fan_in(const dnn_array *w) { return (double)dnni_product(w->dims, w->rank > 0 ? 1 : 0, w->rank); }

static double fan_out(const dnn_array *w) {
    if (w->rank < 2) return (double)dnni_count(w);
    return (double)w->dims[0] * (double)dnni_product(w->dims, 1, w->rank - 1);
}

static spread uniform_of(double deviation) { return (spread){false, -sqrt(3.0) * deviation, sqrt(3.0) * deviation}; }
static spread normal_of(double deviation) { return (spread){true, 0, deviation}; }

static double kaiming_deviation(const dnn_array *w, const dnn_init *init) {
    double fan = init->fan == DNN_FAN_OUT ? fan_out(w) : fan_in(w);
    return fan > 0 ? dnni_or_default(init->gain, sqrt(2.0)) / sqrt(fan) : 0;
}

static double xavier_deviation(const dnn_array *w, const dnn_init *init) {
    double fans = fan_in(w) + fan_out(w);
    return fans > 0 ? dnni_or_default(init->gain, 1.0) * sqrt(2.0 / fans) : 0;
}

static spread spread_of(const dnn_array *w, const dnn_init *init) {
    switch (init->kind) {
    case DNN_INIT_UNIFORM: return (spread){false, init->a, init->b};
    case DNN_INIT_NORMAL: return (spread){true, init->a, init->b};
    case DNN_INIT_KAIMING_UNIFORM: return uniform_of(kaiming_deviation(w, init));
    case DNN_INIT_KAIMING_NORMAL: return normal_of(kaiming_deviation(w, init));
    case DNN_INIT_XAVIER_UNIFORM: return uniform_of(xavier_deviation(w, init));
    case DNN_INIT_XAVIER_NORMAL: return normal_of(xavier_deviation(w, init));
    case DNN_INIT_DEFAULT:
    case DNN_INIT_CONSTANT: break;
    }
    double value = init->kind == DNN_INIT_CONSTANT ? init->a : 0;
    return (spread){false, value, value};
}

dnn_status dnni_init_check(const dnn_init *init) {
    switch (init->kind) {
    case DNN_INIT_DEFAULT:
    case DNN_INIT_CONSTANT:
    case DNN_INIT_UNIFORM:
    case DNN_INIT_NORMAL:
    case DNN_INIT_KAIMING_UNIFORM:
    case DNN_INIT_KAIMING_NORMAL:
    case DNN_INIT_XAVIER_UNIFORM:
    case DNN_INIT_XAVIER_NORMAL: break;
    default: return dnni_error(DNN_ERROR_ARGUMENT, "init.kind is %d, which is no initialiser", (int)init->kind);
    }
    DNNI_REQUIRE(init->fan == DNN_FAN_IN || init->fan == DNN_FAN_OUT, "init.fan is %d, which is no fan",
                 (int)init->fan);
    DNNI_REQUIRE(isfinite(init->a) && isfinite(init->b) && isfinite(init->gain),
                 "init has a number that is not finite");
    if (init->kind == DNN_INIT_NORMAL) DNNI_REQUIRE(init->b >= 0, "init.b, the standard deviation, is %g", init->b);
    if (init->kind == DNN_INIT_UNIFORM)
        DNNI_REQUIRE(init->a <= init->b, "init: uniform from %g to %g is empty", init->a, init->b);
    return DNN_OK;
}

dnn_status dnni_init_fill(const dnn_array *array, const dnn_init *init, const dnnk_env *env, uint64_t seed,
                          uint64_t stream) {
    if (!dnni_is_real(array->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "starting values are float32 or float64, the tensor is %s",
                          dnn_dtype_name(array->dtype));
    spread s = spread_of(array, init);
    int64_t count = dnni_count(array);
    if (s.normal) dnnk_fill_normal(env, dnni_type(array->dtype), seed, stream, s.a, s.b, count, array->data);
    else dnnk_fill_uniform(env, dnni_type(array->dtype), seed, stream, s.a, s.b, count, array->data);
    return DNN_OK;
}

dnn_status dnn_tensor_fill(dnn_tensor *tensor, const dnn_init *init) {
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    dnn_init i;
    DNNI_TRY(dnni_read_desc(&i, sizeof i, init, false, "init"));
    DNNI_TRY(dnni_init_check(&i));
    dnn_context *ctx = dnni_context_of(tensor);
    dnni_tensor_written(tensor);
    return dnni_init_fill(&tensor->array, &i, dnni_env(ctx), ctx->seed, dnni_context_stream(ctx));
}
