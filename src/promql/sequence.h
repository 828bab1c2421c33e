/* sequence.h - samples as tests of rules and of the language write them: "1 2+3x4 _ stale {{count:5}}x3".
 *
 * Owner: the arena given. Threads: any. */
#pragma once
#include "model/series_source.h"

/* One place of a sequence: a float, a histogram where that is set, or a gap. */
struct sequence_item {
    bool present;
    double value;
    const struct histogram *histogram;
};
struct sequence {
    VEC(struct sequence_item) items;
};
/* sequence_parse - Prometheus' notation: "a+bxN" is a and N more, each b further; "_xN" N gaps; "stale" ends the
 * series. ERR_INVALID; ERR_TOO_LARGE past the arena's budget. */
err sequence_parse(struct arena *arena, struct str text, struct sequence *ret_sequence) MUST_USE;
/* sequence_duration - "1h30m", "-5m", "0". */
bool sequence_duration(struct str text, int64_t *ret_ms) MUST_USE;
bool sequence_number(struct str text, double *ret_value) MUST_USE; /* Inf, NaN and durations as seconds among them */
