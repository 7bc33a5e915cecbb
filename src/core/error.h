/* The last error of a thread: one line, and its status. */
#ifndef DNNI_ERROR_H
#define DNNI_ERROR_H

#include <dnn/status.h>
#include <stdint.h>

#define DNNI_ERROR_BYTES 1024

#if defined(__GNUC__)
#define DNNI_PRINTF(text, arguments) __attribute__((format(printf, text, arguments)))
#else
#define DNNI_PRINTF(text, arguments)
#endif

/* Sets the last error and returns its status: `return dnni_error(DNN_ERROR_SHAPE, "…")`. The line says what is wrong
 * and with which shapes; it has no full stop, no newline, no name of a function, and reads well behind "path: ". */
dnn_status dnni_error(dnn_status status, const char *format, ...) DNNI_PRINTF(2, 3);

/* Out of memory: allocates nothing. */
dnn_status dnni_out_of_memory(void);

/* Puts "prefix: " in front of the last error's line (the path of the module, the name of the file). */
void dnni_error_prefix(const char *prefix);

/* An error saved and put back, for cleaning up in between, and for containers that keep their first error. */
typedef struct dnni_saved_error {
    dnn_status status;
    char line[DNNI_ERROR_BYTES];
} dnni_saved_error;
void dnni_error_save(dnni_saved_error *saved);
dnn_status dnni_error_restore(const dnni_saved_error *saved);

/* How many errors this thread has seen: read before a callback of the host's, it tells a reason that the callback gave
 * from an older line. */
uint64_t dnni_error_count(void);

/* The status of a callback that failed, with a last error that belongs to it: the host's reason, or that it gave none.
 * What is no error status becomes CALLBACK. */
dnn_status dnni_host_failed(dnn_status status, uint64_t errors_before, const char *function);

/* Goes on if the expression is DNN_OK, otherwise returns its status. */
#define DNNI_TRY(expression)                          \
    do {                                              \
        dnn_status status_ = (expression);            \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

/* A condition on the arguments of a public function: if it does not hold, ARGUMENT with the text. */
#define DNNI_REQUIRE(condition, ...)                                            \
    do {                                                                        \
        if (!(condition)) return dnni_error(DNN_ERROR_ARGUMENT, __VA_ARGS__);   \
    } while (0)

#endif
