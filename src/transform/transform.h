/* Transforms as the library sees them: a class, a state, and, in containers, children.
 *
 * To add one: a file with its constructor, its state and its class; a line in include/dnn/transform.h; an entry in the
 * table that the generic tests walk (tests/support/transform_table.c).
 *
 * A view compiles its transform, once, into a program (program.h): a flat list of steps, each with the shapes that come
 * in and go out, so that nothing is left to check when a sample is read. */
#ifndef DNNI_TRANSFORM_H
#define DNNI_TRANSFORM_H

#include <dnn/transform.h>

#include "core/context.h"
#include "core/dtype.h"
#include "data/draws.h"
#include "transform/move.h"

/* What a sample is at some point of a program. */
typedef struct dnni_spec {
    dnn_array input, target; /* data is NULL */
    double low, high;        /* of the input's values; both 0: unknown */
    dnn_target kind;
    int64_t work_bytes; /* a shape rule asks for memory here */
} dnni_spec;

/* What an operation has drawn for one sample. */
typedef union dnni_drawn {
    dnni_move move;
    double number[4];
    int64_t whole[4];
    struct {
        double number[4];
        int32_t order[4];
    } color;
} dnni_drawn;

/* A sample at work. What goes out lies elsewhere than what comes in, unless the class says `in_place`. */
typedef struct dnni_sample {
    dnn_array in, out;
    double low, high; /* of what comes in */
    void *work;       /* work_bytes, 64-byte aligned */
    dnni_draws draws; /* for an operation that draws while it works: noise */
    bool unchanged;   /* set by `apply` instead of copying: what goes out is what came in */
} dnni_sample;

/* Text that grows in a buffer of the caller's; what does not fit is counted, not written. */
typedef struct dnni_text {
    char *text;
    size_t bytes, length; /* length: of the whole, also where it does not fit */
} dnni_text;
void dnni_text_add(dnni_text *text, const char *format, ...) DNNI_PRINTF(2, 3);
void dnni_text_number(dnni_text *text, double value);                       /* four digits */
void dnni_text_range(dnni_text *text, double low, double high);             /* " 0 to 1" */
void dnni_text_border(dnni_text *text, dnn_border border, double fill);     /* ", reflect"; "" for zeros */
void dnni_text_filter(dnni_text *text, dnn_filter filter, bool no_antialias); /* ", area"; "" for the default */

typedef struct dnni_transform_class {
    const char *type; /* "random_crop" */

    /* From what comes in to what goes out; or why not. */
    dnn_status (*shape)(const void *state, dnni_spec *spec);

    /* What is drawn for a sample; NULL: nothing is. */
    void (*draw)(const void *state, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws, dnni_drawn *drawn);

    /* One of the two. `move` says that the operation moves pixels, as drawn->move has it (set by `draw`): then the view
     * moves the image, and its mask or boxes with it. */
    void (*apply)(const void *state, const dnni_drawn *drawn, dnni_sample *sample);
    bool moves;
    bool in_place;

    /* Its settings, behind the type; NULL: it has none. */
    void (*settings)(const void *state, dnni_text *text);

    /* What was drawn: "rotate -7.3"; nothing where it makes no difference. NULL: there is nothing to say. */
    void (*say)(const void *state, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text);

    /* Containers: whether child number `child` of n runs, given the container's draws. NULL: all run. */
    bool (*runs)(const void *state, dnni_draws *draws, int64_t child, int64_t n);
    bool is_container;
    bool alternatives; /* children start from the same sample, and must all end with the same shape */
} dnni_transform_class;

struct dnn_transform {
    dnni_object base;
    const dnni_transform_class *class;
    void *state;
    int64_t state_bytes;

    /* Of containers. */
    dnn_transform **children; /* held */
    int64_t n_children, capacity;
    int32_t height; /* 0: no children */
    dnni_saved_error error; /* the first that was kept; status OK: none */

    /* Of everything in a container. */
    int32_t containers; /* how many hold it */
};

/* Containers nest up to this deep. */
enum { DNNI_TRANSFORM_DEPTH = 16 };

/* A transform with a copy of `state` (NULL: zeros), of at least one byte. NULL on failure. Checks ctx. */
dnn_transform *dnni_transform_new(dnn_context *ctx, const dnni_transform_class *class, const void *state,
                                  int64_t bytes);

/* A container over children that are handed over, whatever becomes of it. A NULL child is a failure; so is a NULL
 * class, whose reason is the last error. */
dnn_transform *dnni_transform_over(dnn_context *ctx, const dnni_transform_class *class, const void *state,
                                   int64_t bytes, dnn_transform *const *children, int64_t n);

/* A chain of parts that are handed over, whatever becomes of it. */
dnn_transform *dnni_transform_chain(dnn_context *ctx, dnn_transform *const *parts, int64_t n);

static inline dnn_status dnni_check_transform(const dnn_transform *transform, const char *name) {
    return dnni_check(transform, DNNI_TRANSFORM, name);
}

/* ---- what shape rules ask ---------------------------------------------------------------------------------------- */

/* The input is an image (H, W, C), of at least one pixel, uint8 or float32. */
dnn_status dnni_want_image(const dnni_spec *spec);

/* The input is float32. */
dnn_status dnni_want_float(const dnni_spec *spec);

/* The range of the input's values is known; `what` for: "brightness is". */
dnn_status dnni_want_range(const dnni_spec *spec, const char *what);

/* `fill` is a value of the input's type. */
dnn_status dnni_want_fill(const dnni_spec *spec, double fill);

/* The image, and a mask that goes with it, get another height and width. */
void dnni_resize_spec(dnni_spec *spec, int64_t height, int64_t width);

/* height, width: a width of 0 is the same as the height. */
static inline int64_t dnni_width_of(const int64_t size[2]) { return size[1] ? size[1] : size[0]; }

/* Where a probability, or a fraction, is a field: left zero it is the default, DNN_ZERO is zero. */
dnn_status dnni_check_fraction(double value, const char *name);
dnn_status dnni_check_border(dnn_border border);
dnn_status dnni_check_filter(dnn_filter filter, bool area);
dnn_status dnni_check_size(int64_t height, int64_t width, const char *name);

#endif
