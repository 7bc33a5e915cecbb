/* The loader: order, last batches, places, threads, failures, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include <dnn/data.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2,
                             .seed = 3};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    if (dnn_context_release(ctx) != DNN_OK) return 1;
    if (memory.live != 0) print_error("%lld pieces of memory were not given back\n", (long long)memory.live);
    return memory.live == 0 ? 0 : 1;
}

#define OK(call) expect_ok(call, #call)
static void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

#define DESC(...)                                                                                                      \
    &(dnn_loader_desc) { DNN_SIZED(dnn_loader_desc), __VA_ARGS__ }

/* ---- a source: sample i is input (i, epoch) and target -i; it looks at who reads ---- */

typedef struct {
    _Atomic int64_t inside, most_inside, reads;
    _Atomic int64_t fails_at; /* -1: never */
    int64_t sleep_us;         /* the longest that a sample takes */
} source;

static dnn_status read_sample(void *user, int64_t index, int64_t epoch, const dnn_array *input,
                              const dnn_array *target) {
    source *s = user;
    int64_t inside = atomic_fetch_add(&s->inside, 1) + 1;
    if (inside > s->most_inside) s->most_inside = inside;
    atomic_fetch_add(&s->reads, 1);
    if (s->sleep_us > 0) nanosleep(&(struct timespec){.tv_nsec = (index * 7919 + epoch) % s->sleep_us * 1000}, NULL);
    ((double *)input->data)[0] = (double)index;
    ((double *)input->data)[1] = (double)epoch;
    *(int64_t *)target->data = -index;
    atomic_fetch_sub(&s->inside, 1);
    if (index != s->fails_at) return DNN_OK;
    return dnn_fail(DNN_ERROR_IO, "no such sample");
}

static dnn_dataset *dataset_of(source *s, int64_t count, int32_t thread_safe) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc),
                                      .count = count,
                                      .input = {.dtype = DNN_F64, .rank = 1, .dims = {2}},
                                      .target = {.dtype = DNN_I64},
                                      .get = read_sample,
                                      .thread_safe = thread_safe,
                                      .user = s};
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    return dataset;
}

static dnn_loader *loader_of(dnn_dataset *dataset, const dnn_loader_desc *desc) {
    dnn_loader *loader;
    OK(dnn_loader_create(&loader, dataset, desc));
    return loader;
}

/* The next batch's sample numbers into order[0..returned); checks that pairs are whole and of that epoch. 0: DNN_END.
 */
static int64_t next_batch(dnn_loader *loader, int64_t epoch, int64_t *order) {
    const dnn_tensor *x, *t;
    dnn_status status = dnn_loader_next(loader, &x, &t);
    if (status == DNN_END) {
        assert_null(x);
        assert_null(t);
        return 0;
    }
    OK(status);
    int64_t n = dnn_tensor_dim(x, 0);
    assert_int_equal(dnn_tensor_dim(x, 1), 2);
    assert_int_equal(dnn_tensor_rank(t), 1);
    assert_int_equal(dnn_tensor_dim(t, 0), n);
    for (int64_t i = 0; i < n; i++) {
        order[i] = (int64_t)tensor_at(x, 2 * i);
        assert_true(tensor_at(x, 2 * i + 1) == (double)epoch);
        assert_true(tensor_at(t, i) == -tensor_at(x, 2 * i));
    }
    return n;
}

/* A whole epoch; returns the number of samples, and of batches. */
static int64_t whole_epoch(dnn_loader *loader, int64_t epoch, int64_t *order, int64_t *batches) {
    int64_t samples = 0, n;
    assert_int_equal(dnn_loader_epoch(loader), epoch);
    for (*batches = 0; (n = next_batch(loader, epoch, order + samples)) > 0; ++*batches) samples += n;
    assert_int_equal(dnn_loader_epoch(loader), epoch + 1);
    return samples;
}

/* ---- order ---- */

static void in_order_without_shuffling(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 0);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 4));
    dnn_dataset_release(dataset);
    assert_int_equal(dnn_loader_batches(loader), 3);
    int64_t order[10], batches;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(whole_epoch(loader, epoch, order, &batches), 10);
        assert_int_equal(batches, 3);
        for (int64_t i = 0; i < 10; i++) assert_int_equal(order[i], i);
    }
    dnn_loader_release(loader);
}

