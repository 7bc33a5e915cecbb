#include "check/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Above this share of kinks too little has been seen. */
#define MOST_KINKS 0.05

const char *dnn_check_verdict_name(dnn_check_verdict verdict) {
    switch (verdict) {
    case DNN_CHECK_PASS: return "PASS";
    case DNN_CHECK_KINK: return "KINK";
    case DNN_CHECK_INCONCLUSIVE: return "INCONCLUSIVE";
    case DNN_CHECK_FAIL: return "FAIL";
    }
    return "none";
}

/* ---- making ---- */

static void destroy_report(void *object) {
    dnn_check_report *r = object;
    dnn_context *ctx = r->base.ctx;
    dnni_free(ctx, r->rows, r->rows_capacity, sizeof *r->rows);
    dnni_free(ctx, r->findings, r->findings_capacity, sizeof *r->findings);
    dnni_pool_free(&r->pool);
}

dnn_status dnni_gradcheck_new_report(dnn_check_report **out, dnn_context *ctx, const char *subject, uint64_t seed) {
    dnn_check_report *r = dnni_object_new(ctx, DNNI_CHECK_REPORT, sizeof *r, destroy_report);
    if (!r) return DNN_ERROR_MEMORY;
    r->pool.ctx = ctx;
    r->subject = subject;
    r->figures = (dnn_check_figures){DNN_SIZED(dnn_check_figures),
                                     .worst_float32_error = (double)NAN,
                                     .seed = seed,
                                     .hint = "",
                                     .reproduce = ""};
    *out = r;
    return DNN_OK;
}

dnn_status dnn_check_report_release(dnn_check_report *report) {
    return dnni_object_release(report, DNNI_CHECK_REPORT, "report");
}

static dnn_status keep(dnn_check_report *r, const char **text) {
    *text = dnni_pool_string(&r->pool, *text);
    return *text ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_gradcheck_add_row(dnn_check_report *r, const dnn_check_row *row) {
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->rows, &r->rows_capacity, r->figures.rows + 1, sizeof *row));
    dnn_check_row *kept = &r->rows[r->figures.rows];
    *kept = *row;
    DNNI_TRY(keep(r, &kept->path));
    DNNI_TRY(keep(r, &kept->phase));
    DNNI_TRY(keep(r, &kept->hint));
    r->figures.rows++;
    r->figures.worst_float32_error = fmax(r->figures.worst_float32_error, row->float32_error);
    return DNN_OK;
}

dnn_status dnni_gradcheck_add_finding(dnn_check_report *r, const char *name, const char *phase, bool passed,
                                   const char *detail) {
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->findings, &r->findings_capacity, r->figures.findings + 1,
                       sizeof *r->findings));
    dnn_check_finding *kept = &r->findings[r->figures.findings];
    *kept = (dnn_check_finding){DNN_SIZED(dnn_check_finding), name, phase, passed ? DNN_CHECK_PASS : DNN_CHECK_FAIL,
                                passed ? "" : detail};
    DNNI_TRY(keep(r, &kept->name));
    DNNI_TRY(keep(r, &kept->phase));
    DNNI_TRY(keep(r, &kept->detail));
    r->figures.findings++;
    r->figures.findings_failed += !passed;
    return DNN_OK;
}

static void count_verdict(int64_t *passed, int64_t *kinked, int64_t *inconclusive, int64_t *failed,
                          dnn_check_verdict verdict) {
    switch (verdict) {
    case DNN_CHECK_PASS: ++*passed; break;
    case DNN_CHECK_KINK: ++*kinked; break;
    case DNN_CHECK_INCONCLUSIVE: ++*inconclusive; break;
    case DNN_CHECK_FAIL: ++*failed; break;
    }
}

