/* A function of the host's that datasets call from any thread: callbacks, map. */
#ifndef DNNI_DATA_HOST_H
#define DNNI_DATA_HOST_H

#include <pthread.h>
#include <stdbool.h>

#include "core/error.h"

typedef struct dnni_host {
    void *user;
    void (*release)(void *user); /* NULL, until the host's object is taken over */
    bool thread_safe;
    pthread_mutex_t lock; /* held during a call if those are not thread-safe */
} dnni_host;

void dnni_host_start(dnni_host *host, void *user, bool thread_safe);
void dnni_host_stop(dnni_host *host);

/* The host is called between these two; `errors` is what the first returned. The second gives OK or CALLBACK, with the
 * host's reason. */
uint64_t dnni_host_enter(dnni_host *host);
dnn_status dnni_host_leave(dnni_host *host, dnn_status status, uint64_t errors, const char *function);

#endif
