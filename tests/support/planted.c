#include "support/planted.h"

#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "rng/rng.h"

typedef struct planted {
    int bug;
} planted;

static int bug_of(const void *state) { return ((const planted *)state)->bug; }

static double get(const dnn_array *a, int64_t i) { return dnni_load(a->dtype, a->data, i); }
static void put(const dnn_array *a, int64_t i, double value) { dnni_store(a->dtype, a->data, i, value); }
static void add(const dnn_array *a, int64_t i, double value) { put(a, i, get(a, i) + value); }
static int64_t last_dim(const dnn_array *a) { return a->dims[a->rank - 1]; }

/* Output like input 0; backward reads everything. */
static dnn_status same_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    spec->backward_reads = DNN_READS_INPUTS | DNN_READS_OUTPUT(0);
    return DNN_OK;
}

static dnn_module *layer_of(dnn_context *ctx, const dnn_layer_class *class, int bug) {
    planted state = {bug};
    return dnn_layer_create(ctx, class, &state, sizeof state);
}

static void add_weights(dnn_module *m, const char *name, int32_t rank, const int64_t *dims) {
    dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 0.7};
    dnn_layer_add_parameter(m, name, rank, dims, &init);
}

#define CLASS(name, shape_rule)                                                                                        \
    static const dnn_layer_class name##_class = {DNN_SIZED(dnn_layer_class), .type = "planted_" #name,                 \
                                                 .shape = shape_rule, .forward = name##_forward,                       \
                                                 .backward = name##_backward};

/* ---- dense: y = x Wᵀ + b, (N, I) to (N, O) ---- */

enum {
    DENSE_OK,
    DX_SIGN,
    DW_SIGN,
    DB_SIGN,
    DW_TWICE,
    DW_MEAN,
    DB_TIMES_BATCH,
    DB_MISSING,
    DX_MISSING,
    DW_TRANSPOSED,
    DW_TAIL,
    DB_TAIL,
    DW_OVERWRITTEN,
    DB_OVERWRITTEN,
    DW_STALE,
    DX_ROW_OFF_BY_ONE,
    DW_FIRST_SAMPLE,
    DX_LOOP_BOUND,
    DW_SHIFTED,
    DX_CONSTANT,
    DW_CLIPPED,
    DB_ABSOLUTE,
    WRITES_INPUT,
    WRITES_DY,
    WRITES_WEIGHT,
    FORWARD_RANDOM,
    BACKWARD_RANDOM,
    DW_ROUNDED_CONSTANT,
    DW_ONE_ELEMENT,
    DW_NAN,
    DB_SUMMED_OVER_ALL,
    DW_NEEDS_DB,
    DW_ONLY_WRONG_IN_EVAL,
    DX_WRONG_IN_FLOAT32,
    DW_REVERSED,
    DX_HALF,
    DB_TERM_TOO_MANY,
    DW_FROM_OUTPUT,
    DX_NO_WEIGHT,
    DW_WRONG_WHERE_NEGATIVE
};
enum { OUT = 3, MOST = 64 };

/* What a layer without a state of its own might leave behind. */
static double left_over[MOST];
static int calls;

static dnn_status dense_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    same_shape(state, call, spec);
    spec->outputs[0].dims[1] = OUT;
    return DNN_OK;
}

static dnn_status dense_forward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *x = &call->inputs[0], *w = &call->parameters[0], *b = &call->parameters[1], *y = &call->outputs[0];
    int64_t rows = x->dims[0], in = x->dims[1];
    for (int64_t n = 0; n < rows; n++)
        for (int64_t o = 0; o < OUT; o++) {
            double sum = get(b, o);
            for (int64_t i = 0; i < in; i++) sum += get(w, o * in + i) * get(x, n * in + i);
            put(y, n * OUT + o, bug == FORWARD_RANDOM ? sum + 1e-7 * (calls++ % 7) : sum);
        }
    if (bug == WRITES_INPUT) put(x, 0, get(x, 0) * 0.5);
    if (bug == WRITES_WEIGHT) put(w, 1, get(w, 1) + 1e-3);
    return DNN_OK;
}

