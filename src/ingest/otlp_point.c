/* otlp_point.c - points of all kinds to samples and exemplars. */
#include "ingest/otlp_point.h"
#include "ingest/otlp_histogram.h"

enum { NS_PER_MS = 1000000, EXEMPLAR_RUNES_MAX = 128 };

static int64_t ms_of(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_MS);
}

void otlp_refuse(struct otlp_place *place, const char *why)
{
    struct arena *arena = place->to->arena;

    if (place->refused)
        return;
    place->refused = true;
    if (!place->refusals->points++)
        place->refusals->why =
            str_utf8_scrub(arena, str_printf(arena, "%.*s: %s", STR_ARG(str_utf8_head(place->metric, 200)), why));
}

static void took(struct otlp_place *place, enum append_outcome outcome)
{
    if (outcome != APPEND_OK && outcome != APPEND_DUPLICATE)
        otlp_refuse(place, str_c(place->to->arena, append_so_far(place->to->append)->why));
}

/* emit - one float of the series. */
static void emit(struct otlp_place *place, struct str suffix, struct label more, double value)
{
    struct append *append = place->to->append;

    append_labels(append, otlp_series_labels(place->to->arena, place->labels, place->metric, suffix, more));
    if (place->begin && place->start_ms && place->start_ms + 1 < place->time_ms)
        append_float(append, place->start_ms + 1, place->start_ms, 0);
    took(place, append_float(append, place->time_ms, place->start_ms, place->stale ? value_stale() : value));
}

static size_t runes(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += (text.at[i] & 0xc0) != 0x80;
    return count;
}

/* note_exemplar - of the current series. Attributes go with it where all of it stays within OpenMetrics' 128. */
static void note_exemplar(struct otlp_place *place, const struct otlp_exemplar *from)
{
    struct arena *arena = place->to->arena;
    struct label *labels = arena_array(arena, from->attributes.count + 2, sizeof(*labels));
    size_t count = 0, length = 0;

    if (from->trace_id.length)
        labels[count++] = (struct label){ S("trace_id"), from->trace_id };
    if (from->span_id.length)
        labels[count++] = (struct label){ S("span_id"), from->span_id };
    size_t own = count;
    for (size_t i = 0; i < from->attributes.count; i++)
        labels[count++] = from->attributes.at[i];
    for (size_t i = 0; i < count; i++) {
        length += runes(labels[i].name) + runes(labels[i].value);
        if (!str_is_utf8(labels[i].name) || !str_is_utf8(labels[i].value))
            length = EXEMPLAR_RUNES_MAX + 1;
    }
    const struct exemplar exemplar = {
        .labels = labels_make(arena, labels, length > EXEMPLAR_RUNES_MAX ? own : count),
        .time_ms = from->time_ns ? ms_of(from->time_ns) : place->time_ms,
        .value = from->value,
    };
    append_exemplar(place->to->append, &exemplar);
}

/* note_exemplars - those with a value in (above, upto]. */
static void note_exemplars(struct otlp_place *place, double above, double upto, bool all)
{
    for (size_t i = 0; i < place->point->exemplars.count; i++) {
        const struct otlp_exemplar *it = &place->point->exemplars.at[i];
        if (all || (it->value > above && it->value <= upto))
            note_exemplar(place, it);
    }
}

/* add_delta - *number or *histogram becomes the running total. False where the point is not stored. */
static bool add_delta(struct otlp_place *place, double *number, const struct histogram **histogram)
{
    struct arena *arena = place->to->arena;
    struct delta delta = {
        .series = otlp_series_labels(arena, place->labels, place->metric, S(""), (struct label){ S(""), S("") }),
        .start_ns = place->point->start_ns,
        .time_ns = place->point->time_ns,
        .number = number ? *number : 0,
        .histogram = histogram ? *histogram : NULL,
    };
    enum delta_result result = DELTA_LATE;
    err e = delta_add(place->to->turn, arena, &delta, &result);

    if (e)
        otlp_refuse(place, err_message(e));
    else if (result == DELTA_LATE)
        otlp_refuse(place, "a delta came after a later one of its series, so it can't be added any more");
    if (!e && (result == DELTA_ADDED || result == DELTA_BEGUN)) {
        if (number)
            *number = delta.number;
        if (histogram)
            *histogram = delta.histogram;
        place->start_ms = ms_of(delta.start_ns);
        place->begin = result == DELTA_BEGUN;
        return true;
    }
    err_free(e);
    return false;
}

bool otlp_has_temporality(const struct otlp_metric *metric)
{
    return metric->kind == OTLP_SUM || metric->kind == OTLP_HISTOGRAM || metric->kind == OTLP_EXPONENTIAL;
}

static bool is_delta(const struct otlp_place *place, const struct otlp_metric *metric)
{
    return otlp_has_temporality(metric) && metric->temporality == OTLP_DELTA && !place->stale;
}

static const struct label no_label = { { "", 0 }, { "", 0 } };