static void expect_permutation(const int64_t *order, int64_t n) {
    int *seen = calloc((size_t)n, sizeof *seen);
    assert_non_null(seen);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        assert_int_equal(seen[order[i]]++, 0);
    }
    free(seen);
}

/* Pairs are looked at in next_batch. */
static void shuffling_keeps_pairs_and_changes_each_epoch(void **state) {
    (void)state;
    enum { N = 257 };
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, N, 1);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 16, .shuffle = 1));
    int64_t order[3][N], batches, same = 0, fixed = 0;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(whole_epoch(loader, epoch, order[epoch], &batches), N);
        assert_int_equal(batches, 17);
        expect_permutation(order[epoch], N);
    }
    for (int i = 0; i < N; i++) {
        same += order[0][i] == order[1][i];
        fixed += order[0][i] == i;
    }
    assert_true(same < 10 && fixed < 10);
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

static void the_order_does_not_depend_on_threads(void **state) {
    (void)state;
    enum { N = 203 };
    source s = {.fails_at = -1, .sleep_us = 60};
    dnn_dataset *dataset = dataset_of(&s, N, 1);
    static const int32_t workers[] = {0, 1, 2, 5, 16}, prefetch[] = {DNN_NO_PREFETCH, 1, 3, 2, 20};
    int64_t first[2 * N], order[2 * N], batches;
    for (int k = 0; k < 5; k++) {
        dnn_loader *loader = loader_of(
            dataset, DESC(.batch_size = 7, .shuffle = 1, .seed = 9, .prefetch = prefetch[k], .workers = workers[k]));
        for (int64_t epoch = 0; epoch < 2; epoch++) whole_epoch(loader, epoch, order + epoch * N, &batches);
        if (k == 0) memcpy(first, order, sizeof first);
        assert_memory_equal(order, first, sizeof first);
        dnn_loader_release(loader);
    }
    assert_true(s.most_inside > 1);
    dnn_dataset_release(dataset);
}

static void seeds(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 40, 1);
    int64_t order[3][40], batches;
    static const uint64_t seed[3] = {0, 3, 4}; /* the context's is 3 */
    for (int k = 0; k < 3; k++) {
        dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 8, .shuffle = 1, .seed = seed[k]));
        whole_epoch(loader, 0, order[k], &batches);
        dnn_loader_release(loader);
    }
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    assert_memory_not_equal(order[0], order[2], sizeof order[0]);
    dnn_dataset_release(dataset);
}

/* ---- last batches ---- */

static void last_batches(void **state) {
    (void)state;
    static const struct {
        int64_t count, batch_size;
        dnn_last_batch rule;
        int64_t batches, samples;
    } cases[] = {
        {10, 4, DNN_LAST_BATCH_KEEP, 3, 10}, {10, 4, DNN_LAST_BATCH_DROP, 2, 8}, {8, 4, DNN_LAST_BATCH_KEEP, 2, 8},
        {8, 4, DNN_LAST_BATCH_DROP, 2, 8},   {3, 4, DNN_LAST_BATCH_KEEP, 1, 3},  {3, 4, DNN_LAST_BATCH_DROP, 0, 0},
        {0, 4, DNN_LAST_BATCH_KEEP, 0, 0},   {5, 1, DNN_LAST_BATCH_KEEP, 5, 5},  {1, 1, DNN_LAST_BATCH_DROP, 1, 1},
    };
    int64_t order[10], batches;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (int32_t prefetch = -1; prefetch < 4; prefetch++) {
            source s = {.fails_at = -1};
            dnn_dataset *dataset = dataset_of(&s, cases[k].count, 0);
            dnn_loader *loader = loader_of(dataset, DESC(.batch_size = cases[k].batch_size, .last_batch = cases[k].rule,
                                                         .shuffle = 1, .prefetch = prefetch));
            assert_int_equal(dnn_loader_batches(loader), cases[k].batches);
            for (int64_t epoch = 0; epoch < 3; epoch++) {
                assert_int_equal(whole_epoch(loader, epoch, order, &batches), cases[k].samples);
                assert_int_equal(batches, cases[k].batches);
            }
            dnn_loader_release(loader);
            dnn_dataset_release(dataset);
        }
    }
}

