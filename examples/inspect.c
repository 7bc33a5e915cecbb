/* Look at data before the first step: what is in it, what the model would get, and what is wrong with it. The report goes
 * to the terminal as text, and into one HTML page with pictures, which needs no server.
 *
 *     inspect [--out PAGE.html] [--test PATH[,PATH]] PATH [PATH]
 *
 * PATH is a folder of images (a sub-folder for each class), a pair of IDX or npy files (inputs, targets; one npy file for
 * inputs alone), an npz or safetensors file with arrays "inputs" and "targets", a CIFAR-10 file, a CSV file whose last
 * column is the target, or a text. What it is is told by its first bytes, and by its name where those say nothing.
 * --test names the test set of the same kind: the two are then searched for leaks.
 *
 * Ends with 0 if no error was found, 2 if one was, 1 if the data cannot be read. */
#define _DEFAULT_SOURCE /* isatty and mkdtemp, under -std=c11 */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { BATCH = 64, TEXT_WINDOW = 64 };

typedef struct {
    const char *out;
    const char *paths[2], *test[2];
    int quick;
} options;

/* ---- what it is ---- */

typedef enum { FOLDER, IDX, NPY, NPZ, SAFETENSORS, CIFAR, CSV, TEXT } kind;

static int ends_with(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static dnn_status read_start(const char *path, unsigned char start[16], size_t *n) {
    FILE *file = fopen(path, "rb");
    char line[512];
    snprintf(line, sizeof line, "%.400s: cannot be opened", path);
    if (!file) return dnn_fail(DNN_ERROR_IO, line);
    *n = fread(start, 1, 16, file);
    fclose(file);
    return DNN_OK;
}

static dnn_status tell_kind(const char *path, kind *what) {
    struct stat about;
    unsigned char start[16] = {0};
    size_t n = 0;
    *what = FOLDER;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return DNN_OK;
    TRY(read_start(path, start, &n));
    int is_gzip = start[0] == 0x1f && start[1] == 0x8b;
    int is_idx = n >= 4 && start[0] == 0 && start[1] == 0 && start[2] >= 8 && start[2] <= 14 && start[3] <= 8;
    if (ends_with(path, ".safetensors")) *what = SAFETENSORS;
    else if (n >= 6 && memcmp(start, "\x93NUMPY", 6) == 0) *what = NPY;
    else if (n >= 4 && memcmp(start, "PK\3\4", 4) == 0) *what = NPZ;
    else if (is_gzip || is_idx) *what = IDX;
    else if (ends_with(path, ".csv") || ends_with(path, ".tsv")) *what = CSV;
    else if (ends_with(path, ".bin")) *what = CIFAR;
    else *what = TEXT;
    return DNN_OK;
}

/* ---- opening ---- */

/* Images of all sizes are looked at as 64 × 64; files that are no good images are named, and left out. */
static dnn_status open_folder(dnn_dataset **out, dnn_context *ctx, const char *path) {
    dnn_image_folder *folder;
    const char *reason;
    dnn_image_desc image = {DNN_SIZED(dnn_image_desc), .height = 64, .width = 64, .fit = DNN_IMAGE_FIT_COVER};
    dnn_image_folder_desc desc = {DNN_SIZED(dnn_image_folder_desc), .image = &image, .bad = DNN_BAD_IMAGE_SKIP};
    TRY(dnn_image_folder_open(&folder, ctx, path, &desc));
    for (int64_t i = 0; i < dnn_image_folder_skipped(folder); i++) {
        const char *skipped = dnn_image_folder_skipped_path(folder, i, &reason);
        fprintf(stderr, "left out: %s: %s\n", skipped, reason);
    }
    dnn_status status = dnn_image_folder_dataset(out, folder);
    dnn_image_folder_release(folder);
    return status;
}

static dnn_status open_npz(dnn_dataset **out, dnn_context *ctx, const char *path) {
    dnn_npz *npz;
    TRY(dnn_npz_open(&npz, ctx, path, NULL));
    dnn_status status = dnn_npz_dataset(out, npz, "inputs", dnn_npz_count(npz) > 1 ? "targets" : NULL);
    dnn_npz_release(npz);
    return status;
}

static dnn_status open_safetensors(dnn_dataset **out, dnn_context *ctx, const char *path) {
    dnn_archive *archive;
    TRY(dnn_safetensors_read(&archive, ctx, path));
    dnn_status status = dnn_archive_dataset(out, archive, "inputs", dnn_archive_count(archive) > 1 ? "targets" : NULL);
    dnn_archive_release(archive);
    return status;
}

static dnn_status open_idx(dnn_dataset **out, dnn_context *ctx, const char *const paths[2]) {
    if (paths[1]) return dnn_idx_raw_dataset(out, ctx, paths[0], paths[1], NULL);
    dnn_tensor *images;
    TRY(dnn_idx_read(&images, ctx, paths[0], NULL));
    dnn_status status = dnn_dataset_from_tensors(out, images, NULL);
    dnn_tensor_release(images);
    return status;
}

/* Missing values stay what they are, NaN, so that the report counts them; text among the inputs becomes class numbers. */
static dnn_status open_csv(dnn_dataset **out, dnn_context *ctx, const char *path) {
    dnn_table *table;
    dnn_table_dataset_desc desc = {DNN_SIZED(dnn_table_dataset_desc), .has_target_column = 1, .target_column = -1,
                                   .missing = DNN_MISSING_VALUE, .value = NAN, .text = DNN_TEXT_INPUT_NUMBER};
    TRY(dnn_csv_open(&table, ctx, path, NULL));
    dnn_status status = dnn_table_dataset(out, table, &desc);
    dnn_table_release(table);
    return status;
}

static dnn_status open_text(dnn_dataset **out, dnn_context *ctx, const char *path) {
    dnn_text_desc desc = {DNN_SIZED(dnn_text_desc), .window = TEXT_WINDOW};
    return dnn_text_dataset(out, ctx, path, &desc);
}

static dnn_status open_data(dnn_dataset **out, dnn_context *ctx, const char *const paths[2]) {
    kind what;
    TRY(tell_kind(paths[0], &what));
    switch (what) {
    case FOLDER: return open_folder(out, ctx, paths[0]);
    case IDX: return open_idx(out, ctx, paths);
    case NPY: return dnn_npy_dataset(out, ctx, paths[0], paths[1]);
    case NPZ: return open_npz(out, ctx, paths[0]);
    case SAFETENSORS: return open_safetensors(out, ctx, paths[0]);
    case CIFAR: return dnn_cifar_dataset(out, ctx, paths, paths[1] ? 2 : 1, NULL);
    case CSV: return open_csv(out, ctx, paths[0]);
    default: return open_text(out, ctx, paths[0]);
    }
}

/* ---- looking ---- */

static dnn_status show_progress(void *user, const char *what, int64_t done, int64_t total) {
    (void)user;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K%s %lld of %lld", what, (long long)done, (long long)total);
    if (isatty(STDERR_FILENO) && done == total) fprintf(stderr, "\r\033[K");
    return DNN_OK;
}

static dnn_status add_summary(dnn_report *report, dnn_dataset *data, const char *name) {
    dnn_summary *summary;
    dnn_summary_desc desc = {DNN_SIZED(dnn_summary_desc), .name = name, .progress = {show_progress, NULL}};
    TRY(dnn_summarise(&summary, data, &desc));
    dnn_status status = dnn_report_add_summary(report, summary);
    dnn_summary_release(summary);
    return status;
}

static dnn_status add_sheet(dnn_report *report, dnn_dataset *data, dnn_sheet_order order, const char *title) {
    dnn_tensor *sheet;
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = order, .title = title};
    TRY(dnn_sheet_samples(&sheet, data, &desc));
    dnn_status status = dnn_report_add_picture(report, title, sheet);
    dnn_tensor_release(sheet);
    return status;
}

