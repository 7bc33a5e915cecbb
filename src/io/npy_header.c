/* The dictionary in an npy header. It is read as what NumPy writes, keys in any order, not as Python: nothing is
 * evaluated, nothing nests. */
#include <string.h>

#include "io/npy.h"

typedef struct {
    const char *start, *at, *end, *path;
} text;

static dnn_status fault(const text *t, const char *what) {
    return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "header, byte %lld: %s", (long long)(t->at - t->start), what);
}

static char next(text *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n')) t->at++;
    return t->at < t->end ? *t->at : '\0';
}

static bool take(text *t, char c) {
    if (next(t) != c) return false;
    t->at++;
    return true;
}

static bool take_word(text *t, const char *word) {
    int64_t n = (int64_t)strlen(word);
    next(t);
    if (t->end - t->at < n || memcmp(t->at, word, (size_t)n) != 0) return false;
    t->at += n;
    return true;
}

/* A string without escapes, of at most room - 1 bytes. */
static dnn_status take_string(text *t, char *value, int64_t room) {
    char quote = next(t);
    if (quote != '\'' && quote != '"') return fault(t, "a string is missing");
    const char *from = ++t->at;
    while (t->at < t->end && *t->at != quote && *t->at != '\\' && *t->at != '\0') t->at++;
    int64_t n = t->at - from;
    if (t->at == t->end || *t->at != quote) return fault(t, "a string does not end");
    if (n >= room) return fault(t, "a string is too long");
    memcpy(value, from, (size_t)n);
    value[n] = '\0';
    t->at++;
    return DNN_OK;
}

/* ---- the three values ---- */

static const struct {
    const char *code;
    dnni_io_kind kind;
    int32_t width;
    dnn_dtype dtype;
} types[] = {
    {"f2", DNNI_IO_FLOAT, 2, DNN_F16},  {"f4", DNNI_IO_FLOAT, 4, DNN_F32},  {"f8", DNNI_IO_FLOAT, 8, DNN_F64},
    {"b1", DNNI_IO_BOOL, 1, DNN_BOOL},  {"u1", DNNI_IO_UNSIGNED, 1, DNN_U8}, {"i1", DNNI_IO_SIGNED, 1, DNN_I32},
    {"i2", DNNI_IO_SIGNED, 2, DNN_I32}, {"u2", DNNI_IO_UNSIGNED, 2, DNN_I32}, {"i4", DNNI_IO_SIGNED, 4, DNN_I32},
    {"u4", DNNI_IO_UNSIGNED, 4, DNN_I64}, {"i8", DNNI_IO_SIGNED, 8, DNN_I64},
};

static dnn_status unsupported(const text *t, const char *descr) {
    const char *what = strchr(descr, 'O') ? ", Python objects, which only Python can make, and which run code" : "";
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, t->path, "its elements are '%.40s'%s", descr, what);
}

static dnn_status read_descr(dnni_io_array *a, text *t) {
    char descr[64];
    if (next(t) == '[')
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, t->path, "its elements are records of several fields");
    IO_TRY(take_string(t, descr, sizeof descr));
    if (!strchr("<>|=", descr[0])) return unsupported(t, descr);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].code, descr[0] ? descr + 1 : descr) != 0) continue;
        if (types[i].width > 1 && descr[0] == '|') return unsupported(t, descr);
        a->kind = types[i].kind;
        a->width = types[i].width;
        a->dtype = types[i].dtype;
        a->big = descr[0] == '>';
        return DNN_OK;
    }
    return unsupported(t, descr);
}

static dnn_status read_order(dnni_io_array *a, text *t) {
    a->fortran = take_word(t, "True");
    return a->fortran || take_word(t, "False") ? DNN_OK : fault(t, "fortran_order is neither True nor False");
}

static dnn_status read_size(int64_t *size, text *t) {
    if (next(t) < '0' || next(t) > '9') return fault(t, "a size is missing, negative or no number");
    for (*size = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *t->at - '0', size))
            return fault(t, "a size is more than can be addressed");
    take_word(t, "L"); /* a long of Python 2 */
    return DNN_OK;
}

static dnn_status read_shape(dnni_io_array *a, text *t) {
    bool comma = true;
    if (!take(t, '(')) return fault(t, "shape is no tuple");
    for (a->rank = 0; !take(t, ')'); a->rank++) {
        if (!comma) return fault(t, "a comma is missing");
        if (a->rank == DNN_MAX_RANK)
            return dnni_io_fail(DNN_ERROR_UNSUPPORTED, t->path, "it has more than %d axes", DNN_MAX_RANK);
        IO_TRY(read_size(&a->dims[a->rank], t));
        comma = take(t, ',');
    }
    return a->rank == 1 && !comma ? fault(t, "shape is no tuple") : DNN_OK;
}

/* ---- the dictionary ---- */

static dnn_status read_entry(dnni_io_array *a, text *t, int *seen) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    static dnn_status (*const readers[])(dnni_io_array *, text *) = {read_descr, read_order, read_shape};
    char key[32];
    IO_TRY(take_string(t, key, sizeof key));
    for (int i = 0; i < 3; i++) {
        if (strcmp(key, keys[i]) != 0) continue;
        if (*seen & 1 << i) return fault(t, "a key is repeated");
        *seen |= 1 << i;
        return take(t, ':') ? readers[i](a, t) : fault(t, "a colon is missing");
    }
    return fault(t, "a key is none of descr, fortran_order, shape");
}

dnn_status dnni_npy_parse(dnni_io_array *a, const char *bytes, int64_t n, const char *path) {
    text t = {bytes, bytes, bytes + n, path};
    int seen = 0;
    bool comma = true;
    if (!take(&t, '{')) return fault(&t, "it is no dictionary");
    while (!take(&t, '}')) {
        if (!comma) return fault(&t, "a comma is missing");
        IO_TRY(read_entry(a, &t, &seen));
        comma = take(&t, ',');
    }
    next(&t);
    if (t.at != t.end) return fault(&t, "something follows the dictionary");
    if (seen != 7) return fault(&t, "one of descr, fortran_order, shape is missing");
    return dnni_io_array_measure(a, path);
}
