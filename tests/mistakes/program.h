/* Small complete training programs as users write them, each with one mistake in it; and the same program without it,
 * its twin. The practice of the library must name the mistake in the one, and must not in the other.
 *
 * A program builds its data and its network, asks what a careful user asks (look, audit, probe, …), and trains with a
 * loop of its own. Each report that it gets is handed to said(), with the name of the call that made it.
 */
#ifndef MISTAKES_PROGRAM_H
#define MISTAKES_PROGRAM_H

#include <dnn/dnn.h>
#include <stdbool.h>

#include "support/running.h"

enum { MOST_REPORTS = 16 };

typedef struct program {
    bool mistaken;  /* the mistake is in it; its twin has it not */
    bool real;      /* pictures() are to be real ones */
    bool pictures;  /* they were asked for */
    int64_t sample; /* that the finding must list; -1: none */
    dnn_context *ctx;
    dnn_dataset *train, *test;
    dnn_loader *loader;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_schedule *schedule; /* if there is one, its rates are taken */
    dnn_monitor *monitor;   /* if there is one, it is fed */
    double value;           /* the loss of the last step */
    double validation[2];   /* of the test set: before training, and after */
    dnn_report *reports[MOST_REPORTS];
    const char *by[MOST_REPORTS]; /* which call made it */
    int n_reports;
    char folder[64]; /* of its own, once program_path has been called; "": none */
} program;

typedef struct mistake {
    const char *name;    /* as docs/practice.md calls it */
    const char *finding; /* of this name; a status's name where a call refuses; NULL: nobody finds it */
    const char *by;      /* made by this call; where nobody finds it: why */
    const char *names;   /* what the sentence, the evidence or the place must name; NULL: nothing in particular */
    void (*run)(program *p);
} mistake;

/* All of a table's programs, with and without, one CMocka test each. A word on the command line: only those whose
 * name has it, with their reports. */
int mistakes_main(int argc, char **argv, const mistake *table, int n);
#define MISTAKES_MAIN(table)                                                             \
    int main(int argc, char **argv) {                                                    \
        return mistakes_main(argc, argv, table, (int)(sizeof(table) / sizeof(table)[0])); \
    }

/* The set-up and the end of one program. */
void program_begin(program *p, bool mistaken, bool real);
void program_end(program *p);

/* A call that must succeed. */
#define OK(call) must(call, #call)
void must(dnn_status status, const char *call);

/* Keeps a report: what `by` says of this program. */
void said(program *p, const char *by, dnn_report *report);

/* A call that may refuse what the program does: the status and its line are then a finding. True if it went well. */
bool went(program *p, const char *by, dnn_status status);

/* The finding of that name in what `by` said; its size is set. */
bool finds(const program *p, const char *by, const char *name, dnn_finding *f);

/* The worst that was said so far, and by whom. */
dnn_severity program_worst(const program *p);
int program_count(const program *p, dnn_severity least);
void program_print(const program *p);

/* The path of a file in a folder that goes with the program; `path` has room for 128 bytes. Returns it. */
const char *program_path(program *p, char *path, const char *file);

#endif