/* Pictures, and classes, are shown where there are some. */
static dnn_status add_sheets(dnn_report *report, dnn_dataset *data) {
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    TRY(dnn_dataset_item(data, &item));
    if (item.input.rank != 3 && item.input.rank != 2) return DNN_OK;
    TRY(add_sheet(report, data, DNN_SHEET_RANDOM, "samples at random"));
    if (item.target.dtype != DNN_I64 || item.target.rank != 0) return DNN_OK;
    return add_sheet(report, data, DNN_SHEET_BY_CLASS, "samples by class");
}

/* Bytes become floats, as they would for training; what is float already is taken as it is. */
static dnn_status as_for_training(dnn_dataset **out, dnn_context *ctx, dnn_dataset *data) {
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    dnn_transform *to_float;
    TRY(dnn_dataset_item(data, &item));
    *out = data;
    if (item.input.dtype != DNN_U8) return dnn_dataset_retain(data);
    to_float = dnn_to_float(ctx, NULL);
    if (!to_float) return dnn_last_status();
    dnn_status status = dnn_dataset_transform(out, data, to_float, NULL);
    dnn_transform_release(to_float);
    return status;
}

static dnn_status add_look(dnn_report *report, dnn_context *ctx, dnn_dataset *data) {
    dnn_dataset *ready;
    dnn_loader *loader;
    dnn_report *look;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    dnn_look_desc names = {DNN_SIZED(dnn_look_desc), .name = "a batch"};
    TRY(as_for_training(&ready, ctx, data));
    dnn_status status = dnn_loader_create(&loader, ready, &desc);
    dnn_dataset_release(ready);
    if (status != DNN_OK) return status;
    status = dnn_look(&look, loader, &names);
    dnn_loader_release(loader);
    if (status != DNN_OK) return status;
    status = dnn_report_append(report, look);
    dnn_report_release(look);
    return status;
}

