/* Faults planted in real and in generated data, one at a time: the audit must find them and name them. And in the data
 * as they are it must find no error.
 *
 *     audit_faults_test -v     a line for each fault; docs/data.md has the table
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/io.h>

#include "support/faulty.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOW = 1 };
#else
enum { SLOW = 0 };
#endif

static dnn_context *ctx;
static bool verbose;

static int set_up(void **state) {
    (void)state;
    return dnn_context_create(&ctx, NULL) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK ? 0 : -1;
}

static bool lists(const dnn_finding *f, int64_t sample) {
    for (int64_t i = 0; i < f->n_samples; i++)
        if (f->samples[i] == sample) return true;
    return false;
}

/* Whether findings of that name and set list enough of the planted samples, together. */
static bool found(const dnn_report *report, const fault *f, const faulty *d, const char *name) {
    int64_t listed = 0;
    bool any = false;
    for (int64_t p = 0; p < d->n_planted + 1; p++)
        for (int64_t i = 0; i < dnn_report_findings(report); i++) {
            dnn_finding finding = {DNN_SIZED(dnn_finding)};
            assert_int_equal(dnn_report_finding(report, i, &finding), DNN_OK);
            if (strcmp(finding.name, name) || (*finding.set && strcmp(finding.set, f->set == TEST ? "test" : "train")))
                continue;
            any = true;
            if (p == d->n_planted || !lists(&finding, d->planted[p])) continue;
            listed++;
            break;
        }
    if (f->share == 0) return any;
    return d->n_planted > 0 && (double)listed >= f->share * (double)d->n_planted;
}

/* What the search for one fault need not do, to save time; clean data get everything. */
static int32_t skipped_for(const fault *f) {
    static const char *const near[] = {"near-", "outliers", "label-votes", "targets-", "classes-differ"};
    if (strcmp(f->finding, "variants") == 0 || strcmp(f->finding, "turned") == 0) return 0;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (strncmp(f->finding, near[i], strlen(near[i])) == 0 || (f->or_finding && strcmp(f->or_finding, near[i]) == 0))
            return DNN_AUDIT_NO_VARIANTS;
    return DNN_AUDIT_NO_NEIGHBOURS;
}

static bool plant_and_look(const faulty *base, const fault *f, const char *where) {
    faulty *d = faulty_copy(base);
    dnn_report *report;
    d->options.skip |= skipped_for(f);
    f->plant(d);
    if (faulty_audit(&report, ctx, d) != DNN_OK) fail_msg("%s, %s: %s", where, f->name, dnn_last_error());
    bool ok = found(report, f, d, f->finding) || (f->or_finding && found(report, f, d, f->or_finding));
    if (!ok || verbose) print_message("%-7s %-48s %-40s %s\n", where, f->name, f->finding, ok ? "found" : "MISSED");
    if (!ok && verbose) print_message("%s\n", dnn_report_text(report));
    dnn_report_release(report);
    faulty_free(d);
    return ok;
}

/* All faults for a base; the number of those found is added, and that of those planted returned. */
static int plant_all(faulty_base base, int *n_found) {
    faulty *d = faulty_new(ctx, base, SLOW);
    int planted = 0, ok = 0;
    if (!d) return 0;
    for (int i = 0; i < n_faults; i++) {
        if (!(faults[i].bases >> base & 1)) continue;
        planted++;
        ok += plant_and_look(d, &faults[i], faulty_names[base]);
    }
    print_message("%-7s %d of %d found\n", faulty_names[base], ok, planted);
    faulty_free(d);
    *n_found += ok;
    return planted;
}

static void without_data(void) {
    print_message("set DNN_DATA_DIR to a folder with mnist, cifar10 and tabular to run this\n");
    skip();
}

