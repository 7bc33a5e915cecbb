/* libdnn: the paper trail: a folder for each run, in which everything is that explains it later.
 *
 *     dnn_run_create(&run, ctx, "runs/lr-0.1", &(dnn_run_desc){DNN_SIZED(dnn_run_desc), .argc = argc, .argv = argv});
 *     dnn_run_set_number(run, "lr", 0.1);
 *     …
 *     dnn_run_add_scalar(run, "loss/train", step, loss);
 *     …
 *     dnn_run_end(run, DNN_OK);
 *     dnn_run_release(run);
 *
 *     run.json          arguments, settings, data, model, versions, machine, seed, times, how it ended
 *     log.txt           lines with the time in front, those of the context's log among them
 *     scalars.csv       time, step, tag, value: for a text editor, a spreadsheet, and the functions below
 *     events.out.…      the same and more for TensorBoard: `tensorboard --logdir runs`
 *     pictures/         the last picture of each tag, as PNG
 *
 * Whatever is added is with the system when the call returns: it can be read while the run goes on, and a program that
 * is killed loses nothing; dnn_run_flush makes it safe against a power cut, too. A record that was cut short by one is
 * passed over by readers, and cut off when the run is continued. run.json is replaced as a whole, or not at all.
 *
 * Errors: IO with the path and the system's reason: a full disk, a folder that was removed. The run goes on: what the
 * call was to write is missing, what was written before stays whole, and later calls try again. So a program may tell
 * its user once, and train on.
 *
 * Tags are UTF-8, 1 to 200 bytes, with '/' between the parts ("loss/train"): what has its first part in common is shown
 * in one plot. Steps are 0 or more. Text is cleaned as a report's is (report.h).
 *
 * Threads: a run is used by one thread at a time; lines of the context's log may come from any. One process at a time
 * writes to a folder. */
#ifndef DNN_RUN_H
#define DNN_RUN_H

#include "data.h"
#include "module.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_run dnn_run;

/* What is done about a folder that holds a run already. */
typedef enum dnn_run_mode {
    DNN_RUN_NEW = 0,      /* STATE */
    DNN_RUN_CONTINUE = 10 /* it goes on: settings stay until they are set again, curves go on; where there is none, one
                             begins */
} dnn_run_mode;

typedef struct dnn_run_desc {
    size_t size;
    const char *name;            /* default: the last part of the folder's path */
    int32_t argc;                /* what the program was called with: main's own. Default: none */
    const char *const *argv;
    dnn_run_mode mode;           /* default: DNN_RUN_NEW */
    int32_t no_events;           /* 1: no files for TensorBoard */
    int32_t no_context_log;      /* 1: the context's log lines go to its sink alone, not to log.txt too */
    double (*now)(void *user);   /* seconds since 1970 in UTC, for tests; default: the system's clock. Any thread */
    void *user;
} dnn_run_desc;

/* Begins a run, or goes on with one. The folder is made if it is not there (one level). `desc` may be NULL.
 * Errors: STATE if the folder holds a run; when continuing: FORMAT, UNSUPPORTED for its run.json. */
DNN_API dnn_status dnn_run_create(dnn_run **out, dnn_context *ctx, const char *folder, const dnn_run_desc *desc);

/* A run that was not ended is marked as "stopped"; an end that could not be written is tried again. (One that says
 * "running", and whose process is gone, was killed.) */
DNN_API dnn_status dnn_run_release(dnn_run *run);

/* Says how the run ended: "done" for DNN_OK, otherwise "failed", with the text of dnn_last_error() if it belongs to
 * that status; and flushes. Adding is still possible, and ending once more, too. */
DNN_API dnn_status dnn_run_end(dnn_run *run, dnn_status status);

/* Makes everything safe on disk. It takes as long as the disk does: every few minutes is enough. */
DNN_API dnn_status dnn_run_flush(dnn_run *run);

/* The folder; lent. NULL on a bad handle. */
DNN_API const char *dnn_run_folder(const dnn_run *run);

/* ---- what the run is --------------------------------------------------------------------------------------------- */

/* Settings, by names of 1 to 200 bytes; setting one again replaces it. They are written to run.json, and as
 * hyperparameters for TensorBoard, by the next call that adds something, flushes or ends. A setting that a continued
 * run changes is told in log.txt. Errors: ARGUMENT; UNSUPPORTED for more than 4000, or
 * 8 MiB of text in all. */
DNN_API dnn_status dnn_run_set_text(dnn_run *run, const char *name, const char *text);
DNN_API dnn_status dnn_run_set_number(dnn_run *run, const char *name, double number);
DNN_API dnn_status dnn_run_set_bool(dnn_run *run, const char *name, int32_t value);

/* The model as dnn_module_describe has it, with its parameters counted. */
DNN_API dnn_status dnn_run_set_model(dnn_run *run, const dnn_description *description);

