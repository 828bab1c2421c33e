/* exposition.h - reads what exporters answer: Prometheus' text format 0.0.4 and OpenMetrics 1.0.
 *
 * Owner: everything points into the text, or lives in the arena. Threads: any.
 *
 * All or nothing, as Prometheus has it: a text with one wrong line gives no sample at all. Labels are checked but not
 * taken apart: the bytes of `series` are the series' identity, and exposition_labels is asked once for each new one. */
#pragma once
#include "model/series_source.h"

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* exposition_format - of a Content-Type header. */
enum exposition_format exposition_format(struct str content_type);

struct exposition_sample {
    struct str series; /* name{...}, or {"name",...} */
    double value;
    int64_t time_ms;     /* EXPOSITION_NO_TIME: none was given */
    struct str exemplar; /* {...} value [time], what stood behind the #; "" */
};
#define EXPOSITION_NO_TIME INT64_MIN

struct exposition {
    VEC(struct exposition_sample) samples;
    VEC(struct metric_meta) metas; /* one a family */
};

/* exposition_parse - ERR_INVALID names line and column. At most samples_max samples (0: no limit), else ERR_TOO_LARGE.
 */
err exposition_parse(struct arena *arena, struct str text, enum exposition_format format, size_t samples_max,
                     struct exposition *ret_exposition) MUST_USE;
/* exposition_labels - of a series as exposition_parse found it, __name__ included, in the order of the text. */
err exposition_labels(struct arena *arena, struct str series, struct labels *ret_labels) MUST_USE;
/* exposition_exemplar - of a sample that has one; its time is `otherwise_ms` where it says none. */
err exposition_exemplar(struct arena *arena, struct str exemplar, int64_t otherwise_ms,
                        struct exemplar *ret_exemplar) MUST_USE;
