/* Contact sheets. From the outside in: a sheet is a grid of cells; a cell is a picture, its frame, and a caption below;
 * a picture is one tile in RGB, or the tiles of all channels; a tile is the values of one channel, zoomed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/canvas.h"

enum { MARGIN = 14, GAP = 10, FRAME = 3, TILE_GAP = 2, CAPTION_GAP = 4, TITLE_SCALE = 2 };
enum { WANTED = 48, COMFORTABLE = 4096 }; /* of an image at least, of a sheet at most */

typedef struct {
    const dnn_sheet_desc *desc;
    dnn_array batch;
    int64_t n, tile_height, tile_width, channels;
    bool colour, symmetric, diverging; /* symmetric: around zero, by image */
    int64_t zoom;
    int64_t tiles_across, tiles_down;
    int64_t picture_width, picture_height;
    int64_t columns, rows;
    int64_t cell_width, cell_height; /* without the gap between cells */
    int64_t caption_scale, caption_lines, title_height;
    double low, high;
} sheet;

/* ---- values to colours ---- */

static double value_at(const sheet *s, int64_t i) { return dnni_load(s->batch.dtype, s->batch.data, i); }

static uint32_t colour_of(const sheet *s, double value, double low, double high) {
    if (!isfinite(value)) return DNNI_NOT_FINITE;
    double t = dnni_place(value, low, high);
    return s->diverging ? dnni_diverging(t) : dnni_mix(0x000000, 0xffffff, t);
}

static uint32_t rgb_of(const sheet *s, int64_t i, double low, double high) {
    uint32_t colour = 0;
    for (int64_t c = 0; c < 3; c++) {
        double value = value_at(s, i + c);
        if (!isfinite(value)) return DNNI_NOT_FINITE;
        colour = colour << 8 | (uint32_t)(255 * dnni_place(value, low, high) + 0.5);
    }
    return colour;
}

/* The range of elements first … first + count - 1: finite ones, and 0 … 0 if there are none. */
static void find_range(const sheet *s, int64_t first, int64_t count, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t i = first; i < first + count; i++) {
        double value = value_at(s, i);
        if (!isfinite(value)) continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
    if (*low > *high) *low = *high = 0;
}

static void range_of_image(const sheet *s, int64_t image, double *low, double *high) {
    int64_t size = s->tile_height * s->tile_width * s->channels;
    *low = s->low;
    *high = s->high;
    if (s->desc->low != 0 || s->desc->high != 0) return;
    if (!s->symmetric && !s->desc->per_image) return;
    if (!s->symmetric || !s->desc->alike) find_range(s, image * size, size, low, high);
    if (!s->symmetric) return;
    *high = fmax(fabs(*low), fabs(*high));
    *low = -*high;
}

static void choose_range(sheet *s) {
    s->low = s->desc->low;
    s->high = s->desc->high;
    if (s->low != 0 || s->high != 0) return;
    if (s->batch.dtype == DNN_U8) s->high = 255;
    else if (s->batch.dtype == DNN_BOOL) s->high = 1;
    else find_range(s, 0, dnni_count(&s->batch), &s->low, &s->high);
}

/* ---- layout ---- */

/* A divided by b, rounded up. */
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t ceil_root(int64_t n) {
    int64_t root = (int64_t)sqrt((double)n);
    while (root * root < n) root++;
    return root;
}

/* The first line of a caption: its characters, and where the next line begins (NULL: there is none). */
static int64_t line_length(const char *line, const char **next) {
    const char *end = line ? strchr(line, '\n') : NULL;
    int64_t length = dnni_text_length(line);
    *next = end ? end + 1 : NULL;
    return end ? length - dnni_text_length(end) : length;
}

static int64_t longest_line(sheet *s) {
    int64_t longest = 0;
    for (int64_t i = 0; s->desc->captions && i < s->n; i++) {
        int64_t lines = 0;
        for (const char *line = s->desc->captions[i]; line; lines++) {
            int64_t length = line_length(line, &line);
            if (length > longest) longest = length;
        }
        if (lines > s->caption_lines) s->caption_lines = lines;
    }
    return longest;
}

