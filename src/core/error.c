/* The message lives in a buffer that a thread gets at its first failure. Only a pointer and a status are thread-local:
 * a kilobyte of thread-local storage could keep the library from being loaded at run time, or make the C library abort
 * when it finds no memory for it later. */
#include "core/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && defined(__ELF__)
#define THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL _Thread_local
#endif

static THREAD_LOCAL char *line;
static THREAD_LOCAL dnn_status last_status;
static THREAD_LOCAL bool no_line; /* the last error's line could not be kept: a fixed text stands in */
static THREAD_LOCAL uint64_t errors; /* how many there have been */

#define UNKNOWN "unknown status"

static pthread_key_t line_key;
static pthread_once_t line_once = PTHREAD_ONCE_INIT;
static bool line_key_made;

/* A thread's last moments: destructors of the host's that come after this one may still fail. */
static void free_line(void *memory) {
    free(memory);
    line = NULL;
}

static void make_key(void) { line_key_made = pthread_key_create(&line_key, free_line) == 0; }

/* This thread's buffer, or NULL if there is no memory for one. */
static char *own_line(void) {
    if (line) return line;
    pthread_once(&line_once, make_key);
    char *memory = line_key_made ? calloc(1, DNNI_ERROR_BYTES) : NULL;
    if (memory && pthread_setspecific(line_key, memory) != 0) {
        free(memory);
        memory = NULL;
    }
    return line = memory;
}

/* The end of the process does not run the destructors of its main thread. */
__attribute__((destructor)) static void release_lines(void) {
    if (!line_key_made) return;
    pthread_key_delete(line_key);
    free(line);
    line = NULL;
    line_key_made = false;
}

dnn_status dnni_error(dnn_status status, const char *format, ...) {
    char *target = own_line();
    errors++;
    last_status = status;
    no_line = !target;
    if (!target) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(target, DNNI_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return status;
}

dnn_status dnni_out_of_memory(void) {
    errors++;
    last_status = DNN_ERROR_MEMORY;
    no_line = true;
    return DNN_ERROR_MEMORY;
}

void dnni_error_prefix(const char *prefix) {
    if (!prefix || !*prefix || no_line || !line) return;
    char old[DNNI_ERROR_BYTES];
    memcpy(old, line, sizeof old);
    /* A cut at the end is meant: the line has a fixed size. */
    int written = snprintf(line, DNNI_ERROR_BYTES, "%s: ", prefix);
    if (written < 0 || written >= DNNI_ERROR_BYTES) return;
    snprintf(line + written, DNNI_ERROR_BYTES - (size_t)written, "%s", old);
}

void dnni_error_save(dnni_saved_error *saved) {
    saved->status = last_status;
    snprintf(saved->line, sizeof saved->line, "%s", dnn_last_error());
}

dnn_status dnni_error_restore(const dnni_saved_error *saved) { return dnni_error(saved->status, "%s", saved->line); }

uint64_t dnni_error_count(void) { return errors; }

dnn_status dnni_host_failed(dnn_status status, uint64_t errors_before, const char *function) {
    bool is_error = status != DNN_END && strcmp(dnn_status_name(status), UNKNOWN) != 0;
    if (errors == errors_before)
        return dnni_error(is_error ? status : DNN_ERROR_CALLBACK, "the host's %s() returned %s (%d) and gave no reason",
                          function, dnn_status_name(status), (int)status);
    if (is_error) return status;
    return last_status = DNN_ERROR_CALLBACK;
}

dnn_status dnn_fail(dnn_status status, const char *message) {
    if (status == DNN_OK || status == DNN_END) status = DNN_ERROR_CALLBACK;
    char copy[DNNI_ERROR_BYTES];
    snprintf(copy, sizeof copy, "%s", message ? message : "no reason was given");
    for (char *c = copy; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    return dnni_error(status, "%s", copy);
}

const char *dnn_last_error(void) {
    if (last_status == DNN_OK) return "";
    return no_line || !line ? dnn_status_text(last_status) : line;
}

dnn_status dnn_last_status(void) { return last_status; }

const char *dnn_status_name(dnn_status status) {
    switch (status) {
#define NAME_CASE(name, number, meaning) \
    case name:                           \
        return #name;
        DNN_STATUS_LIST(NAME_CASE)
    }
    return UNKNOWN;
}

const char *dnn_status_text(dnn_status status) {
    switch (status) {
#define TEXT_CASE(name, number, meaning) \
    case name:                           \
        return meaning;
        DNN_STATUS_LIST(TEXT_CASE)
    }
    return "a status that this version of the library does not know";
}
