#include "io/zip.h"

#include <string.h>

#include "io/sort.h"

enum { END = 22, END64 = 56, LOCATOR = 20, ENTRY = 46, LOCAL = 30, MOST_COMMENT = 65535 };

typedef struct {
    int64_t entries, bytes, from; /* of the directory */
    int64_t end;                  /* where it must end */
} extent;

static uint64_t number(const void *bytes, int n) {
    const unsigned char *b = bytes;
    uint64_t value = 0;
    while (n-- > 0) value = value << 8 | b[n];
    return value;
}

static int64_t u16(const void *b) { return (int64_t)number(b, 2); }
static int64_t u32(const void *b) { return (int64_t)number(b, 4); }

/* More than a file can hold becomes a number that is refused. */
static int64_t u64(const void *b) {
    uint64_t value = number(b, 8);
    return value > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)value;
}

static bool is(const void *b, const char *signature) { return memcmp(b, signature, 4) == 0; }

static dnn_status fault(const dnni_io_file *file, const char *what) {
    return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "%s", what);
}

/* ---- the end of the archive ---- */

/* The last end record that reaches exactly to the end of the file. */
static dnn_status find_end(int64_t *at, const dnni_io_file *file, char *tail) {
    int64_t n = file->n < END + MOST_COMMENT ? file->n : END + MOST_COMMENT;
    IO_TRY(dnni_io_read(file, file->n - n, tail, n));
    for (int64_t i = n - END; i >= 0; i--) {
        if (!is(tail + i, "PK\5\6") || i + END + u16(tail + i + 20) != n) continue;
        memmove(tail, tail + i, END);
        *at = file->n - n + i;
        return DNN_OK;
    }
    return fault(file, "is no zip archive, or is cut short (no end record is found)");
}

static dnn_status read_end64(extent *e, const dnni_io_file *file) {
    unsigned char locator[LOCATOR], end[END64];
    int64_t at = e->end - LOCATOR;
    if (at < 0) return fault(file, "its zip64 end record is missing");
    IO_TRY(dnni_io_read(file, at, locator, LOCATOR));
    e->end = u64(locator + 8);
    if (!is(locator, "PK\6\7") || e->end > at - END64) return fault(file, "its zip64 end record is missing");
    IO_TRY(dnni_io_read(file, e->end, end, END64));
    if (!is(end, "PK\6\6") || u64(end + 4) + 12 != at - e->end)
        return fault(file, "its zip64 end record is damaged");
    e->entries = u64(end + 32);
    e->bytes = u64(end + 40);
    e->from = u64(end + 48);
    return DNN_OK;
}

static dnn_status read_end(extent *e, const dnni_io_file *file) {
    char *tail = dnni_io_alloc(file->ctx, END + MOST_COMMENT);
    if (!tail) return DNN_ERROR_MEMORY;
    dnn_status status = find_end(&e->end, file, tail);
    if (status == DNN_OK) {
        e->entries = u16(tail + 10);
        e->bytes = u32(tail + 12);
        e->from = u32(tail + 16);
        bool wide = e->entries == 0xffff || e->bytes == 0xffffffff || e->from == 0xffffffff;
        if (u16(tail + 4) || u16(tail + 6)) status = fault(file, "is a part of an archive of several files");
        else if (wide) status = read_end64(e, file);
    }
    dnni_io_free(tail);
    IO_TRY(status);
    if (e->from > e->end || e->bytes != e->end - e->from || e->entries > e->bytes / ENTRY)
        return fault(file, "its table of contents does not lie where the end record says");
    return DNN_OK;
}

/* ---- the table of contents ---- */

/* Sizes and place that do not fit 32 bits, in the order in which they did not. */
static bool read_zip64(dnni_zip_member *m, const char *extra, int64_t n) {
    int64_t *const wide[] = {&m->bytes, &m->packed, &m->local};
    while (n >= 4 && u16(extra) != 1) {
        int64_t step = 4 + u16(extra + 2);
        extra += step < n ? step : n;
        n -= step;
    }
    int64_t left = n >= 4 ? u16(extra + 2) : 0;
    if (left > 0 && left > n - 4) return false;
    extra += 4;
    for (int i = 0; i < 3; i++) {
        if (*wide[i] != 0xffffffff) continue;
        if (left < 8) return false;
        *wide[i] = u64(extra);
        extra += 8;
        left -= 8;
    }
    return true;
}

static dnn_status check_name(const char *name, int64_t n, const dnni_io_file *file) {
    for (int64_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return fault(file, "a member's name has a control character");
    bool leaves = n == 0 || name[0] == '/' || (n >= 3 && memcmp(name, "../", 3) == 0);
    for (int64_t i = 0; i + 4 <= n; i++) leaves |= memcmp(name + i, "/../", 4) == 0;
    return leaves ? fault(file, "a member's name is empty, or leads out of the archive") : DNN_OK;
}

/* The entry at `at`; its name is moved to the front of it, where its numbers were, and ended. */
static dnn_status read_entry(dnni_zip_member *m, char *at, int64_t left, int64_t *length, const dnni_io_file *file) {
    if (left < ENTRY || !is(at, "PK\1\2")) return fault(file, "its table of contents is damaged");
    int64_t name = u16(at + 28), extra = u16(at + 30), method = u16(at + 10), flags = u16(at + 8);
    *length = ENTRY + name + extra + u16(at + 32);
    if (*length > left) return fault(file, "its table of contents is cut short");
    *m = (dnni_zip_member){.crc = (uint32_t)u32(at + 16), .packed = u32(at + 20), .bytes = u32(at + 24),
                           .local = u32(at + 42), .deflated = method == 8, .name = at};
    if (!read_zip64(m, at + ENTRY + name, extra)) return fault(file, "a member's zip64 sizes are missing");
    IO_TRY(check_name(at + ENTRY, name, file));
    memmove(at, at + ENTRY, (size_t)name);
    at[name] = '\0';
    if (name >= 4 && strcmp(at + name - 4, ".npy") == 0) at[name - 4] = '\0';
    if (flags & 1) return dnni_io_fail(DNN_ERROR_UNSUPPORTED, file->path, "member '%s' is encrypted", at);
    if (method != 0 && method != 8)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, file->path, "member '%s' is packed by method %d; stored (0) and "
                            "deflated (8) are read", at, (int)method);
    if (method == 0 && m->packed != m->bytes) return fault(file, "a stored member has two sizes");
    return DNN_OK;
}

