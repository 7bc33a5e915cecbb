/* Hashes of data, and index files, which hold samples' numbers together with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hash/hash.h"
#include "record/archive.h"
#include "support/datasets.h"

static char path[] = "/tmp/dnn-index-XXXXXX";

/* ---- hashes ---- */

static uint64_t hash_text(const char *text) { return dnnk_hash(0, text, (int64_t)strlen(text)); }

/* What xxh64sum prints. */
static void bytes_have_the_published_hashes(void **state) {
    (void)state;
    assert_true(hash_text("") == UINT64_C(0xef46db3751d8e999));
    assert_true(hash_text("a") == UINT64_C(0xd24ec4f1a98c6e5b));
    assert_true(hash_text("abc") == UINT64_C(0x44bc2cf5ad770999));
    assert_true(hash_text("The quick brown fox jumps over the lazy dog") == UINT64_C(0x0b242d361fda71bc));
}

static uint64_t hash_of(dnn_dataset *dataset) {
    uint64_t hash;
    OK(dnn_dataset_hash(&hash, dataset, NULL));
    return hash;
}

/* As data.h says it, in the plainest way. */
static void datasets_are_hashed_as_documented(void **state) {
    (void)state;
    dnn_dataset *dataset = pairs(3);
    const char *item = "float32 [2] int64 []";
    uint64_t want = dnnk_hash(3, item, (int64_t)strlen(item));
    for (int64_t i = 0; i < 3; i++) {
        float x[2] = {(float)i, (float)i + 0.5f};
        int64_t t = 100 + i;
        uint64_t h = dnnk_hash(dnnk_hash(0, x, sizeof x), &t, sizeof t);
        want = dnnk_hash(want, &h, sizeof h);
    }
    assert_true(hash_of(dataset) == want);
    dnn_dataset_release(dataset);
}

static dnn_status get_number(void *user, int64_t index, int64_t epoch, const dnn_array *input,
                             const dnn_array *target) {
    (void)user, (void)epoch;
    ((float *)input->data)[0] = (float)index;
    ((float *)input->data)[1] = (float)index + 0.5f;
    *(int64_t *)target->data = 100 + index;
    return user && index == *(int64_t *)user ? dnn_fail(DNN_ERROR_IO, "torn") : DNN_OK;
}

/* The samples of pairs(), made when they are read. */
static dnn_dataset *pairs_made(dnn_context *ctx, int64_t n, int64_t *fails_at) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = n, .thread_safe = 1,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {2}}, .get = get_number,
                                      .target = {.dtype = DNN_I64}, .user = fails_at};
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    return dataset;
}

static void the_same_hash_however_it_is_read(void **state) {
    (void)state;
    enum { N = 70000 };
    dnn_dataset *held = pairs(N);
    uint64_t want = hash_of(held);
    for (int threads = 1; threads <= 3; threads++) {
        dnn_context *ctx;
        OK(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads}));
        dnn_dataset *made = pairs_made(ctx, N, NULL);
        assert_true(hash_of(made) == want);
        dnn_dataset_release(made);
        dnn_context_release(ctx);
    }
    dnn_dataset_release(held);
}

static void hashes_tell_data_apart(void **state) {
    (void)state;
    dnn_dataset *all = pairs(6), *view[3];
    OK(dnn_dataset_subset(&view[0], all, (const int64_t[]){0, 1, 2, 3, 5, 4}, 6)); /* another order */
    OK(dnn_dataset_first(&view[1], all, 5));
    OK(dnn_dataset_subset(&view[2], all, (const int64_t[]){0, 1, 2, 3, 4, 5}, 6)); /* the same */
    assert_true(hash_of(view[0]) != hash_of(all));
    assert_true(hash_of(view[1]) != hash_of(all));
    assert_true(hash_of(view[2]) == hash_of(all));
    for (int i = 0; i < 3; i++) dnn_dataset_release(view[i]);
    dnn_dataset_release(all);
}

static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    (void)user, (void)done, (void)total;
    assert_string_equal(what, "hashing samples");
    return dnn_fail(DNN_ERROR_STATE, "enough");
}

