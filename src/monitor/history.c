/* Figures of a run of any length, in a table of fixed size: what does not fit any more is thinned out. */
#include <math.h>
#include <string.h>

#include "core/tensor.h"
#include "monitor/monitor.h"

dnn_status monitor_history_make(dnn_monitor *m, int64_t rows) {
    DNNI_REQUIRE(rows >= 2, "desc.history is %lld: it is at least 2", (long long)rows);
    m->history_capacity = rows;
    m->history_every = 1;
    m->history = dnni_pool_alloc(&m->pool, rows, MONITOR_COLUMNS * (int64_t)sizeof *m->history);
    return m->history ? DNN_OK : DNN_ERROR_MEMORY;
}

/* Keeps rows 0, 2, 4, …: steps 1, 1 + 2 · every, … */
static void thin_out(dnn_monitor *m) {
    int64_t kept = (m->history_rows + 1) / 2;
    for (int64_t i = 1; i < kept; i++)
        memcpy(m->history + i * MONITOR_COLUMNS, m->history + 2 * i * MONITOR_COLUMNS,
               MONITOR_COLUMNS * sizeof *m->history);
    m->history_rows = kept;
    m->history_every *= 2;
}

void monitor_history_step(dnn_monitor *m) {
    if ((m->steps - 1) % m->history_every != 0) return;
    if (m->history_rows == m->history_capacity) {
        thin_out(m);
        if ((m->steps - 1) % m->history_every != 0) return;
    }
    const dnn_monitor_figures *f = &m->figures;
    const double row[MONITOR_COLUMNS] = {(double)f->steps, f->loss,         f->smoothed,
                                         f->gradient_norm, f->update_ratio, f->lr};
    memcpy(m->history + m->history_rows++ * MONITOR_COLUMNS, row, sizeof row);
}

dnn_status dnn_monitor_history(dnn_tensor **out, const dnn_monitor *monitor) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(monitor, DNNI_MONITOR, "monitor"));
    dnn_tensor *t;
    DNNI_TRY(dnn_tensor_create(&t, monitor->base.ctx, DNN_F64, 2, (int64_t[]){monitor->history_rows, MONITOR_COLUMNS}));
    if (monitor->history_rows > 0) memcpy(t->array.data, monitor->history, (size_t)dnni_bytes(&t->array));
    *out = t;
    return DNN_OK;
}
