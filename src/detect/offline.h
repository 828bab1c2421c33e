/* offline.h - `auspex predict`: the failure models over a CSV file.
 *
 * Owner: the caller. Threads: any. */
#pragma once
#include "base/str.h"

#include <stdio.h>

struct predict_options {
    struct str model; /* disk_full, mem_leak, cpu_spike or error_rate */
    double limit;     /* the value at which the failure happens; 0: the model's, in percent */
    const char *path; /* NULL or "-": standard input */
};

/* predict_file - JSON lines {timestamp, risk, eta_seconds, eta_low, eta_high, evidence} to `out`: one for each row, but
 * none sooner than 10 minutes of the file's time (error_rate: 1 minute; or 1/64 of what has passed in it, where that is
 * less) after the one before. A line depends on the rows up to its own only. Input: a header, a time column (RFC 3339,
 * "YYYY-mm-dd HH:MM:SS" taken as UTC, epoch seconds), one or more value columns of which the first is judged; empty,
 * NaN and Inf are missing. Times come out as they were spelled. ERR_INVALID names file and line; an unknown model names
 * those that there are. */
err predict_file(const struct predict_options *options, FILE *out) MUST_USE;
