/* growth.c - finds the stretch of a series that leads to its limit, and tells it from all that only looks so.
 *
 * DESIGN. A failure that is coming leaves four marks that load, collections, caches and restarts do not leave together:
 * the floor rises steadily; it does not slow down; it rises more than it ever did over as long a time, above where it
 * ever stood; and we have watched it for a fair share of the way (nobody should trust a line twice as long as what it
 * was drawn through). Each mark is a factor in 0..1, their product is the confidence; confidence and the time left make
 * the risk. Stretches are window / 2^k long; the one with the highest risk speaks. */
#include "detect/growth.h"

#include "detect/stat.h"
#include "detect/trend.h"

#include <math.h>

#define TAU_FROM 0.6

enum { SLOTS = 16, SLOTS_NEEDED = 13, READINGS_NEEDED = 13, EARLIER_SLOTS_MAX = 40 * SLOTS };

struct slots {
    double time[SLOTS]; /* seconds before now: negative */
    double low[SLOTS], mean[SLOTS], high[SLOTS];
    size_t count;
    size_t samples;
};

struct earlier {
    double span_s;   /* how long the series was known before the stretch */
    double max_rise; /* of the floor, over as long as the stretch */
    double max_floor;
    double base; /* median floor */
};

/* 0 at or below `from`, 1 at or above `to`. */
static double ramp(double x, double from, double to)
{
    return fmin(1, fmax(0, (x - from) / (to - from)));
}

static bool fill_slots(struct arena *arena, const struct history *history, int64_t now, int64_t length,
                       struct slots *ret_slots)
{
    struct reading_list list = history_window(arena, history, now - length, now);
    struct slots slots = { 0 };
    int last_slot = -1;
    double means = 0;
    uint32_t in_slot = 0;

    if (list.count < READINGS_NEEDED || list.at[0].time_ms - (now - length) > length / 6)
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const struct reading *r = &list.at[i];
        int slot = (int)((r->time_ms - (now - length) - 1) * SLOTS / length);
        if (slot != last_slot) {
            size_t at = slots.count++;
            slots.time[at] = ((double)slot + 0.5 - SLOTS) / SLOTS * (double)length / 1000;
            slots.low[at] = INFINITY;
            slots.high[at] = -INFINITY;
            last_slot = slot;
            means = 0;
            in_slot = 0;
        }
        size_t at = slots.count - 1;
        means += (double)r->mean * r->samples;
        in_slot += r->samples;
        slots.samples += r->samples;
        slots.low[at] = fmin(slots.low[at], r->low);
        slots.high[at] = fmax(slots.high[at], r->high);
        slots.mean[at] = means / in_slot;
    }
    *ret_slots = slots;
    return slots.count >= SLOTS_NEEDED && last_slot == SLOTS - 1;
}

/* What the series did before the stretch, in slots of the same length as the stretch's. */
static struct earlier look_back(struct arena *arena, const struct history *history, int64_t now, int64_t length)
{
    int64_t end = now - length, slot_ms = length / SLOTS > 0 ? length / SLOTS : 1;
    int64_t from = end - slot_ms * EARLIER_SLOTS_MAX;
    struct reading_list list = history_window(arena, history, from, end);
    double *floors = arena_array(arena, list.count + 1, sizeof *floors);
    double *sorted = arena_array(arena, list.count + 1, sizeof *sorted);
    int64_t *times = arena_array(arena, list.count + 1, sizeof *times);
    size_t count = 0, behind = 0;
    struct earlier earlier = { .max_floor = -INFINITY, .base = NAN };

    earlier.span_s = (double)(end - history_first_ms(history)) / 1000;
    for (size_t i = 0; i < list.count; i++) {
        int64_t slot = list.at[i].time_ms / slot_ms;
        if (count == 0 || slot != times[count - 1]) {
            times[count] = slot;
            floors[count++] = list.at[i].low;
        }
        floors[count - 1] = fmin(floors[count - 1], list.at[i].low);
    }
    for (size_t i = 0; i < count; i++) {
        while (times[i] - times[behind] > SLOTS)
            behind++;
        earlier.max_rise = fmax(earlier.max_rise, floors[i] - floors[behind]);
        if (behind + 1 <= i)
            earlier.max_rise = fmax(earlier.max_rise, floors[i] - floors[behind + 1]);
        earlier.max_floor = fmax(earlier.max_floor, floors[i]);
        sorted[i] = floors[i];
    }
    earlier.base = stat_median(sorted, count);
    return earlier;
}

