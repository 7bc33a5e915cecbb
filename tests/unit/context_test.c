/* The context: descriptors, allocator, log, threads, executors, seeds, objects that outlive each other. */
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "core/context.h"
#include "support/allocator.h"

#define ERROR_SAYS(words) assert_non_null(strstr(dnn_last_error(), words))

static void defaults(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    assert_true(dnn_context_threads(ctx) >= 1);
    assert_non_null(strstr(dnn_context_describe(ctx), dnn_version_string()));
    assert_int_equal(dnn_version(), DNN_VERSION_NUMBER);
    assert_int_equal(dnn_context_release(ctx), DNN_OK);
    assert_int_equal(dnn_context_release(NULL), DNN_OK);
}

static void descriptors_that_are_wrong(void **state) {
    (void)state;
    dnn_context *ctx = (dnn_context *)&ctx;
    dnn_context_desc d = {.threads = 1};
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_ERROR_ARGUMENT);
    assert_null(ctx);
    ERROR_SAYS("DNN_SIZED");
    d = (dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = -1};
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_ERROR_ARGUMENT);
    ERROR_SAYS("desc.threads is -1");
    d = (dnn_context_desc){DNN_SIZED(dnn_context_desc), .isa = (dnn_isa)7};
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_ERROR_ARGUMENT);
    d = (dnn_context_desc){DNN_SIZED(dnn_context_desc)};
    d.allocator.allocate = dnni_default_allocator.allocate;
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_context_create(NULL, NULL), DNN_ERROR_ARGUMENT);
}

/* A program of a newer version has a larger struct; one of an older version a smaller one. */
static void descriptors_of_other_versions(void **state) {
    (void)state;
    struct {
        dnn_context_desc desc;
        int64_t field_of_the_future;
    } newer = {.desc = {.size = sizeof newer, .threads = 1}};
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &newer.desc), DNN_OK);
    dnn_context_release(ctx);
    newer.field_of_the_future = 1;
    assert_int_equal(dnn_context_create(&ctx, &newer.desc), DNN_ERROR_UNSUPPORTED);
    ERROR_SAYS("sets a field that this version");
    dnn_context_desc older = {.size = offsetof(dnn_context_desc, seed), .threads = 1, .seed = 77};
    assert_int_equal(dnn_context_create(&ctx, &older), DNN_OK);
    assert_int_equal(ctx->seed, 0);
    dnn_context_release(ctx);
}

static void instruction_sets(void **state) {
    (void)state;
#if defined(__aarch64__)
    const dnn_isa all[] = {DNN_ISA_PORTABLE, DNN_ISA_NEON, DNN_ISA_AVX512}, elsewhere = DNN_ISA_AVX2;
#else
    const dnn_isa all[] = {DNN_ISA_PORTABLE, DNN_ISA_AVX2, DNN_ISA_AVX512}, elsewhere = DNN_ISA_NEON;
#endif
    dnn_context *none;
    dnn_context_desc of_other_machines = {DNN_SIZED(dnn_context_desc), .isa = elsewhere};
    assert_int_equal(dnn_context_create(&none, &of_other_machines), DNN_ERROR_UNSUPPORTED);
    for (int i = 0; i < 3; i++) {
        dnn_context *ctx;
        dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1, .isa = all[i]};
        dnn_status status = dnn_context_create(&ctx, &d);
        assert_int_equal(status, i <= (int)dnnk_best_isa() ? DNN_OK : DNN_ERROR_UNSUPPORTED);
        if (status != DNN_OK) continue;
        assert_non_null(strstr(dnn_context_describe(ctx), dnnk_isa_name((dnnk_isa)i)));
        dnn_context_release(ctx);
    }
}

static void a_released_context_is_known_as_such(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}), DNN_OK);
    dnn_context_release(ctx);
    assert_int_equal(dnn_context_release(ctx), DNN_ERROR_HANDLE);
    ERROR_SAYS("no live context");
    assert_int_equal(dnn_context_seed(ctx, 1), DNN_ERROR_HANDLE);
    assert_null(dnn_context_describe(ctx));
    assert_int_equal(dnn_context_threads(ctx), 0);
}

