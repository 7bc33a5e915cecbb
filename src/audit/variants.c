/* Single pictures that are another one turned, mirrored, inverted, or of swapped channels; and pictures that fit the
 * others only when they are turned. */
#include "audit/audit.h"
#include "audit/median.h"
#include "audit/turned.h"

/* A pair: closer, when turned, than `same` times the median distance to the nearest. A stranger: nobody is near it, by
 * the fence of Tukey, but when it is turned it is `fits` times closer to somebody, and as close as the others are (c).
 */
static const double same = 0.13, fits = 0.55, fence = 1.5;

typedef struct {
    const dnni_set *set;
    dnni_neighbours plain;
    double usual, far; /* the median distance to the nearest, and the fence */
    dnni_pairs pairs;
    dnni_turn *pair_turn;
    dnni_turn *stranger; /* [kept] */
    double *fit;         /* [kept] the distance of the best turn */
} search;

static dnni_points thumbs_of(const dnni_audit *a, const dnni_set *s) {
    return (dnni_points){s->thumbs, s->kept, DNNI_THUMB * DNNI_THUMB * a->channels};
}

/* ---- each turn ---- */

/* A turned picture that is itself nearly the other as it is, is no variant: both may be symmetric. */
static void look_at_point(search *s, dnni_turn turn, int64_t i, int64_t other, double d) {
    double plain = (double)s->plain.distance[i * s->plain.k];
    bool near_already = plain < same * s->usual;
    if (d < same * s->usual && other < i && !near_already && s->pairs.n < s->pairs.room) {
        s->pair_turn[s->pairs.n] = turn;
        s->pairs.pair[s->pairs.n++] = (dnni_pair){s->set->ids[i], s->set->ids[other], d};
    }
    if (plain > s->far && d < fits * plain && d < s->fit[i]) {
        s->fit[i] = d;
        s->stranger[i] = turn;
    }
}

static dnn_status look_turned(dnni_audit *a, search *s, dnni_turn turn) {
    dnni_points base = thumbs_of(a, s->set), turned = base;
    float *x = dnni_alloc_raw(a->ctx, base.n, base.dims * (int64_t)sizeof *x);
    if (!x) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < base.n; i++) dnni_turn_thumb(a, turn, base.x + i * base.dims, x + i * base.dims);
    turned.x = x;
    dnni_neighbours found;
    dnn_status status = dnni_neighbours_find(&found, a->ctx, turned, base, 1, true, &a->options.progress);
    for (int64_t i = 0; status == DNN_OK && i < base.n; i++) {
        bool blank = !(dnni_span(&s->set->samples[s->set->ids[i]]) > 0);
        if (found.index[i] >= 0 && !blank) look_at_point(s, turn, i, found.index[i], (double)found.distance[i]);
    }
    if (status == DNN_OK) dnni_neighbours_free(&found);
    dnni_free(a->ctx, x, base.n, base.dims * (int64_t)sizeof *x);
    return status;
}

/* ---- telling ---- */

static dnn_status tell_pairs(dnni_audit *a, search *s) {
    dnni_list list;
    dnn_status status;
    DNNI_TRY(dnni_list_new(a, &list, s->pairs.n));
    for (int64_t i = 0; i < s->pairs.n; i++) dnni_list_add(&list, s->pairs.pair[i].index);
    if (list.n == 0 || dnni_audit_hides(a, "variants", s->set, &list, &status)) return list.n ? status : DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "variants", s->set, &list,
                            "%lld pictures are another one, %s: %s", (long long)list.n, dnni_turn_name(s->pair_turn[0]),
                            dnni_audit_pairs(a, &s->pairs).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "at 8 × 8 and turned, closer than %s times the median distance to the nearest, %s",
                             dnni_real(same, 2).text, dnni_real(s->usual, 3).text));
    DNNI_TRY(dnni_report_action(a->report, "keep both in one part of the split, or leave one out"));
    return dnni_audit_pair_sheet(a, &s->pairs, "variants of other pictures");
}

static dnn_status tell_strangers(dnni_audit *a, search *s) {
    dnni_list list;
    dnn_status status;
    int64_t first = -1;
    DNNI_TRY(dnni_list_new(a, &list, s->set->kept));
    for (int64_t i = 0; i < s->set->kept; i++) {
        if (s->stranger[i] == DNNI_AS_IS || s->fit[i] > s->far) continue;
        if (first < 0) first = i;
        dnni_list_add(&list, s->set->ids[i]);
    }
    if (first < 0) return DNN_OK;
    if (dnni_audit_hides(a, "turned", s->set, &list, &status)) return status;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "turned", s->set, &list,
                            "%lld pictures fit the others only when they are turned; %s[%lld] looks %s",
                            (long long)list.n, s->set->name, (long long)list.index[0],
                            dnni_turn_name(s->stranger[first])));
    DNNI_TRY(dnni_report_how(a->report,
                             "at 8 × 8 the nearest picture is farther than Q3 + %s (Q3 - Q1) = %s, and less than "
                             "%s times as far when turned",
                             dnni_real(fence, 2).text, dnni_real(s->far, 3).text, dnni_real(fits, 2).text));
    DNNI_TRY(dnni_report_action(a->report, "look at them"));
    return dnni_audit_sheet(a, s->set, &list, "pictures that fit when they are turned");
}

/* ---- the whole ---- */

static dnn_status fence_of(dnni_audit *a, search *s) {
    dnni_sorted nearest;
    DNNI_TRY(dnni_sorted_new(a, &nearest, s->plain.n));
    for (int64_t i = 0; i < s->plain.n; i++)
        if (isfinite(s->plain.distance[i])) nearest.value[nearest.n++] = (double)s->plain.distance[i];
    dnni_sort_reals(nearest.value, nearest.n);
    double q1 = dnni_quantile(&nearest, 0.25), q3 = dnni_quantile(&nearest, 0.75);
    s->usual = dnni_median(&nearest);
    s->far = q3 + fence * (q3 - q1);
    return DNN_OK;
}

static dnn_status make_room(dnni_audit *a, search *s) {
    int64_t n = s->set->kept;
    DNNI_TRY(dnni_pairs_new(a, &s->pairs, s->set, s->set, n));
    s->pair_turn = dnni_pool_alloc(&a->pool, n, sizeof *s->pair_turn);
    s->stranger = dnni_pool_alloc(&a->pool, n, sizeof *s->stranger);
    s->fit = dnni_pool_alloc(&a->pool, n, sizeof *s->fit);
    if (!s->pair_turn || !s->stranger || !s->fit) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) s->fit[i] = INFINITY;
    return DNN_OK;
}

static dnn_status look(dnni_audit *a, search *s) {
    DNNI_TRY(make_room(a, s));
    DNNI_TRY(fence_of(a, s));
    for (dnni_turn t = DNNI_AS_IS + 1; t < DNNI_TURNS; t++)
        if (dnni_turn_applies(a, t)) DNNI_TRY(look_turned(a, s, t));
    DNNI_TRY(tell_pairs(a, s));
    return tell_strangers(a, s);
}

dnn_status dnni_audit_variants(dnni_audit *a, dnni_set *set) {
    search s = {.set = set};
    if (!a->searched || !set->thumbs || set->kept < 20 || (a->options.skip & DNN_AUDIT_NO_VARIANTS)) return DNN_OK;
    dnni_points points = thumbs_of(a, set);
    DNNI_TRY(dnni_neighbours_find(&s.plain, a->ctx, points, points, 1, true, &a->options.progress));
    dnn_status status = look(a, &s);
    dnni_neighbours_free(&s.plain);
    return status;
}
