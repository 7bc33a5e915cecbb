/* What holds for every transform: tests/support/transform_table.c lists them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "support/arrays.h"
#include "support/datasets.h"
#include "support/transform_table.h"

enum { N = 12, H = 13, W = 11 };

#define EACH_ROW(row) for (const transform_row *row = transform_rows; row < transform_rows + transform_row_count; row++)

/* N images of noise: (13, 11, channels), uint8 or float32 in [0, 1]; the range declared or not; targets by kind. */
static dnn_dataset *images(dnn_dtype dtype, int64_t channels, bool declared, dnn_target kind) {
    dnn_tensor *x, *t;
    dnn_dataset *raw, *known;
    uint64_t random = 7;
    x = tensor_of(data_ctx, dtype, DIMS(N, H, W, channels), NULL);
    for (int64_t i = 0; i < N * H * W * channels; i++) {
        double u = test_uniform(&random);
        tensor_put(x, i, dtype == DNN_U8 ? floor(256 * u) : u);
    }
    if (kind == DNN_TARGET_MASK) t = tensor_of(data_ctx, DNN_I32, DIMS(N, H, W), NULL);
    else if (kind == DNN_TARGET_BOXES) t = tensor_of(data_ctx, DNN_F32, DIMS(N, 2, 5), NULL);
    else t = tensor_of(data_ctx, DNN_I64, DIMS(N), NULL);
    int64_t values = kind == DNN_TARGET_BOXES ? 5 : 251;
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) tensor_put(t, i, (double)(i % values));
    OK(dnn_dataset_from_tensors(&raw, x, t));
    dnn_metadata_desc d = {DNN_SIZED(dnn_metadata_desc), .high = dtype == DNN_U8 ? 255 : 1};
    if (declared) OK(dnn_dataset_with_metadata(&known, raw, &d));
    else OK(dnn_dataset_retain(known = raw));
    dnn_dataset_release(raw);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return known;
}

static dnn_status view_of(dnn_dataset **out, dnn_dataset *source, dnn_transform *transform, dnn_target kind) {
    dnn_transform_desc d = {DNN_SIZED(dnn_transform_desc), .seed = 3, .target = kind};
    dnn_status status = dnn_dataset_transform(out, source, transform, &d);
    dnn_transform_release(transform);
    return status;
}

static bool fits(const transform_row *row, dnn_dtype dtype, int64_t channels, bool declared) {
    if (row->wants_rgb && channels != 3) return false;
    if (!declared && row->wants_known && dtype == DNN_F32) return false;
    return !(dtype == DNN_U8 ? row->wants_float : row->wants_bytes);
}

/* A row's view of images that fit it. */
static dnn_dataset *fitting_view(const transform_row *row, dnn_dtype dtype, dnn_target kind) {
    dnn_dataset *source = images(dtype, 3, true, kind), *view;
    dnn_status status = view_of(&view, source, row->make(data_ctx), kind);
    if (status != DNN_OK) fail_msg("%s: %s", row->name, dnn_last_error());
    dnn_dataset_release(source);
    return view;
}

static const dnn_dtype types[2] = {DNN_U8, DNN_F32};

#define EACH_TYPE(type, row)                                             \
    for (const dnn_dtype *type = types; type < types + 2; type++)        \
        if (fits(row, *type, 3, true))

/* ---- what fits, and what comes out ---- */

static void what_does_not_fit_is_refused_when_the_view_is_made(void **state) {
    (void)state;
    EACH_ROW(row)
        for (int i = 0; i < 8; i++) {
            dnn_dtype dtype = i & 1 ? DNN_U8 : DNN_F32;
            int64_t channels = i & 2 ? 3 : 1;
            bool declared = i & 4;
            dnn_dataset *source = images(dtype, channels, declared, DNN_TARGET_PLAIN), *view;
            dnn_status status = view_of(&view, source, row->make(data_ctx), DNN_TARGET_PLAIN);
            if ((status == DNN_OK) != fits(row, dtype, channels, declared))
                fail_msg("%s, %s, %d channels, %s: %s", row->name, dnn_dtype_name(dtype), (int)channels,
                         declared ? "declared" : "undeclared", status == DNN_OK ? "accepted" : dnn_last_error());
            if (status != DNN_OK) assert_non_null(strstr(dnn_last_error(), "transform "));
            if (status == DNN_OK) dnn_dataset_release(view);
            dnn_dataset_release(source);
        }
}

