/* signal.c - rows of signals, and the events of raising and clearing. */
#include "detect/signal.h"

#include "base/json.h"
#include "base/time.h"
#include "db/journal.h"
#include "detect/failure_model.h"

#include <math.h>

enum { LIST_MAX = 10000, VALUES_MAX = 5000, DATA_MAX = 64 * 1024 };

static const struct migration detect_1 = {
    .room = "detect",
    .number = 1,
    .sql =
        "CREATE TABLE signal("
        " id INTEGER PRIMARY KEY, server_name TEXT NOT NULL, signal_type TEXT NOT NULL, value REAL NOT NULL,"
        " threshold REAL NOT NULL, risk_score REAL NOT NULL, created_ms INTEGER NOT NULL, posted INTEGER NOT NULL,"
        " resource TEXT NOT NULL, metric TEXT NOT NULL, labels TEXT NOT NULL, value_limit REAL, model_risk REAL,"
        " eta_seconds REAL, eta_low REAL, eta_high REAL, evidence TEXT, seen_ms INTEGER NOT NULL,"
        " cleared_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE INDEX signal_by_time ON signal(created_ms);"
        "CREATE INDEX signal_by_server ON signal(server_name, signal_type, created_ms);"
        "CREATE UNIQUE INDEX signal_open ON signal(signal_type, resource, labels) WHERE posted = 0 AND cleared_ms = 0;"
        "CREATE TABLE prevention("
        " id INTEGER PRIMARY KEY, signal_id INTEGER NOT NULL, action_type TEXT NOT NULL, action_cmd TEXT,"
        " execution_id TEXT NOT NULL, success INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
        " executed_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE INDEX prevention_by_time ON prevention(created_ms);"
        "CREATE INDEX prevention_by_execution ON prevention(execution_id);",
};
REGISTER(migration, detect_1);

#define SIGNAL_COLUMNS                                                                                                 \
    "id, server_name, signal_type, value, threshold, risk_score, created_ms, posted, resource, metric, labels, "       \
    "value_limit, model_risk, eta_seconds, eta_low, eta_high, evidence, seen_ms, cleared_ms"

static struct param real_or_null(double value)
{
    return isfinite(value) ? param_double(value) : (struct param){ .type = PARAM_NULL };
}

static double real_of(struct rows *rows, int column)
{
    return rows_is_null(rows, column) ? NAN : rows_double(rows, column);
}

static void put_evidence(struct json_writer *w, const struct evidence *evidence)
{
    json_begin_object(w);
    json_put_double(w, S("slope_per_hour"), evidence->slope_per_hour);
    json_put_double(w, S("r2"), evidence->r2);
    json_put_double(w, S("p_value"), evidence->p_value);
    json_put_double(w, S("baseline"), evidence->baseline);
    json_put_i64(w, S("samples"), (int64_t)evidence->samples);
    json_put_double(w, S("window_seconds"), evidence->window_seconds);
    json_end_object(w);
}

static struct str evidence_text(struct arena *arena, const struct signal_row *row)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct json_writer w;

    if (!row->has_evidence)
        return (struct str){ NULL, 0 };
    buf_init(&text, DATA_MAX);
    w = json_writer(&text);
    put_evidence(&w, &row->evidence);
    return str_copy(arena, buf_str(&text));
}

static err evidence_read(struct arena *arena, struct str text, struct signal_row *row)
{
    const struct json *json;

    if (!text.at)
        return NULL;
    TRY(json_parse(arena, text, &json));
    row->has_evidence = true;
    row->evidence.slope_per_hour = json_number_or(json_get(json, S("slope_per_hour")), 0);
    row->evidence.r2 = json_number_or(json_get(json, S("r2")), 0);
    row->evidence.p_value = json_number_or(json_get(json, S("p_value")), 1);
    row->evidence.baseline = json_number_or(json_get(json, S("baseline")), NAN);
    row->evidence.samples = (size_t)json_i64_or(json_get(json, S("samples")), 0);
    row->evidence.window_seconds = json_number_or(json_get(json, S("window_seconds")), 0);
    return NULL;
}

