/* The likely cause of a wrong gradient, from the pattern of what backward says (a) and what differences say (n). */
#include <math.h>
#include <stdio.h>

#include "check/walk.h"

/* How near two numbers are that are taken as equal here. */
#define NEAR 1e-4

static bool near(double a, double b) { return fabs(a - b) <= NEAR * fmax(fabs(a), fabs(b)); }

static bool judged(const check_seen *s, int64_t k) {
    return s->verdicts[k] == DNN_CHECK_PASS || s->verdicts[k] == DNN_CHECK_FAIL;
}

/* The largest derivative: what is a millionth of it counts as zero. */
static double largest(const check_seen *s) {
    double most = 0;
    for (int64_t k = 0; k < s->count; k++)
        if (judged(s, k)) most = fmax(most, fmax(fabs(s->analytic[k]), fabs(s->numeric[k])));
    return most;
}

static int64_t count_verdicts(const check_seen *s, dnn_check_verdict verdict) {
    int64_t count = 0;
    for (int64_t k = 0; k < s->count; k++) count += s->verdicts[k] == verdict;
    return count;
}

/* ---- zeros ---- */

typedef struct zeros {
    int64_t failed, analytic, numeric; /* of those that failed: where a is zero, where n is */
    bool all_numeric;                  /* n is zero wherever it was looked */
} zeros;

static zeros count_zeros(const check_seen *s) {
    double small = 1e-6 * largest(s);
    zeros z = {.all_numeric = true};
    for (int64_t k = 0; k < s->count; k++) {
        if (!judged(s, k)) continue;
        if (fabs(s->numeric[k]) > small) z.all_numeric = false;
        if (s->verdicts[k] != DNN_CHECK_FAIL) continue;
        z.failed++;
        z.analytic += fabs(s->analytic[k]) <= small;
        z.numeric += fabs(s->numeric[k]) <= small;
    }
    return z;
}

static const char *hint_of_zeros(const check_seen *s) {
    zeros z = count_zeros(s);
    bool some_pass = count_verdicts(s, DNN_CHECK_PASS) > 0;
    if (z.all_numeric)
        return "the output does not depend on this tensor, yet it gets a gradient: the input is not connected";
    if (z.analytic == z.failed)
        return some_pass ? "the gradient is zero in places where it is not: a mask, or a path that is missing for some "
                           "elements"
                         : "the gradient is zero where it is not: a path is missing";
    if (z.numeric > 0 && z.analytic > 0 && z.numeric + z.analytic == z.failed)
        return "zeros and values have changed places: a wrong mask";
    if (z.numeric == z.failed && some_pass) return "values where there should be zeros: a mask is not applied";
    return NULL;
}

/* ---- ratios ---- */

/* The ratio a / n that all failing entries share, or NaN. */
static double common_ratio(const check_seen *s) {
    double ratio = (double)NAN, small = 1e-6 * largest(s);
    for (int64_t k = 0; k < s->count; k++) {
        if (s->verdicts[k] != DNN_CHECK_FAIL || fabs(s->numeric[k]) <= small) continue;
        double r = s->analytic[k] / s->numeric[k];
        if (isnan(ratio)) ratio = r;
        else if (!near(r, ratio)) return (double)NAN;
    }
    return ratio;
}

static const char *name_ratio(double r, const check_evidence *e) {
    double batch = (double)e->batch;
    if (near(r, -1)) return "the sign is wrong";
    if (near(r, 2)) return "twice too large: something is counted twice, or a factor 1/2 is missing";
    if (e->batch > 2 && near(r, batch))
        return "too large by the batch size: a sum over the batch where the mean is meant";
    if (e->batch > 2 && near(r, 1 / batch))
        return "too small by the batch size: a mean over the batch where the sum is meant";
    if (!near(r, 0.5)) return NULL;
    return e->tensor->shared
               ? "half of it: the layer is used more than once, and its gradient is overwritten instead of "
                 "accumulated"
               : "half of it: overwritten instead of accumulated, or a factor 2 is missing";
}

static const char *hint_of_ratio(const check_evidence *e, char *line, size_t bytes) {
    double r = common_ratio(e->seen);
    if (isnan(r) || count_verdicts(e->seen, DNN_CHECK_FAIL) < 2) return NULL;
    const char *known = name_ratio(r, e);
    if (known) return known;
    const char *where = count_verdicts(e->seen, DNN_CHECK_PASS) > 0 ? "in the places that fail" : "everywhere";
    snprintf(line, bytes, "wrong by the same factor %s: %s", where, dnni_real(r, 6).text);
    return line;
}

/* ---- places ---- */