static void dense_input(int bug, const dnn_layer_call *call, int64_t rows, int64_t in) {
    const dnn_array *dy = &call->output_gradients[0], *w = &call->parameters[0], *dx = &call->input_gradients[0];
    bool is_f32 = dx->dtype == DNN_F32;
    for (int64_t n = 0; n < rows; n++)
        for (int64_t i = 0; i < in; i++) {
            double sum = 0;
            int64_t row = bug == DX_ROW_OFF_BY_ONE ? (n + 1) % rows : n, last = bug == DX_LOOP_BOUND ? OUT - 1 : OUT;
            for (int64_t o = 0; o < last; o++)
                sum += get(dy, row * OUT + o) * (bug == DX_NO_WEIGHT ? 1 : get(w, o * in + i));
            if (bug == DX_SIGN) sum = -sum;
            if (bug == DX_MISSING) sum = 0;
            if (bug == DX_HALF) sum *= 0.5;
            if (bug == DX_CONSTANT) sum += 1e-3;
            if (bug == DX_WRONG_IN_FLOAT32 && is_f32) sum *= 1.01;
            put(dx, n * in + i, sum);
        }
}

/* One term of dW. */
static double dense_term(int bug, const dnn_layer_call *call, int64_t n, int64_t o, int64_t i, int64_t in) {
    double dy = get(&call->output_gradients[0], n * OUT + o), x = get(&call->inputs[0], n * in + i);
    if (bug == DW_CLIPPED) dy = fmax(-0.8, fmin(0.8, dy));
    if (bug == DW_STALE) x = left_over[(n * in + i) % MOST];
    if (bug == DW_FROM_OUTPUT) x = get(&call->outputs[0], n * OUT + o);
    if (bug == DW_WRONG_WHERE_NEGATIVE && x < 0) dy = 0;
    if (bug == DW_FIRST_SAMPLE && n > 0) return 0;
    return dy * x;
}

static double dense_weight_factor(int bug, const dnn_layer_call *call, int64_t rows, int64_t o, int64_t i, int64_t in) {
    switch (bug) {
    case DW_SIGN:
        return -1;
    case DW_TWICE:
        return 2;
    case DW_MEAN:
        return 1 / (double)rows;
    case DW_TAIL:
        return i < in - 1;
    case DW_ROUNDED_CONSTANT:
        return 1 + 1e-5;
    case DW_ONE_ELEMENT:
        return o == 1 && i == 2 ? 1.0001 : 1;
    case DW_NAN:
        return o == 1 && i == 2 ? (double)NAN : 1;
    case DW_NEEDS_DB:
        return call->parameter_gradients[1].data ? 1 : 0;
    case DW_ONLY_WRONG_IN_EVAL:
        return call->training ? 1 : 3;
    case BACKWARD_RANDOM:
        return 1 + 1e-10 * (calls++ % 7);
    default:
        return 1;
    }
}

static int64_t dense_place(int bug, int64_t o, int64_t i, int64_t in) {
    if (bug == DW_TRANSPOSED) return i * OUT + o;
    if (bug == DW_SHIFTED) return (o * in + i + 1) % (OUT * in);
    if (bug == DW_REVERSED) return OUT * in - 1 - (o * in + i);
    return o * in + i;
}

static void dense_weight(int bug, const dnn_layer_call *call, int64_t rows, int64_t in) {
    const dnn_array *dw = &call->parameter_gradients[0];
    for (int64_t o = 0; o < OUT; o++)
        for (int64_t i = 0; i < in; i++) {
            double sum = 0;
            for (int64_t n = 0; n < rows; n++) sum += dense_term(bug, call, n, o, i, in);
            sum *= dense_weight_factor(bug, call, rows, o, i, in);
            int64_t place = dense_place(bug, o, i, in);
            if (bug == DW_OVERWRITTEN)
                put(dw, place, sum);
            else
                add(dw, place, sum);
        }
}

static void dense_bias(int bug, const dnn_layer_call *call, int64_t rows) {
    const dnn_array *dy = &call->output_gradients[0], *db = &call->parameter_gradients[1];
    double all = 0;
    for (int64_t k = 0; k < rows * OUT; k++) all += get(dy, k);
    for (int64_t o = 0; o < OUT; o++) {
        double sum = 0;
        for (int64_t n = 0; n < rows; n++)
            sum += bug == DB_ABSOLUTE ? fabs(get(dy, n * OUT + o)) : get(dy, n * OUT + o);
        if (bug == DB_SIGN) sum = -sum;
        if (bug == DB_TIMES_BATCH) sum *= (double)rows;
        if (bug == DB_MISSING || (bug == DB_TAIL && o == OUT - 1)) sum = 0;
        if (bug == DB_SUMMED_OVER_ALL) sum = all;
        if (bug == DB_TERM_TOO_MANY) sum += get(dy, 0);
        if (bug == DB_OVERWRITTEN)
            put(db, o, sum);
        else
            add(db, o, sum);
    }
}

