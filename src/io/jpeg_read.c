#include <string.h>

#include "io/jpeg_job.h"

enum { ROWS_AT_ONCE = 16 };

/* ---- EXIF ---- */

static uint32_t number(const JOCTET *b, int n, bool big) {
    uint32_t value = 0;
    for (int i = 0; i < n; i++) value = value << 8 | b[big ? i : n - 1 - i];
    return value;
}

/* Tag 0x0112 of the first directory of the TIFF file that EXIF is; 1 where there is none. */
static int32_t orientation_of(const JOCTET *tiff, uint32_t n) {
    bool big = n >= 8 && memcmp(tiff, "MM\0*", 4) == 0;
    if (n < 8 || (!big && memcmp(tiff, "II*\0", 4) != 0)) return 1;
    uint32_t at = number(tiff + 4, 4, big);
    if (at > n - 2) return 1;
    uint32_t entries = number(tiff + at, 2, big);
    for (at += 2; entries > 0 && at <= n - 2 && n - at >= 12; entries--, at += 12) {
        if (number(tiff + at, 2, big) != 0x0112 || number(tiff + at + 2, 2, big) != 3) continue;
        uint32_t value = number(tiff + at + 8, 2, big);
        return value >= 1 && value <= 8 ? (int32_t)value : 1;
    }
    return 1;
}

static int32_t find_orientation(const dnni_jpeg_job *job) {
    for (jpeg_saved_marker_ptr m = job->jpeg.reader.marker_list; m; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0", 6) == 0)
            return orientation_of(m->data + 6, m->data_length - 6);
    return 1;
}

/* ---- the header ---- */

static void read_header(dnni_jpeg_job *job) {
    dnni_jpeg_begin_reading(job);
    jpeg_save_markers(&job->jpeg.reader, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&job->jpeg.reader, TRUE);
}

/* Each block of 8 × 8 samples takes a bit at least: a file too short for its size is found before memory is taken. */
static dnn_status check_length(const dnni_jpeg_job *job) {
    const struct jpeg_decompress_struct *r = &job->jpeg.reader;
    int64_t blocks = 0;
    for (int i = 0; i < r->num_components; i++) {
        const jpeg_component_info *c = &r->comp_info[i];
        int64_t down = ((int64_t)r->image_height * c->v_samp_factor + 8 * r->max_v_samp_factor - 1) /
                       (8 * r->max_v_samp_factor);
        int64_t across = ((int64_t)r->image_width * c->h_samp_factor + 8 * r->max_h_samp_factor - 1) /
                         (8 * r->max_h_samp_factor);
        blocks += down * across;
    }
    if (blocks <= 8 * job->file->whole) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, job->file->path, "%u × %u pixels cannot be in %lld bytes",
                        (unsigned)r->image_height, (unsigned)r->image_width, (long long)job->file->whole);
}

static dnn_status check_header(const dnni_jpeg_job *job) {
    const struct jpeg_decompress_struct *r = &job->jpeg.reader;
    if (r->arith_code)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, job->file->path, "is coded arithmetically");
    if (r->num_components != 1 && r->num_components != 3 && r->num_components != 4)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, job->file->path, "has %d colour components", r->num_components);
    return check_length(job);
}

static dnn_status begin(dnni_image *image, dnni_jpeg_job *job) {
    const struct jpeg_decompress_struct *r = &job->jpeg.reader;
    if (!dnni_jpeg_guard(job, read_header)) return dnni_jpeg_reason(job, job->file->path);
    IO_TRY(check_header(job));
    *image = (dnni_image){.height = r->image_height, .width = r->image_width,
                          .channels = r->num_components == 1 ? 1 : 3, .orientation = find_orientation(job)};
    return DNN_OK;
}

dnn_status dnni_jpeg_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file) {
    dnni_jpeg_job job = {.arena = arena, .file = file};
    dnn_status status = begin(image, &job);
    dnni_jpeg_end(&job);
    return status;
}

/* ---- the pixels ---- */

