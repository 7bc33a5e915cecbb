/* Recurrent networks over sequences x [batch, steps, inputs]: the plain tanh cell (Elman 1990), LSTM (Hochreiter and
 * Schmidhuber 1997, with Gers' forget gate) and GRU (Cho et al. 2014, in the form whose reset gate follows the product,
 * as PyTorch and cuDNN have it). With a = W_ih x[t] + b_ih and b = W_hh h[t-1] + b_hh:
 *
 *     tanh   h = tanh(a + b)
 *     LSTM   i, f, o = σ(a + b), g = tanh(a + b)       c = f c[t-1] + i g        h = o tanh(c)
 *     GRU    r, z = σ(a + b),    n = tanh(a + r b)     h = (1 - z) n + z h[t-1]
 *
 * The rows of the weights, and the biases, have the gates one after another, each `hidden` long: i, f, g, o; r, z, n.
 *
 * How it is done: rnn/plan.h.
 */
#ifndef DNNK_RNN_H
#define DNNK_RNN_H

#include "base/tables.h"

typedef enum dnnk_rnn_cell { DNNK_RNN_TANH = 0, DNNK_LSTM = 1, DNNK_GRU = 2, DNNK_RNN_CELLS = 3 } dnnk_rnn_cell;

static inline int64_t dnnk_rnn_gates(dnnk_rnn_cell cell) { return cell == DNNK_LSTM ? 4 : cell == DNNK_GRU ? 3 : 1; }

typedef struct dnnk_rnn {
    dnnk_type type;
    dnnk_rnn_cell cell;
    int64_t batch, steps, inputs, hidden;
    const void *x;                     /* [batch, steps, inputs] */
    const void *weight_ih, *weight_hh; /* [gates·hidden, inputs], [gates·hidden, hidden] */
    const void *bias_ih, *bias_hh;     /* [gates·hidden], or NULL */
    const void *h0, *c0;               /* [batch, hidden] before the first step; NULL: zeros */
    void *y;                           /* [batch, steps, hidden]: h of every step */
    void *h_n, *c_n;                   /* [batch, hidden] after the last step, or NULL */
    void *gates, *states; /* what the backward needs; gates NULL: no backward will come */
} dnnk_rnn;

/* How many elements gates and states have (it may be none). The layout is the kernels' own, and bound to env->isa. */
int64_t dnnk_rnn_gate_elements(const dnnk_env *env, const dnnk_rnn *r);
int64_t dnnk_rnn_state_elements(const dnnk_env *env, const dnnk_rnn *r);

/* Bytes of workspace, for any alignment; they do not depend on pointers. */
int64_t dnnk_rnn_workspace(const dnnk_env *env, const dnnk_rnn *r);
int64_t dnnk_rnn_backward_workspace(const dnnk_env *env, const dnnk_rnn *r);

void dnnk_rnn_forward(const dnnk_env *env, const dnnk_rnn *r, void *work);

/* NULL for what comes in: zeros (dy excepted); for what goes out: not wanted. */
typedef struct dnnk_rnn_gradients {
    const void *dy, *dh_n, *dc_n;                         /* in */
    void *dx, *dh0, *dc0;                                 /* out, overwritten */
    void *dweight_ih, *dweight_hh, *dbias_ih, *dbias_hh;  /* out, added to */
} dnnk_rnn_gradients;

/* Reads what the forward wrote to y, gates and states, and leaves the gates' gradients in `gates`: a second backward
 * needs a forward before it. */
void dnnk_rnn_backward(const dnnk_env *env, const dnnk_rnn *r, const dnnk_rnn_gradients *g, void *work);

/* ---- serial kernels ---- */

/* Some units of one sample at one step. Elements of a slot lie side by side, slots are `slot` elements apart. */
typedef struct dnnk_rnn_row {
    int64_t units, slot;
    void *gates;        /* forward: sums without biases, become the gates; backward: read */
    const void *bias;   /* forward */
    const void *before; /* the state of the step before: LSTM's c, else h */
    void *after;        /* that of this step: LSTM's c, written by forward; backward: else h */
    void *h;            /* forward: the output */
    const void *dy;     /* backward: dL/dh from outside */
    void *dh;           /* backward: dL/dh from later steps; GRU leaves what goes on past the weights */
    void *dc;           /* backward, LSTM: dL/dc, from after this step to before it */
    void *dgates;       /* backward: the gradients of the sums */
} dnnk_rnn_row;

/* c[rows, cols] (+)= a[rows, k] · b[k, cols]: rows of a lie in memory, lda apart; b is packed in panels of nr columns,
 * [cols / nr][k][nr]. Each element is summed in the order of k, one product after the other. */
typedef struct dnnk_rnn_product {
    int64_t rows, cols, k;
    const void *a;
    int64_t lda;
    const void *b;
    void *c;
    int64_t ldc;
    bool accumulate;
} dnnk_rnn_product;

typedef struct dnnk_rnn_table {
    int64_t nr;
    void (*forward[DNNK_RNN_CELLS])(const dnnk_rnn_row *row);
    void (*backward[DNNK_RNN_CELLS])(const dnnk_rnn_row *row);
    void (*product)(const dnnk_rnn_product *p);
    /* out[i] = a[i] + b[i]; NULL counts as zeros */
    void (*biases)(int64_t n, const void *a, const void *b, void *out);
} dnnk_rnn_table;

DNNK_DECLARE_TABLES(rnn)

#endif
