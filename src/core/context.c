#include "core/context.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/threads.h"
#include "gemm/gemm.h"

enum { MOST_THREADS = 1024, MOST_STRUCT_BYTES = 65536 };

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static dnn_context *live; /* all contexts that are not freed */

static void enter_live(dnn_context *ctx) {
    pthread_mutex_lock(&live_lock);
    ctx->next_live = live;
    live = ctx;
    pthread_mutex_unlock(&live_lock);
}

static void leave_live(dnn_context *ctx) {
    pthread_mutex_lock(&live_lock);
    for (dnn_context **link = &live; *link; link = &(*link)->next_live) {
        if (*link != ctx) continue;
        *link = ctx->next_live;
        break;
    }
    pthread_mutex_unlock(&live_lock);
}

dnn_status dnni_context_check(const void *handle, const char *name) {
    if (!handle) return dnni_error(DNN_ERROR_ARGUMENT, "%s is NULL", name);
    pthread_mutex_lock(&live_lock);
    const dnn_context *found = live;
    while (found && (const void *)found != handle) found = found->next_live;
    pthread_mutex_unlock(&live_lock);
    if (found) return DNN_OK;
    return dnni_error(DNN_ERROR_HANDLE, "%s is no live context", name);
}

/* ---- descriptors ---- */

dnn_status dnni_read_desc(void *target, size_t target_bytes, const void *desc, bool optional, const char *name) {
    memset(target, 0, target_bytes);
    if (!desc) return optional ? DNN_OK : dnni_error(DNN_ERROR_ARGUMENT, "%s is NULL", name);
    size_t size;
    memcpy(&size, desc, sizeof size);
    if (size < sizeof size || size > MOST_STRUCT_BYTES)
        return dnni_error(DNN_ERROR_ARGUMENT, "%s: its size field is %zu, begin it with DNN_SIZED(…)", name, size);
    for (size_t i = target_bytes; i < size; i++)
        if (((const unsigned char *)desc)[i])
            return dnni_error(DNN_ERROR_UNSUPPORTED, "%s: it sets a field that this version (%s) does not know", name,
                              dnn_version_string());
    memcpy(target, desc, size < target_bytes ? size : target_bytes);
    return DNN_OK;
}

dnn_status dnni_give(void *out, const void *full, size_t bytes, const char *name) {
    DNNI_REQUIRE(out, "%s is NULL", name);
    size_t size;
    memcpy(&size, out, sizeof size);
    DNNI_REQUIRE(size >= sizeof size && size <= MOST_STRUCT_BYTES, "%s->size is %zu: begin it with DNN_SIZED(…)", name,
                 size);
    memcpy((char *)out + sizeof size, (const char *)full + sizeof size, (size < bytes ? size : bytes) - sizeof size);
    return DNN_OK;
}

double dnni_or_default(double field, double fallback) { return field == 0 && !signbit(field) ? fallback : field; }

/* ---- making and freeing ---- */

static dnn_status check_desc(const dnn_context_desc *d) {
    DNNI_REQUIRE(!d->allocator.allocate == !d->allocator.release, "desc.allocator: allocate and release go together");
    DNNI_REQUIRE(d->threads >= 0 && d->threads <= MOST_THREADS, "desc.threads is %d, it may be 0 (default) to %d",
                 d->threads, MOST_THREADS);
    return DNN_OK;
}

/* The kernels' step of an instruction set, and its name; false for a number that is none. */
static bool find_isa(dnn_isa wanted, dnnk_isa *isa, const char **name) {
    static const struct {
        dnn_isa wanted;
        dnnk_isa isa;
        const char *name;
    } known[] = {{DNN_ISA_PORTABLE, DNNK_PORTABLE, "portable"}, {DNN_ISA_AVX2, DNNK_AVX2, "avx2"},
                 {DNN_ISA_AVX512, DNNK_AVX512, "avx512"}, {DNN_ISA_NEON, DNNK_NEON, "neon"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].wanted != wanted) continue;
        *isa = known[i].isa;
        *name = known[i].name;
        return true;
    }
    return false;
}

static dnn_status choose_isa(dnn_isa wanted, dnnk_isa *isa) {
    dnnk_isa best = dnnk_best_isa();
    const char *name = NULL;
    *isa = best;
    if (wanted == DNN_ISA_AUTO) return DNN_OK;
    DNNI_REQUIRE(find_isa(wanted, isa, &name), "desc.isa is %d, which is no instruction set", (int)wanted);
    if (*isa <= best && strcmp(name, dnnk_isa_name(*isa)) == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "this machine, or this build, does not run %s (it runs %s)", name,
                      dnnk_isa_name(best));
}

static void write_description(dnn_context *ctx) {
    snprintf(ctx->description, sizeof ctx->description, "libdnn %s, %s, GEMM %s, %lld %s%s", dnn_version_string(),
             dnnk_isa_name(ctx->env.isa), dnnk_gemm_describe(ctx->env.isa, DNNK_F32), (long long)ctx->env.lanes,
             ctx->env.lanes == 1 ? "thread" : "threads", ctx->executor.run ? " of the host's executor" : "");
}

static void free_context(dnn_context *ctx) {
    dnni_threads_stop(ctx, ctx->threads);
    while (ctx->first_tomb) {
        dnni_object *object = ctx->first_tomb;
        ctx->first_tomb = object->next_tomb;
        dnni_free(ctx, object, 1, object->bytes);
    }
    pthread_mutex_destroy(&ctx->tomb_lock);
    pthread_mutex_destroy(&ctx->clear_lock);
    pthread_mutex_destroy(&ctx->log_lock);
    dnn_allocator allocator = ctx->allocator;
    allocator.release(allocator.user, ctx, sizeof *ctx);
}

