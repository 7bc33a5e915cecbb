/* A module's weights to a file and back: all or nothing, strict, in our layout and in PyTorch's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/layers.h>
#include <dnn/weights.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/allocator.h"

static char folder[] = "/tmp/dnn-weights-XXXXXX", path[64], golden[512];
static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    snprintf(golden, sizeof golden, TEST_FOLDER "/golden/safetensors/");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    if (dnn_context_release(ctx) != DNN_OK || memory.live != 0) return -1;
    return rmdir(folder);
}

static const char *golden_file(const char *name) {
    static char file[600];
    snprintf(file, sizeof file, "%s%s", golden, name);
    return file;
}

/* The network of tests/golden/safetensors/make.py. */
static dnn_module *network(void) {
    dnn_module *net;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 3, .out_channels = 4, .kernel = {3, 2}};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 4};
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 48, .out_features = 5};
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, "bn", dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &linear));
    assert_int_equal(dnn_module_error(net), DNN_OK);
    return net;
}

static dnn_module *linear(int64_t in) {
    dnn_module *net;
    dnn_linear_desc desc = {DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = 3};
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &desc));
    assert_int_equal(dnn_module_error(net), DNN_OK);
    return net;
}

static const dnn_flattened fc = {"fc.weight", 3, 4, 4};
static const dnn_weights_load_desc torch_in = {DNN_SIZED(dnn_weights_load_desc), .layout = DNN_LAYOUT_TORCH,
                                               .flattened = &fc, .n_flattened = 1};
static const dnn_weights_save_desc torch_out = {DNN_SIZED(dnn_weights_save_desc), .layout = DNN_LAYOUT_TORCH,
                                                .flattened = &fc, .n_flattened = 1};

/* A number that changes with every bit of the module's parameters and buffers, and with their order. */
static uint64_t print_of(dnn_module *net) {
    uint64_t hash = 1469598103934665603u;
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(net, i, &p), DNN_OK);
        const unsigned char *bytes = dnn_tensor_const_data(p.value);
        for (int64_t k = 0; k < dnn_tensor_bytes(p.value); k++) hash = (hash ^ bytes[k]) * 1099511628211u;
    }
    return hash;
}

static void fill(dnn_module *net, double value) {
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = -value, .b = value};
        assert_int_equal(dnn_module_parameter_at(net, i, &p), DNN_OK);
        assert_int_equal(dnn_tensor_fill(p.value, &init), DNN_OK);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    dnn_module *net = network();
    const dnn_weights_save_desc *saves[] = {NULL, &torch_out};
    const dnn_weights_load_desc *loads[] = {NULL, &torch_in};
    for (int k = 0; k < 2; k++) {
        fill(net, 3);
        uint64_t before = print_of(net);
        assert_int_equal(dnn_weights_save(net, path, saves[k]), DNN_OK);
        assert_true(print_of(net) == before);
        fill(net, 4);
        assert_true(print_of(net) != before);
        assert_int_equal(dnn_weights_load(net, path, loads[k]), DNN_OK);
        assert_true(print_of(net) == before);
    }
    dnn_module_release(net);
}

/* What PyTorch has computed with its weights, we compute with them. */
static void test_torch(void **state) {
    (void)state;
    dnn_module *net = network();
    dnn_archive *example;
    dnn_tensor *x, *expected;
    const dnn_tensor *y;
    assert_int_equal(dnn_weights_load(net, golden_file("network.safetensors"), &torch_in), DNN_OK);
    assert_int_equal(dnn_safetensors_read(&example, ctx, golden_file("example.safetensors")), DNN_OK);
    assert_int_equal(dnn_archive_tensor(&x, example, "x"), DNN_OK);
    assert_int_equal(dnn_archive_tensor(&expected, example, "y"), DNN_OK);
    assert_int_equal(dnn_module_eval(net), DNN_OK);
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    assert_int_equal(dnn_tensor_count(y), dnn_tensor_count(expected));
    for (int64_t i = 0; i < dnn_tensor_count(y); i++)
        assert_true(fabs((double)((const float *)dnn_tensor_const_data(y))[i] -
                         (double)((const float *)dnn_tensor_const_data(expected))[i]) < 2e-6);
    dnn_tensor_release(x);
    dnn_tensor_release(expected);
    dnn_archive_release(example);
    dnn_module_release(net);
}

