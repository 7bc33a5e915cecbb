#include "paper/show.h"

#include <string.h>

dnn_status dnni_trail_read(dnni_trail *t, dnn_context *ctx, const char *folder) {
    *t = (dnni_trail){.facts = {.pool = {.ctx = ctx}}, .curves = {.ctx = ctx}};
    DNNI_TRY(dnni_facts_read(&t->facts, ctx, folder));
    return dnni_curves_read(&t->curves, ctx, folder);
}

void dnni_trail_free(dnni_trail *t) {
    dnni_curves_free(&t->curves);
    dnni_facts_free(&t->facts);
}

dnni_curve_note dnni_curve_noted(const dnni_curve *c) {
    dnni_curve_note note = {""};
    dnni_extremes e = dnni_curve_extremes(c);
    dnni_writer w = {.text = note.text, .room = sizeof note.text};
    if (e.last < 0) return note;
    dnni_write(&w, "step %s", dnni_real(c->steps[e.last], 15).text);
    if (e.least >= 0 && c->n > 1)
        dnni_write(&w, "; least %s at %s, greatest %s at %s", dnni_real(c->values[e.least], 4).text,
                   dnni_real(c->steps[e.least], 15).text, dnni_real(c->values[e.greatest], 4).text,
                   dnni_real(c->steps[e.greatest], 15).text);
    return note;
}

/* ---- tables ---- */

enum { WIDEST = 60 };

static int width_of(const dnni_table *t, int column) {
    int widest = 0;
    for (int64_t i = 0; i < t->n; i++) {
        int width = dnni_characters(t->rows[i][column]);
        if (width > widest && width <= WIDEST) widest = width;
    }
    return widest;
}

static void write_table(dnni_writer *w, const void *table) {
    const dnni_table *t = table;
    int widths[2] = {width_of(t, 0), t->columns > 2 ? width_of(t, 1) : 0};
    for (int64_t i = 0; i < t->n; i++) {
        for (int c = 0; c < t->columns; c++) {
            const char *text = t->rows[i][c];
            int gap = c + 1 < t->columns ? widths[c] - dnni_characters(text) : -1;
            dnni_write(w, "%s%*s%s", text, gap > 0 ? gap : 0, "", c + 1 < t->columns ? "  " : "\n");
        }
    }
}

static void write_json(dnni_writer *w, const void *table) {
    const dnni_table *t = table;
    dnni_put_open(w, NULL, '[');
    for (int64_t i = 0; i < t->n; i++) {
        dnni_put_open(w, NULL, '[');
        for (int c = 0; c < t->columns; c++) dnni_put_text(w, NULL, t->rows[i][c]);
        dnni_put_close(w, ']');
    }
    dnni_put_close(w, ']');
}

dnn_status dnni_add_table(dnn_report *report, const char *title, const dnni_table *t) {
    dnni_pool pool = {.ctx = report->base.ctx};
    if (t->n == 0) return DNN_OK;
    char *text = dnni_written(&pool, write_table, t), *json = text ? dnni_written(&pool, write_json, t) : NULL;
    dnn_status status = json ? dnn_report_add_section(report, title, text, json) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}
