/* Samples that are there twice, byte by byte, within a set or in both. */
#include <string.h>

#include "audit/audit.h"
#include "core/sort.h"

/* Rows of a few numbers, rounded as tables are, meet by chance; rows of so many values do not (c). */
enum { MANY_VALUES = 16 };

/* The samples of both sets in one row of numbers. */
typedef struct {
    int32_t set;
    int64_t index;
} place;

static place place_of(const dnni_audit *a, int64_t number) {
    return number < a->set[0].n ? (place){0, number} : (place){1, number - a->set[0].n};
}

static const dnni_sample *sample_of(const dnni_audit *a, place p) { return &a->set[p.set].samples[p.index]; }

static int compare_hashes(const void *context, uint32_t i, uint32_t j) {
    const dnni_audit *a = context;
    uint64_t one = sample_of(a, place_of(a, i))->hash, two = sample_of(a, place_of(a, j))->hash;
    if (one != two) return one < two ? -1 : 1;
    return i < j ? -1 : i > j;
}

static dnn_status read_input(const dnni_audit *a, place p, dnn_tensor **x) {
    return dnn_dataset_get(x, NULL, a->set[p.set].dataset, &p.index, 1);
}

static dnn_status same_bytes(const dnni_audit *a, const dnn_tensor *x, place p, bool *same) {
    dnn_tensor *y;
    DNNI_TRY(read_input(a, p, &y));
    *same = memcmp(dnn_tensor_const_data(x), dnn_tensor_const_data(y), (size_t)dnn_tensor_bytes(x)) == 0;
    dnn_tensor_release(y);
    return DNN_OK;
}

/* What was found: repetitions within each set, and across. */
typedef struct {
    dnni_pairs within[2], across;
} repetitions;

/* A run of equal hashes, in order of set and index: each sample after the first of its set repeats that; those of the
 * test set repeat the first of the training set. Blank pictures are another test's business. */
static dnn_status look_at_run(dnni_audit *a, repetitions *r, const uint32_t *run, int64_t n) {
    place first = place_of(a, run[0]), first_of[2] = {first, first};
    dnn_tensor *x;
    if (dnni_is_picture(a) && !(dnni_span(sample_of(a, first)) > 0)) return DNN_OK;
    DNNI_TRY(read_input(a, first, &x));
    dnn_status status = DNN_OK;
    for (int64_t i = 1; i < n && status == DNN_OK; i++) {
        place p = place_of(a, run[i]);
        bool same = false, is_first = p.set == 1 && first_of[1].set == 0;
        status = same_bytes(a, x, p, &same);
        if (!same) continue;
        if (p.set == 1 && first.set == 0) r->across.pair[r->across.n++] = (dnni_pair){p.index, first.index, 0};
        if (!is_first) r->within[p.set].pair[r->within[p.set].n++] = (dnni_pair){p.index, first_of[p.set].index, 0};
        if (is_first) first_of[1] = p;
    }
    dnn_tensor_release(x);
    return status;
}

static dnn_status find_repetitions(dnni_audit *a, repetitions *r) {
    int64_t n = a->set[0].n + (a->sets > 1 ? a->set[1].n : 0);
    uint32_t *order = dnni_pool_alloc(&a->pool, n, sizeof *order);
    if (!order) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    dnni_sort(order, n, compare_hashes, a);
    for (int64_t first = 0, i = 1; i <= n; i++) {
        bool same = i < n && sample_of(a, place_of(a, order[first]))->hash == sample_of(a, place_of(a, order[i]))->hash;
        if (same) continue;
        if (i - first > 1) DNNI_TRY(look_at_run(a, r, order + first, i - first));
        first = i;
    }
    return DNN_OK;
}

/* ---- telling ---- */

