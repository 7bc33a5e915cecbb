/* A random permutation that goes through memory in order. Fisher and Yates's shuffle of an array larger than the cache
 * waits for memory at every step; so, after Rao (1961) and Sandelius (1962): every number draws one of the buckets, and
 * each bucket, small enough for the cache, is shuffled by Fisher and Yates. If the draws are uniform, so is the result.
 *
 * The numbers are cut into at most CHUNKS_MAX chunks. A first round counts the buckets of each chunk, which says where
 * each chunk's part of each bucket begins; a second round draws the same buckets again and puts the numbers there. */
#include "rng/rng.h"

#define BUCKET 32768 /* elements, 256 KiB: fits the second-level cache */
#define BUCKETS_MAX 4096
#define CHUNK_MIN 262144 /* a multiple of DRAWS */
#define CHUNKS_MAX 64
#define WORDS 1024
#define DRAWS (2 * WORDS) /* 16 bits each */

/* Where in the stream a bucket's shuffle draws its blocks: far from the draws of buckets, and from other buckets'. */
#define SHUFFLE_INDEX(bucket) (((uint64_t)1 << 63) | ((uint64_t)(bucket) << 40))

typedef struct {
    const dnnk_rng_table *kernels;
    uint64_t seed, stream;
    int64_t n, buckets, chunk, chunks;
    int64_t *order;
    int64_t *place; /* [chunks][buckets]: counts, then the next place to write */
} job;

static job job_of(int64_t n) {
    job j = {.n = n, .buckets = 1, .chunk = CHUNK_MIN};
    while (j.buckets < BUCKETS_MAX && n / j.buckets > BUCKET) j.buckets *= 2;
    j.chunk = dnnk_max(CHUNK_MIN, dnnk_round_up(dnnk_ceil_div(n, CHUNKS_MAX), DRAWS));
    j.chunks = dnnk_ceil_div(n, j.chunk);
    return j;
}

int64_t dnnk_permutation_workspace(int64_t n) {
    job j = job_of(n);
    return j.chunks * j.buckets * 8;
}

/* The draws of `count` numbers from `first` on, count <= DRAWS, first a multiple of 8. */
static void draw(const job *j, int64_t first, int64_t count, uint16_t *bucket) {
    uint32_t word[WORDS], mask = (uint32_t)(j->buckets - 1);
    int64_t words = dnnk_ceil_div(count, 2);
    j->kernels->words(j->seed, j->stream, (uint64_t)first / 8, dnnk_ceil_div(words, 4), word);
    for (int64_t w = 0; w < words; w++) {
        bucket[2 * w] = (uint16_t)(word[w] & mask);
        bucket[2 * w + 1] = (uint16_t)((word[w] >> 16) & mask);
    }
}

static void count_task(void *arg, int64_t chunk, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t *place = j->place + chunk * j->buckets, end = dnnk_min(j->n, (chunk + 1) * j->chunk);
    for (int64_t b = 0; b < j->buckets; b++) place[b] = 0;
    for (int64_t i = chunk * j->chunk; i < end; i += DRAWS) {
        uint16_t bucket[DRAWS];
        int64_t count = dnnk_min(DRAWS, end - i);
        draw(j, i, count, bucket);
        for (int64_t k = 0; k < count; k++) place[bucket[k]]++;
    }
}

static void place_task(void *arg, int64_t chunk, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t *place = j->place + chunk * j->buckets, end = dnnk_min(j->n, (chunk + 1) * j->chunk);
    for (int64_t i = chunk * j->chunk; i < end; i += DRAWS) {
        uint16_t bucket[DRAWS];
        int64_t count = dnnk_min(DRAWS, end - i);
        draw(j, i, count, bucket);
        for (int64_t k = 0; k < count; k++) j->order[place[bucket[k]]++] = i + k;
    }
}

/* Counts to places: bucket after bucket, within a bucket chunk after chunk. */
static void begin_places(const job *j) {
    int64_t next = 0;
    for (int64_t b = 0; b < j->buckets; b++)
        for (int64_t c = 0; c < j->chunks; c++) {
            int64_t count = j->place[c * j->buckets + b];
            j->place[c * j->buckets + b] = next;
            next += count;
        }
}

typedef struct {
    const job *j;
    uint64_t block; /* the next one to be made */
    int64_t used;   /* words of `word`; WORDS: all */
    uint32_t word[WORDS];
} word_source;

static uint32_t next_word(word_source *s) {
    if (s->used == WORDS) {
        s->j->kernels->words(s->j->seed, s->j->stream, s->block, WORDS / 4, s->word);
        s->block += WORDS / 4;
        s->used = 0;
    }
    return s->word[s->used++];
}

/* A number in [0, n), n >= 1: the high half of word n, with the words rejected that would make some more likely
 * (Lemire 2019). */
static uint32_t below(word_source *s, uint32_t n) {
    uint64_t product = (uint64_t)next_word(s) * n;
    if ((uint32_t)product < n)
        for (uint32_t lowest = (0 - n) % n; (uint32_t)product < lowest;) product = (uint64_t)next_word(s) * n;
    return (uint32_t)(product >> 32);
}

/* After the second round, the last chunk's places are the buckets' ends. */
static void shuffle_task(void *arg, int64_t bucket, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const int64_t *end = j->place + (j->chunks - 1) * j->buckets;
    int64_t *order = j->order + (bucket > 0 ? end[bucket - 1] : 0), count = end[bucket] - (order - j->order);
    word_source source = {.j = j, .block = SHUFFLE_INDEX(bucket), .used = WORDS};
    for (int64_t k = count - 1; k > 0; k--) {
        int64_t other = below(&source, (uint32_t)(k + 1)), kept = order[k];
        order[k] = order[other];
        order[other] = kept;
    }
}

void dnnk_permutation(const dnnk_env *env, uint64_t seed, uint64_t stream, int64_t n, int64_t *order, void *work) {
    if (n == 0) return;
    job j = job_of(n);
    j.kernels = dnnk_rng_kernels(env->isa, DNNK_F32);
    j.seed = seed, j.stream = stream, j.order = order, j.place = work;
    dnnk_parallel(env, j.chunks, count_task, &j);
    begin_places(&j);
    dnnk_parallel(env, j.chunks, place_task, &j);
    dnnk_parallel(env, j.buckets, shuffle_task, &j);
}