/* Writing PyTorch's own file again gives the same tensors, but for the counters that only PyTorch has. */
static void test_torch_again(void **state) {
    (void)state;
    dnn_module *net = network();
    dnn_archive *theirs, *ours;
    assert_int_equal(dnn_weights_load(net, golden_file("network.safetensors"), &torch_in), DNN_OK);
    assert_int_equal(dnn_weights_save(net, path, &torch_out), DNN_OK);
    assert_int_equal(dnn_safetensors_read(&theirs, ctx, golden_file("network.safetensors")), DNN_OK);
    assert_int_equal(dnn_safetensors_read(&ours, ctx, path), DNN_OK);
    assert_int_equal(dnn_archive_count(ours), dnn_archive_count(theirs) - 1);
    for (int64_t i = 0; i < dnn_archive_count(ours); i++) {
        dnn_tensor *a, *b;
        assert_int_equal(dnn_archive_tensor_at(&a, ours, i), DNN_OK);
        assert_int_equal(dnn_archive_tensor(&b, theirs, dnn_archive_name(ours, i)), DNN_OK);
        assert_int_equal(dnn_tensor_bytes(a), dnn_tensor_bytes(b));
        assert_memory_equal(dnn_tensor_dims(a), dnn_tensor_dims(b), 8 * (size_t)dnn_tensor_rank(a));
        assert_memory_equal(dnn_tensor_const_data(a), dnn_tensor_const_data(b), (size_t)dnn_tensor_bytes(a));
        dnn_tensor_release(a);
        dnn_tensor_release(b);
    }
    dnn_archive_release(theirs);
    dnn_archive_release(ours);
    dnn_module_release(net);
}

/* ---- strictness ---- */

static void refuse(dnn_module *net, const char *file, const dnn_weights_load_desc *desc, dnn_status status,
                   const char *message) {
    uint64_t before = print_of(net);
    dnn_status found = dnn_weights_load(net, file, desc);
    if (found != status || !strstr(dnn_last_error(), message)) print_message("%d: %s\n", found, dnn_last_error());
    assert_int_equal(found, status);
    assert_non_null(strstr(dnn_last_error(), message));
    assert_memory_equal(dnn_last_error(), file, strlen(file));
    assert_true(print_of(net) == before);
}

static void test_names_and_shapes(void **state) {
    (void)state;
    dnn_module *small = linear(2), *large = linear(4), *net = network();
    dnn_weights_load_desc allow = {DNN_SIZED(dnn_weights_load_desc)};
    assert_int_equal(dnn_weights_save(small, path, NULL), DNN_OK);
    refuse(large, path, NULL, DNN_ERROR_SHAPE, "fc.weight: the file has [3,2], the module [3,4]");
    refuse(net, path, NULL, DNN_ERROR_SHAPE, "fc.weight: ");
    assert_int_equal(dnn_weights_save(net, path, NULL), DNN_OK);
    refuse(net, path, &torch_in, DNN_ERROR_SHAPE,
           "conv.weight: the file has [4,3,2,3], the module [4,3,3,2] in PyTorch's");
    refuse(net, golden_file("network.safetensors"), NULL, DNN_ERROR_SHAPE, "conv.weight");
    dnn_module *conv = dnn_module_find(net, "conv");
    assert_int_equal(dnn_weights_save(conv, path, NULL), DNN_OK);
    refuse(net, path, NULL, DNN_ERROR_NOT_FOUND, "8 of the module's 8 parameters are not in the file");
    allow.flags = DNN_WEIGHTS_ALLOW_MISSING;
    refuse(net, path, &allow, DNN_ERROR_NOT_FOUND, "2 of the file's 2 tensors are not in the module, the first is \"");
    allow.flags |= DNN_WEIGHTS_ALLOW_EXTRA;
    uint64_t before = print_of(net);
    assert_int_equal(dnn_weights_load(net, path, &allow), DNN_OK);
    assert_true(print_of(net) == before);
    dnn_module_release(small);
    dnn_module_release(large);
    dnn_module_release(net);
}