static void objects_keep_their_context(void **state) {
    (void)state;
    dnn_context *ctx;
    dnn_tensor *t;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 2}), DNN_OK);
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 1, (int64_t[]){1000000}), DNN_OK);
    dnn_context_release(ctx);
    dnn_init normal = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    assert_int_equal(dnn_tensor_fill(t, &normal), DNN_OK); /* on the context's threads, which still run */
    assert_int_equal(dnn_tensor_release(t), DNN_OK);
}

static void two_contexts_do_not_meet(void **state) {
    (void)state;
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1};
    dnn_context *a, *b;
    assert_int_equal(dnn_context_create(&a, &d), DNN_OK);
    assert_int_equal(dnn_context_create(&b, &d), DNN_OK);
    dnn_module *net, *layer = dnn_relu(b);
    assert_int_equal(dnn_sequential_create(&net, a), DNN_OK);
    assert_int_equal(dnn_sequential_add(net, "relu", layer), DNN_ERROR_HANDLE);
    ERROR_SAYS("two contexts");
    dnn_module_release(net);
    dnn_context_release(a);
    dnn_context_release(b);
}

/* More than are remembered: the oldest tombstones go, and nothing leaks (the allocator counts). */
static void tombstones_are_bounded(void **state) {
    (void)state;
    test_allocator memory = {0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1, .allocator = test_allocator_of(&memory)};
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_OK);
    dnn_tensor *t = NULL;
    int64_t most = 0;
    for (int i = 0; i < 3 * DNNI_TOMBS; i++) {
        assert_int_equal(dnn_tensor_create(&t, ctx, DNN_U8, 0, NULL), DNN_OK);
        dnn_tensor_release(t);
        if (i == 2 * DNNI_TOMBS) most = memory.live;
    }
    assert_int_equal(memory.live, most);
    assert_int_equal(dnn_tensor_release(t), DNN_ERROR_HANDLE);
    dnn_context_release(ctx);
    assert_int_equal(memory.live, 0);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (int64_t k = 1;; k++) {
            test_allocator memory = {.fail_at = k, .for_ever = for_ever};
            dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 3, .allocator = test_allocator_of(&memory)};
            dnn_context *ctx;
            dnn_status status = dnn_context_create(&ctx, &d);
            if (status == DNN_OK) dnn_context_release(ctx);
            assert_int_equal(memory.live, 0);
            if (memory.calls < k) break;
            assert_int_equal(status, DNN_ERROR_MEMORY);
            assert_null(ctx);
            assert_string_equal(dnn_last_error(), dnn_status_text(DNN_ERROR_MEMORY));
        }
    }
}

/* ---- running ---- */

enum { LANES = 4, JOBS = 2000 };

typedef struct {
    _Atomic int64_t sum;
    _Atomic int in_lane[LANES];
} tally;

static void add_task(void *arg, int64_t task, int64_t lane) {
    tally *t = arg;
    assert_int_equal(atomic_fetch_add(&t->in_lane[lane], 1), 0);
    atomic_fetch_add(&t->sum, task);
    atomic_fetch_sub(&t->in_lane[lane], 1);
}

static void every_task_runs_once(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = LANES}), DNN_OK);
    for (int job = 0; job < JOBS; job++) {
        tally t = {0};
        int64_t tasks = job % 37;
        dnnk_parallel(dnni_env(ctx), tasks, add_task, &t);
        assert_int_equal(t.sum, tasks > 0 ? tasks * (tasks - 1) / 2 : 0);
        if (job % 100 == 0) nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL); /* long enough for them to sleep */
    }
    dnn_context_release(ctx);
}

static void *run_jobs(void *arg) {
    dnn_context *ctx = arg;
    for (int job = 0; job < JOBS / 4; job++) {
        tally t = {0};
        dnnk_parallel(dnni_env(ctx), 20, add_task, &t);
        if (t.sum != 190) return ctx;
    }
    return NULL;
}

/* A second caller finds the pool busy and does its lanes itself. */
static void several_callers_at_once(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = LANES}), DNN_OK);
    pthread_t callers[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&callers[i], NULL, run_jobs, ctx), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(callers[i], &failed);
        assert_null(failed);
    }
    dnn_context_release(ctx);
}

