/* predict_fail.c - /api/predict-fail: signals, analysis of posted values, predictions, models, summary. Prevention is
 * next door, in predict_prevent.c. */
#include "api/predict_fail_replies.h"
#include "api/services.h"
#include "base/time.h"
#include "detect/scores.h"
#include "detect/track.h"
#include "detect/watch.h"

#include <math.h>

enum { LIST_BYTES_MAX = 8 << 20, FEEDBACK_MIN = 10, HISTORY_MIN = 3, NAME_MAX_BYTES = 255 };

/* Clients of these calls expect Korean where nobody chose. */
static enum lang lang_of(struct request *req)
{
    return request_lang(req, LANG_KO);
}

struct list_job {
    struct arena *arena;
    struct signal_filter filter;
    struct signal_list list;
};

static err list_read(struct tx *tx, void *arg)
{
    struct list_job *job = arg;
    return signal_select(tx, job->arena, &job->filter, &job->list);
}

struct signals_query {
    struct str signal_type;
    double min_risk;
    int64_t limit;
};
static const struct field signals_query_fields[] = {
    STRING(struct signals_query, signal_type, .doc = "Only this type."),
    DOUBLE(struct signals_query, min_risk, .def = "0", .min = 0, .max = 1, .doc = "Only from this risk on."),
    INT(struct signals_query, limit, .def = "50", .min = 1, .max = 200, .doc = "At most so many."),
    { 0 },
};
static const struct schema signals_query_schema = SCHEMA(struct signals_query, signals_query_fields);

static err signals_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct signals_query *q = query;
    struct arena *arena = request_arena(req);
    struct list_job job = {
        .arena = arena, .filter = { .signal_type = q->signal_type, .min_risk = q->min_risk, .limit = (int)q->limit }
    };

    (void)body;
    TRY(db_read(services.db, list_read, &job));
    struct signal_reply *items = arena_array(arena, job.list.count + 1, sizeof *items);
    for (size_t i = 0; i < job.list.count; i++)
        signal_reply_fill(arena, &job.list.at[i], lang_of(req), &items[i]);
    return reply_encode_list(reply, &signal_reply_schema, items, job.list.count);
}

static const struct route signals_list_route = {
    .method = "GET",
    .path = "/api/predict-fail/signals",
    .summary = "Signals, highest risk first",
    .tag = "Predictive failure prevention",
    .role = ROLE_VIEWER,
    .query = &signals_query_schema,
    .reply = &signal_reply_schema,
    .reply_is_list = true,
    .unknown_ok = true,
    .handle = signals_list,
};
REGISTER(route, signals_list_route);

struct analyze_body {
    struct str server_name, signal_type;
    double value;
    int64_t window_days;
    bool with_insight;
};
static const struct field analyze_fields[] = {
    STRING(struct analyze_body, server_name, .flags = F_REQUIRED, .min = 1, .max = NAME_MAX_BYTES, .doc = "Server."),
    STRING(struct analyze_body, signal_type, .flags = F_REQUIRED, .max = NAME_MAX_BYTES,
           .doc = "cpu_spike, mem_leak, disk_full or error_rate."),
    DOUBLE(struct analyze_body, value, .flags = F_REQUIRED, .doc = "Percent."),
    INT(struct analyze_body, window_days, .def = "7", .min = 1, .max = 365, .doc = "How far to look back, in days."),
    BOOL(struct analyze_body, with_insight, .def = "true",
         .doc = "Ask a language model for words, where there is one."),
    { 0 },
};
static const struct schema analyze_schema = SCHEMA(struct analyze_body, analyze_fields, .doc = "A value to judge.");

struct analyze_job {
    struct arena *arena;
    const struct analyze_body *body;
    const struct failure_model *model;
    struct signal_values values;
    struct signal_row row;
    bool judged;
};

static err analyze_read(struct tx *tx, void *arg)
{
    struct analyze_job *job = arg;
    return signal_posted_values(tx, job->arena, job->body->server_name, job->body->signal_type,
                                time_now_ms() - job->body->window_days * DAY_MS, &job->values);
}

