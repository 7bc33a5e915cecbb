/* A report as a page. */
#include <dnn/io_report.h>
#include <stdio.h>
#include <string.h>

#include "io/html.h"

/* Colours are variables, which a dark screen sets anew. Pictures are white, as paper is: on a dark screen they are
 * dimmed. */
static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
    "'unsafe-inline'\">\n<title>";

static const char style[] =
    "</title>\n<style>\n"
    ":root{--paper:#f6f7f9;--card:#fff;--ink:#1c2127;--soft:#5d6673;--line:#dfe3e8;--accent:#2f6fbf;"
    "--error:#b3261e;--error-paper:#fdeceb;--warning:#8a5a00;--warning-paper:#fdf3dc;--note:#2f6fbf;"
    "--note-paper:#e8f0fa;--good:#1f7a3f;--good-paper:#e5f4ea}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1d2127;--ink:#e6e9ed;--soft:#9aa4b1;"
    "--line:#333a43;--accent:#7fb0ee;--error:#ff8a80;--error-paper:#3a2120;--warning:#f0c060;--warning-paper:#362d18;"
    "--note:#8dbbf2;--note-paper:#1f2c3c;--good:#7fd49b;--good-paper:#1b3224}img{filter:brightness(.88)}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",Arial,sans-serif;overflow-wrap:break-word}\n"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0 .75rem;letter-spacing:-.01em}\n"
    "h2{font-size:1.15rem;margin:2.5rem 0 .75rem}\n"
    "h3{font-size:1rem;margin:0}\n"
    ".badges{display:flex;flex-wrap:wrap;gap:.5rem;margin:0;padding:0;list-style:none}\n"
    ".badge{border-radius:99px;padding:.15rem .75rem;font-size:.9rem;font-weight:600}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.1rem;margin:0 0 "
    "1rem}\n"
    ".finding{border-left:5px solid}\n"
    ".error{border-left-color:var(--error)}.warning{border-left-color:var(--warning)}.note{border-left-color:"
    "var(--note)}\n"
    ".error .badge,.badge.error{background:var(--error-paper);color:var(--error)}\n"
    ".warning .badge,.badge.warning{background:var(--warning-paper);color:var(--warning)}\n"
    ".note .badge,.badge.note{background:var(--note-paper);color:var(--note)}\n"
    ".badge.good{background:var(--good-paper);color:var(--good)}\n"
    ".kind{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem;color:var(--soft);font-size:.9rem}\n"
    ".kind .badge{font-size:.78rem;text-transform:uppercase;letter-spacing:.04em}\n"
    "code,pre{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}\n"
    ".what{font-size:1.1rem;font-weight:600;margin:.5rem 0 .25rem}\n"
    ".how{color:var(--soft);margin:.25rem 0}\n"
    ".do{margin:.6rem 0 0;padding:.55rem .8rem;border-radius:7px;background:var(--paper)}\n"
    ".do b{color:var(--accent)}\n"
    ".samples{font-size:.88rem;color:var(--soft);margin:.25rem 0}\n"
    "figure{margin:1rem 0 0}\n"
    "img{display:block;max-width:100%;height:auto;border-radius:6px;border:1px solid var(--line)}\n"
    "figcaption{color:var(--soft);font-size:.9rem;margin-top:.35rem}\n"
    ".pictures{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start}\n"
    ".pictures figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem;"
    "max-width:100%}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "td,th{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "font-weight:400}\n"
    "tr:last-child td,tr:last-child th{border-bottom:0}\n"
    "td.value{font-variant-numeric:tabular-nums;font-weight:600;white-space:nowrap}\n"
    "td.aside{color:var(--soft)}\n"
    "pre{margin:.6rem 0 0;overflow-x:auto;font-size:.78rem;line-height:1.4;tab-size:4}\n"
    "summary{cursor:pointer;font-weight:600}\n"
    "footer{color:var(--soft);font-size:.85rem;margin-top:3rem}\n"
    "@media (max-width:40rem){body{font-size:15px}main{padding:1rem .7rem 3rem}.card{padding:.8rem}"
    "pre{font-size:.68rem}}\n"
    "@media print{body{background:#fff}.card{break-inside:avoid}}\n"
    "</style>\n</head>\n<body>\n<main>\n";

/* ---- head ---- */

static int64_t count_severity(const dnn_report *report, dnn_severity severity) {
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_report_findings(report); i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NONE};
        if (dnn_report_finding(report, i, &f) == DNN_OK) n += f.severity == severity;
    }
    return n;
}

