/* A run as its files share it. */
#ifndef DNNI_RUN_H
#define DNNI_RUN_H

#include <dnn/run.h>
#include <pthread.h>

#include "core/context.h"
#include "paper/facts.h"
#include "paper/journal.h"
#include "paper/proto.h"

struct dnn_run {
    dnni_object base;
    char *folder;
    double (*now)(void *user);
    void *user;
    dnni_facts facts;
    bool outdated;  /* the facts are not as run.json has them */
    bool unhinted;  /* nor as TensorBoard's hyperparameters */
    bool continued; /* and no event of this start has said so yet */
    bool ended;
    bool with_events;
    dnni_journal events, scalars;
    dnni_proto record; /* the event that is being made */

    pthread_mutex_t log_lock; /* for the three below: the context's lines come from any thread */
    dnni_journal log;
    int64_t lost_lines; /* of the context's log, since a flush has told */
    dnni_log_tap tap;
};

static inline dnn_status dnni_check_run(const dnn_run *run) { return dnni_check(run, DNNI_RUN, "run"); }

/* Seconds since 1970, within the years that have four digits; 0 for what a host's clock says besides. */
static inline double dnni_run_now(const dnn_run *run) {
    double now = run->now(run->user);
    return now >= 0 && now < 253402300799 ? now : 0;
}

/* ---- folders and time ---- */

/* folder/name, to be given back with dnni_free_string; NULL if it is too long, or there is no memory. */
char *dnni_run_path(dnn_context *ctx, const char *folder, const char *name);

/* Whether there is nothing at that path; what cannot be asked about counts as there. */
bool dnni_run_is_missing(const char *path);

/* Makes a folder that is not there; replaces a file as a whole. Errors have the path in front. */
dnn_status dnni_make_folder(const char *path);
dnn_status dnni_run_replace(dnn_run *run, const char *path, const void *data, int64_t bytes);

/* "2026-11-24T13:04:11.250Z", or without the fraction; of what dnni_run_now says. */
typedef struct dnni_time_text {
    char text[32];
} dnni_time_text;
dnni_time_text dnni_time(double seconds, bool fraction);

/* ---- names that come in ---- */

typedef struct dnni_tag {
    char text[3 * DNNI_FACT_NAME + 1]; /* clean: a byte becomes three at most */
} dnni_tag;

/* Of 1 to 200 bytes. `what` it is: "tag". */
dnn_status dnni_tag_clean(dnni_tag *tag, const char *text, const char *what);

/* ---- run.json ---- */

/* What is known without being told: program, library, machine. */
dnn_status dnni_run_describe(dnn_run *run, const dnn_run_desc *desc);

/* Writes run.json, if it is outdated, and what goes with it: to be called when all else of a call is done. */
dnn_status dnni_run_settle(dnn_run *run);

/* ---- log.txt ---- */

/* Each line of the text behind the time, as one piece. `text` is cleaned. */
dnn_status dnni_run_write_log(dnn_run *run, const char *text);
void dnni_run_log_context(void *run, dnn_log_level level, const char *line);

/* ---- TensorBoard ---- */

/* The file of this start, with its first record. */
dnn_status dnni_events_open(dnn_run *run);

/* An event is made in run->record: begin, put the summary's value, write. `step` < 0: none. Fields of a value by
 * TensorBoard's numbers: simple_value 2, image 4, histo 5, tensor 8. Only where there are event files (with_events). */
typedef struct dnni_event {
    int64_t summary, value; /* where they begin in the record */
} dnni_event;
dnn_status dnni_event_begin(dnn_run *run, dnni_event *event, const char *tag, int64_t step);
void dnni_event_metadata(dnn_run *run, const char *plugin, const void *content, int64_t bytes);
dnn_status dnni_event_write(dnn_run *run, const dnni_event *event);

/* The settings as hyperparameters, and how the run ended; without event files, nothing. */
dnn_status dnni_events_start_info(dnn_run *run);
dnn_status dnni_events_end_info(dnn_run *run, bool failed);

#endif
