/* A plugin host's life with the library: it is loaded, used and unloaded, again and again, while threads of the host's
 * come and go that have seen an error of the library. Argument: the shared library. */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnn/dnn.h>

enum { ROUNDS = 100, THREADS = 4 };

typedef struct {
    void *handle;
    dnn_status (*context_create)(dnn_context **out, const dnn_context_desc *desc);
    dnn_status (*context_release)(dnn_context *ctx);
    dnn_status (*tensor_create)(dnn_tensor **out, dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims);
    dnn_status (*tensor_release)(dnn_tensor *tensor);
    const char *(*last_error)(void);
} library;

static library lib;
static pthread_barrier_t unloaded; /* a thread that has seen an error outlives the library */

static void check(int holds, const char *what) {
    if (holds) return;
    const char *reason = dlerror();
    fprintf(stderr, "%s failed %s\n", what, reason ? reason : "");
    exit(1);
}

static void *symbol(const char *name) {
    void *address = dlsym(lib.handle, name);
    check(address != NULL, name);
    return address;
}

/* POSIX has functions come out of dlsym as data pointers. */
#define LOOK_UP(field, name)                          \
    do {                                              \
        void *address = symbol(name);                 \
        memcpy(&lib.field, &address, sizeof address); \
    } while (0)

static void load(const char *path) {
    lib.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check(lib.handle != NULL, "dlopen");
    LOOK_UP(context_create, "dnn_context_create");
    LOOK_UP(context_release, "dnn_context_release");
    LOOK_UP(tensor_create, "dnn_tensor_create");
    LOOK_UP(tensor_release, "dnn_tensor_release");
    LOOK_UP(last_error, "dnn_last_error");
}

static void use(void) {
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 2};
    dnn_tensor *t;
    const int64_t wrong = -1, right = 3;
    check(lib.last_error()[0] == 0, "an empty last error in a new thread, or a library loaded anew,");
    check(lib.context_create(&ctx, &desc) == DNN_OK, "dnn_context_create");
    check(lib.tensor_create(&t, ctx, DNN_F32, 1, &wrong) == DNN_ERROR_SHAPE, "a wrong shape");
    check(strstr(lib.last_error(), "size -1") != NULL, "dnn_last_error");
    check(lib.tensor_create(&t, ctx, DNN_F32, 1, &right) == DNN_OK, "dnn_tensor_create");
    check(lib.tensor_release(t) == DNN_OK && lib.context_release(ctx) == DNN_OK, "releasing");
}

static void *come_and_go(void *arg) {
    use();
    if (arg) {
        pthread_barrier_wait(&unloaded); /* used */
        pthread_barrier_wait(&unloaded); /* unloaded: only now this thread ends */
    }
    return NULL;
}

static void one_round(const char *path) {
    pthread_t thread[THREADS];
    load(path);
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, come_and_go, i == 0 ? &unloaded : NULL) == 0, "pthread_create");
    use();
    for (int i = 1; i < THREADS; i++) pthread_join(thread[i], NULL);
    pthread_barrier_wait(&unloaded);
    check(dlclose(lib.handle) == 0, "dlclose");
    check(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL, "unloading: the library stays,");
    pthread_barrier_wait(&unloaded);
    pthread_join(thread[0], NULL);
}

int main(int count, char **arguments) {
    check(count == 2, "usage: unload LIBRARY:");
    check(pthread_barrier_init(&unloaded, NULL, 2) == 0, "pthread_barrier_init");
    for (int round = 0; round < ROUNDS; round++) one_round(arguments[1]);
    return 0;
}
