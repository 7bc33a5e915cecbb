/* One line of a worker's file:
 *
 *     {"trial":3,"then":"begin"}                          or, behind a pause, {"trial":3,"step":4,"then":"begin"}
 *     {"trial":3,"step":4,"value":0.25,"then":"go on"}    or "pause", "stop", "done"; value null: not finite
 *     {"trial":3,"then":"done"}                           the program went on to another trial
 *
 * The members come in this order. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/json.h"
#include "search/search.h"

static const char *const verdicts[DNNI_VERDICTS] = {"begin", "go on", "pause", "stop", "done"};

int64_t dnni_line_write(char text[DNNI_LINE_ROOM], const dnni_line *line) {
    dnni_writer w = {.text = text, .room = DNNI_LINE_ROOM};
    dnni_put_open(&w, NULL, '{');
    dnni_put_whole(&w, "trial", line->trial);
    if (line->step > 0) dnni_put_whole(&w, "step", line->step);
    if (line->step > 0 && line->then != DNNI_BEGIN) dnni_put_real(&w, "value", line->value);
    dnni_put_text(&w, "then", verdicts[line->then]);
    dnni_put_close(&w, '}');
    dnni_write(&w, "\n");
    return w.used;
}

/* ---- reading ---- */

static dnn_status wrong(const char *what) { return dnni_error(DNN_ERROR_FORMAT, "%s", what); }

/* Whether the next member has that name; it is stepped over then. */
static bool take_name(dnni_json *json, const char *name) {
    dnni_json before = *json;
    char text[8];
    int64_t length;
    if (dnni_json_string(json, text, sizeof text, &length) == DNN_OK && length == (int64_t)strlen(name) &&
        memcmp(text, name, (size_t)length) == 0 && dnni_json_take(json, ':'))
        return true;
    *json = before;
    return false;
}

/* The digits are checked; strtod wants the locale's point. */
static double number_of(const char *text, int64_t length) {
    char copy[48];
    const char *point = localeconv()->decimal_point;
    size_t n = 0, places = strlen(point);
    for (int64_t i = 0; i < length; i++) {
        size_t more = text[i] == '.' ? places : 1;
        if (n + more >= sizeof copy) return NAN;
        memcpy(copy + n, text[i] == '.' ? point : &text[i], more);
        n += more;
    }
    copy[n] = '\0';
    return strtod(copy, NULL);
}

static dnn_status read_value(dnni_json *json, double *value) {
    const char *text;
    int64_t length;
    *value = NAN;
    if (dnni_json_word(json, "null")) return DNN_OK;
    DNNI_TRY(dnni_json_number(json, &text, &length));
    *value = number_of(text, length);
    return isfinite(*value) ? DNN_OK : wrong("the value is too large, or has too many digits");
}

static dnn_status read_verdict(dnni_json *json, dnni_verdict *then) {
    char text[8];
    int64_t length;
    if (!take_name(json, "then")) return wrong("\"then\" is missing");
    DNNI_TRY(dnni_json_string(json, text, sizeof text, &length));
    for (int k = 0; k < DNNI_VERDICTS; k++) {
        if (length != (int64_t)strlen(verdicts[k]) || memcmp(text, verdicts[k], (size_t)length) != 0) continue;
        *then = (dnni_verdict)k;
        return DNN_OK;
    }
    return wrong("\"then\" is none of begin, go on, pause, stop, done");
}

static dnn_status check_sense(const dnni_line *line, bool has_value) {
    bool needs = line->then == DNNI_GO_ON || line->then == DNNI_PAUSE || line->then == DNNI_STOP;
    if (line->trial >= DNNI_MOST_TRIALS) return wrong("there are no trials of such numbers");
    if (needs && !has_value) return wrong("a step and its value are missing");
    if (line->then == DNNI_BEGIN && has_value) return wrong("a trial does not begin with a value");
    if (line->then == DNNI_DONE && line->step > 0 && !has_value) return wrong("a value is missing");
    return DNN_OK;
}

static dnn_status read_members(dnni_json *json, dnni_line *line) {
    bool has_value = false;
    DNNI_TRY(dnni_json_expect(json, '{'));
    if (!take_name(json, "trial")) return wrong("\"trial\" is missing");
    DNNI_TRY(dnni_json_integer(json, &line->trial));
    DNNI_TRY(dnni_json_expect(json, ','));
    if (take_name(json, "step")) {
        DNNI_TRY(dnni_json_integer(json, &line->step));
        DNNI_TRY(dnni_json_expect(json, ','));
        if (line->step == 0) return wrong("steps count from 1");
        has_value = take_name(json, "value");
        if (has_value) DNNI_TRY(read_value(json, &line->value));
        if (has_value) DNNI_TRY(dnni_json_expect(json, ','));
    }
    DNNI_TRY(read_verdict(json, &line->then));
    DNNI_TRY(dnni_json_expect(json, '}'));
    return check_sense(line, has_value);
}

dnn_status dnni_line_read(dnni_line *line, const char *text, int64_t bytes) {
    dnni_json json = {text, text, text + bytes, "line"};
    *line = (dnni_line){.value = NAN};
    DNNI_TRY(read_members(&json, line));
    return json.at == json.end ? DNN_OK : wrong("something stands behind the object");
}
