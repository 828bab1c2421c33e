/* predict_fail_replies.c - the tables of the replies of /api/predict-fail. */
#include "api/predict_fail_replies.h"

#include <math.h>

static const struct field evidence_fields[] = {
    DOUBLE(struct predict_evidence, slope_per_hour, .doc = "Rise of the line, in the metric's unit an hour."),
    DOUBLE(struct predict_evidence, r2, .doc = "Share of the variation that the line explains, 0..1."),
    DOUBLE(struct predict_evidence, p_value, .doc = "How likely such a slope is by chance."),
    DOUBLE(struct predict_evidence, baseline, .flags = F_NULLABLE, .doc = "What was usual before."),
    INT(struct predict_evidence, samples, .doc = "Samples in the stretch that was judged."),
    DOUBLE(struct predict_evidence, window_seconds, .doc = "Length of that stretch."),
    { 0 },
};
static const struct schema evidence_schema =
    SCHEMA(struct predict_evidence, evidence_fields, .doc = "Why the model says so.");

static const struct field signal_fields[] = {
    INT(struct signal_reply, id, .doc = "Id of the signal."),
    STRING(struct signal_reply, server_name, .doc = "Server it was posted for, or seen on."),
    STRING(struct signal_reply, signal_type, .doc = "cpu_spike, mem_leak, disk_full, error_rate, and others."),
    DOUBLE(struct signal_reply, value, .doc = "Percent."),
    DOUBLE(struct signal_reply, threshold, .doc = "Of that type."),
    DOUBLE(struct signal_reply, risk_score, .doc = "0..1."),
    STRING(struct signal_reply, predicted_failure, .flags = F_NULLABLE, .doc = "From risk 0.4 on."),
    TIME(struct signal_reply, created_at, .doc = "When it was posted or raised."),
    STRING(struct signal_reply, resource, .flags = F_NULLABLE, .doc = "Id of the resource."),
    STRING(struct signal_reply, metric, .flags = F_NULLABLE, .doc = "Series that was judged; null for posted ones."),
    PAIRS(struct signal_reply, labels, .doc = "Its labels."),
    DOUBLE(struct signal_reply, limit, .flags = F_NULLABLE, .doc = "Value at which the failure happens."),
    DOUBLE(struct signal_reply, model_risk, .flags = F_NULLABLE,
           .doc = "What the model says about the stored history, 0..1."),
    DOUBLE(struct signal_reply, eta_seconds, .flags = F_NULLABLE, .doc = "Until the limit is reached."),
    DOUBLE(struct signal_reply, eta_low, .flags = F_NULLABLE, .doc = "Lower end of the ETA's 95 % interval."),
    DOUBLE(struct signal_reply, eta_high, .flags = F_NULLABLE, .doc = "Upper end; null where it has none."),
    OPTIONAL(struct signal_reply, evidence, .flags = F_NULLABLE, .schema = &evidence_schema,
             .doc = "null without history."),
    TIME(struct signal_reply, cleared_at, .flags = F_NULLABLE,
         .doc = "When the risk was gone; null while it is there."),
    { 0 },
};
const struct schema signal_reply_schema =
    SCHEMA(struct signal_reply, signal_fields, .doc = "A precursor of failure: posted, or raised by Auspex.");

static const struct field analyze_fields[] = {
    INT(struct analyze_reply, signal_id, .doc = "Id of the stored signal."),
    STRING(struct analyze_reply, server_name, .doc = "As posted."),
    STRING(struct analyze_reply, signal_type, .doc = "As posted."),
    DOUBLE(struct analyze_reply, value, .doc = "As posted."),
    DOUBLE(struct analyze_reply, threshold, .doc = "Of that type."),
    DOUBLE(struct analyze_reply, risk_score, .doc = "round(min(1, min(1, value / threshold) * weight), 3)."),
    STRING(struct analyze_reply, risk_level, .doc = "HIGH from 0.7, MEDIUM from 0.4, else LOW."),
    STRING(struct analyze_reply, predicted_failure, .flags = F_NULLABLE, .doc = "From risk 0.4 on."),
    STRING(struct analyze_reply, insight, .doc = "A model's words; empty without one."),
    TIME(struct analyze_reply, analyzed_at, .doc = "Now."),
    DOUBLE(struct analyze_reply, model_risk, .flags = F_NULLABLE,
           .doc = "What the model says about the stored history, 0..1."),
    DOUBLE(struct analyze_reply, eta_seconds, .flags = F_NULLABLE, .doc = "Until the limit is reached."),
    DOUBLE(struct analyze_reply, eta_low, .flags = F_NULLABLE, .doc = "Lower end of the ETA's 95 % interval."),
    DOUBLE(struct analyze_reply, eta_high, .flags = F_NULLABLE, .doc = "Upper end; null where it has none."),
    OPTIONAL(struct analyze_reply, evidence, .flags = F_NULLABLE, .schema = &evidence_schema,
             .doc = "null without history."),
    { 0 },
};
const struct schema analyze_reply_schema = SCHEMA(struct analyze_reply, analyze_fields, .doc = "A judged value.");

