/* libdnn: search: the numbers of a run that nobody knows beforehand: rates, widths, decays. The loop stays the
 * program's: it asks for the next trial, trains with its values, and tells how that went.
 *
 *     dnn_search_create(&search, ctx, &(dnn_search_desc){DNN_SIZED(dnn_search_desc), .folder = "search", .trials = 60,
 *                                                        .min_steps = 1, .max_steps = 64});
 *     dnn_search_log_uniform(search, "lr", 1e-5, 1);
 *     dnn_search_log_integer(search, "width", 8, 512);
 *     while ((status = dnn_search_next(search, &trial)) == DNN_OK) {
 *         double lr = dnn_search_value(search, trial, "lr");
 *         …
 *         for (int32_t go_on = 1, epoch = 1; go_on; epoch++) {
 *             … train an epoch, evaluate …
 *             dnn_search_tell(search, trial, epoch, validation_loss, &go_on);
 *         }
 *     }
 *     dnn_search_report(&report, search);
 *
 * Random search tries more values of the few parameters that matter than a grid of as many trials (Bergstra and Bengio
 * 2012). The values of a trial are a function of (seed, trial, name of the parameter), by the counter-based generator:
 * the same in every process and on every machine, whatever other parameters there are. Real numbers are rounded to six
 * significant digits, so that what a report shows is what was run.
 *
 * Trials that lose are stopped early by ASHA (Li et al. 2020): at the rungs min_steps · eta^k (k = 0, 1, …, below
 * max_steps) a trial goes on if it is among the best 1/eta of those that have come there so far. The paper's early-
 * stopping rate s is a min_steps of r · eta^s.
 *
 * A folder makes a search last: results go there, line by line, and a search that is opened on it again goes on; a
 * trial that a killed process has left is run again. Several processes (or threads, each with a search of its own) may
 * work on one folder at the same time: they share the trials among them, and judge by the results of all. In it are
 *
 *     space.json          the ranges and settings; a search with others is refused (STATE)
 *     worker-<n>.jsonl    what the n-th process did, an object a line: {"trial":3,"step":4,"value":0.5,"then":"go on"}.
 *                         "then" is begin, go on, pause, stop or done; a value that is not finite is null
 *     lock                held for moments, while a trial is chosen
 *
 * Each process holds a lock on its file (flock), which goes when the process goes. A last line without an end is what a
 * crash has left, and is cut off; any other fault is FORMAT, with the file and the line. Begins, rungs and ends are
 * synced to the disk.
 *
 * Findings of the report: "best-at-border" (a warning where other good trials lie there, too; otherwise a note),
 * "parameter-matters", "too-few-trials", "repeated-trials", "trials-failed", "no-result".
 *
 * Threads: a search is used by one thread at a time. */
#ifndef DNN_SEARCH_H
#define DNN_SEARCH_H

#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_search dnn_search;

typedef enum dnn_search_method {
    DNN_SEARCH_RANDOM = 0,
    DNN_SEARCH_GRID = 10 /* every combination of `points` values of each parameter: for comparison, and for pictures */
} dnn_search_method;

typedef struct dnn_search_desc {
    size_t size;
    const char *folder;       /* made if it is not there (one level); default: none, the search is in memory only */
    dnn_search_method method;
    int64_t trials;           /* at most so many, 1 to 1,000,000; a grid's default is all of it. May differ from that
                                 of an earlier process: more trials go on where those ended */
    int64_t points;           /* GRID: values of each range, its ends among them; default 5, at least 2. Choices, and
                                 integers of which there are no more, are all taken */
    uint64_t seed;            /* default 0, a seed like any other */
    int32_t maximise;         /* 1: larger values are better (an accuracy); default 0: smaller ones (a loss) */
    int64_t max_steps;        /* a trial is over at this step; default: when the program goes to the next one */
    int64_t min_steps;        /* the first rung, from 1, below max_steps, which it needs; default: nothing is stopped */
    int64_t eta;              /* 1/eta of the trials go on at a rung; at least 2; default 4 */
    int32_t promote;          /* 1: as in the paper, a trial that is not good enough waits, and is handed out again by
                                 dnn_search_next when results make it one of the best ⌊n/eta⌋ of its rung: the program
                                 then goes on from a checkpoint that it keeps for each trial. 0: it is over */
} dnn_search_desc;

/* `desc` is needed. The folder is looked at by the first call that needs what is in it. Errors: ARGUMENT, MEMORY. */
DNN_API dnn_status dnn_search_create(dnn_search **out, dnn_context *ctx, const dnn_search_desc *desc);

/* A trial that is running is left as it is: a later search on the folder runs it again. */
DNN_API dnn_status dnn_search_release(dnn_search *search);

/* ---- parameters, 1 to 64; before the first trial ---- */