/* Captions as large as the picture is wide enough for; a cell may grow to twice its picture for them. */
static void place_captions(sheet *s) {
    int64_t longest = longest_line(s), border = s->desc->frames ? FRAME : 1;
    s->cell_width = s->picture_width + 2 * border;
    s->cell_height = s->picture_height + 2 * border;
    if (longest == 0) return;
    s->caption_scale = 2 * longest * DNNI_TEXT_STEP <= s->cell_width + GAP ? 2 : 1;
    int64_t wanted = longest * DNNI_TEXT_STEP * s->caption_scale;
    if (wanted > 2 * s->cell_width) wanted = 2 * s->cell_width;
    if (wanted > s->cell_width) s->cell_width = wanted;
    s->cell_height += CAPTION_GAP + DNNI_LINE_HEIGHT * s->caption_scale * s->caption_lines;
}

/* Columns such that width : height is near 3 : 2. */
static void place_cells(sheet *s) {
    double ratio = 1.5 * (double)(s->cell_height + GAP) / (double)(s->cell_width + GAP);
    s->columns = s->desc->columns;
    if (s->columns == 0) s->columns = (int64_t)ceil(sqrt((double)s->n * ratio));
    if (s->columns < 1) s->columns = 1;
    if (s->columns > s->n) s->columns = s->n;
    s->rows = ceil_div(s->n, s->columns);
    s->title_height = s->desc->title ? DNNI_LINE_HEIGHT * TITLE_SCALE + GAP : 0;
}

/* Sizes above this are refused by the canvas anyway; below it, sums and products of a few of them fit. */
enum { FAR_TOO_LARGE = 1 << 20 };

static dnn_status place_zoomed(sheet *s, int64_t tiles) {
    if (s->tile_height > FAR_TOO_LARGE || s->tile_width > FAR_TOO_LARGE || tiles > FAR_TOO_LARGE ||
        s->zoom > FAR_TOO_LARGE || s->n > FAR_TOO_LARGE)
        return dnni_error(DNN_ERROR_SHAPE, "a sheet of %s at zoom %lld is too large", dnni_array_shape(&s->batch).text,
                          (long long)s->zoom);
    s->caption_lines = 0;
    s->tiles_across = ceil_root(tiles);
    s->tiles_down = ceil_div(tiles, s->tiles_across);
    s->picture_width = s->tiles_across * (s->tile_width * s->zoom + TILE_GAP) - TILE_GAP;
    s->picture_height = s->tiles_down * (s->tile_height * s->zoom + TILE_GAP) - TILE_GAP;
    if (s->picture_width > FAR_TOO_LARGE || s->picture_height > FAR_TOO_LARGE)
        return dnni_error(DNN_ERROR_SHAPE, "a picture of %lld × %lld pixels is too large", (long long)s->picture_width,
                          (long long)s->picture_height);
    place_captions(s);
    place_cells(s);
    return DNN_OK;
}

static bool is_large(const sheet *s) {
    return s->columns * (s->cell_width + GAP) > COMFORTABLE || s->rows * (s->cell_height + GAP) > COMFORTABLE;
}

/* A sheet that nobody has asked to be larger than a screen or two is zoomed less: filters of hundreds of channels. */
static dnn_status place_all(sheet *s) {
    int64_t shorter = s->tile_height < s->tile_width ? s->tile_height : s->tile_width;
    int64_t tiles = s->colour ? 1 : s->channels;
    s->zoom = s->desc->zoom ? s->desc->zoom : shorter >= WANTED ? 1 : ceil_div(WANTED, shorter);
    if (!s->desc->zoom && tiles > 1) s->zoom = ceil_div(s->zoom, 2);
    DNNI_TRY(place_zoomed(s, tiles));
    while (!s->desc->zoom && s->zoom > 1 && is_large(s)) {
        s->zoom--;
        DNNI_TRY(place_zoomed(s, tiles));
    }
    return DNN_OK;
}

/* ---- drawing ---- */