static const struct field prediction_fields[] = {
    INT(struct prediction_reply, signal_id, .doc = "Signal behind it."),
    STRING(struct prediction_reply, server_name, .doc = "Server."),
    STRING(struct prediction_reply, signal_type, .doc = "Type of the signal."),
    DOUBLE(struct prediction_reply, risk_score, .doc = "0..1."),
    STRING(struct prediction_reply, risk_level, .doc = "HIGH or MEDIUM."),
    STRING(struct prediction_reply, predicted_failure, .doc = "What is going to fail."),
    DOUBLE(struct prediction_reply, value, .doc = "Percent."),
    DOUBLE(struct prediction_reply, threshold, .doc = "Of that type."),
    TIME(struct prediction_reply, detected_at, .doc = "When it was posted or raised."),
    STRING(struct prediction_reply, recommend_action, .doc = "What would prevent it."),
    STRING(struct prediction_reply, resource, .flags = F_NULLABLE, .doc = "Id of the resource."),
    DOUBLE(struct prediction_reply, eta_seconds, .flags = F_NULLABLE, .doc = "Until it fails."),
    DOUBLE(struct prediction_reply, eta_low, .flags = F_NULLABLE, .doc = "Lower end of the 95 % interval."),
    DOUBLE(struct prediction_reply, eta_high, .flags = F_NULLABLE, .doc = "Upper end."),
    { 0 },
};
static const struct schema prediction_schema =
    SCHEMA(struct prediction_reply, prediction_fields, .doc = "A signal that names a failure.");
static const struct field predictions_fields[] = {
    INT(struct predictions_reply, total, .doc = "Length of this list."),
    STRING(struct predictions_reply, time_window, .doc = "In words."),
    ANY(struct predictions_reply, type_summary, .doc = "Count by type, of this list."),
    LIST(struct predictions_reply, predictions, .schema = &prediction_schema, .doc = "Highest risk first."),
    { 0 },
};
const struct schema predictions_reply_schema =
    SCHEMA(struct predictions_reply, predictions_fields, .doc = "What will fail next.");

static const struct field prevented_fields[] = {
    INT(struct prevented_reply, id, .doc = "Id of the prevention."),
    INT(struct prevented_reply, signal_id, .doc = "Signal it answered."),
    STRING(struct prevented_reply, action_type, .doc = "Kind of prevention."),
    STRING(struct prevented_reply, action_cmd, .flags = F_NULLABLE, .doc = "What ran, for reading."),
    BOOL(struct prevented_reply, success, .doc = "Verified."),
    TIME(struct prevented_reply, created_at, .doc = "When it was asked for."),
    { 0 },
};
const struct schema prevented_reply_schema =
    SCHEMA(struct prevented_reply, prevented_fields, .doc = "A prevention that was verified.");

static const struct field prevent_fields[] = {
    INT(struct prevent_reply, prevention_id, .doc = "Id of the prevention."),
    INT(struct prevent_reply, signal_id, .doc = "Signal it answers."),
    STRING(struct prevent_reply, server_name, .doc = "Of the signal."),
    STRING(struct prevent_reply, action_type, .doc = "scale_out, service_restart, disk_cleanup, health_check."),
    STRING(struct prevent_reply, action_cmd, .flags = F_NULLABLE, .doc = "What runs, for reading: quoted argv."),
    BOOL(struct prevent_reply, success, .doc = "The verified outcome."),
    STRING(struct prevent_reply, insight, .doc = "A model's words; empty without one."),
    TIME(struct prevent_reply, executed_at, .flags = F_NULLABLE, .doc = "null while it runs or waits."),
    STRING(struct prevent_reply, status, .doc = "running, pending_approval, or how it ended."),
    STRING(struct prevent_reply, execution_id, .flags = F_NULLABLE, .doc = "Execution behind it."),
    { 0 },
};
const struct schema prevent_reply_schema =
    SCHEMA(struct prevent_reply, prevent_fields, .doc = "A prevention, and how far it is.");

