/* Which shapes a module takes, and what becomes of the axes: seen in plans alone, nothing runs. */
#include <stdio.h>

#include "check/probe.h"

/* Height and width: neighbouring primes, so that neither is a multiple of the other. Deep networks need the larger. */
static const int64_t sizes[][2] = {{13, 17}, {29, 31}, {61, 67}, {127, 131}, {257, 263}};
static const int64_t lengths[] = {11, 23, 53, 127, 257};
enum { SIZES = sizeof sizes / sizeof *sizes, LENGTHS = sizeof lengths / sizeof *lengths, MOST_INPUTS = 16 };

static bool is_picture(const dnn_array *a) { return a->rank == 4; }
static bool is_sequence(const dnn_array *a) { return a->rank == 3; }

dnn_status dnni_probe_try(check_probe *p, const dnn_array *shapes, bool *runs) {
    dnn_description *description;
    dnn_status status = dnn_module_describe(&description, p->module, shapes, p->n_inputs);
    *runs = status == DNN_OK;
    if (!*runs) dnni_error_save(&p->why);
    else dnn_description_release(description);
    return status == DNN_ERROR_MEMORY ? status : DNN_OK;
}

static dnni_shape_text shape_of(const dnn_array *a) { return dnni_array_shape(a); }

/* ---- batches ---- */

/* Inputs whose first axis is as long as that of the first input are batches with it. */
static void set_batch(check_probe *p, dnn_array *shapes, int64_t batch) {
    int64_t given = p->given[0].dims[0];
    for (int32_t i = 0; i < p->n_inputs; i++)
        if (p->given[i].rank > 0 && p->given[i].dims[0] == given) shapes[i].dims[0] = batch;
}

static dnn_status probe_batch(check_probe *p) {
    bool runs;
    int64_t given = p->given[0].dims[0];
    set_batch(p, p->shapes, p->batch);
    DNNI_TRY(dnni_probe_try(p, p->shapes, &runs));
    if (runs) return DNN_OK;
    set_batch(p, p->shapes, given);
    DNNI_TRY(dnni_report_add(p->report, DNN_SEVERITY_ERROR, "fixed-batch",
                             "The module takes batches of %lld, and none of %lld.", (long long)given,
                             (long long)p->batch));
    DNNI_TRY(dnni_report_how(p->report, "%s", p->why.line));
    return dnni_report_action(p->report, "look for a reshape that writes the batch as a number, or takes it for "
                                         "another axis: the last batch of an epoch is smaller, and predicting goes one "
                                         "by one");
}

/* ---- sizes ---- */

static void set_size(const check_probe *p, dnn_array *shapes, int64_t height, int64_t width) {
    for (int32_t i = 0; i < p->n_inputs; i++) {
        if (!is_picture(&shapes[i])) continue;
        shapes[i].dims[1] = height;
        shapes[i].dims[2] = width;
    }
}

static void set_length(const check_probe *p, dnn_array *shapes, int64_t length) {
    for (int32_t i = 0; i < p->n_inputs; i++)
        if (is_sequence(&shapes[i])) shapes[i].dims[1] = length;
}

static dnn_array *copy_shapes(check_probe *p) {
    dnn_array *copy = dnni_pool_alloc(&p->pool, p->n_inputs, sizeof *copy);
    for (int32_t i = 0; copy && i < p->n_inputs; i++) copy[i] = p->shapes[i];
    return copy;
}

static const dnn_array *first_that(const check_probe *p, bool (*is)(const dnn_array *)) {
    for (int32_t i = 0; i < p->n_inputs; i++)
        if (is(&p->shapes[i])) return &p->shapes[i];
    return NULL;
}

static void take_shapes(check_probe *p, const dnn_array *shapes) {
    for (int32_t i = 0; i < p->n_inputs; i++) p->shapes[i] = shapes[i];
}

static dnn_status say_fixed(check_probe *p, const char *name, const char *what, const dnn_array *shape) {
    DNNI_TRY(dnni_report_add(p->report, DNN_SEVERITY_NOTE, name, "The module takes one %s alone: %s.", what,
                             shape_of(shape).text));
    DNNI_TRY(dnni_report_how(p->report, "%s", p->why.line));
    return dnni_report_action(p->report, "nothing, if that is meant; axes that changed places cannot be seen then");
}

static dnn_status probe_length(check_probe *p) {
    const dnn_array *sequence = first_that(p, is_sequence);
    dnn_array *tried = copy_shapes(p);
    bool runs = false;
    if (!tried) return DNN_ERROR_MEMORY;
    for (int i = 0; sequence && i < LENGTHS && !runs; i++) {
        set_length(p, tried, lengths[i]);
        DNNI_TRY(dnni_probe_try(p, tried, &runs));
    }
    if (sequence && !runs) return say_fixed(p, "fixed-length", "length", sequence);
    take_shapes(p, runs ? tried : p->shapes);
    return DNN_OK;
}

