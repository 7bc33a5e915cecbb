/* What the run is: settings, model, data, machine. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "paper/run.h"

/* More of one would be no help to anybody, and the whole must be no more than run.json may hold. */
enum { LONGEST_ARGUMENT = 4096 };

/* ---- settings ---- */

static dnn_status tell_change(dnn_run *run, const char *name, const char *before, const char *now) {
    char line[1024];
    dnni_writer w = {.text = line, .room = sizeof line};
    dnni_write(&w, "setting %s: %.300s, before %.300s", name, now, before);
    return dnni_run_write_log(run, line);
}

static dnn_status set(dnn_run *run, const char *name, const char *text, dnni_fact_kind kind) {
    dnni_tag tag;
    const char *before = NULL;
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_tag_clean(&tag, name, "name"));
    DNNI_REQUIRE(text, "text is NULL");
    if (!dnni_facts_find(&run->facts, "settings", tag.text) &&
        dnni_facts_count(&run->facts, "settings") >= DNNI_MOST_SETTINGS)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "the run has %d settings, which is the most", DNNI_MOST_SETTINGS);
    DNNI_TRY(dnni_facts_set(&run->facts, &(dnni_fact){"settings", tag.text, text, kind}, &before));
    run->outdated = run->unhinted = true;
    return before && strcmp(before, text) != 0 ? tell_change(run, tag.text, before, text) : DNN_OK;
}

dnn_status dnn_run_set_text(dnn_run *run, const char *name, const char *text) {
    return set(run, name, text, DNNI_FACT_TEXT);
}

dnn_status dnn_run_set_number(dnn_run *run, const char *name, double number) {
    return set(run, name, dnni_shortest(number).text, isfinite(number) ? DNNI_FACT_NUMBER : DNNI_FACT_TEXT);
}

dnn_status dnn_run_set_bool(dnn_run *run, const char *name, int32_t value) {
    return set(run, name, value ? "true" : "false", DNNI_FACT_BOOL);
}

/* ---- lists ---- */

static dnn_status add_more(dnni_facts *f, const char *group, int64_t more) {
    char text[64];
    if (more <= 0) return DNN_OK;
    snprintf(text, sizeof text, "… and %lld more", (long long)more);
    return dnni_facts_set_text(f, group, "", text);
}

static dnn_status add_lines(dnni_facts *f, const char *group, dnni_pool *pool, const char *text) {
    int64_t lines = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        char *line = lines < DNNI_MOST_LINES ? dnni_pool_alloc(pool, (int64_t)length + 1, 1) : NULL;
        if (!line && lines < DNNI_MOST_LINES) return DNN_ERROR_MEMORY;
        if (line) DNNI_TRY(dnni_facts_set_text(f, group, "", memcpy(line, text, length)));
        lines++;
        text += length + (text[length] == '\n');
    }
    return add_more(f, group, lines - DNNI_MOST_LINES);
}

/* ---- model and data ---- */

dnn_status dnn_run_set_model(dnn_run *run, const dnn_description *description) {
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_check(description, DNNI_DESCRIPTION, "description"));
    DNNI_TRY(dnni_check_same_context(run, description, "the run and the description"));
    DNNI_TRY(dnn_description_totals_get(description, &totals));
    dnni_facts *f = &run->facts;
    dnni_pool pool = {.ctx = run->base.ctx};
    int64_t before = f->n;
    dnn_status status = add_lines(f, "description", &pool, dnn_description_text(description));
    if (status == DNN_OK) status = dnni_facts_set_whole(f, "model", "parameters", totals.parameters);
    dnni_pool_free(&pool);
    if (status == DNN_OK) dnni_facts_drop(f, "description", before);
    else dnni_facts_cut(f, before);
    run->outdated = true;
    return status;
}

