/* What happens in a run: points of curves, histograms, pictures, text. */
#include <math.h>
#include <string.h>

#include "core/tensor.h"
#include "paper/run.h"

enum { DT_STRING = 7, PNG_HEAD = 33 };

static dnn_status check(dnn_run *run, dnni_tag *tag, const char *text, int64_t step) {
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_tag_clean(tag, text, "tag"));
    DNNI_REQUIRE(step >= 0, "step is %lld: it is 0 or more", (long long)step);
    return DNN_OK;
}

/* run.json is written last: what a call is about is there even where that fails. */
static dnn_status finish(dnn_run *run, dnn_status status) {
    dnn_status settled = status == DNN_OK ? dnni_run_settle(run) : DNN_OK;
    return status == DNN_OK ? settled : status;
}

/* ---- curves ---- */

/* A field with its quotation marks doubled, as RFC 4180 has it. */
static void put_field(dnni_writer *w, const char *text) {
    dnni_write(w, "\"");
    for (; *text; text++) dnni_write(w, *text == '"' ? "\"\"" : "%c", *text);
    dnni_write(w, "\"");
}

static dnn_status write_line(dnn_run *run, const char *tag, int64_t step, double value) {
    char line[6 * DNNI_FACT_NAME + 128];
    dnni_writer w = {.text = line, .room = sizeof line};
    int64_t ms = (int64_t)llround(1000 * dnni_run_now(run));
    dnni_write(&w, "%lld.%03d,%lld,", (long long)(ms / 1000), (int)(ms % 1000), (long long)step);
    put_field(&w, tag);
    dnni_write(&w, ",%s\n", dnni_shortest(value).text);
    return dnni_journal_add(&run->scalars, line, w.used);
}

static dnn_status write_scalar(dnn_run *run, const char *tag, int64_t step, double value) {
    dnni_event event;
    if (!run->with_events) return DNN_OK;
    DNNI_TRY(dnni_event_begin(run, &event, tag, step));
    dnni_proto_float(&run->record, 2, (float)value);
    return dnni_event_write(run, &event);
}

/* Either file may be the one that fails: the other gets its line. */
dnn_status dnn_run_add_scalar(dnn_run *run, const char *tag, int64_t step, double value) {
    dnni_tag clean;
    DNNI_TRY(check(run, &clean, tag, step));
    dnn_status line = write_line(run, clean.text, step, value);
    dnn_status event = write_scalar(run, clean.text, step, value);
    return finish(run, line != DNN_OK ? line : event);
}

/* ---- text ---- */

/* TensorProto: dtype 1, tensor_shape 2 {dim 2 {size 1}}, string_val 8. */
static void put_text_tensor(dnni_proto *p, const char *text) {
    int64_t tensor = dnni_proto_open(p);
    dnni_proto_whole(p, 1, DT_STRING);
    int64_t shape = dnni_proto_open(p), dim = dnni_proto_open(p);
    dnni_proto_whole(p, 1, 1);
    dnni_proto_close(p, 2, dim);
    dnni_proto_close(p, 2, shape);
    dnni_proto_text(p, 8, text);
    dnni_proto_close(p, 8, tensor);
}

static dnn_status write_text(dnn_run *run, const char *tag, int64_t step, const char *text) {
    char named[3 * DNNI_FACT_NAME + 32];
    dnni_event event;
    dnni_writer w = {.text = named, .room = sizeof named};
    if (!run->with_events) return DNN_OK;
    dnni_write(&w, "%s/text_summary", tag);
    DNNI_TRY(dnni_event_begin(run, &event, named, step));
    put_text_tensor(&run->record, text);
    dnni_event_metadata(run, "text", NULL, 0);
    return dnni_event_write(run, &event);
}

static dnn_status log_text(dnn_run *run, const char *tag, int64_t step, const char *text) {
    char head[3 * DNNI_FACT_NAME + 64];
    dnni_writer w = {.text = head, .room = sizeof head};
    dnni_write(&w, "%s, step %lld:", tag, (long long)step);
    DNNI_TRY(dnni_run_write_log(run, head));
    return dnni_run_write_log(run, text);
}

dnn_status dnn_run_add_text(dnn_run *run, const char *tag, int64_t step, const char *text) {
    dnni_tag clean;
    DNNI_TRY(check(run, &clean, tag, step));
    DNNI_REQUIRE(text, "text is NULL");
    dnni_pool pool = {.ctx = run->base.ctx};
    const char *shown = dnni_pool_clean(&pool, text, true);
    dnn_status status = shown ? log_text(run, clean.text, step, shown) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = write_text(run, clean.text, step, shown);
    dnni_pool_free(&pool);
    return finish(run, status);
}

