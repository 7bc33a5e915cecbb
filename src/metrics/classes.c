#include <math.h>
#include <string.h>

#include "metrics/metrics.h"

/* ---- checks ---- */

static dnn_status check_shapes(const dnn_metrics *m, const dnn_array *y, const dnn_array *target) {
    if (!dnni_is_label(target->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "target is %s: classes are uint8, int32 or int64",
                          dnn_dtype_name(target->dtype));
    if (y->rank == 0 || y->dims[y->rank - 1] != m->desc.classes)
        return dnni_error(DNN_ERROR_SHAPE, "y has shape %s: its last axis is the %lld classes",
                          dnni_array_shape(y).text, (long long)m->desc.classes);
    dnn_array rows = dnni_array(target->dtype, y->rank - 1, y->dims);
    if (dnni_same_shape(target, &rows)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "y has shape %s, target %s: it must be %s", dnni_array_shape(y).text,
                      dnni_array_shape(target).text, dnni_array_shape(&rows).text);
}

static bool is_ignored(const dnn_metrics *m, double label) {
    return m->desc.has_ignore_index && label == (double)m->desc.ignore_index;
}

static dnn_status check_values(const dnn_metrics *m, const dnn_array *y, const dnn_array *target) {
    int64_t rows = dnni_count(target), classes = m->desc.classes;
    for (int64_t i = 0; i < rows; i++) {
        double label = dnni_load(target->dtype, target->data, i);
        if (!is_ignored(m, label) && !(label >= 0 && label < (double)classes))
            return dnni_error(DNN_ERROR_VALUE, "target %lld is %.0f: there are %lld classes, numbered from 0",
                              (long long)i, label, (long long)classes);
    }
    for (int64_t i = 0; m->desc.probabilities && i < rows * classes; i++)
        if (dnni_load(y->dtype, y->data, i) < 0)
            return dnni_error(DNN_ERROR_VALUE, "y has a probability of %g: for logits leave desc.probabilities out",
                              dnni_load(y->dtype, y->data, i));
    return DNN_OK;
}

/* ---- one row ---- */

/* The row's probabilities in m->row: softmax of logits, with the largest taken off; false if a score is not finite. */
static bool take_row(dnn_metrics *m, const dnn_array *y, int64_t row) {
    int64_t classes = m->desc.classes;
    double largest = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        m->row[c] = dnni_load(y->dtype, y->data, row * classes + c);
        if (!isfinite(m->row[c])) return false;
        largest = fmax(largest, m->row[c]);
    }
    for (int64_t c = 0; c < classes; c++) {
        if (!m->desc.probabilities) m->row[c] = exp(m->row[c] - largest);
        sum += m->row[c];
    }
    for (int64_t c = 0; c < classes && sum > 0; c++) m->row[c] /= sum;
    return sum > 0;
}

/* The number of classes that come before `class`, by score and then by number. */
static int64_t rank_of(const dnn_array *y, int64_t row, int64_t classes, int64_t class) {
    double own = dnni_load(y->dtype, y->data, row * classes + class);
    int64_t before = 0;
    for (int64_t c = 0; c < classes; c++) {
        double other = dnni_load(y->dtype, y->data, row * classes + c);
        before += other > own || (other == own && c < class);
    }
    return before;
}

static int64_t winner(const dnn_array *y, int64_t row, int64_t classes) {
    int64_t best = 0;
    double most = dnni_load(y->dtype, y->data, row * classes);
    for (int64_t c = 1; c < classes; c++) {
        double score = dnni_load(y->dtype, y->data, row * classes + c);
        if (score > most) {
            most = score;
            best = c;
        }
    }
    return best;
}

static void keep_scores(dnn_metrics *m, int64_t class) {
    if (!m->desc.auc) return;
    int64_t width = dnni_score_width(m);
    for (int64_t c = 0; c < width; c++) m->scores[m->n_scores * width + c] = (float)m->row[width == 1 ? 1 : c];
    m->labels[m->n_scores++] = (int32_t)class;
}

static void add_to_bin(dnn_metrics *m, double confidence, bool right) {
    int64_t bin = (int64_t)(confidence * (double)m->desc.bins);
    dnni_bin *b = &m->bins[bin < m->desc.bins ? bin : m->desc.bins - 1];
    b->rows++;
    b->right += right;
    b->confidence += confidence;
}

/* A row that is not finite is wrong: it is taken for the class next to its own. */
static void add_row(dnn_metrics *m, const dnn_array *y, int64_t row, int64_t class) {
    int64_t classes = m->desc.classes, *counts = m->confusion->array.data;
    m->count++;
    if (!take_row(m, y, row)) {
        m->not_finite++;
        counts[class * classes + (class + 1) % classes]++;
        return;
    }
    int64_t taken_for = winner(y, row, classes);
    counts[class * classes + taken_for]++;
    m->in_top_k += rank_of(y, row, classes, class) < m->desc.k;
    m->loss -= log(fmax(m->row[class], 0x1p-1022));
    m->losses++;
    add_to_bin(m, m->row[taken_for], taken_for == class);
    keep_scores(m, class);
}