static void samples_without_targets(void **state) {
    (void)state;
    dnn_tensor *rows = tensor_of(ctx, DNN_F32, DIMS(3, 1), (const double[]){7, 8, 9});
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, rows, NULL));
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 2));
    const dnn_tensor *x, *target = rows;
    OK(dnn_loader_next(loader, &x, &target));
    assert_null(target);
    expect_values(x, (const double[]){7, 8}, 0, "the first batch");
    OK(dnn_loader_next(loader, &x, NULL));
    expect_shape(x, DIMS(1, 1));
    expect_values(x, (const double[]){9}, 0, "the last batch");
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
    dnn_tensor_release(rows);
}

/* ---- places ---- */

static void resuming_anywhere_continues_the_run(void **state) {
    (void)state;
    enum { N = 23, STEPS = 18 }; /* three epochs of five batches and an end */
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, N, 1);
    for (int stop = 0; stop < STEPS; stop++) {
        dnn_loader *a = loader_of(dataset, DESC(.batch_size = 5, .shuffle = 1));
        dnn_loader *b = loader_of(dataset, DESC(.batch_size = 5, .shuffle = 1, .workers = 3));
        int64_t order[5], again[5];
        for (int step = 0; step < stop; step++) next_batch(a, step / 6, order);
        dnn_loader_place place = {DNN_SIZED(dnn_loader_place)};
        OK(dnn_loader_position(a, &place));
        assert_int_equal(place.epoch, stop / 6);
        assert_int_equal(place.batch, stop % 6);
        next_batch(b, 0, again); /* so that there is something to drop */
        OK(dnn_loader_seek(b, &place));
        for (int step = stop; step < STEPS; step++) {
            int64_t n = next_batch(a, step / 6, order);
            assert_int_equal(next_batch(b, step / 6, again), n);
            assert_memory_equal(order, again, (size_t)n * sizeof *order);
        }
        dnn_loader_release(a);
        dnn_loader_release(b);
    }
    dnn_dataset_release(dataset);
}

static void places_are_checked(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 4));
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place), .epoch = 2, .batch = 4};
    assert_int_equal(dnn_loader_seek(loader, &place), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "batch 4 is out of range, an epoch has 3");
    place.batch = -1;
    assert_int_equal(dnn_loader_seek(loader, &place), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_seek(loader, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_position(loader, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_position(loader, &(dnn_loader_place){.size = 3}), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_set_epoch(loader, -1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_set_epoch(loader, INT64_MAX), DNN_ERROR_ARGUMENT);
    OK(dnn_loader_set_epoch(loader, 7));
    int64_t order[10], batches;
    assert_int_equal(whole_epoch(loader, 7, order, &batches), 10);
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* ---- failures ---- */

static void a_failing_sample_is_named_and_can_be_tried_again(void **state) {
    (void)state;
    for (int32_t workers = 0; workers < 5; workers++) {
        source s = {.fails_at = 9, .sleep_us = 30};
        dnn_dataset *dataset = dataset_of(&s, 20, 1);
        dnn_loader *loader =
            loader_of(dataset, DESC(.batch_size = 4, .workers = workers, .prefetch = workers ? 3 : DNN_NO_PREFETCH));
        const dnn_tensor *x, *t;
        int64_t order[4];
        for (int step = 0; step < 2; step++) next_batch(loader, 0, order);
        for (int again = 0; again < 3; again++) {
            assert_int_equal(dnn_loader_next(loader, &x, &t), DNN_ERROR_CALLBACK);
            assert_string_equal(dnn_last_error(), "sample 9: no such sample");
            assert_null(x);
            assert_null(t);
        }
        dnn_loader_place place = {DNN_SIZED(dnn_loader_place)};
        OK(dnn_loader_position(loader, &place));
        assert_int_equal(place.batch, 2);
        s.fails_at = -1;
        next_batch(loader, 0, order);
        assert_int_equal(order[1], 9);
        dnn_loader_release(loader);
        dnn_dataset_release(dataset);
    }
}

static void a_failing_batch_can_be_passed_over(void **state) {
    (void)state;
    source s = {.fails_at = 1};
    dnn_dataset *dataset = dataset_of(&s, 8, 0);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 2, .workers = 2));
    const dnn_tensor *x;
    int64_t order[2];
    assert_int_equal(dnn_loader_next(loader, &x, NULL), DNN_ERROR_CALLBACK);
    OK(dnn_loader_seek(loader, &(dnn_loader_place){DNN_SIZED(dnn_loader_place), .batch = 1}));
    assert_int_equal(next_batch(loader, 0, order), 2);
    assert_int_equal(order[0], 2);
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* The first of several failures, as if samples were read one by one. */
static dnn_status odd_fails(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch, (void)input, (void)target;
    nanosleep(&(struct timespec){.tv_nsec = (20 - index) * 10000}, NULL);
    return index % 2 ? dnn_fail(DNN_ERROR_VALUE, "odd") : DNN_OK;
}

static void of_several_failures_the_first_is_told(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = 20, .input = {.dtype = DNN_F32},
                                      .get = odd_fails, .thread_safe = 1};
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    const dnn_tensor *x;
    for (int repeat = 0; repeat < 10; repeat++) {
        dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 20, .workers = 6));
        assert_int_equal(dnn_loader_next(loader, &x, NULL), DNN_ERROR_CALLBACK);
        assert_string_equal(dnn_last_error(), "sample 1: odd");
        dnn_loader_release(loader);
    }
    dnn_dataset_release(dataset);
}