static dnn_status dense_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *x = &call->inputs[0];
    int64_t rows = x->dims[0], in = x->dims[1];
    if (call->input_gradients[0].data) dense_input(bug, call, rows, in);
    if (call->parameter_gradients[0].data) dense_weight(bug, call, rows, in);
    if (call->parameter_gradients[1].data) dense_bias(bug, call, rows);
    for (int64_t k = 0; k < rows * in; k++) left_over[k % MOST] = get(x, k);
    if (bug == WRITES_DY) put(&call->output_gradients[0], 0, 0);
    return DNN_OK;
}

CLASS(dense, dense_shape)
static dnn_module *dense(dnn_context *ctx, int bug) {
    dnn_module *m = layer_of(ctx, &dense_class, bug);
    add_weights(m, "weight", 2, (int64_t[]){OUT, 5});
    add_weights(m, "bias", 1, (int64_t[]){OUT});
    return m;
}

/* The same dense layer, applied to two inputs: its gradient has two parts. */
static dnn_module *dense_twice(dnn_context *ctx, int bug) {
    dnn_module *graph, *fc = dense(ctx, bug);
    dnn_graph_create(&graph, ctx);
    dnn_value a = dnn_graph_input(graph), b = dnn_graph_input(graph);
    dnn_value ya = dnn_graph_apply(graph, "fc", fc, a), yb = dnn_graph_apply(graph, NULL, fc, b);
    dnn_graph_output(graph, dnn_graph_apply2(graph, "add", dnn_add(ctx), ya, yb));
    return graph;
}

/* ---- squash: y = tanh(x) ---- */

enum { SQUASH_OK, SQUASH_NO_SQUARE, SQUASH_OF_INPUT, SQUASH_STRAIGHT, SQUASH_HALF, SQUASH_AT_LAST };

static dnn_status squash_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++)
        put(&call->outputs[0], i, tanh(get(&call->inputs[0], i)));
    return DNN_OK;
}

static dnn_status squash_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    int64_t count = dnni_count(&call->inputs[0]);
    for (int64_t i = 0; i < count && call->input_gradients[0].data; i++) {
        double y = get(&call->outputs[0], bug == SQUASH_AT_LAST ? count - 1 : i), x = get(&call->inputs[0], i),
               slope = 1 - y * y;
        if (bug == SQUASH_NO_SQUARE) slope = 1 - y;
        if (bug == SQUASH_OF_INPUT) slope = 1 - x * x;
        if (bug == SQUASH_STRAIGHT) slope = 1;
        if (bug == SQUASH_HALF) slope *= 0.5;
        put(&call->input_gradients[0], i, slope * get(&call->output_gradients[0], i));
    }
    return DNN_OK;
}

CLASS(squash, same_shape)
static dnn_module *squash(dnn_context *ctx, int bug) { return layer_of(ctx, &squash_class, bug); }

/* ---- bend: y = x where x > 0, x / 10 elsewhere; it does not report its choices ---- */

enum { BEND_OK, BEND_INVERTED, BEND_MASK_OF_DY, BEND_NO_MASK, BEND_OTHER_SLOPE, BEND_MASK_SHIFTED };

static dnn_status bend_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++) {
        double x = get(&call->inputs[0], i);
        put(&call->outputs[0], i, x > 0 ? x : 0.1 * x);
    }
    return DNN_OK;
}

static dnn_status bend_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    int64_t count = dnni_count(&call->inputs[0]);
    for (int64_t i = 0; i < count && call->input_gradients[0].data; i++) {
        double dy = get(&call->output_gradients[0], i),
               x = get(&call->inputs[0], bug == BEND_MASK_SHIFTED ? (i + 1) % count : i);
        bool on = x > 0;
        if (bug == BEND_INVERTED) on = !on;
        if (bug == BEND_MASK_OF_DY) on = dy > 0;
        if (bug == BEND_NO_MASK) on = true;
        put(&call->input_gradients[0], i, on ? dy : (bug == BEND_OTHER_SLOPE ? 0.01 : 0.1) * dy);
    }
    return DNN_OK;
}

