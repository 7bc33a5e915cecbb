/* Tensors: making, viewing, copying, converting; and handles used wrongly. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

static dnn_context *ctx;

static int make_context(void **state) {
    (void)state;
    return dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}) == DNN_OK ? 0 : 1;
}

static int release_context(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK ? 0 : 1;
}

#define DIMS(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define ERROR_SAYS(words) assert_non_null(strstr(dnn_last_error(), words))

static dnn_tensor *filled(dnn_dtype dtype, int64_t n) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, dtype, 1, &n), DNN_OK);
    for (int64_t i = 0; i < n; i++) assert_int_equal(dnn_tensor_set(t, 1, &i, (double)i), DNN_OK);
    return t;
}

static double at(const dnn_tensor *t, int64_t i) {
    double value = -999;
    assert_int_equal(dnn_tensor_get(t, 1, &i, &value), DNN_OK);
    return value;
}

static void created_as_zeros(void **state) {
    (void)state;
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(2, 3, 5)), DNN_OK);
    assert_int_equal(dnn_tensor_count(t), 30);
    assert_int_equal(dnn_tensor_bytes(t), 120);
    assert_int_equal(dnn_tensor_rank(t), 3);
    assert_int_equal(dnn_tensor_dim(t, -1), 5);
    assert_int_equal(dnn_tensor_dim(t, 3), -1);
    assert_int_equal(dnn_tensor_dim(t, -4), -1);
    assert_int_equal((uintptr_t)dnn_tensor_data(t) % 64, 0);
    for (int i = 0; i < 30; i++) assert_true(((float *)dnn_tensor_data(t))[i] == 0);
    dnn_tensor_release(t);
}

static void scalars_and_empty_ones(void **state) {
    (void)state;
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F64, 0, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_count(t), 1);
    assert_int_equal(dnn_tensor_set(t, 0, NULL, 4.5), DNN_OK);
    double value = 0;
    assert_int_equal(dnn_tensor_get(t, 0, NULL, &value), DNN_OK);
    assert_true(value == 4.5);
    dnn_tensor_release(t);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_U8, DIMS(3, 0, 2)), DNN_OK);
    assert_int_equal(dnn_tensor_count(t), 0);
    dnn_tensor *view;
    assert_int_equal(dnn_tensor_slice(&view, t, 1, 2), DNN_OK);
    assert_int_equal(dnn_tensor_dim(view, 0), 2);
    dnn_tensor_release(view);
    dnn_tensor_release(t);
}

static void bad_shapes_and_types(void **state) {
    (void)state;
    dnn_tensor *t = (dnn_tensor *)&t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(2, -3)), DNN_ERROR_SHAPE);
    assert_null(t);
    ERROR_SAYS("size -3 of axis 1 is negative (shape [2,-3])");
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(INT64_MAX, 2)), DNN_ERROR_SHAPE);
    ERROR_SAYS("more bytes than can be addressed");
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(0, INT64_MAX, INT64_MAX)), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 9, (const int64_t[9]){0}), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, -1, NULL), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_create(&t, ctx, (dnn_dtype)99, DIMS(2)), DNN_ERROR_DTYPE);
    assert_int_equal(dnn_tensor_create(&t, NULL, DNN_F32, DIMS(2)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_create(NULL, ctx, DNN_F32, DIMS(2)), DNN_ERROR_ARGUMENT);
    /* More memory than there is: an error, not the end of the process. */
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(INT64_C(1) << 49)), DNN_ERROR_MEMORY);
    ERROR_SAYS("out of memory: float32 [562949953421312] needs 2251799813685248 bytes");
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, DIMS(INT64_C(1) << 51)), DNN_ERROR_SHAPE);
}

static void count_release(void *user) { ++*(int *)user; }

static void wrapped_memory_is_the_callers(void **state) {
    (void)state;
    int released = 0;
    float data[6] = {0, 1, 2, 3, 4, 5};
    dnn_tensor *t, *view;
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_F32, DIMS(3, 2), data, count_release, &released), DNN_OK);
    assert_int_equal(dnn_tensor_slice(&view, t, 1, 2), DNN_OK);
    dnn_tensor_release(t);
    assert_int_equal(released, 0);
    ((float *)dnn_tensor_data(view))[0] = 42;
    assert_true(data[2] == 42);
    dnn_tensor_release(view);
    assert_int_equal(released, 1);
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_F32, DIMS(1), (char *)data + 1, count_release, &released),
                     DNN_ERROR_ARGUMENT);
    ERROR_SAYS("not aligned to the 4 bytes of a float32");
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_F32, DIMS(1), NULL, count_release, &released), DNN_ERROR_ARGUMENT);
    assert_int_equal(released, 1);
}

