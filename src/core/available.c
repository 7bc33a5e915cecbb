#include "core/available.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 8192, PATH_ROOM = 4096 };

#define NO_LIMIT (INT64_C(1) << 60) /* cgroup v1 says so in numbers like 2^63 - 4096 */

/* The first bytes of a file as text; false if it cannot be read. */
static bool read_text(const char *path, char *text, size_t room) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    if (file < 0) return false;
    while (used + 1 < room) {
        ssize_t n = read(file, text + used, room - 1 - used);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        used += (size_t)n;
    }
    close(file);
    text[used] = '\0';
    return used > 0;
}

/* Decimal digits at the start of a text, without a locale; -1 if there are none, or too many. */
static int64_t number_of(const char *text) {
    int64_t n = -1;
    while (*text == ' ' || *text == '\t') text++;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (n > (INT64_MAX - 9) / 10) return -1;
        n = (n < 0 ? 0 : n) * 10 + (*text - '0');
    }
    return n;
}

static void lower(int64_t *least, int64_t bytes) {
    if (bytes >= 0 && bytes < NO_LIMIT && (*least == 0 || bytes < *least)) *least = bytes > 0 ? bytes : 1;
}

static void look_at_meminfo(const char *root, int64_t *least) {
    char path[PATH_ROOM], text[ROOM];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (!read_text(path, text, sizeof text)) return;
    const char *line = strstr(text, "MemAvailable:");
    int64_t kilobytes = line ? number_of(line + strlen("MemAvailable:")) : -1;
    if (kilobytes >= 0 && kilobytes < NO_LIMIT / 1024) lower(least, kilobytes * 1024);
}

/* The limits of a group and of all above it: `group` is "/a/b", and is cut on the way. */
static void look_at_groups(const char *root, const char *folder, char *group, const char *file, int64_t *least) {
    char path[PATH_ROOM], text[64];
    for (;;) {
        int length = snprintf(path, sizeof path, "%s%s%s/%s", root, folder, group, file);
        bool whole = length > 0 && length < (int)sizeof path;
        if (whole && read_text(path, text, sizeof text)) lower(least, number_of(text));
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = '\0';
    }
}

/* Whether "memory" is among names that commas part. */
static bool names_memory(const char *names) {
    const char *found = strstr(names, "memory");
    return found && (found == names || found[-1] == ',') && (found[6] == ',' || found[6] == '\0');
}

/* A line is "number:controllers:/group"; version 2 has no controllers. */
static void look_at_line(const char *root, char *line, int64_t *least) {
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) return;
    *group++ = '\0';
    controllers++;
    if (*controllers == '\0') look_at_groups(root, "/sys/fs/cgroup", group, "memory.max", least);
    else if (names_memory(controllers))
        look_at_groups(root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", least);
}

int64_t dnni_available_memory(const char *root) {
    int64_t least = 0;
    char path[PATH_ROOM], text[ROOM];
    look_at_meminfo(root, &least);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(path, text, sizeof text)) return least;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        look_at_line(root, line, &least);
        line = end ? end + 1 : NULL;
    }
    return least;
}