CLASS(bend, same_shape)
static dnn_module *bend(dnn_context *ctx, int bug) { return layer_of(ctx, &bend_class, bug); }

/* ---- clip at zero: a ReLU; it does not report its choices ---- */

enum { CLIP_OK, CLIP_NO_MASK, CLIP_INVERTED };

static dnn_status clip_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++)
        put(&call->outputs[0], i, fmax(0, get(&call->inputs[0], i)));
    return DNN_OK;
}

static dnn_status clip_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]) && call->input_gradients[0].data; i++) {
        bool on = bug == CLIP_NO_MASK || (get(&call->inputs[0], i) > 0) != (bug == CLIP_INVERTED);
        put(&call->input_gradients[0], i, on ? get(&call->output_gradients[0], i) : 0);
    }
    return DNN_OK;
}

CLASS(clip, same_shape)
static dnn_module *clip(dnn_context *ctx, int bug) { return layer_of(ctx, &clip_class, bug); }

/* ---- centre: y = x - mean of its row ---- */

enum { CENTRE_OK, CENTRE_NO_MEAN, CENTRE_OVER_BATCH, CENTRE_WRONG_DIVISOR };

static dnn_status centre_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = &call->inputs[0];
    int64_t columns = last_dim(x);
    for (int64_t row = 0; row < dnni_count(x) / columns; row++) {
        double mean = 0;
        for (int64_t c = 0; c < columns; c++) mean += get(x, row * columns + c) / (double)columns;
        for (int64_t c = 0; c < columns; c++)
            put(&call->outputs[0], row * columns + c, get(x, row * columns + c) - mean);
    }
    return DNN_OK;
}

static dnn_status centre_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *dy = &call->output_gradients[0];
    int64_t columns = last_dim(dy), rows = dnni_count(dy) / columns;
    bool over_batch = bug == CENTRE_OVER_BATCH;
    for (int64_t k = 0; k < rows * columns && call->input_gradients[0].data; k++) {
        double sum = 0, n = (double)(over_batch ? rows : columns);
        for (int64_t j = 0; j < (over_batch ? rows : columns); j++)
            sum += get(dy, over_batch ? j * columns + k % columns : k / columns * columns + j);
        if (bug == CENTRE_WRONG_DIVISOR) n--;
        put(&call->input_gradients[0], k, get(dy, k) - (bug == CENTRE_NO_MEAN ? 0 : sum / n));
    }
    return DNN_OK;
}

CLASS(centre, same_shape)
static dnn_module *centre(dnn_context *ctx, int bug) { return layer_of(ctx, &centre_class, bug); }

/* ---- share: softmax over the last axis ---- */

enum { SHARE_OK, SHARE_DIAGONAL, SHARE_UNWEIGHTED };

static dnn_status share_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = &call->inputs[0], *y = &call->outputs[0];
    int64_t columns = last_dim(x);
    for (int64_t row = 0; row < dnni_count(x) / columns; row++) {
        double sum = 0;
        for (int64_t c = 0; c < columns; c++) sum += exp(get(x, row * columns + c));
        for (int64_t c = 0; c < columns; c++) put(y, row * columns + c, exp(get(x, row * columns + c)) / sum);
    }
    return DNN_OK;
}

static dnn_status share_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *y = &call->outputs[0], *dy = &call->output_gradients[0];
    int64_t columns = last_dim(y);
    for (int64_t k = 0; k < dnni_count(y) && call->input_gradients[0].data; k++) {
        double sum = 0;
        for (int64_t j = k / columns * columns; j < k / columns * columns + columns; j++)
            sum += get(dy, j) * (bug == SHARE_UNWEIGHTED ? 1 / (double)columns : get(y, j));
        if (bug == SHARE_DIAGONAL) sum = get(y, k) * get(dy, k);
        put(&call->input_gradients[0], k, get(y, k) * (get(dy, k) - sum));
    }
    return DNN_OK;
}

CLASS(share, same_shape)
static dnn_module *share(dnn_context *ctx, int bug) { return layer_of(ctx, &share_class, bug); }

