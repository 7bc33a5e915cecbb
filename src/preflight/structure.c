/* The module as it is: its description, the shape probe, the gradient check, and the memory of a run. */
#include <dnn/check.h>
#include <dnn/probe.h>
#include <math.h>

#include "core/available.h"
#include "data/loader.h"
#include "preflight/flight.h"

/* ---- shapes ---- */

static dnn_status append(preflight *f, dnn_report *other) {
    dnn_status status = dnn_report_append(f->report, other);
    dnn_report_release(other);
    return status;
}

static dnn_status add_description(preflight *f) {
    dnn_description *description;
    DNNI_TRY(dnn_module_describe(&description, f->module, &f->shape, 1));
    dnn_status status = dnn_report_add_section(f->report, "the module", dnn_description_text(description), NULL);
    dnn_description_release(description);
    return status;
}

dnn_status dnni_preflight_structure(preflight *f) {
    dnn_report *probe;
    dnn_array shape = f->shape;
    shape.data = f->x->array.data;
    DNNI_TRY(dnn_probe(&probe, f->module, &shape, 1, &(dnn_probe_desc){DNN_SIZED(dnn_probe_desc), .seed = f->d.seed}));
    DNNI_TRY(append(f, probe));
    return add_description(f);
}

/* ---- memory ---- */

static int64_t loader_bytes(const preflight *f) {
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = f->batch, .shuffle = 1};
    return dnni_loader_bytes(f->dataset, &d);
}

static dnn_status planned(preflight *f, dnn_description_totals *totals) {
    dnn_description *description;
    *totals = (dnn_description_totals){DNN_SIZED(dnn_description_totals)};
    DNNI_TRY(dnn_module_describe(&description, f->module, &f->shape, 1));
    dnn_description_totals_get(description, totals);
    return dnn_description_release(description);
}

/* The same with all computed again that saves memory. */
static dnn_status planned_least(preflight *f, dnn_description_totals *totals) {
    int64_t own = f->module->memory_budget;
    f->module->memory_budget = DNN_MEMORY_LEAST;
    dnn_status status = planned(f, totals);
    f->module->memory_budget = own;
    return status;
}

/* What to do where the run needs `excess` bytes more than it may take. */
static dnn_status advise_memory(preflight *f, const dnn_description_totals *totals, double excess) {
    dnn_description_totals least;
    DNNI_TRY(planned_least(f, &least));
    double room = (double)totals->arena_bytes - excess;
    double saved = (double)(totals->arena_bytes - least.arena_bytes) / 1048576;
    if (room < (double)least.arena_bytes)
        return dnni_report_action(f->report, "take smaller batches: computing activations again "
                                  "(dnn_module_set_memory) saves %s MiB at most", dnni_real(saved, 3).text);
    return dnni_report_action(f->report, "dnn_module_set_memory(module, %.0f) has activations computed again, for less "
                              "than %s %% more work; or take smaller batches", room,
                              dnni_real(ceil(100 * least.recomputed_flops / (3 * least.flops)), 2).text);
}

static dnn_status say_memory(preflight *f, const dnn_description_totals *totals, double total) {
    double budget = (double)(f->d.memory_budget ? f->d.memory_budget : dnni_available_memory(""));
    if (budget == 0 || total <= budget) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "memory",
                             "The run needs %s MiB, and may take %s MiB.", dnni_real(total / 1048576, 4).text,
                             dnni_real(budget / 1048576, 4).text));
    DNNI_TRY(dnni_report_how(f->report, "planned for batches of %lld, before anything is allocated",
                             (long long)f->batch));
    return advise_memory(f, totals, total - budget);
}

dnn_status dnni_preflight_bytes(preflight *f) {
    dnn_description_totals totals;
    const dnni_index *index;
    DNNI_TRY(planned(f, &totals));
    DNNI_TRY(dnni_index_get(&index, f->module));
    const struct {
        const char *name;
        int64_t bytes;
    } parts[] = {{"parameters and gradients", totals.parameter_bytes},
                 {"arena", totals.arena_bytes},
                 {"optimizer", dnni_optimizer_state_bytes(f->optimizer, index)},
                 {"loader", loader_bytes(f)}};
    double total = 0;
    for (int i = 0; i < 4; i++) {
        DNNI_TRY(dnn_report_add_figure(f->report, parts[i].name, (double)parts[i].bytes, "bytes"));
        total += (double)parts[i].bytes;
    }
    DNNI_TRY(dnn_report_add_figure(f->report, "memory of the run", total, "bytes"));
    return say_memory(f, &totals, total);
}
