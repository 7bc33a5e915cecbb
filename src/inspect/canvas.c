#include "inspect/canvas.h"

#include <math.h>
#include <string.h>

/* What common viewers still open. */
enum { MOST_PIXELS = 32767 };

dnn_status dnni_canvas_new(dnn_tensor **out, dnni_canvas *canvas, dnn_context *ctx, int64_t width, int64_t height,
                           uint32_t colour) {
    if (width < 1 || height < 1 || width > MOST_PIXELS || height > MOST_PIXELS)
        return dnni_error(DNN_ERROR_SHAPE, "the picture would have %lld × %lld pixels, it may have 1 to %d on a side",
                          (long long)width, (long long)height, MOST_PIXELS);
    DNNI_TRY(dnn_tensor_create(out, ctx, DNN_U8, 3, (const int64_t[]){height, width, 3}));
    *canvas = (dnni_canvas){(*out)->array.data, width, height, 0, 0, width, height};
    dnni_fill(canvas, 0, 0, width, height, colour);
    return DNN_OK;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

static void set_pixel(unsigned char *pixel, uint32_t colour) {
    pixel[0] = (unsigned char)(colour >> 16 & 255);
    pixel[1] = (unsigned char)(colour >> 8 & 255);
    pixel[2] = (unsigned char)(colour & 255);
}

void dnni_fill(const dnni_canvas *canvas, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour) {
    int64_t right = clamp(x + width, canvas->left, canvas->right);
    int64_t bottom = clamp(y + height, canvas->top, canvas->bottom);
    for (int64_t j = clamp(y, canvas->top, canvas->bottom); j < bottom; j++)
        for (int64_t i = clamp(x, canvas->left, canvas->right); i < right; i++)
            set_pixel(canvas->pixels + 3 * (j * canvas->width + i), colour);
}

void dnni_frame(const dnni_canvas *canvas, int64_t x, int64_t y, int64_t width, int64_t height, int64_t thickness,
                uint32_t colour) {
    int64_t wide = width + 2 * thickness;
    dnni_fill(canvas, x - thickness, y - thickness, wide, thickness, colour);
    dnni_fill(canvas, x - thickness, y + height, wide, thickness, colour);
    dnni_fill(canvas, x - thickness, y, thickness, height, colour);
    dnni_fill(canvas, x + width, y, thickness, height, colour);
}

void dnni_blend(const dnni_canvas *canvas, int64_t x, int64_t y, uint32_t colour, double share) {
    if (x < canvas->left || y < canvas->top || x >= canvas->right || y >= canvas->bottom) return;
    unsigned char *pixel = canvas->pixels + 3 * (y * canvas->width + x);
    for (int c = 0; c < 3; c++) {
        double target = (double)(colour >> (16 - 8 * c) & 255u);
        pixel[c] = (unsigned char)(pixel[c] + share * (target - pixel[c]) + 0.5);
    }
}

/* The distance from (x, y) to the segment from (x0, y0) along (dx, dy). */
static double distance(double x, double y, double x0, double y0, double dx, double dy) {
    double length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - x0) * dx + (y - y0) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(x - x0 - t * dx, y - y0 - t * dy);
}

/* The pixel that a coordinate lies in, kept near the picture however far out it is. */
static int64_t pixel(double at, int64_t low, int64_t high) {
    return at < (double)low ? low : at > (double)high ? high : (int64_t)at;
}

/* Coverage of a pixel, nearly: how far its centre lies within the edge, one pixel being full. */
void dnni_line(const dnni_canvas *canvas, double x0, double y0, double x1, double y1, double thickness,
               uint32_t colour) {
    double reach = thickness / 2 + 0.5;
    int64_t right = pixel(fmax(x0, x1) + reach + 1, -1, canvas->right);
    int64_t bottom = pixel(fmax(y0, y1) + reach + 1, -1, canvas->bottom);
    for (int64_t y = pixel(fmin(y0, y1) - reach, canvas->top, canvas->bottom); y <= bottom; y++)
        for (int64_t x = pixel(fmin(x0, x1) - reach, canvas->left, canvas->right); x <= right; x++) {
            double share = reach - distance((double)x, (double)y, x0, y0, x1 - x0, y1 - y0);
            if (share > 0) dnni_blend(canvas, x, y, colour, share < 1 ? share : 1);
        }
}

/* ---- text ---- */

/* The next character of UTF-8; a byte that begins none stands for itself, as an unknown character. */
static uint32_t next_character(const char **at) {
    const unsigned char *p = (const unsigned char *)*at;
    int more = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf8 ? 3 : 0;
    uint32_t c = more ? p[0] & (0x3fu >> more) : p[0];
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *at += 1;
            return 0xfffd;
        }
        c = c << 6 | (p[i] & 0x3fu);
    }
    *at += more + 1;
    return c;
}

int64_t dnni_text_length(const char *text) {
    int64_t n = 0;
    for (; text && *text; n++) next_character(&text);
    return n;
}

int64_t dnni_text_width(const char *text, int64_t scale) {
    int64_t n = dnni_text_length(text);
    return n > 0 ? (n * DNNI_TEXT_STEP - 1) * scale : 0;
}

/* One character; (x, y) is the corner that its text began with. */
static void draw_glyph(const dnni_canvas *canvas, int64_t x, int64_t y, uint32_t character, int64_t scale, bool up,
                       uint32_t colour) {
    const char *glyph = dnni_glyph(character);
    int64_t drop = dnni_glyph_drop(character);
    for (int64_t row = 0; row < 7; row++)
        for (int64_t column = 0; column < 5; column++) {
            if (glyph[row * 6 + column] != '#') continue;
            int64_t along = column * scale, across = (row + drop) * scale;
            if (up) dnni_fill(canvas, x + across, y - along - scale, scale, scale, colour);
            else dnni_fill(canvas, x + along, y + across, scale, scale, colour);
        }
}

int64_t dnni_text(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t scale, int64_t most,
                  uint32_t colour) {
    return dnni_text_part(canvas, x, y, text, dnni_text_length(text), scale, most, colour);
}

int64_t dnni_text_part(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t n, int64_t scale,
                       int64_t most, uint32_t colour) {
    int64_t shown = n < most ? n : most;
    for (int64_t i = 0; i < shown; i++) {
        uint32_t c = next_character(&text);
        if (i == shown - 1 && shown < n) c = 0x2026;
        draw_glyph(canvas, x + i * DNNI_TEXT_STEP * scale, y, c, scale, false, colour);
    }
    return shown > 0 ? (shown * DNNI_TEXT_STEP - 1) * scale : 0;
}

int64_t dnni_text_up(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t scale,
                     uint32_t colour) {
    int64_t width = dnni_text_width(text, scale);
    for (int64_t i = 0; text && *text; i++)
        draw_glyph(canvas, x, y - i * DNNI_TEXT_STEP * scale, next_character(&text), scale, true, colour);
    return width;
}