static struct str labels_text(struct arena *arena, struct labels labels)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct json_writer w;

    buf_init(&text, DATA_MAX);
    w = json_writer(&text);
    labels_write_json(&w, labels);
    return str_copy(arena, buf_str(&text));
}

static err read_row(struct rows *rows, struct arena *arena, struct signal_row *ret_row)
{
    const struct json *json;
    struct signal_row row = {
        .id = rows_i64(rows, 0),
        .server_name = rows_copy(rows, 1, arena),
        .signal_type = rows_copy(rows, 2, arena),
        .value = rows_double(rows, 3),
        .threshold = rows_double(rows, 4),
        .risk_score = rows_double(rows, 5),
        .created_ms = rows_i64(rows, 6),
        .posted = rows_i64(rows, 7),
        .resource = rows_copy(rows, 8, arena),
        .metric = rows_copy(rows, 9, arena),
        .limit = real_of(rows, 11),
        .model_risk = real_of(rows, 12),
        .eta_seconds = real_of(rows, 13),
        .eta_low = real_of(rows, 14),
        .eta_high = real_of(rows, 15),
        .seen_ms = rows_i64(rows, 17),
        .cleared_ms = rows_i64(rows, 18),
    };

    TRY(json_parse(arena, rows_str(rows, 10), &json));
    TRY(labels_from_json(arena, json, &row.labels));
    TRY(evidence_read(arena, rows_copy(rows, 16, arena), &row));
    *ret_row = row;
    return NULL;
}

static err read_all(struct rows *rows, struct arena *arena, struct signal_list *ret_list)
{
    VEC(struct signal_row) list = { 0 };

    while (rows_next(rows)) {
        TRY(arena_check(arena));
        TRY(read_row(rows, arena, vec_push(&list, arena)));
    }
    *ret_list = (struct signal_list){ list.at, list.count };
    return rows_err(rows);
}

static err insert(struct tx *tx, struct signal_row *row)
{
    struct arena *arena = tx_arena(tx);

    row->created_ms = row->seen_ms = tx_now_ms(tx);
    TRY(tx_run(
        tx,
        "INSERT INTO signal(server_name, signal_type, value, threshold, risk_score, created_ms, posted, resource,"
        " metric, labels, value_limit, seen_ms, evidence) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13)",
        PARAMS(row->server_name, row->signal_type, row->value, row->threshold, row->risk_score, row->created_ms,
               row->posted, row->resource.at ? row->resource : S(""), row->metric.at ? row->metric : S(""),
               labels_text(arena, row->labels), real_or_null(row->limit), row->seen_ms, evidence_text(arena, row))));
    row->id = tx_last_id(tx);
    return NULL;
}

static err update_model(struct tx *tx, const struct signal_row *row)
{
    return tx_run(tx,
                  "UPDATE signal SET value = ?2, risk_score = ?3, model_risk = ?4, eta_seconds = ?5, eta_low = ?6,"
                  " eta_high = ?7, evidence = ?8, seen_ms = ?9 WHERE id = ?1",
                  PARAMS(row->id, row->value, row->risk_score, real_or_null(row->model_risk),
                         real_or_null(row->eta_seconds), real_or_null(row->eta_low), real_or_null(row->eta_high),
                         evidence_text(tx_arena(tx), row), row->seen_ms));
}

err signal_add(struct tx *tx, struct signal_row *row)
{
    row->posted = true;
    TRY(insert(tx, row));
    return update_model(tx, row);
}

static void put_optional(struct json_writer *w, struct str key, double value)
{
    if (isfinite(value))
        json_put_double(w, key, round_decimals(value, 1));
}

