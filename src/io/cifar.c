/* CIFAR's binary files: records of one or two labels and 32 × 32 pixels in three planes. */
#include <stdio.h>
#include <string.h>

#include "io/support.h"

enum { PLANE = 1024, PIXELS = 3 * PLANE, MOST_RECORD = 2 + PIXELS };

static const char *const names_10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck"};

static const char *const names_coarse[] = {
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables", "household_electrical_devices",
    "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates",
    "people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
};

static const char *const names_fine[] = {
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
};

typedef struct {
    int32_t labels;  /* bytes before the pixels */
    int32_t label;   /* which of them is the target */
    int32_t classes[2];
    const char *const *names;
} layout;

static const layout layouts[] = {{1, 0, {10, 0}, names_10}, {2, 1, {20, 100}, names_fine},
                                 {2, 0, {20, 100}, names_coarse}};

typedef struct {
    dnni_io_file file;
    char *path;
    bool open;
    int64_t first, records; /* the number of its first record in the dataset */
} part;

typedef struct {
    const layout *layout;
    part *parts;
    int64_t n;
} cifar;

static int64_t record_bytes(const layout *l) { return l->labels + PIXELS; }

static void release(void *user) {
    cifar *c = user;
    for (int64_t i = 0; c->parts && i < c->n; i++) {
        if (c->parts[i].open) dnni_io_close(&c->parts[i].file);
        dnni_io_free(c->parts[i].path);
    }
    dnni_io_free(c->parts);
    dnni_io_free(c);
}

/* ---- samples ---- */

static const part *part_of(const cifar *c, int64_t index) {
    int64_t i = 0;
    while (i + 1 < c->n && c->parts[i + 1].first <= index) i++;
    return &c->parts[i];
}

static dnn_status check_labels(const layout *l, const unsigned char *record, const char *path, int64_t number) {
    static const char *const fields[2][2] = {{"label", ""}, {"coarse label", "fine label"}};
    for (int32_t i = 0; i < l->labels; i++)
        if (record[i] >= l->classes[i])
            return dnni_io_fail(DNN_ERROR_FORMAT, path, "record %lld: its %s is %d, there are %d classes",
                                (long long)number, fields[l->labels - 1][i], record[i], l->classes[i]);
    return DNN_OK;
}

/* From planes to pixels. */
static void interleave(unsigned char *restrict to, const unsigned char *restrict from) {
    for (int i = 0; i < PLANE; i++) {
        to[3 * i] = from[i];
        to[3 * i + 1] = from[PLANE + i];
        to[3 * i + 2] = from[2 * PLANE + i];
    }
}

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    const cifar *c = user;
    const part *p = part_of(c, index);
    unsigned char record[MOST_RECORD];
    int64_t bytes = record_bytes(c->layout), number = index - p->first, label;
    (void)epoch;
    IO_TRY(dnni_io_read(&p->file, number * bytes, record, bytes));
    IO_TRY(check_labels(c->layout, record, p->path, number));
    interleave(input->data, record + c->layout->labels);
    label = record[c->layout->label];
    memcpy(target->data, &label, sizeof label);
    return DNN_OK;
}

static dnn_status name(void *user, int64_t index, char *text, size_t bytes) {
    const part *p = part_of(user, index);
    snprintf(text, bytes, "%s, record %lld", p->path, (long long)(index - p->first));
    return DNN_OK;
}

/* ---- making ---- */

static dnn_status look_at_labels(const layout *l, const part *p) {
    unsigned char labels[2];
    for (int64_t i = 0; i < p->records; i++) {
        IO_TRY(dnni_io_read(&p->file, i * record_bytes(l), labels, l->labels));
        IO_TRY(check_labels(l, labels, p->path, i));
    }
    return DNN_OK;
}

static dnn_status open_part(part *p, dnn_context *ctx, const layout *l, const char *path) {
    int64_t bytes = record_bytes(l);
    p->path = dnni_io_copy(ctx, path);
    if (!p->path) return DNN_ERROR_MEMORY;
    IO_TRY(dnni_io_open(&p->file, ctx, p->path));
    p->open = true;
    p->records = p->file.n / bytes;
    if (p->file.n % bytes)
        return dnni_io_fail(DNN_ERROR_FORMAT, path, "record %lld, the last, has %lld bytes, not %lld",
                            (long long)p->records, (long long)(p->file.n % bytes), (long long)bytes);
    return look_at_labels(l, p);
}

static dnn_status build(dnn_dataset **out, dnn_context *ctx, cifar *c, const char *const *paths) {
    dnn_callback_dataset_desc desc = {
        DNN_SIZED(dnn_callback_dataset_desc), .get = get, .thread_safe = 1, .release = release, .user = c, .name = name,
        .input = {.dtype = DNN_U8, .rank = 3, .dims = {32, 32, 3}}, .target = {.dtype = DNN_I64}, .high = 255,
        .class_names = c->layout->names, .classes = c->layout->classes[c->layout->label]};
    for (int64_t i = 0; i < c->n; i++) {
        IO_TRY(open_part(&c->parts[i], ctx, c->layout, paths[i]));
        c->parts[i].first = desc.count;
        desc.count += c->parts[i].records;
    }
    return dnn_dataset_from_callbacks(out, ctx, &desc);
}

static dnn_status make(dnn_dataset **out, dnn_context *ctx, const layout *l, const char *const *paths, int64_t n) {
    cifar *c = dnni_io_alloc(ctx, sizeof *c);
    if (!c) return DNN_ERROR_MEMORY;
    c->layout = l;
    c->n = n;
    c->parts = dnni_io_alloc(ctx, n * (int64_t)sizeof *c->parts);
    dnn_status status = c->parts ? build(out, ctx, c, paths) : DNN_ERROR_MEMORY;
    if (status != DNN_OK) release(c);
    return status;
}

dnn_status dnn_cifar_dataset(dnn_dataset **out, dnn_context *ctx, const char *const *paths, int64_t n_paths,
                             const dnn_cifar_desc *desc) {
    dnn_cifar_desc d;
    IO_TRY(dnni_io_begin_call(out, ctx, ""));
    IO_TRY(IO_DESC(d, desc));
    if (d.kind != DNN_CIFAR_10 && d.kind != DNN_CIFAR_100_FINE && d.kind != DNN_CIFAR_100_COARSE)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.kind is %d", (int)d.kind);
    if (!paths || n_paths < 1 || n_paths > INT32_MAX) return dnn_fail(DNN_ERROR_ARGUMENT, "there are no paths");
    for (int64_t i = 0; i < n_paths; i++)
        if (!paths[i]) return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "paths[%lld] is NULL", (long long)i);
    const layout *l = &layouts[d.kind == DNN_CIFAR_10 ? 0 : d.kind == DNN_CIFAR_100_FINE ? 1 : 2];
    return make(out, ctx, l, paths, n_paths);
}
