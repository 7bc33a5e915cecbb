/* The guide's page on data, docs/guide/data.md: look at it, cut it once, have it audited, mend what was found, and look
 * again at what the network gets.
 *
 *     data [--quick]
 *
 * The data are digits drawn by code, as a camera would have stored them; somebody has put twelve of them in twice. */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { COUNT = 2000, QUICK_COUNT = 800, COPIES = 12, BATCH = 32 };

/* ---- the data as they come: bytes, of which some are there twice ---- */

static dnn_status as_bytes(void *user, int64_t index, int64_t epoch, const dnn_array *from, const dnn_array *label,
                           const dnn_array *to, const dnn_array *same) {
    const float *ink = from->data;
    unsigned char *bytes = to->data;
    (void)user, (void)index, (void)epoch, (void)label, (void)same;
    for (int i = 0; i < 28 * 28; i++) bytes[i] = (unsigned char)(255 * ink[i] + 0.5f);
    return DNN_OK;
}

static dnn_status collect(dnn_dataset **out, dnn_context *ctx, int64_t count) {
    dnn_dataset *digits, *bytes, *twice;
    int64_t copied[COPIES];
    dnn_map_desc map = {DNN_SIZED(dnn_map_desc), .input = {.dtype = DNN_U8, .rank = 3, .dims = {28, 28, 1}},
                        .map = as_bytes, .thread_safe = 1, .high = 255};
    for (int64_t i = 0; i < COPIES; i++) copied[i] = 11 + i * 37;
    TRY(dnn_digits(&digits, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = count}));
    TRY(dnn_dataset_map(&bytes, digits, &map));
    TRY(dnn_dataset_subset(&twice, bytes, copied, COPIES));
    TRY(dnn_dataset_concat(out, (dnn_dataset *[]){bytes, twice}, 2));
    dnn_dataset_release(twice);
    dnn_dataset_release(bytes);
    return dnn_dataset_release(digits);
}

/* ---- 1. what is in it ---- */

static dnn_status summarise(dnn_dataset *all) {
    dnn_summary *summary;
    TRY(dnn_summarise(&summary, all, NULL));
    puts(dnn_summary_text(summary));
    return dnn_summary_release(summary);
}

/* ---- 2. cut it once ---- */

static dnn_status cut(dnn_dataset **train, dnn_dataset **test, dnn_dataset *all) {
    dnn_split_desc desc = {DNN_SIZED(dnn_split_desc), .fraction = 0.8, .seed = 1, .stratified = 1};
    TRY(dnn_dataset_split(train, test, all, &desc));
    const char *names[] = {"train", "test"};
    return dnn_index_save("sets.safetensors", all, names, (dnn_dataset *[]){*train, *test}, 2, NULL);
}

/* ---- 3. have it audited ---- */

static void tell(dnn_report *report) {
    for (int64_t i = 0; i < dnn_report_findings(report); i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding)};
        if (dnn_report_finding(report, i, &f) != DNN_OK || f.severity < DNN_SEVERITY_WARNING) continue;
        printf("%s: %s\n  %s\n", f.name, f.what, f.action);
    }
}

static dnn_status audit(dnn_severity *worst, dnn_context *ctx, dnn_dataset *train, dnn_dataset *test) {
    dnn_report *report;
    TRY(dnn_audit(&report, train, test, &(dnn_audit_desc){DNN_SIZED(dnn_audit_desc), .classes = 10}));
    tell(report);
    TRY(dnn_report_write_html(ctx, "audit.html", report, "the digits"));
    *worst = dnn_report_worst(report);
    return dnn_report_release(report);
}

/* ---- 4. mend it: a sample whose bytes were there before is left out ---- */

typedef struct {
    uint64_t *seen;
    int64_t n;
} hashes;

