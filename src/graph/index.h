/* The modules and parameters below a module, with their paths, in the order of the tree; each once. */
#ifndef DNNI_INDEX_H
#define DNNI_INDEX_H

#include "graph/module.h"

typedef struct dnni_index_module {
    char *path;
    dnn_module *module;
} dnni_index_module;

typedef struct dnni_index_parameter {
    char *path;
    dnn_module *owner;
    dnni_parameter *parameter;
    bool is_buffer;
} dnni_index_parameter;

struct dnni_index {
    dnni_pool pool;
    dnni_index_module *modules;
    int64_t n_modules;
    dnni_index_parameter *parameters;
    int64_t n_parameters;
    int64_t tree_size; /* of the tree it was made for */
};

/* The module's index, made if needed; it stays the module's. */
dnn_status dnni_index_get(const dnni_index **out, dnn_module *module);

void dnni_index_free(dnni_index *index);

/* A number for a walk of one's own: modules whose `visit` is that number have been seen. */
uint64_t dnni_next_visit(void);

/* Whether `path` matches a pattern of '*' (any run), '?' (any character) and plain characters. */
bool dnni_path_matches(const char *pattern, const char *path);

/* That nothing does: NOT_FOUND, with a path as an example of those that there are; NULL: there are none. */
dnn_status dnni_no_path_matches(const char *pattern, const char *example);

#endif
