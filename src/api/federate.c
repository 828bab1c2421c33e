/* federate.c - GET /prometheus/federate: the last value of each series that matches, for another Prometheus to scrape.
 */
#include "api/services.h"
#include "base/time.h"
#include "promql/parse.h"

#include <stdlib.h>

enum { LOOKBACK_MS = 5 * 60 * 1000, SELECTORS_MAX = 100 };

struct federate_query {
    VEC(struct str) match;
};

static const struct field federate_query_fields[] = {
    STRINGS(struct federate_query, match, .name = "match[]", .max = SELECTORS_MAX,
            .doc = "A series selector; may be given several times. None: no series."),
    { 0 },
};
static const struct schema federate_query_schema = SCHEMA(struct federate_query, federate_query_fields);

struct last {
    struct str name;
    struct labels labels;
    int64_t time_ms;
    double value;
};

struct lasts {
    struct last *at;
    size_t count, room;
};

/* collect - the newest sample of each series. What ended, and native histograms, for which neither text format has
 * words, are left out. */
static err collect(struct request *req, const struct matcher *matchers, size_t count, int64_t now_ms,
                   struct lasts *lasts)
{
    const struct series_query query = {
        .matchers = matchers,
        .matcher_count = count,
        .start_ms = now_ms - LOOKBACK_MS,
        .end_ms = now_ms,
        .deadline_ms = request_deadline_ms(req),
    };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct samples samples;

    TRY(services.series->ops->open(services.series, request_arena(req), &query, &set));
    for (size_t i = 0; i < set->count; i++) {
        TRY(set->ops->read(set, i, &samples));
        size_t end = samples.count;
        if (!end || (samples.histograms && samples.histograms[end - 1]) || value_is_stale(samples.values[end - 1]))
            continue;
        struct labels labels = labels_copy(request_arena(req), set->ops->labels(set, i));
        *vec_push(lasts, request_arena(req)) =
            (struct last){ labels_get(labels, S("__name__")), labels, samples.times[end - 1], samples.values[end - 1] };
        TRY(arena_check(request_arena(req)));
    }
    return NULL;
}

static int by_name_and_labels(const void *a, const void *b)
{
    const struct last *left = a, *right = b;
    int order = str_cmp(left->name, right->name);

    return order ? order : labels_cmp(left->labels, right->labels);
}

/* is_plain - may stand without quotes: the names of before UTF-8 was allowed. */
static bool is_plain(struct str name, bool metric)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':');
        if (!letter && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return name.length > 0;
}

static void write_quoted(struct buf *out, struct str text)
{
    buf_add_c(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '\n') {
            buf_add(out, S("\\n"));
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_c(out, '\\');
        buf_add_c(out, c);
    }
    buf_add_c(out, '"');
}

static void write_name(struct buf *out, struct str name, bool metric)
{
    if (is_plain(name, metric))
        buf_add(out, name);
    else
        write_quoted(out, name);
}

/* write_sample - with an empty instance where there is none: so the scraper's own is not put on it. */
static void write_sample(struct buf *out, const struct last *last, bool openmetrics)
{
    bool inside = !is_plain(last->name, true), comma = inside;

    if (!inside)
        buf_add(out, last->name);
    buf_add_c(out, '{');
    if (inside)
        write_quoted(out, last->name);
    for (size_t i = 0; i < last->labels.count; i++) {
        if (str_eq(last->labels.at[i].name, S("__name__")))
            continue;
        if (comma)
            buf_add_c(out, ',');
        comma = true;
        write_name(out, last->labels.at[i].name, false);
        buf_add_c(out, '=');
        write_quoted(out, last->labels.at[i].value);
    }
    if (!labels_get(last->labels, S("instance")).length)
        buf_add(out, comma ? S(",instance=\"\"") : S("instance=\"\""));
    buf_add(out, S("} "));
    buf_add_double(out, last->value);
    if (openmetrics)
        buf_addf(out, " %lld.%03lld\n", (long long)(last->time_ms / 1000), (long long)(last->time_ms % 1000));
    else
        buf_addf(out, " %lld\n", (long long)last->time_ms);
}

static void write_families(struct buf *out, const struct lasts *lasts, bool openmetrics)
{
    for (size_t i = 0; i < lasts->count; i++) {
        const struct last *last = &lasts->at[i], *before = i ? last - 1 : NULL;
        if (!last->name.length || (before && by_name_and_labels(before, last) == 0))
            continue;
        if (!before || !str_eq(before->name, last->name)) {
            buf_add(out, S("# TYPE "));
            write_name(out, last->name, true);
            buf_add(out, openmetrics ? S(" unknown\n") : S(" untyped\n"));
        }
        write_sample(out, last, openmetrics);
    }
    if (openmetrics)
        buf_add(out, S("# EOF\n"));
}

/* wants_openmetrics - by the qualities of Accept (RFC 9110, section 12.5.1); plain text where both are as good. */
static bool wants_openmetrics(struct str accept)
{
    double openmetrics = 0, text = 0;

    for (struct str rest = accept; rest.at;) {
        struct str parameters, type = str_trim(str_cut(str_cut(rest, ',', &rest), ';', &parameters));
        double quality = 1;
        while (parameters.at) {
            struct str one = str_trim(str_cut(parameters, ';', &parameters));
            if (str_starts(one, S("q=")) && !str_to_double(str_slice(one, 2, one.length), &quality))
                quality = 0;
        }
        if (str_eq_nocase(type, S("application/openmetrics-text")) && quality > openmetrics)
            openmetrics = quality;
        if (str_eq_nocase(type, S("text/plain")) && quality > text)
            text = quality;
    }
    return openmetrics > text;
}

static err federate(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct federate_query *q = query;
    bool openmetrics = wants_openmetrics(request_header(req, S("Accept")));
    int64_t now_ms = time_now_ms();
    struct lasts lasts = { 0 };

    (void)body;
    for (size_t i = 0; i < q->match.count; i++) {
        struct matcher *matchers;
        size_t count;
        TRY(promql_parse_selector(request_arena(req), q->match.at[i], &matchers, &count));
        TRY(collect(req, matchers, count, now_ms, &lasts));
    }
    if (lasts.count)
        qsort(lasts.at, lasts.count, sizeof(*lasts.at), by_name_and_labels);
    write_families(&reply->body, &lasts, openmetrics);
    reply->content_type = openmetrics
                              ? "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
                              : "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8";
    return NULL;
}

static void write_error(struct request *req, err e, struct reply *reply)
{
    (void)req;
    reply->content_type = "text/plain; charset=utf-8";
    buf_addf(&reply->body, "%s\n", err_message(e));
}

static const struct route federate_route = {
    .method = "GET",
    .path = "/prometheus/federate",
    .summary = "The last values of series, for a Prometheus to scrape",
    .doc = "Text format 0.0.4, or OpenMetrics where that is preferred, with timestamps; what was seen within five "
           "minutes and has not ended. Native histograms are left out.",
    .tag = "Series",
    .role = ROLE_VIEWER,
    .query = &federate_query_schema,
    .unknown_ok = true,
    .handle = federate,
    .write_error = write_error,
};
REGISTER(route, federate_route);
