/* View: samples rewritten by a function of the host's. */
#include <string.h>

#include "data/dataset.h"
#include "data/host.h"

typedef struct {
    dnn_dataset base;
    dnn_dataset *source; /* held */
    dnni_host host;
    dnn_status (*map)(void *user, int64_t index, int64_t epoch, const dnn_array *from_input,
                      const dnn_array *from_target, const dnn_array *input, const dnn_array *target);
    bool input_stays, target_stays; /* in shape and dtype: the new one begins as the old one */
} map_dataset;

static void begin(const dnn_array *to, const dnn_array *from, bool stays) {
    int64_t bytes = to->data ? dnni_bytes(to) : 0;
    if (bytes == 0) return;
    if (stays) memcpy(to->data, from->data, (size_t)bytes);
    else memset(to->data, 0, (size_t)bytes);
}

static dnn_status read_mapped(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                              const dnn_array *target) {
    map_dataset *m = (map_dataset *)self;
    dnn_array from_input, from_target;
    DNNI_TRY(dnni_read_to_room(m->source, reader, index, reader->scratch, &from_input, &from_target));
    begin(input, &from_input, m->input_stays);
    begin(target, &from_target, m->target_stays);
    uint64_t errors = dnni_host_enter(&m->host);
    dnn_status status = m->map(m->host.user, index, reader->epoch, &from_input, &from_target, input, target);
    return dnni_host_leave(&m->host, status, errors, "map");
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    *source_index = index;
    return ((const map_dataset *)self)->source;
}

static void destroy_map(dnn_dataset *self) {
    map_dataset *m = (map_dataset *)self;
    dnni_host_stop(&m->host);
    dnn_dataset_release(m->source);
}

static const dnni_dataset_class map_class = {.read = read_mapped, .destroy = destroy_map, .origin = origin};

/* The new item's shape: what the descriptor declares, or else the old one's. */
static dnn_status declared(dnn_array *item, const dnn_array *wish, const char *name, bool *stays) {
    dnn_array old = *item;
    if (wish->dtype != DNN_DTYPE_NONE) DNNI_TRY(dnni_item_array(item, wish, name));
    *stays = item->dtype == old.dtype && dnni_same_shape(item, &old);
    return DNN_OK;
}

static dnn_status shape_of(dnni_dataset_shape *shape, const dnn_dataset *source, const dnn_map_desc *d,
                           bool *input_stays, bool *target_stays) {
    *shape = dnni_view_shape(source, source->count);
    shape->scratch_bytes = dnni_sample_room(source);
    shape->metadata.low = d->low;
    shape->metadata.high = d->high;
    DNNI_TRY(dnni_check_metadata(&shape->metadata));
    DNNI_TRY(declared(&shape->input, &d->input, "desc.input", input_stays));
    return declared(&shape->target, &d->target, "desc.target", target_stays);
}

dnn_status dnn_dataset_map(dnn_dataset **out, dnn_dataset *source, const dnn_map_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_map_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_REQUIRE(d.map, "desc.map is NULL");
    dnni_dataset_shape shape;
    bool input_stays, target_stays;
    DNNI_TRY(shape_of(&shape, source, &d, &input_stays, &target_stays));
    map_dataset *m = dnni_dataset_new(dnni_context_of(source), &map_class, sizeof *m, &shape);
    if (!m) return DNN_ERROR_MEMORY;
    dnn_dataset_retain(m->source = source);
    dnni_host_start(&m->host, d.user, d.thread_safe != 0);
    m->host.release = d.release;
    m->map = d.map;
    m->input_stays = input_stays;
    m->target_stays = target_stays;
    *out = &m->base;
    return DNN_OK;
}
