/* A transform as a list of steps, checked for the shapes that it will meet. */
#ifndef DNNI_PROGRAM_H
#define DNNI_PROGRAM_H

#include "transform/transform.h"

typedef struct dnni_step {
    const dnn_transform *op; /* lent by the transform */
    int64_t position;        /* of the op in the whole, in order of depth first: keys its random numbers */
    dnni_spec in, out;
    bool is_guard; /* unless the container `op` runs this child, the next `skip` steps are left out */
    int64_t child, children, skip;
} dnni_step;

typedef struct dnni_program {
    dnni_step *steps;
    int64_t count, capacity;
    int64_t positions;
    int64_t input_bytes, target_bytes, work_bytes; /* the most that a step has coming in or going out, or needs */
} dnni_program;

/* What a view does with targets. */
typedef struct dnni_targets {
    dnn_target kind;
    double mask_fill, min_visible;
} dnni_targets;

/* Makes a program for samples of *spec, which becomes what goes out. Free it also after a failure. */
dnn_status dnni_program_make(dnn_context *ctx, dnni_program *program, const dnn_transform *transform, dnni_spec *spec);
void dnni_program_free(dnn_context *ctx, dnni_program *program);

/* What a reader needs: two places for the input, and one for the work, each on a boundary of 64 bytes; for masks two
 * more. */
int64_t dnni_program_scratch(const dnni_program *program);

/* Runs on the sample that lies in the first places of `scratch`; the result is written to input and target. */
void dnni_program_run(const dnni_program *program, const dnni_targets *targets, uint64_t key, void *scratch,
                      const dnn_array *input, const dnn_array *target);

/* Where to put the sample that comes in. */
void dnni_program_places(const dnni_program *program, void *scratch, void **input, void **target);

/* Writes what is drawn for a sample. */
void dnni_program_say(const dnni_program *program, uint64_t key, dnni_text *text);

#endif