/* A number in [low, high], low < high: all are equally likely; or all orders of magnitude (exp(U(ln low, ln high)),
 * low > 0): for rates, decays, and 1 - momentum. Names are UTF-8, 1 to 63 bytes; they and all text are copied.
 * Errors: ARGUMENT; STATE once trials have begun. */
DNN_API dnn_status dnn_search_uniform(dnn_search *search, const char *name, double low, double high);
DNN_API dnn_status dnn_search_log_uniform(dnn_search *search, const char *name, double low, double high);

/* A whole number from low to high, both within ±2^53; for log_integer low >= 1, and k has the probability that a real
 * number in [low - 1/2, high + 1/2], drawn on the logarithmic scale, is rounded to it: for widths and batch sizes. */
DNN_API dnn_status dnn_search_integer(dnn_search *search, const char *name, int64_t low, int64_t high);
DNN_API dnn_status dnn_search_log_integer(dnn_search *search, const char *name, int64_t low, int64_t high);

/* One of n, 2 to 1000, texts. */
DNN_API dnn_status dnn_search_choice(dnn_search *search, const char *name, const char *const *choices, int64_t n);

/* ---- trials ---- */

/* The next trial: first what a killed process has left; with `promote` what deserves to go on; then a new one. The one
 * before it is over: it must have been told a value (STATE). Repeats of earlier trials, where all parameters are whole
 * numbers or choices, are passed over. DNN_END: there is none, *trial is -1.
 * Errors: STATE for a folder of another search; FORMAT, IO; MEMORY. */
DNN_API dnn_status dnn_search_next(dnn_search *search, int64_t *trial);

/* The value of a parameter in a trial, begun or not; of a choice its number, from 0. NaN, and an error: NOT_FOUND,
 * ARGUMENT for a trial below 0 or beyond a grid's. */
DNN_API double dnn_search_value(const dnn_search *search, int64_t trial, const char *name);

/* The text of a choice in a trial: lent as long as the search lives. NULL, and an error, as above. */
DNN_API const char *dnn_search_chosen(const dnn_search *search, int64_t trial, const char *name);

/* What the running trial has reached behind `step` steps (epochs, or whatever is counted), from 1 and rising. A value
 * that is not finite says that it failed, and ends it. *go_on: 1 to continue; 0: leave it (with `promote`, keep a
 * checkpoint), and ask for the next one. Steps that are known from before a crash are answered, not counted twice.
 * Errors: STATE for a trial that is not running here; ARGUMENT; those of dnn_search_next, which leave all as it was. */
DNN_API dnn_status dnn_search_tell(dnn_search *search, int64_t trial, int64_t step, double value, int32_t *go_on);

typedef enum dnn_trial_state {
    DNN_TRIAL_NONE = 0,     /* not begun, or passed over as a repeat */
    DNN_TRIAL_RUNNING = 10, /* or left by a killed process */
    DNN_TRIAL_WAITING = 20, /* left at a rung, to be gone on with perhaps */
    DNN_TRIAL_STOPPED = 30, /* not good enough at a rung, or failed */
    DNN_TRIAL_DONE = 40
} dnn_trial_state;

typedef struct dnn_trial_info {
    size_t size;
    dnn_trial_state state;
    int64_t steps; /* the last that was told; 0: none. Where a checkpoint of the trial goes on */
    double value;  /* told for it; NaN: none, or it failed */
} dnn_trial_info;

/* One more than the largest trial that has begun, in any process; -1 on failure. And what is known of one of them, or
 * of any other. Both read what other processes have written meanwhile. */
DNN_API int64_t dnn_search_trials(dnn_search *search);
DNN_API dnn_status dnn_search_trial(dnn_search *search, int64_t trial, dnn_trial_info *info);

/* The trial whose last value is the best. Errors: NOT_FOUND if none has a finite one; FORMAT, IO, MEMORY. */
DNN_API dnn_status dnn_search_best(dnn_search *search, int64_t *trial);

/* The trials so far: a table, the best first; which parameters matter; whether the best lies on the border of a range
 * (in its outer 5 %, on its scale: our choice); a picture of the value over each parameter.
 *
 * How much a parameter matters: trials are ranked by their last value and put into up to four groups by the parameter;
 * the share of the ranks' variance that lies between the groups (epsilon²), and how often 2000 random permutations of
 * the ranks give as large a one (p). It matters if p times the number of parameters is at most 0.05; fewer than 12
 * trials with a value say nothing; of more than 4000, 4000 are looked at, evenly over the ranks (our choices).
 * Errors: FORMAT, IO, MEMORY. */
DNN_API dnn_status dnn_search_report(dnn_report **out, dnn_search *search);

#ifdef __cplusplus
}
#endif

#endif
