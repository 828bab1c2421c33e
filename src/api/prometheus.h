/* prometheus.h - what the routes of Prometheus' HTTP API share: envelope, errors, parameters.
 *
 * Owner: everything lives in the request's arena. Threads: handlers'.
 *
 * Parameters are texts for the rows, and parsed here, as wrong ones are answered in Prometheus' words: 400 and
 * `invalid parameter "step": cannot parse "x" to a valid duration`. */
#pragma once
#include "api/services.h"

/* prometheus_begin - {"status":"success","data": ; prometheus_end - warnings and infos, at most ten of each, and }. */
struct json_writer prometheus_begin(struct reply *reply);
err prometheus_end(struct reply *reply, struct json_writer *w, const struct str_list *warnings,
                   const struct str_list *infos) MUST_USE;
/* prometheus_error_type - "bad_data", "execution" ...; *status becomes another where Prometheus has another one. */
const char *prometheus_error_type(enum err_kind kind, int *status);
/* prometheus_error - the rows' write_error. */
void prometheus_error(struct request *req, err e, struct reply *reply);

/* prometheus_invalid - `invalid parameter "name": ...` of an err; NULL stays NULL. Takes `e`. */
err prometheus_invalid(const char *name, err e) MUST_USE;
/* prometheus_time - RFC 3339, or seconds with fraction; Prometheus' own borders of time too. */
err prometheus_time(struct str text, int64_t *ret_time_ms) MUST_USE;
/* prometheus_time_or - of a parameter that may be left out. */
err prometheus_time_or(const char *name, struct str text, int64_t otherwise_ms, int64_t *ret_time_ms) MUST_USE;
/* prometheus_duration - 5m, or seconds with fraction; may be negative. */
err prometheus_duration(struct str text, int64_t *ret_ms) MUST_USE;
err prometheus_limit(struct str text, int64_t *ret_limit) MUST_USE; /* "": 0, which is none */

/* As far as anybody's samples reach. */
#define PROMETHEUS_TIME_MIN (-(1ll << 53))
#define PROMETHEUS_TIME_MAX (1ll << 53)

/* What lists of series and labels are asked by: one query for each match[]. */
struct prometheus_selection {
    VEC(struct str) match;
    struct str start, end, limit;
};
#define PROMETHEUS_SELECTION_FIELDS(s)                                                                                 \
    STRINGS(s, selection.match, .name = "match[]", .doc = "Series selectors; each may be given several times."),       \
        STRING(s, selection.start, .name = "start", .max = 100, .doc = "RFC 3339 or Unix seconds; none: the oldest."), \
        STRING(s, selection.end, .name = "end", .max = 100, .doc = "RFC 3339 or Unix seconds; none: the newest."),     \
        STRING(s, selection.limit, .name = "limit", .max = 40, .doc = "At most so many; 0: all.")

struct prometheus_sets {
    struct series_query *at;
    size_t count;
    int64_t limit;
};
/* prometheus_select - the queries of a selection. Times and limit are checked before the selectors; wrong ones are
 * "invalid parameter" of `match_name` where that is not NULL. */
err prometheus_select(struct request *req, const struct prometheus_selection *selection, const char *match_name,
                      struct prometheus_sets *ret_sets) MUST_USE;

/* prometheus_labels - {"a":"b"}; prometheus_value - "1.5"; prometheus_seconds - 12.345. Straight into the buffer, for
 * answers of a hundred thousand series. */
void prometheus_labels(struct buf *out, struct labels labels);
void prometheus_value(struct buf *out, double value);
void prometheus_seconds(struct buf *out, int64_t time_ms);