static dnn_status add_audit(dnn_report *report, dnn_dataset *train, dnn_dataset *test) {
    dnn_report *audit;
    dnn_audit_desc desc = {DNN_SIZED(dnn_audit_desc), .progress = {show_progress, NULL}};
    TRY(dnn_audit(&audit, train, test, &desc));
    dnn_status status = dnn_report_append(report, audit);
    dnn_report_release(audit);
    return status;
}

static dnn_status fill_report(dnn_report *report, dnn_context *ctx, dnn_dataset *train, dnn_dataset *test) {
    TRY(add_summary(report, train, test ? "train" : "data"));
    if (test) TRY(add_summary(report, test, "test"));
    TRY(add_sheets(report, train));
    TRY(add_look(report, ctx, train));
    return add_audit(report, train, test);
}

/* ---- the whole ---- */

static dnn_status make_report(dnn_report **report, dnn_context *ctx, const options *o) {
    dnn_dataset *train = NULL, *test = NULL;
    TRY(dnn_report_create(report, ctx, o->paths[0]));
    dnn_status status = open_data(&train, ctx, o->paths);
    if (status == DNN_OK && o->test[0]) status = open_data(&test, ctx, o->test);
    if (status == DNN_OK) status = fill_report(*report, ctx, train, test);
    dnn_dataset_release(train);
    dnn_dataset_release(test);
    return status;
}

/* 0, 1 or 2, as the head of this file says. */
static int inspect(dnn_context *ctx, const options *o) {
    dnn_report *report = NULL;
    int result = 1;
    dnn_status status = make_report(&report, ctx, o);
    if (status == DNN_OK) status = dnn_report_write_html(ctx, o->out, report, NULL);
    if (status != DNN_OK) {
        fprintf(stderr, "%s\n", dnn_last_error());
    } else {
        printf("%s\nas a page: %s\n", dnn_report_text(report), o->out);
        result = dnn_report_worst(report) >= DNN_SEVERITY_ERROR ? 2 : 0;
    }
    dnn_report_release(report);
    return result;
}

