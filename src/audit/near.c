/* Samples that are nearly there twice: resaved, with noise, moved by a pixel or two. */
#include "audit/audit.h"
#include "audit/median.h"

/* A pair is near if its distance is below NEAR times the median distance to the nearest. Pictures are compared at 8 × 8
 * (which noise and compression leave alone); those that are CANDIDATES there also pixel by pixel, moved by up to MOVED
 * pixels (c). */
enum { NEIGHBOURS = 4, MOVED = 2 };
static const double near_share = 0.13, candidate_share = 1.5;

typedef struct {
    const dnni_set *set, *other;
    dnni_neighbours found;
    double usual, usual_points; /* medians of the distances to the nearest, of training samples */
} search;

static dnni_points what_is_searched(const dnni_audit *a, const dnni_set *s) {
    bool thumbs = s->thumbs && !a->cosine;
    int64_t dims = thumbs ? DNNI_THUMB * DNNI_THUMB * a->channels : a->point_dims;
    return (dnni_points){thumbs ? s->thumbs : s->points, s->kept, dims};
}

dnn_status dnni_audit_usual_distance(dnni_audit *a, const dnni_neighbours *n, double *usual) {
    dnni_sorted nearest;
    DNNI_TRY(dnni_sorted_new(a, &nearest, n->n));
    for (int64_t i = 0; i < n->n; i++)
        if (isfinite(n->distance[i * n->k])) nearest.value[nearest.n++] = (double)n->distance[i * n->k];
    dnni_sort_reals(nearest.value, nearest.n);
    *usual = nearest.n ? dnni_median(&nearest) : 0;
    return DNN_OK;
}

/* ---- moved by a few pixels ---- */

/* Whether the mean square difference, where both pictures are, the second moved by (down, across), is below the limit:
 * most pairs are beyond it after a few rows. */
static bool is_below(const dnni_audit *a, const float *x, const float *y, int64_t down, int64_t across, double limit) {
    int64_t height = dnnk_min(a->height, 32), width = dnnk_min(a->width, 32), c = a->channels;
    int64_t rows = height - (down < 0 ? -down : down), columns = width - (across < 0 ? -across : across);
    const float *from_x = x + (dnnk_max(0, down) * width + dnnk_max(0, across)) * c;
    const float *from_y = y + (dnnk_max(0, -down) * width + dnnk_max(0, -across)) * c;
    double sum = 0, most = limit * (double)(rows * columns * c);
    for (int64_t i = 0; i < rows && sum < most; i++) {
        float row = 0;
        for (int64_t j = 0; j < columns * c; j++) {
            float d = from_x[i * width * c + j] - from_y[i * width * c + j];
            row += d * d;
        }
        sum += (double)row;
    }
    return sum < most;
}

static bool is_moved(const dnni_audit *a, const search *s, int64_t point, int64_t other) {
    double limit = near_share * near_share * s->usual_points * s->usual_points / (double)a->point_dims;
    const float *x = dnni_point(a, s->set, point), *y = dnni_point(a, s->other, other);
    for (int64_t down = -MOVED; down <= MOVED; down++)
        for (int64_t across = -MOVED; across <= MOVED; across++)
            if (is_below(a, x, y, down, across, limit)) return true;
    return false;
}

/* ---- pairs ---- */

static bool is_near(const dnni_audit *a, const search *s, int64_t point, int64_t other, double distance) {
    if (distance < near_share * s->usual) return true;
    return s->set->thumbs && !a->cosine && distance < candidate_share * s->usual && is_moved(a, s, point, other);
}

/* Pairs within a set are told once, by the later; exact repetitions are told elsewhere. */
static void find_pairs(const dnni_audit *a, const search *s, dnni_pairs *pairs) {
    for (int64_t i = 0; i < s->set->kept; i++)
        for (int64_t j = 0; j < s->found.k; j++) {
            int64_t other = s->found.index[i * s->found.k + j];
            if (other < 0 || (s->set == s->other && other > i)) continue;
            double distance = (double)s->found.distance[i * s->found.k + j];
            const dnni_sample *x = &s->set->samples[s->set->ids[i]], *y = &s->other->samples[s->other->ids[other]];
            bool blank = dnni_is_picture(a) && !(dnni_span(x) > 0);
            if (x->hash == y->hash || blank || !is_near(a, s, i, other, distance)) continue;
            pairs->pair[pairs->n++] = (dnni_pair){s->set->ids[i], s->other->ids[other], distance};
            break;
        }
}

static dnn_status tell(dnni_audit *a, const search *s, dnni_pairs *pairs) {
    bool across = s->set != s->other;
    dnni_list all;
    dnn_status status;
    char how[224];
    DNNI_TRY(dnni_list_new(a, &all, pairs->n));
    all.n = pairs->n;
    const char *name = across ? "near-duplicates-across-split" : "near-duplicates";
    if (dnni_audit_hides(a, name, s->set, &all, &status)) return status;
    snprintf(how, sizeof how, "%s: closer than %s times the median distance to the nearest sample, %s",
             s->set->thumbs && !a->cosine ? "averaged down to 8 × 8, or moved by up to 2 pixels" : "distance",
             dnni_real(near_share, 2).text, dnni_real(s->usual, 3).text);
    dnni_pair_words same = {name, across ? DNN_SEVERITY_WARNING : DNN_SEVERITY_NOTE,
                            across ? "are nearly in the training set" : "are nearly there already", how,
                            "keep all of a group in one part of the split"};
    dnni_pair_words differ = same;
    differ.name = across ? "near-duplicates-across-split-labels-differ" : "near-duplicates-labels-differ";
    differ.severity = DNN_SEVERITY_WARNING;
    DNNI_TRY(dnni_audit_tell_pairs(a, &same, pairs, false));
    return dnni_audit_tell_pairs(a, &differ, pairs, true);
}

static dnn_status look(dnni_audit *a, search *s, double *usual) {
    bool same = s->set == s->other;
    dnni_pairs pairs;
    DNNI_TRY(dnni_audit_search(a, &s->found, what_is_searched(a, s->set), what_is_searched(a, s->other), NEIGHBOURS,
                               same));
    if (*usual == 0) DNNI_TRY(dnni_audit_usual_distance(a, &s->found, usual));
    s->usual = *usual;
    DNNI_TRY(dnni_pairs_new(a, &pairs, s->set, s->other, s->set->kept));
    find_pairs(a, s, &pairs);
    return tell(a, s, &pairs);
}

dnn_status dnni_audit_near(dnni_audit *a) {
    static const int8_t order[3][2] = {{0, 0}, {1, 1}, {1, 0}};
    double usual = 0;
    for (int i = 0; a->searched && i < (a->sets > 1 ? 3 : 1); i++) {
        search s = {.set = &a->set[order[i][0]], .other = &a->set[order[i][1]], .usual_points = a->set[0].nearest};
        dnn_status status = look(a, &s, &usual);
        dnni_neighbours_free(&s.found);
        DNNI_TRY(status);
    }
    return DNN_OK;
}
