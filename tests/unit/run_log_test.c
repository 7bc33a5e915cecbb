/* Lines of the context's log, from several threads, while the run writes its own and runs come and go. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "support/runs.h"

enum { THREADS = 3, LINES = 200 };

static void *talk(void *name) {
    for (int i = 0; i < LINES; i++) dnni_log(files_ctx, DNN_LOG_INFO, "%s says %d", (const char *)name, i);
    return NULL;
}

static int occurrences(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

static void test_lines_of_many_threads(void **state) {
    (void)state;
    static char names[THREADS][8] = {"one", "two", "three"};
    pthread_t threads[THREADS];
    char folder[512];
    snprintf(folder, sizeof folder, "%s", file_path("many"));
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    for (int t = 0; t < THREADS; t++) assert_int_equal(pthread_create(&threads[t], NULL, talk, names[t]), 0);
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(dnn_run_log(run, "the run itself"), DNN_OK);
        if (i % 50 == 0) run_finish(run_begin(file_path("other"), DNN_RUN_CONTINUE));
    }
    for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    run_finish(run);
    char *log = run_text(folder, "log.txt", 0, NULL);
    assert_int_equal(occurrences(log, " says "), THREADS * LINES);
    assert_int_equal(occurrences(log, "Z  the run itself\n"), LINES);
    assert_int_equal(occurrences(log, "\n"), (THREADS + 1) * LINES + 2);
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_of_many_threads)};
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
