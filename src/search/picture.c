/* The value of every trial over each parameter: a plot for each, side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <dnn/inspect.h>

#include "core/tensor.h"
#include "report/report.h"
#include "search/search.h"

enum { WIDTH = 480, HEIGHT = 360, MOST_PICTURES = 24, LABEL = 200 };

/* Dots: each point stands alone between gaps. One array for those that ran to their end, one for those that were
 * stopped, one for the best. */
typedef struct {
    const dnni_ranking *ranking;
    double *x[3], *y[3]; /* [2 · good] */
    int64_t n[3];
    bool y_log;
} scatter;

static void add_point(scatter *c, int which, double x, double y) {
    int64_t at = c->n[which];
    c->x[which][at] = x;
    c->y[which][at] = y;
    c->x[which][at + 1] = c->y[which][at + 1] = NAN;
    c->n[which] += 2;
}

static void fill(scatter *c, int64_t k) {
    memset(c->n, 0, sizeof c->n);
    for (int64_t i = c->ranking->good - 1; i >= 0; i--) {
        const dnni_trial *t = dnni_ranked(c->ranking, i);
        int which = i == 0 ? 2 : t->stopped || dnni_trial_waits(t) ? 0 : 1;
        add_point(c, which, dnni_draw(c->ranking->search, t->number, k), t->value);
    }
}

/* Losses over several orders of magnitude are seen on a logarithmic axis only. */
static bool wants_log(const dnni_ranking *r) {
    double first = dnni_ranked(r, 0)->value, last = dnni_ranked(r, r->good - 1)->value;
    double least = fmin(first, last), most = fmax(first, last);
    return least > 0 && most > 20 * least;
}

/* The parameter's name, and the texts of choices, whose numbers, from 0, are on the axis. */
static void write_label(char label[LABEL], const dnni_range *r) {
    dnni_writer w = {.text = label, .room = LABEL};
    dnni_write(&w, "%s", r->name);
    for (int64_t i = 0; i < r->n && r->kind == DNNI_CHOICE && w.used < LABEL; i++)
        dnni_write(&w, "%s %s", i == 0 ? ":" : ",", r->choices[i]);
}

static dnn_status draw(scatter *c, int64_t k, dnn_tensor **plot) {
    static const uint32_t colours[] = {0x9aa3ad, 0x2f6fbf, 0xe02424};
    const dnni_range *r = &c->ranking->search->ranges[k];
    char label[LABEL];
    dnn_series dots[3];
    fill(c, k);
    write_label(label, r);
    for (int i = 0; i < 3; i++) dots[i] = (dnn_series){c->x[i], c->y[i], c->n[i], NULL, colours[i]};
    double room = dnni_range_is_log(r) ? pow(r->high / r->low, 0.02) : 0.02 * (r->high - r->low);
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .width = WIDTH, .height = HEIGHT, .x_label = label,
                       .y_label = "value", .y_log = c->y_log, .x_log = dnni_range_is_log(r)};
    d.x_low = dnni_range_is_log(r) ? r->low / room : r->low - room;
    d.x_high = dnni_range_is_log(r) ? r->high * room : r->high + room;
    return dnn_plot_lines(plot, c->ranking->search->base.ctx, dots, 3, &d);
}

static dnn_status draw_all(scatter *c, dnn_tensor *batch) {
    unsigned char *pixels = batch->array.data;
    for (int64_t k = 0; k < batch->array.dims[0]; k++) {
        dnn_tensor *plot;
        DNNI_TRY(draw(c, k, &plot));
        memcpy(pixels + k * WIDTH * HEIGHT * 3, plot->array.data, WIDTH * HEIGHT * 3);
        dnn_tensor_release(plot);
    }
    return DNN_OK;
}

static dnn_status add_sheet(dnn_report *report, scatter *c, dnn_tensor *batch) {
    const dnni_ranking *r = c->ranking;
    dnn_tensor *sheet;
    char title[160];
    DNNI_TRY(draw_all(c, batch));
    snprintf(title, sizeof title, "the value of %lld trials over each parameter; red: trial %lld, the best%s",
             (long long)r->good, (long long)dnni_ranked(r, 0)->number,
             r->search->n_rungs > 0 ? "; grey: stopped early" : "");
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .title = title, .zoom = 1,
                        .columns = r->search->n_ranges < 3 ? r->search->n_ranges : 3};
    DNNI_TRY(dnn_sheet_create(&sheet, r->search->base.ctx, batch, &d));
    return dnni_report_give_picture(report, title, sheet);
}

static dnn_status make_room(scatter *c, dnni_pool *pool) {
    double *room = dnni_pool_alloc(pool, 12 * c->ranking->good, sizeof *room);
    if (!room) return DNN_ERROR_MEMORY;
    for (int i = 0; i < 3; i++) {
        c->x[i] = room + 4 * i * c->ranking->good;
        c->y[i] = c->x[i] + 2 * c->ranking->good;
    }
    return DNN_OK;
}

dnn_status dnni_search_scatter(dnn_report *report, const dnni_ranking *r) {
    if (r->good == 0) return DNN_OK;
    dnn_context *ctx = r->search->base.ctx;
    dnni_pool pool = {.ctx = ctx};
    dnn_tensor *batch = NULL;
    scatter c = {.ranking = r, .y_log = wants_log(r)};
    int64_t n = r->search->n_ranges < MOST_PICTURES ? r->search->n_ranges : MOST_PICTURES;
    dnn_status status = make_room(&c, &pool);
    if (status == DNN_OK) status = dnn_tensor_create(&batch, ctx, DNN_U8, 4, (const int64_t[]){n, HEIGHT, WIDTH, 3});
    if (status == DNN_OK) status = add_sheet(report, &c, batch);
    dnn_tensor_release(batch);
    dnni_pool_free(&pool);
    return status;
}