void dnni_gradcheck_count(dnn_check_report *r, dnn_check_row *row, const dnn_check_entry *e) {
    dnn_check_figures *f = &r->figures;
    f->checked++;
    row->checked++;
    count_verdict(&f->passed, &f->kinked, &f->inconclusive, &f->failed, e->verdict);
    count_verdict(&row->passed, &row->kinked, &row->inconclusive, &row->failed, e->verdict);
    if (e->verdict != DNN_CHECK_KINK) {
        f->worst_error = fmax(f->worst_error, e->relative_error);
        row->worst_error = fmax(row->worst_error, e->relative_error);
    }
    if (r->any_entry && !dnni_gradcheck_worse(e, &r->worst)) return;
    r->worst = *e;
    r->worst.phase = row->phase;
    r->any_entry = true;
}

/* ---- finishing ---- */

static dnn_check_verdict verdict_of(const dnn_check_figures *f) {
    if (f->failed > 0 || f->findings_failed > 0) return DNN_CHECK_FAIL;
    if (f->inconclusive > 0 || f->passed == 0) return DNN_CHECK_INCONCLUSIVE;
    return (double)f->kinked > MOST_KINKS * (double)f->checked ? DNN_CHECK_INCONCLUSIVE : DNN_CHECK_PASS;
}

/* What failed findings point to, those that explain others first. */
static const char *const causes[][2] = {
    {"nothing is written to that is only read", "forward or backward writes to what it may only read"},
    {"two runs are equal",
     "the same call gives different numbers: a race, a stale buffer, or random numbers that do not come from the "
     "call's seed and stream; make it repeatable first, no other verdict counts before"},
    {"a second backward adds as much again", "a parameter's gradient is overwritten instead of added to"},
    {"frozen parameters are left alone", "the gradient of a frozen parameter is touched, or others depend on it"},
    {"backward of 2v is twice that of v", "backward is not linear in dL/dy: is it clipped, or squared, or left out?"},
    {"backward of 0 is 0", "backward adds something that does not depend on dL/dy"},
    {"a batch is the sum of its samples",
     "backward treats samples otherwise than forward: one gets into another's gradient, or a mean is taken for a sum"},
    {"no gradient counts as zeros", "an output's gradient that is NULL is not taken as zeros"},
    {"float32 agrees with float64", "float32 computes something else than float64"},
};
enum { CAUSES = sizeof causes / sizeof *causes, ABOVE_ROWS = 3 };

static const char *cause_among(const dnn_check_report *r, int first, int last) {
    for (int c = first; c < last; c++)
        for (int64_t i = 0; i < r->figures.findings; i++)
            if (r->findings[i].verdict == DNN_CHECK_FAIL && strcmp(r->findings[i].name, causes[c][0]) == 0)
                return causes[c][1];
    return NULL;
}

static const char *hint_of_rows(const dnn_check_report *r) {
    const dnn_check_row *best = NULL;
    for (int64_t i = 0; i < r->figures.rows; i++) {
        const dnn_check_row *row = &r->rows[i];
        if (row->verdict != DNN_CHECK_FAIL || !*row->hint) continue;
        if (!best || row->worst_error > best->worst_error) best = row;
    }
    return best ? best->hint : NULL;
}

static const char *hint_of(const dnn_check_report *r) {
    if (r->figures.verdict == DNN_CHECK_PASS) return "";
    const char *hint = cause_among(r, 0, ABOVE_ROWS);
    if (!hint) hint = hint_of_rows(r);
    if (!hint) hint = cause_among(r, ABOVE_ROWS, CAUSES);
    if (hint) return hint;
    if (r->figures.verdict == DNN_CHECK_FAIL) return "no known pattern: look at the worst entry";
    if (r->figures.checked == 0) return "nothing was checked: no float input and no parameter that was asked for";
    if (r->figures.inconclusive == 0) return "too many kinks: check at inputs drawn at random, far from ties and zeros";
    return "f is not smooth, not finite, or too large for its slopes to be seen: check at other inputs";
}

