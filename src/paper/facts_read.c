/* run.json, read as what it is: a file that nobody vouches for. */
#include <string.h>

#include "paper/facts.h"
#include "paper/run.h"
#include "record/file.h"
#include "record/json.h"

/* Of run.json: what we write has some kilobytes, more with a model of thousands of layers; at most DNNI_MOST_TEXT, of
 * which a byte may take six, and what stands around it. */
enum { MOST_BYTES = 7 * DNNI_MOST_TEXT };

/* A string in memory of the facts' pool. */
static dnn_status read_string(dnni_facts *f, dnni_json *json, char **text) {
    const char *first = json->at;
    int64_t length;
    DNNI_TRY(dnni_json_string(json, NULL, 0, &length));
    *text = dnni_pool_alloc(&f->pool, length + 1, 1);
    if (!*text) return DNN_ERROR_MEMORY;
    json->at = first;
    return dnni_json_string(json, *text, length, &length);
}

static dnn_status read_number(dnni_facts *f, dnni_json *json, char **text) {
    const char *first;
    int64_t length;
    DNNI_TRY(dnni_json_number(json, &first, &length));
    *text = dnni_pool_alloc(&f->pool, length + 1, 1);
    if (!*text) return DNN_ERROR_MEMORY;
    memcpy(*text, first, (size_t)length);
    return DNN_OK;
}

static dnn_status read_value(dnni_facts *f, dnni_json *json, const char *group, const char *name) {
    static const char *const words[] = {"true", "false", "null"};
    dnni_fact fact = {.group = group, .name = name, .kind = DNNI_FACT_NUMBER};
    char *text = NULL;
    for (int i = 0; i < 3; i++) {
        if (!dnni_json_word(json, words[i])) continue;
        fact.text = words[i];
        fact.kind = i < 2 ? DNNI_FACT_BOOL : DNNI_FACT_NULL;
        return dnni_facts_set(f, &fact, NULL);
    }
    if (dnni_json_take(json, '"')) {
        json->at--;
        fact.kind = DNNI_FACT_TEXT;
        DNNI_TRY(read_string(f, json, &text));
    } else {
        DNNI_TRY(read_number(f, json, &text));
    }
    fact.text = text;
    return dnni_facts_set(f, &fact, NULL);
}

/* A name, and the colon behind it. */
static dnn_status read_name(dnni_json *json, char name[DNNI_FACT_NAME + 1]) {
    int64_t length;
    DNNI_TRY(dnni_json_string(json, name, DNNI_FACT_NAME, &length));
    if (length == 0 || length > DNNI_FACT_NAME)
        return dnni_error(DNN_ERROR_FORMAT, "run.json: a name has %lld bytes: 1 to %d are allowed", (long long)length,
                          DNNI_FACT_NAME);
    name[length] = '\0';
    return dnni_json_expect(json, ':');
}

static dnn_status read_group(dnni_facts *f, dnni_json *json, const char *group) {
    char name[DNNI_FACT_NAME + 1];
    dnn_status status = DNN_OK;
    if (dnni_json_take(json, '[')) {
        for (int64_t items = 0; dnni_json_next(json, ']', &items, &status);) DNNI_TRY(read_value(f, json, group, ""));
        return status;
    }
    DNNI_TRY(dnni_json_expect(json, '{'));
    for (int64_t items = 0; dnni_json_next(json, '}', &items, &status);) {
        DNNI_TRY(read_name(json, name));
        DNNI_TRY(read_value(f, json, group, name));
    }
    return status;
}

static dnn_status read_format(dnni_json *json) {
    int64_t format;
    DNNI_TRY(dnni_json_integer(json, &format));
    if (format <= DNNI_FACTS_FORMAT) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "run.json is of format %lld, of a later version of the library",
                      (long long)format);
}

static dnn_status read_member(dnni_facts *f, dnni_json *json, bool *known) {
    char name[DNNI_FACT_NAME + 1];
    DNNI_TRY(read_name(json, name));
    if (strcmp(name, "format") == 0) {
        *known = true;
        return read_format(json);
    }
    bool group = dnni_json_take(json, '{') || dnni_json_take(json, '[');
    if (group) json->at--;
    return group ? read_group(f, json, name) : read_value(f, json, "", name);
}

dnn_status dnni_facts_parse(dnni_facts *f, const char *text, int64_t bytes) {
    dnni_json json = {text, text, text + bytes, "run.json"};
    dnn_status status = DNN_OK;
    bool known = false;
    DNNI_TRY(dnni_json_expect(&json, '{'));
    for (int64_t items = 0; dnni_json_next(&json, '}', &items, &status);) DNNI_TRY(read_member(f, &json, &known));
    DNNI_TRY(status);
    while (json.at < json.end && strchr(" \t\r\n", *json.at) && *json.at) json.at++;
    if (json.at < json.end) return dnni_error(DNN_ERROR_FORMAT, "run.json: something follows its end");
    return known ? DNN_OK : dnni_error(DNN_ERROR_FORMAT, "run.json does not say its format");
}

/* ---- the file ---- */

static dnn_status parse_file(dnni_facts *f, dnn_context *ctx, dnni_file *file) {
    if (file->bytes > MOST_BYTES)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "has %lld bytes, more than %d", (long long)file->bytes, MOST_BYTES);
    char *text = dnni_alloc_raw(ctx, file->bytes + 1, 1);
    if (!text) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_file_read(file, text, file->bytes);
    if (status == DNN_OK) status = dnni_facts_parse(f, text, file->bytes);
    dnni_free(ctx, text, file->bytes + 1, 1);
    return status;
}

static dnn_status read_file(dnni_facts *f, dnn_context *ctx, const char *path) {
    dnni_file file;
    if (dnni_run_is_missing(path)) return dnni_error(DNN_ERROR_NOT_FOUND, "there is no such file, hence no run");
    DNNI_TRY(dnni_file_open(&file, path));
    dnn_status status = parse_file(f, ctx, &file);
    dnni_file_close(&file);
    return status;
}

dnn_status dnni_facts_read_file(dnni_facts *f, dnn_context *ctx, const char *path) {
    *f = (dnni_facts){.pool = {.ctx = ctx}};
    dnn_status status = read_file(f, ctx, path);
    if (status != DNN_OK) dnni_error_prefix(path);
    return status;
}

dnn_status dnni_facts_read(dnni_facts *f, dnn_context *ctx, const char *folder) {
    *f = (dnni_facts){.pool = {.ctx = ctx}};
    char *path = dnni_run_path(ctx, folder, "run.json");
    if (!path) return dnn_last_status();
    dnn_status status = dnni_facts_read_file(f, ctx, path);
    dnni_free_string(ctx, path);
    return status;
}