/* ---- window: y[n,t] = Σ_r w[r] x[n,t+r-1], zeros outside ---- */

enum { WINDOW_OK, WINDOW_EDGES, WINDOW_NOT_FLIPPED, WINDOW_DW_RANGE, WINDOW_DX_SHORT };

static double at(const dnn_array *a, int64_t row, int64_t t) {
    return t < 0 || t >= last_dim(a) ? 0 : get(a, row * last_dim(a) + t);
}

static dnn_status window_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = &call->inputs[0], *w = &call->parameters[0];
    int64_t length = last_dim(x);
    for (int64_t k = 0; k < dnni_count(x); k++) {
        double sum = 0;
        for (int64_t r = 0; r < 3; r++) sum += get(w, r) * at(x, k / length, k % length + r - 1);
        put(&call->outputs[0], k, sum);
    }
    return DNN_OK;
}

static void window_input(int bug, const dnn_layer_call *call) {
    const dnn_array *dy = &call->output_gradients[0], *w = &call->parameters[0], *dx = &call->input_gradients[0];
    int64_t length = last_dim(dy);
    for (int64_t k = 0; k < dnni_count(dy); k++) {
        double sum = 0;
        int64_t t = k % length;
        for (int64_t r = 0; r < 3; r++)
            sum += get(w, bug == WINDOW_NOT_FLIPPED ? 2 - r : r) * at(dy, k / length, t - r + 1);
        if (bug == WINDOW_EDGES && (t == 0 || t == length - 1)) sum = 0.7 * sum;
        if (bug == WINDOW_DX_SHORT && t == length - 1) sum = 0;
        put(dx, k, sum);
    }
}

static dnn_status window_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *x = &call->inputs[0], *dy = &call->output_gradients[0];
    int64_t length = last_dim(x);
    if (call->input_gradients[0].data) window_input(bug, call);
    for (int64_t r = 0; r < 3 && call->parameter_gradients[0].data; r++)
        for (int64_t k = 0; k < dnni_count(x); k++) {
            int64_t t = k % length;
            if (bug == WINDOW_DW_RANGE && t == length - 1) continue;
            add(&call->parameter_gradients[0], r, get(dy, k) * at(x, k / length, t + r - 1));
        }
    return DNN_OK;
}

CLASS(window, same_shape)
static dnn_module *window(dnn_context *ctx, int bug) {
    dnn_module *m = layer_of(ctx, &window_class, bug);
    add_weights(m, "weight", 1, (int64_t[]){3});
    return m;
}

/* ---- best: the larger of each pair of columns; it does not report its choices ---- */

enum { BEST_OK, BEST_TO_BOTH, BEST_TO_LOSER, BEST_AVERAGED, BEST_TO_FIRST };

static dnn_status best_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    same_shape(state, call, spec);
    spec->outputs[0].dims[1] /= 2;
    return DNN_OK;
}

static dnn_status best_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t k = 0; k < dnni_count(&call->outputs[0]); k++)
        put(&call->outputs[0], k, fmax(get(&call->inputs[0], 2 * k), get(&call->inputs[0], 2 * k + 1)));
    return DNN_OK;
}

static dnn_status best_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    const dnn_array *x = &call->inputs[0], *dx = &call->input_gradients[0];
    for (int64_t k = 0; k < dnni_count(&call->output_gradients[0]) && dx->data; k++) {
        double dy = get(&call->output_gradients[0], k);
        bool first = get(x, 2 * k) >= get(x, 2 * k + 1);
        if (bug == BEST_TO_LOSER) first = !first;
        if (bug == BEST_TO_FIRST) first = true;
        bool both = bug == BEST_TO_BOTH || bug == BEST_AVERAGED;
        if (bug == BEST_AVERAGED) dy *= 0.5;
        put(dx, 2 * k, first || both ? dy : 0);
        put(dx, 2 * k + 1, !first || both ? dy : 0);
    }
    return DNN_OK;
}

CLASS(best, best_shape)
static dnn_module *best(dnn_context *ctx, int bug) { return layer_of(ctx, &best_class, bug); }

/* ---- product: y = a · b ---- */

enum { PRODUCT_OK, PRODUCT_SWAPPED, PRODUCT_NO_B, PRODUCT_OF_OUTPUT };

