#include "see/cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "inspect/canvas.h"
#include "look/summary.h"

enum { WANTED = 144, MOST_SIDE = 256, MOST_BARS = 5, CAPTION = 320, NAME = 80, SHARE = 48 };
#define RIGHT 0x2e9e5bu
#define WRONG 0xd43a2au

/* ---- opening ---- */

static bool is_image(const dnn_array *a) { return (a->rank == 3 || a->rank == 2) && dnni_count(a) > 0; }

static int64_t zoom_for(int64_t height, int64_t width) {
    return dnnk_max(1, dnnk_ceil_div(WANTED, dnnk_max(1, dnnk_min(height, width))));
}

dnn_status dnni_cells_open(dnni_cells *c, dnn_dataset *dataset, int64_t n) {
    const dnn_array *item = &dataset->input;
    dnn_context *ctx = dnni_context_of(dataset);
    *c = (dnni_cells){.pool = {.ctx = ctx}, .dataset = dataset, .n = n, .height = WANTED, .width = WANTED};
    if (is_image(item)) {
        int64_t factor = dnni_thumb_factor(item, MOST_SIDE);
        int64_t height = dnni_thumb_height(item, factor), width = dnni_thumb_width(item, factor);
        int64_t zoom = dnnk_min(zoom_for(height, width), dnnk_max(1, MOST_SIDE / dnnk_max(height, width)));
        c->height = dnnk_max(WANTED, height * zoom);
        c->width = dnnk_max(WANTED, width * zoom);
    }
    c->captions = dnni_pool_alloc(&c->pool, n, sizeof *c->captions);
    c->frames = dnni_pool_alloc(&c->pool, n, sizeof *c->frames);
    c->blank = dnni_pool_alloc(&c->pool, n, 1);
    if (!c->captions || !c->frames || !c->blank) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        c->frames[i] = DNN_NO_FRAME;
        c->blank[i] = 1;
    }
    DNNI_TRY(dnn_tensor_create(&c->pixels, ctx, DNN_U8, 4, (const int64_t[]){n, c->height, c->width, 3}));
    memset(c->pixels->array.data, 255, (size_t)dnni_bytes(&c->pixels->array));
    return DNN_OK;
}

void dnni_cells_close(dnni_cells *c) {
    dnn_tensor_release(c->pixels);
    dnni_pool_free(&c->pool);
}

dnn_status dnni_cells_sheet(dnn_tensor **out, const dnni_cells *c, int64_t columns, const char *title) {
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .title = title, .captions = c->captions, .frames = c->frames,
                        .blank = c->blank, .columns = columns, .zoom = 1};
    return dnn_sheet_create(out, c->pool.ctx, c->pixels, &d);
}

dnn_array dnni_sample_of(const dnn_array *batch, int64_t i) {
    dnn_array a = *batch;
    a.rank--;
    for (int32_t k = 0; k < a.rank; k++) a.dims[k] = batch->dims[k + 1];
    a.data = batch->data ? (char *)batch->data + i * dnni_bytes(&a) : NULL;
    return a;
}

static dnni_canvas canvas_of(const dnni_cells *c, int64_t at) {
    unsigned char *pixels = (unsigned char *)c->pixels->array.data + at * c->height * c->width * 3;
    return (dnni_canvas){pixels, c->width, c->height, 0, 0, c->width, c->height};
}

static dnn_status caption(dnni_cells *c, int64_t at, const char *text) {
    c->captions[at] = dnni_pool_clean(&c->pool, text, true);
    c->blank[at] = 0;
    return c->captions[at] ? DNN_OK : DNN_ERROR_MEMORY;
}

/* ---- what it is ---- */

dnni_answer dnni_answer_of(const dnn_dataset *dataset, const dnn_array *output, const dnn_array *target) {
    bool labels = target->dtype != DNN_DTYPE_NONE && dnni_is_label(target->dtype);
    int64_t k = output->rank > 0 ? output->dims[output->rank - 1] : 0;
    if (labels && dnni_count(target) == 1 && output->rank == 1 && k >= 2) return DNNI_CLASSES;
    if (!labels && output->rank == 1 && k >= 2 && k == dataset->metadata.classes) return DNNI_CLASSES;
    if (labels && target->rank == 2 && output->rank == 3 && output->dims[0] == target->dims[0] &&
        output->dims[1] == target->dims[1])
        return DNNI_CLASS_MAP;
    return is_image(output) ? DNNI_IMAGE : DNNI_NUMBERS;
}

/* ---- pictures ---- */

