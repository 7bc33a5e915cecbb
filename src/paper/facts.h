/* What run.json holds: facts, each in a group. Some groups are lists, whose facts have no names.
 *
 *     {"format": 1, "name": "lr-0.1", …, "arguments": ["./mnist"], "settings": {"lr": 0.1}, "data": {…}, "model": {…},
 *      "description": ["a line of the model", …], "machine": {…}, "earlier": ["how earlier starts ended"]} */
#ifndef DNNI_FACTS_H
#define DNNI_FACTS_H

#include "core/context.h"
#include "core/text.h"

enum { DNNI_FACTS_FORMAT = 1, DNNI_FACT_NAME = 200 };
enum { DNNI_MOST_FACTS = 1 << 13, DNNI_MOST_SETTINGS = 4000, DNNI_MOST_LINES = 1500 };
enum { DNNI_MOST_TEXT = 1 << 23 }; /* bytes of all facts */

typedef enum dnni_fact_kind { DNNI_FACT_TEXT, DNNI_FACT_NUMBER, DNNI_FACT_BOOL, DNNI_FACT_NULL } dnni_fact_kind;

typedef struct dnni_fact {
    const char *group; /* "" at the top */
    const char *name;  /* "" in a list */
    const char *text;  /* numbers, true, false and null as JSON has them */
    dnni_fact_kind kind;
} dnni_fact;

typedef struct dnni_facts {
    dnni_pool pool; /* of their text */
    dnni_fact *list;
    int64_t n, capacity;
    int64_t bytes; /* of names and text in the list */
} dnni_facts;

void dnni_facts_free(dnni_facts *facts);

/* NULL: there is none. */
const dnni_fact *dnni_facts_find(const dnni_facts *facts, const char *group, const char *name);
const char *dnni_facts_text(const dnni_facts *facts, const char *group, const char *name); /* "" for none */

/* Sets one, or adds one to a list (name ""). `text` is cleaned. Sets *before, if it is not NULL, to the text that was
 * there, or NULL. */
dnn_status dnni_facts_set(dnni_facts *facts, const dnni_fact *fact, const char **before);
dnn_status dnni_facts_set_text(dnni_facts *facts, const char *group, const char *name, const char *text);
dnn_status dnni_facts_set_whole(dnni_facts *facts, const char *group, const char *name, int64_t value);

/* Drops those of a group that are in front of entry `end`; drops all from entry n on. */
void dnni_facts_drop(dnni_facts *facts, const char *group, int64_t end);
void dnni_facts_cut(dnni_facts *facts, int64_t n);
int64_t dnni_facts_count(const dnni_facts *facts, const char *group);

/* Numbers with as few digits as give them back; those that JSON has not, as text. */
dnni_real_text dnni_shortest(double value);

/* run.json as it is written: indented, for people. A string in the pool; NULL if there is no memory. */
char *dnni_facts_json(const dnni_facts *facts, dnni_pool *pool);

/* Takes JSON text that nobody vouches for. The facts are empty before. Errors: FORMAT, UNSUPPORTED. */
dnn_status dnni_facts_parse(dnni_facts *facts, const char *text, int64_t bytes);

/* A run's run.json. dnni_facts_free in any case. Errors, with the path in front: NOT_FOUND if there is none. */
dnn_status dnni_facts_read_file(dnni_facts *facts, dnn_context *ctx, const char *path);
dnn_status dnni_facts_read(dnni_facts *facts, dnn_context *ctx, const char *folder);

#endif
