/* Training steps and predictions of one network, timed on request. bench/run.py drives this program and its peer in
 * turns, through the same lines:
 *
 *     steps NETWORK train|watch|predict THREADS [BYTES]
 *                                             says in one line of JSON what it runs; then, for each number that it
 *                                             reads, runs that many steps and answers with one line of JSON. BYTES: the
 *                                             budget of dnn_module_set_memory. watch: steps of training, and
 *                                             as many with a monitor ("watched")
 *     steps NETWORK write FOLDER STEPS        writes weights.safetensors (as PyTorch has them) and example.safetensors:
 *                                             input, target, the prediction, and the losses of so many steps after it
 *     steps NETWORK describe [BYTES]          prints the network as a table
 *     steps list                              prints the names of the networks */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "session.h"

#define TRY(call)                                 \
    do {                                          \
        dnn_status status_ = (call);              \
        if (status_ != DNN_OK) return status_;    \
    } while (0)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- train, predict ---- */

static dnn_status step(session *s, bool train) {
    const dnn_tensor *y;
    return train ? session_train(s) : session_predict(s, &y);
}

static int64_t count_parameters(const session *s) {
    int64_t elements = 0;
    for (int64_t i = 0; i < dnn_module_parameter_count(s->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        if (dnn_module_parameter_at(s->net, i, &p) == DNN_OK && !p.is_buffer) elements += dnn_tensor_count(p.value);
    }
    return elements;
}

static long peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * 1024 : 0;
}

static dnn_status times(session *s, bool train, int64_t steps, const char *name) {
    printf("\"%s\": [", name);
    for (int64_t i = 0; i < steps; i++) {
        double start = now();
        TRY(step(s, train));
        printf("%s%.9f", i > 0 ? ", " : "", now() - start);
    }
    printf("], ");
    return DNN_OK;
}

/* With a monitor, in the same memory; its first step is not counted: it finds the network's ReLUs. */
static dnn_status watched_times(session *s, int64_t steps) {
    TRY(session_watch(s, true));
    TRY(session_train(s));
    TRY(times(s, true, steps, "watched"));
    TRY(session_watch(s, false));
    return session_train(s);
}

static dnn_status timed(session *s, const char *mode, int64_t steps) {
    int64_t before = s->allocations;
    printf("{");
    TRY(times(s, strcmp(mode, "predict") != 0, steps, "seconds"));
    if (strcmp(mode, "watch") == 0) TRY(watched_times(s, steps));
    printf("\"allocations\": %" PRId64 ", \"peak_bytes\": %ld, \"loss\": %.9g}\n", s->allocations - before,
           peak_bytes(), s->value);
    return DNN_OK;
}

static dnn_status planned(const session *s, dnn_description_totals *totals) {
    dnn_description *description;
    TRY(dnn_module_describe(&description, s->net, &s->network->input, 1));
    dnn_status status = dnn_description_totals_get(description, totals);
    dnn_description_release(description);
    return status;
}

static dnn_status serve(session *s, const char *mode) {
    bool train = strcmp(mode, "predict") != 0;
    TRY(step(s, train));
    TRY(step(s, train));
    dnn_description_totals plan = {DNN_SIZED(dnn_description_totals)};
    TRY(planned(s, &plan));
    printf("{\"kernels\": \"%s\", \"parameters\": %" PRId64 ", \"flops\": %.6g, \"arena_bytes\": %" PRId64
           ", \"recomputed_steps\": %" PRId64 ", \"recomputed_flops\": %.6g}\n",
           dnn_context_describe(s->ctx), count_parameters(s), plan.flops, plan.arena_bytes, plan.recomputed_steps,
           plan.recomputed_flops);
    fflush(stdout);
    int64_t steps;
    while (scanf("%" SCNd64, &steps) == 1) {
        TRY(timed(s, mode, steps));
        fflush(stdout);
    }
    return DNN_OK;
}

/* ---- write ---- */

static dnn_status write_weights(session *s, const char *path) {
    dnn_weights_save_desc desc = {DNN_SIZED(dnn_weights_save_desc),
                                  .layout = DNN_LAYOUT_TORCH,
                                  .flattened = s->network->flattened,
                                  .n_flattened = s->network->n_flattened};
    return dnn_weights_save(s->net, path, &desc);
}

static dnn_status write_example(session *s, const char *path, dnn_tensor *losses) {
    const dnn_tensor *y;
    dnn_tensor *prediction;
    TRY(session_predict(s, &y));
    TRY(dnn_tensor_clone(&prediction, y));
    double *loss = dnn_tensor_data(losses);
    dnn_status status = DNN_OK;
    for (int64_t i = 0; i < dnn_tensor_count(losses) && status == DNN_OK; i++) {
        status = session_train(s);
        loss[i] = s->value;
    }
    const char *names[] = {"input", "losses", "prediction", "target"};
    const dnn_tensor *tensors[] = {s->input, losses, prediction, s->target};
    if (status == DNN_OK) status = dnn_safetensors_write(s->ctx, path, names, tensors, 4, NULL, 0);
    dnn_tensor_release(prediction);
    return status;
}

static dnn_status write_files(session *s, const char *folder, int64_t steps) {
    char path[4096];
    dnn_tensor *losses;
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    TRY(write_weights(s, path));
    TRY(dnn_tensor_create(&losses, s->ctx, DNN_F64, 1, &steps));
    snprintf(path, sizeof path, "%s/example.safetensors", folder);
    dnn_status status = write_example(s, path, losses);
    dnn_tensor_release(losses);
    return status;
}

/* ---- describe ---- */

static dnn_status describe(const session *s) {
    dnn_description *description;
    TRY(dnn_module_describe(&description, s->net, &s->network->input, 1));
    printf("%s\n%s", dnn_context_describe(s->ctx), dnn_description_text(description));
    return dnn_description_release(description);
}

/* ---- the command line ---- */

static int usage(void) {
    fprintf(stderr, "steps NETWORK train|watch|predict THREADS [BYTES], steps NETWORK write FOLDER STEPS, "
                    "steps NETWORK describe [BYTES], steps list\n");
    return 2;
}

static int list(void) {
    for (const network *const *n = networks; *n; n++) puts((*n)->name);
    return 0;
}

static dnn_status command(session *s, int argc, char **argv) {
    if (strcmp(argv[2], "write") == 0 && argc == 5) return write_files(s, argv[3], atol(argv[4]));
    if (strcmp(argv[2], "describe") == 0) return describe(s);
    return serve(s, argv[2]);
}

/* The budget is the last of four or five words. */
static int64_t budget(int argc, char **argv) {
    bool describes = argc == 4 && strcmp(argv[2], "describe") == 0, runs = argc == 5 && strcmp(argv[2], "write") != 0;
    return describes || runs ? atoll(argv[argc - 1]) : 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "list") == 0) return list();
    const network *chosen = argc >= 3 ? network_find(argv[1]) : NULL;
    if (!chosen) return usage();
    session s;
    bool runs = argc >= 4 && strcmp(argv[2], "write") != 0 && strcmp(argv[2], "describe") != 0;
    dnn_status status = session_open(&s, chosen, runs ? atoi(argv[3]) : 0);
    if (status == DNN_OK) status = dnn_module_set_memory(s.net, budget(argc, argv));
    if (status == DNN_OK) status = command(&s, argc, argv);
    if (status != DNN_OK) fprintf(stderr, "%s: %s\n", argv[1], dnn_last_error());
    session_close(&s);
    return status == DNN_OK ? 0 : 1;
}
