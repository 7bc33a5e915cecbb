/* Views by transforms, as other rooms see them. */
#ifndef DNNI_TRANSFORM_VIEW_H
#define DNNI_TRANSFORM_VIEW_H

#include <dnn/transform.h>

/* What the view transforms, lent: its sample i is made of the source's sample i. NULL if it is no view by a transform.
 */
dnn_dataset *dnni_transform_source(const dnn_dataset *dataset);

#endif
