#include "mistakes/healthy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Words are numbers of rows: the probe wants to be told which there are, and the preflight tells it. */
static bool is_text(const program *p) {
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    OK(dnn_dataset_item(p->train, &item));
    return item.input.dtype == DNN_I64;
}

static double validate(program *p) {
    OK(dnn_module_eval(p->net));
    return evaluate(p);
}

void practise(program *p, int64_t classes, int64_t batch, int epochs) {
    load(p, batch, 1);
    look(p, 0, 0);
    audit(p, classes);
    if (!is_text(p)) probe(p);
    preflight(p, (dnn_preflight_desc){DNN_SIZED(dnn_preflight_desc), .validation = p->test, .batch_size = batch});
    divergence(p, batch);
    p->validation[0] = validate(p);
    watch(p);
    for (int epoch = 0; epoch < epochs; epoch++) {
        fit(p, 1);
        p->validation[1] = validate(p);
        OK(dnn_monitor_validate(p->monitor, p->validation[1]));
    }
    tell_watched(p);
}

static bool verbose;

/* It has learned, too: a network that nobody accuses and that learns nothing would be no proof. */
static void one(void **state) {
    const healthy *h = *state;
    program p;
    program_begin(&p, false, false);
    h->run(&p);
    int errors = program_count(&p, DNN_SEVERITY_ERROR), warnings = program_count(&p, DNN_SEVERITY_WARNING) - errors;
    bool learned = p.validation[1] < 0.8 * p.validation[0];
    if (verbose) print_message("%s: validation %.4f to %.4f\n", h->name, p.validation[0], p.validation[1]);
    if (verbose || errors > 0 || warnings > 1) program_print(&p);
    program_end(&p);
    if (errors > 0 || warnings > 1) fail_msg("%s is healthy, and has %d errors, %d warnings", h->name, errors, warnings);
    if (!learned) fail_msg("%s does not learn: %g to %g", h->name, p.validation[0], p.validation[1]);
}

int healthy_main(int argc, char **argv, const healthy *table, int n) {
    struct CMUnitTest tests[64] = {{0}};
    int chosen = 0;
    for (int i = 0; i < n && chosen < 64; i++) {
        if (argc > 1 && !strstr(table[i].name, argv[1])) continue;
        tests[chosen++] = (struct CMUnitTest){table[i].name, one, NULL, NULL, (void *)(uintptr_t)&table[i]};
    }
    verbose = argc > 1;
    return _cmocka_run_group_tests("healthy", tests, (size_t)chosen, NULL, NULL);
}
