/* The audit as its parts see it.
 *
 *     audit.c       reads the options, runs everything in order
 *     survey.c      reads each sample of each set once, and keeps
 *       figures.c     what it is in figures (dnni_sample)
 *       dimensions.c  what each place of the input holds over all samples (dnni_dimension)
 *       points.c      the samples as points, for their neighbours
 *     all others    tests, each of which looks at what was kept and adds its findings
 *
 * All memory lives in one pool until the report is done. Thresholds marked (c) are our own choice; docs/data.md has
 * their reasons.
 */
#ifndef DNNI_AUDIT_H
#define DNNI_AUDIT_H

#include <dnn/audit.h>
#include <math.h>
#include <stdio.h>

#include "audit/neighbours.h"
#include "core/tensor.h"
#include "data/dataset.h"
#include "report/report.h"

/* Pictures are compared at THUMB × THUMB pixels for near duplicates. */
enum { DNNI_THUMB = 8 };

/* One sample in figures. Values that are not finite are left out of them. */
typedef struct dnni_sample {
    uint64_t hash; /* of the input's bytes */
    double low, high, mean, deviation;
    double target; /* its first element */
    int64_t label; /* the class; -1: none, or no valid one */
    int64_t bad;   /* values that are not finite */
    bool target_bad;
    bool whole; /* all values are whole numbers */

    /* Of pictures, from the mean of their colours, a histogram of which is in BINS steps of the audit's scale. */
    double entropy;     /* bits */
    double dark, light; /* 99 % of the pixels are at most `dark`, 95 % at least `light`; 0 … 1 of the scale */
    double edges;       /* variance of the Laplacian over that of the picture; 0 where it is blank */
    double colour;      /* the mean spread between red, green and blue, as a share of the scale */
} dnni_sample;

/* One place of the input over all samples of a set. */
typedef struct dnni_dimension {
    int64_t count, bad; /* finite values, and others */
    double mean, squares; /* Σ (x - mean)² */
    double low, high;
    double low_next, high_next;     /* the nearest values above low and below high that differ from them */
    int64_t low_count, high_count;  /* how often low and high occur */
    int64_t whole;                  /* how many are whole numbers */
    uint64_t hash;                  /* of all values, in order */
} dnni_dimension;

/* A set: what is read, and what is kept of it. */
typedef struct dnni_set {
    const char *name;
    dnn_dataset *dataset;
    int64_t n;
    dnni_sample *samples;       /* [n] */
    dnni_dimension *dimensions; /* [dims] */

    int64_t kept;  /* points: all samples, or as many drawn at random as the options allow */
    int64_t *ids;  /* [kept] ascending: which sample a point is */
    float *points; /* [kept, point_dims] */
    float *thumbs; /* [kept, THUMB, THUMB, C] of pictures; else NULL */
    dnni_neighbours near; /* of points among points; k = 0 if they were not searched */
    double nearest;       /* the median distance to the nearest; 0: unknown */
} dnni_set;

typedef enum dnni_target_kind {
    DNNI_TARGET_NONE,
    DNNI_TARGET_CLASS,  /* whole numbers: one label */
    DNNI_TARGET_NUMBER, /* one number */
    DNNI_TARGET_OTHER   /* several */
} dnni_target_kind;

typedef struct dnni_audit {
    dnn_context *ctx;
    dnn_audit_desc options;
    dnn_report *report;
    dnni_pool pool;
    dnni_set set[2]; /* train, test */
    int32_t sets;
    int64_t dims; /* of an input */
    int64_t point_dims;
    bool pointed;  /* samples become points: the inputs are numbers, or have features */
    bool searched; /* and their neighbours are looked for */
    bool cosine;   /* points are features of unit length: distances are 1 - cos */
    int64_t height, width, channels; /* of pictures; height 0: the inputs are none */
    double low, high;                /* the scale of pictures */
    dnni_target_kind kind;
    int64_t classes; /* 0: unknown, or no classes */
    int64_t *counts[2]; /* [classes] samples of each class in each set */
} dnni_audit;

static inline bool dnni_is_picture(const dnni_audit *a) { return a->height > 0; }
static inline double dnni_span(const dnni_sample *s) { return s->high - s->low; }
static inline double dnni_variance(const dnni_dimension *d) { return d->count ? d->squares / (double)d->count : 0; }

/* The row of a point, or the label of one. */
static inline const float *dnni_point(const dnni_audit *a, const dnni_set *s, int64_t point) {
    return s->points + point * a->point_dims;
}
static inline int64_t dnni_label(const dnni_set *s, int64_t point) { return s->samples[s->ids[point]].label; }

/* ---- the survey ---- */

dnn_status dnni_audit_survey(dnni_audit *a, dnni_set *set);
void dnni_audit_figures(const dnni_audit *a, const double *values, dnni_sample *sample);
void dnni_audit_fold(dnni_dimension *d, const double *column, int64_t rows, int64_t stride);

/* Averages over areas: a picture (H, W, C) at height × width. Where they do not divide, areas overlap by shares. */
void dnni_audit_shrink(const dnni_audit *a, const double *values, int64_t height, int64_t width, float *to);
int64_t dnni_audit_point_dims(const dnni_audit *a);
void dnni_audit_point(const dnni_audit *a, const double *values, float *point);
void dnni_audit_scale_points(dnni_audit *a);

/* The kind of targets, each sample's label, and the count of each class. */
dnn_status dnni_audit_classes(dnni_audit *a);