static err analyze_write(struct tx *tx, void *arg)
{
    struct analyze_job *job = arg;
    return signal_add(tx, &job->row);
}

/* Run the named algorithm over what is stored of the server: the values that were posted for it, or, where there are
 * hardly any, the series that is watched there. */
static void analyze_history(struct analyze_job *job)
{
    struct history *history CLEANUP(history_freep) = history_new();
    struct assess_options options = failure_model_options(job->model, 0);
    struct assessment judged;
    int64_t now = time_now_ms();

    for (size_t i = 0; i < job->values.count; i++)
        history_add(history, job->values.at[i].time_ms, job->values.at[i].value);
    history_add(history, now, job->body->value);
    int64_t known = history_last_ms(history) - history_first_ms(history);
    options.window_ms = job->body->window_days * DAY_MS;
    options.min_window_ms = known / 32 + 1; /* people post at any pace */
    if (history_samples(history) >= HISTORY_MIN)
        judged = assess(job->arena, job->model->algorithm, history, &options);
    else if (!services.watch ||
             !watch_assess(services.watch, job->arena, job->body->server_name, job->body->signal_type, &judged))
        return;
    job->judged = true;
    job->row.model_risk = round_decimals(judged.risk, 3);
    job->row.eta_seconds = judged.eta_seconds;
    job->row.eta_low = judged.eta_low;
    job->row.eta_high = judged.eta_high;
    job->row.has_evidence = true;
    job->row.evidence = judged.evidence;
}

static err unknown_type(struct str signal_type)
{
    err e =
        err_new(ERR_INVALID, "signal_type '%.*s' is not known; it is one of cpu_spike, mem_leak, disk_full, error_rate",
                STR_ARG(str_utf8_head(signal_type, 80)));

    err_add_field(&e, ERR_INVALID, "signal_type", "must be cpu_spike, mem_leak, disk_full or error_rate");
    return e;
}

static err analyze(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct analyze_job job = { .arena = arena, .body = body };

    (void)query;
    job.model = failure_model_find(job.body->signal_type);
    if (!job.model)
        return unknown_type(job.body->signal_type);
    job.row = (struct signal_row){
        .server_name = job.body->server_name,
        .signal_type = job.body->signal_type,
        .value = job.body->value,
        .threshold = job.model->threshold,
        .risk_score = risk_of_value(job.body->value, job.model->threshold, job.model->weight),
        .resource = str_printf(arena, "host:%.*s", STR_ARG(job.body->server_name)),
        .limit = job.model->limit,
        .model_risk = NAN,
        .eta_seconds = NAN,
        .eta_low = NAN,
        .eta_high = NAN,
    };
    TRY(db_read(services.db, analyze_read, &job));
    analyze_history(&job);
    TRY(db_write(services.db, analyze_write, &job));
    const struct signal_row *row = &job.row;
    struct analyze_reply answer = {
        .signal_id = row->id,
        .server_name = row->server_name,
        .signal_type = row->signal_type,
        .value = row->value,
        .threshold = row->threshold,
        .risk_score = row->risk_score,
        .risk_level = str_of(risk_level(row->risk_score)),
        .predicted_failure = predict_failure_text(row->signal_type, row->risk_score, lang_of(req)),
        .insight = S(""),
        .analyzed_at = row->created_ms,
        .model_risk = row->model_risk,
        .eta_seconds = row->eta_seconds,
        .eta_low = row->eta_low,
        .eta_high = row->eta_high,
        .evidence = predict_evidence_of(arena, row->has_evidence, &row->evidence),
    };
    return reply_encode(reply, &analyze_reply_schema, &answer);
}

static const struct route analyze_route = {
    .method = "POST",
    .path = "/api/predict-fail/analyze",
    .summary = "Judge a value and store it as a signal",
    .tag = "Predictive failure prevention",
    .role = ROLE_OPERATOR,
    .body = &analyze_schema,
    .reply = &analyze_reply_schema,
    .unknown_ok = true,
    .handle = analyze,
};
REGISTER(route, analyze_route);

