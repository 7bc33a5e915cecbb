/* Suspects beside their nearest neighbours, as pictures. */
#include <dnn/inspect.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"

enum { SUSPECTS = 8, COLUMNS = 6, CAPTION = 40, RED = 0xd1242f };

typedef struct {
    dnni_audit *audit;
    dnn_tensor *batch;
    int64_t n, room; /* pictures that are in it, or find room */
    char caption[SUSPECTS * COLUMNS][CAPTION];
    const char *captions[SUSPECTS * COLUMNS];
    uint32_t frames[SUSPECTS * COLUMNS];
} sheet;

/* The next picture of the sheet: a sample of a set, marked if it is a suspect. */
static dnn_status put(sheet *s, const dnni_set *set, int64_t index, bool suspect) {
    dnn_tensor *x;
    DNNI_TRY(dnn_dataset_get(&x, NULL, set->dataset, &index, 1));
    int64_t bytes = dnn_tensor_bytes(x);
    memcpy((char *)dnn_tensor_data(s->batch) + s->n * bytes, dnn_tensor_const_data(x), (size_t)bytes);
    dnn_tensor_release(x);
    int64_t label = set->samples[index].label;
    int used = snprintf(s->caption[s->n], CAPTION, "%.12s[%lld]", set->name, (long long)index);
    if (label >= 0) snprintf(s->caption[s->n] + used, (size_t)(CAPTION - used), ": %lld", (long long)label);
    s->captions[s->n] = s->caption[s->n];
    s->frames[s->n++] = suspect ? RED : DNN_NO_FRAME;
    return DNN_OK;
}

static dnn_status new_sheet(sheet *s, dnni_audit *a, int64_t pictures) {
    *s = (sheet){.audit = a, .room = pictures};
    dnn_array batch;
    DNNI_TRY(dnni_batch_array(&batch, &a->set[0].dataset->input, pictures));
    return dnni_tensor_like(&s->batch, a->ctx, &batch);
}

/* Draws what is in the sheet and gives it to the finding. */
static dnn_status draw(sheet *s, const char *title, int64_t columns) {
    dnni_audit *a = s->audit;
    dnn_tensor *filled, *picture;
    dnn_sheet_desc desc = {DNN_SIZED(dnn_sheet_desc), .title = title, .captions = s->captions, .frames = s->frames,
                           .columns = columns, .low = a->low, .high = a->high};
    DNNI_TRY(dnn_tensor_slice(&filled, s->batch, 0, s->n));
    dnn_status status = dnn_sheet_create(&picture, a->ctx, filled, &desc);
    dnn_tensor_release(filled);
    DNNI_TRY(status);
    DNNI_TRY(dnni_report_give_picture(a->report, title, picture));
    dnni_report_show(a->report, a->report->n_pictures - 1);
    return DNN_OK;
}

static bool draws(const dnni_audit *a, int64_t n) {
    return dnni_is_picture(a) && n > 0 && !(a->options.skip & DNN_AUDIT_NO_SHEETS);
}

/* Which point a sample is; -1: none. */
static int64_t point_of(const dnni_set *set, int64_t index) {
    int64_t low = 0, high = set->kept;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (set->ids[middle] < index) low = middle + 1;
        else high = middle;
    }
    return low < set->kept && set->ids[low] == index ? low : -1;
}

static dnn_status put_neighbours(sheet *s, const dnni_set *set, int64_t index, int64_t columns) {
    int64_t point = point_of(set, index);
    for (int64_t i = 0; point >= 0 && i + 1 < columns; i++) {
        int64_t other = set->near.index[point * set->near.k + i];
        if (other >= 0) DNNI_TRY(put(s, set, set->ids[other], false));
    }
    return DNN_OK;
}

static dnn_status fill(sheet *s, const dnni_set *set, const dnni_list *list, int64_t columns) {
    int64_t suspects = dnnk_min(SUSPECTS, list->n), step = list->n / suspects;
    for (int64_t i = 0; i < suspects; i++) {
        DNNI_TRY(put(s, set, list->index[i * step], true));
        DNNI_TRY(put_neighbours(s, set, list->index[i * step], columns));
    }
    return DNN_OK;
}

dnn_status dnni_audit_sheet(dnni_audit *a, const dnni_set *set, const dnni_list *list, const char *title) {
    if (!draws(a, list->n)) return DNN_OK;
    int64_t columns = set->near.k > 0 ? dnnk_min(COLUMNS, set->near.k + 1) : 1;
    sheet s;
    DNNI_TRY(new_sheet(&s, a, dnnk_min(SUSPECTS, list->n) * columns));
    dnn_status status = fill(&s, set, list, columns);
    if (status == DNN_OK) status = draw(&s, title, columns > 1 ? columns : 0);
    dnn_tensor_release(s.batch);
    return status;
}

dnn_status dnni_audit_pair_sheet(dnni_audit *a, const dnni_pairs *pairs, const char *title) {
    int64_t n = dnnk_min(SUSPECTS, pairs->n);
    if (!draws(a, n)) return DNN_OK;
    sheet s;
    DNNI_TRY(new_sheet(&s, a, 2 * n));
    dnn_status status = DNN_OK;
    for (int64_t i = 0; i < n && status == DNN_OK; i++) {
        status = put(&s, pairs->set, pairs->pair[i].index, true);
        if (status == DNN_OK) status = put(&s, pairs->other, pairs->pair[i].other, false);
    }
    if (status == DNN_OK) status = draw(&s, title, 4);
    dnn_tensor_release(s.batch);
    return status;
}