/* One channel, or three at once, of an image. */
static void draw_tile(const sheet *s, const dnni_canvas *canvas, int64_t x, int64_t y, int64_t image, int64_t channel,
                      double low, double high) {
    for (int64_t i = 0; i < s->tile_height; i++)
        for (int64_t j = 0; j < s->tile_width; j++) {
            int64_t at = ((image * s->tile_height + i) * s->tile_width + j) * s->channels + channel;
            uint32_t colour = s->colour ? rgb_of(s, at, low, high) : colour_of(s, value_at(s, at), low, high);
            dnni_fill(canvas, x + j * s->zoom, y + i * s->zoom, s->zoom, s->zoom, colour);
        }
}

/* What lies between a tile and those to the right and below: dark among filters, into whose white it would run. */
static void draw_edges(const sheet *s, const dnni_canvas *canvas, int64_t x, int64_t y, int64_t left, int64_t top) {
    int64_t width = s->tile_width * s->zoom, height = s->tile_height * s->zoom;
    uint32_t colour = s->diverging ? DNNI_INK : 0x8b949eu;
    int64_t right = dnnk_min(left + width + TILE_GAP, s->picture_width);
    int64_t bottom = dnnk_min(top + height + TILE_GAP, s->picture_height);
    dnni_fill(canvas, x + left, y + top, right - left, bottom - top, colour);
}

static void draw_picture(const sheet *s, const dnni_canvas *canvas, int64_t x, int64_t y, int64_t image) {
    double low, high;
    int64_t tiles = s->colour ? 1 : s->channels;
    range_of_image(s, image, &low, &high);
    for (int64_t t = 0; t < tiles; t++) {
        int64_t left = t % s->tiles_across * (s->tile_width * s->zoom + TILE_GAP);
        int64_t top = t / s->tiles_across * (s->tile_height * s->zoom + TILE_GAP);
        draw_edges(s, canvas, x, y, left, top);
        draw_tile(s, canvas, x + left, y + top, image, t, low, high);
    }
}

static void draw_line(const sheet *s, const dnni_canvas *canvas, int64_t x, int64_t y, const char *line,
                      int64_t length) {
    int64_t step = DNNI_TEXT_STEP * s->caption_scale, most = (s->cell_width + GAP / 2) / step;
    int64_t shown = length < most ? length : most, left = x + (s->cell_width - shown * step + s->caption_scale) / 2;
    dnni_text_part(canvas, left, y, line, length, s->caption_scale, most, DNNI_INK);
}

static void draw_caption(const sheet *s, const dnni_canvas *canvas, int64_t x, int64_t y, const char *caption) {
    for (const char *line = caption, *next; line; line = next) {
        int64_t length = line_length(line, &next);
        draw_line(s, canvas, x, y, line, length);
        y += DNNI_LINE_HEIGHT * s->caption_scale;
    }
}

static void draw_cell(const sheet *s, const dnni_canvas *canvas, int64_t image) {
    int64_t border = s->desc->frames ? FRAME : 1;
    int64_t x = MARGIN + image % s->columns * (s->cell_width + GAP);
    int64_t y = MARGIN + s->title_height + image / s->columns * (s->cell_height + GAP);
    int64_t left = x + (s->cell_width - s->picture_width) / 2, top = y + border;
    bool framed = s->desc->frames && s->desc->frames[image] != DNN_NO_FRAME;
    draw_picture(s, canvas, left, top, image);
    if (framed)
        dnni_frame(canvas, left, top, s->picture_width, s->picture_height, FRAME, s->desc->frames[image] & 0xffffffu);
    else dnni_frame(canvas, left, top, s->picture_width, s->picture_height, 1, DNNI_FAINT);
    if (s->caption_scale > 0)
        draw_caption(s, canvas, x, top + s->picture_height + border + CAPTION_GAP, s->desc->captions[image]);
}

