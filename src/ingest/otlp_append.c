/* otlp_append.c - points to samples. */
#include "ingest/otlp_append.h"
#include "ingest/otlp_histogram.h"
#include "ingest/otlp_labels.h"
#include "ingest/otlp_names.h"

static const struct field otlp_fields[] = {
    STRINGS(struct otlp_settings, promote_resource_attributes,
            .doc = "Attributes of the resource that every series gets as labels; all of them are on target_info."),
    BOOL(struct otlp_settings, keep_identifying_resource_attributes, .def = "false",
         .doc =
             "Whether target_info repeats service.name, service.namespace and service.instance.id, which are job and "
             "instance already."),
    INT(struct otlp_settings, delta_series_max, .def = "100000", .min = 1, .max = 10000000,
        .doc = "How many running totals are kept of series that come as deltas; beyond, the one silent longest is "
               "forgotten."),
    { 0 },
};
static const struct schema otlp_schema =
    SCHEMA(struct otlp_settings, otlp_fields, .doc = "Metrics that come by OTLP (/v1/metrics), as in prometheus.yml.");

const struct config_section otlp_section = { .key = "otlp", .schema = &otlp_schema };
REGISTER(config_section, otlp_section);

enum { NS_PER_MS = 1000000, INFO_STEP_MS = 150000, INFO_STEPS_MAX = 500, EXEMPLAR_RUNES_MAX = 128 };

/* What is common to the series of one point. */
struct place {
    const struct otlp_appending *to;
    struct otlp_refusals *refusals;
    struct otlp_target target;
    struct str metric; /* the name in Prometheus' words */
    const struct otlp_point *point;
    struct labels labels;
    int64_t time_ms, start_ms;
    bool stale;
    bool begin; /* the first of a delta series: a zero goes in front */
    bool refused;
};

static int64_t ms_of(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_MS);
}

static void refuse(struct place *place, const char *why)
{
    struct arena *arena = place->to->arena;

    if (place->refused)
        return;
    place->refused = true;
    if (!place->refusals->points++)
        place->refusals->why =
            str_utf8_scrub(arena, str_printf(arena, "%.*s: %s", STR_ARG(str_utf8_head(place->metric, 200)), why));
}

static void took(struct place *place, enum append_outcome outcome)
{
    if (outcome != APPEND_OK && outcome != APPEND_DUPLICATE)
        refuse(place, str_c(place->to->arena, append_so_far(place->to->append)->why));
}

/* emit - one float of the series. */
static void emit(struct place *place, struct str suffix, struct label more, double value)
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
static void note_exemplar(struct place *place, const struct otlp_exemplar *from)
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
static void note_exemplars(struct place *place, double above, double upto, bool all)
{
    for (size_t i = 0; i < place->point->exemplars.count; i++) {
        const struct otlp_exemplar *it = &place->point->exemplars.at[i];
        if (all || (it->value > above && it->value <= upto))
            note_exemplar(place, it);
    }
}

/* add_delta - *number or *histogram becomes the running total. False where the point is not stored. */
static bool add_delta(struct place *place, double *number, const struct histogram **histogram)
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
        refuse(place, err_message(e));
    else if (result == DELTA_LATE)
        refuse(place, "a delta came after a later one of its series, so it can't be added any more");
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

static bool is_delta(const struct place *place, const struct otlp_metric *metric)
{
    bool has_temporality =
        metric->kind == OTLP_SUM || metric->kind == OTLP_HISTOGRAM || metric->kind == OTLP_EXPONENTIAL;

    return has_temporality && metric->temporality == OTLP_DELTA && !place->stale;
}

static const struct label no_label = { { "", 0 }, { "", 0 } };

static void append_number(struct place *place, const struct otlp_metric *metric)
{
    double value = place->point->value;

    if (!place->point->has_value && !place->stale) {
        refuse(place, "a point has no value");
        return;
    }
    if (is_delta(place, metric) && !add_delta(place, &value, NULL))
        return;
    emit(place, S(""), no_label, value);
    if (metric->kind == OTLP_SUM)
        note_exemplars(place, 0, 0, true);
}

