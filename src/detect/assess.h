/* assess.h - the four named algorithms: from what is remembered of a series to a risk, a time left, and the evidence.
 *
 * Owner: results are values. Threads: any, as long as the history stands still. Pure: the same history gives the same
 * answer, and nothing later than its newest reading is looked at.
 *
 * Risk runs from 0 to 1: below 0.4 nothing to name, from 0.7 on an alarm: the limit will be reached within the
 * horizon if nothing changes. A full but steady disk (or memory) is a risk by its level alone, and a modest one: 0.4
 * at the threshold, never 0.7 before the limit is really reached; no trend means that nobody needs to get up. */
#pragma once
#include "detect/history.h"

enum algorithm { LINEAR_REGRESSION, MONOTONIC_INCREASE, LINEAR_EXTRAPOLATION, Z_SCORE_ANOMALY, ALGORITHMS };
const char *algorithm_name(enum algorithm algorithm);

struct assess_options {
    double threshold;      /* from here on the level itself is worth naming */
    double limit;          /* reached: failed */
    int64_t window_ms;     /* how far back the model looks */
    int64_t min_window_ms; /* the shortest stretch that may raise an alarm */
    int64_t horizon_ms;    /* failures later than this are not announced */
    double noise_floor;    /* moves smaller than this mean nothing, in the series' own unit */
};

struct evidence {
    double slope_per_hour, r2, p_value;
    double baseline; /* what was usual: the floor before the stretch, or the median for anomalies. NaN: unknown */
    size_t samples;  /* that the stretch holds */
    double window_seconds;
};

struct assessment {
    double risk;
    double eta_seconds, eta_low, eta_high; /* NaN: none, or unbounded */
    struct evidence evidence;
    bool learning; /* too little is known for more than the level */
    double value;  /* the newest, smoothed over the last few readings */
};

/* assess - run one algorithm over all that `history` holds, as of its newest reading.
 *
 * MONOTONIC_INCREASE (memory leaks): a rising floor. Each stretch of window / 2^k is cut into 16 slots; the lowest
 * values of the slots must rise by the Mann-Kendall test (so a sawtooth of collections or restarts that falls back
 * does not count), not slow down (a warming cache does), rise more than this series ever did over as long a time
 * (a daily load does not), and be seen for at least half as long as is left. Then the line through the slots' means
 * is followed up to the limit, with Fieller's interval, widened by what its newer half says.
 *
 * LINEAR_EXTRAPOLATION (disks): the same search; what decides is the line's own t test beside the floor's.
 *
 * LINEAR_REGRESSION (CPU): least squares over stretches of at least a day, Theil-Sen must agree within a factor
 * of two. A level above the threshold over the last 15 minutes counts by how unusual it is for this series.
 *
 * Z_SCORE_ANOMALY (error rates): the newest readings against median and MAD of the window before them; risk is
 * surprise times how near to the threshold the value is. It has no ETA. */
struct assessment assess(struct arena *arena, enum algorithm algorithm, const struct history *history,
                         const struct assess_options *options);
