/* prometheus.c - Prometheus' HTTP API: envelope, errors, parameters, numbers. */
#include "api/prometheus.h"

#include "base/duration.h"
#include "base/float_text.h"
#include "base/time.h"
#include "promql/parse.h"
#include "promql/quote.h"

#include <math.h>
#include <string.h>

enum { NOTES_MAX = 10 };

struct json_writer prometheus_begin(struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);

    json_begin_object(&w);
    json_put_str(&w, S("status"), S("success"));
    json_key(&w, S("data"));
    return w;
}

static void put_notes(struct json_writer *w, const char *key, const char *kind, const struct str_list *list)
{
    struct buf more CLEANUP(buf_clear) = { .max = 100 };

    if (!list || !list->count)
        return;
    json_key(w, str_of(key));
    json_begin_array(w);
    for (size_t i = 0; i < list->count && i < NOTES_MAX; i++)
        json_add_str(w, list->at[i]);
    if (list->count > NOTES_MAX) {
        buf_addf(&more, "%zu more %s annotations omitted", list->count - NOTES_MAX, kind);
        json_add_str(w, buf_str(&more));
    }
    json_end_array(w);
}

err prometheus_end(struct reply *reply, struct json_writer *w, const struct str_list *warnings,
                   const struct str_list *infos)
{
    put_notes(w, "warnings", "warning", warnings);
    put_notes(w, "infos", "info", infos);
    json_end_object(w);
    return buf_check(&reply->body);
}

const char *prometheus_error_type(enum err_kind kind, int *status)
{
    switch (kind) {
    case ERR_INVALID:
        return "bad_data";
    case ERR_RANGE:
    case ERR_TOO_LARGE:
        *status = 422;
        return "execution";
    case ERR_TIMEOUT:
        *status = 503;
        return "timeout";
    case ERR_CONFLICT: /* what was asked for ended before its answer */
        *status = 503;
        return "canceled";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
        return "unauthorized";
    case ERR_BUSY:
    case ERR_IO:
    case ERR_UNAVAILABLE:
        return "unavailable";
    default:
        return "internal";
    }
}

void prometheus_error(struct request *req, err e, struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);
    const char *type = prometheus_error_type(err_kind(e), &reply->status);

    (void)req;
    json_begin_object(&w);
    json_put_str(&w, S("status"), S("error"));
    json_put_str(&w, S("errorType"), str_of(type));
    json_put_str(&w, S("error"), str_of(err_message(e)));
    json_end_object(&w);
}

err prometheus_invalid(const char *name, err e)
{
    if (!e)
        return NULL;
    err told = err_new(ERR_INVALID, "invalid parameter \"%s\": %s", name, err_message(e));
    err_free(e);
    return told;
}

static err unparsed(struct str text, const char *what)
{
    struct buf quoted CLEANUP(buf_clear) = { .max = 1000 };

    quote_add(&quoted, text);
    return err_new(ERR_INVALID, "cannot parse %s to a valid %s", buf_c(&quoted), what);
}

err prometheus_time(struct str text, int64_t *ret_time_ms)
{
    double seconds;

    if (str_to_double(text, &seconds)) {
        if (!isfinite(seconds))
            return unparsed(text, "timestamp");
        double ms = round(seconds * 1000);
        *ret_time_ms = ms < (double)PROMETHEUS_TIME_MIN   ? PROMETHEUS_TIME_MIN
                       : ms > (double)PROMETHEUS_TIME_MAX ? PROMETHEUS_TIME_MAX
                                                          : (int64_t)ms;
        return NULL;
    }
    if (time_parse(text, ret_time_ms))
        return NULL;
    /* What Prometheus writes for the first and the last time that it knows. */
    if (str_eq(text, S("-292273086-05-16T16:47:06Z"))) {
        *ret_time_ms = PROMETHEUS_TIME_MIN;
        return NULL;
    }
    *ret_time_ms = PROMETHEUS_TIME_MAX;
    return str_eq(text, S("+292277025-08-18T07:12:54.999999999Z")) ||
                   str_eq(text, S("292277025-08-18T07:12:54.999999999Z"))
               ? NULL
               : unparsed(text, "timestamp");
}

err prometheus_time_or(const char *name, struct str text, int64_t otherwise_ms, int64_t *ret_time_ms)
{
    *ret_time_ms = otherwise_ms;
    if (!text.length)
        return NULL;
    err e = prometheus_time(text, ret_time_ms);
    if (!e)
        return NULL;
    err told =
        err_new(ERR_INVALID, "invalid parameter \"%s\": invalid time value for '%s': %s", name, name, err_message(e));
    err_free(e);
    return told;
}

