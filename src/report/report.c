#include "report/report.h"

#include <string.h>

#include "core/tensor.h"

const char *dnn_severity_name(dnn_severity severity) {
    switch (severity) {
    case DNN_SEVERITY_NONE: return "none";
    case DNN_SEVERITY_NOTE: return "note";
    case DNN_SEVERITY_WARNING: return "warning";
    case DNN_SEVERITY_ERROR: return "error";
    }
    return "none";
}

/* ---- making and freeing ---- */

static void destroy_report(void *object) {
    dnn_report *r = object;
    dnn_context *ctx = r->base.ctx;
    for (int64_t i = 0; i < r->n_pictures; i++) dnn_tensor_release((dnn_tensor *)r->pictures[i].image);
    dnni_free(ctx, r->findings, r->findings_capacity, sizeof *r->findings);
    dnni_free(ctx, r->figures, r->figures_capacity, sizeof *r->figures);
    dnni_free(ctx, r->sections, r->sections_capacity, sizeof *r->sections);
    dnni_free(ctx, r->pictures, r->pictures_capacity, sizeof *r->pictures);
    dnni_pool_free(&r->pool);
    dnni_pool_free(&r->written);
}

dnn_status dnn_report_create(dnn_report **out, dnn_context *ctx, const char *title) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_REQUIRE(title, "title is NULL");
    dnn_report *r = dnni_object_new(ctx, DNNI_REPORT, sizeof *r, destroy_report);
    if (!r) return DNN_ERROR_MEMORY;
    r->pool.ctx = r->written.ctx = ctx;
    r->title = dnni_pool_clean(&r->pool, title, false);
    if (r->title) *out = r;
    else dnn_report_release(r);
    return *out ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnn_report_release(dnn_report *report) { return dnni_object_release(report, DNNI_REPORT, "report"); }

/* ---- text ---- */

const char *dnn_report_title(const dnn_report *report) {
    return dnni_check_report(report) == DNN_OK ? report->title : NULL;
}

void dnni_report_outdate(dnn_report *r) {
    r->text = r->json = NULL;
    dnni_pool_free(&r->written);
}

const char *dnn_report_text(dnn_report *report) {
    if (dnni_check_report(report) != DNN_OK) return NULL;
    if (!report->text) report->text = dnni_written(&report->written, dnni_report_write_text, report);
    return report->text;
}

const char *dnn_report_json(dnn_report *report) {
    if (dnni_check_report(report) != DNN_OK) return NULL;
    if (!report->json) report->json = dnni_written(&report->written, dnni_report_write_json, report);
    return report->json;
}

dnn_status dnni_report_keep(dnn_report *r, const char **kept, const char *text, bool lines) {
    *kept = text && *text ? dnni_pool_clean(&r->pool, text, lines) : "";
    return *kept ? DNN_OK : DNN_ERROR_MEMORY;
}

/* ---- findings ---- */

dnn_status dnni_report_keep_samples(dnn_report *r, dnn_finding *f, const int64_t *samples, int64_t n) {
    f->samples = NULL;
    f->n_samples = 0;
    if (n == 0) return DNN_OK;
    int64_t *kept = dnni_pool_alloc(&r->pool, n, sizeof *kept);
    if (!kept) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) kept[i] = samples[i];
    f->samples = kept;
    f->n_samples = n;
    return DNN_OK;
}

dnn_status dnni_report_keep_finding(dnn_report *r, dnn_finding *kept, const dnn_finding *f) {
    *kept = *f;
    DNNI_TRY(dnni_report_keep(r, &kept->name, f->name, false));
    DNNI_TRY(dnni_report_keep(r, &kept->what, f->what, false));
    DNNI_TRY(dnni_report_keep(r, &kept->how, f->how, false));
    DNNI_TRY(dnni_report_keep(r, &kept->action, f->action, false));
    DNNI_TRY(dnni_report_keep(r, &kept->set, f->set, false));
    return dnni_report_keep_samples(r, kept, f->samples, f->n_samples);
}

