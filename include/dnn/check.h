/* libdnn: the gradient check: does backward compute the derivative of what forward computes?
 *
 *     dnn_check_report *report;
 *     dnn_check_gradients(&report, net, &x, 1, NULL);
 *     puts(dnn_check_report_text(report));
 *     dnn_check_report_release(report);
 *
 * What is done. All is computed in float64 on copies of parameters and inputs. f is the sum of all outputs, each
 * weighed with a random number (or a loss). The gradient that backward gives is compared with central differences of f,
 * each with an error bar: D(h) = (f(x+h) - f(x-h)) / 2h with h = 6e-6 · max(1, |x|), extrapolated from h and h/2
 * (Richardson), and from more steps where those disagree (Ridders 1982). The bar is |D(h) - D(h/2)| plus the noise of
 * rounding, which is measured. With a the gradient of backward, n that of the differences, S = max(|a|, |n|, the
 * tensor's root mean square gradient, 1 % of the size of f: √Σ (weight · output)²), an entry is
 *     FAIL          |a - n| > tolerance · max(|a|, |n|) and > 10 bars
 *     INCONCLUSIVE  otherwise, if the bar is above tolerance · S, or f is not finite: nothing can be said
 *     PASS          otherwise
 *     KINK          f has no derivative there, nor at a point nearby: a ReLU at 0, equal maxima
 * A kink is told from a wrong gradient by the choices that layers report (dnn_layer_class.choices), and, for layers
 * that report none, by the gap between the slopes on both sides: it halves with h where f is smooth. Where a kink is
 * near, h is halved, then the point is moved; such entries are judged at a tolerance of at least 1e-4.
 *
 * Besides, without differences: two runs agree bit for bit; backward of 0 is 0, of 2v twice that of v; a second
 * backward adds as much again; frozen parameters are left alone; inputs, parameters and dL/dy are not written to,
 * buffers not in evaluation; and where forward treats the samples of a batch apart, the gradient of the batch is the
 * sum of those of its parts. And what float32 computes is near to what float64 computes.
 *
 * The verdict of a report is FAIL if any entry or finding is; else INCONCLUSIVE if any is, if more than 5 % are kinks,
 * or if nothing was checked; else PASS.
 *
 * The module is left exactly as it was, whatever happens: values, gradients, running statistics, counters of random
 * numbers, modes, what is frozen, plans, and the forward that ran last. Frozen parameters are checked as well.
 * The check needs some 60 bytes for each parameter, and a plan of its own.
 *
 * A gradient that is left out on purpose, as that of an embedding's padding row, is a wrong one here: choose inputs
 * that do not reach it.
 *
 * Threads: the module (and the loss) is used by this call alone while it runs. A report may be read by several threads.
 */
#ifndef DNN_CHECK_H
#define DNN_CHECK_H

#include "loss.h"
#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_check_report dnn_check_report;

typedef enum dnn_check_verdict {
    DNN_CHECK_PASS = 10,
    DNN_CHECK_KINK = 20, /* of entries only */
    DNN_CHECK_INCONCLUSIVE = 30,
    DNN_CHECK_FAIL = 40
} dnn_check_verdict;

/* "PASS", "KINK", "INCONCLUSIVE", "FAIL"; "none" for other numbers. Static. */
DNN_API const char *dnn_check_verdict_name(dnn_check_verdict verdict);

/* Which derivatives of a tensor are looked at. One costs four to five forwards. */
typedef enum dnn_check_mode {
    DNN_CHECK_AUTO = 0,     /* all elements where that fits into the budget; of larger tensors FAST and SAMPLED */
    DNN_CHECK_SLOW = 10,    /* all elements */
    DNN_CHECK_FAST = 20,    /* along random directions, in pairs: one of ±1, one Gaussian. If one fails, the element at
                               fault is looked for by halving the set of those that move */
    DNN_CHECK_SAMPLED = 30  /* the first, middle and last element, and some random ones, of each tensor */
} dnn_check_mode;

/* In which modes of the module; a sum. */
typedef enum dnn_check_phase {
    DNN_CHECK_TRAIN = 1,
    DNN_CHECK_EVAL = 2,
    DNN_CHECK_AS_IS = 4 /* with each layer in the mode that it is in */
} dnn_check_phase;

/* What to leave out; a sum. */
typedef enum dnn_check_skip {
    DNN_CHECK_NO_INPUTS = 1,     /* the derivatives by the inputs */
    DNN_CHECK_NO_PARAMETERS = 2, /* those by the parameters */
    DNN_CHECK_NO_STRUCTURE = 4,  /* what is checked without differences */
    DNN_CHECK_NO_FLOAT32 = 8     /* float32 against float64 */
} dnn_check_skip;

