/* Scaled dot-product attention with several heads, in one kernel (Vaswani et al. 2017). For each sample and head
 *
 *     S = scale · Q Kᵀ + mask        [queries, keys]
 *     P = softmax of each row of S
 *     Y = P V                        [queries, value_dim]
 *
 * S and P exist in tiles only: the forward goes through the keys in blocks with a running maximum m and sum l of each
 * row (Milakov and Gimelshein 2018), and keeps log Σ exp(S) = m + log l; the backward makes P from it again (Dao et al.
 * 2022):
 *
 *     dV = Pᵀ dY      dP = dY Vᵀ      dS = P ∘ (dP - D), D = row sums of dY ∘ Y      dQ = scale · dS K
 *     dK = scale · dSᵀ Q              dmask = column sums of dS, over all heads
 *
 * Operands lie as sequences do, (batch, positions, heads · dim), so neither heads are permuted nor anything is copied.
 *
 * Masks. Causal: query i sees the keys 0 … i. A key mask says for each sample which keys exist: a byte (0: it does
 * not), or a number that is added to its scores (-inf: it does not). A query that sees no key has the output 0, and
 * hands no gradient on.
 *
 * A NaN in q, k or v reaches the outputs that depend on it.
 */
#ifndef DNNK_ATTENTION_H
#define DNNK_ATTENTION_H

#include "base/tables.h"

/* An operand: head h of position t of sample n is a row of numbers from data + n·batch_stride + t·row_stride + h·dim on
 * (dim: value_dim for v and y); strides count elements. */
typedef struct dnnk_heads {
    void *data;
    int64_t batch_stride, row_stride;
} dnnk_heads;

typedef enum dnnk_mask { DNNK_MASK_NONE = 0, DNNK_MASK_BYTES = 1, DNNK_MASK_ADDED = 2 } dnnk_mask;

typedef struct dnnk_attention {
    dnnk_type type;
    int64_t batch, heads, queries, keys;
    int64_t dim, value_dim; /* of one head */
    double scale;           /* usually 1 / √dim */
    bool causal;
    dnnk_mask mask_kind;
    const void *mask;    /* [batch, keys], of bytes or of `type` */
    dnnk_heads q, k, v;  /* only read */
    dnnk_heads y;        /* written by the forward, read by the backward */
    void *log_sums;      /* [batch, heads, queries], likewise; the forward takes NULL: no backward will come */
} dnnk_attention;

/* Gradients are overwritten; data NULL: not wanted. dmask is for DNNK_MASK_ADDED. */
typedef struct dnnk_attention_gradients {
    dnnk_heads dy; /* only read; laid out as y */
    dnnk_heads dq, dk, dv;
    void *dmask;
} dnnk_attention_gradients;

/* Bytes of workspace; they depend on type, sizes, causal, mask_kind and env, on no pointer. Any alignment will do. */
int64_t dnnk_attention_workspace(const dnnk_env *env, const dnnk_attention *a);
int64_t dnnk_attention_backward_workspace(const dnnk_env *env, const dnnk_attention *a);

void dnnk_attention_forward(const dnnk_env *env, const dnnk_attention *a, void *work);
void dnnk_attention_backward(const dnnk_env *env, const dnnk_attention *a, const dnnk_attention_gradients *g,
                             void *work);

/* ---- serial kernels; scores are held transposed, [keys, queries], with `width` queries side by side
 * --------------- */

typedef struct dnnk_attention_table {
    void (*scale)(int64_t n, void *x, double factor);
    /* s[i][j] = -inf where j < first + i */
    void (*mask_causal)(int64_t rows, int64_t width, void *s, int64_t first);
    void (*mask_bytes)(int64_t rows, int64_t width, void *s, const uint8_t *mask);
    void (*mask_added)(int64_t rows, int64_t width, void *s, const void *mask);
    /* One step of the running softmax: s becomes exp(s - max), max and sum move on; o[o_rows][width], what was summed
     * up under the old maximum, is scaled to the new one (o_rows = 0: there is none yet). */
    void (*softmax_step)(int64_t rows, int64_t width, void *s, void *max, void *sum, int64_t o_rows, void *o);
    /* o /= sum, and log_sums[j] = max + log(sum); for an empty sum 0 and +inf */
    void (*softmax_end)(int64_t width, void *max, void *sum, int64_t o_rows, void *o, void *log_sums);
    /* s = exp(s - log_sums) */
    void (*probabilities)(int64_t rows, int64_t width, void *s, const void *log_sums);
    /* ds = p (ds - delta) */
    void (*score_gradients)(int64_t rows, int64_t width, const void *p, void *ds, const void *delta);
    /* delta[i] = Σ_d y[i][d] dy[i][d] */
    void (*deltas)(int64_t rows, int64_t dim, const void *y, int64_t y_stride, const void *dy, int64_t dy_stride,
                   void *delta);
    /* out[i] += Σ of the first cols of x[i] */
    void (*add_row_sums)(int64_t rows, int64_t cols, int64_t width, const void *x, void *out);
    void (*add_rows)(int64_t rows, int64_t cols, const void *x, int64_t x_stride, void *y, int64_t y_stride); /* y +=
                                                                                                                 x */
} dnnk_attention_table;

DNNK_DECLARE_TABLES(attention)

#endif
