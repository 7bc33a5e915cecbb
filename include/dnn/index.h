/* libdnn: index files: sets of samples, chosen once.
 *
 *     dnn_dataset_split(&train, &test, all, &desc);
 *     dnn_dataset_first(&small, train, 100);
 *     dnn_index_save("sets.safetensors", all, names, (dnn_dataset *[]){small, test}, 2, NULL);
 *     …                                                                     another day, another program
 *     dnn_index_load(&small, "sets.safetensors", all, "small", NULL);
 *
 * The file holds the samples' numbers, and the hash of the dataset that they were chosen from: data that has changed,
 * or is in another order, is refused. It is a safetensors file, with an int64 tensor for each set and a sum over all of
 * it; writing never leaves a half-written one (weights.h).
 */
#ifndef DNN_INDEX_H
#define DNN_INDEX_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_index_desc {
    size_t size;
    int32_t no_hash; /* 1: loading compares the number of samples alone, and does not read them all; saving always
                        does */
    dnn_progress progress;
} dnn_index_desc;

/* Writes n sets under their names. Each is a view of `source`, or a view of such a view, that does nothing but choose
 * samples: subset, first, split, filter, an index. `desc` may be NULL.
 * Errors: ARGUMENT for other datasets; what dnn_dataset_hash reports; as weights.h has them for the file. */
DNN_API dnn_status dnn_index_save(const char *path, dnn_dataset *source, const char *const *names,
                                  dnn_dataset *const *sets, int64_t n, const dnn_index_desc *desc);

/* A view of the samples in the set of that name. `desc` may be NULL.
 * Errors: NOT_FOUND: there is no such set; VALUE: the data is not that which the file was made for; FORMAT, IO,
 * UNSUPPORTED for the file; what dnn_dataset_hash reports. */
DNN_API dnn_status dnn_index_load(dnn_dataset **out, const char *path, dnn_dataset *source, const char *name,
                                  const dnn_index_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
