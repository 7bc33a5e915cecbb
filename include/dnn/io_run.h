/* libdnn_io: the pictures of a run (run.h), and its page. */
#ifndef DNN_IO_RUN_H
#define DNN_IO_RUN_H

#include "run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds an image to a run of this context: encoded as dnn_png_write does it, then as dnn_run_add_png has it. */
DNN_API dnn_status dnn_run_add_image(dnn_context *ctx, dnn_run *run, const char *tag, int64_t step,
                                     const dnn_tensor *image);

/* Writes what dnn_run_report says of a run's folder as one HTML page, with the pictures of the folder (64 at most), as
 * dnn_report_write_html does it. `path` may be NULL: index.html in the folder. `more` is a report to go with it, of a
 * preflight, say; it may be NULL. It can be written while the run goes on, by another process too. A picture that
 * cannot be read is a finding: picture-unreadable (note). Errors: as those of the two functions. */
DNN_API dnn_status dnn_run_write_html(dnn_context *ctx, const char *path, const char *folder, const dnn_report *more);

#ifdef __cplusplus
}
#endif

#endif