static dnn_status make_room(dnn_metrics *m, int64_t rows) {
    int64_t needed;
    if (!m->desc.auc) return DNN_OK;
    if (!dnni_mul(m->n_scores + rows, dnni_score_width(m), &needed)) return dnni_out_of_memory();
    DNNI_TRY(dnni_grow(m->base.ctx, (void **)&m->scores, &m->scores_capacity, needed, sizeof *m->scores));
    return dnni_grow(m->base.ctx, (void **)&m->labels, &m->labels_capacity, m->n_scores + rows, sizeof *m->labels);
}

dnn_status dnni_classes_add(dnn_metrics *m, const dnn_array *y, const dnn_array *target) {
    DNNI_TRY(check_shapes(m, y, target));
    DNNI_TRY(check_values(m, y, target));
    int64_t rows = dnni_count(target);
    DNNI_TRY(make_room(m, rows));
    for (int64_t i = 0; i < rows; i++) {
        double label = dnni_load(target->dtype, target->data, i);
        if (!is_ignored(m, label)) add_row(m, y, i, (int64_t)label);
    }
    return DNN_OK;
}

/* ---- asking ---- */

typedef struct {
    double right, rows, taken; /* N(c,c), Σⱼ N(c,j), Σᵢ N(i,c) */
} tally;

static tally tally_of(const dnn_metrics *m, int64_t class) {
    const int64_t *counts = m->confusion->array.data, classes = m->desc.classes;
    tally t = {(double)counts[class * classes + class], 0, 0};
    for (int64_t c = 0; c < classes; c++) {
        t.rows += (double)counts[class * classes + c];
        t.taken += (double)counts[c * classes + class];
    }
    return t;
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

bool dnni_class_get(const dnn_metrics *m, const char *name, int64_t class, double *value) {
    tally t = tally_of(m, class);
    bool seen = t.rows + t.taken > 0;
    if (strcmp(name, "precision") == 0) *value = seen ? share(t.right, t.taken) : NAN;
    else if (strcmp(name, "recall") == 0) *value = seen ? share(t.right, t.rows) : NAN;
    else if (strcmp(name, "f1") == 0) *value = seen ? share(2 * t.right, t.rows + t.taken) : NAN;
    else if (strcmp(name, "iou") == 0) *value = seen ? share(t.right, t.rows + t.taken - t.right) : NAN;
    else return false;
    return true;
}

/* Means over classes: of all that were seen; weighed with their rows; of those that have rows. */
static double mean_of(const dnn_metrics *m, const char *name, bool weighed, bool with_rows) {
    double sum = 0, weights = 0, value = 0;
    for (int64_t c = 0; c < m->desc.classes; c++) {
        double rows = tally_of(m, c).rows;
        dnni_class_get(m, name, c, &value);
        if (isnan(value) || (with_rows && rows == 0)) continue;
        sum += value * (weighed ? rows : 1);
        weights += weighed ? rows : 1;
    }
    return weights > 0 ? sum / weights : NAN;
}

static double calibration_error(const dnn_metrics *m) {
    double sum = 0, rows = 0;
    for (int64_t i = 0; i < m->desc.bins; i++) {
        sum += fabs(m->bins[i].right - m->bins[i].confidence);
        rows += m->bins[i].rows;
    }
    return rows > 0 ? sum / rows : NAN;
}

static double accuracy(const dnn_metrics *m) {
    double right = 0;
    for (int64_t c = 0; c < m->desc.classes; c++) right += tally_of(m, c).right;
    return m->count > 0 ? right / (double)m->count : NAN;
}

static dnn_status mean_auc(dnn_metrics *m, double *value) {
    if (m->desc.classes == 2) return dnni_auc(m, 1, value);
    double sum = 0, classes = 0;
    for (int64_t c = 0; c < m->desc.classes; c++) {
        double one;
        DNNI_TRY(dnni_auc(m, c, &one));
        if (isnan(one)) continue;
        sum += one;
        classes++;
    }
    *value = classes > 0 ? sum / classes : NAN;
    return DNN_OK;
}

dnn_status dnni_classes_get(dnn_metrics *m, const char *name, double *value) {
    if (strcmp(name, "accuracy") == 0) *value = accuracy(m);
    else if (strcmp(name, "top_k") == 0) *value = m->count > 0 ? (double)m->in_top_k / (double)m->count : NAN;
    else if (strcmp(name, "loss") == 0) *value = m->losses > 0 ? m->loss / (double)m->losses : NAN;
    else if (strcmp(name, "calibration_error") == 0) *value = calibration_error(m);
    else if (strcmp(name, "balanced_accuracy") == 0) *value = mean_of(m, "recall", false, true);
    else if (strcmp(name, "f1_weighted") == 0) *value = mean_of(m, "f1", true, true);
    else if (strcmp(name, "mean_iou") == 0) *value = mean_of(m, "iou", false, false);
    else if (strcmp(name, "auc") == 0) return mean_auc(m, value);
    else if (strcmp(name, "iou") != 0 && dnni_class_get(m, name, 0, value)) *value = mean_of(m, name, false, false);
    else return dnni_error(DNN_ERROR_NOT_FOUND, "there is no metric \"%.60s\" of classes: metrics.h names them", name);
    return DNN_OK;
}
