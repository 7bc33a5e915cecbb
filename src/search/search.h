/* A search, part by part: ranges and what a trial draws from them (space.c, draw.c), what is known of trials
 * (trials.c), when one goes on (rungs.c), the folder (folder.c, worker.c, line.c), what it all says (report.c,
 * importance.c, border.c, picture.c). */
#ifndef DNNI_SEARCH_ROOM_H
#define DNNI_SEARCH_ROOM_H

#include <dnn/search.h>

#include "core/context.h"
#include "core/text.h"

enum { DNNI_MOST_RANGES = 64, DNNI_NAME_ROOM = 64, DNNI_MOST_TRIALS = 1000000, DNNI_MOST_RUNGS = 64 };

/* ---- ranges ---- */

typedef enum dnni_range_kind {
    DNNI_UNIFORM,
    DNNI_LOG_UNIFORM,
    DNNI_INTEGER,
    DNNI_LOG_INTEGER,
    DNNI_CHOICE
} dnni_range_kind;

typedef struct dnni_range {
    dnni_range_kind kind;
    char name[DNNI_NAME_ROOM];
    double low, high; /* of a choice 0 and n - 1 */
    int64_t n;        /* values there are; 0: a real number */
    char **choices;   /* [n]; NULL: no choice */
    uint64_t stream;  /* of its random numbers: the hash of its name */
} dnni_range;

static inline bool dnni_range_is_log(const dnni_range *r) {
    return r->kind == DNNI_LOG_UNIFORM || r->kind == DNNI_LOG_INTEGER;
}

/* Where a value lies in its range, on its scale: 0 is low, 1 is high. */
double dnni_range_place(const dnni_range *r, double value);

/* A value as people read it: a number, or the text of a choice. Good as long as `number` and the search live. */
const char *dnni_range_text(const dnni_range *r, double value, dnni_real_text *number);

/* ---- trials ---- */

typedef struct dnni_trial {
    int64_t number;
    int64_t begun;  /* the steps that its last run goes on from; -1: it has not begun */
    int64_t paused; /* the last step at which it was left to wait; 0: none */
    int64_t steps;  /* the last that was told; 0: none */
    double value;   /* told there; NaN: it failed, or nothing was told */
    bool stopped, done;
    int32_t rungs;  /* that it has come to */
} dnni_trial;

typedef enum dnni_verdict { DNNI_BEGIN, DNNI_GO_ON, DNNI_PAUSE, DNNI_STOP, DNNI_DONE, DNNI_VERDICTS } dnni_verdict;

/* One line of a worker's file: a trial begins behind `step`; or is told `value` at `step`, and what follows. Without a
 * step (0) it is over. */
typedef struct dnni_line {
    int64_t trial, step;
    double value;
    dnni_verdict then;
} dnni_line;

/* ---- the folder ---- */

/* The file of one process. */
typedef struct dnni_worker {
    int descriptor; /* -1: not open */
    int64_t bytes;  /* read so far; of our own file: its length */
    int64_t lines;  /* in those */
    int64_t current; /* the trial that it has begun and not ended; -1: none */
} dnni_worker;

struct dnn_search {
    dnni_object base;
    dnn_search_desc desc; /* completed; folder is ours, or NULL */
    dnni_range ranges[DNNI_MOST_RANGES];
    int64_t n_ranges;
    int64_t rungs[DNNI_MOST_RUNGS]; /* steps */
    int32_t n_rungs;
    bool opened; /* ranges are final, and the folder is there */

    dnni_trial *trials; /* as they became known */
    double *results;    /* (trials_capacity, n_rungs): of each trial, at the rungs that it has come to */
    int64_t n_trials, trials_capacity, results_capacity;
    int32_t *places; /* of each number its place in `trials`, plus 1; 0: it is not there */
    int64_t places_capacity;

    int64_t next;      /* all numbers below have begun, or are repeats */
    uint64_t *hashes;  /* of the values of those that are no repeats, and their numbers */
    int64_t *numbers;
    int64_t n_hashes, hashes_capacity, numbers_capacity;
    int64_t repeats;   /* that were passed over */

    dnni_worker *workers; /* by their number */
    int64_t n_workers, workers_capacity;
    int64_t own;  /* our place among them; -1: none yet */
    bool torn;    /* a write to our file has failed: something may stand behind its end */
    int lock;     /* the descriptor of the folder's lock; -1 */

