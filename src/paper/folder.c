/* Paths, times, names. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "paper/run.h"
#include "record/file.h"

char *dnni_run_path(dnn_context *ctx, const char *folder, const char *name) {
    char joined[4096];
    int length = snprintf(joined, sizeof joined, "%s/%s", folder, name);
    if (length > 0 && length < (int)sizeof joined) return dnni_copy_string(ctx, joined);
    dnni_error(DNN_ERROR_ARGUMENT, "folder has %zu bytes: its path is too long", strlen(folder));
    return NULL;
}

bool dnni_run_is_missing(const char *path) {
    struct stat about;
    return stat(path, &about) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

dnn_status dnni_make_folder(const char *path) {
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return DNN_OK;
    dnn_status status = dnni_system_error("the folder cannot be made", errno);
    dnni_error_prefix(path);
    return status;
}

static dnn_status replace(dnn_context *ctx, const char *path, const void *data, int64_t bytes) {
    dnni_replacement r;
    DNNI_TRY(dnni_replacement_begin(&r, ctx, path));
    dnn_status status = dnni_replacement_write(&r, data, bytes);
    if (status == DNN_OK) return dnni_replacement_commit(&r);
    dnni_replacement_abandon(&r);
    return status;
}

dnn_status dnni_run_replace(dnn_run *run, const char *path, const void *data, int64_t bytes) {
    dnn_status status = replace(run->base.ctx, path, data, bytes);
    if (status != DNN_OK) dnni_error_prefix(path);
    return status;
}

/* Days since 1970 as a date of the Gregorian calendar: whole 400 years of 146097 days, then whole years of which every
 * fourth, but no 100th, is longer, counted from March on. (gmtime_r would look at the environment.) */
static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    int64_t since = days + 719468; /* 1 March of the year 0 */
    int64_t era = since / 146097, of_era = since % 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + y + (*month <= 2);
}

dnni_time_text dnni_time(double seconds, bool fraction) {
    dnni_time_text t;
    int64_t year, month, day, ms = (int64_t)llround(1000 * seconds), s = ms / 1000;
    date_of(s / 86400, &year, &month, &day);
    int used = snprintf(t.text, sizeof t.text, "%04d-%02d-%02dT%02d:%02d:%02d", (int)(year % 10000), (int)(month % 100),
                        (int)(day % 100), (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
    snprintf(t.text + used, sizeof t.text - (size_t)used, fraction ? ".%03dZ" : "Z", (int)(ms % 1000));
    return t;
}

dnn_status dnni_tag_clean(dnni_tag *tag, const char *text, const char *what) {
    DNNI_REQUIRE(text, "%s is NULL", what);
    size_t bytes = strnlen(text, DNNI_FACT_NAME + 1);
    DNNI_REQUIRE(bytes >= 1 && bytes <= DNNI_FACT_NAME, "%s has %s bytes: 1 to %d are allowed", what,
                 bytes == 0 ? "0" : "more", DNNI_FACT_NAME);
    dnni_clean(tag->text, sizeof tag->text, text);
    return DNN_OK;
}
