/* signal.h - signals, what was done against them, and how earlier predictions turned out: rows of the database.
 *
 * Owner: lists live in the arena given. Threads: whoever has the tx.
 *
 * A posted signal is a moment: a row, never changed. One that Auspex raised itself stays open until its risk is gone:
 * at most one is open for each (type, resource, series); its risk, ETA and evidence follow the model. Raising and
 * clearing are events (signal.raised, signal.cleared, docs/format/journal.md); a signal that opened below 0.7 and comes
 * to 0.7 is raised once more, so that whoever folds signals can tell that it became serious. */
#pragma once
#include "db/db.h"
#include "detect/assess.h"
#include "model/labels.h"

struct signal_row {
    int64_t id; /* 0 until stored */
    struct str server_name, signal_type;
    double value, threshold, risk_score;
    int64_t created_ms;
    /* The rest is empty, or NaN, for what was posted about servers that nobody watches. */
    bool posted;
    struct str resource; /* "filesystem:db1:/var" */
    struct str metric;
    struct labels labels;
    double limit;
    double model_risk;
    double eta_seconds, eta_low, eta_high; /* from seen_ms on */
    bool has_evidence;
    struct evidence evidence;
    int64_t seen_ms;    /* when the model looked last */
    int64_t cleared_ms; /* 0: open */
};

struct signal_list {
    struct signal_row *at;
    size_t count;
};

/* signal_add - store a posted one; sets id and created_ms. */
err signal_add(struct tx *tx, struct signal_row *row) MUST_USE;
/* signal_raise - open one of our own, or bring the open one of the same (type, resource, labels) up to date; sets id.
 * Appends what follows from it. */
err signal_raise(struct tx *tx, struct signal_row *row) MUST_USE;
/* signal_clear - close it with the risk that is left, and append signal.cleared; nothing where it is closed. */
err signal_clear(struct tx *tx, int64_t id, double risk) MUST_USE;

struct signal_filter {
    struct str signal_type; /* empty: any */
    struct str server_name; /* empty: any */
    double min_risk;
    int64_t since_ms; /* created at or after, or still open */
    bool open_only;   /* of our own */
    int limit;        /* 0: all, at most 10,000 */
};
/* signal_select - highest risk first, then the newest. */
err signal_select(struct tx *tx, struct arena *arena, const struct signal_filter *filter,
                  struct signal_list *ret_list) MUST_USE;
/* signal_find - ERR_NOT_FOUND where there is none. */
err signal_find(struct tx *tx, struct arena *arena, int64_t id, struct signal_row *ret_row) MUST_USE;

struct signal_value {
    int64_t time_ms;
    double value;
};
struct signal_values {
    struct signal_value *at;
    size_t count;
};
/* signal_posted_values - what was posted for a server and type since then, oldest first, the newest 5,000. */
err signal_posted_values(struct tx *tx, struct arena *arena, struct str server_name, struct str signal_type,
                         int64_t since_ms, struct signal_values *ret_values) MUST_USE;

struct signal_summary {
    int64_t high_risk, last_day, prevented;
    double average_risk;
};
err signal_summarise(struct tx *tx, int64_t week_ms, int64_t day_ms, struct signal_summary *ret_summary) MUST_USE;
struct type_count {
    struct str signal_type;
    int64_t count;
};
struct type_counts {
    struct type_count *at;
    size_t count;
};
err signal_count_types(struct tx *tx, struct arena *arena, int64_t since_ms, struct type_counts *ret_counts) MUST_USE;

struct prevention {
    int64_t id, signal_id;
    struct str action_type, action_cmd; /* .at NULL: no command */
    struct str execution_id;            /* empty: none */
    bool success;                       /* verified */
    int64_t created_ms, executed_ms;    /* 0: not yet */
};
struct prevention_list {
    struct prevention *at;
    size_t count;
};
/* prevention_add - sets id and created_ms; the same signal and execution again are the first row. */
err prevention_add(struct tx *tx, struct prevention *prevention) MUST_USE;
/* prevention_settle - the execution ended; nothing where it belongs to no prevention. */
err prevention_settle(struct tx *tx, struct str execution_id, bool success) MUST_USE;
/* prevention_select - verified successes, newest first. */
err prevention_select(struct tx *tx, struct arena *arena, int64_t since_ms, int limit,
                      struct prevention_list *ret_list) MUST_USE;