/* Draws a thumb of the image into the middle of the cell, as large as goes. */
static dnn_status draw_image(dnni_cells *c, int64_t at, const dnn_array *image, dnni_shades shades) {
    int64_t factor = dnni_thumb_factor(image, dnnk_min(c->height, c->width));
    int64_t height = dnni_thumb_height(image, factor), width = dnni_thumb_width(image, factor);
    int64_t zoom = dnnk_max(1, dnnk_min(c->height / height, c->width / width));
    unsigned char *thumb = dnni_pool_alloc(&c->pool, height * width * 3, 1);
    if (!thumb) return DNN_ERROR_MEMORY;
    dnni_draw_thumb(image, shades, factor, thumb, height, width);
    dnni_canvas canvas = canvas_of(c, at);
    int64_t left = (c->width - width * zoom) / 2, top = (c->height - height * zoom) / 2;
    for (int64_t i = 0; i < height * width; i++) {
        const unsigned char *p = thumb + 3 * i;
        uint32_t colour = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        dnni_fill(&canvas, left + i % width * zoom, top + i / width * zoom, zoom, zoom, colour);
    }
    return DNN_OK;
}

/* Colours of classes in a map: class 0 is dark, the others go around the circle by the golden ratio. */
static uint32_t class_colour(int64_t class_number) {
    double turn = 6 * fmod(0.6180339887 * (double)class_number, 1);
    uint32_t colour = 0;
    if (class_number == 0) return 0x30343a;
    for (int k = 0; k < 3; k++) {
        double away = fabs(fmod(turn + 2.0 * k, 6) - 3);
        colour = colour << 8 | (uint32_t)(60 + 180 * fmin(fmax(away - 1, 0), 1));
    }
    return colour;
}

static int64_t largest(const dnn_array *scores, int64_t first, int64_t n) {
    int64_t best = 0;
    for (int64_t k = 1; k < n; k++)
        if (dnni_load(scores->dtype, scores->data, first + k) > dnni_load(scores->dtype, scores->data, first + best))
            best = k;
    return best;
}

/* Of a map (H, W) of labels, or (H, W, K) of scores. */
static int64_t class_at(const dnn_array *map, int64_t i) {
    if (map->rank == 2) return (int64_t)dnni_load(map->dtype, map->data, i);
    return largest(map, i * map->dims[2], map->dims[2]);
}

static void draw_class_map(dnni_cells *c, int64_t at, const dnn_array *map) {
    dnni_canvas canvas = canvas_of(c, at);
    for (int64_t y = 0; y < c->height; y++)
        for (int64_t x = 0; x < c->width; x++) {
            int64_t i = y * map->dims[0] / c->height, j = x * map->dims[1] / c->width;
            dnni_fill(&canvas, x, y, 1, 1, class_colour(class_at(map, i * map->dims[1] + j)));
        }
}

/* ---- numbers ---- */

static void draw_numbers(dnni_cells *c, int64_t at, const dnn_array *a, const dnn_array *target) {
    dnni_canvas canvas = canvas_of(c, at);
    dnni_draw_numbers(&canvas, a, target);
}

static void numbers_text(const dnn_array *a, char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0, n = dnni_count(a); i < n && i < 4 && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s%s", i ? " " : "",
                                 dnni_real(dnni_load(a->dtype, a->data, i), 3).text, i == 3 && n > 4 ? " …" : "");
}

/* ---- bars of classes ---- */

typedef struct {
    int64_t n;
    double *share; /* [n] */
    int64_t target; /* -1: none */
    int64_t rows, scale;
} class_shares;

/* "93 %", "1.6 %", "<0.1 %": what is near 0 or 1 is not worth more digits. */
static void share_text(char text[SHARE], double share) {
    if (share < 0.001) snprintf(text, SHARE, share > 0 ? "<0.1 %%" : "0 %%");
    else snprintf(text, SHARE, "%s %%", dnni_real(100 * share, share > 0.99 ? 3 : 2).text);
}

/* Large text where all names leave room for it. */
static int64_t bar_scale(const dnni_cells *c, int64_t n) {
    char name[NAME];
    int64_t longest = 0;
    for (int64_t k = 0; k < n; k++) {
        dnni_class_text(c->dataset, k, name, sizeof name);
        longest = dnnk_max(longest, dnni_text_length(name));
    }
    return (longest + 7) * DNNI_TEXT_STEP * 2 <= c->width ? 2 : 1;
}

static dnn_status read_shares(dnni_cells *c, class_shares *s, const dnn_array *output, const dnn_array *target) {
    s->n = dnni_count(output);
    s->share = dnni_pool_alloc(&c->pool, s->n, sizeof *s->share);
    if (!s->share) return DNN_ERROR_MEMORY;
    double most = dnni_load(output->dtype, output->data, largest(output, 0, s->n)), sum = 0;
    for (int64_t k = 0; k < s->n; k++) {
        double y = dnni_load(output->dtype, output->data, k);
        s->share[k] = c->probabilities ? y : exp(y - most);
        sum += s->share[k];
    }
    for (int64_t k = 0; k < s->n && !c->probabilities; k++) s->share[k] /= sum;
    s->rows = dnnk_min(s->n, MOST_BARS);
    s->scale = bar_scale(c, s->n);
    s->target = -1;
    if (target->dtype == DNN_DTYPE_NONE) return DNN_OK;
    s->target = dnni_count(target) == 1 ? (int64_t)dnni_load(target->dtype, target->data, 0)
                                        : largest(target, 0, dnni_count(target));
    return DNN_OK;
}