static void append_number(struct otlp_place *place, const struct otlp_metric *metric)
{
    double value = place->point->value;

    if (!place->point->has_value && !place->stale) {
        otlp_refuse(place, "a point has no value");
        return;
    }
    if (is_delta(place, metric) && !add_delta(place, &value, NULL))
        return;
    emit(place, S(""), no_label, value);
    if (metric->kind == OTLP_SUM)
        note_exemplars(place, 0, 0, true);
}

static void append_buckets(struct otlp_place *place, double count, const double *counts, const double *bounds,
                           size_t bound_count)
{
    double below = 0, above = -__builtin_inf();

    for (size_t i = 0; i < bound_count; i++) {
        below += counts[i];
        struct label le = { S("le"), otlp_plain_double_text(place->to->arena, bounds[i]) };
        emit(place, S("_bucket"), le, below);
        note_exemplars(place, above, bounds[i], false);
        above = bounds[i];
    }
    emit(place, S("_bucket"), (struct label){ S("le"), S("+Inf") }, count);
    note_exemplars(place, above, __builtin_inf(), false);
}

static void append_classic(struct otlp_place *place, const struct otlp_metric *metric)
{
    const struct otlp_point *point = place->point;
    const struct histogram *histogram = NULL;
    const double *counts = point->counts.at, *bounds = point->bounds.at;
    double count = point->count, sum = point->sum;
    size_t bound_count = point->bounds.count;

    if (point->counts.count ? point->counts.count != bound_count + 1 : bound_count != 0 && !place->stale) {
        otlp_refuse(place, "a histogram has not one bucket count more than bounds");
        return;
    }
    if (!point->counts.count)
        bound_count = 0;
    if (is_delta(place, metric)) {
        err e = otlp_explicit_histogram(place->to->arena, point, &histogram);
        if (e)
            otlp_refuse(place, err_message(e));
        if (e || !add_delta(place, NULL, &histogram)) {
            err_free(e);
            return;
        }
        counts = otlp_classic_counts(place->to->arena, histogram);
        bounds = histogram->bounds;
        bound_count = histogram->bound_count;
        count = histogram->count;
        sum = histogram->sum;
    }
    while (bound_count && bounds[bound_count - 1] == __builtin_inf())
        bound_count--; /* it is implied, and written below */
    if (point->has_sum || place->stale)
        emit(place, S("_sum"), no_label, sum);
    emit(place, S("_count"), no_label, count);
    append_buckets(place, count, counts, bounds, bound_count);
}

static void append_exponential(struct otlp_place *place, const struct otlp_metric *metric)
{
    struct append *append = place->to->append;
    const struct histogram *histogram = NULL;
    const struct histogram stale = { .integral = true, .sum = value_stale() };
    err e = place->stale ? NULL : otlp_exponential_histogram(place->to->arena, place->point, &histogram);

    if (e)
        otlp_refuse(place, err_message(e));
    if (e || (is_delta(place, metric) && !add_delta(place, NULL, &histogram))) {
        err_free(e);
        return;
    }
    append_labels(append, otlp_series_labels(place->to->arena, place->labels, place->metric, S(""), no_label));
    if (place->begin && place->start_ms && place->start_ms + 1 < place->time_ms) {
        const struct histogram none = { .schema = histogram->schema,
                                        .integral = true,
                                        .zero_threshold = histogram->zero_threshold };
        append_histogram(append, place->start_ms + 1, place->start_ms, &none);
    }
    took(place, append_histogram(append, place->time_ms, place->start_ms, place->stale ? &stale : histogram));
    note_exemplars(place, 0, 0, true);
}

static void append_summary(struct otlp_place *place)
{
    const struct otlp_point *point = place->point;

    emit(place, S("_sum"), no_label, point->sum);
    emit(place, S("_count"), no_label, point->count);
    for (size_t i = 0; i < point->bounds.count; i++) {
        struct label quantile = { S("quantile"), otlp_plain_double_text(place->to->arena, point->bounds.at[i]) };
        emit(place, S(""), quantile, point->counts.at[i]);
    }
}

void otlp_append_point(struct otlp_place *place, const struct otlp_metric *metric)
{
    place->time_ms = ms_of(place->point->time_ns);
    place->start_ms = ms_of(place->point->start_ns);
    place->stale = place->point->flags & OTLP_NO_RECORDED_VALUE;
    place->begin = place->refused = false;
    if (!place->point->time_ns) {
        otlp_refuse(place, "a point has no time");
        return;
    }
    err e = otlp_point_labels(place->to->arena, &place->target, &place->point->attributes, &place->labels);
    if (e) {
        otlp_refuse(place, err_message(e));
        err_free(e);
        return;
    }
    switch (metric->kind) {
    case OTLP_HISTOGRAM:
        append_classic(place, metric);
        break;
    case OTLP_EXPONENTIAL:
        append_exponential(place, metric);
        break;
    case OTLP_SUMMARY:
        append_summary(place);
        break;
    default:
        append_number(place, metric);
    }
}
