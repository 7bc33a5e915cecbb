/* libjpeg's memory manager, over an arena. Pools are not told apart: all goes when the job ends. Arrays over the whole
 * image, which libjpeg could keep in a file, are kept in memory. */
#include <string.h>

#include "io/jpeg_job.h"

/* SIMD code reads and writes whole vectors, past the end of rows. */
enum { ROW = 128 };

/* One whole-image array. libjpeg has two opaque types for it, of samples and of blocks; both are this. */
typedef struct dnni_jpeg_rows {
    struct dnni_jpeg_rows *next;
    JDIMENSION width, height; /* in samples or blocks */
    bool blocks;
    void **row;
} rows;

static dnni_jpeg_job *job_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void *take(j_common_ptr jpeg, int pool, size_t bytes) {
    (void)pool;
    void *memory = bytes < INT64_MAX / 4 ? dnni_io_arena_take(job_of(jpeg)->arena, (int64_t)bytes) : NULL;
    if (!memory) dnni_jpeg_give_up(job_of(jpeg), DNN_ERROR_MEMORY, "");
    return memory;
}

/* Zeroed: what a damaged file leaves out must not be what another file left behind. */
static void **take_rows(j_common_ptr jpeg, size_t row_bytes, JDIMENSION n) {
    row_bytes = (row_bytes + ROW - 1) / ROW * ROW;
    void **row = take(jpeg, 0, n * sizeof *row);
    if (n > 0 && row_bytes > (size_t)(INT64_MAX / 8) / n) dnni_jpeg_give_up(job_of(jpeg), DNN_ERROR_MEMORY, "");
    char *memory = take(jpeg, 0, row_bytes * n + ROW);
    memset(memory, 0, row_bytes * n + ROW);
    for (JDIMENSION i = 0; i < n; i++) row[i] = memory + i * row_bytes;
    return row;
}

static JSAMPARRAY take_samples(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION n) {
    (void)pool;
    return (JSAMPARRAY)(void *)take_rows(jpeg, width * sizeof(JSAMPLE), n);
}

static JBLOCKARRAY take_blocks(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION n) {
    (void)pool;
    return (JBLOCKARRAY)(void *)take_rows(jpeg, width * sizeof(JBLOCK), n);
}

/* ---- arrays over the whole image: asked for first, taken all at once ---- */

static rows *ask(j_common_ptr jpeg, JDIMENSION width, JDIMENSION height, bool blocks) {
    rows *r = take(jpeg, 0, sizeof *r);
    *r = (rows){job_of(jpeg)->rows, width, height, blocks, NULL};
    job_of(jpeg)->rows = r;
    return r;
}

static jvirt_sarray_ptr ask_samples(j_common_ptr jpeg, int pool, boolean zero, JDIMENSION width, JDIMENSION height,
                                    JDIMENSION at_once) {
    (void)pool;
    (void)zero;
    (void)at_once;
    return (jvirt_sarray_ptr)(void *)ask(jpeg, width, height, false);
}

static jvirt_barray_ptr ask_blocks(j_common_ptr jpeg, int pool, boolean zero, JDIMENSION width, JDIMENSION height,
                                   JDIMENSION at_once) {
    (void)pool;
    (void)zero;
    (void)at_once;
    return (jvirt_barray_ptr)(void *)ask(jpeg, width, height, true);
}

static void realize(j_common_ptr jpeg) {
    for (rows *r = job_of(jpeg)->rows; r; r = r->next)
        if (!r->row) r->row = take_rows(jpeg, r->width * (r->blocks ? sizeof(JBLOCK) : sizeof(JSAMPLE)), r->height);
}

static void **rows_from(j_common_ptr jpeg, const rows *r, JDIMENSION first, JDIMENSION n) {
    if (!r->row || first > r->height || n > r->height - first)
        dnni_jpeg_give_up(job_of(jpeg), DNN_OK, "rows that are not there are asked for");
    return r->row + first;
}

static JSAMPARRAY sample_rows(j_common_ptr jpeg, jvirt_sarray_ptr array, JDIMENSION first, JDIMENSION n,
                              boolean writable) {
    (void)writable;
    return (JSAMPARRAY)(void *)rows_from(jpeg, (const rows *)(const void *)array, first, n);
}

static JBLOCKARRAY block_rows(j_common_ptr jpeg, jvirt_barray_ptr array, JDIMENSION first, JDIMENSION n,
                              boolean writable) {
    (void)writable;
    return (JBLOCKARRAY)(void *)rows_from(jpeg, (const rows *)(const void *)array, first, n);
}

/* ---- the manager ---- */

static void keep_pool(j_common_ptr jpeg, int pool) {
    (void)jpeg;
    (void)pool;
}

/* The arena is not libjpeg's to free; only what it took before is. */
static void destroy(j_common_ptr jpeg) { job_of(jpeg)->destroy_first(jpeg); }

void dnni_jpeg_take_memory(dnni_jpeg_job *job) {
    struct jpeg_memory_mgr *m = job->jpeg.common.mem;
    job->destroy_first = m->self_destruct;
    m->alloc_small = m->alloc_large = take;
    m->alloc_sarray = take_samples;
    m->alloc_barray = take_blocks;
    m->request_virt_sarray = ask_samples;
    m->request_virt_barray = ask_blocks;
    m->realize_virt_arrays = realize;
    m->access_virt_sarray = sample_rows;
    m->access_virt_barray = block_rows;
    m->free_pool = keep_pool;
    m->self_destruct = destroy;
}