static dnn_status product_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->outputs[0]); i++)
        put(&call->outputs[0], i, get(&call->inputs[0], i) * get(&call->inputs[1], i));
    return DNN_OK;
}

static dnn_status product_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    for (int32_t k = 0; k < 2; k++)
        for (int64_t i = 0; i < dnni_count(&call->outputs[0]) && call->input_gradients[k].data; i++) {
            double other = get(&call->inputs[bug == PRODUCT_SWAPPED ? k : 1 - k], i);
            if (bug == PRODUCT_OF_OUTPUT) other = get(&call->outputs[0], i);
            put(&call->input_gradients[k], i,
                bug == PRODUCT_NO_B && k == 1 ? 0 : other * get(&call->output_gradients[0], i));
        }
    return DNN_OK;
}

CLASS(product, same_shape)
static dnn_module *product(dnn_context *ctx, int bug) { return layer_of(ctx, &product_class, bug); }

/* ---- channel: y[n,c] = s[c] x[n,c] ---- */

enum { CHANNEL_OK, CHANNEL_LAST_ROW, CHANNEL_MEAN, CHANNEL_FIRST_SCALE, CHANNEL_BROADCAST };

static dnn_status channel_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    int64_t columns = last_dim(&call->inputs[0]);
    for (int64_t k = 0; k < dnni_count(&call->inputs[0]); k++)
        put(&call->outputs[0], k, get(&call->parameters[0], k % columns) * get(&call->inputs[0], k));
    return DNN_OK;
}

static void channel_scale(int bug, const dnn_layer_call *call, int64_t rows, int64_t columns) {
    for (int64_t k = 0; k < rows * columns; k++) {
        double part = get(&call->output_gradients[0], k) * get(&call->inputs[0], k);
        if (bug == CHANNEL_LAST_ROW && k / columns < rows - 1) continue;
        if (bug == CHANNEL_MEAN) part /= (double)rows;
        for (int64_t c = 0; c < columns; c++)
            if (c == k % columns || bug == CHANNEL_BROADCAST) add(&call->parameter_gradients[0], c, part);
    }
}

static dnn_status channel_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    int64_t columns = last_dim(&call->inputs[0]), rows = dnni_count(&call->inputs[0]) / columns;
    for (int64_t k = 0; k < rows * columns && call->input_gradients[0].data; k++)
        put(&call->input_gradients[0], k,
            get(&call->parameters[0], bug == CHANNEL_FIRST_SCALE ? 0 : k % columns) *
                get(&call->output_gradients[0], k));
    if (call->parameter_gradients[0].data) channel_scale(bug, call, rows, columns);
    return DNN_OK;
}

CLASS(channel, same_shape)
static dnn_module *channel(dnn_context *ctx, int bug) {
    dnn_module *m = layer_of(ctx, &channel_class, bug);
    add_weights(m, "scale", 1, (int64_t[]){6});
    return m;
}

/* ---- drop: dropout with p = 1/2 ---- */

enum { DROP_OK, DROP_OTHER_MASK, DROP_NO_SCALE, DROP_NO_MASK, DROP_OWN_RANDOM };

static dnn_status drop_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    same_shape(state, call, spec);
    spec->flags = DNN_LAYER_RANDOM;
    return DNN_OK;
}

static double kept(const dnn_layer_call *call, uint64_t stream, int64_t i) {
    if (!call->training) return 1;
    return dnnk_random_uniform(call->seed, stream, (uint64_t)i) < 0.5 ? 0 : 2;
}

static dnn_status drop_forward(const void *state, const dnn_layer_call *call) {
    uint64_t stream = bug_of(state) == DROP_OWN_RANDOM ? (uint64_t)calls++ : call->stream;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++)
        put(&call->outputs[0], i, get(&call->inputs[0], i) * kept(call, stream, i));
    return DNN_OK;
}

static dnn_status drop_backward(const void *state, const dnn_layer_call *call) {
    int bug = bug_of(state);
    for (int64_t i = 0; i < dnni_count(&call->outputs[0]) && call->input_gradients[0].data; i++) {
        double factor = kept(call, call->stream + (bug == DROP_OTHER_MASK ? 1 : 0), i);
        if (bug == DROP_NO_SCALE) factor = factor > 0;
        if (bug == DROP_NO_MASK) factor = 1;
        put(&call->input_gradients[0], i, factor * get(&call->output_gradients[0], i));
    }
    return DNN_OK;
}