static struct trend_points part(const struct slots *slots, const double *values, size_t from, size_t to)
{
    return (struct trend_points){ slots->time + from, values + from, to - from };
}

static double median_reach(const struct slots *slots)
{
    double reach[SLOTS];

    for (size_t i = 0; i < slots->count; i++)
        reach[i] = slots->high[i] - slots->mean[i];
    return stat_median(reach, slots->count);
}

/* How far the floor's slots lie from the line through them, typically. */
static double floor_scatter(struct arena *arena, const struct slots *slots, double slope)
{
    double rest[SLOTS];

    for (size_t i = 0; i < slots->count; i++)
        rest[i] = slots->low[i] - slope * slots->time[i];
    return trend_robust_z(arena, rest, slots->count, 0, 0).scale;
}

static void set_eta(struct assessment *judged, const struct trend_line *line, const struct trend_line *newer,
                    double limit)
{
    struct trend_crossing all = trend_line_crossing(line, limit);
    struct trend_crossing late = { NAN, NAN, NAN };

    if (newer->slope > 0)
        late = trend_line_crossing(newer, limit);
    judged->eta_seconds = fmax(0, all.at);
    judged->eta_low = fmax(0, fmin(fmin(all.low, late.low), fmin(all.at, isnan(late.at) ? all.at : late.at)));
    double high = fmax(fmax(all.high, late.high), fmax(all.at, late.at));
    judged->eta_high = newer->slope > 0 && isfinite(high) ? high : NAN;
}

static double confidence_of(struct arena *arena, const struct slots *slots, const struct trend_monotone *floor,
                            const struct earlier *earlier, const struct trend_line *line, double p_value,
                            const struct assess_options *options, double length_s, double eta_s)
{
    double sen = trend_sen_slope(arena, part(slots, slots->low, 0, slots->count));
    size_t half = slots->count / 2;
    double older = trend_sen_slope(arena, part(slots, slots->low, 0, half));
    double newer = trend_sen_slope(arena, part(slots, slots->low, half, slots->count));
    size_t third = slots->count / 3;
    double middle = trend_sen_slope(arena, part(slots, slots->low, third, slots->count - third));
    double newest = trend_sen_slope(arena, part(slots, slots->low, slots->count - third, slots->count));
    double rise = sen * length_s, scatter = floor_scatter(arena, slots, sen);
    double noise = fmax(scatter, options->noise_floor);

    if (!(sen > 0) || !(line->slope > 0))
        return 0;
    double seen = length_s / (length_s + eta_s); /* share of the way that we watched */
    double monotone = ramp(floor->tau, TAU_FROM, 0.85);
    double significant = ramp(-log10(fmax(p_value, 1e-12)), 1, 3);
    double steady = older > 0 ? ramp(newer / older, 0.4, 0.75) : 1;
    if (middle > 0)
        steady = fmin(steady, ramp(newest / middle, 0.3, 0.6));
    double clear = ramp(rise / noise, 3, 6);
    double allowance = seen >= 0.7 ? 1.15 : 1.5 - 0.35 * ramp(seen, 0.5, 0.7);
    double unheard = earlier->max_rise > 0 ? ramp(rise / earlier->max_rise, 0.6 * allowance, allowance) : 1;
    double floor_now = fmin(slots->low[slots->count - 1], slots->low[slots->count - 2]);
    double higher = ramp(floor_now - earlier->max_floor, 0, fmax(noise, 0.5 * (earlier->max_floor - earlier->base)));
    double watched = ramp(seen, 0.15, earlier->span_s < 1.25 * 86400 - length_s ? 0.6 : 0.33);
    double known = ramp(earlier->span_s / fmin(length_s, 86400), 0.5, 1);
    return monotone * significant * steady * clear * unheard * higher * watched * known;
}