typedef struct {
    const dnnk_env *env;
    _Atomic int64_t sum;
} nested;

static void nested_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    nested *n = arg;
    tally t = {0};
    dnnk_parallel(n->env, 5, add_task, &t);
    atomic_fetch_add(&n->sum, t.sum + task);
}

static void a_task_may_itself_be_parallel(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = LANES}), DNN_OK);
    nested n = {.env = dnni_env(ctx)};
    dnnk_parallel(n.env, 10, nested_task, &n);
    assert_int_equal(n.sum, 10 * 10 + 45);
    dnn_context_release(ctx);
}

static void backwards_executor(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    ++*(int *)user;
    for (int64_t lane = lanes - 1; lane >= 0; lane--) lane_main(arg, lane);
}

static void the_hosts_executor(void **state) {
    (void)state;
    int calls = 0;
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 3, .executor = {backwards_executor, &calls}};
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_OK);
    assert_non_null(strstr(dnn_context_describe(ctx), "host's executor"));
    tally t = {0};
    dnnk_parallel(dnni_env(ctx), 100, add_task, &t);
    assert_int_equal(t.sum, 4950);
    assert_int_equal(calls, 1);
    dnn_context_release(ctx);
}

/* ---- log, seeds, the floating-point mode ---- */

typedef struct {
    int lines;
    char last[256];
    dnn_log_level level;
} log_book;

static void write_line(void *user, dnn_log_level level, const char *line) {
    log_book *book = user;
    book->lines++;
    book->level = level;
    strncpy(book->last, line, sizeof book->last - 1);
}

static void remarks_go_to_the_sink(void **state) {
    (void)state;
    log_book book = {0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1, .log = {write_line, &book}};
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_OK);
    dnni_log(ctx, DNN_LOG_WARNING, "%d of %d", 3, 4);
    assert_int_equal(book.lines, 1);
    assert_string_equal(book.last, "3 of 4");
    assert_int_equal(book.level, DNN_LOG_WARNING);
    dnn_context_release(ctx);
}

static float first_number(dnn_context *ctx) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 1, (int64_t[]){1}), DNN_OK);
    dnn_init uniform = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .b = 1};
    assert_int_equal(dnn_tensor_fill(t, &uniform), DNN_OK);
    float value = *(float *)dnn_tensor_data(t);
    dnn_tensor_release(t);
    return value;
}

static void the_same_seed_gives_the_same_numbers(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 5}), DNN_OK);
    float a = first_number(ctx), b = first_number(ctx);
    assert_true(a != b);
    assert_int_equal(dnn_context_seed(ctx, 5), DNN_OK);
    assert_true(first_number(ctx) == a);
    assert_true(first_number(ctx) == b);
    assert_int_equal(dnn_context_seed(ctx, 6), DNN_OK);
    assert_true(first_number(ctx) != a);
    dnn_context_release(ctx);
}

static void the_floating_point_mode_stays(void **state) {
    (void)state;
    fenv_t before, after;
    fesetround(FE_UPWARD);
    fegetenv(&before);
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    first_number(ctx);
    assert_int_equal(fegetround(), FE_UPWARD);
    fegetenv(&after);
#if defined(__x86_64__)
    assert_int_equal(before.__mxcsr & ~0x3fu, after.__mxcsr & ~0x3fu); /* all but the sticky exception flags */
#endif
    dnn_context_release(ctx);
    fesetround(FE_TONEAREST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(descriptors_that_are_wrong),
        cmocka_unit_test(descriptors_of_other_versions),
        cmocka_unit_test(instruction_sets),
        cmocka_unit_test(a_released_context_is_known_as_such),
        cmocka_unit_test(objects_keep_their_context),
        cmocka_unit_test(two_contexts_do_not_meet),
        cmocka_unit_test(tombstones_are_bounded),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(several_callers_at_once),
        cmocka_unit_test(a_task_may_itself_be_parallel),
        cmocka_unit_test(the_hosts_executor),
        cmocka_unit_test(remarks_go_to_the_sink),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(the_floating_point_mode_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
