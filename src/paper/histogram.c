/* Histograms in TensorBoard's bins: edges 0 and ±1e-12 · 1.1ⁿ below 1e20, and as far as doubles reach. */
#include <float.h>
#include <math.h>

#include "core/tensor.h"
#include "paper/run.h"

#define FIRST_EDGE 1e-12
#define LAST_EDGE 1e20

/* Of one sign: 774 edges, and the bins below, between and above them; NEGATIVE ones come first, from the lowest on. */
enum { EDGES = 774, BINS = 2 * (EDGES + 1) };

typedef struct {
    double edges[EDGES];
    int64_t counts[BINS];
    int64_t n, not_finite;
    double low, high, sum, squares;
} histogram;

static void make_edges(histogram *h) {
    double edge = FIRST_EDGE;
    for (int i = 0; i < EDGES; i++, edge *= 1.1) h->edges[i] = edge;
}

/* The right end of a bin, which belongs to the next one. */
static double edge_of(const histogram *h, int bin) {
    if (bin < EDGES) return -h->edges[EDGES - 1 - bin];
    if (bin == EDGES) return 0;
    return bin <= 2 * EDGES ? h->edges[bin - EDGES - 1] : DBL_MAX;
}

/* How many edges are ≤ a value that is not negative: nearly its logarithm. */
static int edges_below(const histogram *h, double value) {
    if (value < FIRST_EDGE) return 0;
    double n = 1 + floor(log(value / FIRST_EDGE) / log(1.1));
    int i = n < EDGES ? (int)n : EDGES;
    while (i > 0 && h->edges[i - 1] > value) i--;
    while (i < EDGES && h->edges[i] <= value) i++;
    return i;
}

static int bin_of(const histogram *h, double value) {
    if (value >= 0) return EDGES + 1 + edges_below(h, value);
    int below = edges_below(h, -value);
    /* An edge itself belongs to the bin on its right, which is one nearer to zero. */
    return below > 0 && h->edges[below - 1] == -value ? EDGES - below + 1 : EDGES - below;
}

static void count(histogram *h, const dnn_array *a) {
    int64_t n = dnni_count(a);
    h->low = INFINITY;
    h->high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double value = dnni_load(a->dtype, a->data, i);
        if (!isfinite(value)) {
            h->not_finite++;
            continue;
        }
        h->n++;
        h->sum += value;
        h->squares += value * value;
        h->low = fmin(h->low, value);
        h->high = fmax(h->high, value);
        h->counts[bin_of(h, value)]++;
    }
}

/* Bins without values are left out, but for one before each stretch that has some: its end is where that begins. */
static int64_t choose_bins(const histogram *h, double *limits, double *counts) {
    int64_t n = 0;
    for (int bin = 0; bin < BINS; bin++) {
        bool first = h->counts[bin] > 0 && bin > 0 && h->counts[bin - 1] == 0;
        if (first && n > 0) {
            limits[n] = edge_of(h, bin - 1);
            counts[n++] = 0;
        }
        if (h->counts[bin] == 0) continue;
        limits[n] = edge_of(h, bin);
        counts[n++] = (double)h->counts[bin];
    }
    return n;
}

/* HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7. */
static void put_histogram(dnni_proto *p, const histogram *h, double *limits, double *counts) {
    int64_t n = choose_bins(h, limits, counts), at = dnni_proto_open(p);
    dnni_proto_double(p, 1, h->low);
    dnni_proto_double(p, 2, h->high);
    dnni_proto_double(p, 3, (double)h->n);
    dnni_proto_double(p, 4, h->sum);
    dnni_proto_double(p, 5, h->squares);
    dnni_proto_doubles(p, 6, limits, n);
    dnni_proto_doubles(p, 7, counts, n);
    dnni_proto_close(p, 5, at);
}

static dnn_status tell_not_finite(dnn_run *run, const histogram *h, const char *tag, int64_t step) {
    char line[3 * DNNI_FACT_NAME + 128];
    dnni_writer w = {.text = line, .room = sizeof line};
    if (h->not_finite == 0) return DNN_OK;
    dnni_write(&w, "%s, step %lld: %lld of %lld values are not finite", tag, (long long)step, (long long)h->not_finite,
               (long long)(h->n + h->not_finite));
    return dnni_run_write_log(run, line);
}

static dnn_status write(dnn_run *run, const char *tag, int64_t step, histogram *h) {
    dnni_event event;
    double limits[BINS], counts[BINS];
    DNNI_TRY(tell_not_finite(run, h, tag, step));
    if (h->n == 0) return dnni_error(DNN_ERROR_VALUE, "no value of %.200s is finite", tag);
    if (!run->with_events) return DNN_OK;
    DNNI_TRY(dnni_event_begin(run, &event, tag, step));
    put_histogram(&run->record, h, limits, counts);
    return dnni_event_write(run, &event);
}

dnn_status dnn_run_add_histogram(dnn_run *run, const char *tag, int64_t step, const dnn_tensor *values) {
    dnni_tag clean;
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_tag_clean(&clean, tag, "tag"));
    DNNI_REQUIRE(step >= 0, "step is %lld: it is 0 or more", (long long)step);
    DNNI_TRY(dnni_check_tensor(values, "values"));
    DNNI_TRY(dnni_check_same_context(run, values, "the run and the values"));
    if (dnni_count(&values->array) == 0) return dnni_error(DNN_ERROR_SHAPE, "values has no elements");
    histogram *h = dnni_alloc(run->base.ctx, 1, sizeof *h);
    if (!h) return DNN_ERROR_MEMORY;
    make_edges(h);
    count(h, &values->array);
    dnn_status status = write(run, clean.text, step, h);
    dnni_free(run->base.ctx, h, 1, sizeof *h);
    return status == DNN_OK ? dnni_run_settle(run) : status;
}