static err append_raised(struct tx *tx, const struct signal_row *row, bool became_high)
{
    const struct failure_model *model = failure_model_for(row->signal_type);
    struct buf data CLEANUP(buf_clear) = { 0 };
    struct json_writer w;

    buf_init(&data, DATA_MAX);
    w = json_writer(&data);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("signal_id"), row->id);
    json_put_str(&w, S("signal_type"), row->signal_type);
    json_put_str(&w, S("metric"), row->metric);
    json_key(&w, S("labels"));
    labels_write_json(&w, row->labels);
    json_put_double(&w, S("value"), row->value);
    json_put_double(&w, S("threshold"), row->threshold);
    json_put_double(&w, S("risk_score"), row->risk_score);
    json_put_str(&w, S("predicted_failure"), str_of(model->predicted_failure[LANG_EN]));
    put_optional(&w, S("eta_seconds"), row->eta_seconds);
    put_optional(&w, S("eta_low"), row->eta_low);
    put_optional(&w, S("eta_high"), row->eta_high);
    json_key(&w, S("evidence"));
    put_evidence(&w, &row->evidence);
    json_end_object(&w);
    TRY(buf_check(&data));
    struct str place; /* "db1:/var" of "filesystem:db1:/var": the failure says what it is */
    str_cut(row->resource, ':', &place);
    struct event event = {
        .kind = EVENT_SIGNAL_RAISED,
        .subject = row->resource,
        .actor = S("auspex"),
        .reason = str_printf(tx_arena(tx), "%s (%.*s, %.1f %%)", model->predicted_failure[LANG_EN], STR_ARG(place),
                             row->value),
        .data = buf_str(&data),
        .unique_key = str_printf(tx_arena(tx), "signal:%.*s:%.*s:%016llx:%lld%s", STR_ARG(row->signal_type),
                                 STR_ARG(row->resource), (unsigned long long)labels_fingerprint(row->labels),
                                 (long long)row->created_ms, became_high ? ":high" : ""),
    };
    return journal_append(tx, &event, NULL);
}

err signal_raise(struct tx *tx, struct signal_row *row)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    int64_t id = 0, created = 0, seen = row->seen_ms;
    double before = 0;

    TRY(tx_query(
        tx,
        "SELECT id, created_ms, risk_score FROM signal WHERE posted = 0 AND cleared_ms = 0 AND signal_type = ?1"
        " AND resource = ?2 AND labels = ?3",
        PARAMS(row->signal_type, row->resource, labels_text(tx_arena(tx), row->labels)), &rows));
    if (rows_next(rows)) {
        id = rows_i64(rows, 0);
        created = rows_i64(rows, 1);
        before = rows_double(rows, 2);
    }
    TRY(rows_err(rows));
    rows_closep(&rows);
    bool is_new = id == 0;
    if (is_new) {
        TRY(insert(tx, row));
    } else {
        row->id = id;
        row->created_ms = created;
    }
    row->seen_ms = seen ? seen : tx_now_ms(tx);
    TRY(update_model(tx, row));
    if (is_new)
        return append_raised(tx, row, false);
    return before < RISK_HIGH && row->risk_score >= RISK_HIGH ? append_raised(tx, row, true) : NULL;
}

err signal_clear(struct tx *tx, int64_t id, double risk)
{
    struct arena *arena = tx_arena(tx);
    struct signal_row row;

    TRY(tx_run(tx,
               "UPDATE signal SET cleared_ms = ?2, seen_ms = ?2, risk_score = ?3, eta_seconds = NULL, eta_low = NULL,"
               " eta_high = NULL WHERE id = ?1 AND posted = 0 AND cleared_ms = 0",
               PARAMS(id, tx_now_ms(tx), risk)));
    if (tx_changes(tx) == 0)
        return NULL;
    TRY(signal_find(tx, arena, id, &row));
    struct event event = {
        .kind = EVENT_SIGNAL_CLEARED,
        .subject = row.resource,
        .actor = S("auspex"),
        .reason = S("The risk is gone."),
        .data = str_printf(arena, "{\"v\":1,\"signal_id\":%lld,\"signal_type\":\"%.*s\"}", (long long)id,
                           STR_ARG(row.signal_type)),
        .unique_key = str_printf(arena, "signal.cleared:%lld", (long long)id),
    };
    return journal_append(tx, &event, NULL);
}

