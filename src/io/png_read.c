/* dnn_png_read decodes a file twice: once row by row into nothing, which shows that all of it is there and well, and
 * once more into memory that is then known to be needed. Images on their way into a batch are decoded once. */
#include "io/png_job.h"

enum { SIGNATURE = 8 };

static void supply(png_structp png, png_bytep target, size_t bytes) {
    dnni_png_job *job = png_get_io_ptr(png);
    if ((int64_t)bytes > job->n - job->at) png_error(png, "it is cut short");
    for (size_t i = 0; i < bytes; i++) target[i] = job->bytes[job->at + (int64_t)i];
    job->at += (int64_t)bytes;
}

/* Nothing is forgiven, no wrong checksum, no data too many. Chunks that do not change pixels (text, time, profiles) are
 * passed over unread. */
static void be_strict(png_structp png) {
    static const unsigned char ignored[] =
        "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0sBIT\0sCAL\0sPLT\0sRGB\0"
        "sTER\0tEXt\0tIME\0zTXt";
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, ignored, sizeof ignored / 5);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
}

/* libpng would resolve indices past the palette's end in silence: they are taken as they are, a byte each. */
static void read_palette(dnni_png_job *job) {
    png_colorp colours = NULL;
    png_bytep alpha = NULL;
    int transparent = 0;
    png_get_PLTE(job->png, job->info, &colours, &job->colours);
    png_get_tRNS(job->png, job->info, &alpha, &transparent, NULL);
    for (int i = 0; i < job->colours && i < 256; i++) {
        unsigned char *entry = job->palette[i];
        entry[0] = colours[i].red;
        entry[1] = colours[i].green;
        entry[2] = colours[i].blue;
        entry[3] = i < transparent ? alpha[i] : 255;
    }
    job->channels = transparent > 0 ? 4 : 3;
    png_set_packing(job->png);
}

/* What the header says, before libpng takes memory for a row. */
static void read_header(dnni_png_job *job) {
    png_structp png = job->png;
    be_strict(png);
    png_set_read_fn(png, job, supply);
    png_read_info(png, job->info);
    job->height = png_get_image_height(png, job->info);
    job->width = png_get_image_width(png, job->info);
    job->channels = png_get_channels(png, job->info);
    job->packed_row = (int64_t)png_get_rowbytes(png, job->info);
}

/* To 8 bits a channel: few bits to eight, a transparent colour to an alpha channel. */
static void begin_rows(dnni_png_job *job) {
    png_structp png = job->png;
    bool indexed = png_get_color_type(png, job->info) == PNG_COLOR_TYPE_PALETTE;
    if (indexed) read_palette(job);
    else png_set_expand(png);
    job->passes = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    if (!indexed) job->channels = png_get_channels(png, job->info);
}

static void read_rows(dnni_png_job *job) {
    int64_t row_bytes = job->colours ? job->width : job->width * job->channels;
    for (int pass = 0; pass < job->passes; pass++)
        for (int64_t y = 0; y < job->height; y++)
            png_read_row(job->png, job->pixels ? job->pixels + y * row_bytes : NULL, NULL);
    png_read_end(job->png, job->info);
}

/* From indices at the start of the pixels' memory to colours, from the last to the first: none is overwritten before it
 * is read. */
static dnn_status resolve(const dnni_png_job *job, const char *path) {
    for (int64_t i = job->height * job->width - 1; job->colours && i >= 0; i--) {
        int index = job->pixels[i];
        if (index >= job->colours)
            return dnni_io_fail(DNN_ERROR_FORMAT, path, "pixel %lld has colour %d of a palette of %d", (long long)i,
                                index, job->colours);
        for (int64_t c = job->channels - 1; c >= 0; c--) job->pixels[i * job->channels + c] = job->palette[index][c];
    }
    return DNN_OK;
}

static dnn_status check_size(const dnni_png_job *job, const char *path, int64_t max_bytes) {
    int64_t bytes;
    bool wraps = __builtin_mul_overflow(job->height * job->width, job->channels, &bytes);
    if (!wraps && bytes <= max_bytes) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "unfolds to %lld × %lld × %lld bytes, desc.max_bytes allows %lld",
                        (long long)job->height, (long long)job->width, (long long)job->channels,
                        (long long)max_bytes);
}

static dnn_status check_depth(const dnni_png_job *job, const char *path) {
    int depth = png_get_bit_depth(job->png, job->info);
    if (depth <= 8) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "has %d bits a channel, at most 8 are read", depth);
}

/* Deflate makes at most 1032 bytes of one (zlib's documentation): a file too short for its size is found before memory
 * is taken. */