static bool judge(struct arena *arena, const struct history *history, const struct assess_options *options,
                  int64_t length, bool line_decides, struct assessment *ret_judged)
{
    int64_t now = history_last_ms(history);
    double length_s = (double)length / 1000, horizon = (double)options->horizon_ms / 1000;
    struct assessment judged = { .eta_seconds = NAN, .eta_low = NAN, .eta_high = NAN };
    struct slots slots;
    struct trend_line line, newer;

    if (!fill_slots(arena, history, now, length, &slots))
        return false;
    size_t half = slots.count / 2;
    if (!trend_line_fit(arena, part(&slots, slots.mean, 0, slots.count), &line) ||
        !trend_line_fit(arena, part(&slots, slots.mean, half, slots.count), &newer))
        return false;
    judged.evidence = (struct evidence){ .slope_per_hour = line.slope * 3600,
                                         .r2 = line.r2,
                                         .p_value = line.p_value,
                                         .baseline = slots.low[0],
                                         .samples = slots.samples,
                                         .window_seconds = length_s };
    double limit = options->limit - median_reach(&slots);
    struct trend_monotone floor = trend_mann_kendall(part(&slots, slots.low, 0, slots.count));
    if (line.slope > 0 && floor.tau > TAU_FROM) {
        struct earlier earlier = look_back(arena, history, now, length);
        if (!isnan(earlier.base))
            judged.evidence.baseline = earlier.base;
        double eta = fmax(0, (limit - trend_line_at(&line, 0)) / line.slope);
        /* A curve leaves long runs of residuals on one side, which cost the line its significance: its newer half then
         * speaks for itself. */
        double p_value = line_decides ? fmin(line.p_value, newer.p_value) : 0;
        double confidence = confidence_of(arena, &slots, &floor, &earlier, &line, p_value, options, length_s, eta);
        double urgency = eta <= horizon ? 1 - 0.25 * eta / horizon : 0.75 * horizon / eta;
        judged.risk = fmin(0.99, confidence * (eta <= horizon ? 0.95 * urgency : 0.9 * urgency));
        if (line.p_value < 0.05 && eta < 10 * horizon)
            set_eta(&judged, &line, &newer, limit);
    }
    *ret_judged = judged;
    return true;
}

/* The level alone: 0.4 at the threshold, 0.65 just under the limit, 1 where the limit is reached and held. */
static double level_risk(const struct assess_options *options, double held)
{
    if (held >= options->limit - options->noise_floor / 10)
        return 1;
    if (held < options->threshold || options->limit <= options->threshold)
        return 0;
    return 0.4 + 0.25 * (held - options->threshold) / (options->limit - options->threshold);
}

struct assessment growth_assess(struct arena *arena, const struct history *history,
                                const struct assess_options *options, bool line_decides)
{
    struct assessment best = { .eta_seconds = NAN, .eta_low = NAN, .eta_high = NAN, .learning = true };
    int64_t now = history_last_ms(history), known = now - history_first_ms(history);
    struct reading_list newest = history_window(arena, history, now - options->min_window_ms / 4 - 1, now);
    double held = INFINITY;
    bool any = false;

    best.evidence = (struct evidence){ .p_value = 1, .baseline = NAN };
    for (size_t i = 0; i < newest.count; i++)
        held = fmin(held, newest.at[i].mean);
    best.value = newest.count ? newest.at[newest.count - 1].mean : NAN;
    for (int64_t length = options->window_ms; length >= options->min_window_ms && length > known / 1024; length /= 2) {
        struct assessment judged;
        if (length > known + known / 8 || !judge(arena, history, options, length, line_decides, &judged))
            continue;
        judged.learning = known < 2 * length && !any;
        judged.value = best.value;
        if (!any || judged.risk > best.risk)
            best = judged;
        any = true;
    }
    best.learning = known < 2 * options->min_window_ms || !any;
    if (newest.count > 0)
        best.risk = fmax(best.risk, level_risk(options, held));
    return best;
}