static void put_badge(dnni_html *h, const dnn_report *report, dnn_severity severity) {
    int64_t n = count_severity(report, severity);
    const char *name = dnn_severity_name(severity);
    if (n == 0) return;
    dnni_html_put(h, "<li class=\"badge ");
    dnni_html_put(h, name);
    dnni_html_put(h, "\">");
    dnni_html_number(h, n);
    dnni_html_put(h, " ");
    dnni_html_put(h, name);
    dnni_html_put(h, n > 1 ? "s</li>\n" : "</li>\n");
}

static void put_head(dnni_html *h, const dnn_report *report, const char *title) {
    dnni_html_put(h, head);
    dnni_html_text(h, title);
    dnni_html_put(h, style);
    dnni_html_put(h, "<header>\n<h1>");
    dnni_html_text(h, title);
    dnni_html_put(h, "</h1>\n<ul class=\"badges\">\n");
    put_badge(h, report, DNN_SEVERITY_ERROR);
    put_badge(h, report, DNN_SEVERITY_WARNING);
    put_badge(h, report, DNN_SEVERITY_NOTE);
    if (dnn_report_findings(report) == 0) dnni_html_put(h, "<li class=\"badge good\">nothing found</li>\n");
    dnni_html_put(h, "</ul>\n</header>\n");
}

/* ---- pictures ---- */

static void put_figure(dnni_html *h, const dnn_report *report, int64_t index) {
    dnn_picture p = {DNN_SIZED(dnn_picture), .title = NULL};
    if (dnn_report_picture(report, index, &p) != DNN_OK) return;
    dnni_html_put(h, "<figure><img alt=\"");
    dnni_html_text(h, p.title);
    dnni_html_put(h, "\" width=\"");
    dnni_html_number(h, dnn_tensor_dim(p.image, 1));
    dnni_html_put(h, "\" height=\"");
    dnni_html_number(h, dnn_tensor_dim(p.image, 0));
    dnni_html_put(h, "\" src=\"");
    dnni_html_picture(h, p.image);
    dnni_html_put(h, "\"><figcaption>");
    dnni_html_text(h, p.title);
    dnni_html_put(h, "</figcaption></figure>\n");
}

static bool is_shown_above(const dnn_report *report, int64_t picture) {
    for (int64_t i = 0; i < dnn_report_findings(report); i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding), .picture = -1};
        if (dnn_report_finding(report, i, &f) == DNN_OK && f.picture == picture) return true;
    }
    return false;
}

static void put_pictures(dnni_html *h, const dnn_report *report) {
    bool any = false;
    for (int64_t i = 0; i < dnn_report_pictures(report); i++) {
        if (is_shown_above(report, i)) continue;
        if (!any) dnni_html_put(h, "<h2>Pictures</h2>\n<div class=\"pictures\">\n");
        any = true;
        put_figure(h, report, i);
    }
    if (any) dnni_html_put(h, "</div>\n");
}

/* ---- findings ---- */

enum { SHOWN_SAMPLES = 24 };

static void put_samples(dnni_html *h, const dnn_finding *f) {
    if (f->n_samples == 0) return;
    dnni_html_put(h, f->n_samples == 1 ? "<p class=\"samples\">Sample " : "<p class=\"samples\">Samples ");
    for (int64_t i = 0; i < f->n_samples && i < SHOWN_SAMPLES; i++) {
        if (i > 0) dnni_html_put(h, ", ");
        dnni_html_number(h, f->samples[i]);
    }
    if (f->n_samples > SHOWN_SAMPLES) {
        dnni_html_put(h, ", … (");
        dnni_html_number(h, f->n_samples);
        dnni_html_put(h, " in all)");
    }
    dnni_html_put(h, "</p>\n");
}

static void put_paragraph(dnni_html *h, const char *before, const char *text) {
    if (!*text) return;
    dnni_html_put(h, before);
    dnni_html_text(h, text);
    dnni_html_put(h, "</p>\n");
}