static const struct field model_fields[] = {
    STRING(struct model_reply, id, .doc = "Id of the model."),
    STRING(struct model_reply, signal_type, .doc = "Type of its signals."),
    STRING(struct model_reply, name, .doc = "In words."),
    STRING(struct model_reply, description, .doc = "What it does."),
    DOUBLE(struct model_reply, threshold, .doc = "Percent."),
    INT(struct model_reply, window_days, .doc = "How far it looks back."),
    STRING(struct model_reply, algorithm, .doc = "Which of the four."),
    DOUBLE(struct model_reply, accuracy, .doc = "Percent of right cases, measured."),
    DOUBLE(struct model_reply, recall, .doc = "Percent of failures that were announced, measured."),
    STRING(struct model_reply, measured_on,
           .doc = "benchmark, until enough predictions of this server came due: feedback."),
    INT(struct model_reply, samples, .doc = "Cases behind the figures."),
    INT(struct model_reply, hit, .doc = "Predictions here that came true."),
    INT(struct model_reply, missed, .doc = "Failures here that nobody announced."),
    INT(struct model_reply, wrong, .name = "false", .doc = "Predictions here that did not come true."),
    INT(struct model_reply, prevented, .doc = "Predictions here that a verified action made false."),
    INT(struct model_reply, pending, .doc = "Predictions here that are not due yet."),
    { 0 },
};
const struct schema model_reply_schema = SCHEMA(struct model_reply, model_fields, .doc = "A failure model.");

static const struct field summary_fields[] = {
    STRING(struct summary_reply, period, .doc = "In words."),
    INT(struct summary_reply, high_risk_signals, .doc = "With a risk of 0.7 or more, in 7 days."),
    INT(struct summary_reply, signals_24h, .doc = "Signals in 24 hours."),
    INT(struct summary_reply, preventions_7d, .doc = "Verified preventions in 7 days."),
    DOUBLE(struct summary_reply, avg_risk_score, .doc = "Of 7 days; three digits."),
    ANY(struct summary_reply, type_distribution, .doc = "Count by type, of 7 days."),
    INT(struct summary_reply, pattern_models, .doc = "Number of models."),
    STRING(struct summary_reply, status,
           .doc = "CRITICAL from 5 signals of high risk on, WARNING from 2, else NORMAL."),
    TIME(struct summary_reply, updated_at, .doc = "Now."),
    INT(struct summary_reply, watched_series, .doc = "Series that are watched all the time."),
    INT(struct summary_reply, learning_series, .doc = "Those of them that are too new to be judged by their course."),
    { 0 },
};
const struct schema summary_reply_schema =
    SCHEMA(struct summary_reply, summary_fields, .doc = "The state in one look.");

struct str predict_failure_text(struct str signal_type, double risk, enum lang lang)
{
    if (risk < RISK_MEDIUM)
        return (struct str){ NULL, 0 };
    return str_of(failure_model_for(signal_type)->predicted_failure[lang]);
}

struct predict_evidence *predict_evidence_of(struct arena *arena, bool has, const struct evidence *evidence)
{
    if (!has)
        return NULL;
    struct predict_evidence *copy = arena_alloc(arena, sizeof *copy);
    *copy = (struct predict_evidence){ evidence->slope_per_hour,   evidence->r2,
                                       evidence->p_value,          evidence->baseline,
                                       (int64_t)evidence->samples, evidence->window_seconds };
    return copy;
}

static struct str or_null(struct str text)
{
    return text.length ? text : (struct str){ NULL, 0 };
}

void signal_reply_fill(struct arena *arena, const struct signal_row *row, enum lang lang, struct signal_reply *reply)
{
    *reply = (struct signal_reply){
        .id = row->id,
        .server_name = row->server_name,
        .signal_type = row->signal_type,
        .value = row->value,
        .threshold = row->threshold,
        .risk_score = row->risk_score,
        .predicted_failure = predict_failure_text(row->signal_type, row->risk_score, lang),
        .created_at = row->created_ms,
        .resource = or_null(row->resource),
        .metric = or_null(row->metric),
        .limit = row->limit,
        .model_risk = row->model_risk,
        .eta_seconds = row->eta_seconds,
        .eta_low = row->eta_low,
        .eta_high = row->eta_high,
        .evidence = predict_evidence_of(arena, row->has_evidence, &row->evidence),
        .cleared_at = row->cleared_ms,
    };
    for (size_t i = 0; i < row->labels.count; i++)
        *vec_push(&reply->labels, arena) = (struct pair){ row->labels.at[i].name, row->labels.at[i].value };
}

const struct json *predict_counts(struct arena *arena, const struct type_counts *counts)
{
    struct json *json = arena_alloc(arena, sizeof *json);

    json->type = JSON_OBJECT;
    json->object.members = arena_array(arena, counts->count + 1, sizeof *json->object.members);
    json->object.count = counts->count;
    for (size_t i = 0; i < counts->count; i++) {
        struct json *number = arena_alloc(arena, sizeof *number);
        number->type = JSON_NUMBER;
        number->number.value = (double)counts->at[i].count;
        number->number.integer = counts->at[i].count;
        number->number.is_integer = true;
        json->object.members[i] = (struct json_member){ .key = counts->at[i].signal_type, .value = number };
    }
    return json;
}
