/* Metrics as a report: figures, and for classes a table of them and their confusion. */
#include <math.h>
#include <stdio.h>

#include <dnn/inspect.h>

#include "metrics/metrics.h"
#include "report/report.h"

enum { MOST_IN_TABLE = 30, MOST_IN_PICTURE = 1000 }; /* classes */

typedef struct {
    const dnn_metrics *metrics;
    int64_t n; /* classes that are shown */
} table;

static const char *name_of(const dnn_metrics *m, int64_t class, char text[24]) {
    if (m->names) return m->names[class];
    snprintf(text, 24, "%lld", (long long)class);
    return text;
}

static void write_share(dnni_writer *w, const dnn_metrics *m, const char *name, int64_t class) {
    double value = NAN;
    dnni_class_get(m, name, class, &value);
    if (isnan(value)) dnni_write(w, "%10s", "-");
    else dnni_write(w, "%9s%%", dnni_real(round(value * 1000) / 10, 4).text);
}

static void write_classes(dnni_writer *w, const void *what) {
    const table *t = what;
    const dnn_metrics *m = t->metrics;
    const int64_t *counts = m->confusion->array.data;
    dnni_write(w, "%-20s%9s%10s%10s%10s  most often taken for\n", "class", "rows", "precision", "recall", "f1");
    for (int64_t c = 0; c < t->n; c++) {
        char text[24], other[24];
        int64_t rows = 0, worst = -1;
        for (int64_t j = 0; j < m->desc.classes; j++) {
            int64_t taken = counts[c * m->desc.classes + j];
            rows += taken;
            if (j != c && taken > 0 && (worst < 0 || taken > counts[c * m->desc.classes + worst])) worst = j;
        }
        dnni_write(w, "%-20.20s%9lld", name_of(m, c, text), (long long)rows);
        write_share(w, m, "precision", c);
        write_share(w, m, "recall", c);
        write_share(w, m, "f1", c);
        if (worst >= 0)
            dnni_write(w, "  %s (%lld)", name_of(m, worst, other),
                       (long long)counts[c * m->desc.classes + worst]);
        dnni_write(w, "\n");
    }
    if (t->n < m->desc.classes) dnni_write(w, "and %lld classes more\n", (long long)(m->desc.classes - t->n));
}

static void write_confusion_json(dnni_writer *w, const void *what) {
    const dnn_metrics *m = ((const table *)what)->metrics;
    const int64_t *counts = m->confusion->array.data;
    dnni_put_open(w, NULL, '[');
    for (int64_t i = 0; i < m->desc.classes; i++) {
        dnni_put_open(w, NULL, '[');
        for (int64_t j = 0; j < m->desc.classes; j++) dnni_put_whole(w, NULL, counts[i * m->desc.classes + j]);
        dnni_put_close(w, ']');
    }
    dnni_put_close(w, ']');
}

static dnn_status add_table(dnn_report *report, const dnn_metrics *m) {
    dnni_pool pool = {.ctx = m->base.ctx};
    table t = {m, m->desc.classes < MOST_IN_TABLE ? m->desc.classes : MOST_IN_TABLE};
    const char *text = dnni_written(&pool, write_classes, &t);
    const char *json = text ? dnni_written(&pool, write_confusion_json, &t) : NULL;
    dnn_status status = json ? dnn_report_add_section(report, "classes", text, json) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}

/* Of the rows of each class, the share that was taken for each; 0 where there are none. Returns the largest share that
 * is wrong. */
static double fill_shares(const dnn_metrics *m, double *shares) {
    const int64_t *counts = m->confusion->array.data, n = m->desc.classes;
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double rows = 0;
        for (int64_t j = 0; j < n; j++) rows += (double)counts[i * n + j];
        for (int64_t j = 0; j < n; j++) {
            shares[i * n + j] = rows > 0 ? (double)counts[i * n + j] / rows : 0;
            if (j != i) worst = fmax(worst, shares[i * n + j]);
        }
    }
    return worst;
}

/* What is right is brighter than all that is wrong: the range ends with the worst, so that small ones are seen. */

static dnn_status add_confusion(dnn_report *report, const dnn_metrics *m) {
    dnn_tensor *shares, *picture;
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .width = 560, .height = 560, .title = "confusion: share of a class",
                       .x_label = "taken for", .y_label = "class"};
    if (m->desc.classes > MOST_IN_PICTURE) return DNN_OK;
    DNNI_TRY(dnn_tensor_create(&shares, m->base.ctx, DNN_F64, 2, (const int64_t[]){m->desc.classes, m->desc.classes}));
    d.y_high = fmax(fill_shares(m, shares->array.data), 0.001);
    dnn_status status = dnn_plot_heat(&picture, m->base.ctx, shares, &d);
    if (status == DNN_OK) status = dnni_report_give_picture(report, "confusion", picture);
    dnn_tensor_release(shares);
    return status;
}

static dnn_status add_figures(dnn_report *report, dnn_metrics *m) {
    static const char *const classes[] = {"count", "accuracy", "top_k", "loss", "precision", "recall", "f1",
                                          "balanced_accuracy", "mean_iou", "calibration_error", "not_finite"};
    static const char *const numbers[] = {"count", "mse", "rmse", "mae", "bias", "max_error", "r2", "not_finite"};
    bool of_classes = dnni_of_classes(m);
    const char *const *names = of_classes ? classes : numbers;
    size_t n = of_classes ? sizeof classes / sizeof *classes : sizeof numbers / sizeof *numbers;
    for (size_t i = 0; i < n; i++) {
        double value;
        DNNI_TRY(dnn_metrics_get(m, names[i], &value));
        DNNI_TRY(dnn_report_add_figure(report, names[i], value, NULL));
    }
    if (!m->desc.auc) return DNN_OK;
    double auc;
    DNNI_TRY(dnn_metrics_get(m, "auc", &auc));
    return dnn_report_add_figure(report, "auc", auc, NULL);
}

dnn_status dnn_metrics_report(dnn_report **out, dnn_metrics *metrics) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(metrics, DNNI_METRICS, "metrics"));
    dnn_report *report;
    DNNI_TRY(dnni_report_new(&report, metrics->base.ctx, "metrics over %lld %s", (long long)metrics->count,
                             dnni_of_classes(metrics) ? "rows" : "numbers"));
    dnn_status status = add_figures(report, metrics);
    if (status == DNN_OK && dnni_of_classes(metrics)) status = add_table(report, metrics);
    if (status == DNN_OK && dnni_of_classes(metrics)) status = add_confusion(report, metrics);
    if (status == DNN_OK) *out = report;
    else dnn_report_release(report);
    return status;
}
