#include "audit/turned.h"

const char *dnni_turn_name(dnni_turn turn) {
    static const char *const names[DNNI_TURNS] = {
        "as they are", "transposed (rows are columns)", "turned left", "turned by 180°", "turned right",
        "transposed along the other diagonal", "mirrored", "upside down", "red and blue swapped", "inverted",
    };
    return turn < DNNI_TURNS ? names[turn] : "";
}

bool dnni_turn_applies(const dnni_audit *a, dnni_turn turn) {
    if (turn == DNNI_SWAPPED) return a->channels >= 3;
    bool square = turn != DNNI_TRANSPOSED && turn != DNNI_TURNED_LEFT && turn != DNNI_TURNED_RIGHT &&
                  turn != DNNI_TRANSPOSED_BACK;
    return square || a->height == a->width;
}

/* Where pixel (i, j) of the turned thumb comes from. */
static int64_t source(dnni_turn turn, int64_t i, int64_t j) {
    const int64_t last = DNNI_THUMB - 1;
    switch (turn) {
    case DNNI_TRANSPOSED: return j * DNNI_THUMB + i;
    case DNNI_TURNED_LEFT: return j * DNNI_THUMB + last - i;
    case DNNI_TURNED_AROUND: return (last - i) * DNNI_THUMB + last - j;
    case DNNI_TURNED_RIGHT: return (last - j) * DNNI_THUMB + i;
    case DNNI_TRANSPOSED_BACK: return (last - j) * DNNI_THUMB + last - i;
    case DNNI_MIRRORED: return i * DNNI_THUMB + last - j;
    case DNNI_UPSIDE_DOWN: return (last - i) * DNNI_THUMB + j;
    default: return i * DNNI_THUMB + j;
    }
}

void dnni_turn_thumb(const dnni_audit *a, dnni_turn turn, const float *from, float *to) {
    for (int64_t i = 0; i < DNNI_THUMB; i++)
        for (int64_t j = 0; j < DNNI_THUMB; j++)
            for (int64_t c = 0; c < a->channels; c++) {
                int64_t channel = turn == DNNI_SWAPPED && c < 3 ? 2 - c : c;
                float x = from[source(turn, i, j) * a->channels + channel];
                to[(i * DNNI_THUMB + j) * a->channels + c] = turn == DNNI_INVERTED ? -x : x;
            }
}
