/* history.h - what a detector remembers of one series: the newest samples as they came, older ones as short spans with
 * lowest, mean and highest value.
 *
 * Owner: whoever called history_new. Threads: one at a time. Bounded: 512 samples, 360 spans of 2 minutes (12 hours)
 * and 2,016 spans of 15 minutes (21 days), 24 bytes each, taken as they are needed. */
#pragma once
#include "base/arena.h"

struct reading {
    int64_t time_ms; /* of the newest sample in it */
    float low, mean, high;
    uint32_t samples;
};

enum history_tier { HISTORY_RAW, HISTORY_FINE, HISTORY_COARSE, HISTORY_TIERS };

struct history;

struct history *history_new(void);
void history_free(struct history *history);
void history_freep(struct history **history);

/* history_add - one sample. What is not finite, or not newer than the last, is dropped. */
void history_add(struct history *history, int64_t time_ms, double value);
size_t history_samples(const struct history *history);   /* ever added */
int64_t history_first_ms(const struct history *history); /* 0 where it is empty */
int64_t history_last_ms(const struct history *history);
double history_last(const struct history *history); /* NaN where it is empty */

struct reading_list {
    const struct reading *at;
    size_t count;
};
/* history_window - the readings of (from_ms, to_ms], from the finest tier that reaches back to from_ms. */
struct reading_list history_window(struct arena *arena, const struct history *history, int64_t from_ms, int64_t to_ms);
