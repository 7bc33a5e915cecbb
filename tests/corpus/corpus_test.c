/* Every file of the corpus through its parser, and every good one cut short and with flipped bits: a status, bounded
 * memory, and a line that names the file. One test for each parser. */
#include "support/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "parsers.h"

enum { VARIANTS = 400 };

static dnn_status run(const parser *p, const char *path, size_t n) {
    atomic_store(&files_memory.peak, atomic_load(&files_memory.bytes));
    int64_t before = files_memory.bytes, most = 4 * (int64_t)n + PARSER_CONSTANT + p->unfolds;
    dnn_status status = p->read(files_ctx, path);
    if (files_memory.peak - before > most)
        fail_msg("%s took %lld bytes for %zu", path, (long long)(files_memory.peak - before), n);
    if (status == DNN_OK) return status;
    if (status != DNN_ERROR_FORMAT && status != DNN_ERROR_UNSUPPORTED)
        fail_msg("%s: %s: %s", path, dnn_status_name(status), dnn_last_error());
    if (strncmp(dnn_last_error(), path, strlen(path)) != 0) fail_msg("%s is not named: %s", path, dnn_last_error());
    return status;
}

static void check_variants(const parser *p, unsigned char *bytes, size_t n) {
    for (size_t cut = 0; cut < n; cut += 1 + n / VARIANTS) run(p, file_put("cut", bytes, cut), cut);
    for (size_t bit = 0; bit < 8 * n; bit += 1 + 8 * n / VARIANTS) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        run(p, file_put("flipped", bytes, n), n);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void check_file(const parser *p, const char *path, const char *name) {
    size_t n;
    unsigned char *bytes = file_get(path, &n);
    dnn_status status = run(p, path, n);
    bool good = strncmp(name, "ok-", 3) == 0;
    if (good != (status == DNN_OK)) fail_msg("%s: %s", path, status == DNN_OK ? "it was read" : dnn_last_error());
    if (good) check_variants(p, bytes, n);
    free(bytes);
}

static void check_parser(void **state) {
    const parser *p = *state;
    char folder[256], path[1024];
    int files = 0;
#ifdef CORPUS_WITHOUT_JPEG
    if (strcmp(p->name, "jpeg") == 0) skip();
#endif
    snprintf(folder, sizeof folder, "%s/%s", CORPUS, p->name);
    DIR *all = opendir(folder);
    assert_non_null(all);
    for (struct dirent *entry; (entry = readdir(all));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_file(p, path, entry->d_name);
        files++;
    }
    closedir(all);
    assert_true(files >= 7);
}

int main(void) {
    struct CMUnitTest tests[16];
    for (int i = 0; i < parser_count; i++)
        tests[i] = (struct CMUnitTest){parsers[i].name, check_parser, NULL, NULL, (void *)(uintptr_t)&parsers[i]};
    return _cmocka_run_group_tests("corpus", tests, (size_t)parser_count, files_set_up, files_tear_down);
}