/* ---- the test of this program: --quick ---- */

/* Digits drawn by code, as bytes, in two npy files. */
static dnn_status write_digits(dnn_context *ctx, const char *inputs, const char *targets, int64_t count) {
    dnn_dataset *digits;
    dnn_tensor *x, *y, *bytes;
    dnn_digits_desc desc = {DNN_SIZED(dnn_digits_desc), .count = count};
    TRY(dnn_digits(&digits, ctx, &desc));
    TRY(dnn_dataset_get_range(&x, &y, digits, 0, count));
    TRY(dnn_tensor_create(&bytes, ctx, DNN_U8, dnn_tensor_rank(x), dnn_tensor_dims(x)));
    for (int64_t i = 0; i < dnn_tensor_count(x); i++)
        ((unsigned char *)dnn_tensor_data(bytes))[i] = (unsigned char)(255 * ((float *)dnn_tensor_data(x))[i] + 0.5f);
    TRY(dnn_npy_write(ctx, inputs, bytes));
    TRY(dnn_npy_write(ctx, targets, y));
    dnn_tensor_release(bytes);
    dnn_tensor_release(x);
    dnn_tensor_release(y);
    return dnn_dataset_release(digits);
}

/* Good files give a report without errors; a file that is cut short, and one that is not there, are refused. */
static int quick(dnn_context *ctx) {
    char folder[] = "/tmp/dnn-inspect-XXXXXX", x[64], y[64], page[64];
    if (!mkdtemp(folder)) return 1;
    snprintf(x, sizeof x, "%s/x.npy", folder);
    snprintf(y, sizeof y, "%s/y.npy", folder);
    snprintf(page, sizeof page, "%s/page.html", folder);
    options o = {.out = page, .paths = {x, y}, .quick = 1};
    int good = write_digits(ctx, x, y, 300) == DNN_OK && inspect(ctx, &o) == 0 && access(page, R_OK) == 0;
    int cut = truncate(x, 1000) == 0 && inspect(ctx, &o) == 1;
    unlink(x);
    int gone = inspect(ctx, &o) == 1;
    unlink(y);
    unlink(page);
    rmdir(folder);
    printf("good files: %s; a file cut short: %s; a file that is not there: %s\n", good ? "fine" : "WRONG",
           cut ? "refused" : "WRONG", gone ? "refused" : "WRONG");
    return good && cut && gone ? 0 : 1;
}

/* ---- arguments ---- */

static int usage(void) {
    fprintf(stderr, "usage: inspect [--out PAGE.html] [--test PATH[,PATH]] PATH [PATH]\n");
    return 1;
}

/* "a,b" into two paths. */
static void split_paths(char *text, const char *paths[2]) {
    char *comma = strchr(text, ',');
    if (comma) *comma = '\0';
    paths[0] = text;
    paths[1] = comma ? comma + 1 : NULL;
}

static int read_options(options *o, int argc, char **argv) {
    int n = 0;
    *o = (options){.out = "inspect.html"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) o->quick = 1;
        else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) o->out = argv[++i];
        else if (strcmp(argv[i], "--test") == 0 && i + 1 < argc) split_paths(argv[++i], o->test);
        else if (argv[i][0] == '-' || n == 2) return 0;
        else o->paths[n++] = argv[i];
    }
    return n > 0 || o->quick;
}

int main(int argc, char **argv) {
    options o;
    dnn_context *ctx;
    if (!read_options(&o, argc, argv)) return usage();
    if (dnn_context_create(&ctx, NULL) != DNN_OK) {
        fprintf(stderr, "%s\n", dnn_last_error());
        return 1;
    }
    int result = o.quick && !o.paths[0] ? quick(ctx) : inspect(ctx, &o);
    dnn_context_release(ctx);
    return result;
}
