/* history.c - three rings of readings, each coarser and longer than the one before. */
#include "detect/history.h"

#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    struct reading *at;
    size_t room, first, count;
};

struct history {
    struct ring rings[HISTORY_TIERS];
    double sum[HISTORY_TIERS]; /* of the newest span */
    double last;
    size_t samples;
    int64_t first_ms;
};

static const struct {
    int64_t width_ms;
    size_t max;
} tiers[HISTORY_TIERS] = { { 0, 512 }, { 2 * MINUTE_MS, 360 }, { 15 * MINUTE_MS, 2016 } };

struct history *history_new(void)
{
    struct history *history = calloc(1, sizeof *history);
    if (!history)
        abort();
    history->last = NAN;
    return history;
}

void history_free(struct history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < HISTORY_TIERS; i++)
        free(history->rings[i].at);
    free(history);
}

void history_freep(struct history **history)
{
    history_free(*history);
    *history = NULL;
}

static struct reading *ring_at(const struct ring *ring, size_t index)
{
    return &ring->at[(ring->first + index) % ring->room];
}

static struct reading *ring_last(const struct ring *ring)
{
    return ring->count ? ring_at(ring, ring->count - 1) : NULL;
}

static struct reading *ring_push(struct ring *ring, size_t max)
{
    if (ring->count == ring->room && ring->room < max) {
        size_t room = ring->room ? ring->room * 2 : 16;
        room = room > max ? max : room;
        struct reading *at = calloc(room, sizeof *at);
        if (!at)
            abort();
        for (size_t i = 0; i < ring->count; i++)
            at[i] = *ring_at(ring, i);
        free(ring->at);
        ring->at = at;
        ring->room = room;
        ring->first = 0;
    }
    if (ring->count < ring->room)
        ring->count++;
    else if (++ring->first == ring->room)
        ring->first = 0;
    return ring_last(ring);
}

void history_add(struct history *history, int64_t time_ms, double value)
{
    if (!isfinite(value) || fabs(value) > 1e38 || (history->samples > 0 && time_ms <= history_last_ms(history)))
        return;
    for (size_t i = 0; i < HISTORY_TIERS; i++) {
        struct ring *ring = &history->rings[i];
        struct reading *span = ring_last(ring);
        int64_t width = tiers[i].width_ms;

        if (!span || width == 0 || span->time_ms / width != time_ms / width) {
            span = ring_push(ring, tiers[i].max);
            *span = (struct reading){ .low = INFINITY, .high = -INFINITY };
            history->sum[i] = 0;
        }
        history->sum[i] += value;
        span->time_ms = time_ms;
        span->samples++;
        span->low = fminf(span->low, (float)value);
        span->high = fmaxf(span->high, (float)value);
        span->mean = (float)(history->sum[i] / span->samples);
    }
    if (history->samples++ == 0)
        history->first_ms = time_ms;
    history->last = value;
}

size_t history_samples(const struct history *history)
{
    return history->samples;
}

int64_t history_first_ms(const struct history *history)
{
    return history->first_ms;
}

int64_t history_last_ms(const struct history *history)
{
    struct reading *last = ring_last(&history->rings[HISTORY_RAW]);
    return last ? last->time_ms : 0;
}

double history_last(const struct history *history)
{
    return history->last;
}

struct reading_list history_window(struct arena *arena, const struct history *history, int64_t from_ms, int64_t to_ms)
{
    const struct ring *best = NULL;

    /* A ring that was full dropped its oldest; one that is not full has all that there ever was. */
    for (size_t i = 0; i < HISTORY_TIERS; i++) {
        const struct ring *ring = &history->rings[i];
        if (ring->count == 0)
            continue;
        if (!best || ring_at(ring, 0)->time_ms < ring_at(best, 0)->time_ms - (int64_t)tiers[i].width_ms)
            best = ring;
        if (ring_at(best, 0)->time_ms <= from_ms)
            break;
    }
    struct reading_list list = { 0 };
    if (!best)
        return list;
    struct reading *at = arena_array(arena, best->count + 1, sizeof *at);
    for (size_t i = 0; i < best->count; i++) {
        struct reading *reading = ring_at(best, i);
        if (reading->time_ms > from_ms && reading->time_ms <= to_ms)
            at[list.count++] = *reading;
    }
    list.at = at;
    return list;
}