static void sort_pairs(dnni_pairs *pairs) {
    for (int64_t gap = pairs->n / 2; gap > 0; gap /= 2)
        for (int64_t i = gap; i < pairs->n; i++) {
            dnni_pair moved = pairs->pair[i];
            int64_t at = i;
            for (; at >= gap && pairs->pair[at - gap].index > moved.index; at -= gap)
                pairs->pair[at] = pairs->pair[at - gap];
            pairs->pair[at] = moved;
        }
}

/* Those whose targets agree, or those whose do not. */
static dnn_status choose(dnni_audit *a, const dnni_pairs *all, bool differ, dnni_pairs *some, dnni_list *list) {
    DNNI_TRY(dnni_pairs_new(a, some, all->set, all->other, all->n));
    DNNI_TRY(dnni_list_new(a, list, all->n));
    for (int64_t i = 0; i < all->n; i++) {
        const dnni_pair *p = &all->pair[i];
        bool labelled = a->kind == DNNI_TARGET_CLASS || a->kind == DNNI_TARGET_NUMBER;
        if ((labelled && dnni_labels_differ(all->set, p->index, all->other, p->other)) != differ) continue;
        some->pair[some->n++] = *p;
        dnni_list_add(list, p->index);
    }
    return DNN_OK;
}

dnn_status dnni_audit_tell_pairs(dnni_audit *a, const dnni_pair_words *w, dnni_pairs *all, bool differ) {
    dnni_pairs pairs;
    dnni_list list;
    sort_pairs(all);
    DNNI_TRY(choose(a, all, differ, &pairs, &list));
    if (pairs.n == 0) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, w->severity, w->name, pairs.set, &list, "%lld samples %s%s: %s", (long long)pairs.n,
                            w->what, differ ? ", with another target" : "", dnni_audit_pairs(a, &pairs).text));
    DNNI_TRY(dnni_report_how(a->report, "%s", w->how));
    DNNI_TRY(dnni_report_action(a->report, "%s", differ ? "look at both: one of the targets is wrong" : w->action));
    return dnni_audit_pair_sheet(a, &pairs, w->name);
}

static const char how_exact[] = "inputs of equal hash, compared byte by byte; blank pictures do not count";
static const char how_to_leave[] = "leave the repetitions out, or keep all of a group in one part of the split";

static dnn_status tell_within(dnni_audit *a, dnni_pairs *pairs) {
    bool many = a->dims >= MANY_VALUES;
    dnni_pair_words same = {"duplicates", many ? DNN_SEVERITY_WARNING : DNN_SEVERITY_NOTE, "are there already",
                            how_exact, how_to_leave};
    dnni_pair_words differ = {"duplicates-labels-differ", many ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING,
                              "are there already", how_exact, ""};
    DNNI_TRY(dnni_audit_tell_pairs(a, &same, pairs, false));
    return dnni_audit_tell_pairs(a, &differ, pairs, true);
}

static dnn_status tell_across(dnni_audit *a, dnni_pairs *pairs) {
    dnn_severity severity = a->dims >= MANY_VALUES ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING;
    dnni_pair_words same = {"duplicates-across-split", severity, "are in the training set too", how_exact,
                            "leave them out of one of the sets: what was trained on tests nothing"};
    dnni_pair_words differ = same;
    differ.name = "duplicates-across-split-labels-differ";
    DNNI_TRY(dnni_audit_tell_pairs(a, &same, pairs, false));
    return dnni_audit_tell_pairs(a, &differ, pairs, true);
}

dnn_status dnni_audit_duplicates(dnni_audit *a) {
    repetitions r;
    for (int32_t k = 0; k < 2; k++) DNNI_TRY(dnni_pairs_new(a, &r.within[k], &a->set[k], &a->set[k], a->set[k].n));
    DNNI_TRY(dnni_pairs_new(a, &r.across, &a->set[1], &a->set[0], a->set[1].n));
    DNNI_TRY(find_repetitions(a, &r));
    for (int32_t k = 0; k < a->sets; k++) DNNI_TRY(tell_within(a, &r.within[k]));
    return a->sets > 1 ? tell_across(a, &r.across) : DNN_OK;
}
