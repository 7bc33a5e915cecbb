/* From dlopen to the end of the first training step of a network, in milliseconds.
 *
 *     startup LIBRARY NETWORK [THREADS]     LIBRARY: libbench_session.so, which brings libdnn.so with it */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session.h"

typedef const network *find_function(const char *name);
typedef dnn_status open_function(session *s, const network *chosen, int32_t threads);
typedef dnn_status train_function(session *s);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A function pointer out of dlsym(), whose result ISO C does not let be cast to one. */
static void find_symbol(void *library, const char *name, void *function, size_t bytes) {
    void *symbol = library ? dlsym(library, name) : NULL;
    memcpy(function, &symbol, bytes);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    double start = now();
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    find_function *find;
    open_function *open;
    train_function *train;
    find_symbol(library, "network_find", &find, sizeof find);
    find_symbol(library, "session_open", &open, sizeof open);
    find_symbol(library, "session_train", &train, sizeof train);
    if (!find || !open || !train) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    double loaded = now();
    session s;
    const network *chosen = find(argv[2]);
    if (!chosen || open(&s, chosen, argc > 3 ? atoi(argv[3]) : 0) != DNN_OK) return 1;
    double opened = now();
    if (train(&s) != DNN_OK) return 1;
    printf("{\"dlopen\": %.3f, \"build\": %.3f, \"step\": %.3f, \"total\": %.3f}\n", (loaded - start) * 1e3,
           (opened - loaded) * 1e3, (now() - opened) * 1e3, (now() - start) * 1e3);
    return 0;
}