static void test_missing_and_extra(void **state) {
    (void)state;
    dnn_module *net = linear(2);
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    dnn_weights_load_desc allow = {DNN_SIZED(dnn_weights_load_desc)};
    assert_int_equal(dnn_module_parameter(net, "fc.bias", &p), DNN_OK);
    const char *names[] = {"fc.bias", "other"};
    const dnn_tensor *tensors[] = {p.value, p.value};
    assert_int_equal(dnn_tensor_set(p.value, 1, (const int64_t[]){1}, 42), DNN_OK);
    assert_int_equal(dnn_safetensors_write(ctx, path, names, tensors, 2, NULL, 0), DNN_OK);
    refuse(net, path, NULL, DNN_ERROR_NOT_FOUND,
           "1 of the module's 2 parameters are not in the file, the first is \"fc.weight\"");
    allow.flags = DNN_WEIGHTS_ALLOW_MISSING;
    refuse(net, path, &allow, DNN_ERROR_NOT_FOUND,
           "1 of the file's 2 tensors are not in the module, the first is \"other\"");
    allow.flags = DNN_WEIGHTS_ALLOW_EXTRA;
    refuse(net, path, &allow, DNN_ERROR_NOT_FOUND, "fc.weight");
    allow.flags = DNN_WEIGHTS_ALLOW_EXTRA | DNN_WEIGHTS_ALLOW_MISSING;
    fill(net, 1);
    double value = 0;
    assert_int_equal(dnn_weights_load(net, path, &allow), DNN_OK);
    assert_int_equal(dnn_tensor_get(p.value, 1, (const int64_t[]){1}, &value), DNN_OK);
    assert_true(value == 42);
    dnn_module_release(net);
}

/* ---- dtypes ---- */

static void test_dtypes(void **state) {
    (void)state;
    static const dnn_dtype stored[] = {DNN_F16, DNN_BF16, DNN_F64};
    dnn_weights_load_desc cast = {DNN_SIZED(dnn_weights_load_desc), .flags = DNN_WEIGHTS_ALLOW_CAST};
    dnn_module *net = network();
    for (size_t i = 0; i < 3; i++) {
        dnn_weights_save_desc as = {DNN_SIZED(dnn_weights_save_desc), .dtype = stored[i]};
        fill(net, 1);
        assert_int_equal(dnn_weights_save(net, path, &as), DNN_OK);
        refuse(net, path, NULL, DNN_ERROR_DTYPE, "DNN_WEIGHTS_ALLOW_CAST converts");
        assert_int_equal(dnn_weights_load(net, path, &cast), DNN_OK);
        uint64_t rounded = print_of(net);
        assert_int_equal(dnn_weights_save(net, path, &as), DNN_OK); /* what was rounded once stays */
        assert_int_equal(dnn_weights_load(net, path, &cast), DNN_OK);
        assert_true(print_of(net) == rounded);
    }
    dnn_module_release(net);
}

/* 70000 is no float16, 1e39 no float32. */
static void test_overflow(void **state) {
    (void)state;
    dnn_module *net = linear(2);
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    dnn_weights_save_desc half = {DNN_SIZED(dnn_weights_save_desc), .dtype = DNN_F16};
    dnn_weights_load_desc cast = {DNN_SIZED(dnn_weights_load_desc), .flags = DNN_WEIGHTS_ALLOW_CAST};
    assert_int_equal(dnn_weights_save(net, path, NULL), DNN_OK);
    assert_int_equal(dnn_module_parameter(net, "fc.weight", &p), DNN_OK);
    dnn_tensor_set(p.value, 2, (const int64_t[]){1, 1}, 70000);
    assert_int_equal(dnn_weights_save(net, path, &half), DNN_ERROR_VALUE);
    assert_non_null(strstr(dnn_last_error(), "fc.weight: 1 of 6 values do not fit float16, the first is element 3"));
    assert_int_equal(dnn_weights_load(net, path, NULL), DNN_OK); /* the old file is still there */
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_module_parameter(net, "fc.weight", &p), DNN_OK);
    dnn_tensor_set(p.value, 2, (const int64_t[]){2, 0}, 1e39);
    assert_int_equal(dnn_weights_save(net, path, NULL), DNN_OK);
    assert_int_equal(dnn_module_to(net, DNN_F32), DNN_OK);
    refuse(net, path, &cast, DNN_ERROR_VALUE, "fc.weight: 1 of 6 values do not fit float32, the first is element 4");
    dnn_module_release(net);
}

/* ---- failure ---- */

