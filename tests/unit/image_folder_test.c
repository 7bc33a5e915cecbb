/* Folders of images: classes, order, what is skipped and why, reading ahead. */
#include "support/files.h"

#include <dnn/io.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An image of one colour, 4 × 6. */
static void put_image(const char *name, int value) {
    dnn_tensor *image;
    assert_int_equal(dnn_tensor_create(&image, files_ctx, DNN_U8, 3, (const int64_t[]){4, 6, 3}), DNN_OK);
    memset(dnn_tensor_data(image), value, 4 * 6 * 3);
    const char *path = file_path(name);
    bool jpeg = strstr(name, ".jpg") != NULL;
    assert_int_equal(jpeg ? dnn_jpeg_write(files_ctx, path, image, 95) : dnn_png_write(files_ctx, path, image), DNN_OK);
    dnn_tensor_release(image);
}

static dnn_status open_folder(dnn_image_folder **out, const char *name, dnn_image_folder_desc desc) {
    desc.size = sizeof desc;
    return dnn_image_folder_open(out, files_ctx, file_path(name), &desc);
}

static void expect_ends(const char *text, const char *end) {
    assert_non_null(text);
    if (strcmp(text + strlen(text) - strlen(end), end) != 0) fail_msg("%s does not end with %s", text, end);
}

static void test_classes(void **state) {
    (void)state;
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    double pixels[72], label, low, high;
    char name[512];
    put_image("tree/b/2.png", 20);
    put_image("tree/b/10.jpg", 30);
    put_image("tree/a/deep/er/1.png", 10);
    put_image("tree/.hidden/1.png", 99);
    file_put("tree/a/.DS_Store", "x", 1);
    file_put("tree/README", "x", 1);
    file_path("tree/c/");
    assert_int_equal(open_folder(&folder, "tree", (dnn_image_folder_desc){.bad = 0}), DNN_OK);
    assert_int_equal(dnn_image_folder_count(folder), 3);
    expect_ends(dnn_image_folder_path(folder, 0), "tree/a/deep/er/1.png");
    expect_ends(dnn_image_folder_path(folder, 1), "tree/b/10.jpg");
    expect_ends(dnn_image_folder_path(folder, 2), "tree/b/2.png");
    assert_null(dnn_image_folder_path(folder, 3));
    assert_int_equal(dnn_last_status(), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_image_folder_skipped(folder), 1);
    const char *reason;
    expect_ends(dnn_image_folder_skipped_path(folder, 0, &reason), "tree/README");
    assert_string_equal(reason, "lies beside the folders of the classes");
    assert_null(dnn_image_folder_skipped_path(folder, 1, NULL));
    assert_int_equal(dnn_image_folder_dataset(&dataset, folder), DNN_OK);
    assert_int_equal(dnn_image_folder_release(folder), DNN_OK);
    assert_int_equal(dnn_dataset_classes(dataset), 3);
    assert_string_equal(dnn_dataset_class_name(dataset, 1), "b");
    assert_int_equal(dnn_dataset_range(dataset, &low, &high), DNN_OK);
    assert_true(low == 0 && high == 255);
    for (int64_t i = 0; i < 3; i++) {
        static const int values[] = {10, 30, 20}, labels[] = {0, 1, 1};
        sample_input(dataset, i, pixels, 72);
        sample_target(dataset, i, &label, 1);
        for (int k = 0; k < 72; k++) assert_true(pixels[k] == values[i]);
        assert_true(label == labels[i]);
    }
    assert_int_equal(dnn_dataset_sample_name(dataset, 1, name, sizeof name), DNN_OK);
    expect_ends(name, "tree/b/10.jpg");
    dnn_dataset_release(dataset);
}