static uint64_t hash_of(const dnn_array *pixels) {
    const unsigned char *bytes = pixels->data;
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (int i = 0; i < 28 * 28; i++) h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static dnn_status is_new(void *user, int64_t index, const dnn_array *input, const dnn_array *target, int32_t *keep) {
    hashes *known = user;
    uint64_t h = hash_of(input);
    (void)index, (void)target;
    *keep = 1;
    for (int64_t i = 0; i < known->n; i++)
        if (known->seen[i] == h) *keep = 0;
    known->seen[known->n++] = h;
    return DNN_OK;
}

static dnn_status without_copies(dnn_dataset **once, dnn_dataset *all) {
    hashes known = {malloc((size_t)dnn_dataset_count(all) * sizeof(uint64_t)), 0};
    if (!known.seen) return dnn_fail(DNN_ERROR_MEMORY, "no memory for hashes");
    dnn_filter_desc desc = {DNN_SIZED(dnn_filter_desc), .choose = is_new, .user = &known};
    dnn_status status = dnn_dataset_filter(once, all, &desc);
    free(known.seen);
    return status;
}

/* ---- 5. what the network gets ---- */

static dnn_status prepare(dnn_dataset **out, dnn_dataset *train, dnn_context *ctx) {
    dnn_transform *chain;
    dnn_random_crop_desc crop = {DNN_SIZED(dnn_random_crop_desc), .padding = 2};
    TRY(dnn_transform_chain(&chain, ctx));
    dnn_transform_add(chain, dnn_random_crop(ctx, &crop));
    dnn_transform_add(chain, dnn_to_float(ctx, NULL)); /* 0 … 255 is declared: it becomes 0 … 1 */
    dnn_status status = dnn_dataset_transform(out, train, chain, NULL);
    dnn_transform_release(chain);
    return status;
}

static dnn_status look(dnn_severity *worst, dnn_dataset *prepared) {
    dnn_loader *loader;
    dnn_report *report;
    TRY(dnn_loader_create(&loader, prepared, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = BATCH,
                                                                .shuffle = 1}));
    TRY(dnn_look(&report, loader, NULL));
    puts(dnn_report_text(report));
    *worst = dnn_report_worst(report);
    dnn_report_release(report);
    return dnn_loader_release(loader);
}

static dnn_status show_draws(dnn_dataset *prepared, dnn_context *ctx) {
    dnn_tensor *sheet;
    TRY(dnn_sheet_draws(&sheet, prepared, NULL));
    TRY(dnn_png_write(ctx, "draws.png", sheet));
    return dnn_tensor_release(sheet);
}

/* ---- */

static dnn_status run(dnn_context *ctx, int64_t count) {
    dnn_dataset *all, *once, *train, *test, *prepared;
    dnn_severity before, after, batch;
    TRY(collect(&all, ctx, count));
    TRY(summarise(all));
    TRY(cut(&train, &test, all));
    TRY(audit(&before, ctx, train, test));
    dnn_dataset_release(train);
    dnn_dataset_release(test);

    TRY(without_copies(&once, all));
    TRY(cut(&train, &test, once));
    TRY(audit(&after, ctx, train, test));
    printf("%lld samples are left\n\n", (long long)dnn_dataset_count(once));

    TRY(prepare(&prepared, train, ctx));
    TRY(look(&batch, prepared));
    TRY(show_draws(prepared, ctx));
    dnn_dataset *sets[] = {all, once, train, test, prepared};
    for (int i = 0; i < 5; i++) dnn_dataset_release(sets[i]);
    int fine = before == DNN_SEVERITY_ERROR && after < DNN_SEVERITY_ERROR && batch < DNN_SEVERITY_WARNING;
    return fine ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the copies should have been found, and nothing else");
}

int main(int argc, char **argv) {
    dnn_context *ctx;
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_status status = dnn_context_create(&ctx, NULL);
    if (status == DNN_OK) status = run(ctx, quick ? QUICK_COUNT : COUNT);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_context_release(ctx);
    return status != DNN_OK;
}