void dnni_report_insert(dnn_report *r, const dnn_finding *f) {
    int64_t at = r->n_findings++;
    for (; at > 0 && r->findings[at - 1].severity < f->severity; at--) r->findings[at] = r->findings[at - 1];
    r->findings[at] = *f;
    r->newest = at;
    dnni_report_outdate(r);
}

static dnn_status add_finding(dnn_report *r, const dnn_finding *f) {
    dnn_finding kept;
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->findings, &r->findings_capacity, r->n_findings + 1, sizeof kept));
    DNNI_TRY(dnni_report_keep_finding(r, &kept, f));
    dnni_report_insert(r, &kept);
    return DNN_OK;
}

static dnn_status check_index(int64_t index, int64_t n, const char *what) {
    if (index >= 0 && index < n) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no %s %lld, the report has %lld", what, (long long)index,
                      (long long)n);
}

static dnn_status check_finding(const dnn_report *r, const dnn_finding *f) {
    DNNI_REQUIRE(f->severity == DNN_SEVERITY_NOTE || f->severity == DNN_SEVERITY_WARNING ||
                     f->severity == DNN_SEVERITY_ERROR,
                 "finding.severity is %d, which is no severity", (int)f->severity);
    DNNI_REQUIRE(f->name && *f->name, "finding.name is %s", f->name ? "empty" : "NULL");
    DNNI_REQUIRE(f->what && *f->what, "finding.what is %s", f->what ? "empty" : "NULL");
    DNNI_REQUIRE(f->n_samples >= 0 && (f->samples || f->n_samples == 0), "finding.samples: %lld of them, %s",
                 (long long)f->n_samples, f->samples ? "given" : "NULL");
    return f->picture == -1 ? DNN_OK : check_index(f->picture, r->n_pictures, "picture");
}

dnn_status dnn_report_add_finding(dnn_report *report, const dnn_finding *finding) {
    dnn_finding f;
    DNNI_TRY(dnni_check_report(report));
    DNNI_TRY(DNNI_READ_DESC(f, finding, false));
    DNNI_TRY(check_finding(report, &f));
    return add_finding(report, &f);
}

int64_t dnn_report_findings(const dnn_report *report) {
    return dnni_check_report(report) == DNN_OK ? report->n_findings : -1;
}

dnn_severity dnn_report_worst(const dnn_report *report) {
    if (dnni_check_report(report) != DNN_OK || report->n_findings == 0) return DNN_SEVERITY_NONE;
    return report->findings[0].severity;
}

dnn_status dnn_report_finding(const dnn_report *report, int64_t index, dnn_finding *finding) {
    DNNI_TRY(dnni_check_report(report));
    DNNI_REQUIRE(finding, "finding is NULL");
    DNNI_TRY(check_index(index, report->n_findings, "finding"));
    return dnni_give(finding, &report->findings[index], sizeof *finding, "finding");
}

dnn_status dnn_report_find(const dnn_report *report, const char *name, dnn_finding *finding) {
    DNNI_TRY(dnni_check_report(report));
    DNNI_REQUIRE(name, "name is NULL");
    for (int64_t i = 0; i < report->n_findings; i++) {
        const dnn_finding *f = &report->findings[i];
        if (strcmp(f->name, name) == 0) return finding ? dnni_give(finding, f, sizeof *f, "finding") : DNN_OK;
    }
    return dnni_error(DNN_ERROR_NOT_FOUND, "no finding is called \"%.100s\"", name);
}

/* ---- figures, sections, pictures ---- */

dnn_status dnn_report_add_figure(dnn_report *report, const char *name, double value, const char *note) {
    dnn_figure f = {DNN_SIZED(dnn_figure), .value = value};
    dnn_report *r = report;
    DNNI_TRY(dnni_check_report(r));
    DNNI_REQUIRE(name, "name is NULL");
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->figures, &r->figures_capacity, r->n_figures + 1, sizeof f));
    DNNI_TRY(dnni_report_keep(r, &f.name, name, false));
    DNNI_TRY(dnni_report_keep(r, &f.note, note, false));
    r->figures[r->n_figures++] = f;
    dnni_report_outdate(r);
    return DNN_OK;
}