static void values_are_finite_and_in_the_range_that_is_declared(void **state) {
    (void)state;
    EACH_ROW(row) EACH_TYPE(type, row) {
        dnn_dataset *view = fitting_view(row, *type, DNN_TARGET_PLAIN);
        dnn_item_info info = {DNN_SIZED(dnn_item_info)};
        dnn_tensor *x;
        double low, high;
        OK(dnn_dataset_item(view, &info));
        OK(dnn_dataset_range(view, &low, &high));
        OK(dnn_dataset_get_range(&x, NULL, view, 0, N));
        assert_int_equal(dnn_tensor_dtype(x), info.input.dtype);
        for (int64_t i = 0; i < dnn_tensor_count(x); i++) {
            double v = tensor_at(x, i);
            bool good = isfinite(v) && (low == high || (v >= low - 1e-5 && v <= high + 1e-5));
            if (!good) fail_msg("%s, %s: %g is not in [%g, %g]", row->name, dnn_dtype_name(*type), v, low, high);
        }
        dnn_tensor_release(x);
        dnn_dataset_release(view);
    }
}

static void nothing_is_nothing(void **state) {
    (void)state;
    EACH_ROW(row) EACH_TYPE(type, row) {
        if (!row->nothing) continue;
        dnn_dataset *source = images(*type, 3, true, DNN_TARGET_PLAIN), *view;
        dnn_tensor *before, *after;
        OK(view_of(&view, source, row->nothing(data_ctx), DNN_TARGET_PLAIN));
        OK(dnn_dataset_get_range(&before, NULL, source, 0, N));
        OK(dnn_dataset_get_range(&after, NULL, view, 0, N));
        expect_same_bits(before, after, row->name);
        dnn_tensor_release(before);
        dnn_tensor_release(after);
        dnn_dataset_release(view);
        dnn_dataset_release(source);
    }
}

/* ---- chance ---- */

/* All samples of two epochs, through a loader; in the order of the dataset. */
static char *two_epochs(dnn_dataset *view, int32_t workers, int64_t *bytes) {
    dnn_loader *loader;
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    const dnn_tensor *x, *t;
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = 5, .workers = workers,
                         .prefetch = workers ? 0 : DNN_NO_PREFETCH};
    OK(dnn_dataset_item(view, &info));
    OK(dnn_loader_create(&loader, view, &d));
    *bytes = 2 * N * (dnni_bytes(&info.input) + dnni_bytes(&info.target));
    char *all = malloc((size_t)*bytes), *at = all;
    for (int epoch = 0; epoch < 2; epoch++)
        while (dnn_loader_next(loader, &x, &t) == DNN_OK) {
            memcpy(at, dnn_tensor_const_data(x), (size_t)dnn_tensor_bytes(x));
            at += dnn_tensor_bytes(x);
            memcpy(at, dnn_tensor_const_data(t), (size_t)dnn_tensor_bytes(t));
            at += dnn_tensor_bytes(t);
        }
    assert_int_equal(at - all, *bytes);
    dnn_loader_release(loader);
    return all;
}

static void chance_depends_on_seed_epoch_and_index_alone(void **state) {
    (void)state;
    EACH_ROW(row) EACH_TYPE(type, row) {
        dnn_target kind = row->moves ? DNN_TARGET_MASK : DNN_TARGET_PLAIN;
        dnn_dataset *view = fitting_view(row, *type, kind), *again = fitting_view(row, *type, kind);
        int64_t bytes, other_bytes;
        char *want = two_epochs(view, 0, &bytes);
        for (int32_t workers = 1; workers <= 3; workers += 2) {
            char *got = two_epochs(again, workers, &other_bytes);
            if (bytes != other_bytes || memcmp(want, got, (size_t)bytes) != 0)
                fail_msg("%s: %d workers make another sample", row->name, (int)workers);
            free(got);
        }
        if ((memcmp(want, want + bytes / 2, (size_t)bytes / 2) != 0) != row->is_random)
            fail_msg("%s: two epochs are %s", row->name, row->is_random ? "the same" : "different");
        free(want);
        dnn_dataset_release(view);
        dnn_dataset_release(again);
    }
}