/* *found: sizes that are free. */
static dnn_status probe_size(check_probe *p, bool *found) {
    const dnn_array *picture = first_that(p, is_picture);
    dnn_array *tried = copy_shapes(p);
    *found = false;
    if (!tried) return DNN_ERROR_MEMORY;
    for (int i = 0; picture && i < SIZES && !*found; i++) {
        set_size(p, tried, sizes[i][0], sizes[i][1]);
        DNNI_TRY(dnni_probe_try(p, tried, found));
    }
    if (picture && !*found) return say_fixed(p, "fixed-size", "size of pictures", picture);
    take_shapes(p, *found ? tried : p->shapes);
    return DNN_OK;
}

/* ---- axes that change places ---- */

static dnn_status describe_with(dnn_description **out, check_probe *p, int64_t height, int64_t width) {
    dnn_array *shapes = copy_shapes(p);
    if (!shapes) return DNN_ERROR_MEMORY;
    set_size(p, shapes, height, width);
    return dnn_module_describe(out, p->module, shapes, p->n_inputs);
}

/* Of a step whose output is a picture: whether a higher input makes it wider, and not higher. */
static bool is_swapped(const dnn_step_info *plain, const dnn_step_info *higher) {
    const dnn_array *a = &plain->output, *b = &higher->output;
    return a->rank == 4 && b->rank == 4 && a->dims[1] == b->dims[1] && a->dims[2] != b->dims[2];
}

static bool is_upright(const dnn_step_info *plain, const dnn_step_info *higher) {
    const dnn_array *a = &plain->output, *b = &higher->output;
    return a->rank == 4 && b->rank == 4 && a->dims[1] != b->dims[1];
}

/* The step from which on pictures lie on their side, to the end; -1: none. */
static int64_t find_swap(const dnn_description *plain, const dnn_description *higher) {
    dnn_step_info a = {DNN_SIZED(dnn_step_info), .path = NULL}, b = a;
    int64_t swapped = -1;
    for (int64_t i = 0; dnn_description_step(plain, i, &a) == DNN_OK; i++) {
        if (dnn_description_step(higher, i, &b) != DNN_OK) break;
        if (is_upright(&a, &b)) swapped = -1;
        else if (swapped < 0 && is_swapped(&a, &b)) swapped = i;
    }
    return swapped;
}

static dnn_status say_swapped(check_probe *p, const dnn_description *plain, int64_t step) {
    dnn_step_info info = {DNN_SIZED(dnn_step_info), .path = NULL};
    DNNI_TRY(dnn_description_step(plain, step, &info));
    const dnn_array *picture = first_that(p, is_picture);
    DNNI_TRY(dnni_report_add(p->report, DNN_SEVERITY_WARNING, "height-width-swapped",
                             "%s makes the height of its input the width of its output.",
                             *info.path ? info.path : info.type));
    DNNI_TRY(dnni_report_how(p->report, "of an input of %s it makes %s, and of a higher one a wider one",
                             shape_of(picture).text, shape_of(&info.output).text));
    return dnni_report_action(p->report, "look at its permutation or reshape: pictures are (N, H, W, C)");
}

static dnn_status probe_swap(check_probe *p) {
    const dnn_array *picture = first_that(p, is_picture);
    dnn_description *plain, *higher;
    int64_t height = picture->dims[1], width = picture->dims[2];
    int64_t much_higher = 3 * height + 2; /* which still shows behind pooling */
    DNNI_TRY(describe_with(&plain, p, height, width));
    dnn_status status = describe_with(&higher, p, much_higher, width);
    if (status == DNN_OK) {
        int64_t step = find_swap(plain, higher);
        if (step >= 0) status = say_swapped(p, plain, step);
        dnn_description_release(higher);
    } else if (status != DNN_ERROR_MEMORY) {
        status = DNN_OK; /* it does not take that height: there is nothing to compare with */
    }
    dnn_description_release(plain);
    return status;
}

/* ---- all of them ---- */

static dnn_status say_does_not_run(check_probe *p) {
    DNNI_TRY(dnni_report_add(p->report, DNN_SEVERITY_ERROR, "does-not-run", "The module does not run on %s%s.",
                             p->n_inputs > 0 ? shape_of(&p->given[0]).text : "no input",
                             p->n_inputs > 1 ? " and the other inputs" : ""));
    DNNI_TRY(dnni_report_how(p->report, "%s", p->why.line));
    return dnni_report_action(p->report, "mend the layer that is named");
}

static dnn_status write_shapes(check_probe *p) {
    char text[MOST_INPUTS * 224];
    int used = 0;
    for (int32_t i = 0; i < p->n_inputs && i < MOST_INPUTS; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "input %d: %s %s, meant for %s\n", i,
                         dnn_dtype_name(p->shapes[i].dtype), shape_of(&p->shapes[i]).text,
                         shape_of(&p->given[i]).text);
    return dnn_report_add_section(p->report, "shapes that the module was run on", text, NULL);
}

dnn_status dnni_probe_shapes(check_probe *p, bool *runs) {
    bool free_size;
    DNNI_TRY(dnni_probe_try(p, p->given, runs));
    if (!*runs) return say_does_not_run(p);
    if (p->n_inputs == 0 || p->given[0].rank == 0) return DNN_OK;
    DNNI_TRY(probe_batch(p));
    DNNI_TRY(probe_length(p));
    DNNI_TRY(probe_size(p, &free_size));
    if (free_size) DNNI_TRY(probe_swap(p));
    return write_shapes(p);
}