static void hashing_that_fails(void **state) {
    (void)state;
    int64_t at = 40000;
    uint64_t hash = 7;
    dnn_dataset *made = pairs_made(data_ctx, 50000, &at);
    FAILS(dnn_dataset_hash(&hash, made, NULL), DNN_ERROR_CALLBACK, "sample 40000: torn");
    FAILS(dnn_dataset_hash(&hash, made, &(dnn_progress){stop, NULL}), DNN_ERROR_STATE, "enough");
    assert_true(hash == 7);
    dnn_dataset_release(made);
}

/* ---- files ---- */

static void save_two(dnn_dataset *all) {
    dnn_dataset *train, *test, *small;
    OK(dnn_dataset_split(&train, &test, all, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), .count = 7, .seed = 1}));
    OK(dnn_dataset_subset(&small, train, (const int64_t[]){4, 2}, 2));
    OK(dnn_index_save(path, all, (const char *[]){"small", "test"}, (dnn_dataset *[]){small, test}, 2, NULL));
    dnn_dataset *made[] = {train, test, small};
    for (int i = 0; i < 3; i++) dnn_dataset_release(made[i]);
}

static void sets_are_chosen_once(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *small, *test, *train, *rest;
    save_two(all);
    OK(dnn_index_load(&small, path, all, "small", NULL));
    OK(dnn_index_load(&test, path, all, "test", NULL));
    OK(dnn_dataset_split(&train, &rest, all, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), .count = 7, .seed = 1}));
    assert_int_equal(dnn_dataset_count(small), 2);
    assert_true(input_of(small, 0) == input_of(train, 4) && target_of(small, 1) == target_of(train, 2));
    assert_true(hash_of(test) == hash_of(rest));
    dnn_dataset *made[] = {all, small, test, train, rest};
    for (int i = 0; i < 5; i++) dnn_dataset_release(made[i]);
}

static void other_data_is_refused(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *fewer, *swapped, *set;
    dnn_index_desc no_hash = {DNN_SIZED(dnn_index_desc), .no_hash = 1};
    save_two(all);
    OK(dnn_dataset_first(&fewer, all, 9));
    OK(dnn_dataset_subset(&swapped, all, (const int64_t[]){1, 0, 2, 3, 4, 5, 6, 7, 8, 9}, 10));
    FAILS(dnn_index_load(&set, path, fewer, "small", NULL), DNN_ERROR_VALUE, "for data of 10 samples, this dataset has 9");
    FAILS(dnn_index_load(&set, path, swapped, "small", NULL), DNN_ERROR_VALUE, "for data with the hash");
    assert_null(set);
    OK(dnn_index_load(&set, path, swapped, "small", &no_hash));
    dnn_dataset_release(set);
    FAILS(dnn_index_load(&set, path, fewer, "small", &no_hash), DNN_ERROR_VALUE, "of 10 samples");
    FAILS(dnn_index_load(&set, path, all, "large", NULL), DNN_ERROR_NOT_FOUND, "there is no set \"large\"");
    FAILS(dnn_index_load(&set, "no-such-folder/x", all, "small", NULL), DNN_ERROR_IO, "no-such-folder/x: ");
    dnn_dataset *made[] = {all, fewer, swapped};
    for (int i = 0; i < 3; i++) dnn_dataset_release(made[i]);
}

static void only_choices_are_saved(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *other = pairs(10), *windows;
    const char *const names[] = {"a"};
    OK(dnn_dataset_windows(&windows, all, &(dnn_windows_desc){DNN_SIZED(dnn_windows_desc), .window = {1}}));
    FAILS(dnn_index_save(path, all, names, &windows, 1, NULL), DNN_ERROR_ARGUMENT, "sets[0] is not a view that only");
    FAILS(dnn_index_save(path, all, names, &other, 1, NULL), DNN_ERROR_ARGUMENT, "sets[0] is not a view that only");
    FAILS(dnn_index_save(path, all, names, &other, 0, NULL), DNN_ERROR_ARGUMENT, "n is below 1");
    FAILS(dnn_index_save(path, all, (const char *[]){NULL}, &all, 1, NULL), DNN_ERROR_ARGUMENT, "names[0] is NULL");
    OK(dnn_index_save(path, all, names, &all, 1, NULL));
    dnn_dataset *made[] = {all, other, windows};
    for (int i = 0; i < 3; i++) dnn_dataset_release(made[i]);
}