/* Whether n at element k is a at element place(k), for all that failed; place returns -1 to skip one. */
static bool moved_by(const check_evidence *e, int64_t (*place)(const check_tensor *t, int64_t element)) {
    const check_seen *s = e->seen;
    double small = 1e-6 * largest(s);
    int64_t matches = 0;
    for (int64_t k = 0; k < s->count; k++) {
        if (s->verdicts[k] != DNN_CHECK_FAIL) continue;
        int64_t other = place(e->tensor, s->elements[k]);
        if (other < 0 || other >= e->tensor->count) continue;
        double a = e->tensor->analytic[other];
        if (!near(a, s->numeric[k]) && fabs(a - s->numeric[k]) > small) return false;
        matches++;
    }
    return matches >= 2;
}

/* The tensor as a matrix of its last axis and the rest, and the transpose laid out in its place. */
static int64_t transposed(const check_tensor *t, int64_t element) {
    if (t->array.rank < 2) return -1;
    int64_t columns = t->array.dims[t->array.rank - 1], rows = t->count / columns;
    return element % columns * rows + element / columns;
}
static int64_t first_transposed(const check_tensor *t, int64_t element) {
    if (t->array.rank < 3) return -1;
    int64_t rows = t->array.dims[0], columns = t->count / rows;
    return element % columns * rows + element / columns;
}
static int64_t next(const check_tensor *t, int64_t element) { return (void)t, element + 1; }
static int64_t previous(const check_tensor *t, int64_t element) { return (void)t, element - 1; }
static int64_t mirrored(const check_tensor *t, int64_t element) { return t->count - 1 - element; }

static const char *hint_of_places(const check_evidence *e) {
    if (moved_by(e, transposed) || moved_by(e, first_transposed))
        return "the numbers of the transpose: the layout of the gradient is wrong";
    if (moved_by(e, next) || moved_by(e, previous)) return "the numbers of the neighbouring element: off by one";
    if (moved_by(e, mirrored)) return "the numbers in reverse order: flipped";
    return NULL;
}

/* ---- edges ---- */

/* Along an axis: the first and last place of entries that failed, and whether any passed there. */
static bool only_at(const check_evidence *e, int32_t axis, bool (*at_edge)(int64_t i, int64_t size)) {
    const dnn_array *shape = &e->tensor->array;
    int64_t size = shape->dims[axis], inner = dnni_product(shape->dims, axis + 1, shape->rank);
    bool passed_inside = false;
    if (size < 3) return false;
    for (int64_t k = 0; k < e->seen->count; k++) {
        bool edge = at_edge(e->seen->elements[k] / inner % size, size);
        if (e->seen->verdicts[k] == DNN_CHECK_FAIL && !edge) return false;
        if (e->seen->verdicts[k] == DNN_CHECK_PASS && !edge) passed_inside = true;
    }
    return passed_inside;
}

static bool at_end(int64_t i, int64_t size) { return i >= size - size % 4 || i == size - 1; }
static bool at_either(int64_t i, int64_t size) { return i == 0 || i == size - 1; }

static const char *hint_of_edges(const check_evidence *e) {
    int32_t rank = e->tensor->array.rank;
    if (rank > 0 && only_at(e, rank - 1, at_end))
        return "wrong only at the end of the last axis: the tail of a vector loop, or an edge";
    for (int32_t axis = 0; axis < rank; axis++)
        if (only_at(e, axis, at_either)) return "wrong only at the edges: padding, or a range that is off by one";
    return NULL;
}

/* ---- constants ---- */

static bool all_equal(const check_seen *s, const double *numbers, const double *minus) {
    double first = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < s->count; k++) {
        if (s->verdicts[k] != DNN_CHECK_FAIL) continue;
        double value = numbers[k] - (minus ? minus[k] : 0);
        if (count++ == 0) first = value;
        else if (!near(value, first)) return false;
    }
    return count >= 2;
}

static const char *hint_of_constants(const check_seen *s) {
    bool equal = all_equal(s, s->analytic, NULL), should_be = all_equal(s, s->numeric, NULL);
    if (equal && !should_be) return "the same number everywhere: summed over an axis too many, or broadcast";
    if (!equal && should_be) return "different numbers where one is right: an axis is not summed over";
    if (all_equal(s, s->analytic, s->numeric))
        return "off by the same difference everywhere: a term too many, or one too few";
    return NULL;
}

const char *dnni_gradcheck_hint(const check_evidence *e, char *line, size_t bytes) {
    const check_seen *s = e->seen;
    for (int64_t k = 0; k < s->count; k++)
        if (s->verdicts[k] == DNN_CHECK_FAIL && !isfinite(s->analytic[k]))
            return "backward gives NaN or infinity where the derivative is finite";
    if (count_verdicts(s, DNN_CHECK_FAIL) == 0) return "";
    const char *hint = hint_of_zeros(s);
    if (!hint) hint = hint_of_edges(e);
    if (!hint) hint = hint_of_places(e);
    if (!hint) hint = hint_of_ratio(e, line, bytes);
    if (!hint) hint = hint_of_constants(s);
    return hint ? hint : "";
}
