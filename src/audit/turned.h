/* The ways in which a picture gets turned, mirrored, inverted, or its colours swapped. */
#ifndef DNNI_TURNED_H
#define DNNI_TURNED_H

#include "audit/audit.h"

typedef enum dnni_turn {
    DNNI_AS_IS,
    DNNI_TRANSPOSED,
    DNNI_TURNED_LEFT, /* by 90° */
    DNNI_TURNED_AROUND,
    DNNI_TURNED_RIGHT,
    DNNI_TRANSPOSED_BACK, /* along the other diagonal */
    DNNI_MIRRORED,        /* left and right */
    DNNI_UPSIDE_DOWN,
    DNNI_SWAPPED, /* red and blue */
    DNNI_INVERTED,
    DNNI_TURNS
} dnni_turn;

/* "transposed", "turned by 180°", … */
const char *dnni_turn_name(dnni_turn turn);

/* Whether it makes sense for these pictures: those with an alpha channel, or of another colour, are not swapped. */
bool dnni_turn_applies(const dnni_audit *a, dnni_turn turn);

/* to = the thumb `from`, turned. Thumbs have been centred on the middle of the scale. */
void dnni_turn_thumb(const dnni_audit *a, dnni_turn turn, const float *from, float *to);

#endif
