/* view.h - executions, approvals and the catalogue as the API shows them.
 *
 * Owner: everything lives in the arena given. Threads: any. */
#pragma once
#include "action/action.h"

struct plan_step_view {
    struct str display, call, target;
    VEC(struct str) argv;
};

struct plan_view {
    VEC(struct plan_step_view) steps;
    struct str verification;
    VEC(struct plan_step_view) rollback;
    int64_t class;
    struct str hash;
    bool irreversible;
    VEC(struct str) targets;
};
extern const struct schema plan_view_schema;

struct check_view {
    int64_t time;
    double value;
    const struct json *ok; /* true, false, null */
    struct str why;
};
struct verification_view {
    struct str outcome, detail;
    VEC(struct check_view) checks;
};
struct output_view {
    struct str head, tail;
    bool truncated;
};

extern const struct schema verification_view_schema, output_view_schema;

struct execution_view {
    int64_t execution_id;
    struct str action, state;
    int64_t incident_id;
    VEC(struct str) targets;
    struct str requested_by, approved_by;
    int64_t created_at, started_at, ended_at;
    struct plan_view *plan;
    struct verification_view *verification;
    struct output_view *output;
    struct str reason;
    const struct json *parameters;
};
extern const struct schema execution_view_schema;
err execution_view(struct arena *arena, const struct execution_row *row, struct execution_view *ret_view) MUST_USE;

struct approval_view {
    int64_t id, execution_id;
    struct str action;
    int64_t incident_id;
    struct str hash, requested_by, reason;
    struct plan_view *plan;
    struct str state;
    int64_t expires_at;
    bool self;
};
extern const struct schema approval_view_schema;
err approval_view(struct arena *arena, const struct execution_row *row, struct str me,
                  struct approval_view *ret_view) MUST_USE;

struct parameter_view {
    struct str name, type, doc;
    bool required;
    double min, max;
    const struct json *def;
    VEC(struct str) values;
};
struct action_view {
    struct str id, doc;
    int64_t class;
    VEC(struct parameter_view) parameters;
    struct str trust, trust_reason;
    bool irreversible, root, available;
    struct str unavailable_reason;
};
extern const struct schema action_view_schema;
err action_view(struct arena *arena, const struct action_def *def, struct action_view *ret_view) MUST_USE;

err plan_view(struct arena *arena, const struct plan *plan, struct plan_view *ret_view) MUST_USE;

struct stop_view {
    bool engaged;
    struct str reason, actor;
    int64_t since;
};
extern const struct schema stop_view_schema;
struct stop_view stop_view(const struct stop_state *state);
