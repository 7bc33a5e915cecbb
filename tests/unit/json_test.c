/* The strict JSON reader, token by token. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "record/json.h"

/* The text in memory that ends with its last byte, so that a sanitizer sees a read past it. */
static dnni_json open_text(const char *text, char **copy) {
    size_t n = strlen(text);
    *copy = malloc(n ? n : 1);
    memcpy(*copy, text, n);
    return (dnni_json){*copy, *copy, *copy + n, "header"};
}

static const struct {
    const char *text, *value; /* value NULL: an error */
} strings[] = {
    {"\"\"", ""},
    {" \t\r\n\"a b\"", "a b"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
    {"\"\xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa9\"", "\xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa9"},
    {"\"\x7f\"", "\x7f"},
    {"", NULL},
    {"a", NULL},
    {"\"", NULL},
    {"\"a", NULL},
    {"\"\\\"", NULL},
    {"\"\\", NULL},
    {"\"\\x\"", NULL},
    {"\"\\u\"", NULL},
    {"\"\\u12", NULL},
    {"\"\\u123g\"", NULL},
    {"\"\\u0000\"", NULL},
    {"\"\\ud800\"", NULL},       /* a high surrogate alone */
    {"\"\\ud800x\"", NULL},
    {"\"\\ud800\\n\"", NULL},
    {"\"\\ud800\\u0041\"", NULL},
    {"\"\\ud800\\ud800\"", NULL},
    {"\"\\ud83d\\u", NULL},
    {"\"\\udc00\"", NULL},       /* a low one */
    {"\"a\nb\"", NULL},          /* bare control characters */
    {"\"a\x01\"", NULL},
    {"\"\x80\"", NULL},          /* UTF-8: a byte that continues nothing */
    {"\"\xc3\"", NULL},          /* cut */
    {"\"\xc0\x80\"", NULL},      /* not the shortest form */
    {"\"\xe0\x80\x80\"", NULL},
    {"\"\xf0\x80\x80\x80\"", NULL},
    {"\"\xed\xa0\x80\"", NULL},  /* a surrogate */
    {"\"\xf4\x90\x80\x80\"", NULL}, /* above U+10FFFF */
    {"\"\xff\"", NULL},
};

static void test_strings(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        char *copy, text[64] = "";
        int64_t length = -1;
        dnni_json json = open_text(strings[i].text, &copy);
        dnn_status status = dnni_json_string(&json, text, sizeof text - 1, &length);
        if (!strings[i].value) {
            assert_int_not_equal(status, DNN_OK);
        } else {
            assert_int_equal(status, DNN_OK);
            assert_int_equal(length, strlen(strings[i].value));
            assert_memory_equal(text, strings[i].value, (size_t)length + 1);
            assert_ptr_equal(json.at, json.end);
        }
        free(copy);
    }
}

/* A string that does not fit is cut, and its whole length is told. */
static void test_string_room(void **state) {
    (void)state;
    char *copy, text[4] = "xyz";
    int64_t length;
    dnni_json json = open_text("\"abcdef\"", &copy);
    assert_int_equal(dnni_json_string(&json, text, 2, &length), DNN_OK);
    assert_int_equal(length, 6);
    assert_string_equal(text, "abz");
    json.at = json.start;
    assert_int_equal(dnni_json_string(&json, NULL, 0, &length), DNN_OK);
    assert_int_equal(length, 6);
    free(copy);
}

static const struct {
    const char *text;
    int64_t value; /* -1: an error */
} integers[] = {
    {"0", 0},      {" 7 ", 7},   {"10,", 10},  {"9223372036854775807", INT64_MAX},
    {"", -1},      {"-1", -1},   {"-0", -1},   {"+1", -1},
    {"00", -1},    {"01", -1},   {"1.0", -1},  {"1.", -1},
    {"1e3", -1},   {"1E3", -1},  {".5", -1},   {"9223372036854775808", -1},
    {"0x10", 0},   {"\"1\"", -1}, {"18446744073709551617", -1}, {"100000000000000000000000000000", -1},
    {"true", -1},  {"NaN", -1},
};

static void test_integers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        char *copy;
        int64_t value = -7;
        dnni_json json = open_text(integers[i].text, &copy);
        dnn_status status = dnni_json_integer(&json, &value);
        if (integers[i].value < 0) assert_int_equal(status, DNN_ERROR_FORMAT);
        else assert_int_equal(status, DNN_OK);
        if (integers[i].value >= 0) assert_int_equal(value, integers[i].value);
        free(copy);
    }
}

static const struct {
    const char *text;
    int64_t sum; /* of the list's numbers; -1: an error */
} lists[] = {
    {"[]", 0},     {"[ ]", 0},   {"[1]", 1},   {"[1, 2 ,3]", 6}, {"[", -1},     {"[,]", -1},
    {"[1,]", -1},  {"[,1]", -1}, {"[1 2]", -1}, {"[1,,2]", -1},  {"[1", -1},    {"[1}", -1},
    {"[[1]]", -1}, {"[[[[[[[[", -1},
};

static dnn_status sum_list(dnni_json *json, int64_t *sum) {
    dnn_status status = DNN_OK;
    int64_t value;
    DNNI_TRY(dnni_json_expect(json, '['));
    for (int64_t items = 0; dnni_json_next(json, ']', &items, &status); *sum += value)
        DNNI_TRY(dnni_json_integer(json, &value));
    return status;
}

static void test_lists(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char *copy;
        int64_t sum = 0;
        dnni_json json = open_text(lists[i].text, &copy);
        dnn_status status = sum_list(&json, &sum);
        assert_int_equal(status, lists[i].sum < 0 ? DNN_ERROR_FORMAT : DNN_OK);
        if (lists[i].sum >= 0) assert_int_equal(sum, lists[i].sum);
        free(copy);
    }
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int length; /* -1: none */
    } numbers[] = {{"0", 1}, {" -0 ", 2}, {"12.50,", 5}, {"1e5", 3}, {"-1.5E-07]", 8}, {"1e+3", 4}, {"", -1}, {"-", -1},
                   {"01", -1}, {".5", -1}, {"1.", -1}, {"1e", -1}, {"1e+", -1}, {"nan", -1}, {"+1", -1}, {"--1", -1}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char *copy;
        const char *text;
        int64_t length;
        dnni_json json = open_text(numbers[i].text, &copy);
        dnn_status status = dnni_json_number(&json, &text, &length);
        assert_int_equal(status, numbers[i].length < 0 ? DNN_ERROR_FORMAT : DNN_OK);
        if (status == DNN_OK) assert_int_equal(length, numbers[i].length);
        free(copy);
    }
}

static void test_words(void **state) {
    (void)state;
    char *copy;
    dnni_json json = open_text(" true nul", &copy);
    assert_false(dnni_json_word(&json, "false"));
    assert_true(dnni_json_word(&json, "true"));
    assert_false(dnni_json_word(&json, "null"));
    free(copy);
}

static void test_message(void **state) {
    (void)state;
    char *copy;
    dnni_json json = open_text("{x", &copy);
    assert_true(dnni_json_take(&json, '{'));
    assert_false(dnni_json_take(&json, '}'));
    assert_int_equal(dnni_json_expect(&json, ':'), DNN_ERROR_FORMAT);
    assert_string_equal(dnn_last_error(), "header, byte 1: ':' is missing");
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),  cmocka_unit_test(test_string_room), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_message),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