static void write_reproduce(dnni_writer *w, const dnn_check_report *r, const dnn_check_desc *o) {
    bool is_loss = strcmp(r->subject, "loss") == 0;
    dnni_write(w, "dnn_check_%s, &(dnn_check_desc){DNN_SIZED(dnn_check_desc), .seed = %llu",
                      is_loss ? "loss(&report, loss, y, target" : "gradients(&report, module, inputs, n_inputs",
                      (unsigned long long)o->seed);
    if (r->any_entry) dnni_write(w, ", .only = \"%s\"", r->worst.path);
    if (r->any_entry && !is_loss && strncmp(r->worst.phase, "as is", 5) != 0)
        dnni_write(w, ", .phases = %s",
                          strncmp(r->worst.phase, "eval", 4) ? "DNN_CHECK_TRAIN" : "DNN_CHECK_EVAL");
    if (o->burn_in > 0 && !is_loss) dnni_write(w, ", .burn_in = %d", o->burn_in);
    if (o->loss && !is_loss) dnni_write(w, ", .loss = loss, .target = target");
    dnni_write(w, "})");
}

dnn_status dnni_gradcheck_finish(dnn_check_report *r, const dnn_check_desc *o) {
    char line[512];
    dnni_writer w = {.text = line, .room = sizeof line};
    r->figures.verdict = verdict_of(&r->figures);
    r->figures.hint = hint_of(r);
    write_reproduce(&w, r, o);
    r->figures.reproduce = dnni_pool_string(&r->pool, line);
    if (!r->figures.reproduce) return DNN_ERROR_MEMORY;
    if (r->any_entry) DNNI_TRY(keep(r, &r->worst.path));
    if (r->any_entry) DNNI_TRY(keep(r, &r->worst.phase));
    r->text = dnni_written(&r->pool, dnni_gradcheck_write_text, r);
    r->json = r->text ? dnni_written(&r->pool, dnni_gradcheck_write_json, r) : NULL;
    return r->json ? DNN_OK : DNN_ERROR_MEMORY;
}

/* ---- questions ---- */

static dnn_status check_report(const dnn_check_report *report) {
    return dnni_check(report, DNNI_CHECK_REPORT, "report");
}

dnn_status dnn_check_report_figures(const dnn_check_report *report, dnn_check_figures *figures) {
    DNNI_TRY(check_report(report));
    DNNI_REQUIRE(figures, "figures is NULL");
    return dnni_give(figures, &report->figures, sizeof *figures, "figures");
}

dnn_status dnn_check_report_worst(const dnn_check_report *report, dnn_check_entry *entry) {
    DNNI_TRY(check_report(report));
    DNNI_REQUIRE(entry, "entry is NULL");
    if (!report->any_entry) return dnni_error(DNN_ERROR_NOT_FOUND, "no derivative was checked");
    return dnni_give(entry, &report->worst, sizeof *entry, "entry");
}

static dnn_status check_number(int64_t index, int64_t count, const char *what) {
    if (index >= 0 && index < count) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no %s %lld, the report has %lld", what, (long long)index,
                      (long long)count);
}

dnn_status dnn_check_report_row(const dnn_check_report *report, int64_t index, dnn_check_row *row) {
    DNNI_TRY(check_report(report));
    DNNI_REQUIRE(row, "row is NULL");
    DNNI_TRY(check_number(index, report->figures.rows, "row"));
    return dnni_give(row, &report->rows[index], sizeof *row, "row");
}

dnn_status dnn_check_report_finding(const dnn_check_report *report, int64_t index, dnn_check_finding *finding) {
    DNNI_TRY(check_report(report));
    DNNI_REQUIRE(finding, "finding is NULL");
    DNNI_TRY(check_number(index, report->figures.findings, "finding"));
    return dnni_give(finding, &report->findings[index], sizeof *finding, "finding");
}

const char *dnn_check_report_text(const dnn_check_report *report) {
    return check_report(report) == DNN_OK ? report->text : NULL;
}

const char *dnn_check_report_json(const dnn_check_report *report) {
    return check_report(report) == DNN_OK ? report->json : NULL;
}
