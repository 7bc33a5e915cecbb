/* CIFAR's binary files: planes become pixels, several files one dataset, bad records are named. */
#include "support/files.h"

#include <dnn/io.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 3073 };

/* Record r of CIFAR-10: label (r + shift) mod 10, pixel p of channel c is (r + 7p + 50c) mod 256. */
static void fill_record(unsigned char *record, int r, int shift) {
    record[0] = (unsigned char)((r + shift) % 10);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 1024; p++) record[1 + 1024 * c + p] = (unsigned char)(r + 7 * p + 50 * c);
}

static const char *put_ten(const char *name, int records, int shift) {
    unsigned char *bytes = malloc((size_t)records * RECORD + 1);
    for (int r = 0; r < records; r++) fill_record(bytes + (size_t)r * RECORD, r, shift);
    const char *path = file_put(name, bytes, (size_t)records * RECORD);
    free(bytes);
    return path;
}

static void test_ten(void **state) {
    (void)state;
    const char *paths[] = {put_ten("a.bin", 3, 0), put_ten("b.bin", 2, 5)};
    dnn_dataset *dataset;
    double pixels[3072], label, low, high;
    char name[256];
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, paths, 2, NULL), DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), 5);
    assert_int_equal(dnn_dataset_classes(dataset), 10);
    assert_string_equal(dnn_dataset_class_name(dataset, 3), "cat");
    assert_int_equal(dnn_dataset_range(dataset, &low, &high), DNN_OK);
    assert_true(low == 0 && high == 255);
    sample_input(dataset, 4, pixels, 3072);
    for (int p = 0; p < 1024; p++)
        for (int c = 0; c < 3; c++) assert_true(pixels[3 * p + c] == (1 + 7 * p + 50 * c) % 256);
    sample_target(dataset, 4, &label, 1);
    assert_true(label == 6);
    assert_int_equal(dnn_dataset_sample_name(dataset, 4, name, sizeof name), DNN_OK);
    assert_non_null(strstr(name, "b.bin, record 1"));
    dnn_dataset_release(dataset);
}

static void test_hundred(void **state) {
    (void)state;
    unsigned char bytes[2 * 3074] = {19, 99};
    dnn_dataset *fine, *coarse;
    double label;
    dnn_cifar_desc desc = {DNN_SIZED(dnn_cifar_desc), .kind = DNN_CIFAR_100_FINE};
    const char *path = file_put("c.bin", bytes, sizeof bytes);
    assert_int_equal(dnn_cifar_dataset(&fine, files_ctx, &path, 1, &desc), DNN_OK);
    desc.kind = DNN_CIFAR_100_COARSE;
    assert_int_equal(dnn_cifar_dataset(&coarse, files_ctx, &path, 1, &desc), DNN_OK);
    assert_string_equal(dnn_dataset_class_name(fine, 99), "worm");
    assert_string_equal(dnn_dataset_class_name(coarse, 19), "vehicles_2");
    sample_target(fine, 0, &label, 1);
    assert_true(label == 99);
    sample_target(coarse, 0, &label, 1);
    assert_true(label == 19);
    dnn_dataset_release(fine);
    dnn_dataset_release(coarse);
    bytes[3074] = 20;
    file_put("c.bin", bytes, sizeof bytes);
    expect_refusal(dnn_cifar_dataset(&fine, files_ctx, &path, 1, &desc), DNN_ERROR_FORMAT, path,
                   "record 1: its coarse label is 20");
    bytes[3074] = 0;
    bytes[1] = 100;
    file_put("c.bin", bytes, sizeof bytes);
    expect_refusal(dnn_cifar_dataset(&fine, files_ctx, &path, 1, &desc), DNN_ERROR_FORMAT, path,
                   "record 0: its fine label is 100");
}

static void test_bad(void **state) {
    (void)state;
    unsigned char bytes[2 * RECORD] = {0};
    dnn_dataset *dataset;
    const char *path = file_path("d.bin");
    for (size_t n = 1; n < 2 * RECORD; n += n == RECORD - 1 ? 2 : 307) {
        file_put("d.bin", bytes, n);
        expect_refusal(dnn_cifar_dataset(&dataset, files_ctx, &path, 1, NULL), DNN_ERROR_FORMAT, path, "the last");
    }
    for (int label = 10; label < 256; label++) {
        bytes[RECORD] = (unsigned char)label;
        file_put("d.bin", bytes, sizeof bytes);
        expect_refusal(dnn_cifar_dataset(&dataset, files_ctx, &path, 1, NULL), DNN_ERROR_FORMAT, path,
                       "record 1: its label is ");
    }
    file_put("d.bin", bytes, 0);
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, &path, 1, NULL), DNN_OK); /* no records: no samples */
    assert_int_equal(dnn_dataset_count(dataset), 0);
    dnn_dataset_release(dataset);
    dnn_cifar_desc desc = {DNN_SIZED(dnn_cifar_desc), .kind = 5};
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, &path, 1, &desc), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, &path, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, NULL, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, (const char *const[]){NULL}, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_cifar_dataset(&dataset, NULL, &path, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_cifar_dataset(NULL, files_ctx, &path, 1, NULL), DNN_ERROR_ARGUMENT);
}

/* A file that changes while it is open: no label out of range gets through. */
static void test_changed(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_tensor *x, *t;
    const char *path = put_ten("e.bin", 2, 0);
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, &path, 1, NULL), DNN_OK);
    put_ten("e.bin", 1, 0);
    expect_refusal(dnn_dataset_get_range(&x, &t, dataset, 1, 1), DNN_ERROR_CALLBACK, "sample 1: ", "became shorter");
    dnn_dataset_release(dataset);
}

static dnn_status use(void) {
    const char *paths[] = {file_path("a.bin"), file_path("b.bin")};
    dnn_dataset *dataset = NULL;
    dnn_tensor *x = NULL, *t = NULL;
    dnn_status status = dnn_cifar_dataset(&dataset, files_ctx, paths, 2, NULL);
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, &t, dataset, 0, 5);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(dataset);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    put_ten("a.bin", 3, 0);
    put_ten("b.bin", 2, 5);
    expect_out_of_memory_to_be_told(use);
}

static void test_real(void **state) {
    (void)state;
    const char *folder = getenv("DNN_DATA_DIR");
    char path[512];
    snprintf(path, sizeof path, "%s/cifar10/test_batch.bin", folder ? folder : "");
    FILE *there = folder ? fopen(path, "rb") : NULL;
    if (!there) {
        print_message("skipped: DNN_DATA_DIR has no cifar10\n");
        skip();
    }
    fclose(there);
    dnn_dataset *dataset;
    dnn_tensor *x, *t;
    int64_t counts[10] = {0};
    assert_int_equal(dnn_cifar_dataset(&dataset, files_ctx, (const char *const[]){path}, 1, NULL), DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), 2000);
    assert_int_equal(dnn_dataset_get_range(&x, &t, dataset, 0, 2000), DNN_OK);
    for (int i = 0; i < 2000; i++) counts[((const int64_t *)dnn_tensor_const_data(t))[i]]++;
    for (int k = 0; k < 10; k++) assert_int_equal(counts[k], 200);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten),     cmocka_unit_test(test_hundred),       cmocka_unit_test(test_bad),
        cmocka_unit_test(test_changed), cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
