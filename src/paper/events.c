/* TensorBoard's event files: records (a length, its sum, data, their sum) of messages "Event".
 *
 * Numbers of fields (tensorboard/compat/proto/event.proto, summary.proto, tensor.proto; plugins/hparams/api.proto,
 * plugin_data.proto): Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7. Summary: value 1. Value:
 * tag 1, tensor 8, metadata 9. SummaryMetadata: plugin_data 1 {plugin_name 1, content 2}, data_class 4. SessionLog:
 * status 1. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hash/crc32c.h"
#include "paper/number.h"
#include "paper/run.h"

enum { LENGTH_BYTES = 8, SUM_BYTES = 4, HEAD_BYTES = LENGTH_BYTES + SUM_BYTES, MOST_FILES = 1000 };
enum { DATA_CLASS_TENSOR = 2, DT_FLOAT = 1, SESSION_START = 1 };

/* ---- records ---- */

/* A sum of data that holds sums is weak: so those in the file are turned, and moved on. */
static uint32_t masked_sum(const dnn_run *run, const void *data, int64_t bytes) {
    uint32_t sum = dnnk_crc32c(dnni_env(run->base.ctx)->isa, 0, data, bytes);
    return (sum >> 15 | sum << 17) + 0xa282ead8u;
}

static void begin_record(dnn_run *run) {
    static const unsigned char head[HEAD_BYTES];
    run->record.used = 0;
    run->record.status = DNN_OK;
    dnni_proto_raw(&run->record, head, HEAD_BYTES); /* to be filled in */
    dnni_proto_double(&run->record, 1, dnni_run_now(run));
}

static dnn_status write_record(dnn_run *run) {
    dnni_proto *p = &run->record;
    DNNI_TRY(p->status);
    int64_t end = p->used, bytes = end - HEAD_BYTES;
    dnni_proto_fixed(p, masked_sum(run, p->data + HEAD_BYTES, bytes), SUM_BYTES);
    DNNI_TRY(p->status);
    p->used = 0;
    dnni_proto_fixed(p, (uint64_t)bytes, LENGTH_BYTES);
    dnni_proto_fixed(p, masked_sum(run, p->data, LENGTH_BYTES), SUM_BYTES);
    return dnni_journal_add(&run->events, p->data, end + SUM_BYTES);
}

/* ---- the file ---- */

/* events.out.tfevents.<seconds>.<host>.<process>.<number>: sorted by name they are sorted by time. */
static dnn_status new_file(dnn_run *run) {
    struct utsname machine;
    char name[256];
    bool taken = true;
    const char *host = uname(&machine) == 0 ? machine.nodename : "unknown";
    for (int number = 0; taken && number < MOST_FILES; number++) {
        snprintf(name, sizeof name, "events.out.tfevents.%010lld.%.64s.%ld.%d", (long long)dnni_run_now(run), host,
                 (long)getpid(), number);
        char *path = dnni_run_path(run->base.ctx, run->folder, name);
        if (!path) return dnn_last_status();
        dnn_status status = dnni_journal_new(&run->events, run->base.ctx, path, &taken);
        dnni_free_string(run->base.ctx, path);
        DNNI_TRY(status);
    }
    return taken ? dnni_error(DNN_ERROR_IO, "%.400s has %d event files of this second", run->folder, MOST_FILES)
                 : DNN_OK;
}

dnn_status dnni_events_open(dnn_run *run) {
    DNNI_TRY(new_file(run));
    begin_record(run);
    dnni_proto_text(&run->record, 3, "brain.Event:2");
    return write_record(run);
}

/* Tells readers to forget what was logged from this step on, before a continued run logs it anew. */
static dnn_status tell_restart(dnn_run *run, int64_t step) {
    if (!run->continued || !run->with_events) return DNN_OK;
    begin_record(run);
    dnni_proto_whole(&run->record, 2, step);
    int64_t at = dnni_proto_open(&run->record);
    dnni_proto_whole(&run->record, 1, SESSION_START);
    dnni_proto_close(&run->record, 7, at);
    return write_record(run);
}

/* ---- events ---- */