static void slices_and_shapes(void **state) {
    (void)state;
    dnn_tensor *t = filled(DNN_I32, 12), *view, *again;
    assert_int_equal(dnn_tensor_reshape(&view, t, DIMS(3, -1)), DNN_OK);
    assert_int_equal(dnn_tensor_dim(view, 1), 4);
    assert_int_equal(dnn_tensor_slice(&again, view, 2, 1), DNN_OK);
    double value;
    assert_int_equal(dnn_tensor_get(again, 2, (const int64_t[]){0, 3}, &value), DNN_OK);
    assert_true(value == 11);
    assert_int_equal(dnn_tensor_get(again, 2, (const int64_t[]){1, 0}, &value), DNN_ERROR_SHAPE);
    ERROR_SAYS("index [1,0] is outside of shape [1,4]");
    dnn_tensor *none;
    assert_int_equal(dnn_tensor_reshape(&none, t, DIMS(5, -1)), DNN_ERROR_SHAPE);
    ERROR_SAYS("12 elements do not fill shape [5,-1]");
    assert_int_equal(dnn_tensor_reshape(&none, t, DIMS(-1, -1)), DNN_ERROR_SHAPE);
    dnn_tensor *empty = filled(DNN_I32, 0);
    assert_int_equal(dnn_tensor_reshape(&none, empty, DIMS(0, INT64_C(1) << 62, INT64_C(1) << 62)), DNN_ERROR_SHAPE);
    ERROR_SAYS("more bytes than can be addressed");
    dnn_tensor_release(empty);
    assert_int_equal(dnn_tensor_slice(&none, t, 10, 3), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_slice(&none, t, INT64_MAX, INT64_MAX), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_slice(&none, t, -1, 1), DNN_ERROR_SHAPE);
    dnn_tensor_release(again);
    dnn_tensor_release(view);
    dnn_tensor_release(t);
}

static void copies_and_clones(void **state) {
    (void)state;
    dnn_tensor *t = filled(DNN_F32, 5), *clone, *part;
    assert_int_equal(dnn_tensor_clone(&clone, t), DNN_OK);
    ((float *)dnn_tensor_data(t))[0] = 99;
    assert_true(at(clone, 0) == 0);
    assert_int_equal(dnn_tensor_copy(clone, t), DNN_OK);
    assert_true(at(clone, 0) == 99);
    dnn_tensor *other = filled(DNN_F64, 5);
    assert_int_equal(dnn_tensor_copy(other, t), DNN_ERROR_DTYPE);
    ERROR_SAYS("dnn_tensor_cast converts");
    assert_int_equal(dnn_tensor_slice(&part, t, 0, 4), DNN_OK);
    assert_int_equal(dnn_tensor_copy(part, t), DNN_ERROR_SHAPE);
    dnn_tensor *shifted;
    assert_int_equal(dnn_tensor_slice(&shifted, t, 1, 4), DNN_OK);
    assert_int_equal(dnn_tensor_copy(part, shifted), DNN_ERROR_ARGUMENT);
    ERROR_SAYS("overlap partly");
    dnn_tensor *all[] = {shifted, other, part, clone, t};
    for (int i = 0; i < 5; i++) dnn_tensor_release(all[i]);
}

static void casts_count_what_they_lose(void **state) {
    (void)state;
    double values[] = {-1, 0, 255, 256, 1.5, NAN, INFINITY, 3e300};
    dnn_tensor *t, *cast;
    int64_t lost = -1;
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_F64, DIMS(8), values, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_U8, DNN_CAST_EXACT, &lost), DNN_ERROR_VALUE);
    assert_null(cast);
    assert_int_equal(lost, 6);
    ERROR_SAYS("6 of 8 float64 values do not fit uint8, the first, element 0, is -1");
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_U8, DNN_CAST_LOSSY, &lost), DNN_OK);
    const uint8_t expected[] = {0, 0, 255, 255, 1, 0, 255, 255};
    assert_memory_equal(dnn_tensor_data(cast), expected, 8);
    dnn_tensor_release(cast);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_F32, DNN_CAST_EXACT, &lost), DNN_ERROR_VALUE);
    assert_int_equal(lost, 1); /* 3e300 becomes infinite; NaN and infinity survive */
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_U8, (dnn_cast)5, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_DTYPE_NONE, DNN_CAST_LOSSY, NULL), DNN_ERROR_DTYPE);
    dnn_tensor_release(t);
}

