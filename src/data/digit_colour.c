/* The ink: from the way of the pen to pixels. */
#include <math.h>

#include "data/digit_ink.h"

typedef struct {
    int64_t first, end;
} pixels;

/* The pixels within `reach` of [a, b] along one axis. */
static pixels covered(float a, float b, float reach, int64_t size) {
    float low = (a < b ? a : b) - reach, high = (a < b ? b : a) + reach;
    float most = (float)size;
    low = low > 0 ? low : 0;
    high = high < most - 1.0f ? high : most - 1.0f;
    return (pixels){(int64_t)low, high < low ? (int64_t)low : (int64_t)high + 1};
}

/* One chord, a cone with round ends: a pixel's ink is a function of its distance to it, falling from 1 to 0 across the
 * edge; where chords overlap the darker one counts. */
static void colour_chord(const dnni_vertex *a, const dnni_vertex *b, float sharpness, int64_t size, float *image) {
    float reach = (a->radius > b->radius ? a->radius : b->radius) + 0.5f / sharpness;
    pixels columns = covered(a->x, b->x, reach, size), rows = covered(a->y, b->y, reach, size);
    float dx = b->x - a->x, dy = b->y - a->y, squared = dx * dx + dy * dy;
    float along = squared > 0 ? 1.0f / squared : 0.0f, widening = b->radius - a->radius;
    for (int64_t row = rows.first; row < rows.end; row++) {
        float y = (float)row - a->y;
        float *line = image + row * size;
        for (int64_t column = columns.first; column < columns.end; column++) {
            float x = (float)column - a->x;
            float t = (x * dx + y * dy) * along;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = x - t * dx, ey = y - t * dy;
            float ink = (a->radius + t * widening - sqrtf(ex * ex + ey * ey)) * sharpness + 0.5f;
            line[column] = ink > line[column] ? ink : line[column];
        }
    }
}

void dnni_ink_colour(const dnni_ink *ink, float softness, float level, int64_t size, float *image) {
    for (int32_t i = 1; i < ink->vertices; i++)
        if (!ink->vertex[i].lifted) colour_chord(&ink->vertex[i - 1], &ink->vertex[i], 1.0f / softness, size, image);
    for (int64_t i = 0; i < size * size; i++) {
        float value = image[i] * level;
        image[i] = value < 1.0f ? value : 1.0f;
    }
}
