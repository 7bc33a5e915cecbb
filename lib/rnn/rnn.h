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
#include "gemm/kernels.h"

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
    void *gates, *states;              /* what the backward needs, 64-byte aligned; NULL: no backward will come */
} dnnk_rnn;

/* How many elements gates and states have. The layout is the kernels' own, and bound to env->isa. */
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

/* ---- serial kernels, on `rows` units with `width` samples side by side; see rnn/plan.h for slots
 * ------------------ */

typedef struct dnnk_rnn_rows {
    int64_t rows, width, slot; /* slot: elements from one slot of `gates` to the next */
    void *gates;               /* forward: sums without biases, become the gates; backward: become gradients of the
                                  sums */
    const void *bias;          /* forward: [slots][bias_stride], row by row */
    int64_t bias_stride;
    const void *before;        /* the state of the step before */
    void *after;               /* the state of this step: written by forward */
    void *h;                   /* forward: LSTM's output (the others': `after`) */
    const void *dy;            /* backward: dL/dh from outside */
    void *dh;                  /* backward: dL/dh from later steps; GRU leaves what goes on past the weights */
    void *dc;                  /* backward, LSTM: dL/dc, from after this step to before it */
} dnnk_rnn_rows;

enum { DNNK_NARROW_KERNELS = 4, DNNK_NARROW_MOST = 8 }; /* the most samples of the widest */

typedef struct dnnk_rnn_table {
    void (*forward[DNNK_RNN_CELLS])(const dnnk_rnn_rows *p);
    void (*backward[DNNK_RNN_CELLS])(const dnnk_rnn_rows *p);
    /* Micro-kernels for few samples, nr of them, ascending: 1, 2, 4, 8. */
    dnnk_ukernel narrow[DNNK_NARROW_KERNELS];
    /* sums[i] += the first cols of x[i], for rows `width` apart */
    void (*row_sums)(int64_t rows, int64_t cols, int64_t width, const void *x, double *sums);
    /* y[i] += sums[i] */
    void (*add_sums)(int64_t n, const double *sums, void *y);
    /* out[i] = a[i] + b[i]; NULL counts as zeros */
    void (*biases)(int64_t n, const void *a, const void *b, void *out);
} dnnk_rnn_table;

DNNK_DECLARE_TABLES(rnn)

#endif