static void test_flat(void **state) {
    (void)state;
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    put_image("flat/1.png", 1);
    put_image("flat/2.png", 2);
    dnn_image_desc image = {DNN_SIZED(dnn_image_desc), .channels = 1, .height = 2, .width = 2,
                            .fit = DNN_IMAGE_FIT_COVER};
    assert_int_equal(open_folder(&folder, "flat/", (dnn_image_folder_desc){.image = &image}), DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(&dataset, folder), DNN_OK);
    assert_int_equal(dnn_dataset_item(dataset, &item), DNN_OK);
    assert_int_equal(item.target.dtype, DNN_DTYPE_NONE);
    assert_int_equal(item.input.dims[2], 1);
    double pixels[4];
    sample_input(dataset, 1, pixels, 4);
    assert_true(pixels[0] == 2 && pixels[3] == 2);
    dnn_dataset_release(dataset);
    dnn_image_folder_release(folder);
}

/* Damage in the header, in the pixels, another size, no image: refused or skipped, and never without a word. */
static void test_bad(void **state) {
    (void)state;
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    dnn_tensor *x;
    size_t n;
    put_image("bad/a/1.jpg", 1);
    put_image("bad/a/2.jpg", 2);
    put_image("bad/a/3.png", 3);
    unsigned char *bytes = file_get(file_path("bad/a/2.jpg"), &n);
    file_put("bad/a/2.jpg", bytes, n - 8); /* cut in its pixels: its header is good */
    assert_int_equal(open_folder(&folder, "bad", (dnn_image_folder_desc){.bad = DNN_BAD_IMAGE_REFUSE}), DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(&dataset, folder), DNN_OK);
    expect_refusal(dnn_dataset_get_range(&x, NULL, dataset, 1, 1), DNN_ERROR_CALLBACK, "sample 1: ",
                   "2.jpg: is no good");
    dnn_dataset_release(dataset);
    dnn_image_folder_release(folder);
    file_put("bad/a/4.txt", "no image", 8);
    file_put("bad/a/5.jpg", bytes, 20);
    expect_refusal(open_folder(&folder, "bad", (dnn_image_folder_desc){.bad = 0}), DNN_ERROR_FORMAT, NULL,
                   "4.txt: is neither");
    assert_int_equal(open_folder(&folder, "bad", (dnn_image_folder_desc){.bad = DNN_BAD_IMAGE_SKIP}), DNN_OK);
    assert_int_equal(dnn_image_folder_count(folder), 2);
    assert_int_equal(dnn_image_folder_skipped(folder), 3);
    static const char *const names[] = {"2.jpg", "4.txt", "5.jpg"}, *const reasons[] = {"JPEG", "neither", "JPEG"};
    for (int64_t i = 0; i < 3; i++) {
        const char *reason;
        expect_ends(dnn_image_folder_skipped_path(folder, i, &reason), names[i]);
        assert_non_null(strstr(reason, reasons[i]));
        assert_null(strstr(reason, names[i]));
    }
    dnn_image_folder_release(folder);
    dnn_image_desc large = {DNN_SIZED(dnn_image_desc), .height = 5, .width = 6};
    expect_refusal(open_folder(&folder, "bad", (dnn_image_folder_desc){.image = &large}), DNN_ERROR_SHAPE, NULL,
                   "1.jpg: is 4 × 6 pixels");
    expect_refusal(open_folder(&folder, "bad", (dnn_image_folder_desc){.image = &large, .bad = DNN_BAD_IMAGE_SKIP}),
                   DNN_ERROR_NOT_FOUND, NULL, "no image that is good");
    free(bytes);
}

static dnn_status stop_at_two(void *user, const char *what, int64_t done, int64_t total) {
    (void)user;
    assert_string_equal(what, "looking at images");
    assert_true(done <= total);
    return done == 2 ? dnn_fail(DNN_ERROR_STATE, "stop") : DNN_OK;
}

