/* The rehearsal: all that the run will do, in small: steps, validation, log, save, load, resume; and what the whole
 * will take. */
#include <dnn/checkpoint.h>

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clone/clone.h"
#include "preflight/flight.h"

#define ENOUGH_SECONDS 0.3

enum { MOST_STEPS = 20, KEPT = 3, RESUMED = 2 };

typedef struct rehearsal {
    preflight *flight;
    dnni_clone clone;
    dnn_loader *loader, *validation; /* the latter NULL: there is none */
    int64_t steps;
    double step_seconds, validation_seconds, save_seconds; /* of a step; of a batch; of a checkpoint */
    int64_t checkpoint_bytes;
} rehearsal;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the loop ---- */

static dnn_status next(dnn_loader *loader, const dnn_tensor **x, const dnn_tensor **target) {
    dnn_status status = dnn_loader_next(loader, x, target);
    return status == DNN_END ? dnn_loader_next(loader, x, target) : status;
}

static dnn_status tell(rehearsal *r, double loss) {
    const dnn_preflight_desc *d = &r->flight->d;
    uint64_t errors = dnni_error_count();
    if (!d->log) return DNN_OK;
    dnn_status status = d->log(d->log_user, r->steps, loss);
    return status == DNN_OK ? DNN_OK : dnni_host_failed(status, errors, "log");
}

static dnn_status step(void *user) {
    rehearsal *r = user;
    const dnn_tensor *x, *target;
    double loss;
    DNNI_TRY(next(r->loader, &x, &target));
    DNNI_TRY(dnni_clone_train(&r->clone, x, target, &loss));
    if (!isfinite(loss)) return dnni_error(DNN_ERROR_VALUE, "the loss of step %lld is not finite", (long long)r->steps);
    r->steps++;
    return tell(r, loss);
}

/* The first step makes plans and state: it is not timed. */
static dnn_status train(rehearsal *r) {
    DNNI_TRY(step(r));
    double begin = now(), end = begin;
    int64_t n = 0;
    for (; n < 1 || (n < MOST_STEPS && end - begin < ENOUGH_SECONDS); end = now(), n++) DNNI_TRY(step(r));
    r->step_seconds = (now() - begin) / (double)n;
    return DNN_OK;
}

static dnn_status validate(rehearsal *r) {
    const dnn_tensor *x, *target;
    double loss, begin = 0;
    for (int i = 0; r->validation && i < 2; i++) {
        begin = now();
        DNNI_TRY(next(r->validation, &x, &target));
        DNNI_TRY(dnni_clone_evaluate(&r->clone, x, target, &loss, NULL));
    }
    r->validation_seconds = r->validation ? now() - begin : 0;
    return DNN_OK;
}

/* ---- on disk ---- */

static dnn_status write_and_read(rehearsal *r, const char *path, const dnn_checkpoint_parts *parts) {
    struct stat about;
    double begin = now();
    DNNI_TRY(dnn_checkpoint_write(path, parts));
    r->save_seconds = now() - begin;
    if (stat(path, &about) == 0) r->checkpoint_bytes = (int64_t)about.st_size;
    return dnn_checkpoint_read(path, parts);
}

static dnn_status resume(rehearsal *r, const char *path, const dnn_checkpoint_parts *parts) {
    dnn_report *report;
    DNNI_TRY(dnn_resume_test(&report, path, parts, step, r, RESUMED));
    dnn_status status = dnn_report_append(r->flight->report, report);
    dnn_report_release(report);
    return status;
}

static dnn_status keep(rehearsal *r) {
    preflight *f = r->flight;
    char path[4096];
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = f->module, .optimizer = f->optimizer,
                                  .loader = r->loader};
    if (!f->d.folder) return DNN_OK;
    int length = snprintf(path, sizeof path, "%s/.preflight-%ld.safetensors", f->d.folder, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof path) return dnni_error(DNN_ERROR_ARGUMENT, "desc.folder is too long");
    bool made = mkdir(f->d.folder, 0777) == 0;
    dnn_status status = write_and_read(r, path, &parts);
    unlink(path);
    if (status == DNN_OK) status = resume(r, path, &parts);
    if (made) rmdir(f->d.folder);
    return status;
}

/* ---- what it says ---- */

static dnn_status add_figures(const rehearsal *r) {
    preflight *f = r->flight;
    int64_t validated = r->validation ? dnn_loader_batches(r->validation) : 0;
    double epoch = r->step_seconds * (double)dnn_loader_batches(r->loader) +
                   r->validation_seconds * (double)validated + r->save_seconds;
    DNNI_TRY(dnn_report_add_figure(f->report, "milliseconds of a step", 1000 * r->step_seconds, ""));
    DNNI_TRY(dnn_report_add_figure(f->report, "seconds of an epoch", epoch, "with validation and a checkpoint"));
    if (f->d.epochs > 0)
        DNNI_TRY(dnn_report_add_figure(f->report, "hours of the run", epoch * (double)f->d.epochs / 3600, ""));
    if (!f->d.folder) return DNN_OK;
    DNNI_TRY(dnn_report_add_figure(f->report, "bytes of a checkpoint", (double)r->checkpoint_bytes, ""));
    return dnn_report_add_figure(f->report, "bytes on disk", (double)(KEPT * r->checkpoint_bytes),
                                 "three checkpoints are kept");
}

static dnn_status open_loaders(rehearsal *r) {
    preflight *f = r->flight;
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = f->batch, .shuffle = 1, .seed = f->d.seed + 1,
                         .last_batch = DNN_LAST_BATCH_DROP};
    DNNI_TRY(dnn_loader_create(&r->loader, f->dataset, &d));
    if (!f->d.validation || f->d.validation->count == 0) return DNN_OK;
    d.shuffle = 0;
    d.batch_size = dnnk_min(f->batch, f->d.validation->count);
    return dnn_loader_create(&r->validation, f->d.validation, &d);
}

static const char *const stages[] = {"begins", "takes its steps", "validates", "saves, loads and resumes"};

/* *stage is where it ended. */
static dnn_status rehearse(rehearsal *r, int *stage) {
    preflight *f = r->flight;
    *stage = 0;
    DNNI_TRY(open_loaders(r));
    DNNI_TRY(dnni_clone_open(&r->clone, &(dnni_clone_desc){.module = f->module, .optimizer = f->optimizer,
                                                           .loss = f->loss, .keep_state = true}));
    f->module->gradient_flags = DNN_GRADIENTS_DEFAULT;
    ++*stage;
    DNNI_TRY(train(r));
    ++*stage;
    DNNI_TRY(validate(r));
    ++*stage;
    return keep(r);
}

dnn_status dnni_preflight_rehearsal(preflight *f) {
    rehearsal r = {.flight = f};
    int stage;
    dnn_status status = rehearse(&r, &stage);
    if (status == DNN_OK) {
        status = add_figures(&r);
    } else {
        char what[96];
        snprintf(what, sizeof what, "The rehearsal fails where the run %s.", stages[stage]);
        status = dnni_preflight_refused(f, status, "rehearsal-failed", what, "mend this before the run needs it");
    }
    dnni_clone_close(&r.clone);
    dnn_loader_release(r.validation);
    dnn_loader_release(r.loader);
    return status;
}
