/* A run from its beginning to its end. */
#include "paper/run.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define CSV_HEAD "time,step,tag,value\n"

enum { MOST_EARLIER = 100 };

static double system_time(void *user) {
    struct timespec now;
    (void)user;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? (double)now.tv_sec + 1e-9 * (double)now.tv_nsec : 0;
}

/* ---- run.json ---- */

static dnn_status write_facts(dnn_run *run) {
    dnni_pool pool = {.ctx = run->base.ctx};
    char *path = dnni_run_path(run->base.ctx, run->folder, "run.json");
    const char *text = path ? dnni_facts_json(&run->facts, &pool) : NULL;
    dnn_status status = text ? dnni_run_replace(run, path, text, (int64_t)strlen(text)) : dnn_last_status();
    dnni_pool_free(&pool);
    dnni_free_string(run->base.ctx, path);
    return status;
}

dnn_status dnni_run_settle(dnn_run *run) {
    if (run->outdated) DNNI_TRY(write_facts(run));
    run->outdated = false;
    if (run->unhinted) DNNI_TRY(dnni_events_start_info(run));
    run->unhinted = false;
    return DNN_OK;
}

/* ---- beginning ---- */

static void free_run(void *object) {
    dnn_run *run = object;
    dnn_context *ctx = run->base.ctx;
    dnni_log_detach(ctx, &run->tap);
    dnni_journal_close(&run->events);
    dnni_journal_close(&run->scalars);
    dnni_journal_close(&run->log);
    pthread_mutex_destroy(&run->log_lock);
    dnni_proto_free(&run->record);
    dnni_facts_free(&run->facts);
    dnni_free_string(ctx, run->folder);
}

static dnn_run *new_run(dnn_context *ctx, const dnn_run_desc *d) {
    dnn_run *run = dnni_object_new(ctx, DNNI_RUN, sizeof *run, free_run);
    if (!run) return NULL;
    run->now = d->now ? d->now : system_time;
    run->user = d->user;
    run->with_events = !d->no_events;
    run->facts.pool.ctx = run->record.ctx = ctx;
    run->events = run->scalars = run->log = (dnni_journal){.ctx = ctx, .descriptor = -1};
    pthread_mutex_init(&run->log_lock, NULL);
    run->tap = (dnni_log_tap){.write = dnni_run_log_context, .user = run};
    return run;
}

static dnn_status open_lines(dnn_run *run, dnni_journal *journal, const char *name) {
    char *path = dnni_run_path(run->base.ctx, run->folder, name);
    if (!path) return dnn_last_status();
    dnn_status status = dnni_journal_lines(journal, run->base.ctx, path);
    dnni_free_string(run->base.ctx, path);
    return status;
}

static dnn_status open_files(dnn_run *run) {
    DNNI_TRY(open_lines(run, &run->log, "log.txt"));
    DNNI_TRY(open_lines(run, &run->scalars, "scalars.csv"));
    if (run->scalars.bytes == 0) DNNI_TRY(dnni_journal_add(&run->scalars, CSV_HEAD, sizeof CSV_HEAD - 1));
    return run->with_events ? dnni_events_open(run) : DNN_OK;
}

/* How the start before this one ended, among the earlier ones. */
static dnn_status keep_earlier(dnni_facts *f) {
    char line[512];
    const char *message = dnni_facts_text(f, "", "message");
    if (dnni_facts_count(f, "earlier") >= MOST_EARLIER) dnni_facts_drop(f, "earlier", f->n);
    dnni_writer w = {.text = line, .room = sizeof line};
    dnni_write(&w, "%.40s, %.20s%s%.300s", dnni_facts_text(f, "", "started"), dnni_facts_text(f, "", "status"),
               *message ? ": " : "", message);
    return dnni_facts_set_text(f, "earlier", "", line);
}

static dnn_status look_for_earlier(dnn_run *run, const dnn_run_desc *d) {
    dnn_status status = dnni_facts_read(&run->facts, run->base.ctx, run->folder);
    if (status == DNN_ERROR_NOT_FOUND) return DNN_OK;
    DNNI_TRY(status);
    if (d->mode == DNN_RUN_NEW)
        return dnni_error(DNN_ERROR_STATE, "%.400s holds a run, begun %.40s: continue it (DNN_RUN_CONTINUE), or take "
                          "another folder", run->folder, dnni_facts_text(&run->facts, "", "started"));
    run->continued = true;
    return keep_earlier(&run->facts);
}

static dnn_status begin(dnn_run *run, const dnn_run_desc *d) {
    run->outdated = true;
    DNNI_TRY(look_for_earlier(run, d));
    run->unhinted = dnni_facts_count(&run->facts, "settings") > 0;
    DNNI_TRY(dnni_run_describe(run, d));
    DNNI_TRY(open_files(run));
    dnn_status status = dnni_run_settle(run);
    if (status == DNN_OK) status = dnni_run_write_log(run, run->continued ? "the run goes on" : "the run begins");
    if (status != DNN_OK && run->events.path) unlink(run->events.path);
    return status;
}

