/* Continued = resumed, bit for bit: the same steps twice from the same checkpoint. */
#include <dnn/checkpoint.h>

#include <string.h>
#include <unistd.h>

#include "record/pieces.h"
#include "report/report.h"

typedef struct {
    dnn_context *ctx;
    const char *path;
    const dnn_checkpoint_parts *parts;
    dnn_status (*step)(void *user);
    void *user;
    int64_t steps;
    char *copy; /* of all pieces after the first run, one behind another */
    int64_t copy_bytes;
} test;

static int64_t bytes_of(const dnni_pieces *p) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < p->n; i++) bytes += dnni_bytes(&p->items[i].array);
    return bytes;
}

static dnn_status run(const test *t) {
    for (int64_t i = 0; i < t->steps; i++) {
        uint64_t errors = dnni_error_count();
        dnn_status status = t->step(t->user);
        if (status != DNN_OK) return dnni_host_failed(status, errors, "step");
    }
    return DNN_OK;
}

static dnn_status copy_pieces(test *t, const dnni_pieces *p) {
    t->copy_bytes = bytes_of(p);
    t->copy = dnni_alloc_raw(t->ctx, t->copy_bytes, 1);
    if (!t->copy) return DNN_ERROR_MEMORY;
    char *to = t->copy;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t bytes = dnni_bytes(&p->items[i].array);
        if (bytes > 0) memcpy(to, p->items[i].array.data, (size_t)bytes);
        to += bytes;
    }
    return DNN_OK;
}

static dnn_status remember(test *t) {
    dnni_pieces p;
    dnn_status status = dnni_pieces_gather(&p, t->parts, NULL);
    if (status == DNN_OK) status = copy_pieces(t, &p);
    dnni_pieces_free(&p);
    return status;
}

static dnn_status add_difference(dnn_report *report, const dnni_piece *piece, const char *then) {
    int64_t size = dnn_dtype_size(piece->array.dtype), i = 0;
    const char *now = piece->array.data;
    while (memcmp(now + i * size, then + i * size, (size_t)size) == 0) i++;
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_ERROR, "resumed-run-differs",
                             "a resumed run differs from one that was not stopped, first in %s", piece->name));
    DNNI_TRY(dnni_report_how(report, "element %lld is %.17g where the run went on, and %.17g where it was resumed",
                             (long long)i, dnni_load(piece->array.dtype, then, i),
                             dnni_load(piece->array.dtype, now, i)));
    DNNI_TRY(dnni_report_action(report, "look for what the step uses and the checkpoint does not hold: a generator of "
                                        "your own, a counter, a tensor; hand it over in parts.tensors"));
    return dnni_report_set(report, piece->name);
}

static dnn_status compare_pieces(const test *t, const dnni_pieces *p, dnn_report *report) {
    if (bytes_of(p) != t->copy_bytes) return dnni_error(DNN_ERROR_STATE, "the steps have changed what the parts hold");
    const char *then = t->copy;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t bytes = dnni_bytes(&p->items[i].array);
        if (bytes > 0 && memcmp(then, p->items[i].array.data, (size_t)bytes) != 0)
            return add_difference(report, &p->items[i], then);
        then += bytes;
    }
    return DNN_OK;
}

static dnn_status compare(const test *t, dnn_report *report) {
    dnni_pieces p;
    dnn_status status = dnni_pieces_gather(&p, t->parts, NULL);
    if (status == DNN_OK) status = compare_pieces(t, &p, report);
    dnni_pieces_free(&p);
    return status;
}

/* Both runs; afterwards the parts are as they were, whatever happened. */
static dnn_status run_twice(test *t, dnn_report *report) {
    dnn_status status = run(t);
    if (status == DNN_OK) status = remember(t);
    if (status == DNN_OK) status = dnn_checkpoint_read(t->path, t->parts);
    if (status == DNN_OK) status = run(t);
    if (status == DNN_OK) status = compare(t, report);
    dnni_saved_error error;
    dnni_error_save(&error);
    dnn_status back = dnn_checkpoint_read(t->path, t->parts);
    return status == DNN_OK ? back : dnni_error_restore(&error);
}

static dnn_status make_report(dnn_report **out, test *t) {
    dnn_report *report;
    DNNI_TRY(dnni_report_new(&report, t->ctx, "resuming, over %lld steps", (long long)t->steps));
    dnn_status status = run_twice(t, report);
    dnni_free(t->ctx, t->copy, t->copy_bytes, 1);
    if (status == DNN_OK) *out = report;
    else dnn_report_release(report);
    return status;
}

dnn_status dnn_resume_test(dnn_report **out, const char *path, const dnn_checkpoint_parts *parts,
                           dnn_status (*step)(void *user), void *user, int64_t steps) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_checkpoint_parts given;
    DNNI_REQUIRE(path && step, "%s is NULL", path ? "step" : "path");
    DNNI_REQUIRE(steps >= 1, "steps is %lld: it is at least 1", (long long)steps);
    DNNI_TRY(dnni_read_desc(&given, sizeof given, parts, false, "parts"));
    test t = {.path = path, .parts = &given, .step = step, .user = user, .steps = steps};
    DNNI_TRY(dnni_pieces_check(&given, &t.ctx));
    if (access(path, F_OK) == 0) return dnni_error(DNN_ERROR_ARGUMENT, "%s: is there already", path);
    DNNI_TRY(dnn_checkpoint_write(path, &given));
    dnn_status status = make_report(out, &t);
    unlink(path);
    return status;
}
