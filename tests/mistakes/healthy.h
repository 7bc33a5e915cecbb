/* Programs without a mistake: data that are as they should be, networks of many kinds, rates that suit them. They go
 * through everything that the library has to ask, and are not accused. */
#ifndef MISTAKES_HEALTHY_H
#define MISTAKES_HEALTHY_H

#include "mistakes/parts.h"

typedef struct healthy {
    const char *name; /* as docs/practice.md calls it */
    const char *with; /* optimizer, and schedule if there is one */
    void (*run)(program *p);
} healthy;

/* All of a table's programs, one CMocka test each. A word on the command line: only those whose name has it, with what is
 * said of them. */
int healthy_main(int argc, char **argv, const healthy *table, int n);
#define HEALTHY_MAIN(table)                                                             \
    int main(int argc, char **argv) {                                                   \
        return healthy_main(argc, argv, table, (int)(sizeof(table) / sizeof(table)[0])); \
    }

/* Everything: look, audit, probe, preflight, distance to divergence, the whole run watched, validated after each epoch in
 * evaluation mode. `classes` of 0: targets are numbers. */
void practise(program *p, int64_t classes, int64_t batch, int epochs);

#endif