err signal_select(struct tx *tx, struct arena *arena, const struct signal_filter *filter, struct signal_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct str any = { NULL, 0 };

    TRY(tx_query(tx,
                 "SELECT " SIGNAL_COLUMNS " FROM signal WHERE risk_score >= ?1"
                 " AND (created_ms >= ?2 OR (posted = 0 AND cleared_ms = 0))"
                 " AND (?3 IS NULL OR signal_type = ?3) AND (?4 IS NULL OR server_name = ?4)"
                 " AND (?5 = 0 OR (posted = 0 AND cleared_ms = 0))"
                 " ORDER BY risk_score DESC, created_ms DESC, id DESC LIMIT ?6",
                 PARAMS(filter->min_risk, filter->since_ms, filter->signal_type.length ? filter->signal_type : any,
                        filter->server_name.length ? filter->server_name : any, filter->open_only,
                        filter->limit ? filter->limit : LIST_MAX),
                 &rows));
    return read_all(rows, arena, ret_list);
}

err signal_find(struct tx *tx, struct arena *arena, int64_t id, struct signal_row *ret_row)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct signal_list list;

    TRY(tx_query(tx, "SELECT " SIGNAL_COLUMNS " FROM signal WHERE id = ?1", PARAMS(id), &rows));
    TRY(read_all(rows, arena, &list));
    if (list.count == 0)
        return err_new(ERR_NOT_FOUND, "there is no signal %lld", (long long)id);
    *ret_row = list.at[0];
    return NULL;
}

err signal_posted_values(struct tx *tx, struct arena *arena, struct str server_name, struct str signal_type,
                         int64_t since_ms, struct signal_values *ret_values)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct signal_value) values = { 0 };

    TRY(tx_query(tx,
                 "SELECT created_ms, value FROM signal WHERE server_name = ?1 AND signal_type = ?2 AND created_ms >= ?3"
                 " AND posted = 1 ORDER BY created_ms DESC, id DESC LIMIT ?4",
                 PARAMS(server_name, signal_type, since_ms, VALUES_MAX), &rows));
    while (rows_next(rows))
        *vec_push(&values, arena) = (struct signal_value){ rows_i64(rows, 0), rows_double(rows, 1) };
    TRY(rows_err(rows));
    for (size_t i = 0, j = values.count; i + 1 < j; i++) {
        struct signal_value swapped = values.at[i];
        values.at[i] = values.at[--j];
        values.at[j] = swapped;
    }
    *ret_values = (struct signal_values){ values.at, values.count };
    return NULL;
}

err signal_summarise(struct tx *tx, int64_t week_ms, int64_t day_ms, struct signal_summary *ret_summary)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(
        tx,
        "SELECT coalesce(sum(risk_score >= 0.7), 0), coalesce(sum(created_ms >= ?2), 0),"
        " coalesce(avg(risk_score), 0.0), (SELECT count(*) FROM prevention WHERE success = 1 AND created_ms >= ?1)"
        " FROM signal WHERE created_ms >= ?1",
        PARAMS(week_ms, day_ms), &rows));
    if (rows_next(rows))
        *ret_summary = (struct signal_summary){ .high_risk = rows_i64(rows, 0),
                                                .last_day = rows_i64(rows, 1),
                                                .average_risk = rows_double(rows, 2),
                                                .prevented = rows_i64(rows, 3) };
    return rows_err(rows);
}

err signal_count_types(struct tx *tx, struct arena *arena, int64_t since_ms, struct type_counts *ret_counts)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct type_count) counts = { 0 };

    TRY(tx_query(tx, "SELECT signal_type, count(*) FROM signal WHERE created_ms >= ?1 GROUP BY 1 ORDER BY 2 DESC, 1",
                 PARAMS(since_ms), &rows));
    while (rows_next(rows))
        *vec_push(&counts, arena) = (struct type_count){ rows_copy(rows, 0, arena), rows_i64(rows, 1) };
    *ret_counts = (struct type_counts){ counts.at, counts.count };
    return rows_err(rows);
}