/* Neighbours as the audit's metric has them: Euclidean, or 1 - cos of features. */
dnn_status dnni_audit_search(const dnni_audit *a, dnni_neighbours *out, dnni_points queries, dnni_points base,
                             int64_t k, bool other_numbers);

/* The points of a set. */
static inline dnni_points dnni_points_of(const dnni_audit *a, const dnni_set *s) {
    return (dnni_points){s->points, s->kept, a->point_dims};
}

/* The median distance to the nearest. */
dnn_status dnni_audit_usual_distance(dnni_audit *a, const dnni_neighbours *neighbours, double *usual);

/* Sorts x[0..n), ascending. */
void dnni_sort_reals(double *x, int64_t n);

/* ---- finding and telling ---- */

/* Samples that a test suspects, in the pool. */
typedef struct dnni_list {
    int64_t *index;
    int64_t n, room;
} dnni_list;
dnn_status dnni_list_new(dnni_audit *a, dnni_list *list, int64_t room);
static inline void dnni_list_add(dnni_list *list, int64_t index) { list->index[list->n++] = index; }

/* A finding about a set (NULL: about all), and about samples of it (NULL: none): dnni_report_how and _action follow. */
dnn_status dnni_audit_add(dnni_audit *a, dnn_severity severity, const char *name, const dnni_set *set,
                          const dnni_list *list, const char *what, ...) DNNI_PRINTF(6, 7);

/* A test that flags more than 10 % of the samples hides itself (c): true, and a note that says so, in place of a
 * finding. */
bool dnni_audit_hides(dnni_audit *a, const char *name, const dnni_set *set, const dnni_list *list, dnn_status *status);

/* Samples as text: "all of class 3", "400 … 899", or the first few names. */
typedef struct dnni_places {
    char text[640];
} dnni_places;
dnni_places dnni_audit_places(const dnni_audit *a, const dnni_set *set, const dnni_list *list);

/* A class by number and name: "3 (cat)". */
dnni_places dnni_audit_class(const dnni_audit *a, int64_t label);

/* Pairs of samples, and what they say together: "test[812] = train[40113], labels differ". */
typedef struct dnni_pair {
    int64_t index, other; /* samples of the finding's set, and of the other */
    double distance;
} dnni_pair;
typedef struct dnni_pairs {
    dnni_pair *pair;
    int64_t n, room;
    const dnni_set *set, *other;
} dnni_pairs;
dnn_status dnni_pairs_new(dnni_audit *a, dnni_pairs *pairs, const dnni_set *set, const dnni_set *other, int64_t room);
dnni_places dnni_audit_pairs(const dnni_audit *a, const dnni_pairs *pairs);
bool dnni_labels_differ(const dnni_set *set, int64_t index, const dnni_set *other, int64_t other_index);

typedef struct dnni_pair_words {
    const char *name;
    dnn_severity severity;
    const char *what, *how, *action; /* "%lld samples <what>: a = b; …" */
} dnni_pair_words;

/* A finding of those pairs whose targets agree, or of those that differ; nothing, if there are none. Sorts them. */
dnn_status dnni_audit_tell_pairs(dnni_audit *a, const dnni_pair_words *words, dnni_pairs *pairs, bool differ);

/* A sheet of suspects, each beside its 5 nearest, or of pairs, as the picture of the finding that was added last.
 * Nothing is drawn where the inputs are no pictures. */
dnn_status dnni_audit_sheet(dnni_audit *a, const dnni_set *set, const dnni_list *list, const char *title);
dnn_status dnni_audit_pair_sheet(dnni_audit *a, const dnni_pairs *pairs, const char *title);

/* ---- the tests ---- */

dnn_status dnni_audit_values(dnni_audit *a, dnni_set *set);      /* NaN, whole numbers, lost fractions */
dnn_status dnni_audit_range(dnni_audit *a, dnni_set *set);       /* declared against found */
dnn_status dnni_audit_scale(dnni_audit *a, dnni_set *set);       /* samples, blocks, classes on another scale */
dnn_status dnni_audit_scale_across(dnni_audit *a);
dnn_status dnni_audit_layout(dnni_audit *a);
dnn_status dnni_audit_dimensions(dnni_audit *a, dnni_set *set);  /* constant, duplicated, sentinels */
dnn_status dnni_audit_labels(dnni_audit *a, dnni_set *set);      /* casts, missing classes, imbalance */
dnn_status dnni_audit_proportions(dnni_audit *a);
dnn_status dnni_audit_order(dnni_audit *a, dnni_set *set);       /* sorted by class */
dnn_status dnni_audit_pictures(dnni_audit *a, dnni_set *set);    /* dark, light, blank, blurred, grey */
dnn_status dnni_audit_orientation(dnni_audit *a);                /* groups turned, mirrored, of swapped channels */
dnn_status dnni_audit_variants(dnni_audit *a, dnni_set *set);    /* single samples that are */
dnn_status dnni_audit_duplicates(dnni_audit *a);
dnn_status dnni_audit_near(dnni_audit *a);
dnn_status dnni_audit_outliers(dnni_audit *a, dnni_set *set);
dnn_status dnni_audit_step(dnni_audit *a, dnni_set *set);        /* inputs and targets out of step */
dnn_status dnni_audit_step_across(dnni_audit *a);
dnn_status dnni_audit_label_errors(dnni_audit *a, dnni_set *set);
dnn_status dnni_audit_leak(dnni_audit *a, dnni_set *set);        /* the target among the inputs */
dnn_status dnni_audit_shift(dnni_audit *a);

#endif