static void large_integers_do_not_pass_through_doubles(void **state) {
    (void)state;
    int64_t values[] = {INT64_C(9007199254740993), INT64_MAX, INT64_MIN, 5};
    dnn_tensor *t, *cast;
    int64_t lost;
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_I64, DIMS(4), values, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_I64, DNN_CAST_EXACT, &lost), DNN_OK);
    assert_memory_equal(dnn_tensor_data(cast), values, sizeof values);
    dnn_tensor_release(cast);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_F64, DNN_CAST_LOSSY, &lost), DNN_OK);
    assert_int_equal(lost, 2);
    dnn_tensor_release(cast);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_I32, DNN_CAST_LOSSY, &lost), DNN_OK);
    assert_int_equal(lost, 3);
    const int32_t expected[] = {INT32_MAX, INT32_MAX, INT32_MIN, 5};
    assert_memory_equal(dnn_tensor_data(cast), expected, sizeof expected);
    dnn_tensor_release(cast);
    dnn_tensor_release(t);
}

/* Every half is a float; every float between two halves goes to the nearer, ties to even. */
static void halves_round_to_nearest_even(void **state) {
    (void)state;
    uint16_t bits[65536];
    for (int i = 0; i < 65536; i++) bits[i] = (uint16_t)i;
    for (int type = 0; type < 2; type++) {
        dnn_dtype half = type ? DNN_BF16 : DNN_F16;
        dnn_tensor *t, *wide, *back;
        assert_int_equal(dnn_tensor_wrap(&t, ctx, half, DIMS(65536), bits, NULL, NULL), DNN_OK);
        assert_int_equal(dnn_tensor_cast(&wide, t, DNN_F32, DNN_CAST_EXACT, NULL), DNN_OK);
        assert_int_equal(dnn_tensor_cast(&back, wide, half, DNN_CAST_EXACT, NULL), DNN_OK);
        const float *w = dnn_tensor_data(wide);
        const uint16_t *b = dnn_tensor_data(back);
        for (int i = 0; i < 65536; i++) assert_true(b[i] == bits[i] || isnan(w[i]));
        for (int i = 0; i < 65536; i++) assert_true(!isnan(w[i]) || (b[i] & 0x7fff) > (type ? 0x7f80 : 0x7c00));
        dnn_tensor_release(back);
        dnn_tensor_release(wide);
        dnn_tensor_release(t);
    }
    float ties[] = {2049, 2051, 65519, 65520, 5.9604645e-8f / 2, 5.9604645e-8f * 0.75f};
    const uint16_t expected[] = {0x6800, 0x6802, 0x7bff, 0x7c00, 0, 1};
    dnn_tensor *t, *cast;
    assert_int_equal(dnn_tensor_wrap(&t, ctx, DNN_F32, DIMS(6), ties, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_cast(&cast, t, DNN_F16, DNN_CAST_LOSSY, NULL), DNN_OK);
    assert_memory_equal(dnn_tensor_data(cast), expected, sizeof expected);
    dnn_tensor_release(cast);
    dnn_tensor_release(t);
}

static void setting_what_does_not_fit(void **state) {
    (void)state;
    dnn_tensor *t = filled(DNN_U8, 3);
    int64_t one = 1, outside = 3;
    assert_int_equal(dnn_tensor_set(t, 1, &one, 256), DNN_ERROR_VALUE);
    assert_true(at(t, 1) == 1);
    assert_int_equal(dnn_tensor_set(t, 1, &outside, 0), DNN_ERROR_SHAPE);
    dnn_tensor_release(t);
}

static void handles_used_wrongly(void **state) {
    (void)state;
    dnn_tensor *t = filled(DNN_F32, 3);
    assert_int_equal(dnn_module_release((dnn_module *)(void *)t), DNN_ERROR_HANDLE);
    assert_string_equal(dnn_last_error(), "module is a tensor, not a module");
    dnn_tensor_release(t);
    assert_int_equal(dnn_tensor_release(t), DNN_ERROR_HANDLE);
    assert_string_equal(dnn_last_error(), "tensor was released already");
    assert_int_equal(dnn_tensor_retain(t), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_tensor_count(t), -1);
    assert_null(dnn_tensor_data(t));
    assert_int_equal(dnn_tensor_release(NULL), DNN_OK);
    assert_int_equal(dnn_tensor_retain(NULL), DNN_ERROR_ARGUMENT);
    char not_a_handle[256] = "hello";
    assert_int_equal(dnn_tensor_release((dnn_tensor *)(void *)not_a_handle), DNN_ERROR_HANDLE);
    ERROR_SAYS("no handle of this library");
}

static void starting_values(void **state) {
    (void)state;
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F64, DIMS(40, 5, 5, 8)), DNN_OK); /* fan_in 200, fan_out 1000 */
    const struct {
        dnn_init init;
        double mean, deviation, most;
    } cases[] = {
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 3}, 3, 0, 3},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_DEFAULT}, 0, 0, 0},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = -1, .b = 3}, 1, 2 / sqrt(3), 3},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .a = 2, .b = 0.5}, 2, 0.5, 5},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_KAIMING_UNIFORM}, 0, sqrt(2.0 / 200), sqrt(6.0 / 200)},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_KAIMING_NORMAL, .fan = DNN_FAN_OUT}, 0, sqrt(2.0 / 1000), 1},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_XAVIER_UNIFORM}, 0, sqrt(2.0 / 1200), sqrt(6.0 / 1200)},
        {{DNN_SIZED(dnn_init), .kind = DNN_INIT_XAVIER_NORMAL, .gain = 2}, 0, 2 * sqrt(2.0 / 1200), 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        assert_int_equal(dnn_tensor_fill(t, &cases[c].init), DNN_OK);
        const double *x = dnn_tensor_data(t);
        double sum = 0, squares = 0, most = 0;
        for (int i = 0; i < 8000; i++) {
            sum += x[i];
            if (fabs(x[i]) > most) most = fabs(x[i]);
        }
        double mean = sum / 8000;
        for (int i = 0; i < 8000; i++) squares += (x[i] - mean) * (x[i] - mean);
        double deviation = sqrt(squares / 8000);
        assert_true(fabs(mean - cases[c].mean) <= 5 * cases[c].deviation / sqrt(8000) + 1e-12);
        assert_true(fabs(deviation - cases[c].deviation) <= 0.04 * cases[c].deviation + 1e-12);
        assert_true(most <= cases[c].most + 1e-12);
    }
    assert_int_equal(dnn_tensor_fill(t, &(dnn_init){DNN_SIZED(dnn_init), .kind = (dnn_init_kind)5}), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_fill(t, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = -1}),
                     DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_fill(t, &(dnn_init){DNN_SIZED(dnn_init), .a = NAN}), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_fill(t, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_tensor_fill(t, &(dnn_init){.kind = DNN_INIT_NORMAL}), DNN_ERROR_ARGUMENT);
    ERROR_SAYS("DNN_SIZED");
    dnn_tensor_release(t);
}