err prometheus_duration(struct str text, int64_t *ret_ms)
{
    struct duration duration;
    double seconds;

    if (str_to_double(text, &seconds)) {
        struct buf quoted CLEANUP(buf_clear) = { .max = 1000 };
        if (isnan(seconds))
            return unparsed(text, "duration");
        quote_add(&quoted, text);
        if (seconds * 1e9 > 0x1p63 || seconds * 1e9 < -0x1p63)
            return err_new(ERR_INVALID, "cannot parse %s to a valid duration. It overflows int64", buf_c(&quoted));
        *ret_ms = span_ms(seconds);
        return NULL;
    }
    if (!duration_parse(text, &duration) || duration.ms > INT64_MAX / 1000000)
        return unparsed(text, "duration");
    *ret_ms = duration.ms;
    return NULL;
}

err prometheus_limit(struct str text, int64_t *ret_limit)
{
    struct buf quoted CLEANUP(buf_clear) = { .max = 1000 };

    *ret_limit = 0;
    if (!text.length)
        return NULL;
    if (str_starts(text, S("+")))
        text = str_slice(text, 1, text.length);
    quote_add(&quoted, text);
    if (!str_to_i64(text, ret_limit))
        return prometheus_invalid("limit",
                                  err_new(ERR_INVALID, "strconv.Atoi: parsing %s: invalid syntax", buf_c(&quoted)));
    if (*ret_limit < 0)
        return prometheus_invalid("limit", err_new(ERR_INVALID, "limit must be non-negative"));
    return NULL;
}

static err parse_match(struct arena *arena, struct str text, struct series_query *query)
{
    struct matcher *matchers;
    bool selects = false;

    TRY(promql_parse_selector(arena, text, &matchers, &query->matcher_count));
    for (size_t i = 0; i < query->matcher_count; i++)
        selects |= !matcher_matches(&matchers[i], S(""));
    query->matchers = matchers;
    return selects ? NULL : err_new(ERR_INVALID, "match[] must contain at least one non-empty matcher");
}

err prometheus_select(struct request *req, const struct prometheus_selection *selection, const char *match_name,
                      struct prometheus_sets *ret_sets)
{
    struct series_query query = { .labels_only = true, .deadline_ms = request_deadline_ms(req) };
    size_t count = selection->match.count;

    TRY(prometheus_limit(selection->limit, &ret_sets->limit));
    TRY(prometheus_time_or("start", selection->start, PROMETHEUS_TIME_MIN, &query.start_ms));
    TRY(prometheus_time_or("end", selection->end, PROMETHEUS_TIME_MAX, &query.end_ms));
    ret_sets->count = count ? count : 1;
    ret_sets->at = arena_array(request_arena(req), ret_sets->count, sizeof(query));
    ret_sets->at[0] = query;
    for (size_t i = 0; i < count; i++) {
        ret_sets->at[i] = query;
        err e = parse_match(request_arena(req), selection->match.at[i], &ret_sets->at[i]);
        if (e)
            return match_name ? prometheus_invalid(match_name, e) : e;
    }
    return NULL;
}

/* is_plain - nothing that JSON escapes; and ASCII, as other bytes are checked for being UTF-8. */
static bool is_plain(struct str text)
{
    bool special = false;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        special |= c < 0x20 || c >= 0x7F || c == '"' || c == '\\';
    }
    return !special;
}

static char *put_plain(char *to, struct str text)
{
    *to++ = '"';
    if (text.length)
        memcpy(to, text.at, text.length);
    to[text.length] = '"';
    return to + text.length + 1;
}

void prometheus_labels(struct buf *out, struct labels labels)
{
    size_t length = 2;
    bool plain = true;

    for (size_t i = 0; i < labels.count; i++) {
        length += labels.at[i].name.length + labels.at[i].value.length + 6;
        plain = plain && is_plain(labels.at[i].name) && is_plain(labels.at[i].value);
    }
    if (!plain) {
        struct json_writer w = json_writer(out);
        labels_write_json(&w, labels);
        return;
    }
    char *from = buf_reserve(out, length), *to = from;
    if (!to)
        return;
    *to++ = '{';
    for (size_t i = 0; i < labels.count; i++) {
        if (i)
            *to++ = ',';
        to = put_plain(to, labels.at[i].name);
        *to++ = ':';
        to = put_plain(to, labels.at[i].value);
    }
    *to++ = '}';
    out->length += (size_t)(to - from);
}

void prometheus_value(struct buf *out, double value)
{
    buf_add_c(out, '"');
    float_add(out, value, -6, 21);
    buf_add_c(out, '"');
}

void prometheus_seconds(struct buf *out, int64_t time_ms)
{
    uint64_t size = time_ms < 0 ? -(uint64_t)time_ms : (uint64_t)time_ms;
    unsigned fraction = (unsigned)(size % 1000);
    char digits[4] = { '.', (char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
                       (char)('0' + fraction % 10) };

    if (time_ms < 0)
        buf_add_c(out, '-');
    buf_add_i64(out, (int64_t)(size / 1000));
    if (fraction)
        buf_add_bytes(out, digits, sizeof(digits));
}
