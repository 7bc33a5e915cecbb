/* npy files: the header, and what else npz needs of it. */
#ifndef DNNI_NPY_H
#define DNNI_NPY_H

#include "io/array.h"

/* Reads the header of an npy file of `bytes` bytes, from its beginning, and checks that as many follow as it says. The
 * stream then stands before the elements; `a->from` counts from the beginning. */
dnn_status dnni_npy_header(dnni_io_array *a, dnni_io_stream *s, int64_t bytes);

/* The text of a header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. */
dnn_status dnni_npy_parse(dnni_io_array *a, const char *text, int64_t bytes, const char *path);

#endif
