/* log.txt: lines with the time in front. */
#include <string.h>

#include "paper/run.h"

typedef struct {
    const char *time, *text;
} stamped;

static void write_stamped(dnni_writer *w, const void *what) {
    const stamped *s = what;
    const char *text = s->text;
    do {
        int length = (int)strcspn(text, "\n");
        dnni_write(w, "%s  %.*s\n", s->time, length, text);
        text += length + (text[length] == '\n');
    } while (*text);
}

static dnn_status add(dnn_run *run, const char *lines) {
    pthread_mutex_lock(&run->log_lock);
    dnn_status status = dnni_journal_add(&run->log, lines, (int64_t)strlen(lines));
    pthread_mutex_unlock(&run->log_lock);
    return status;
}

dnn_status dnni_run_write_log(dnn_run *run, const char *text) {
    dnni_pool pool = {.ctx = run->base.ctx};
    dnni_time_text time = dnni_time(dnni_run_now(run), true);
    stamped s = {time.text, dnni_pool_clean(&pool, text, true)};
    const char *lines = s.text ? dnni_written(&pool, write_stamped, &s) : NULL;
    dnn_status status = lines ? add(run, lines) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}

/* The line is somebody else's, and so is his last error. */
void dnni_run_log_context(void *user, dnn_log_level level, const char *line) {
    dnn_run *run = user;
    char text[DNNI_ERROR_BYTES + 16] = "";
    dnni_saved_error before;
    dnni_writer w = {.text = text, .room = sizeof text};
    dnni_error_save(&before);
    dnni_write(&w, "%s%s", level >= DNN_LOG_WARNING ? "WARNING  " : "", line);
    if (dnni_run_write_log(run, text) == DNN_OK) return;
    dnni_error_restore(&before);
    pthread_mutex_lock(&run->log_lock);
    run->lost_lines++;
    pthread_mutex_unlock(&run->log_lock);
}

dnn_status dnn_run_log(dnn_run *run, const char *text) {
    DNNI_TRY(dnni_check_run(run));
    DNNI_REQUIRE(text, "text is NULL");
    dnn_status status = dnni_run_write_log(run, text);
    return status == DNN_OK ? dnni_run_settle(run) : status;
}