static void test_misuse(void **state) {
    (void)state;
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    put_image("use/1.png", 1);
    put_image("use/2.png", 1);
    expect_refusal(open_folder(&folder, "use", (dnn_image_folder_desc){.progress = {stop_at_two, NULL}}),
                   DNN_ERROR_STATE, NULL, "stop");
    expect_refusal(open_folder(&folder, "use", (dnn_image_folder_desc){.bad = 5}), DNN_ERROR_ARGUMENT, NULL, "bad");
    expect_refusal(open_folder(&folder, "no/such", (dnn_image_folder_desc){.bad = 0}), DNN_ERROR_IO, NULL, "");
    file_path("empty/x/");
    expect_refusal(open_folder(&folder, "empty", (dnn_image_folder_desc){.bad = 0}), DNN_ERROR_NOT_FOUND, NULL,
                   "no image");
    assert_int_equal(dnn_image_folder_open(&folder, files_ctx, "", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_image_folder_open(&folder, files_ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_folder_open(&folder, NULL, "", NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_folder_open(NULL, files_ctx, "", NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(open_folder(&folder, "use", (dnn_image_folder_desc){.bad = 0}), DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(NULL, folder), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_image_folder_release(folder), DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(&dataset, folder), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_image_folder_count(folder), -1);
    assert_int_equal(dnn_image_folder_skipped(NULL), -1);
    assert_int_equal(dnn_image_folder_release(folder), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_image_folder_release(NULL), DNN_OK);
}

/* The same batches with any number of threads that decode ahead. */
static void test_loader(void **state) {
    (void)state;
    char name[64];
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "load/%c/%02d.%s", 'a' + i % 3, i, i % 4 ? "jpg" : "png");
        put_image(name, i * 6);
    }
    dnn_image_desc image = {DNN_SIZED(dnn_image_desc), .height = 3, .width = 3, .fit = DNN_IMAGE_FIT_CONTAIN};
    assert_int_equal(open_folder(&folder, "load", (dnn_image_folder_desc){.image = &image}), DNN_OK);
    assert_int_equal(dnn_image_folder_dataset(&dataset, folder), DNN_OK);
    dnn_image_folder_release(folder);
    unsigned char first[2 * 40 * 27];
    for (int workers = 0; workers <= 3; workers++) {
        dnn_loader *loader;
        dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = 8, .shuffle = 1, .seed = 5,
                                .workers = workers};
        if (workers == 0) desc.prefetch = DNN_NO_PREFETCH;
        assert_int_equal(dnn_loader_create(&loader, dataset, &desc), DNN_OK);
        for (int b = 0; b < 10; b++) {
            const dnn_tensor *x, *t;
            dnn_status status = dnn_loader_next(loader, &x, &t);
            if (status == DNN_END) status = dnn_loader_next(loader, &x, &t);
            assert_int_equal(status, DNN_OK);
            unsigned char *kept = first + b * 8 * 27;
            if (workers == 0) memcpy(kept, dnn_tensor_const_data(x), 8 * 27);
            assert_memory_equal(kept, dnn_tensor_const_data(x), 8 * 27);
        }
        dnn_loader_release(loader);
    }
    dnn_dataset_release(dataset);
}

static dnn_status use(void) {
    dnn_image_folder *folder = NULL;
    dnn_dataset *dataset = NULL;
    dnn_tensor *x = NULL;
    dnn_status status = open_folder(&folder, "tree", (dnn_image_folder_desc){.bad = DNN_BAD_IMAGE_SKIP});
    if (status == DNN_OK) status = dnn_image_folder_dataset(&dataset, folder);
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, dataset, 0, 3);
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
    dnn_image_folder_release(folder);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    expect_out_of_memory_to_be_told(use);
}

static void test_real(void **state) {
    (void)state;
    const char *data = getenv("DNN_DATA_DIR");
    char path[512];
    snprintf(path, sizeof path, "%s/cifar10/folder", data ? data : "");
    if (!data || access(path, R_OK) != 0) {
        print_message("skipped: DNN_DATA_DIR has no cifar10/folder\n");
        skip();
    }
    dnn_image_folder *folder;
    assert_int_equal(dnn_image_folder_open(&folder, files_ctx, path, NULL), DNN_OK);
    assert_int_equal(dnn_image_folder_count(folder), 120);
    assert_int_equal(dnn_image_folder_skipped(folder), 0);
    dnn_image_folder_release(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes), cmocka_unit_test(test_flat),   cmocka_unit_test(test_bad),
        cmocka_unit_test(test_misuse),  cmocka_unit_test(test_loader), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
