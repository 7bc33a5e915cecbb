/* The shape probe's call. */
#include "check/probe.h"

enum { DEFAULT_BATCH = 7, MOST_BATCH = 1024 };

static dnn_status check_arguments(dnn_module *module, const dnn_array *inputs, int32_t n, dnn_probe_desc *d) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE(n >= 0 && n < 65536 && (inputs || n == 0), "inputs: %d shapes at %s", n, inputs ? "an array" : "NULL");
    if (d->batch == 0) d->batch = DEFAULT_BATCH;
    DNNI_REQUIRE(d->batch >= 2 && d->batch <= MOST_BATCH, "options.batch is %lld, it may be 2 to %d",
                 (long long)d->batch, MOST_BATCH);
    for (int32_t i = 0; i < n; i++) {
        dnn_array checked;
        DNNI_TRY(dnni_make_array(&checked, inputs[i].dtype, inputs[i].rank, inputs[i].dims));
    }
    return dnni_module_usable(module);
}

static dnn_status run_probe(check_probe *p) {
    bool runs;
    p->shapes = dnni_pool_alloc(&p->pool, p->n_inputs, sizeof *p->shapes);
    if (!p->shapes) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < p->n_inputs; i++) p->shapes[i] = p->given[i];
    DNNI_TRY(dnni_probe_shapes(p, &runs));
    return runs ? dnni_probe_samples(p) : DNN_OK;
}

dnn_status dnn_probe(dnn_report **out, dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                     const dnn_probe_desc *options) {
    dnn_probe_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(DNNI_READ_DESC(d, options, true));
    DNNI_TRY(check_arguments(module, inputs, n_inputs, &d));
    check_probe p = {.ctx = dnni_context_of(module), .module = module, .given = inputs, .n_inputs = n_inputs,
                     .batch = d.batch, .seed = d.seed};
    p.pool.ctx = p.ctx;
    dnni_saved_error before;
    dnni_error_save(&before);
    DNNI_TRY(dnni_report_new(&p.report, p.ctx, "shape probe"));
    dnn_status status = run_probe(&p);
    dnni_pool_free(&p.pool);
    if (status == DNN_OK) {
        dnni_error_restore(&before);
        *out = p.report;
    } else {
        dnn_report_release(p.report);
    }
    return status;
}
