#define _XOPEN_SOURCE 700 /* nftw */

#include "mistakes/program.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- one program ---- */

void must(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

void program_begin(program *p, bool mistaken, bool real) {
    *p = (program){.mistaken = mistaken, .real = real, .sample = -1};
    OK(dnn_context_create(&p->ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1, .seed = 1}));
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)kind, (void)where;
    return remove(path);
}

void program_end(program *p) {
    for (int i = 0; i < p->n_reports; i++) dnn_report_release(p->reports[i]);
    OK(dnn_monitor_release(p->monitor));
    OK(dnn_schedule_release(p->schedule));
    OK(dnn_optimizer_release(p->opt));
    OK(dnn_loss_release(p->loss));
    OK(dnn_module_release(p->net));
    OK(dnn_loader_release(p->loader));
    OK(dnn_dataset_release(p->test));
    OK(dnn_dataset_release(p->train));
    OK(dnn_context_release(p->ctx));
    if (*p->folder) assert_int_equal(nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *program_path(program *p, char *path, const char *file) {
    if (!*p->folder) {
        snprintf(p->folder, sizeof p->folder, "/tmp/dnn-mistakes-XXXXXX");
        assert_non_null(mkdtemp(p->folder));
    }
    snprintf(path, 128, "%s/%s", p->folder, file);
    return path;
}

/* ---- what is said of it ---- */

void said(program *p, const char *by, dnn_report *report) {
    if (p->n_reports == MOST_REPORTS) fail_msg("%s: more reports than there is room for", by);
    p->by[p->n_reports] = by;
    p->reports[p->n_reports++] = report;
}

bool went(program *p, const char *by, dnn_status status) {
    if (status == DNN_OK) return true;
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_ERROR, .name = dnn_status_name(status),
                     .what = dnn_last_error(), .picture = -1};
    dnn_report *report;
    OK(dnn_report_create(&report, p->ctx, by));
    OK(dnn_report_add_finding(report, &f));
    said(p, by, report);
    return false;
}

bool finds(const program *p, const char *by, const char *name, dnn_finding *f) {
    for (int i = 0; i < p->n_reports; i++)
        if (strcmp(p->by[i], by) == 0 && dnn_report_find(p->reports[i], name, f) == DNN_OK) return true;
    return false;
}

dnn_severity program_worst(const program *p) {
    dnn_severity worst = DNN_SEVERITY_NONE;
    for (int i = 0; i < p->n_reports; i++)
        if (dnn_report_worst(p->reports[i]) > worst) worst = dnn_report_worst(p->reports[i]);
    return worst;
}

int program_count(const program *p, dnn_severity least) {
    int n = 0;
    for (int i = 0; i < p->n_reports; i++)
        for (int64_t k = 0; k < dnn_report_findings(p->reports[i]); k++) {
            dnn_finding f = {DNN_SIZED(dnn_finding)};
            OK(dnn_report_finding(p->reports[i], k, &f));
            n += f.severity >= least;
        }
    return n;
}

void program_print(const program *p) {
    for (int i = 0; i < p->n_reports; i++)
        for (int64_t k = 0; k < dnn_report_findings(p->reports[i]); k++) {
            dnn_finding f = {DNN_SIZED(dnn_finding)};
            OK(dnn_report_finding(p->reports[i], k, &f));
            print_message("  %s: %s %s [%s] %s\n    %s\n    -> %s\n", p->by[i], dnn_severity_name(f.severity), f.name,
                          f.set, f.what, f.how, f.action);
        }
}

/* ---- what must be said ---- */

static bool lists(const dnn_finding *f, int64_t sample) {
    for (int64_t i = 0; i < f->n_samples; i++)
        if (f->samples[i] == sample) return true;
    return false;
}

static bool has(const dnn_finding *f, const char *word) {
    return strstr(f->what, word) || strstr(f->how, word) || strcmp(f->set, word) == 0;
}

static void expect_found(const program *p, const mistake *m) {
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    if (!finds(p, m->by, m->finding, &f)) {
        program_print(p);
        fail_msg("%s: %s does not say \"%s\"", m->name, m->by, m->finding);
    }
    if (m->names && !has(&f, m->names)) fail_msg("%s: '%s' is not named in: %s", m->name, m->names, f.what);
    if (p->sample >= 0 && !lists(&f, p->sample))
        fail_msg("%s: sample %lld is not listed: %s", m->name, (long long)p->sample, f.what);
}

/* The twin has not that finding, from whomever, and nothing else that is an error. */
static void expect_clean(const program *p, const mistake *m) {
    for (int i = 0; i < p->n_reports; i++) {
        bool accused = m->finding && dnn_report_find(p->reports[i], m->finding, NULL) == DNN_OK;
        if (!accused && dnn_report_worst(p->reports[i]) < DNN_SEVERITY_ERROR) continue;
        program_print(p);
        fail_msg("%s: %s accuses its twin, which has not that mistake", m->name, p->by[i]);
    }
}

/* What nobody finds: if somebody does one day, the table is to say so. */
static void expect_silence(const program *p, const mistake *m) {
    if (program_count(p, DNN_SEVERITY_WARNING) == 0) return;
    program_print(p);
    fail_msg("%s: it is found now; enter that into the table", m->name);
}

/* ---- all programs ---- */

static bool verbose;

#if defined(__SANITIZE_ADDRESS__)
enum { SLOW = 1 };
#else
enum { SLOW = 0 };
#endif

/* For a sanitizer there is nothing new in it. */
static bool has_real_data(void) {
    if (SLOW) return false;
    const char *folder = getenv("DNN_DATA_DIR");
    char path[1024];
    snprintf(path, sizeof path, "%s/mnist/t10k-images-idx3-ubyte.gz", folder ? folder : "");
    return folder && access(path, R_OK) == 0;
}

/* Whether it asked for pictures. */
static bool run(const mistake *m, bool mistaken, bool real) {
    program p;
    program_begin(&p, mistaken, real);
    m->run(&p);
    if (verbose) print_message("%s, %s it%s:\n", m->name, mistaken ? "with" : "without", real ? ", MNIST" : "");
    if (verbose) program_print(&p);
    if (!mistaken) expect_clean(&p, m);
    else if (m->finding) expect_found(&p, m);
    else expect_silence(&p, m);
    program_end(&p);
    return p.pictures;
}

/* Without real data the generated ones must do. */
static void both(void **state) {
    run(*state, true, false);
    if (!run(*state, false, false) || !has_real_data()) return;
    run(*state, true, true);
    run(*state, false, true);
}

int mistakes_main(int argc, char **argv, const mistake *table, int n) {
    struct CMUnitTest tests[64] = {{0}};
    int chosen = 0;
    for (int i = 0; i < n && chosen < 64; i++) {
        if (argc > 1 && !strstr(table[i].name, argv[1])) continue;
        tests[chosen++] = (struct CMUnitTest){table[i].name, both, NULL, NULL, (void *)(uintptr_t)&table[i]};
    }
    verbose = argc > 1;
    return _cmocka_run_group_tests("mistakes", tests, (size_t)chosen, NULL, NULL);
}
