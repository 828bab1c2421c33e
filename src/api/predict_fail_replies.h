/* predict_fail_replies.h - the replies of /api/predict-fail as structs, and how signals become them.
 *
 * Owner: the request's arena. Threads: the request's. */
#pragma once
#include "detect/failure_model.h"
#include "detect/signal.h"

struct predict_evidence {
    double slope_per_hour, r2, p_value, baseline;
    int64_t samples;
    double window_seconds;
};

struct signal_reply {
    int64_t id;
    struct str server_name, signal_type;
    double value, threshold, risk_score;
    struct str predicted_failure; /* null below 0.4 */
    int64_t created_at;
    struct str resource, metric;
    VEC(struct pair) labels;
    double limit;
    double model_risk, eta_seconds, eta_low, eta_high;
    struct predict_evidence *evidence;
    int64_t cleared_at;
};
extern const struct schema signal_reply_schema;

struct analyze_reply {
    int64_t signal_id;
    struct str server_name, signal_type;
    double value, threshold, risk_score;
    struct str risk_level, predicted_failure, insight;
    int64_t analyzed_at;
    double model_risk, eta_seconds, eta_low, eta_high;
    struct predict_evidence *evidence;
};
extern const struct schema analyze_reply_schema;

struct prediction_reply {
    int64_t signal_id;
    struct str server_name, signal_type;
    double risk_score;
    struct str risk_level, predicted_failure;
    double value, threshold;
    int64_t detected_at;
    struct str recommend_action;
    struct str resource;
    double eta_seconds, eta_low, eta_high;
};
struct predictions_reply {
    int64_t total;
    struct str time_window;
    const struct json *type_summary;
    VEC(struct prediction_reply) predictions;
};
extern const struct schema predictions_reply_schema;

struct prevented_reply {
    int64_t id, signal_id;
    struct str action_type, action_cmd;
    bool success;
    int64_t created_at;
};
extern const struct schema prevented_reply_schema;

struct prevent_reply {
    int64_t prevention_id, signal_id;
    struct str server_name, action_type, action_cmd;
    bool success;
    struct str insight;
    int64_t executed_at;
    struct str status, execution_id;
};
extern const struct schema prevent_reply_schema;

struct model_reply {
    struct str id, signal_type, name, description;
    double threshold;
    int64_t window_days;
    struct str algorithm;
    double accuracy, recall;
    struct str measured_on;
    int64_t samples;
    int64_t hit, missed, wrong, prevented, pending;
};
extern const struct schema model_reply_schema;

struct summary_reply {
    struct str period;
    int64_t high_risk_signals, signals_24h, preventions_7d;
    double avg_risk_score;
    const struct json *type_distribution;
    int64_t pattern_models;
    struct str status;
    int64_t updated_at;
    int64_t watched_series, learning_series;
};
extern const struct schema summary_reply_schema;

/* predict_failure_text - null (.at NULL) below 0.4. */
struct str predict_failure_text(struct str signal_type, double risk, enum lang lang);
struct predict_evidence *predict_evidence_of(struct arena *arena, bool has, const struct evidence *evidence);
void signal_reply_fill(struct arena *arena, const struct signal_row *row, enum lang lang, struct signal_reply *reply);
/* predict_counts - {type: count} as a JSON tree. */
const struct json *predict_counts(struct arena *arena, const struct type_counts *counts);