/* Where the member's bytes begin is told by its own header, which repeats its name. */
static dnn_status locate(dnni_zip_member *m, const dnni_io_file *file, int64_t end) {
    unsigned char header[LOCAL];
    if (m->local > end - LOCAL) return fault(file, "a member begins outside of the archive");
    IO_TRY(dnni_io_read(file, m->local, header, LOCAL));
    m->data = m->local + LOCAL + u16(header + 26) + u16(header + 28);
    if (is(header, "PK\3\4") && u16(header + 8) == (m->deflated ? 8 : 0) && m->data <= end &&
        m->packed <= end - m->data)
        return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "member '%s' is not where the table of contents says", m->name);
}

static int by_place(const void *context, const void *a, const void *b) {
    int64_t x = ((const dnni_zip_member *)a)->local, y = ((const dnni_zip_member *)b)->local;
    (void)context;
    return (x > y) - (x < y);
}

static int by_name(const void *context, const void *a, const void *b) {
    (void)context;
    return strcmp(((const dnni_zip_member *)a)->name, ((const dnni_zip_member *)b)->name);
}

/* Members that share bytes are how small files unfold to huge ones. */
static dnn_status check_members(dnni_zip *zip, const dnni_io_file *file) {
    dnni_zip_member *m = zip->members;
    dnni_io_sort(m, zip->n, sizeof *m, by_place, NULL);
    for (int64_t i = 1; i < zip->n; i++)
        if (m[i].local < m[i - 1].data + m[i - 1].packed)
            return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "members '%s' and '%s' overlap", m[i - 1].name,
                                m[i].name);
    dnni_io_sort(m, zip->n, sizeof *m, by_name, NULL);
    for (int64_t i = 1; i < zip->n; i++)
        if (strcmp(m[i].name, m[i - 1].name) == 0)
            return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "member '%s' is there twice", m[i].name);
    return DNN_OK;
}

static dnn_status read_directory(dnni_zip *zip, const extent *e, const dnni_io_file *file) {
    IO_TRY(dnni_io_read(file, e->from, zip->directory, e->bytes));
    int64_t at = 0, length = 0;
    for (int64_t i = 0; i < zip->n; i++, at += length)
        IO_TRY(read_entry(&zip->members[i], zip->directory + at, e->bytes - at, &length, file));
    if (at != e->bytes) return fault(file, "its table of contents has more entries than the end record says");
    for (int64_t i = 0; i < zip->n; i++) IO_TRY(locate(&zip->members[i], file, e->from));
    return check_members(zip, file);
}

dnn_status dnni_zip_read(dnni_zip *zip, const dnni_io_file *file) {
    extent e = {.end = 0};
    *zip = (dnni_zip){.n = 0};
    IO_TRY(read_end(&e, file));
    zip->n = e.entries;
    zip->members = dnni_io_alloc(file->ctx, e.entries * (int64_t)sizeof *zip->members);
    zip->directory = dnni_io_alloc(file->ctx, e.bytes);
    dnn_status status = zip->members && zip->directory ? DNN_OK : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = read_directory(zip, &e, file);
    if (status != DNN_OK) dnni_zip_release(zip);
    return status;
}

void dnni_zip_release(dnni_zip *zip) {
    dnni_io_free(zip->members);
    dnni_io_free(zip->directory);
    *zip = (dnni_zip){.n = 0};
}

/* ---- members ---- */

const dnni_zip_member *dnni_zip_find(const dnni_zip *zip, const char *name) {
    for (int64_t low = 0, high = zip->n; low < high;) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(name, zip->members[middle].name);
        if (order == 0) return &zip->members[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

dnn_status dnni_zip_stream(dnni_io_stream *s, const dnni_io_file *file, const dnni_zip_member *member) {
    return dnni_io_stream_begin(s, file, member->data, member->packed,
                                member->deflated ? DNNI_IO_DEFLATE : DNNI_IO_PLAIN);
}

static dnn_status verify(dnni_io_stream *s, const dnni_zip_member *m) {
    unsigned char chunk[16384];
    uLong crc = crc32(0, NULL, 0);
    int64_t total = 0, got;
    do {
        IO_TRY(dnni_io_stream_read(s, chunk, sizeof chunk, &got));
        crc = crc32(crc, chunk, (uInt)got);
        total += got;
    } while (got == (int64_t)sizeof chunk && total <= m->bytes);
    if (total != m->bytes)
        return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "member '%s' does not unfold to the %lld bytes that the "
                            "table of contents says", m->name, (long long)m->bytes);
    if (crc == m->crc) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "member '%s' is damaged (its checksum is wrong)", m->name);
}

dnn_status dnni_zip_verify(const dnni_io_file *file, const dnni_zip_member *member) {
    dnni_io_stream s;
    IO_TRY(dnni_zip_stream(&s, file, member));
    dnn_status status = verify(&s, member);
    dnni_io_stream_end(&s);
    return status;
}
