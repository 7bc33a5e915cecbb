/* Two tensors of a safetensors file as a dataset. */
#include "support/files.h"

#include <dnn/weights.h>
#include <string.h>

static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                             "\"y\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[16,24]},"
                             "\"z\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[24,27]}}";

static dnn_status open_archive(dnn_archive **archive) {
    unsigned char bytes[512] = {sizeof header - 1};
    static const float x[] = {1, 2, 3, 4};
    static const int32_t y[] = {7, -1};
    size_t n = 8 + sizeof header - 1;
    memcpy(bytes + 8, header, sizeof header - 1);
    memcpy(bytes + n, x, 16);
    memcpy(bytes + n + 16, y, 8);
    return dnn_safetensors_parse(archive, files_ctx, bytes, (int64_t)n + 27);
}

static void test_dataset(void **state) {
    (void)state;
    dnn_archive *archive;
    dnn_dataset *dataset;
    double values[2];
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    assert_int_equal(open_archive(&archive), DNN_OK);
    expect_refusal(dnn_archive_dataset(&dataset, archive, "w", "y"), DNN_ERROR_NOT_FOUND, NULL, "\"w\"");
    expect_refusal(dnn_archive_dataset(&dataset, archive, "x", "w"), DNN_ERROR_NOT_FOUND, NULL, "\"w\"");
    expect_refusal(dnn_archive_dataset(&dataset, archive, "x", "z"), DNN_ERROR_SHAPE, NULL, "");
    assert_int_equal(dnn_archive_dataset(&dataset, archive, "x", "y"), DNN_OK);
    dnn_archive_release(archive);
    assert_int_equal(dnn_dataset_item(dataset, &item), DNN_OK);
    assert_int_equal(item.target.dtype, DNN_I64);
    sample_input(dataset, 1, values, 2);
    assert_true(values[0] == 3 && values[1] == 4);
    sample_target(dataset, 1, values, 1);
    assert_true(values[0] == -1);
    dnn_dataset_release(dataset);
}

static dnn_status use(void) {
    dnn_archive *archive = NULL;
    dnn_dataset *dataset = NULL;
    dnn_status status = open_archive(&archive);
    if (status == DNN_OK) status = dnn_archive_dataset(&dataset, archive, "x", "y");
    dnn_dataset_release(dataset);
    dnn_archive_release(archive);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    expect_out_of_memory_to_be_told(use);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dataset), cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
