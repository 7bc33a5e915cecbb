/* libdnn: reports: what was found, how it is known, and what to do about it.
 *
 * Whatever looks at data, modules or runs on the caller's behalf (dnn_look, dnn_audit, dnn_probe, …) makes a report:
 * findings, each with a severity, a name, the evidence and the next thing to do; figures; tables and remarks as
 * sections of text; pictures. It is read as text, as JSON, by these functions, or as a page (dnn_report_write_html, in
 * io.h):
 *
 *     dnn_look(&report, loader, NULL);
 *     puts(dnn_report_text(report));
 *     if (dnn_report_worst(report) >= DNN_SEVERITY_ERROR) …
 *     dnn_report_release(report);
 *
 * A program can add its own findings, and put several reports into one (dnn_report_append).
 *
 * Text that goes in is cleaned, so that names from files do no harm where they are shown: bytes that are no UTF-8, and
 * control characters, become U+FFFD. All text and pictures that come out are lent: valid until the report is released
 * (dnn_report_text and _json: until something is added).
 *
 * Threads: a report is used by one thread at a time. */
#ifndef DNN_REPORT_H
#define DNN_REPORT_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_report dnn_report;

/* How bad it is. Later versions may add severities in between: compare with < and >=. */
typedef enum dnn_severity {
    DNN_SEVERITY_NONE = 0,     /* of a report without findings */
    DNN_SEVERITY_NOTE = 10,    /* worth knowing */
    DNN_SEVERITY_WARNING = 20, /* likely a mistake, or costs quality: look at it */
    DNN_SEVERITY_ERROR = 30    /* a mistake: do not train before it is mended */
} dnn_severity;

/* "none", "note", "warning", "error". Static; "none" for other numbers. */
DNN_API const char *dnn_severity_name(dnn_severity severity);

/* One thing that was found. */
typedef struct dnn_finding {
    size_t size;
    dnn_severity severity;
    const char *name;       /* what kind of finding, for programs: lower case, never changed ("scaled-twice") */
    const char *what;       /* one sentence */
    const char *how;        /* the evidence in figures, and how it was computed; "" if what says it all */
    const char *action;     /* what to do; "" if nothing */
    const char *set;        /* where: "train", "test", "inputs", a path of a module; "" everywhere */
    const int64_t *samples; /* which samples of it; NULL if none are meant */
    int64_t n_samples;
    int32_t picture;        /* the number of the picture that shows it; -1: none */
} dnn_finding;

/* ---- questions --------------------------------------------------------------------------------------------------- */

/* What was looked at, in a line. NULL on a bad handle. */
DNN_API const char *dnn_report_title(const dnn_report *report);

/* The severity of the worst finding; NONE if there is none, and on a bad handle. */
DNN_API dnn_severity dnn_report_worst(const dnn_report *report);

/* How many findings there are, the worst first, in the order they were found; -1 on a bad handle. And one of them;
 * `finding->size` is set by the caller (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API int64_t dnn_report_findings(const dnn_report *report);
DNN_API dnn_status dnn_report_finding(const dnn_report *report, int64_t index, dnn_finding *finding);

/* The first (worst) finding of that name. `finding` may be NULL: is there one? Errors: NOT_FOUND. */
DNN_API dnn_status dnn_report_find(const dnn_report *report, const char *name, dnn_finding *finding);

/* One number that was measured. */
typedef struct dnn_figure {
    size_t size;
    const char *name; /* "first loss" */
    double value;     /* may be NaN or infinite */
    const char *note; /* its unit, or what it should be: "ln 10 = 2.303"; "" */
} dnn_figure;

DNN_API int64_t dnn_report_figures(const dnn_report *report); /* -1 on a bad handle */
DNN_API dnn_status dnn_report_figure(const dnn_report *report, int64_t index, dnn_figure *figure);

/* A table, a chart of bars, a remark: text of several lines, to be shown in a font of one width. */
typedef struct dnn_section {
    size_t size;
    const char *title;
    const char *text; /* lines ended by '\n' */
    const char *json; /* the same for programs; "null" if there is none */
} dnn_section;

DNN_API int64_t dnn_report_sections(const dnn_report *report); /* -1 on a bad handle */
DNN_API dnn_status dnn_report_section(const dnn_report *report, int64_t index, dnn_section *section);

typedef struct dnn_picture {
    size_t size;
    const char *title;       /* what it shows */
    const dnn_tensor *image; /* u8 (H, W, 3) or (H, W, 1): lent until the report is released */
} dnn_picture;

DNN_API int64_t dnn_report_pictures(const dnn_report *report); /* -1 on a bad handle */
DNN_API dnn_status dnn_report_picture(const dnn_report *report, int64_t index, dnn_picture *picture);

/* The whole for people, findings first, lines ended by '\n'; and as JSON, a single object: title, worst, errors,
 * warnings, notes, findings, figures, sections, and of pictures title, height and width. NULL on a bad handle, or if
 * there is no memory. */
DNN_API const char *dnn_report_text(dnn_report *report);
DNN_API const char *dnn_report_json(dnn_report *report);

/* ---- making one, and adding to it -------------------------------------------------------------------------------- */

/* An empty report. All that is handed to it is copied, but for pictures, which are retained. */
DNN_API dnn_status dnn_report_create(dnn_report **out, dnn_context *ctx, const char *title);

/* Adds a finding. Its name and `what` are needed; other text may be NULL. A `picture` is the number of one that is
 * there; mind that 0 is the first one, and none is -1. Errors: ARGUMENT, NOT_FOUND for the picture. */
DNN_API dnn_status dnn_report_add_finding(dnn_report *report, const dnn_finding *finding);

/* `note` may be NULL. */
DNN_API dnn_status dnn_report_add_figure(dnn_report *report, const char *name, double value, const char *note);

/* Text of any number of lines. `json` is a JSON value, taken as it is; it may be NULL. */
DNN_API dnn_status dnn_report_add_section(dnn_report *report, const char *title, const char *text, const char *json);

/* Retains the tensor. Its number among the pictures is dnn_report_pictures() - 1 then. Errors: DTYPE, SHAPE. */
DNN_API dnn_status dnn_report_add_picture(dnn_report *report, const char *title, dnn_tensor *image);

/* Adds all that another report of the same context holds. The title of `other` goes in front of the titles of its
 * sections and pictures, and is the `set` of findings that have none. */
DNN_API dnn_status dnn_report_append(dnn_report *report, const dnn_report *other);

DNN_API dnn_status dnn_report_release(dnn_report *report);

#ifdef __cplusplus
}
#endif

#endif