struct predictions_query {
    double min_risk;
    int64_t hours, limit;
};
static const struct field predictions_query_fields[] = {
    DOUBLE(struct predictions_query, min_risk, .def = "0.3", .min = 0, .max = 1, .doc = "Only from this risk on."),
    INT(struct predictions_query, hours, .def = "24", .min = 1, .max = 720, .doc = "How far to look back."),
    INT(struct predictions_query, limit, .def = "30", .min = 1, .max = 100, .doc = "At most so many."),
    { 0 },
};
static const struct schema predictions_query_schema = SCHEMA(struct predictions_query, predictions_query_fields);

static void count_type(struct arena *arena, struct type_counts *counts, struct str signal_type)
{
    for (size_t i = 0; i < counts->count; i++) {
        if (str_eq(counts->at[i].signal_type, signal_type)) {
            counts->at[i].count++;
            return;
        }
    }
    struct type_count *at = arena_array(arena, counts->count + 1, sizeof *at);
    for (size_t i = 0; i < counts->count; i++)
        at[i] = counts->at[i];
    at[counts->count] = (struct type_count){ signal_type, 1 };
    *counts = (struct type_counts){ at, counts->count + 1 };
}

static err predictions_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct predictions_query *q = query;
    struct arena *arena = request_arena(req);
    enum lang lang = lang_of(req);
    struct list_job job = { .arena = arena,
                            .filter = { .min_risk = fmax(q->min_risk, RISK_MEDIUM),
                                        .since_ms = time_now_ms() - q->hours * HOUR_MS,
                                        .limit = (int)q->limit } };
    struct type_counts counts = { 0 };
    struct predictions_reply answer = { 0 };
    struct buf window CLEANUP(buf_clear) = { 0 };

    (void)body;
    TRY(db_read(services.db, list_read, &job));
    for (size_t i = 0; i < job.list.count; i++) {
        const struct signal_row *row = &job.list.at[i];
        const struct failure_model *model = failure_model_for(row->signal_type);
        count_type(arena, &counts, row->signal_type);
        *vec_push(&answer.predictions, arena) = (struct prediction_reply){
            .signal_id = row->id,
            .server_name = row->server_name,
            .signal_type = row->signal_type,
            .risk_score = row->risk_score,
            .risk_level = str_of(risk_level(row->risk_score)),
            .predicted_failure = str_of(model->predicted_failure[lang]),
            .value = row->value,
            .threshold = row->threshold,
            .detected_at = row->created_ms,
            .recommend_action = str_of(model->action[lang]),
            .resource = row->resource.length ? row->resource : (struct str){ NULL, 0 },
            .eta_seconds = row->eta_seconds,
            .eta_low = row->eta_low,
            .eta_high = row->eta_high,
        };
    }
    buf_init(&window, 100);
    if (lang == LANG_KO)
        buf_addf(&window, "최근 %lld시간", (long long)q->hours);
    else if (lang == LANG_ZH)
        buf_addf(&window, "最近 %lld 小时", (long long)q->hours);
    else
        buf_addf(&window, "last %lld hours", (long long)q->hours);
    answer.total = (int64_t)job.list.count;
    answer.time_window = buf_str(&window);
    answer.type_summary = predict_counts(arena, &counts);
    return reply_encode(reply, &predictions_reply_schema, &answer);
}

static const struct route predictions_route = {
    .method = "GET",
    .path = "/api/predict-fail/predictions",
    .summary = "What will fail next",
    .tag = "Predictive failure prevention",
    .role = ROLE_VIEWER,
    .query = &predictions_query_schema,
    .reply = &predictions_reply_schema,
    .unknown_ok = true,
    .handle = predictions_list,
};
REGISTER(route, predictions_route);

struct models_job {
    struct arena *arena;
    enum lang lang;
    struct model_reply models[MODEL_COUNT];
};

