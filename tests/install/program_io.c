/* A program outside the tree that uses libdnn_io: an image written, read back, compared. */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <string.h>

static int fail(void) {
    fprintf(stderr, "%s\n", dnn_last_error());
    return 1;
}

int main(void) {
    unsigned char pixels[2][3] = {{0, 1, 2}, {100, 200, 255}};
    dnn_context *ctx;
    dnn_tensor *image, *back;
    if (dnn_context_create(&ctx, NULL) != DNN_OK) return fail();
    if (dnn_tensor_wrap(&image, ctx, DNN_U8, 2, (int64_t[]){2, 3}, pixels, NULL, NULL) != DNN_OK) return fail();
    if (dnn_png_write(ctx, "program_io.png", image) != DNN_OK) return fail();
    if (dnn_png_read(&back, ctx, "program_io.png", NULL) != DNN_OK) return fail();
    int equal = dnn_tensor_bytes(back) == sizeof pixels && memcmp(dnn_tensor_data(back), pixels, sizeof pixels) == 0;
    dnn_tensor_release(back);
    dnn_tensor_release(image);
    dnn_context_release(ctx);
    remove("program_io.png");
    return equal ? 0 : 1;
}