/* As code, for Markdown: lines begin with four spaces. */
static void write_code(dnni_writer *w, const void *what) {
    for (const char *text = what; *text;) {
        int length = (int)strcspn(text, "\n");
        dnni_write(w, "    %.*s\n", length, text);
        text += length + (text[length] == '\n');
    }
}

dnn_status dnn_run_add_report(dnn_run *run, int64_t step, dnn_report *report) {
    dnni_tag clean;
    DNNI_TRY(dnni_check_run(run));
    DNNI_REQUIRE(step >= 0, "step is %lld: it is 0 or more", (long long)step);
    const char *text = dnn_report_text(report);
    if (!text) return dnn_last_status();
    DNNI_TRY(dnni_check_same_context(run, report, "the run and the report"));
    dnni_pool pool = {.ctx = run->base.ctx};
    const char *title = dnn_report_title(report), *code = dnni_written(&pool, write_code, text);
    dnni_clean(clean.text, DNNI_FACT_NAME, *title ? title : "report");
    dnn_status status = code ? log_text(run, clean.text, step, text) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = write_text(run, clean.text, step, code);
    dnni_pool_free(&pool);
    return finish(run, status);
}

/* ---- pictures ---- */

/* The signature, and the first chunk, which says how large it is (PNG specification, 5.2 and 11.2.1). */
static dnn_status read_png_head(const unsigned char *png, int64_t bytes, int64_t *width, int64_t *height,
                                int *channels) {
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                                              0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    static const int of_type[] = {1, 0, 3, 3, 2, 0, 4}; /* grey, RGB, palette, grey and alpha, RGBA */
    if (bytes < PNG_HEAD || memcmp(png, signature, sizeof signature) != 0 || png[25] > 6 || of_type[png[25]] == 0)
        return dnni_error(DNN_ERROR_FORMAT, "png does not begin as a PNG file does");
    *width = (int64_t)png[16] << 24 | png[17] << 16 | png[18] << 8 | png[19];
    *height = (int64_t)png[20] << 24 | png[21] << 16 | png[22] << 8 | png[23];
    *channels = of_type[png[25]];
    return DNN_OK;
}

/* Image: height 1, width 2, colorspace 3 (its channels), encoded_image_string 4. */
static dnn_status write_picture(dnn_run *run, const char *tag, int64_t step, const void *png, int64_t bytes) {
    dnni_event event;
    int64_t width = 0, height = 0;
    int channels = 0;
    DNNI_TRY(read_png_head(png, bytes, &width, &height, &channels));
    if (!run->with_events) return DNN_OK;
    DNNI_TRY(dnni_event_begin(run, &event, tag, step));
    int64_t image = dnni_proto_open(&run->record);
    dnni_proto_whole(&run->record, 1, height);
    dnni_proto_whole(&run->record, 2, width);
    dnni_proto_whole(&run->record, 3, channels);
    dnni_proto_bytes(&run->record, 4, png, bytes);
    dnni_proto_close(&run->record, 4, image);
    return dnni_event_write(run, &event);
}

/* pictures/<tag>.png; what could lead out of the folder, or is no name elsewhere, is a '-'. */
static dnn_status keep_picture(dnn_run *run, const char *tag, const void *png, int64_t bytes) {
    char name[DNNI_FACT_NAME + 32];
    dnni_writer w = {.text = name, .room = sizeof name};
    dnni_write(&w, "pictures/%.200s.png", tag);
    for (char *c = name + 9; c < name + w.used - 4; c++)
        if (strchr("/\\:*?\"<>|", *c) || (*c == '.' && c == name + 9)) *c = '-';
    char *folder = dnni_run_path(run->base.ctx, run->folder, "pictures");
    char *path = folder ? dnni_run_path(run->base.ctx, run->folder, name) : NULL;
    dnn_status status = path ? dnni_make_folder(folder) : dnn_last_status();
    if (status == DNN_OK) status = dnni_run_replace(run, path, png, bytes);
    dnni_free_string(run->base.ctx, path);
    dnni_free_string(run->base.ctx, folder);
    return status;
}

dnn_status dnn_run_add_png(dnn_run *run, const char *tag, int64_t step, const void *png, int64_t bytes) {
    dnni_tag clean;
    DNNI_TRY(check(run, &clean, tag, step));
    DNNI_REQUIRE(png && bytes >= 0 && bytes < INT32_MAX, "png is %s, of %lld bytes", png ? "given" : "NULL",
                 (long long)bytes);
    DNNI_TRY(write_picture(run, clean.text, step, png, bytes));
    return finish(run, keep_picture(run, clean.text, png, bytes));
}
