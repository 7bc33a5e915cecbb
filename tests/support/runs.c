#include "support/runs.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

double run_time;

static double tell_time(void *user) {
    (void)user;
    return run_time;
}

dnn_run_desc run_desc(dnn_run_mode mode) {
    static const char *const argv[] = {"./train", "--lr", "0.1"};
    return (dnn_run_desc){DNN_SIZED(dnn_run_desc), .argc = 3, .argv = argv, .mode = mode, .now = tell_time};
}

dnn_run *run_begin(const char *folder, dnn_run_mode mode) {
    dnn_run *run;
    dnn_run_desc d = run_desc(mode);
    if (dnn_run_create(&run, files_ctx, folder, &d) != DNN_OK) fail_msg("%s", dnn_last_error());
    return run;
}

void run_finish(dnn_run *run) {
    assert_int_equal(dnn_run_end(run, DNN_OK), DNN_OK);
    assert_int_equal(dnn_run_release(run), DNN_OK);
}

char *run_text(const char *folder, const char *name, int n, size_t *bytes) {
    struct dirent **entries;
    char path[1024], *text = NULL;
    int found = 0, all = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < all; i++) {
        if (strncmp(entries[i]->d_name, name, strlen(name)) == 0 && found++ == n) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            size_t size;
            unsigned char *raw = file_get(path, &size);
            text = calloc(1, size + 1);
            memcpy(text, raw, size);
            free(raw);
            if (bytes) *bytes = size;
        }
        free(entries[i]);
    }
    free(entries);
    return text;
}

void expect_run_text(const char *folder, const char *name, const char *part) {
    char *text = run_text(folder, name, 0, NULL);
    assert_non_null(text);
    if (!strstr(text, part)) fail_msg("%s has no \"%s\":\n%s", name, part, text);
    free(text);
}
