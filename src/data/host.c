#include "data/host.h"

void dnni_host_start(dnni_host *host, void *user, bool thread_safe) {
    host->user = user;
    host->thread_safe = thread_safe;
    pthread_mutex_init(&host->lock, NULL);
}

void dnni_host_stop(dnni_host *host) {
    pthread_mutex_destroy(&host->lock);
    if (host->release) host->release(host->user);
}

uint64_t dnni_host_enter(dnni_host *host) {
    if (!host->thread_safe) pthread_mutex_lock(&host->lock);
    return dnni_error_count();
}

dnn_status dnni_host_leave(dnni_host *host, dnn_status status, uint64_t errors, const char *function) {
    if (!host->thread_safe) pthread_mutex_unlock(&host->lock);
    if (status == DNN_OK) return DNN_OK;
    dnni_host_failed(status, errors, function);
    dnni_saved_error reason;
    dnni_error_save(&reason);
    return dnni_error(DNN_ERROR_CALLBACK, "%s", reason.line);
}
