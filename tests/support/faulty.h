/* Data sets that faults can be planted in: a training and a test set in plain memory, real or generated, and a list of
 * ways to spoil them. */
#ifndef TEST_FAULTY_H
#define TEST_FAULTY_H

#include <dnn/dnn.h>
#include <stdbool.h>

enum { TRAIN = 0, TEST = 1, FAULTY_PLANTED = 4096 };

typedef struct faulty {
    int64_t n[2], height, width, channels; /* of pictures; of tables height = 1, width = 1 */
    int64_t items;                         /* values of a sample: height · width · channels */
    float *x[2];
    double *t[2];
    dnn_dtype input, target; /* as which they are handed out */
    double low, high;        /* declared; both 0: not */
    int64_t classes;         /* declared; 0: not */
    bool channels_first;     /* the shape that is handed out */
    bool probabilities;      /* hand out those of a nearest-neighbour model, each sample left out of its own */
    dnn_audit_desc options;

    int64_t planted[FAULTY_PLANTED]; /* the samples that were spoilt, if a fault has places */
    int64_t n_planted;
} faulty;

/* What can be spoilt. The real ones are NULL without DNN_DATA_DIR. */
typedef enum faulty_base { CIFAR, MNIST, IRIS, DIGITS, TABLE, NUMBERS, BASES } faulty_base;
extern const char *const faulty_names[BASES];

/* Reads, or makes, a base; it stays as it is. NULL: it is not there. `small`: fewer samples, for sanitizers. */
faulty *faulty_new(dnn_context *ctx, faulty_base base, bool small);
faulty *faulty_copy(const faulty *source);
void faulty_free(faulty *data);

/* The audit of the sets as they are now. */
dnn_status faulty_audit(dnn_report **out, dnn_context *ctx, const faulty *data);

/* A fault, and the findings that name it. */
typedef struct fault {
    const char *name;
    void (*plant)(faulty *data);
    const char *finding, *or_finding; /* either will do; or_finding may be NULL */
    int set;                          /* of the planted samples */
    double share;                     /* of those that the finding must list; 0: it has no places */
    unsigned bases;                   /* a sum of 1 << faulty_base */
} fault;
extern const fault faults[];
extern const int n_faults;

#endif