/* ---- threads ---- */

static void one_at_a_time_unless_declared_safe(void **state) {
    (void)state;
    source s = {.fails_at = -1, .sleep_us = 50};
    dnn_dataset *dataset = dataset_of(&s, 100, 0);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 10, .workers = 4));
    int64_t order[100], batches;
    whole_epoch(loader, 0, order, &batches);
    assert_int_equal(s.most_inside, 1);
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* Waits until that many samples were read (10 s at the most), and then some: no more may follow. */
static void expect_reads(source *s, int64_t reads) {
    for (int i = 0; i < 10000 && s->reads < reads; i++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    assert_int_equal(s->reads, reads);
}

static void reads_ahead_no_further_than_asked(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 100, 1);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 5, .prefetch = 3, .workers = 2));
    expect_reads(&s, 0); /* nothing before the first call */
    int64_t order[5];
    for (int64_t step = 1; step <= 3; step++) {
        next_batch(loader, 0, order);
        expect_reads(&s, 5 * (step + 3));
    }
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* Sanitizers take memory by the terabyte, and a limit on it ends them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void a_thread_that_cannot_be_started(void **state) {
    (void)state;
#if defined(SANITIZED)
    skip();
#endif
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    dnn_loader *loader = (dnn_loader *)dataset;
    struct rlimit old, little;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    little = old;
    little.rlim_cur = 256 << 20; /* not enough for the stacks of 250 threads */
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    dnn_status status = dnn_loader_create(&loader, dataset, DESC(.batch_size = 2, .workers = 250));
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(status, DNN_ERROR_THREAD);
    assert_null(loader);
    assert_non_null(strstr(dnn_last_error(), "of 250 could not be started"));
    loader = loader_of(dataset, DESC(.batch_size = 2, .workers = 3));
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* ---- memory, arguments ---- */

static void a_steady_state_allocates_nothing(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 50, 1);
    for (int32_t workers = 0; workers < 3; workers++) {
        dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 8, .shuffle = 1, .workers = workers,
                                                     .prefetch = workers ? 2 : DNN_NO_PREFETCH));
        int64_t order[50], batches;
        test_allocator_arm(&memory, 0, false);
        for (int64_t epoch = 0; epoch < 4; epoch++) whole_epoch(loader, epoch, order, &batches);
        OK(dnn_loader_set_epoch(loader, 1));
        whole_epoch(loader, 1, order, &batches);
        assert_int_equal(memory.calls, 0);
        dnn_loader_release(loader);
    }
    dnn_dataset_release(dataset);
}