CLASS(drop, drop_shape)
static dnn_module *drop(dnn_context *ctx, int bug) { return layer_of(ctx, &drop_class, bug); }

/* ---- the list ---- */

#define IN2(n, c)                                                                                                      \
    {                                                                                                                  \
        {                                                                                                              \
            .dtype = DNN_F32, .rank = 2, .dims = { n, c }                                                              \
        }                                                                                                              \
    }
#define TWO_IN2(n, c)                                                                                                  \
    {                                                                                                                  \
        {.dtype = DNN_F32, .rank = 2, .dims = {n, c}}, {                                                               \
            .dtype = DNN_F32, .rank = 2, .dims = { n, c }                                                              \
        }                                                                                                              \
    }
#define DENSE(name, bug, hint)                                                                                         \
    { "dense: " name, dense, bug, 1, IN2(4, 5), hint }
#define HOST(host, name, bug, hint)                                                                                    \
    { #host ": " name, host, bug, 1, IN2(4, 6), hint }

const planted_bug planted_bugs[] = {
    DENSE("no bug", DENSE_OK, ""),
    HOST(squash, "no bug", SQUASH_OK, ""),
    HOST(bend, "no bug", BEND_OK, ""),
    HOST(clip, "no bug", CLIP_OK, ""),
    HOST(centre, "no bug", CENTRE_OK, ""),
    HOST(share, "no bug", SHARE_OK, ""),
    HOST(window, "no bug", WINDOW_OK, ""),
    HOST(best, "no bug", BEST_OK, ""),
    {"product: no bug", product, PRODUCT_OK, 2, TWO_IN2(4, 6), ""},
    HOST(channel, "no bug", CHANNEL_OK, ""),
    HOST(drop, "no bug", DROP_OK, ""),
    {"dense twice: no bug", dense_twice, DENSE_OK, 2, TWO_IN2(4, 5), ""},
    DENSE("dx has the wrong sign", DX_SIGN, "sign"),
    DENSE("dW has the wrong sign", DW_SIGN, "sign"),
    DENSE("db has the wrong sign", DB_SIGN, "sign"),
    DENSE("dW counted twice", DW_TWICE, "twice"),
    DENSE("dW is the mean over the batch", DW_MEAN, "batch"),
    DENSE("db is times the batch", DB_TIMES_BATCH, "batch"),
    DENSE("db is missing", DB_MISSING, "missing"),
    DENSE("dx is missing", DX_MISSING, "missing"),
    DENSE("dx is half", DX_HALF, "half"),
    DENSE("dW is transposed", DW_TRANSPOSED, "transpose"),
    DENSE("dW lacks its last column", DW_TAIL, "zero in places"),
    DENSE("db lacks its last element", DB_TAIL, "zero in places"),
    DENSE("dW is overwritten", DW_OVERWRITTEN, "overwritten"),
    DENSE("db is overwritten", DB_OVERWRITTEN, "overwritten"),
    {"dense twice: dW is overwritten", dense_twice, DW_OVERWRITTEN, 2, TWO_IN2(4, 5), "overwritten"},
    DENSE("dW from a stale buffer", DW_STALE, "stale"),
    DENSE("dx from the next row", DX_ROW_OFF_BY_ONE, NULL),
    DENSE("dW of the first sample only", DW_FIRST_SAMPLE, NULL),
    DENSE("dx loop stops early", DX_LOOP_BOUND, NULL),
    DENSE("dW shifted by one", DW_SHIFTED, "off by one"),
    DENSE("dW in reverse order", DW_REVERSED, "reverse"),
    DENSE("dx has a constant added", DX_CONSTANT, "difference"),
    DENSE("dW from clipped dy", DW_CLIPPED, NULL),
    DENSE("db from |dy|", DB_ABSOLUTE, NULL),
    DENSE("dW from the output", DW_FROM_OUTPUT, NULL),
    DENSE("dW skips negative x", DW_WRONG_WHERE_NEGATIVE, NULL),
    DENSE("dx without the weight", DX_NO_WEIGHT, NULL),
    DENSE("forward writes its input", WRITES_INPUT, "read"),
    DENSE("backward writes dy", WRITES_DY, "read"),
    DENSE("forward writes its weight", WRITES_WEIGHT, "read"),
    DENSE("forward is random", FORWARD_RANDOM, "same call"),
    DENSE("backward is random", BACKWARD_RANDOM, "same call"),
    DENSE("dW off by 1e-5, a rounded constant", DW_ROUNDED_CONSTANT, "same factor"),
    DENSE("one element of dW off by 1e-4", DW_ONE_ELEMENT, NULL),
    DENSE("one element of dW is NaN", DW_NAN, "NaN"),
    DENSE("db summed over all outputs", DB_SUMMED_OVER_ALL, "same number everywhere"),
    DENSE("db has a term too many", DB_TERM_TOO_MANY, "difference"),
    DENSE("dW missing where db is frozen", DW_NEEDS_DB, "frozen"),
    DENSE("dW wrong in evaluation", DW_ONLY_WRONG_IN_EVAL, "same factor"),
    DENSE("dx wrong in float32", DX_WRONG_IN_FLOAT32, "float32"),
    HOST(squash, "1 - y", SQUASH_NO_SQUARE, NULL),
    HOST(squash, "slope of the input", SQUASH_OF_INPUT, NULL),
    HOST(squash, "straight through", SQUASH_STRAIGHT, NULL),
    HOST(squash, "half", SQUASH_HALF, "half"),
    HOST(squash, "slope of the last element", SQUASH_AT_LAST, NULL),
    HOST(bend, "mask inverted", BEND_INVERTED, NULL),
    HOST(bend, "mask of dy", BEND_MASK_OF_DY, NULL),
    HOST(bend, "no mask", BEND_NO_MASK, "same factor"),
    HOST(bend, "another slope", BEND_OTHER_SLOPE, "same factor"),
    HOST(bend, "mask of the neighbour", BEND_MASK_SHIFTED, NULL),
    HOST(clip, "no mask", CLIP_NO_MASK, "mask"),
    HOST(clip, "mask inverted", CLIP_INVERTED, "mask"),
    HOST(centre, "path of the mean missing", CENTRE_NO_MEAN, NULL),
    HOST(centre, "mean over the batch", CENTRE_OVER_BATCH, NULL),
    HOST(centre, "divisor n - 1", CENTRE_WRONG_DIVISOR, NULL),
    HOST(share, "diagonal only", SHARE_DIAGONAL, NULL),
    HOST(share, "unweighted sum", SHARE_UNWEIGHTED, NULL),
    HOST(window, "edges", WINDOW_EDGES, "edges"),
    HOST(window, "kernel not flipped", WINDOW_NOT_FLIPPED, NULL),
    HOST(window, "dW range", WINDOW_DW_RANGE, NULL),
    HOST(window, "dx lacks the last column", WINDOW_DX_SHORT, "zero in places"),
    HOST(best, "to both", BEST_TO_BOTH, "mask"),
    HOST(best, "to the loser", BEST_TO_LOSER, "mask"),
    HOST(best, "averaged", BEST_AVERAGED, NULL),
    HOST(best, "to the first", BEST_TO_FIRST, "mask"),
    {"product: operands swapped", product, PRODUCT_SWAPPED, 2, TWO_IN2(4, 6), NULL},
    {"product: db missing", product, PRODUCT_NO_B, 2, TWO_IN2(4, 6), "missing"},
    {"product: of the output", product, PRODUCT_OF_OUTPUT, 2, TWO_IN2(4, 6), NULL},
    HOST(channel, "last row only", CHANNEL_LAST_ROW, NULL),
    HOST(channel, "mean over the batch", CHANNEL_MEAN, "batch"),
    HOST(channel, "one scale for all", CHANNEL_FIRST_SCALE, NULL),
    HOST(channel, "broadcast", CHANNEL_BROADCAST, "same number everywhere"),
    HOST(drop, "another mask in backward", DROP_OTHER_MASK, "mask"),
    HOST(drop, "no scale in backward", DROP_NO_SCALE, "half"),
    HOST(drop, "no mask in backward", DROP_NO_MASK, NULL),
    HOST(drop, "random numbers of its own", DROP_OWN_RANDOM, "same call"),
};
const int planted_bug_count = sizeof planted_bugs / sizeof *planted_bugs;