/* The smallest of the scales that have fast code and are large enough. */
static unsigned choose_scale(const dnni_image *upright, const dnn_image_desc *desc) {
    int64_t rows, columns;
    if (desc->height == 0 || desc->fit == DNN_IMAGE_FIT_EXACT) return 8;
    dnni_image_scaled(&rows, &columns, upright->height, upright->width, desc);
    for (unsigned eighths = 1; eighths < 8; eighths *= 2)
        if ((upright->height * eighths + 7) / 8 >= rows && (upright->width * eighths + 7) / 8 >= columns)
            return eighths;
    return 8;
}

static J_COLOR_SPACE choose_colours(const struct jpeg_decompress_struct *r, const dnn_image_desc *desc) {
    if (r->num_components == 4) return JCS_CMYK;
    return (desc->channels ? desc->channels : r->num_components) == 1 ? JCS_GRAYSCALE : JCS_RGB;
}

static void start(dnni_jpeg_job *job) { jpeg_calc_output_dimensions(&job->jpeg.reader); }

static void read_pixels(dnni_jpeg_job *job) {
    struct jpeg_decompress_struct *r = &job->jpeg.reader;
    size_t row_bytes = (size_t)r->output_width * (size_t)r->out_color_components;
    JSAMPROW rows[ROWS_AT_ONCE];
    jpeg_start_decompress(r);
    while (r->output_scanline < r->output_height) {
        JDIMENSION left = r->output_height - r->output_scanline, n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (JDIMENSION i = 0; i < n; i++) rows[i] = job->pixels + (r->output_scanline + i) * row_bytes;
        jpeg_read_scanlines(r, rows, n);
    }
    jpeg_finish_decompress(r);
}

/* Inks to light. Adobe writes them inverted, as everybody who writes them does. */
static dnn_status resolve_inks(dnni_image *image, const dnni_jpeg_job *job) {
    const bool inverted = job->jpeg.reader.saw_Adobe_marker;
    const unsigned char *from = image->data;
    if (job->jpeg.reader.out_color_space != JCS_CMYK) return DNN_OK;
    unsigned char *to = dnni_io_arena_take(job->arena, image->height * image->width * 3);
    if (!to) return DNN_ERROR_MEMORY;
    image->data = to;
    image->channels = 3;
    for (int64_t i = 0; i < image->height * image->width; i++, from += 4)
        for (int c = 0; c < 3; c++) {
            int ink = inverted ? from[c] : 255 - from[c], black = inverted ? from[3] : 255 - from[3];
            *to++ = (unsigned char)((ink * black + 127) / 255);
        }
    return DNN_OK;
}

static bool is_as_wanted(const dnni_image *image, const dnn_image_desc *desc) {
    return image->orientation == 1 && image->height == desc->height && image->width == desc->width &&
           image->channels == desc->channels;
}

static dnn_status decode(dnni_image *image, dnni_jpeg_job *job, const dnn_image_desc *desc, unsigned char *target) {
    struct jpeg_decompress_struct *r = &job->jpeg.reader;
    IO_TRY(begin(image, job));
    IO_TRY(dnni_image_check_bytes(image, desc, job->file->path));
    if (desc->ignore_orientation) image->orientation = 1;
    bool lying = image->orientation > 4;
    dnni_image upright = {.height = lying ? image->width : image->height,
                          .width = lying ? image->height : image->width};
    r->scale_num = choose_scale(&upright, desc);
    r->scale_denom = 8;
    r->out_color_space = choose_colours(r, desc);
    if (!dnni_jpeg_guard(job, start)) return dnni_jpeg_reason(job, job->file->path);
    image->height = r->output_height;
    image->width = r->output_width;
    image->channels = r->out_color_components;
    bool direct = target && is_as_wanted(image, desc);
    image->data = direct ? target : dnni_io_arena_take(job->arena, dnni_image_bytes(image));
    if (!image->data) return DNN_ERROR_MEMORY;
    job->pixels = image->data;
    if (!dnni_jpeg_guard(job, read_pixels)) return dnni_jpeg_reason(job, job->file->path);
    return resolve_inks(image, job);
}

dnn_status dnni_jpeg_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                            const dnn_image_desc *desc, unsigned char *target) {
    dnni_jpeg_job job = {.arena = arena, .file = file};
    dnn_status status = decode(image, &job, desc, target);
    dnni_jpeg_end(&job);
    return status;
}