static void draws_are_said_and_are_those_that_happen(void **state) {
    (void)state;
    EACH_ROW(row) {
        dnn_dataset *view = fitting_view(row, row->wants_float ? DNN_F32 : DNN_U8, DNN_TARGET_PLAIN);
        char text[512], other[512];
        bool differ = false;
        assert_true(dnn_dataset_draws(view, 0, 0, text, sizeof text) >= 0);
        for (int64_t epoch = 1; epoch < 30; epoch++) {
            int64_t length = dnn_dataset_draws(view, 0, epoch, other, sizeof other);
            assert_int_equal(length, strlen(other));
            differ = differ || strcmp(text, other) != 0;
            assert_int_equal(dnn_dataset_draws(view, 0, epoch, NULL, 0), length);
        }
        if (differ != row->is_random) fail_msg("%s: '%s' and '%s'", row->name, text, other);
        dnn_dataset_release(view);
    }
}

static void text_names_the_transform(void **state) {
    (void)state;
    EACH_ROW(row) {
        char text[1024], small[8];
        dnn_transform *t = row->make(data_ctx);
        int64_t length = dnn_transform_text(t, text, sizeof text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(text[length - 1], '\n');
        assert_int_equal(dnn_transform_text(t, small, sizeof small), length);
        assert_int_equal(strlen(small), length < 7 ? length : 7);
        assert_memory_equal(text, small, strlen(small));
        dnn_transform_release(t);
    }
}

/* ---- memory ---- */

enum { GUARD = 256 };

static char *guarded(int64_t bytes) {
    char *memory = aligned_alloc(64, (size_t)((bytes + 2 * GUARD + 63) / 64 * 64));
    memset(memory, 0x5c, (size_t)bytes + 2 * GUARD);
    return memory;
}

static void expect_guards(const transform_row *row, char *memory, int64_t bytes) {
    for (int64_t i = 0; i < GUARD; i++)
        if (memory[i] != 0x5c || memory[GUARD + bytes + i] != 0x5c) fail_msg("%s writes out of bounds", row->name);
    free(memory);
}

static void nobody_writes_out_of_bounds(void **state) {
    (void)state;
    EACH_ROW(row) EACH_TYPE(type, row) {
        dnn_dataset *view = fitting_view(row, *type, row->moves ? DNN_TARGET_MASK : DNN_TARGET_PLAIN);
        int64_t x_bytes = dnni_bytes(&view->input), t_bytes = dnni_bytes(&view->target);
        char *x = guarded(x_bytes), *t = guarded(t_bytes), *scratch = guarded(view->scratch_bytes);
        dnn_array input = view->input, target = view->target;
        input.data = x + GUARD;
        target.data = t + GUARD;
        for (int64_t epoch = 0; epoch < 20; epoch++) {
            dnni_reader reader = {.epoch = epoch, .scratch = scratch + GUARD};
            OK(view->class->read(view, &reader, epoch % N, &input, &target));
        }
        expect_guards(row, x, x_bytes);
        expect_guards(row, t, t_bytes);
        expect_guards(row, scratch, view->scratch_bytes);
        dnn_dataset_release(view);
    }
}

typedef struct {
    const transform_row *row;
    dnn_dataset *source;
} use;

static dnn_status make_and_read(void *user) {
    const use *u = user;
    dnn_transform *t = u->row->make(data_ctx);
    if (!t) return dnn_last_status();
    dnn_dataset *view;
    dnn_tensor *x;
    DNNI_TRY(view_of(&view, u->source, t, DNN_TARGET_PLAIN));
    dnn_status status = dnn_dataset_get_range(&x, NULL, view, 0, 2);
    if (status == DNN_OK) dnn_tensor_release(x);
    dnn_dataset_release(view);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    EACH_ROW(row) {
        use u = {row, images(row->wants_float ? DNN_F32 : DNN_U8, 3, true, DNN_TARGET_PLAIN)};
        expect_memory_failures_survived(make_and_read, &u, 5);
        dnn_dataset_release(u.source);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_refused_when_the_view_is_made),
        cmocka_unit_test(values_are_finite_and_in_the_range_that_is_declared),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(chance_depends_on_seed_epoch_and_index_alone),
        cmocka_unit_test(draws_are_said_and_are_those_that_happen),
        cmocka_unit_test(text_names_the_transform),
        cmocka_unit_test(nobody_writes_out_of_bounds),
        cmocka_unit_test(out_of_memory_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
