#include "transform/rectangle.h"

#include <math.h>

enum { TRIES = 10 };

static dnn_status check_pair(const double pair[2], double most, const char *name) {
    DNNI_REQUIRE(pair[0] > 0 && pair[0] <= pair[1] && pair[1] <= most, "%s is %g … %g", name, pair[0], pair[1]);
    return DNN_OK;
}

dnn_status dnni_rectangles_make(dnni_rectangles *r, const double scale[2], const double ratio[2],
                                const dnni_rectangles *fallback) {
    *r = *fallback;
    for (int i = 0; i < 2; i++) {
        if (scale[0] != 0 || scale[1] != 0) r->scale[i] = scale[i];
        if (ratio[0] != 0 || ratio[1] != 0) r->ratio[i] = ratio[i];
    }
    DNNI_TRY(check_pair(r->scale, 1, "desc.scale"));
    return check_pair(r->ratio, 1e6, "desc.ratio");
}

bool dnni_draw_rectangle(const dnni_rectangles *r, dnni_draws *draws, int64_t rows, int64_t cols,
                         dnni_rectangle *found) {
    double image = (double)rows * (double)cols;
    for (int i = 0; i < TRIES; i++) {
        double area = image * dnni_draw_range(draws, r->scale[0], r->scale[1]);
        double ratio = exp(dnni_draw_range(draws, log(r->ratio[0]), log(r->ratio[1])));
        double width = floor(sqrt(area * ratio) + 0.5), height = floor(sqrt(area / ratio) + 0.5);
        if (width < 1 || height < 1 || width > (double)cols || height > (double)rows) continue;
        found->height = (int64_t)height;
        found->width = (int64_t)width;
        found->top = dnni_draw_below(draws, rows - found->height + 1);
        found->left = dnni_draw_below(draws, cols - found->width + 1);
        return true;
    }
    return false;
}

static int64_t at_least_one(double n) { return n > 1 ? (int64_t)(n + 0.5) : 1; }

dnni_rectangle dnni_middle_rectangle(const dnni_rectangles *r, int64_t rows, int64_t cols) {
    double ratio = (double)cols / (double)rows;
    dnni_rectangle m = {0, 0, rows, cols};
    if (ratio < r->ratio[0]) m.height = at_least_one((double)cols / r->ratio[0]);
    if (ratio > r->ratio[1]) m.width = at_least_one((double)rows * r->ratio[1]);
    m.top = (rows - m.height) / 2;
    m.left = (cols - m.width) / 2;
    return m;
}

void dnni_text_rectangles(dnni_text *text, const dnni_rectangles *r) {
    dnni_text_add(text, ", scale");
    dnni_text_range(text, r->scale[0], r->scale[1]);
    dnni_text_add(text, ", ratio");
    dnni_text_range(text, r->ratio[0], r->ratio[1]);
}