/* The hash of a data set under a name ("train"): dnn_dataset_hash, which reads it all. `progress` may be NULL. */
DNN_API dnn_status dnn_run_set_data(dnn_run *run, const char *name, dnn_dataset *dataset, const dnn_progress *progress);

/* ---- what happens ------------------------------------------------------------------------------------------------ */

/* A line in log.txt; of a text of several lines, each. */
DNN_API dnn_status dnn_run_log(dnn_run *run, const char *text);

/* A point of a curve. The value may be NaN or infinite. In a continued run a step that comes a second time replaces
 * what was logged from there on before: what happened after the checkpoint is done again. */
DNN_API dnn_status dnn_run_add_scalar(dnn_run *run, const char *tag, int64_t step, double value);

/* How the elements of a tensor, of any dtype, are distributed: in TensorBoard's own bins, whose edges grow by a tenth.
 * Those that are not finite are in none, and are told in log.txt. Errors: SHAPE if there are no elements, VALUE if no
 * element is finite. */
DNN_API dnn_status dnn_run_add_histogram(dnn_run *run, const char *tag, int64_t step, const dnn_tensor *values);

/* A picture: a whole PNG file's `bytes` bytes (dnn_run_add_image in io_run.h encodes one). It is kept in pictures/,
 * too, until the next one of that tag. Errors: FORMAT if it does not begin as PNG files do. */
DNN_API dnn_status dnn_run_add_png(dnn_run *run, const char *tag, int64_t step, const void *png, int64_t bytes);

/* Text, Markdown for TensorBoard; it goes to log.txt, too. */
DNN_API dnn_status dnn_run_add_text(dnn_run *run, const char *tag, int64_t step, const char *text);

/* A report's text (dnn_report_text), under its title. */
DNN_API dnn_status dnn_run_add_report(dnn_run *run, int64_t step, dnn_report *report);

/* ---- looking at runs --------------------------------------------------------------------------------------------- */

/* A run's folder as a report, also while the run goes on: settings, data, model and machine, a plot for each curve (64
 * at most), the end of the log. dnn_run_write_html in io_run.h makes a page of it. Finding: run-failed (error).
 * Errors: NOT_FOUND if there is no run; FORMAT, UNSUPPORTED. */
DNN_API dnn_status dnn_run_report(dnn_report **out, dnn_context *ctx, const char *folder);

/* What two runs differ in, and what came of it: a table of the settings, data, model, versions and machine that are
 * not the same, figures of the curves that both have (last, least and greatest), a plot of each. Findings:
 *     more-than-one-change   (warning) several things differ: what made the difference cannot be told
 *     one-change             (note) one thing differs
 *     seed-differs           (note) only the seed does: how much the curves differ is chance
 *     same-run-other-numbers (warning) nothing that was written down differs, but a curve does at a step that both have
 *                            (curves of times and speeds aside: "time", "seconds", "speed", "/s" at the end, …)
 *     nothing-differs        (note)
 *     run-unfinished         (note) a run is not done
 *     no-curve-in-common     (note)
 * Settings count each for itself; data sets, model, version, and kernels (the instruction set) as one thing each;
 * arguments only where neither run has settings. A model that differs as the one setting does (a width of 64 and 128,
 * which are found in its layers; a name; a switch) is no second thing. Threads and processors do not change results.
 * Errors: NOT_FOUND if there is no run; FORMAT, UNSUPPORTED. */
DNN_API dnn_status dnn_run_compare(dnn_report **out, dnn_context *ctx, const char *folder_a, const char *folder_b);

/* ---- a progress bar ---------------------------------------------------------------------------------------------- */

typedef struct dnn_bar {
    size_t size;
    const char *label;      /* "epoch 3"; default: none */
    int64_t done, total;    /* steps; total 0: not known */
    int64_t first;          /* how many steps were done when the clock began: those of a resumed run. Default 0 */
    double seconds;         /* since then */
    const char *unit;       /* what is counted by second; default "steps" */
    int64_t units_per_step; /* the batch size, with the unit "images"; default 1 */
    int32_t has_loss;       /* 1: */
    double loss;            /* shown; it may be NaN */
    int32_t width;          /* columns of the terminal; default 80, at least 20, at most 500 */
    int32_t plain;          /* 1: ASCII alone; default: UTF-8 */
} dnn_bar;

/* Writes a line for a terminal into text[0..room): "epoch 3 ████▌    45 %  450/1000  8120 images/s  loss 0.31  0:12
 * left". It is as wide as `width` less one, so that the next one, after a '\r', covers it, and no terminal wraps it;
 * what does not fit is left out, the bar first. There is no newline. Printing, and knowing whether there is a terminal
 * (isatty) and how wide it is, are the caller's. Errors: ARGUMENT if room < 4 · width. */
DNN_API dnn_status dnn_bar_line(char *text, int64_t room, const dnn_bar *bar);

#ifdef __cplusplus
}
#endif

#endif
