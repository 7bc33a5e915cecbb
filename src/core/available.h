/* How much memory there is. */
#ifndef DNNI_AVAILABLE_H
#define DNNI_AVAILABLE_H

#include <stdint.h>

/* Bytes that the process may still take, as the files below `root` say ("" for the system's own): MemAvailable of
 * /proc/meminfo, or the least limit of its control group and those above it (cgroup v2 and v1), if that is less. What
 * is missing or says nothing is passed over; 0: nothing says anything. */
int64_t dnni_available_memory(const char *root);

#endif