static dnn_status draw_sheet(dnn_tensor **out, dnn_context *ctx, sheet *s) {
    dnni_canvas canvas;
    choose_range(s);
    DNNI_TRY(place_all(s));
    int64_t width = 2 * MARGIN + s->columns * (s->cell_width + GAP) - GAP;
    int64_t height = 2 * MARGIN + s->title_height + s->rows * (s->cell_height + GAP) - GAP;
    int64_t title = dnni_text_width(s->desc->title, TITLE_SCALE) + 2 * MARGIN;
    if (title > width && title < 1000) width = title;
    DNNI_TRY(dnni_canvas_new(out, &canvas, ctx, width, height, DNNI_WHITE));
    if (s->desc->title) {
        int64_t most = (width - 2 * MARGIN + TITLE_SCALE) / (DNNI_TEXT_STEP * TITLE_SCALE);
        dnni_text(&canvas, MARGIN, MARGIN, s->desc->title, TITLE_SCALE, most, DNNI_INK);
    }
    for (int64_t i = 0; i < s->n; i++)
        if (!s->desc->blank || !s->desc->blank[i]) draw_cell(s, &canvas, i);
    return DNN_OK;
}

/* ---- entry ---- */

static dnn_status check_desc(const dnn_sheet_desc *d) {
    DNNI_REQUIRE(d->columns >= 0 && d->zoom >= 0, "desc.columns is %lld, desc.zoom %lld", (long long)d->columns,
                 (long long)d->zoom);
    DNNI_REQUIRE(isfinite(d->low) && isfinite(d->high) && d->low <= d->high, "desc.low is %g, desc.high %g", d->low,
                 d->high);
    DNNI_REQUIRE(d->palette == DNN_PALETTE_DEFAULT || d->palette == DNN_PALETTE_GREY ||
                     d->palette == DNN_PALETTE_DIVERGING,
                 "desc.palette is %d, which is no palette", (int)d->palette);
    return DNN_OK;
}

static dnn_status fill_sheet(sheet *s, const dnn_tensor *batch, const dnn_sheet_desc *desc, const char *name) {
    DNNI_TRY(dnni_check_tensor(batch, name));
    DNNI_TRY(check_desc(desc));
    const dnn_array *a = &batch->array;
    if (a->rank != 4 || dnni_count(a) == 0)
        return dnni_error(DNN_ERROR_SHAPE, "%s is %s; four axes, each at least 1, are needed", name,
                          dnni_array_shape(a).text);
    *s = (sheet){.desc = desc, .batch = *a, .n = a->dims[0], .tile_height = a->dims[1], .tile_width = a->dims[2],
                 .channels = a->dims[3], .colour = a->dims[3] == 3,
                 .diverging = desc->palette == DNN_PALETTE_DIVERGING};
    return DNN_OK;
}

dnn_status dnn_sheet_create(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *batch, const dnn_sheet_desc *desc) {
    sheet s;
    dnn_sheet_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(fill_sheet(&s, batch, &d, "batch"));
    return draw_sheet(out, ctx, &s);
}

/* "0", "1", … for those who gave no captions. */
static dnn_status draw_numbered(dnn_tensor **out, dnn_context *ctx, sheet *s, dnn_sheet_desc *d) {
    dnni_pool pool = {.ctx = ctx};
    char text[24];
    const char **captions = dnni_pool_alloc(&pool, s->n, sizeof *captions);
    bool made = captions != NULL;
    for (int64_t i = 0; made && i < s->n; i++) {
        snprintf(text, sizeof text, "%lld", (long long)i);
        captions[i] = dnni_pool_string(&pool, text);
        made = captions[i] != NULL;
    }
    d->captions = captions;
    dnn_status status = made ? draw_sheet(out, ctx, s) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}

dnn_status dnn_sheet_filters(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *weight, const dnn_sheet_desc *desc) {
    sheet s;
    dnn_sheet_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(fill_sheet(&s, weight, &d, "weight"));
    if (s.tile_height * s.tile_width == 1)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "1 × 1 filters (weight %s) are no pictures",
                          dnni_array_shape(&s.batch).text);
    s.diverging = d.palette != DNN_PALETTE_GREY;
    s.symmetric = true;
    return d.captions ? draw_sheet(out, ctx, &s) : draw_numbered(out, ctx, &s, &d);
}