/* Nine in ten, as the promise for 50 of them is 45. */
static void real_data(void **state) {
    (void)state;
    int n = 0, planted = 0;
    if (SLOW) skip(); /* nothing new for a sanitizer, but minutes */
    for (faulty_base b = CIFAR; b <= IRIS; b++) planted += plant_all(b, &n);
    if (planted == 0) without_data();
    print_message("%d of %d faults in real data were found and named\n", n, planted);
    assert_true(planted >= 50);
    assert_true(10 * n >= 9 * planted);
}

static void generated_data(void **state) {
    (void)state;
    int n = 0, planted = 0;
    for (faulty_base b = DIGITS; b < BASES; b++) planted += plant_all(b, &n);
    print_message("%d of %d faults in generated data were found and named\n", n, planted);
    assert_true(10 * n >= (SLOW ? 8 : 9) * planted); /* small sets show less */
}

/* ---- nothing planted ---- */

static void expect_no_error(const dnn_report *report, const char *what) {
    if (dnn_report_worst(report) >= DNN_SEVERITY_ERROR)
        fail_msg("%s: %s", what, dnn_report_text((dnn_report *)(uintptr_t)report));
}

static void clean_bases(void **state) {
    (void)state;
    for (faulty_base b = CIFAR; b < BASES; b++) {
        dnn_report *report;
        faulty *d = faulty_new(ctx, b, SLOW);
        if (!d) continue;
        if (faulty_audit(&report, ctx, d) != DNN_OK) fail_msg("%s", dnn_last_error());
        expect_no_error(report, faulty_names[b]);
        dnn_report_release(report);
        faulty_free(d);
    }
}

static void expect_clean(dnn_dataset *train, dnn_dataset *test, const char *what) {
    dnn_report *report;
    if (dnn_audit(&report, train, test, NULL) != DNN_OK) fail_msg("%s: %s", what, dnn_last_error());
    expect_no_error(report, what);
    dnn_report_release(report);
    dnn_dataset_release(train);
    dnn_dataset_release(test);
}

static const char *path_of(char *path, size_t bytes, const char *folder, const char *file) {
    snprintf(path, bytes, "%s/%s", folder, file);
    return path;
}

/* Whole, as they are: CIFAR-10, MNIST's digits split at random, and a folder of JPEG files. */
static void clean_real_data(void **state) {
    (void)state;
    const char *folder = getenv("DNN_DATA_DIR");
    char a[512], b[512];
    const char *one = a, *two = b;
    dnn_dataset *all, *train, *test;
    dnn_image_folder *images;
    if (!folder || !*folder || SLOW) skip();
    path_of(a, sizeof a, folder, "cifar10/data_batch_1.bin");
    path_of(b, sizeof b, folder, "cifar10/test_batch.bin");
    assert_int_equal(dnn_cifar_dataset(&train, ctx, &one, 1, NULL), DNN_OK);
    assert_int_equal(dnn_cifar_dataset(&test, ctx, &two, 1, NULL), DNN_OK);
    expect_clean(train, test, "CIFAR-10");
    path_of(a, sizeof a, folder, "mnist/t10k-images-idx3-ubyte.gz");
    path_of(b, sizeof b, folder, "mnist/t10k-labels-idx1-ubyte.gz");
    assert_int_equal(dnn_idx_dataset(&all, ctx, a, b, NULL), DNN_OK);
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .count = 8000};
    assert_int_equal(dnn_dataset_split(&train, &test, all, &split), DNN_OK);
    dnn_dataset_release(all);
    expect_clean(train, test, "MNIST");
    dnn_status status = dnn_image_folder_open(&images, ctx, path_of(a, sizeof a, folder, "cifar10/folder"), NULL);
    if (status == DNN_ERROR_UNSUPPORTED) return; /* a build without JPEG */
    assert_int_equal(status, DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(&all, images), DNN_OK);
    dnn_image_folder_release(images);
    expect_clean(all, NULL, "the folder");
}

int main(int argc, char **argv) {
    verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_bases),
        cmocka_unit_test(clean_real_data),
        cmocka_unit_test(generated_data),
        cmocka_unit_test(real_data),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
