/* Element types and shapes. */
#ifndef DNNI_DTYPE_H
#define DNNI_DTYPE_H

#include <dnn/base.h>
#include <stdbool.h>

#include "base/env.h"
#include "core/error.h"

static inline bool dnni_is_real(dnn_dtype dtype) { return dtype == DNN_F32 || dtype == DNN_F64; }
static inline bool dnni_is_label(dnn_dtype dtype) { return dtype == DNN_U8 || dtype == DNN_I32 || dtype == DNN_I64; }
static inline dnnk_type dnni_type(dnn_dtype dtype) { return dtype == DNN_F64 ? DNNK_F64 : DNNK_F32; }

/* A shape as text: "[16,56,56,3]", "[]" for a scalar. Written dnni_shape(…).text as an argument of dnni_error. */
typedef struct dnni_shape_text {
    char text[192];
} dnni_shape_text;
dnni_shape_text dnni_shape(int32_t rank, const int64_t *dims);
static inline dnni_shape_text dnni_array_shape(const dnn_array *a) { return dnni_shape(a->rank, a->dims); }

/* The multi-index of the element that is `flat` elements behind the first, written the same way: "[2,7]". */
dnni_shape_text dnni_element(const dnn_array *a, int64_t flat);

/* Product of dims[first..last). The dims are those of an array that exists, so it fits. */
int64_t dnni_product(const int64_t *dims, int32_t first, int32_t last);
static inline int64_t dnni_count(const dnn_array *a) { return dnni_product(a->dims, 0, a->rank); }
static inline int64_t dnni_bytes(const dnn_array *a) { return dnni_count(a) * dnn_dtype_size(a->dtype); }

bool dnni_same_shape(const dnn_array *a, const dnn_array *b);

/* An array's description from dtype and dims, checked: rank, sizes, and that its bytes can be addressed. */
dnn_status dnni_make_array(dnn_array *out, dnn_dtype dtype, int32_t rank, const int64_t *dims);

/* The same for dims that are known to be good. */
dnn_array dnni_array(dnn_dtype dtype, int32_t rank, const int64_t *dims);

/* One element, as a double, read from or written to memory of that dtype. */
double dnni_load(dnn_dtype dtype, const void *data, int64_t i);
void dnni_store(dnn_dtype dtype, void *data, int64_t i, double value);

#endif
