/* A folder of JPEG files to batches of 32 × 32, beside what libjpeg alone takes to decode the same files: from memory,
 * and with a file opened, read and closed for each. */
#define _POSIX_C_SOURCE 200809L /* open, pread */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"

#ifdef BENCH_HAS_IO
#include <dnn/io.h>

#ifdef BENCH_HAS_JPEG
#include <jpeglib.h>
#endif

enum { SIDE = 32, BATCH = 60, EPOCHS = 50 }; /* so many that what was read ahead before does not count */

typedef struct {
    const dnn_image_folder *folder;
    int read_files;
    unsigned char **bytes;
    unsigned long *n;
    int64_t count;
    dnn_loader *loader;
} job;

static void load(job *j, const dnn_image_folder *folder) {
    j->folder = folder;
    j->count = dnn_image_folder_count(folder);
    j->bytes = calloc((size_t)j->count, sizeof *j->bytes);
    j->n = calloc((size_t)j->count, sizeof *j->n);
    for (int64_t i = 0; i < j->count; i++) {
        FILE *f = fopen(dnn_image_folder_path(folder, i), "rb");
        if (!f) exit(1);
        fseek(f, 0, SEEK_END);
        j->n[i] = (unsigned long)ftell(f);
        rewind(f);
        j->bytes[i] = malloc(j->n[i]);
        if (fread(j->bytes[i], 1, j->n[i], f) != j->n[i]) exit(1);
        fclose(f);
    }
}

#ifdef BENCH_HAS_JPEG
static void read_file(const job *j, int64_t i) {
    struct stat about;
    int file = open(dnn_image_folder_path(j->folder, i), O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) != 0 || pread(file, j->bytes[i], j->n[i], 0) != (ssize_t)j->n[i]) exit(1);
    close(file);
}

/* As a program does that has nothing else in mind: its own memory manager, one image after another. */
static void decode_alone(void *arg) {
    const job *j = arg;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    static unsigned char pixels[1 << 16];
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    for (int64_t i = 0; i < j->count; i++) {
        if (j->read_files) read_file(j, i);
        jpeg_mem_src(&jpeg, j->bytes[i], j->n[i]);
        jpeg_read_header(&jpeg, TRUE);
        jpeg.out_color_space = JCS_RGB;
        jpeg_start_decompress(&jpeg);
        while (jpeg.output_scanline < jpeg.output_height) {
            JSAMPROW row = pixels + jpeg.output_scanline * jpeg.output_width * 3 % (sizeof pixels / 2);
            jpeg_read_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_decompress(&jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
}
#endif

static void read_epochs(void *arg) {
    const job *j = arg;
    const dnn_tensor *x, *t;
    for (int epoch = 0; epoch < EPOCHS;) {
        dnn_status status = dnn_loader_next(j->loader, &x, &t);
        if (status == DNN_END) epoch++;
        else bench_ok(status);
    }
}

static void measure(dnn_context *ctx, const char *path) {
    dnn_image_folder *folder;
    dnn_dataset *dataset;
    job j;
    int32_t threads = dnn_context_threads(ctx);
    dnn_image_desc image = {DNN_SIZED(dnn_image_desc), .height = SIDE, .width = SIDE, .fit = DNN_IMAGE_FIT_COVER};
    dnn_image_folder_desc desc = {DNN_SIZED(dnn_image_folder_desc), .image = &image};
    dnn_loader_desc batches = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1, .workers = threads,
                               .prefetch = 4};
    bench_ok(dnn_image_folder_open(&folder, ctx, path, &desc));
    bench_ok(dnn_image_folder_dataset(&dataset, folder));
    bench_ok(dnn_loader_create(&j.loader, dataset, &batches));
    load(&j, folder);
    double ours = bench_fastest(read_epochs, &j) / (double)(EPOCHS * j.count);
    printf("JPEG folder to batches of %d²: %.1f µs an image, %d worker(s)", SIDE, 1e6 * ours, threads);
#ifdef BENCH_HAS_JPEG
    for (j.read_files = 0; j.read_files < 2; j.read_files++) {
        double alone = bench_fastest(decode_alone, &j) / (double)j.count;
        printf("; libjpeg alone, %s: %.1f µs on one thread, %.2f of that", j.read_files ? "files read" : "from memory",
               1e6 * alone, ours * threads / alone);
    }
#endif
    printf("\n");
    for (int64_t i = 0; i < j.count; i++) free(j.bytes[i]);
    free(j.bytes);
    free(j.n);
    dnn_loader_release(j.loader);
    dnn_dataset_release(dataset);
    dnn_image_folder_release(folder);
}
#endif

void bench_folder(dnn_context *ctx) {
    const char *data = getenv("DNN_DATA_DIR");
    char path[1024];
    snprintf(path, sizeof path, "%s/cifar10/folder", data ? data : "");
#ifdef BENCH_HAS_IO
    if (data) measure(ctx, path);
    else printf("JPEG folder: DNN_DATA_DIR names no data\n");
#else
    (void)ctx;
    printf("JPEG folder: dnn_io was not built\n");
#endif
}