typedef struct dnn_check_desc {
    size_t size;
    dnn_check_mode mode;      /* default: DNN_CHECK_AUTO */
    int32_t phases;           /* default: DNN_CHECK_TRAIN + DNN_CHECK_EVAL */
    int32_t skip;             /* default: 0, nothing */
    double tolerance;         /* relative; default 1e-6, fine for a network; 1e-7 for a single smooth layer */
    double float32_tolerance; /* of float32 against float64, relative to the largest number of the tensor, or 1 % of the
                                 largest in all gradients; default 1e-4 */
    uint64_t seed;            /* of weights, directions and samples; default 0, a seed like any other */
    int64_t budget;           /* AUTO: forwards for each mode of the module; default 20000 */
    int32_t pairs;            /* FAST: pairs of directions for each tensor; default 16 */
    int32_t samples;          /* SAMPLED: random elements of each tensor; default 32 */
    const char *only;         /* a pattern of paths as in dnn_module_freeze: no other tensors; default: all. Inputs are
                                 called "input 0", "input 1", … */
    dnn_loss *loss;           /* default: none. If given, its own gradient is checked ("loss.y"), and that of the module
                                 followed by it, besides that of the module alone; the module has one output then */
    const dnn_tensor *target; /* of that loss; float targets are converted */
    int32_t burn_in;          /* after so many steps down the gradient all is checked once more, in phases that are
                                 called "train, after 20 steps" and so on: starting values may hide a fault. Each step
                                 moves a parameter by 1 % of its size. Default: 0, not */
} dnn_check_desc;

/* Checks a module on these inputs (n_inputs handles; a batch of two or three is enough), of which the float ones are
 * checked too, if they have elements. `options` may be NULL. DNN_OK means that the check was done: the verdict is in
 * the report. Errors: as dnn_module_forward's; UNSUPPORTED where a layer does not run in float64, or has no backward,
 * or no output is float; MEMORY. */
DNN_API dnn_status dnn_check_gradients(dnn_check_report **out, dnn_module *module, const dnn_tensor *const *inputs,
                                       int32_t n_inputs, const dnn_check_desc *options);

/* Checks a loss alone, at y and target; options.loss and .target are not used. What the loss lends stays as it is. */
DNN_API dnn_status dnn_check_loss(dnn_check_report **out, dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target,
                                  const dnn_check_desc *options);

DNN_API dnn_status dnn_check_report_release(dnn_check_report *report);

/* All text in what follows is lent: valid until the report is released. */

/* One derivative. */
typedef struct dnn_check_entry {
    size_t size;
    const char *path;  /* "conv2.weight", "input 0", "loss.y" */
    const char *phase; /* "train", "eval", "as is"; with a loss behind the module "train, loss" and so on */
    dnn_check_verdict verdict;
    int32_t is_direction; /* 1: along a direction; index, x and h are then of no single element */
    int32_t rank;
    int64_t index[DNN_MAX_RANK]; /* which element */
    double x;
    double analytic, numeric, error_bar;
    double error;          /* |analytic - numeric| */
    double relative_error; /* to S, as above */
    double h;
    double f_minus, f_plus; /* f(x - h), f(x + h) */
} dnn_check_entry;

/* One tensor in one phase. */
typedef struct dnn_check_row {
    size_t size;
    const char *path, *phase;
    dnn_check_verdict verdict;
    int64_t elements; /* of the tensor */
    int64_t checked, passed, kinked, inconclusive, failed;
    double worst_error;   /* relative */
    double float32_error; /* relative; NaN where it was not measured */
    const char *hint;     /* the likely cause, in one sentence; "" if there is none */
} dnn_check_row;

/* One fact that was checked without differences. */
typedef struct dnn_check_finding {
    size_t size;
    const char *name, *phase; /* "two runs are equal" */
    dnn_check_verdict verdict;
    const char *detail; /* where it failed, in one line; "" if it passed */
} dnn_check_finding;

typedef struct dnn_check_figures {
    size_t size;
    dnn_check_verdict verdict;
    int64_t checked, passed, kinked, inconclusive, failed; /* entries */
    int64_t rows, findings;
    int64_t findings_failed;
    double worst_error;         /* the largest relative error, kinks left out */
    double worst_float32_error; /* NaN where it was not measured */
    uint64_t seed;
    int64_t evaluations;   /* forwards that were run */
    const char *hint;      /* the likely cause of the verdict, in one sentence; "" for PASS */
    const char *reproduce; /* one line of C that does the check of the worst entry again */
} dnn_check_figures;

DNN_API dnn_status dnn_check_report_figures(const dnn_check_report *report, dnn_check_figures *figures);

/* The worst entry: by verdict, then by relative error. Errors: NOT_FOUND if nothing was checked. */
DNN_API dnn_status dnn_check_report_worst(const dnn_check_report *report, dnn_check_entry *entry);

/* Errors: NOT_FOUND beyond the last one. */
DNN_API dnn_status dnn_check_report_row(const dnn_check_report *report, int64_t index, dnn_check_row *row);
DNN_API dnn_status dnn_check_report_finding(const dnn_check_report *report, int64_t index, dnn_check_finding *finding);

/* The whole as a table for people, lines ended by '\n', and as JSON. NULL on a bad handle. */
DNN_API const char *dnn_check_report_text(const dnn_check_report *report);
DNN_API const char *dnn_check_report_json(const dnn_check_report *report);

#ifdef __cplusplus
}
#endif

#endif