    int64_t running; /* the trial that this search has handed out; -1: none */
    int64_t told;    /* the last step told in this run of it; -1: nothing */
};

static inline dnn_status dnni_check_search(const dnn_search *s) { return dnni_check(s, DNNI_SEARCH, "search"); }

/* Whether the first value is better. NaN is worse than all. */
bool dnni_search_better(const dnn_search *s, double a, double b);

/* space.c: the ranges as JSON, for the folder; how many trials there are at most. */
void dnni_space_write(dnni_writer *w, const void *search);
int64_t dnni_space_trials(const dnn_search *s);
void dnni_space_free(dnn_search *s);

/* draw.c: the value of range k in a trial; whether the trial has the values of an earlier one, for numbers in rising
 * order. */
double dnni_draw(const dnn_search *s, int64_t trial, int64_t k);
int64_t dnni_draw_points(const dnn_search *s, int64_t k); /* of range k in a grid */
dnn_status dnni_draw_repeats(dnn_search *s, int64_t trial, bool *repeats);

/* trials.c: what is known of a number (NULL: nothing); what a line says goes there. */
dnni_trial *dnni_trials_find(const dnn_search *s, int64_t number);
dnn_status dnni_trials_reserve(dnn_search *s, int64_t number);
void dnni_trials_take(dnn_search *s, dnni_worker *worker, const dnni_line *line);
bool dnni_trial_ended(const dnni_trial *t);
bool dnni_trial_waits(const dnni_trial *t);
double *dnni_trial_results(const dnn_search *s, const dnni_trial *t);
dnn_trial_state dnni_trial_state_of(const dnni_trial *t);

/* The trials by their last values, the best first; then those that failed, and those that were told nothing. */
typedef struct dnni_ranking {
    const dnn_search *search;
    uint32_t *order; /* places in search->trials */
    int64_t told, good; /* how many were told something, and how many of those did not fail */
} dnni_ranking;
dnn_status dnni_ranking_make(dnni_ranking *r, const dnn_search *s);
void dnni_ranking_free(dnni_ranking *r);

static inline const dnni_trial *dnni_ranked(const dnni_ranking *r, int64_t i) {
    return &r->search->trials[r->order[i]];
}

/* rungs.c: what becomes of a trial that is told a value; the waiting trial that is to go on (-1: none). */
void dnni_rungs_settle(dnn_search *s);
dnni_verdict dnni_rungs_judge(const dnn_search *s, const dnni_trial *t, int64_t step, double value);
int64_t dnni_rungs_promote(const dnn_search *s);

/* line.c: text[0..bytes) without its end; and back, with it. */
enum { DNNI_LINE_ROOM = 160 };
dnn_status dnni_line_read(dnni_line *line, const char *text, int64_t bytes);
int64_t dnni_line_write(char text[DNNI_LINE_ROOM], const dnni_line *line);

/* folder.c: opens the folder, if there is one; the lock; what others have written since. Without a folder: nothing. */
dnn_status dnni_folder_open(dnn_search *s);
void dnni_folder_close(dnn_search *s);
dnn_status dnni_folder_lock(dnn_search *s);
void dnni_folder_unlock(dnn_search *s);
char *dnni_folder_path(const dnn_search *s, const char *name); /* give it back with dnni_free_string */

/* worker.c: takes a file of our own, under the lock; a line goes there (and to the disk), and is then known; the trial
 * that a process has left (-1: none), under the lock. */
dnn_status dnni_worker_join(dnn_search *s);
dnn_status dnni_worker_read_all(dnn_search *s);
dnn_status dnni_worker_add(dnn_search *s, const dnni_line *line, bool sync);
int64_t dnni_worker_left(const dnn_search *s);

/* What a report is made of: importance.c, border.c, picture.c. */
enum { DNNI_FEWEST = 12 }; /* trials with a value, below which nothing is said of chance */
dnn_status dnni_search_importance(dnn_report *report, const dnni_ranking *r);
dnn_status dnni_search_border(dnn_report *report, const dnni_ranking *r);
dnn_status dnni_search_scatter(dnn_report *report, const dnni_ranking *r);

#endif