static dnn_status start(dnn_context *ctx, const dnn_context_desc *d) {
    ctx->env.lanes = d->threads ? d->threads : dnni_processors();
    ctx->executor = d->executor;
    if (d->executor.run) {
        ctx->env.run_lanes = d->executor.run;
        ctx->env.pool = d->executor.user;
    } else if (ctx->env.lanes > 1) {
        ctx->threads = dnni_threads_start(ctx, ctx->env.lanes);
        if (!ctx->threads) return dnn_last_status();
        ctx->env.run_lanes = dnni_threads_run;
        ctx->env.pool = ctx->threads;
    }
    write_description(ctx);
    return DNN_OK;
}

static dnn_context *allocate_context(const dnn_allocator *allocator) {
    dnn_context *ctx = allocator->allocate(allocator->user, sizeof *ctx, DNNI_ALIGNMENT);
    if (!ctx) {
        dnni_out_of_memory();
        return NULL;
    }
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = *allocator;
    ctx->base.kind = DNNI_CONTEXT;
    ctx->base.bytes = sizeof *ctx;
    atomic_init(&ctx->base.holders, 1);
    pthread_mutex_init(&ctx->tomb_lock, NULL);
    pthread_mutex_init(&ctx->clear_lock, NULL);
    pthread_mutex_init(&ctx->log_lock, NULL);
    return ctx;
}

dnn_status dnn_context_create(dnn_context **out, const dnn_context_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_context_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_desc(&d));
    dnnk_isa isa = DNNK_PORTABLE;
    DNNI_TRY(choose_isa(d.isa, &isa));
    dnn_context *ctx = allocate_context(d.allocator.allocate ? &d.allocator : &dnni_default_allocator);
    if (!ctx) return DNN_ERROR_MEMORY;
    ctx->env.isa = isa;
    ctx->log = d.log;
    ctx->seed = d.seed;
    ctx->allow_winograd = !d.no_winograd;
    ctx->allow_fusion = true;
    dnn_status status = start(ctx, &d);
    if (status != DNN_OK) {
        free_context(ctx);
        return status;
    }
    enter_live(ctx);
    *out = ctx;
    return DNN_OK;
}

void dnni_context_hold(dnn_context *ctx) {
    atomic_fetch_add_explicit(&ctx->base.holders, 1, memory_order_relaxed);
}

void dnni_context_drop(dnn_context *ctx) {
    if (atomic_fetch_sub_explicit(&ctx->base.holders, 1, memory_order_acq_rel) > 1) return;
    leave_live(ctx);
    free_context(ctx);
}

dnn_status dnn_context_release(dnn_context *ctx) {
    if (!ctx) return DNN_OK;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnni_context_drop(ctx);
    return DNN_OK;
}

void dnni_context_bury(dnn_context *ctx, dnni_object *object) {
    dnni_object *oldest = NULL;
    pthread_mutex_lock(&ctx->tomb_lock);
    object->next_tomb = NULL;
    if (ctx->last_tomb) ctx->last_tomb->next_tomb = object;
    else ctx->first_tomb = object;
    ctx->last_tomb = object;
    if (ctx->tombs < DNNI_TOMBS) {
        ctx->tombs++;
    } else {
        oldest = ctx->first_tomb;
        ctx->first_tomb = oldest->next_tomb;
    }
    pthread_mutex_unlock(&ctx->tomb_lock);
    if (oldest) dnni_free(ctx, oldest, 1, oldest->bytes);
}

/* ---- questions and small services ---- */

const char *dnn_context_describe(const dnn_context *ctx) {
    return dnni_context_check(ctx, "ctx") == DNN_OK ? ctx->description : NULL;
}

int32_t dnn_context_threads(const dnn_context *ctx) {
    return dnni_context_check(ctx, "ctx") == DNN_OK ? (int32_t)ctx->env.lanes : 0;
}

dnn_status dnn_context_seed(dnn_context *ctx, uint64_t seed) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    ctx->seed = seed;
    atomic_store(&ctx->next_stream, 0);
    return DNN_OK;
}

uint64_t dnni_context_stream(dnn_context *ctx) {
    return atomic_fetch_add_explicit(&ctx->next_stream, 1, memory_order_relaxed);
}

void dnni_log_attach(dnn_context *ctx, dnni_log_tap *tap) {
    pthread_mutex_lock(&ctx->log_lock);
    tap->next = ctx->taps;
    ctx->taps = tap;
    pthread_mutex_unlock(&ctx->log_lock);
}

void dnni_log_detach(dnn_context *ctx, dnni_log_tap *tap) {
    pthread_mutex_lock(&ctx->log_lock);
    dnni_log_tap **link = &ctx->taps;
    while (*link && *link != tap) link = &(*link)->next;
    if (*link) *link = tap->next;
    pthread_mutex_unlock(&ctx->log_lock);
}

void dnni_log(dnn_context *ctx, dnn_log_level level, const char *format, ...) {
    char line[DNNI_ERROR_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (ctx->log.write) ctx->log.write(ctx->log.user, level, line);
    pthread_mutex_lock(&ctx->log_lock);
    for (const dnni_log_tap *tap = ctx->taps; tap; tap = tap->next) tap->write(tap->user, level, line);
    pthread_mutex_unlock(&ctx->log_lock);
}