/* The k-th allocation fails, once and for ever after: the file holds what it held, and the module. */
static void test_saving_without_memory(void **state) {
    (void)state;
    dnn_module *net = network();
    dnn_weights_save_desc save = torch_out;
    dnn_weights_load_desc load = torch_in;
    save.dtype = DNN_F64;
    load.flags = DNN_WEIGHTS_ALLOW_CAST;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            fill(net, 1);
            uint64_t old = print_of(net);
            assert_int_equal(dnn_weights_save(net, path, &save), DNN_OK);
            fill(net, 2);
            uint64_t new = print_of(net);
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = dnn_weights_save(net, path, &save);
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            assert_true(print_of(net) == new);
            assert_int_equal(dnn_weights_load(net, path, &load), DNN_OK);
            assert_true(print_of(net) == (failed ? old : new));
        }
    }
    dnn_module_release(net);
}

static void test_loading_without_memory(void **state) {
    (void)state;
    dnn_module *net = network();
    dnn_weights_save_desc save = torch_out;
    dnn_weights_load_desc load = torch_in;
    save.dtype = DNN_F64;
    load.flags = DNN_WEIGHTS_ALLOW_CAST;
    uint64_t saved = print_of(net);
    assert_int_equal(dnn_weights_save(net, path, &save), DNN_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            fill(net, 2);
            uint64_t before = print_of(net);
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = dnn_weights_load(net, path, &load);
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            assert_true(print_of(net) == (failed ? before : saved));
        }
    }
    dnn_module_release(net);
}

static void test_misuse(void **state) {
    (void)state;
    dnn_module *net = network(), *broken;
    static const dnn_flattened wrong[] = {{"fc.bias", 1, 1, 5}, {"no.weight", 3, 4, 4}, {"fc.weight", 4, 4, 4},
                                          {NULL, 3, 4, 4},      {"fc.weight", 0, 4, 4}, {"fc.weight", INT64_MAX, 4, 4}};
    static const dnn_status expected[] = {DNN_ERROR_SHAPE,    DNN_ERROR_NOT_FOUND, DNN_ERROR_SHAPE,
                                          DNN_ERROR_ARGUMENT, DNN_ERROR_ARGUMENT,  DNN_ERROR_SHAPE};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        dnn_weights_save_desc save = torch_out;
        dnn_weights_load_desc load = torch_in;
        save.flattened = load.flattened = &wrong[i];
        assert_int_equal(dnn_weights_save(net, path, &save), expected[i]);
        assert_int_equal(dnn_weights_load(net, golden_file("network.safetensors"), &load), expected[i]);
    }
    dnn_weights_save_desc saves[] = {{.layout = DNN_LAYOUT_TORCH},
                                     {DNN_SIZED(dnn_weights_save_desc), .layout = (dnn_layout)3},
                                     {DNN_SIZED(dnn_weights_save_desc), .dtype = DNN_I32},
                                     {DNN_SIZED(dnn_weights_save_desc), .n_metadata = 1},
                                     {DNN_SIZED(dnn_weights_save_desc), .flattened = &fc, .n_flattened = 1}};
    for (size_t i = 0; i < sizeof saves / sizeof saves[0]; i++)
        assert_int_equal(dnn_weights_save(net, path, &saves[i]), DNN_ERROR_ARGUMENT);
    dnn_weights_load_desc loads[] = {{.flags = 1}, {DNN_SIZED(dnn_weights_load_desc), .flags = 8}};
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++)
        assert_int_equal(dnn_weights_load(net, path, &loads[i]), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_save(NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_load(NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_save((dnn_module *)ctx, path, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_weights_save(net, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_load(net, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_load(net, "/nowhere/w", NULL), DNN_ERROR_IO);
    assert_int_equal(dnn_sequential_create(&broken, ctx), DNN_OK);
    dnn_sequential_add(broken, "fc", dnn_linear(ctx, NULL));
    assert_int_equal(dnn_weights_save(broken, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_weights_load(broken, path, NULL), DNN_ERROR_ARGUMENT);
    dnn_module_release(broken);
    dnn_module_release(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_torch),
        cmocka_unit_test(test_torch_again),      cmocka_unit_test(test_names_and_shapes),
        cmocka_unit_test(test_missing_and_extra), cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_overflow),         cmocka_unit_test(test_saving_without_memory),
        cmocka_unit_test(test_loading_without_memory), cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
