/* Statuses, and the last error of a thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "core/error.h"

static void names_and_texts(void **state) {
    (void)state;
    assert_string_equal(dnn_status_name(DNN_OK), "DNN_OK");
    assert_string_equal(dnn_status_name(DNN_ERROR_SHAPE), "DNN_ERROR_SHAPE");
    assert_string_equal(dnn_status_name((dnn_status)7777), "unknown status");
    assert_non_null(strstr(dnn_status_text((dnn_status)7777), "does not know"));
#define IS_PINNED(name, number, meaning) assert_int_equal((int)name, number);
    DNN_STATUS_LIST(IS_PINNED)
    assert_int_equal((int)DNN_ERROR_MEMORY, 40); /* a number that programs have compiled in */
}

static void the_line_is_kept_by_calls_that_succeed(void **state) {
    (void)state;
    assert_int_equal(dnn_fail(DNN_ERROR_VALUE, "37 of 1000 values do not fit"), DNN_ERROR_VALUE);
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    assert_string_equal(dnn_last_error(), "37 of 1000 values do not fit");
    assert_int_equal(dnn_last_status(), DNN_ERROR_VALUE);
    dnn_context_release(ctx);
}

static void one_line_whatever_comes(void **state) {
    (void)state;
    dnn_fail(DNN_ERROR_VALUE, "two\nlines\r\n");
    assert_null(strpbrk(dnn_last_error(), "\r\n"));
    dnn_fail(DNN_OK, "a host that fails with OK has failed all the same");
    assert_int_equal(dnn_last_status(), DNN_ERROR_CALLBACK);
    dnn_fail(DNN_ERROR_VALUE, NULL);
    assert_true(strlen(dnn_last_error()) > 0);
    dnn_fail(DNN_ERROR_VALUE, "100% %s %n");
    assert_string_equal(dnn_last_error(), "100% %s %n");
}

static void long_lines_are_cut(void **state) {
    (void)state;
    char text[4 * DNNI_ERROR_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    dnn_fail(DNN_ERROR_VALUE, text);
    assert_int_equal(strlen(dnn_last_error()), DNNI_ERROR_BYTES - 1);
    dnni_error_prefix("conv1");
    assert_int_equal(strlen(dnn_last_error()), DNNI_ERROR_BYTES - 1);
    assert_memory_equal(dnn_last_error(), "conv1: xxx", 10);
}

static void prefixes_pile_up(void **state) {
    (void)state;
    dnni_error(DNN_ERROR_SHAPE, "input has %d channels", 3);
    dnni_error_prefix("conv1");
    dnni_error_prefix("");
    dnni_error_prefix(NULL);
    dnni_error_prefix("layer1.0");
    assert_string_equal(dnn_last_error(), "layer1.0: conv1: input has 3 channels");
    dnni_out_of_memory();
    dnni_error_prefix("conv1");
    assert_string_equal(dnn_last_error(), dnn_status_text(DNN_ERROR_MEMORY));
}

static void saved_and_put_back(void **state) {
    (void)state;
    dnni_saved_error saved;
    dnni_error(DNN_ERROR_IO, "disk");
    dnni_error_save(&saved);
    dnni_error(DNN_ERROR_STATE, "other");
    assert_int_equal(dnni_error_restore(&saved), DNN_ERROR_IO);
    assert_string_equal(dnn_last_error(), "disk");
    dnni_out_of_memory();
    dnni_error_save(&saved);
    dnni_error(DNN_ERROR_STATE, "other");
    assert_int_equal(dnni_error_restore(&saved), DNN_ERROR_MEMORY);
}

static void *fail_elsewhere(void *arg) {
    int *fresh = arg;
    *fresh = dnn_last_status() == DNN_OK && dnn_last_error()[0] == 0;
    dnn_fail(DNN_ERROR_IO, "in the other thread");
    return NULL;
}

static void each_thread_has_its_own(void **state) {
    (void)state;
    dnn_fail(DNN_ERROR_VALUE, "in this thread");
    pthread_t other;
    int fresh = 0;
    assert_int_equal(pthread_create(&other, NULL, fail_elsewhere, &fresh), 0);
    pthread_join(other, NULL);
    assert_true(fresh);
    assert_string_equal(dnn_last_error(), "in this thread");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(the_line_is_kept_by_calls_that_succeed),
        cmocka_unit_test(one_line_whatever_comes),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(prefixes_pile_up),
        cmocka_unit_test(saved_and_put_back),
        cmocka_unit_test(each_thread_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
