/* Numbers as colours. */
#include "inspect/canvas.h"

uint32_t dnni_mix(uint32_t a, uint32_t b, double share) {
    uint32_t mixed = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double from = (double)(a >> shift & 255u), to = (double)(b >> shift & 255u);
        mixed |= (uint32_t)(from + share * (to - from) + 0.5) << shift;
    }
    return mixed;
}

/* Halves, so that no difference overflows. */
double dnni_place(double value, double low, double high) {
    double t = high / 2 > low / 2 ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5;
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

uint32_t dnni_diverging(double t) {
    return t < 0.5 ? dnni_mix(0x2450a4, 0xffffff, 2 * t) : dnni_mix(0xffffff, 0xb3261e, 2 * t - 1);
}

uint32_t dnni_glow(double t) {
    static const uint32_t at[] = {0x000004, 0x420a68, 0x932667, 0xdd513a, 0xfca50a, 0xfcffa4};
    const int last = sizeof at / sizeof at[0] - 1;
    int i = (int)(t * last);
    if (i >= last) return at[last];
    return dnni_mix(at[i], at[i + 1], t * last - i);
}
