/* libdnn_io: reports as pages to look at. */
#ifndef DNN_IO_REPORT_H
#define DNN_IO_REPORT_H

#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a report as one HTML file: findings with what to do, figures, sections, and all pictures in it, as PNG. It
 * needs no server, no script and no other file, loads nothing from anywhere, and can be read on a telephone, on light
 * and on dark screens. Whatever text the report holds is shown as text. `title` may be NULL: the report's own. The file
 * appears when it is complete: on failure what was there stays. The same report gives the same bytes.
 * Errors: IO with the path and the system's reason; ARGUMENT; MEMORY. */
DNN_API dnn_status dnn_report_write_html(dnn_context *ctx, const char *path, const dnn_report *report,
                                         const char *title);

#ifdef __cplusplus
}
#endif

#endif