dnn_status dnn_report_add_section(dnn_report *report, const char *title, const char *text, const char *json) {
    dnn_section s = {DNN_SIZED(dnn_section), .json = "null"};
    dnn_report *r = report;
    DNNI_TRY(dnni_check_report(r));
    DNNI_REQUIRE(title && text, "%s is NULL", title ? "text" : "title");
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->sections, &r->sections_capacity, r->n_sections + 1, sizeof s));
    DNNI_TRY(dnni_report_keep(r, &s.title, title, false));
    DNNI_TRY(dnni_report_keep(r, &s.text, text, true));
    if (json) DNNI_TRY(dnni_report_keep(r, &s.json, json, true));
    r->sections[r->n_sections++] = s;
    dnni_report_outdate(r);
    return DNN_OK;
}

static dnn_status check_image(const dnn_tensor *image) {
    const dnn_array *a = &image->array;
    if (a->dtype != DNN_U8)
        return dnni_error(DNN_ERROR_DTYPE, "a picture is uint8, not %s", dnn_dtype_name(a->dtype));
    if (a->rank == 3 && (a->dims[2] == 1 || a->dims[2] == 3) && dnni_count(a) > 0) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "a picture is (H, W, 3) or (H, W, 1), not %s", dnni_array_shape(a).text);
}

dnn_status dnn_report_add_picture(dnn_report *report, const char *title, dnn_tensor *image) {
    dnn_picture p = {DNN_SIZED(dnn_picture), .image = image};
    dnn_report *r = report;
    DNNI_TRY(dnni_check_report(r));
    DNNI_REQUIRE(title, "title is NULL");
    DNNI_TRY(dnni_check_tensor(image, "image"));
    DNNI_TRY(dnni_check_same_context(report, image, "the report and the image"));
    DNNI_TRY(check_image(image));
    DNNI_TRY(dnni_grow(r->base.ctx, (void **)&r->pictures, &r->pictures_capacity, r->n_pictures + 1, sizeof p));
    DNNI_TRY(dnni_report_keep(r, &p.title, title, false));
    DNNI_TRY(dnn_tensor_retain(image));
    r->pictures[r->n_pictures++] = p;
    dnni_report_outdate(r);
    return DNN_OK;
}

int64_t dnn_report_figures(const dnn_report *report) {
    return dnni_check_report(report) == DNN_OK ? report->n_figures : -1;
}

int64_t dnn_report_sections(const dnn_report *report) {
    return dnni_check_report(report) == DNN_OK ? report->n_sections : -1;
}

int64_t dnn_report_pictures(const dnn_report *report) {
    return dnni_check_report(report) == DNN_OK ? report->n_pictures : -1;
}

dnn_status dnn_report_figure(const dnn_report *report, int64_t index, dnn_figure *figure) {
    DNNI_TRY(dnni_check_report(report));
    DNNI_REQUIRE(figure, "figure is NULL");
    DNNI_TRY(check_index(index, report->n_figures, "figure"));
    return dnni_give(figure, &report->figures[index], sizeof *figure, "figure");
}

dnn_status dnn_report_section(const dnn_report *report, int64_t index, dnn_section *section) {
    DNNI_TRY(dnni_check_report(report));
    DNNI_REQUIRE(section, "section is NULL");
    DNNI_TRY(check_index(index, report->n_sections, "section"));
    return dnni_give(section, &report->sections[index], sizeof *section, "section");
}

dnn_status dnn_report_picture(const dnn_report *report, int64_t index, dnn_picture *picture) {
    DNNI_TRY(dnni_check_report(report));
    DNNI_REQUIRE(picture, "picture is NULL");
    DNNI_TRY(check_index(index, report->n_pictures, "picture"));
    return dnni_give(picture, &report->pictures[index], sizeof *picture, "picture");
}