static void dtypes(void **state) {
    (void)state;
    assert_string_equal(dnn_dtype_name(DNN_BF16), "bfloat16");
    assert_string_equal(dnn_dtype_name((dnn_dtype)1234), "none");
    const dnn_dtype all[] = {DNN_F32, DNN_F64, DNN_BF16, DNN_F16, DNN_U8, DNN_I32, DNN_I64, DNN_BOOL};
    const int64_t sizes[] = {4, 8, 2, 2, 1, 4, 8, 1};
    for (int i = 0; i < 8; i++) assert_int_equal(dnn_dtype_size(all[i]), sizes[i]);
    assert_int_equal(dnn_dtype_size(DNN_DTYPE_NONE), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_as_zeros),
        cmocka_unit_test(scalars_and_empty_ones),
        cmocka_unit_test(bad_shapes_and_types),
        cmocka_unit_test(wrapped_memory_is_the_callers),
        cmocka_unit_test(slices_and_shapes),
        cmocka_unit_test(copies_and_clones),
        cmocka_unit_test(casts_count_what_they_lose),
        cmocka_unit_test(large_integers_do_not_pass_through_doubles),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(setting_what_does_not_fit),
        cmocka_unit_test(handles_used_wrongly),
        cmocka_unit_test(starting_values),
        cmocka_unit_test(dtypes),
    };
    return cmocka_run_group_tests(tests, make_context, release_context);
}
