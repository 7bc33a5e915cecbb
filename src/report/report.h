/* Reports as the library makes them: one call for each finding, in the words that its reader gets.
 *
 *     DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "constant-dimensions", "%lld of %lld …", …));
 *     DNNI_TRY(dnni_report_how(r, "the variance over %lld samples is 0", …));
 *     DNNI_TRY(dnni_report_action(r, "leave them out"));
 *
 * `what` is one sentence that can be read aloud; `how` has the figures; `action` says what to do, as an order. */
#ifndef DNNI_REPORT_H
#define DNNI_REPORT_H

#include <dnn/report.h>

#include "core/context.h"
#include "core/text.h"

struct dnn_report {
    dnni_object base;
    dnni_pool pool; /* of all text that was added */
    const char *title;
    dnn_finding *findings; /* the worst first */
    dnn_figure *figures;
    dnn_section *sections;
    dnn_picture *pictures; /* held */
    int64_t n_findings, n_figures, n_sections, n_pictures;
    int64_t findings_capacity, figures_capacity, sections_capacity, pictures_capacity;
    int64_t newest;      /* the finding that was added last */
    dnni_pool written;   /* text and json, until something is added */
    char *text, *json;
};

/* The title is printf's. On failure *out is NULL. */
dnn_status dnni_report_new(dnn_report **out, dnn_context *ctx, const char *title, ...) DNNI_PRINTF(3, 4);

/* A finding without samples or picture, whose `what` is printed. */
dnn_status dnni_report_add(dnn_report *report, dnn_severity severity, const char *name, const char *what, ...)
    DNNI_PRINTF(4, 5);

/* More of the finding that was added last. */
dnn_status dnni_report_how(dnn_report *report, const char *how, ...) DNNI_PRINTF(2, 3);
dnn_status dnni_report_action(dnn_report *report, const char *action, ...) DNNI_PRINTF(2, 3);
dnn_status dnni_report_set(dnn_report *report, const char *set);
dnn_status dnni_report_samples(dnn_report *report, const int64_t *samples, int64_t n);
void dnni_report_show(dnn_report *report, int64_t picture);

/* Adds a picture and lets go of the caller's hold, whatever the status. Its number is n_pictures - 1. */
dnn_status dnni_report_give_picture(dnn_report *report, const char *title, dnn_tensor *image);

/* What a report holds besides findings; and back to that, when something that was to be added as a whole failed. */
typedef struct dnni_report_mark {
    int64_t figures, sections, pictures;
} dnni_report_mark;
static inline dnni_report_mark dnni_report_marked(const dnn_report *r) {
    return (dnni_report_mark){r->n_figures, r->n_sections, r->n_pictures};
}
void dnni_report_rewind(dnn_report *report, dnni_report_mark mark);

static inline dnn_status dnni_check_report(const dnn_report *report) {
    return dnni_check(report, DNNI_REPORT, "report");
}

/* The parts of adding: clean copies in the report's pool ("" for NULL); a place behind the findings that are as bad;
 * and that what was written does not hold any more. */
dnn_status dnni_report_keep(dnn_report *report, const char **kept, const char *text, bool lines);
dnn_status dnni_report_keep_samples(dnn_report *report, dnn_finding *kept, const int64_t *samples, int64_t n);
dnn_status dnni_report_keep_finding(dnn_report *report, dnn_finding *kept, const dnn_finding *finding);
void dnni_report_insert(dnn_report *report, const dnn_finding *kept);
void dnni_report_outdate(dnn_report *report);

void dnni_report_write_text(dnni_writer *w, const void *report);
void dnni_report_write_json(dnni_writer *w, const void *report);

#endif