static dnn_status check_length(const dnni_png_job *job, const char *path) {
    if (job->height * (job->packed_row + 1) <= 1032 * job->length) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "%lld × %lld pixels cannot be in %lld bytes", (long long)job->height,
                        (long long)job->width, (long long)job->length);
}

/* Where the pixels go that do not only pass by. */
static dnn_status find_place(dnni_png_job *job) {
    const dnn_image_desc *wanted = job->wanted;
    bool fits = wanted->height == job->height && wanted->width == job->width && wanted->channels == job->channels;
    job->pixels = job->target && fits ? job->target
                                      : dnni_io_arena_take(job->arena, job->height * job->width * job->channels);
    return job->pixels ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status decode(dnni_png_job *job, const char *path, int64_t max_bytes) {
    if (!dnni_png_guard(job, read_header)) return dnni_png_reason(job, path);
    IO_TRY(check_size(job, path, max_bytes));
    IO_TRY(check_depth(job, path));
    IO_TRY(check_length(job, path));
    if (!dnni_png_guard(job, begin_rows)) return dnni_png_reason(job, path);
    IO_TRY(check_size(job, path, max_bytes));
    if (job->only_header) return DNN_OK;
    if (job->arena) IO_TRY(find_place(job));
    if (!dnni_png_guard(job, read_rows)) return dnni_png_reason(job, path);
    if (job->at == job->n) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "%lld bytes follow the image", (long long)(job->n - job->at));
}

static dnn_status run(dnni_png_job *job, const char *path, int64_t max_bytes) {
    dnn_status status;
    job->at = 0;
    job->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, dnni_png_error, dnni_png_warning, job,
                                        dnni_png_allocate, dnni_png_release);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (job->info) status = decode(job, path, max_bytes);
    else status = dnni_png_unmade(job);
    if (job->png) png_destroy_read_struct(&job->png, &job->info, NULL);
    return status;
}

/* ---- on the way into a batch ---- */

static dnn_status run_for(dnni_image *image, dnni_png_job *job, const dnni_image_file *file, int64_t max_bytes) {
    job->bytes = file->bytes;
    job->n = file->n;
    job->length = file->whole;
    IO_TRY(run(job, file->path, max_bytes));
    *image = (dnni_image){job->pixels, job->height, job->width, job->channels, 1};
    return DNN_OK;
}

dnn_status dnni_png_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file) {
    dnni_png_job job = {.ctx = arena->ctx, .only_header = true};
    return run_for(image, &job, file, INT64_MAX);
}

dnn_status dnni_png_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                           const dnn_image_desc *desc, unsigned char *target) {
    dnni_png_job job = {.ctx = arena->ctx, .arena = arena, .wanted = desc, .target = target};
    IO_TRY(run_for(image, &job, file, desc->max_bytes));
    return resolve(&job, file->path);
}

/* ---- a file as it is ---- */

static dnn_status read_image(dnn_tensor **out, dnni_png_job *job, const char *path, int64_t max_bytes) {
    dnn_tensor *image;
    IO_TRY(run(job, path, max_bytes));
    const int64_t dims[3] = {job->height, job->width, job->channels};
    IO_TRY(dnn_tensor_create(&image, job->ctx, DNN_U8, 3, dims));
    job->pixels = dnn_tensor_data(image);
    dnn_status status = run(job, path, max_bytes);
    if (status == DNN_OK) status = resolve(job, path);
    if (status == DNN_OK) *out = image;
    else dnn_tensor_release(image);
    return status;
}

static dnn_status load(unsigned char **bytes, const dnni_io_file *file) {
    unsigned char head[SIGNATURE];
    int64_t n = file->n < SIGNATURE ? file->n : SIGNATURE;
    IO_TRY(dnni_io_read(file, 0, head, n));
    if (n < SIGNATURE || png_sig_cmp(head, 0, SIGNATURE) != 0)
        return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "is no PNG file (it does not begin as one)");
    *bytes = dnni_io_alloc(file->ctx, file->n);
    if (!*bytes) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_io_read(file, 0, *bytes, file->n);
    if (status != DNN_OK) dnni_io_free(*bytes);
    return status;
}

dnn_status dnn_png_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    dnni_io_file file;
    unsigned char *bytes = NULL;
    int64_t max_bytes = 0;
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    IO_TRY(dnni_io_check(ctx, path, desc, &max_bytes));
    IO_TRY(dnni_io_open(&file, ctx, path));
    dnn_status status = load(&bytes, &file);
    dnni_io_close(&file);
    if (status != DNN_OK) return status;
    dnni_png_job job = {.ctx = ctx, .bytes = bytes, .n = file.n, .length = file.n};
    status = read_image(out, &job, path, max_bytes);
    dnni_io_free(bytes);
    return status;
}