dnn_status dnn_run_set_data(dnn_run *run, const char *name, dnn_dataset *dataset, const dnn_progress *progress) {
    dnni_tag tag;
    char text[64];
    uint64_t hash;
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_tag_clean(&tag, name, "name"));
    DNNI_TRY(dnni_check(dataset, DNNI_DATASET, "dataset"));
    DNNI_TRY(dnni_check_same_context(run, dataset, "the run and the dataset"));
    DNNI_TRY(dnn_dataset_hash(&hash, dataset, progress));
    snprintf(text, sizeof text, "%016llx, %lld samples", (unsigned long long)hash,
             (long long)dnn_dataset_count(dataset));
    DNNI_TRY(dnni_facts_set_text(&run->facts, "data", tag.text, text));
    run->outdated = true;
    return DNN_OK;
}

/* ---- program and machine ---- */

/* Linux says it in a line "model name : …" for each processor; elsewhere it is the machine's kind. */
static void find_processor(char *text, size_t room) {
    char piece[4096];
    struct utsname machine;
    int descriptor = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = descriptor >= 0 ? read(descriptor, piece, sizeof piece - 1) : -1;
    if (descriptor >= 0) close(descriptor);
    piece[n > 0 ? n : 0] = '\0';
    const char *line = strstr(piece, "model name"), *colon = line ? strchr(line, ':') : NULL;
    if (colon) snprintf(text, room, "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
    else snprintf(text, room, "%s", uname(&machine) == 0 ? machine.machine : "unknown");
    memmove(text, text + strspn(text, " \t"), strlen(text + strspn(text, " \t")) + 1);
}

static dnn_status describe_machine(dnn_run *run) {
    const dnn_context *ctx = run->base.ctx;
    dnni_facts *f = &run->facts;
    char processor[256], seed[24];
    struct utsname machine;
    find_processor(processor, sizeof processor);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)ctx->seed);
    DNNI_TRY(dnni_facts_set(f, &(dnni_fact){"machine", "seed", seed, DNNI_FACT_NUMBER}, NULL));
    DNNI_TRY(dnni_facts_set_text(f, "machine", "version", dnn_version_string()));
    DNNI_TRY(dnni_facts_set_text(f, "machine", "library", ctx->description));
    DNNI_TRY(dnni_facts_set_text(f, "machine", "kernels", dnnk_isa_name(ctx->env.isa)));
    DNNI_TRY(dnni_facts_set_text(f, "machine", "processor", processor));
    DNNI_TRY(dnni_facts_set_whole(f, "machine", "threads", ctx->env.lanes));
    DNNI_TRY(dnni_facts_set_text(f, "machine", "host", uname(&machine) == 0 ? machine.nodename : "unknown"));
    return dnni_facts_set_whole(f, "machine", "process", getpid());
}

static dnn_status describe_arguments(dnni_facts *f, const dnn_run_desc *d) {
    dnni_facts_drop(f, "arguments", f->n);
    for (int32_t i = 0; i < d->argc && i < DNNI_MOST_LINES; i++) {
        char argument[LONGEST_ARGUMENT];
        snprintf(argument, sizeof argument, "%s", d->argv[i]);
        DNNI_TRY(dnni_facts_set_text(f, "arguments", "", argument));
    }
    return add_more(f, "arguments", (int64_t)d->argc - DNNI_MOST_LINES);
}

dnn_status dnni_run_describe(dnn_run *run, const dnn_run_desc *d) {
    dnni_facts *f = &run->facts;
    const char *slash = strrchr(run->folder, '/'), *last = slash && slash[1] ? slash + 1 : run->folder;
    if (d->name || !dnni_facts_find(f, "", "name"))
        DNNI_TRY(dnni_facts_set_text(f, "", "name", d->name ? d->name : last));
    DNNI_TRY(dnni_facts_set_text(f, "", "status", "running"));
    DNNI_TRY(dnni_facts_set_text(f, "", "message", ""));
    DNNI_TRY(dnni_facts_set_text(f, "", "started", dnni_time(dnni_run_now(run), false).text));
    DNNI_TRY(dnni_facts_set(f, &(dnni_fact){"", "ended", "null", DNNI_FACT_NULL}, NULL));
    DNNI_TRY(describe_arguments(f, d));
    return describe_machine(run);
}