static dnn_status check_desc(const dnn_run_desc *d) {
    DNNI_REQUIRE(d->mode == DNN_RUN_NEW || d->mode == DNN_RUN_CONTINUE, "desc.mode is %d, which is none", (int)d->mode);
    DNNI_REQUIRE(d->argc >= 0 && (d->argv || d->argc == 0), "desc.argc is %d, and argv is %s", (int)d->argc,
                 d->argv ? "given" : "NULL");
    for (int32_t i = 0; i < d->argc; i++) DNNI_REQUIRE(d->argv[i], "desc.argv[%d] is NULL", (int)i);
    return DNN_OK;
}

dnn_status dnn_run_create(dnn_run **out, dnn_context *ctx, const char *folder, const dnn_run_desc *desc) {
    dnn_run_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(ctx, DNNI_CONTEXT, "ctx"));
    DNNI_REQUIRE(folder && *folder, "folder is %s", folder ? "empty" : "NULL");
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_desc(&d));
    DNNI_TRY(dnni_make_folder(folder));
    dnn_run *run = new_run(ctx, &d);
    if (!run) return DNN_ERROR_MEMORY;
    run->folder = dnni_copy_string(ctx, folder);
    dnn_status status = run->folder ? begin(run, &d) : DNN_ERROR_MEMORY;
    if (status != DNN_OK) {
        dnni_object_release(run, DNNI_RUN, "run");
        return status;
    }
    if (!d.no_context_log) dnni_log_attach(ctx, &run->tap);
    *out = run;
    return DNN_OK;
}

/* ---- ending ---- */

static dnn_status sync_all(dnn_run *run) {
    DNNI_TRY(dnni_journal_sync(&run->scalars));
    DNNI_TRY(dnni_journal_sync(&run->events));
    pthread_mutex_lock(&run->log_lock);
    dnn_status status = dnni_journal_sync(&run->log);
    int64_t lost = run->lost_lines;
    if (status == DNN_OK) run->lost_lines = 0;
    pthread_mutex_unlock(&run->log_lock);
    if (status != DNN_OK || lost == 0) return status;
    return dnni_error(DNN_ERROR_IO, "%.400s/log.txt: %lld lines of the context's log could not be written", run->folder,
                      (long long)lost);
}

dnn_status dnn_run_flush(dnn_run *run) {
    DNNI_TRY(dnni_check_run(run));
    DNNI_TRY(dnni_run_settle(run));
    return sync_all(run);
}

static dnn_status note_end(dnn_run *run, const char *how, const char *message) {
    dnni_facts *f = &run->facts;
    run->outdated = true;
    DNNI_TRY(dnni_facts_set_text(f, "", "status", how));
    DNNI_TRY(dnni_facts_set_text(f, "", "message", message));
    DNNI_TRY(dnni_facts_set_text(f, "", "ended", dnni_time(dnni_run_now(run), false).text));
    return DNN_OK;
}

static dnn_status end(dnn_run *run, const char *how, const char *message) {
    char line[DNNI_ERROR_BYTES + 64];
    dnni_writer w = {.text = line, .room = sizeof line};
    DNNI_TRY(note_end(run, how, message));
    run->ended = true;
    dnni_write(&w, "the run is %s%s%s", how, *message ? ": " : "", message);
    dnn_status log = dnni_run_write_log(run, line), settled = dnni_run_settle(run);
    DNNI_TRY(dnni_events_end_info(run, strcmp(how, "done") != 0));
    DNNI_TRY(log);
    DNNI_TRY(settled);
    return sync_all(run);
}

/* What the host's thread failed with is its own: what goes wrong here comes after it. */
dnn_status dnn_run_end(dnn_run *run, dnn_status status) {
    dnni_saved_error why;
    DNNI_TRY(dnni_check_run(run));
    dnni_error_save(&why);
    if (status == DNN_OK) return end(run, "done", "");
    return end(run, "failed", why.status == status ? why.line : dnn_status_text(status));
}

dnn_status dnn_run_release(dnn_run *run) {
    dnni_saved_error before;
    if (!run) return DNN_OK;
    DNNI_TRY(dnni_check_run(run));
    dnni_error_save(&before);
    dnn_status status = run->ended ? dnni_run_settle(run) : end(run, "stopped", "");
    if (status != DNN_OK) dnni_error_restore(&before);
    return dnni_object_release(run, DNNI_RUN, "run");
}

const char *dnn_run_folder(const dnn_run *run) { return dnni_check_run(run) == DNN_OK ? run->folder : NULL; }
