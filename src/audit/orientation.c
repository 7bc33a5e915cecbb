/* Groups of pictures that are turned, mirrored, inverted or of swapped channels: their mean picture fits the others'
 * better when it is turned back. Groups are blocks of consecutive samples against the rest, and each class of the test
 * set, and all of it, against the same of the training set. */
#include <string.h>

#include "audit/turned.h"

/* FEWEST: pictures that make a group. A group is reported if its mean, turned, is less than `closer` times as far from
 * the others' as it is as it is, and that distance is more than `noise` times what sampling explains (c). */
enum { BLOCKS = 20, FEWEST = 20, MAX_THUMB = DNNI_THUMB * DNNI_THUMB * 4 };
static const double closer = 0.5, noise = 4;

typedef struct {
    double n, mean[MAX_THUMB], squares[MAX_THUMB];
} mean_picture;

static int64_t thumb_dims(const dnni_audit *a) { return DNNI_THUMB * DNNI_THUMB * a->channels; }

static void add_thumb(const dnni_audit *a, mean_picture *m, const float *thumb) {
    m->n++;
    for (int64_t j = 0; j < thumb_dims(a); j++) {
        double x = (double)thumb[j], before = x - m->mean[j];
        m->mean[j] += before / m->n;
        m->squares[j] += before * (x - m->mean[j]);
    }
}

/* What sampling alone makes of the squared distance of two means: Σ variance · (1/n + 1/m). */
static double expected(const dnni_audit *a, const mean_picture *m, double other) {
    double sum = 0;
    for (int64_t j = 0; j < thumb_dims(a); j++) sum += m->squares[j] / m->n;
    return sum * (1 / m->n + 1 / other);
}

static double distance_when(const dnni_audit *a, dnni_turn turn, const mean_picture *m, const mean_picture *others) {
    float mean[MAX_THUMB], turned[MAX_THUMB];
    double sum = 0;
    for (int64_t j = 0; j < thumb_dims(a); j++) mean[j] = (float)m->mean[j];
    dnni_turn_thumb(a, turn, mean, turned);
    for (int64_t j = 0; j < thumb_dims(a); j++) {
        double d = (double)turned[j] - others->mean[j];
        sum += d * d;
    }
    return sum;
}

/* How the group is turned; AS_IS if it is not. */
static dnni_turn judge(const dnni_audit *a, const mean_picture *m, const mean_picture *others) {
    dnni_turn best = DNNI_AS_IS;
    if (m->n < FEWEST || others->n < FEWEST) return best;
    double here = distance_when(a, DNNI_AS_IS, m, others), least = closer * closer * here;
    if (here < noise * expected(a, others, m->n)) return best;
    for (dnni_turn t = DNNI_AS_IS + 1; t < DNNI_TURNS; t++) {
        double d = dnni_turn_applies(a, t) ? distance_when(a, t, m, others) : INFINITY;
        if (d >= least) continue;
        least = d;
        best = t;
    }
    return best;
}

static dnn_status tell(dnni_audit *a, const dnni_set *s, const dnni_list *list, dnni_turn turn, const char *others) {
    const char *name = turn == DNNI_SWAPPED ? "channels-swapped" : "orientation-differs";
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, name, s, list, "%lld pictures are %s against %s: %s",
                            (long long)list->n, dnni_turn_name(turn), others, dnni_audit_places(a, s, list).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "their mean picture, at 8 × 8, is %s times closer to that of %s when it is turned "
                             "back",
                             dnni_real(1 / closer, 2).text, others));
    DNNI_TRY(
        dnni_report_action(a->report, "look at them; read all files by the same code, rows and channels in one order"));
    return dnni_audit_sheet(a, s, list, name);
}

/* ---- blocks ---- */

static void mean_of(const dnni_audit *a, const dnni_set *s, int64_t label, int64_t block, bool inside,
                    mean_picture *m) {
    memset(m, 0, sizeof *m);
    for (int64_t i = 0; i < s->kept; i++) {
        bool fits = block < 0 || (s->ids[i] * BLOCKS / s->n == block) == inside;
        if (fits && (label < 0 || dnni_label(s, i) == label)) add_thumb(a, m, s->thumbs + i * thumb_dims(a));
    }
}

static dnn_status list_members(dnni_audit *a, const dnni_set *s, int64_t label, int64_t block, dnni_list *list) {
    DNNI_TRY(dnni_list_new(a, list, s->n));
    for (int64_t i = 0; i < s->n; i++)
        if ((block < 0 || i * BLOCKS / s->n == block) && (label < 0 || s->samples[i].label == label))
            dnni_list_add(list, i);
    return DNN_OK;
}

/* In sets sorted by class a block's mean is a class's; turned it may well fit the others better. */
static bool is_sorted(const dnni_set *s) {
    int64_t equal = 0;
    for (int64_t i = 1; i < s->n; i++) equal += s->samples[i].label == s->samples[i - 1].label;
    return s->n > 0 && s->samples[0].label >= 0 && equal * 2 > s->n;
}

static dnn_status look_at_blocks(dnni_audit *a, const dnni_set *s, mean_picture m[2]) {
    for (int64_t b = 0; b < BLOCKS && !is_sorted(s); b++) {
        mean_of(a, s, -1, b, true, &m[0]);
        mean_of(a, s, -1, b, false, &m[1]);
        dnni_turn turn = judge(a, &m[0], &m[1]);
        if (turn == DNNI_AS_IS) continue;
        dnni_list list;
        DNNI_TRY(list_members(a, s, -1, b, &list));
        DNNI_TRY(tell(a, s, &list, turn, "the rest"));
    }
    return DNN_OK;
}

/* ---- the test set against the training set: all, then class by class ---- */

static dnn_status look_across(dnni_audit *a, mean_picture m[2]) {
    int64_t most = a->classes <= 100 ? a->classes : 0;
    for (int64_t k = -1; k < most; k++) {
        mean_of(a, &a->set[1], k, -1, true, &m[0]);
        mean_of(a, &a->set[0], k, -1, true, &m[1]);
        dnni_turn turn = judge(a, &m[0], &m[1]);
        if (turn == DNNI_AS_IS) continue;
        dnni_list list;
        DNNI_TRY(list_members(a, &a->set[1], k, -1, &list));
        DNNI_TRY(tell(a, &a->set[1], &list, turn, a->set[0].name));
        if (k < 0) return DNN_OK;
    }
    return DNN_OK;
}

dnn_status dnni_audit_orientation(dnni_audit *a) {
    if (!a->set[0].thumbs) return DNN_OK;
    mean_picture *m = dnni_pool_alloc(&a->pool, 2, sizeof *m);
    if (!m) return DNN_ERROR_MEMORY;
    for (int32_t k = 0; k < a->sets; k++) DNNI_TRY(look_at_blocks(a, &a->set[k], m));
    return a->sets > 1 ? look_across(a, m) : DNN_OK;
}
