/* otlp_append.c - the metrics of a request, resource by resource, and what is said of the resources. */
#include "ingest/otlp_append.h"
#include "ingest/otlp_names.h"
#include "ingest/otlp_point.h"

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

enum { INFO_STEP_MS = 150000, INFO_STEPS_MAX = 500 };

static void describe(const struct otlp_place *place, const struct otlp_metric *metric)
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

static const char *metric_fault(const struct otlp_place *place, const struct otlp_metric *metric)
{
    if (metric->kind == OTLP_NO_KIND)
        return "the metric is of no kind that is known here";
    if (otlp_has_temporality(metric) && metric->temporality != OTLP_DELTA && metric->temporality != OTLP_CUMULATIVE)
        return "the metric is neither delta nor cumulative";
    if (!place->metric.length)
        return "nothing is left of the metric's name";
    return NULL;
}

/* The span of time that a resource spoke of, for target_info. */
struct heard {
    int64_t first_ms, last_ms;
};

static err append_metric(struct otlp_place *place, const struct otlp_metric *metric, struct heard *heard)
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
            otlp_refuse(place, fault);
            continue;
        }
        otlp_append_point(place, metric);
        if (!place->refused && place->time_ms < heard->first_ms)
            heard->first_ms = place->time_ms;
        if (!place->refused && place->time_ms > heard->last_ms)
            heard->last_ms = place->time_ms;
        TRY(arena_check(place->to->arena));
    }
    return NULL;
}

/* append_info - target_info, dense enough for the engine's lookback. */
static err append_info(struct otlp_place *place, const struct otlp_attributes *resource, const struct heard *heard)
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
    append_labels(to->append, otlp_series_labels(to->arena, labels, meta.name, S(""), (struct label){ S(""), S("") }));
    int64_t from = heard->last_ms - (int64_t)INFO_STEPS_MAX * INFO_STEP_MS;
    for (int64_t at = heard->first_ms > from ? heard->first_ms : from; at < heard->last_ms; at += INFO_STEP_MS)
        append_float(to->append, at, 0, 1);
    append_float(to->append, heard->last_ms, 0, 1);
    return NULL;
}

static err append_resource(struct otlp_place *place, const struct otlp_resource *resource)
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
static void refuse_resource(struct otlp_place *place, const struct otlp_resource *resource, const char *why)
{
    for (size_t i = 0; i < resource->scopes.count; i++) {
        for (size_t k = 0; k < resource->scopes.at[i].metrics.count; k++) {
            const struct otlp_metric *metric = &resource->scopes.at[i].metrics.at[k];
            place->metric = metric->name;
            for (size_t n = 0; n < metric->points.count; n++) {
                place->refused = false;
                otlp_refuse(place, why);
            }
        }
    }
}

err otlp_append(const struct otlp_appending *to, const struct otlp_request *request, struct otlp_refusals *ret_refusals)
{
    struct otlp_place place = { .to = to, .refusals = ret_refusals };

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
