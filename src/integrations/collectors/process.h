/* process.h - one process as /proc/PID/stat tells, for the collector and its test.
 *
 * Owner: values. Threads: any. */
#pragma once
#include "base/str.h"

struct process_stat {
    struct str name; /* a view of the line */
    char state;
    int64_t parent, minor_faults, major_faults, user_ticks, system_ticks, threads, start_ticks, virtual_bytes,
        rss_pages;
};

/* process_parse - false where the line is none. Names may hold blanks and parentheses: the last one ends it. */
bool process_parse(struct str line, struct process_stat *ret_stat) MUST_USE;
