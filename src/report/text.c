/* A report in words. Of the findings first what is wrong, then how it is known, then what to do. */
#include <string.h>

#include "report/report.h"

enum { SHOWN_SAMPLES = 12 };

static int64_t count_severity(const dnn_report *r, dnn_severity severity) {
    int64_t n = 0;
    for (int64_t i = 0; i < r->n_findings; i++) n += r->findings[i].severity == severity;
    return n;
}

static void write_count(dnni_writer *w, const dnn_report *r, dnn_severity severity, bool *any) {
    int64_t n = count_severity(r, severity);
    if (n == 0) return;
    dnni_write(w, "%s%lld %s%s", *any ? ", " : "", (long long)n, dnn_severity_name(severity), n > 1 ? "s" : "");
    *any = true;
}

static void write_head(dnni_writer *w, const dnn_report *r) {
    bool any = false;
    dnni_write(w, "%s: ", r->title);
    write_count(w, r, DNN_SEVERITY_ERROR, &any);
    write_count(w, r, DNN_SEVERITY_WARNING, &any);
    write_count(w, r, DNN_SEVERITY_NOTE, &any);
    dnni_write(w, any ? "\n" : "nothing found\n");
}

static void write_samples(dnni_writer *w, const dnn_finding *f) {
    if (f->n_samples == 0) return;
    dnni_write(w, "  Sample%s: ", f->n_samples > 1 ? "s" : "");
    for (int64_t i = 0; i < f->n_samples && i < SHOWN_SAMPLES; i++)
        dnni_write(w, "%s%lld", i ? ", " : "", (long long)f->samples[i]);
    if (f->n_samples > SHOWN_SAMPLES) dnni_write(w, ", … (%lld in all)", (long long)f->n_samples);
    dnni_write(w, "\n");
}

static void write_finding(dnni_writer *w, const dnn_report *r, const dnn_finding *f) {
    static const struct {
        dnn_severity severity;
        const char *word;
    } words[] = {{DNN_SEVERITY_ERROR, "ERROR"}, {DNN_SEVERITY_WARNING, "WARNING"}, {DNN_SEVERITY_NONE, "NOTE"}};
    int i = 0;
    while (f->severity < words[i].severity) i++;
    dnni_write(w, "\n%s  %s%s%s%s\n  %s\n", words[i].word, f->name, *f->set ? " (" : "", f->set, *f->set ? ")" : "",
               f->what);
    if (*f->how) dnni_write(w, "  Evidence: %s\n", f->how);
    write_samples(w, f);
    if (f->picture >= 0)
        dnni_write(w, "  Picture %d: %s\n", f->picture + 1, r->pictures[f->picture].title);
    if (*f->action) dnni_write(w, "  Do: %s\n", f->action);
}

static void write_figures(dnni_writer *w, const dnn_report *r) {
    int widest = 0;
    for (int64_t i = 0; i < r->n_figures; i++) {
        int width = dnni_characters(r->figures[i].name);
        if (width > widest) widest = width;
    }
    if (r->n_figures > 0) dnni_write(w, "\nFigures\n");
    for (int64_t i = 0; i < r->n_figures; i++) {
        const dnn_figure *f = &r->figures[i];
        dnni_write(w, "  %s%*s  %*s", f->name, widest - dnni_characters(f->name), "", *f->note ? -12 : 0,
                   dnni_real(f->value, 6).text);
        dnni_write(w, "%s%s\n", *f->note ? "  " : "", f->note);
    }
}

/* Indented, whatever ends the last line. */
static void write_section(dnni_writer *w, const dnn_section *s) {
    dnni_write(w, "\n%s\n", s->title);
    for (const char *line = s->text; *line;) {
        const char *end = strchr(line, '\n');
        int length = end ? (int)(end - line) : (int)strlen(line);
        dnni_write(w, "%s%.*s\n", length ? "  " : "", length, line);
        line += length + (end ? 1 : 0);
    }
}

void dnni_report_write_text(dnni_writer *w, const void *report) {
    const dnn_report *r = report;
    write_head(w, r);
    for (int64_t i = 0; i < r->n_findings; i++) write_finding(w, r, &r->findings[i]);
    write_figures(w, r);
    for (int64_t i = 0; i < r->n_sections; i++) write_section(w, &r->sections[i]);
}

/* ---- for programs ---- */

static void put_finding(dnni_writer *w, const dnn_finding *f) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "severity", dnn_severity_name(f->severity));
    dnni_put_text(w, "name", f->name);
    dnni_put_text(w, "what", f->what);
    dnni_put_text(w, "how", f->how);
    dnni_put_text(w, "action", f->action);
    dnni_put_text(w, "set", f->set);
    dnni_put_open(w, "samples", '[');
    for (int64_t i = 0; i < f->n_samples; i++) dnni_put_whole(w, NULL, f->samples[i]);
    dnni_put_close(w, ']');
    if (f->picture >= 0) dnni_put_whole(w, "picture", f->picture);
    else dnni_put_json(w, "picture", "null");
    dnni_put_close(w, '}');
}

static void put_figure(dnni_writer *w, const dnn_figure *f) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "name", f->name);
    dnni_put_real(w, "value", f->value);
    dnni_put_text(w, "note", f->note);
    dnni_put_close(w, '}');
}

static void put_section(dnni_writer *w, const dnn_section *s) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "title", s->title);
    dnni_put_text(w, "text", s->text);
    dnni_put_json(w, "data", s->json);
    dnni_put_close(w, '}');
}

static void put_picture(dnni_writer *w, const dnn_picture *p) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "title", p->title);
    dnni_put_whole(w, "height", dnn_tensor_dim(p->image, 0));
    dnni_put_whole(w, "width", dnn_tensor_dim(p->image, 1));
    dnni_put_close(w, '}');
}

void dnni_report_write_json(dnni_writer *w, const void *report) {
    const dnn_report *r = report;
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "title", r->title);
    dnni_put_text(w, "worst", dnn_severity_name(r->n_findings > 0 ? r->findings[0].severity : DNN_SEVERITY_NONE));
    dnni_put_whole(w, "errors", count_severity(r, DNN_SEVERITY_ERROR));
    dnni_put_whole(w, "warnings", count_severity(r, DNN_SEVERITY_WARNING));
    dnni_put_whole(w, "notes", count_severity(r, DNN_SEVERITY_NOTE));
    dnni_put_open(w, "findings", '[');
    for (int64_t i = 0; i < r->n_findings; i++) put_finding(w, &r->findings[i]);
    dnni_put_close(w, ']');
    dnni_put_open(w, "figures", '[');
    for (int64_t i = 0; i < r->n_figures; i++) put_figure(w, &r->figures[i]);
    dnni_put_close(w, ']');
    dnni_put_open(w, "sections", '[');
    for (int64_t i = 0; i < r->n_sections; i++) put_section(w, &r->sections[i]);
    dnni_put_close(w, ']');
    dnni_put_open(w, "pictures", '[');
    for (int64_t i = 0; i < r->n_pictures; i++) put_picture(w, &r->pictures[i]);
    dnni_put_close(w, ']');
    dnni_put_close(w, '}');
    dnni_write(w, "\n");
}