/* The figures of the shipped benchmark, until enough of this server's own predictions came due. */
static err models_read(struct tx *tx, void *arg)
{
    struct models_job *job = arg;

    for (size_t i = 0; i < MODEL_COUNT; i++) {
        const struct failure_model *model = &failure_models[i];
        struct model_reply *reply = &job->models[i];
        struct track_record record = { 0 };
        struct score score;
        TRY(score_of(job->arena, model, &score));
        TRY(track_read(tx, str_of(model->signal_type), &record));
        *reply = (struct model_reply){ .id = str_of(model->id),
                                       .signal_type = str_of(model->signal_type),
                                       .name = str_of(model->name[job->lang]),
                                       .description = str_of(model->description[job->lang]),
                                       .threshold = model->threshold,
                                       .window_days = model->window_days,
                                       .algorithm = str_of(algorithm_name(model->algorithm)),
                                       .accuracy = score.accuracy,
                                       .recall = score.recall,
                                       .measured_on = S("benchmark"),
                                       .samples = score.cases,
                                       .hit = record.hit,
                                       .missed = record.missed,
                                       .wrong = record.wrong,
                                       .prevented = record.prevented,
                                       .pending = record.pending };
        int64_t settled = record.hit + record.missed + record.wrong;
        if (settled < FEEDBACK_MIN)
            continue;
        reply->accuracy = round_decimals(100.0 * (double)record.hit / (double)settled, 1);
        int64_t failures = record.hit + record.missed;
        if (failures > 0)
            reply->recall = round_decimals(100.0 * (double)record.hit / (double)failures, 1);
        reply->measured_on = S("feedback");
        reply->samples = settled;
    }
    return NULL;
}

static err models_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct models_job job = { .arena = request_arena(req), .lang = lang_of(req) };

    (void)query, (void)body;
    TRY(db_read(services.db, models_read, &job));
    return reply_encode_list(reply, &model_reply_schema, job.models, MODEL_COUNT);
}

static const struct route models_route = {
    .method = "GET",
    .path = "/api/predict-fail/models",
    .summary = "The failure models, and how good they were",
    .tag = "Predictive failure prevention",
    .role = ROLE_VIEWER,
    .reply = &model_reply_schema,
    .reply_is_list = true,
    .unknown_ok = true,
    .handle = models_list,
};
REGISTER(route, models_route);

struct summary_job {
    struct arena *arena;
    struct signal_summary summary;
    struct type_counts counts;
};

static err summary_read(struct tx *tx, void *arg)
{
    struct summary_job *job = arg;
    int64_t now = time_now_ms(), week = now - 7LL * DAY_MS;

    TRY(signal_summarise(tx, week, now - DAY_MS, &job->summary));
    return signal_count_types(tx, job->arena, week, &job->counts);
}

static err summary(struct request *req, const void *query, const void *body, struct reply *reply)
{
    static const char *const periods[LANG_COUNT] = { "last 7 days", "최근 7일", "最近 7 天" };
    struct summary_job job = { .arena = request_arena(req) };
    struct watch_state state = services.watch ? watch_state(services.watch) : (struct watch_state){ 0 };

    (void)query, (void)body;
    TRY(db_read(services.db, summary_read, &job));
    int64_t high = job.summary.high_risk;
    struct summary_reply answer = {
        .period = str_of(periods[lang_of(req)]),
        .high_risk_signals = high,
        .signals_24h = job.summary.last_day,
        .preventions_7d = job.summary.prevented,
        .avg_risk_score = round_decimals(job.summary.average_risk, 3),
        .type_distribution = predict_counts(job.arena, &job.counts),
        .pattern_models = MODEL_COUNT,
        .status = high >= 5   ? S("CRITICAL")
                  : high >= 2 ? S("WARNING")
                              : S("NORMAL"),
        .updated_at = time_now_ms(),
        .watched_series = (int64_t)state.series,
        .learning_series = (int64_t)state.learning,
    };
    return reply_encode(reply, &summary_reply_schema, &answer);
}

static const struct route summary_route = {
    .method = "GET",
    .path = "/api/predict-fail/summary",
    .summary = "The state of prediction in one look",
    .tag = "Predictive failure prevention",
    .role = ROLE_VIEWER,
    .reply = &summary_reply_schema,
    .unknown_ok = true,
    .handle = summary,
};
REGISTER(route, summary_route);