static void lent_batches_may_be_kept(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    dnn_loader *loader = loader_of(dataset, DESC(.batch_size = 4));
    const dnn_tensor *x[3];
    for (int i = 0; i < 3; i++) {
        OK(dnn_loader_next(loader, &x[i], NULL));
        OK(dnn_tensor_retain((dnn_tensor *)x[i]));
    }
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
    expect_shape(x[0], DIMS(4, 2));
    expect_shape(x[2], DIMS(2, 2));
    for (int i = 0; i < 3; i++) OK(dnn_tensor_release((dnn_tensor *)x[i]));
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        int64_t k = 1, order[10], batches;
        for (; status != DNN_OK; k++) {
            dnn_loader *loader;
            test_allocator_arm(&memory, k, for_ever);
            status = dnn_loader_create(&loader, dataset, DESC(.batch_size = 4, .shuffle = 1, .workers = 2));
            test_allocator_arm(&memory, 0, false);
            if (status != DNN_OK) {
                assert_int_equal(status, DNN_ERROR_MEMORY);
                assert_null(loader);
                loader = loader_of(dataset, DESC(.batch_size = 4));
            }
            assert_int_equal(whole_epoch(loader, 0, order, &batches), 10);
            dnn_loader_release(loader);
        }
        assert_true(k > 20);
    }
    dnn_dataset_release(dataset);
}

static void arguments_are_checked(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    dnn_loader *loader = (dnn_loader *)ctx;
#define REFUSED(...) assert_int_equal(dnn_loader_create(&loader, dataset, DESC(__VA_ARGS__)), DNN_ERROR_ARGUMENT)
    REFUSED(.shuffle = 1);
    assert_null(loader);
    REFUSED(.batch_size = -1);
    REFUSED(.batch_size = 1, .prefetch = -2);
    REFUSED(.batch_size = 1, .prefetch = 2000);
    REFUSED(.batch_size = 1, .workers = -1);
    REFUSED(.batch_size = 1, .workers = 1000);
    REFUSED(.batch_size = 1, .workers = 1, .prefetch = DNN_NO_PREFETCH);
    REFUSED(.batch_size = 1, .last_batch = (dnn_last_batch)3);
    assert_int_equal(dnn_loader_create(&loader, dataset, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_create(NULL, dataset, DESC(.batch_size = 1)), DNN_ERROR_ARGUMENT);
    OK(dnn_loader_create(&loader, dataset, DESC(.batch_size = INT64_MAX)));
    assert_int_equal(dnn_loader_batches(loader), 1);
    assert_int_equal(dnn_loader_next(loader, NULL, NULL), DNN_ERROR_ARGUMENT);
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

static void wrong_handles(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *dataset = dataset_of(&s, 10, 1);
    dnn_loader *released = loader_of(dataset, DESC(.batch_size = 1)), *out;
    OK(dnn_loader_release(released));
    dnn_loader *wrong[] = {NULL, (dnn_loader *)dataset, released};
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place)};
    const dnn_tensor *x;
    for (int i = 0; i < 3; i++) {
        dnn_status want = wrong[i] ? DNN_ERROR_HANDLE : DNN_ERROR_ARGUMENT;
        assert_int_equal(dnn_loader_next(wrong[i], &x, NULL), want);
        assert_int_equal(dnn_loader_position(wrong[i], &place), want);
        assert_int_equal(dnn_loader_seek(wrong[i], &place), want);
        assert_int_equal(dnn_loader_set_epoch(wrong[i], 0), want);
        assert_int_equal(dnn_loader_epoch(wrong[i]), -1);
        assert_int_equal(dnn_loader_batches(wrong[i]), -1);
        assert_int_equal(dnn_loader_release(wrong[i]), wrong[i] ? want : DNN_OK);
    }
    assert_int_equal(dnn_loader_create(&out, NULL, DESC(.batch_size = 1)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loader_create(&out, (dnn_dataset *)ctx, DESC(.batch_size = 1)), DNN_ERROR_HANDLE);
    dnn_dataset_release(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order_without_shuffling, setup, teardown),
        cmocka_unit_test_setup_teardown(shuffling_keeps_pairs_and_changes_each_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_does_not_depend_on_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(seeds, setup, teardown),
        cmocka_unit_test_setup_teardown(last_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_without_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(resuming_anywhere_continues_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(places_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_sample_is_named_and_can_be_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_batch_can_be_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(of_several_failures_the_first_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time_unless_declared_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_ahead_no_further_than_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thread_that_cannot_be_started, setup, teardown),
        cmocka_unit_test_setup_teardown(a_steady_state_allocates_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(lent_batches_may_be_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_anywhere_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_handles, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