static void append_buckets(struct place *place, double count, const double *counts, const double *bounds,
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

static void append_classic(struct place *place, const struct otlp_metric *metric)
{
    const struct otlp_point *point = place->point;
    const struct histogram *histogram = NULL;
    const double *counts = point->counts.at, *bounds = point->bounds.at;
    double count = point->count, sum = point->sum;
    size_t bound_count = point->bounds.count;

    if (point->counts.count ? point->counts.count != bound_count + 1 : bound_count != 0 && !place->stale) {
        refuse(place, "a histogram has not one bucket count more than bounds");
        return;
    }
    if (!point->counts.count)
        bound_count = 0;
    if (is_delta(place, metric)) {
        err e = otlp_explicit_histogram(place->to->arena, point, &histogram);
        if (e)
            refuse(place, err_message(e));
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

static void append_exponential(struct place *place, const struct otlp_metric *metric)
{
    struct append *append = place->to->append;
    const struct histogram *histogram = NULL;
    const struct histogram stale = { .integral = true, .sum = value_stale() };
    err e = place->stale ? NULL : otlp_exponential_histogram(place->to->arena, place->point, &histogram);

    if (e)
        refuse(place, err_message(e));
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

static void append_summary(struct place *place)
{
    const struct otlp_point *point = place->point;

    emit(place, S("_sum"), no_label, point->sum);
    emit(place, S("_count"), no_label, point->count);
    for (size_t i = 0; i < point->bounds.count; i++) {
        struct label quantile = { S("quantile"), otlp_plain_double_text(place->to->arena, point->bounds.at[i]) };
        emit(place, S(""), quantile, point->counts.at[i]);
    }
}

static void append_point(struct place *place, const struct otlp_metric *metric)
{
    place->time_ms = ms_of(place->point->time_ns);
    place->start_ms = ms_of(place->point->start_ns);
    place->stale = place->point->flags & OTLP_NO_RECORDED_VALUE;
    place->begin = place->refused = false;
    if (!place->point->time_ns) {
        refuse(place, "a point has no time");
        return;
    }
    err e = otlp_point_labels(place->to->arena, &place->target, &place->point->attributes, &place->labels);
    if (e) {
        refuse(place, err_message(e));
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

static void describe(const struct place *place, const struct otlp_metric *metric)
{
    static const enum metric_kind kinds[] = {
        [OTLP_NO_KIND] = KIND_UNKNOWN,     [OTLP_GAUGE] = KIND_GAUGE,           [OTLP_SUM] = KIND_GAUGE,
        [OTLP_HISTOGRAM] = KIND_HISTOGRAM, [OTLP_EXPONENTIAL] = KIND_HISTOGRAM, [OTLP_SUMMARY] = KIND_SUMMARY
    };
    struct metric_meta meta = { place->metric, metric->description, otlp_unit(place->to->arena, metric->unit),
                                kinds[metric->kind] };

    if (metric->kind == OTLP_SUM && metric->monotonic)
        meta.kind = KIND_COUNTER;
    if (str_is_utf8(meta.help))
        append_meta(place->to->append, &meta);
}

static const char *metric_fault(const struct place *place, const struct otlp_metric *metric)
{
    bool has_temporality =
        metric->kind == OTLP_SUM || metric->kind == OTLP_HISTOGRAM || metric->kind == OTLP_EXPONENTIAL;

    if (metric->kind == OTLP_NO_KIND)
        return "the metric is of no kind that is known here";
    if (has_temporality && metric->temporality != OTLP_DELTA && metric->temporality != OTLP_CUMULATIVE)
        return "the metric is neither delta nor cumulative";
    if (!place->metric.length)
        return "nothing is left of the metric's name";
    return NULL;
}

/* The span of time that a resource spoke of, for target_info. */
struct heard {
    int64_t first_ms, last_ms;
};

static err append_metric(struct place *place, const struct otlp_metric *metric, struct heard *heard)
{
    place->metric = otlp_metric_name(place->to->arena, metric);
    const char *fault = metric_fault(place, metric);
    if (!fault)
        describe(place, metric);
    for (size_t i = 0; i < metric->points.count; i++) {
        place->point = &metric->points.at[i];
        if (fault) {
            place->refused = false;
            place->metric = metric->name;
            refuse(place, fault);
            continue;
        }
        append_point(place, metric);
        if (!place->refused && place->time_ms < heard->first_ms)
            heard->first_ms = place->time_ms;
        if (!place->refused && place->time_ms > heard->last_ms)
            heard->last_ms = place->time_ms;
        TRY(arena_check(place->to->arena));
    }
    return NULL;
}

/* append_info - target_info, dense enough for the engine's lookback. */
static err append_info(struct place *place, const struct otlp_attributes *resource, const struct heard *heard)
{
    const struct otlp_appending *to = place->to;
    const struct metric_meta meta = { S("target_info"), S("Target metadata"), S(""), KIND_GAUGE };
    struct labels labels;

    if (heard->first_ms > heard->last_ms)
        return NULL;
    TRY(otlp_info_labels(to->arena, to->settings, &place->target, resource, &labels));
    if (!labels.count)
        return NULL;
    append_meta(to->append, &meta);
    append_labels(to->append, otlp_series_labels(to->arena, labels, meta.name, S(""), no_label));
    int64_t from = heard->last_ms - (int64_t)INFO_STEPS_MAX * INFO_STEP_MS;
    for (int64_t at = heard->first_ms > from ? heard->first_ms : from; at < heard->last_ms; at += INFO_STEP_MS)
        append_float(to->append, at, 0, 1);
    append_float(to->append, heard->last_ms, 0, 1);
    return NULL;
}

static err append_resource(struct place *place, const struct otlp_resource *resource)
{
    struct heard heard = { INT64_MAX, INT64_MIN };

    TRY(otlp_target_of(place->to->arena, place->to->settings, &resource->attributes, &place->target));
    for (size_t i = 0; i < resource->scopes.count; i++)
        for (size_t k = 0; k < resource->scopes.at[i].metrics.count; k++)
            TRY(append_metric(place, &resource->scopes.at[i].metrics.at[k], &heard));
    err e = append_info(place, &resource->attributes, &heard);
    if (!e || err_kind(e) == ERR_TOO_LARGE)
        return e;
    if (!place->refusals->why.length) /* no point is lost by it, but it should be known */
        place->refusals->why = str_printf(place->to->arena, "target_info: %s", err_message(e));
    err_free(e);
    return NULL;
}

/* refuse_resource - all its points, for what its own attributes do wrong. */
static void refuse_resource(struct place *place, const struct otlp_resource *resource, const char *why)
{
    for (size_t i = 0; i < resource->scopes.count; i++) {
        for (size_t k = 0; k < resource->scopes.at[i].metrics.count; k++) {
            const struct otlp_metric *metric = &resource->scopes.at[i].metrics.at[k];
            place->metric = metric->name;
            for (size_t n = 0; n < metric->points.count; n++) {
                place->refused = false;
                refuse(place, why);
            }
        }
    }
}

err otlp_append(const struct otlp_appending *to, const struct otlp_request *request, struct otlp_refusals *ret_refusals)
{
    struct place place = { .to = to, .refusals = ret_refusals };

    *ret_refusals = (struct otlp_refusals){ 0, S("") };
    for (size_t i = 0; i < request->resources.count; i++) {
        err e = append_resource(&place, &request->resources.at[i]);
        if (e && err_kind(e) == ERR_TOO_LARGE)
            return e;
        if (e)
            refuse_resource(&place, &request->resources.at[i], err_message(e));
        err_free(e);
    }
    return NULL;
}
