/* libdnn_io: files in other people's formats. A library of its own beside libdnn, because it needs zlib, libpng and
 * libjpeg: link -ldnn_io (pkg-config: dnn_io; CMake: dnn::dnn_io).
 *
 *     io_arrays.h    IDX, npy, npz, CIFAR, text in windows
 *     io_images.h    PNG, JPEG, folders of images
 *     io_report.h    reports as pages
 *     io_run.h       pictures and the page of a run
 *     io_tables.h    CSV
 *
 * Files are read strictly: what the file says of sizes is checked against what it holds before memory is allocated, and
 * checksums are checked. Memory, that of zlib, libpng and libjpeg included (but for 4 KiB of each of libjpeg's
 * decoders), comes from the context's allocator. Reading takes at most four times the file's size and 4 MiB; where a
 * file unfolds (compression, images), what it unfolds to comes on top, and is limited by max_bytes.
 *
 * Datasets of files that are not compressed do not hold them in memory: a sample is read from its place in the file
 * when it is asked for, so that files may be larger than memory. The files stay open, and must not be changed
 * meanwhile: one that was cut short is an error of the samples that are gone. All datasets here may be read by several
 * threads at once.
 *
 * Errors of all functions: IO with the system's reason; FORMAT with what is wrong, for a file that is damaged or is
 * something else; UNSUPPORTED for what the format allows and this library does not read; MEMORY; ARGUMENT. Messages
 * begin with the path, and name record, line or field. A sample that cannot be read is CALLBACK, with that message. */
#ifndef DNN_IO_H
#define DNN_IO_H

#include "io_arrays.h"
#include "io_images.h"
#include "io_report.h"
#include "io_run.h"
#include "io_tables.h"

#endif