static void put_finding(dnni_html *h, const dnn_report *report, const dnn_finding *f) {
    const char *severity = dnn_severity_name(f->severity);
    dnni_html_put(h, "<article class=\"card finding ");
    dnni_html_put(h, severity);
    dnni_html_put(h, "\">\n<div class=\"kind\"><span class=\"badge\">");
    dnni_html_put(h, severity);
    dnni_html_put(h, "</span><code>");
    dnni_html_text(h, f->name);
    dnni_html_put(h, "</code><span>");
    dnni_html_text(h, f->set);
    dnni_html_put(h, "</span></div>\n");
    put_paragraph(h, "<p class=\"what\">", f->what);
    put_paragraph(h, "<p class=\"how\">", f->how);
    put_samples(h, f);
    put_paragraph(h, "<p class=\"do\"><b>Do:</b> ", f->action);
    if (f->picture >= 0) put_figure(h, report, f->picture);
    dnni_html_put(h, "</article>\n");
}

static void put_findings(dnni_html *h, const dnn_report *report) {
    int64_t n = dnn_report_findings(report);
    if (n > 0) dnni_html_put(h, "<h2>Findings</h2>\n");
    for (int64_t i = 0; i < n; i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding), .picture = -1};
        if (dnn_report_finding(report, i, &f) == DNN_OK) put_finding(h, report, &f);
    }
}

/* ---- figures and sections ---- */

/* Six digits, with a point in every locale. */
static void put_value(dnni_html *h, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.6g", value);
    for (char *c = text; *c; c++)
        if (!strchr("0123456789+-einfa", *c)) *c = '.';
    dnni_html_text(h, text);
}

static void put_figures(dnni_html *h, const dnn_report *report) {
    int64_t n = dnn_report_figures(report);
    if (n > 0) dnni_html_put(h, "<h2>Figures</h2>\n<div class=\"card\"><table>\n");
    for (int64_t i = 0; i < n; i++) {
        dnn_figure f = {DNN_SIZED(dnn_figure), .name = NULL};
        if (dnn_report_figure(report, i, &f) != DNN_OK) continue;
        dnni_html_put(h, "<tr><th scope=\"row\">");
        dnni_html_text(h, f.name);
        dnni_html_put(h, "</th><td class=\"value\">");
        put_value(h, f.value);
        dnni_html_put(h, "</td><td class=\"aside\">");
        dnni_html_text(h, f.note);
        dnni_html_put(h, "</td></tr>\n");
    }
    if (n > 0) dnni_html_put(h, "</table></div>\n");
}

static void put_sections(dnni_html *h, const dnn_report *report) {
    int64_t n = dnn_report_sections(report);
    if (n > 0) dnni_html_put(h, "<h2>Tables</h2>\n");
    for (int64_t i = 0; i < n; i++) {
        dnn_section s = {DNN_SIZED(dnn_section), .title = NULL};
        if (dnn_report_section(report, i, &s) != DNN_OK) continue;
        dnni_html_put(h, "<details class=\"card\" open><summary>");
        dnni_html_text(h, s.title);
        dnni_html_put(h, "</summary><pre>");
        dnni_html_text(h, s.text);
        dnni_html_put(h, "</pre></details>\n");
    }
}

/* ---- the whole ---- */

static dnn_status write_page(dnn_context *ctx, const char *path, const dnn_report *report, const char *title) {
    dnni_html h;
    IO_TRY(dnni_html_begin(&h, ctx, path));
    put_head(&h, report, title);
    put_findings(&h, report);
    put_figures(&h, report);
    put_pictures(&h, report);
    put_sections(&h, report);
    dnni_html_put(&h, "<footer>Written by libdnn ");
    dnni_html_text(&h, dnn_version_string());
    dnni_html_put(&h, "</footer>\n</main>\n</body>\n</html>\n");
    return dnni_html_end(&h);
}

/* A title of the caller's is cleaned as a report's own is: by being one. */
dnn_status dnn_report_write_html(dnn_context *ctx, const char *path, const dnn_report *report, const char *title) {
    int64_t unused;
    dnn_report *titled = NULL;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    if (!dnn_report_title(report)) return dnn_last_status();
    if (title) IO_TRY(dnn_report_create(&titled, ctx, title));
    dnn_status status = write_page(ctx, path, report, dnn_report_title(titled ? titled : report));
    dnn_report_release(titled);
    return status;
}