/* Where k stands in the order of shares: of equal ones the smaller number comes first. */
static int64_t rank_of(const class_shares *s, int64_t k) {
    int64_t rank = 0;
    for (int64_t i = 0; i < s->n; i++) rank += s->share[i] > s->share[k] || (s->share[i] == s->share[k] && i < k);
    return rank;
}

/* The text stands on the bar, so that both can be wide. */
static void draw_bar(const dnni_cells *c, const dnni_canvas *canvas, const class_shares *s, int64_t k, int64_t row) {
    char name[NAME], share[SHARE];
    int64_t height = c->height / s->rows, top = row * height, middle = top + (height - DNNI_TEXT_HEIGHT * s->scale) / 2;
    int64_t most = c->width / (DNNI_TEXT_STEP * s->scale) - 7;
    dnni_class_text(c->dataset, k, name, sizeof name);
    share_text(share, s->share[k]);
    int64_t width = (int64_t)(fmax(0, fmin(s->share[k], 1)) * (double)c->width);
    dnni_fill(canvas, 0, top + 1, width, height - 2, k == s->target ? 0x9fdcb5u : 0xb5cdeeu);
    dnni_text(canvas, 3, middle, name, s->scale, most, DNNI_INK);
    dnni_text(canvas, c->width - 2 - dnni_text_width(share, s->scale), middle, share, s->scale, INT64_MAX, DNNI_INK);
}

/* The likeliest; the target is the last of them if it is not among them. */
static void draw_bars(dnni_cells *c, int64_t at, const class_shares *s) {
    dnni_canvas canvas = canvas_of(c, at);
    bool known = s->target >= 0 && s->target < s->n;
    bool outside = known && rank_of(s, s->target) >= s->rows;
    for (int64_t k = 0; k < s->n; k++) {
        int64_t row = rank_of(s, k);
        if (outside && k == s->target) row = s->rows - 1;
        else if (row >= s->rows - outside) continue;
        draw_bar(c, &canvas, s, k, row);
    }
}

static dnn_status draw_classes(dnni_cells *c, int64_t at, const dnn_array *output, const dnn_array *target,
                               char *text, size_t room) {
    class_shares s;
    DNNI_TRY(read_shares(c, &s, output, target));
    int64_t best = largest(output, 0, s.n);
    draw_bars(c, at, &s);
    dnni_class_text(c->dataset, best, text, room);
    if (s.target >= 0) c->frames[at] = best == s.target ? RIGHT : WRONG;
    return DNN_OK;
}

/* ---- cells ---- */

static dnni_shades shades_of(const dnn_array *a, const dnn_array *b, dnni_shades known) {
    if (known.high > known.low) return known;
    dnni_shades s = {(double)INFINITY, -(double)INFINITY};
    dnni_widen_shades(&s, a);
    if (b) dnni_widen_shades(&s, b);
    return s;
}

dnn_status dnni_draw_input(dnni_cells *c, int64_t at, const dnn_array *input, const char *text) {
    const dnn_dataset *d = c->dataset;
    dnni_shades known = dnni_known_shades(input->dtype, d->metadata.low, d->metadata.high);
    if (is_image(input)) DNNI_TRY(draw_image(c, at, input, shades_of(input, NULL, known)));
    else draw_numbers(c, at, input, NULL);
    return caption(c, at, text);
}

dnn_status dnni_draw_target(dnni_cells *c, int64_t at, const dnn_array *output, const dnn_array *target,
                            const char *text) {
    dnni_answer answer = dnni_answer_of(c->dataset, output, target);
    bool same = is_image(target);
    if (answer == DNNI_CLASS_MAP) draw_class_map(c, at, target);
    else if (same) DNNI_TRY(draw_image(c, at, target, shades_of(target, output, (dnni_shades){0, 0})));
    return caption(c, at, text);
}

dnn_status dnni_draw_output(dnni_cells *c, int64_t at, const dnn_array *output, const dnn_array *target,
                            const char *text) {
    char words[CAPTION / 2] = "", whole[CAPTION];
    dnni_answer answer = dnni_answer_of(c->dataset, output, target);
    bool none = target->dtype == DNN_DTYPE_NONE;
    if (answer == DNNI_CLASSES) DNNI_TRY(draw_classes(c, at, output, target, words, sizeof words));
    else if (answer == DNNI_CLASS_MAP) draw_class_map(c, at, output);
    else if (answer == DNNI_IMAGE)
        DNNI_TRY(draw_image(c, at, output, shades_of(output, none ? NULL : target, (dnni_shades){0, 0})));
    else draw_numbers(c, at, output, none ? NULL : target);
    if (answer == DNNI_NUMBERS) numbers_text(output, words, sizeof words);
    snprintf(whole, sizeof whole, "%.150s%s%s", text, *words ? "\n" : "", words);
    return caption(c, at, whole);
}
