/* What is checked without differences. Findings are added to the report; a status that is not OK means that the check
 * could not be done. */
#ifndef DNNI_CHECK_STRUCTURE_H
#define DNNI_CHECK_STRUCTURE_H

#include "check/network.h"
#include "check/report.h"

/* Repeats, linearity, accumulation, freezing, and what may only be read. The network is in a phase and measured. */
dnn_status dnni_gradcheck_structure(check_network *network, const char *phase, dnn_check_report *report);

/* One more of those: a batch against its parts. */
dnn_status dnni_gradcheck_samples(check_network *network, const char *phase, dnn_check_report *report);

/* Moves all values a little, at random; and back. */
void dnni_gradcheck_move_all(const check_network *network);
void dnni_gradcheck_all_home(const check_network *network);

/* Runs the float32 copy, and notes how far each gradient is from the analytic one. The float64 copy is in again after
 * it. */
dnn_status dnni_gradcheck_float32(check_network *network, const char *phase, const dnn_check_desc *options,
                                  dnn_check_report *report);

/* The same for a loss alone, which has been measured. */
dnn_status dnni_gradcheck_loss_float32(check_loss_alone *alone, const dnn_check_desc *options,
                                       dnn_check_report *report);

#endif