/* ---- hostile files ---- */

static long read_file(unsigned char *bytes, long most) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    long n = (long)fread(bytes, 1, (size_t)most, file);
    fclose(file);
    return n;
}

static void write_file(const unsigned char *bytes, long n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, (size_t)n, file), n);
    fclose(file);
}

/* Every byte changed, and every length: refused, each time. */
static void damaged_files_are_refused(void **state) {
    (void)state;
    unsigned char bytes[4096];
    dnn_dataset *all = pairs(10), *set;
    save_two(all);
    long n = read_file(bytes, sizeof bytes);
    assert_in_range(n, 100, 4000);
    for (long at = 0; at < n; at++) {
        bytes[at] ^= 0x11;
        write_file(bytes, n);
        assert_int_not_equal(dnn_index_load(&set, path, all, "small", NULL), DNN_OK);
        bytes[at] ^= 0x11;
        if (at % 8 > 0) continue;
        write_file(bytes, at);
        assert_int_equal(dnn_index_load(&set, path, all, "small", NULL), DNN_ERROR_FORMAT);
    }
    dnn_dataset_release(all);
}

/* Files with a good sum, as a forger would write them. */
static void forged_files_are_refused(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *set;
    dnn_tensor *t[3] = {tensor_of(data_ctx, DNN_I64, DIMS(2), (const double[]){3, 10}),
                        tensor_of(data_ctx, DNN_I64, DIMS(2, 1), NULL), tensor_of(data_ctx, DNN_I32, DIMS(2), NULL)};
    const char *const names[3] = {"beyond", "square", "short"};
    dnni_item items[3];
    for (int k = 0; k < 3; k++) items[k] = (dnni_item){.name = names[k], .stored = t[k]->array, .memory = t[k]->array};
    char hash[24];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)hash_of(all));
    for (int good = 0; good < 2; good++) {
        const dnn_metadata metadata[] = {{"format", "dnn-index"}, {"dnn.data.count", good ? "10" : "+10"},
                                         {"dnn.data.xxh64", hash}, {"dnn.crc32c", "00000000"}};
        OK(dnni_archive_write(data_ctx, path, items, 3, metadata, 4, true));
        FAILS(dnn_index_load(&set, path, all, "beyond", NULL), DNN_ERROR_FORMAT,
              good ? "beyond[1] is 10, of 10 samples" : "this is no index file");
        if (!good) continue;
        FAILS(dnn_index_load(&set, path, all, "square", NULL), DNN_ERROR_FORMAT, "square is int64 [2,1]");
        FAILS(dnn_index_load(&set, path, all, "short", NULL), DNN_ERROR_FORMAT, "short is int32 [2]");
    }
    for (int k = 0; k < 3; k++) dnn_tensor_release(t[k]);
    dnn_dataset_release(all);
}

/* ---- memory ---- */

static dnn_status use_file(void *user) {
    dnn_dataset *part = NULL, *set = NULL;
    dnn_status status = dnn_dataset_first(&part, user, 2);
    if (status == DNN_OK) status = dnn_index_save(path, user, (const char *[]){"a"}, &part, 1, NULL);
    if (status == DNN_OK) status = dnn_index_load(&set, path, user, "a", NULL);
    dnn_dataset_release(set);
    dnn_dataset_release(part);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    dnn_dataset *all = pairs(4);
    expect_memory_failures_survived(use_file, all, 15);
    dnn_dataset_release(all);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_the_published_hashes),
        TEST(datasets_are_hashed_as_documented),
        TEST(the_same_hash_however_it_is_read),
        TEST(hashes_tell_data_apart),
        TEST(hashing_that_fails),
        TEST(sets_are_chosen_once),
        TEST(other_data_is_refused),
        TEST(only_choices_are_saved),
        TEST(damaged_files_are_refused),
        TEST(forged_files_are_refused),
        TEST(out_of_memory_anywhere_is_survived),
    };
    int descriptor = mkstemp(path);
    if (descriptor < 0) return 1;
    close(descriptor);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