dnn_status dnni_event_begin(dnn_run *run, dnni_event *event, const char *tag, int64_t step) {
    if (step >= 0) {
        DNNI_TRY(tell_restart(run, step));
        run->continued = false;
    }
    begin_record(run);
    if (step > 0) dnni_proto_whole(&run->record, 2, step);
    event->summary = dnni_proto_open(&run->record);
    event->value = dnni_proto_open(&run->record);
    dnni_proto_text(&run->record, 1, tag);
    return run->record.status;
}

dnn_status dnni_event_write(dnn_run *run, const dnni_event *event) {
    dnni_proto_close(&run->record, 1, event->value);
    dnni_proto_close(&run->record, 5, event->summary);
    return write_record(run);
}

void dnni_event_metadata(dnn_run *run, const char *plugin, const void *content, int64_t bytes) {
    dnni_proto *p = &run->record;
    int64_t metadata = dnni_proto_open(p), data = dnni_proto_open(p);
    dnni_proto_text(p, 1, plugin);
    if (bytes > 0) dnni_proto_bytes(p, 2, content, bytes);
    dnni_proto_close(p, 1, data);
    dnni_proto_whole(p, 4, DATA_CLASS_TENSOR);
    dnni_proto_close(p, 9, metadata);
}

/* ---- hyperparameters ---- */

/* google.protobuf.Value: number 2, string 3, bool 4. */
static void put_value(dnni_proto *p, const dnni_fact *fact) {
    double number;
    int64_t at = dnni_proto_open(p);
    if (fact->kind == DNNI_FACT_NUMBER && dnni_number_read(fact->text, (int64_t)strlen(fact->text), &number))
        dnni_proto_double(p, 2, number);
    else if (fact->kind == DNNI_FACT_BOOL) dnni_proto_whole(p, 4, fact->text[0] == 't');
    else dnni_proto_text(p, 3, fact->text);
    dnni_proto_close(p, 2, at);
}

/* SessionStartInfo: hparams 1, a map of name 1 and value 2; start_time_secs 5. */
static void put_start_info(dnni_proto *p, const dnn_run *run) {
    int64_t info = dnni_proto_open(p);
    for (int64_t i = 0; i < run->facts.n; i++) {
        const dnni_fact *fact = &run->facts.list[i];
        if (strcmp(fact->group, "settings") != 0) continue;
        int64_t entry = dnni_proto_open(p);
        dnni_proto_text(p, 1, fact->name);
        put_value(p, fact);
        dnni_proto_close(p, 1, entry);
    }
    dnni_proto_double(p, 5, dnni_run_now(run));
    dnni_proto_close(p, 3, info);
}

/* SessionEndInfo: status 1 (1 success, 2 failure), end_time_secs 2. */
static void put_end_info(dnni_proto *p, const dnn_run *run, bool failed) {
    int64_t info = dnni_proto_open(p);
    dnni_proto_whole(p, 1, failed ? 2 : 1);
    dnni_proto_double(p, 2, dnni_run_now(run));
    dnni_proto_close(p, 4, info);
}

/* A summary whose content is in the metadata; its tensor is a zero that nobody looks at. */
static dnn_status write_info(dnn_run *run, const char *tag, const dnni_proto *content) {
    dnni_event event;
    DNNI_TRY(content->status);
    DNNI_TRY(dnni_event_begin(run, &event, tag, -1));
    int64_t tensor = dnni_proto_open(&run->record);
    dnni_proto_whole(&run->record, 1, DT_FLOAT);
    dnni_proto_close(&run->record, 8, tensor);
    dnni_event_metadata(run, "hparams", content->data, content->used);
    return dnni_event_write(run, &event);
}

dnn_status dnni_events_start_info(dnn_run *run) {
    dnni_proto content = {.ctx = run->base.ctx};
    if (!run->with_events) return DNN_OK;
    put_start_info(&content, run);
    dnn_status status = write_info(run, "_hparams_/session_start_info", &content);
    dnni_proto_free(&content);
    return status;
}

dnn_status dnni_events_end_info(dnn_run *run, bool failed) {
    dnni_proto content = {.ctx = run->base.ctx};
    if (!run->with_events) return DNN_OK;
    put_end_info(&content, run, failed);
    dnn_status status = write_info(run, "_hparams_/session_end_info", &content);
    dnni_proto_free(&content);
    return status;
}
