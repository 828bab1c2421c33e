/* rca.h - why: ranked causes of an incident, with evidence for and against; "cannot tell" is an answer.
 *
 * Owner: a case and its result live in the arena of one analysis. Threads: an analysis is an outbox job on the outside
 * pool; methods run on its thread, one after the other, and may look things up until the deadline.
 *
 * Methods register themselves: each looks at the case and adds causes where it knows something. The core ranks them by
 * confidence. What a method claims, it shows: a cause without evidence is dropped. */
#pragma once
#include "base/registry.h"
#include "incident/incident.h"
#include "model/series_source.h"

struct rca_case {
    struct arena *arena;
    struct db *db;
    struct series_source *series;
    struct incident_row incident;
    struct incident_members members;
    struct event_list events; /* the incident's timeline so far */
    int64_t end_ms;           /* now, for what looks at series */
    int64_t deadline_ms;      /* monotonic */
};

struct rca_evidence {
    struct str text;         /* one sentence with numbers in it */
    struct str metric;       /* where it can be seen; empty: nowhere */
    VEC(struct pair) labels; /* of the series */
    double value;            /* NaN: none */
};

struct rca_cause {
    int64_t rank;
    struct str resource, issue;
    double confidence; /* 0..1 */
    VEC(struct rca_evidence) evidence;
};

struct rca_recommendation {
    struct str action;             /* id in the catalogue */
    const struct json *parameters; /* object */
    struct str reason;
};

struct rca_result {
    struct str scenario; /* such as SC-001; empty: none */
    bool cannot_tell;
    struct str critical_failure, impact; /* one sentence each */
    VEC(struct rca_cause) root_causes;
    VEC(struct rca_recommendation) recommended_actions;
};
extern const struct schema rca_result_schema;

struct rca_method {
    const char *name;
    int order; /* smaller ones first; the first that names scenario, failure and impact is believed */
    err (*analyze)(const struct rca_case *what, struct rca_result *result);
};

/* rca_add_cause - an empty cause to be filled with evidence. */
struct rca_cause *rca_add_cause(const struct rca_case *what, struct rca_result *result, struct str resource,
                                struct str issue, double confidence);
void rca_add_evidence(const struct rca_case *what, struct rca_cause *cause, struct str text, struct str metric,
                      double value);
/* rca_recommend - parameters: a JSON object as text, made by a json_writer. */
err rca_recommend(const struct rca_case *what, struct rca_result *result, struct str action, struct str parameters,
                  struct str reason) MUST_USE;

struct rca_options {
    struct db *db;
    struct series_source *series;
};
/* rca_start - before the journal starts. */
void rca_start(const struct rca_options *options);
/* rca_analyze - all methods over one incident, now, on this thread. */
err rca_analyze(struct arena *arena, int64_t incident, int64_t deadline_ms, struct rca_result *ret_result) MUST_USE;
