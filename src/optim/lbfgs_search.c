/* How far to go along a line: bracket a good place, then close in on it. Constants, and the order of decisions, are
 * PyTorch's, which has them from minFunc (M. Schmidt). A loss that is not finite counts as too large. */
#include <math.h>

#include "optim/lbfgs.h"

#define ARMIJO 1e-4 /* the share of the first slope's descent that a step must bring */
#define WOLFE 0.9   /* the share of the first slope that may be left */

typedef struct {
    dnni_lbfgs *b;
    const dnni_flat *d;
    double size;  /* of the largest number in d */
    dnni_line_point start, ends[2]; /* of the bracket */
    int low;                        /* which of them has the least loss */
    dnni_flat spare;                /* a gradient that nobody needs */
    bool found, bracketed;
    int64_t left; /* evaluations */
} line;

/* The least place of the cubic through two points and their slopes, between the bounds; their middle, if there is
 * none. */
static double cubic(const dnni_line_point *a, const dnni_line_point *b, double least, double most) {
    if (a->t > b->t) return cubic(b, a, least, most);
    double d1 = a->slope + b->slope - 3 * (a->loss - b->loss) / (a->t - b->t);
    double square = d1 * d1 - a->slope * b->slope;
    if (!(square >= 0) || !isfinite(square)) return (least + most) / 2;
    double d2 = sqrt(square);
    double t = b->t - (b->t - a->t) * ((b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2));
    return isnan(t) ? (least + most) / 2 : fmin(fmax(t, least), most);
}

static dnn_status try_at(line *l, double t, dnni_line_point *point) {
    *point = (dnni_line_point){.t = t, .gradient = l->spare};
    DNNI_TRY(dnni_lbfgs_evaluate(l->b, l->d, point));
    if (isnan(point->loss)) point->loss = INFINITY;
    point->slope = dnni_flat_dot(&point->gradient, l->d);
    return DNN_OK;
}

static bool is_too_high(const line *l, const dnni_line_point *p) {
    return p->loss > l->start.loss + ARMIJO * p->t * l->start.slope;
}

static bool is_flat(const line *l, const dnni_line_point *p) { return fabs(p->slope) <= -WOLFE * l->start.slope; }

static void order_ends(line *l) { l->low = l->ends[0].loss <= l->ends[1].loss ? 0 : 1; }

static void set_bracket(line *l, const dnni_line_point *a, const dnni_line_point *b) {
    l->ends[0] = *a;
    l->ends[1] = *b;
    l->bracketed = true;
    order_ends(l);
}

/* ---- the bracket ---- */

/* Farther and farther, until what is sought lies between the last two places, or is the last. */
static dnn_status bracket(line *l, double t, const dnni_flat *buffers) {
    dnni_line_point before = l->start, now;
    l->spare = buffers[0];
    DNNI_TRY(try_at(l, t, &now));
    l->spare = buffers[1];
    for (int64_t round = 0; l->left > 0; round++, l->left--) {
        bool passed = is_too_high(l, &now) || (round > 1 && now.loss >= before.loss);
        l->found = !passed && is_flat(l, &now);
        if (l->found) l->ends[0] = now;
        if (l->found) return DNN_OK;
        if (passed || now.slope >= 0) {
            set_bracket(l, &before, &now);
            return DNN_OK;
        }
        double next = cubic(&before, &now, now.t + 0.01 * (now.t - before.t), 10 * now.t);
        dnni_flat free = round == 0 ? buffers[2] : before.gradient; /* the start's stays */
        before = now;
        DNNI_TRY(try_at(l, next, &now));
        l->spare = free;
    }
    set_bracket(l, &l->start, &now);
    return DNN_OK;
}

/* ---- closing in ---- */

/* Close to an end of the bracket twice, or at it, is no progress: then a tenth away from there. */
static double next_place(const line *l, bool *close_before) {
    double least = fmin(l->ends[0].t, l->ends[1].t), most = fmax(l->ends[0].t, l->ends[1].t);
    double t = cubic(&l->ends[0], &l->ends[1], least, most), tenth = 0.1 * (most - least);
    bool close = fmin(most - t, t - least) < tenth;
    if (close && (*close_before || t >= most || t <= least)) {
        *close_before = false;
        return fabs(t - most) < fabs(t - least) ? most - tenth : least + tenth;
    }
    *close_before = close;
    return t;
}

/* It takes the place of the end with the larger loss, or of the other one, which may then turn the bracket. */
static void take_in(line *l, const dnni_line_point *now) {
    dnni_line_point *low = &l->ends[l->low], *high = &l->ends[!l->low];
    if (is_too_high(l, now) || now->loss >= low->loss) {
        l->spare = high->gradient;
        *high = *now;
        order_ends(l);
        return;
    }
    l->found = is_flat(l, now);
    bool turns = !l->found && now->slope * (high->t - low->t) >= 0;
    l->spare = turns ? high->gradient : low->gradient;
    if (turns) *high = *low;
    *low = *now;
}

static dnn_status close_in(line *l) {
    bool close_before = false;
    for (; !l->found && l->left > 0; l->left--) {
        dnni_line_point now;
        if (fabs(l->ends[1].t - l->ends[0].t) * l->size < l->b->desc.tolerance_change) break;
        DNNI_TRY(try_at(l, next_place(l, &close_before), &now));
        take_in(l, &now);
    }
    return DNN_OK;
}

dnn_status dnni_lbfgs_search(dnni_lbfgs *b, const dnni_flat *d, double t, int64_t most, dnni_line_point *point) {
    line l = {.b = b, .d = d, .size = dnni_flat_most(d), .start = *point, .left = most};
    DNNI_TRY(bracket(&l, t, &b->work[DNNI_LBFGS_GRADIENTS + 1]));
    if (l.bracketed) DNNI_TRY(close_in(&l));
    *point = l.ends[l.low];
    return DNN_OK;
}
