/* alert_list.c - alerts as the API shows them. */
#include "alerts/alert.h"

#include "model/page.h"

#include <math.h>

static const char *const status_words[] = { "firing", "acknowledged", "resolved", NULL };

static const struct field alert_row_fields[] = {
    INT(struct alert_row, id, .doc = "Number of the alert."),
    STRING(struct alert_row, fingerprint, .doc = "Hash of its labels, as Prometheus makes it."),
    STRING(struct alert_row, name, .doc = "Label alertname."),
    STRING(struct alert_row, resource, .doc = "What it is about."),
    STRING(struct alert_row, source, .doc = "Who raised it."),
    ENUM(struct alert_row, status, .words = status_words, .doc = "Where it stands."),
    STRING(struct alert_row, severity, .doc = "critical, high, medium or low."),
    STRING(struct alert_row, priority, .doc = "P1..P4."),
    STRING(struct alert_row, original_severity, .flags = F_NULLABLE, .doc = "The label severity as it came."),
    ANY(struct alert_row, labels, .doc = "Its labels."),
    ANY(struct alert_row, annotations, .doc = "Its annotations."),
    STRING(struct alert_row, summary, .doc = "One sentence."),
    DOUBLE(struct alert_row, value, .flags = F_NULLABLE, .doc = "The value that fired."),
    DOUBLE(struct alert_row, threshold, .flags = F_NULLABLE, .doc = "The limit it passed."),
    TIME(struct alert_row, starts_at, .doc = "Since when."),
    TIME(struct alert_row, ends_at, .flags = F_NULLABLE, .doc = "Until when."),
    TIME(struct alert_row, acknowledged_at, .flags = F_NULLABLE, .doc = "When somebody took it."),
    INT(struct alert_row, incident_id, .flags = F_NULLABLE, .doc = "The incident that it belongs to."),
    { 0 },
};
const struct schema alert_row_schema = SCHEMA(struct alert_row, alert_row_fields, .doc = "An alert.");

static const struct field alert_list_fields[] = {
    INT(struct alert_list, total, .doc = "How many match, over all pages."),
    LIST(struct alert_list, alerts, .schema = &alert_row_schema, .doc = "The newest first."),
    STRING(struct alert_list, next_cursor, .flags = F_NULLABLE, .doc = "For the next page."),
    { 0 },
};
const struct schema alert_list_schema = SCHEMA(struct alert_list, alert_list_fields, .doc = "Alerts.");

#define COLUMNS                                                                                                        \
    "id, fingerprint, name, resource, source, status, severity, labels, annotations, value, threshold, starts_at, "    \
    "ends_at,"                                                                                                         \
    " acknowledged_at, incident"

static err read_row(struct rows *rows, struct arena *arena, struct alert_row *ret_row)
{
    enum severity severity = (enum severity)rows_i64(rows, 6);

    *ret_row = (struct alert_row){
        .id = rows_i64(rows, 0),
        .fingerprint = str_printf(arena, "%016llx", (unsigned long long)rows_i64(rows, 1)),
        .name = rows_copy(rows, 2, arena),
        .resource = rows_copy(rows, 3, arena),
        .source = rows_copy(rows, 4, arena),
        .status = (int)rows_i64(rows, 5),
        .severity = str_of(severity_word(severity)),
        .priority = str_of(severity_priority(severity)),
        .value = rows_is_null(rows, 9) ? NAN : rows_double(rows, 9),
        .threshold = rows_is_null(rows, 10) ? NAN : rows_double(rows, 10),
        .starts_at = rows_i64(rows, 11),
        .ends_at = rows_i64(rows, 12),
        .acknowledged_at = rows_i64(rows, 13),
        .incident_id = rows_is_null(rows, 14) ? INT64_MIN : rows_i64(rows, 14),
    };
    TRY(json_parse(arena, rows_copy(rows, 7, arena), &ret_row->labels));
    TRY(json_parse(arena, rows_copy(rows, 8, arena), &ret_row->annotations));
    ret_row->original_severity = json_str_or(json_get(ret_row->labels, S("severity")), (struct str){ NULL, 0 });
    ret_row->summary = json_str_or(json_get(ret_row->annotations, S("summary")), ret_row->name);
    return NULL;
}

err alert_get(struct tx *tx, struct arena *arena, int64_t id, struct alert_row *ret_alert)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT " COLUMNS " FROM alert WHERE id = ?1", PARAMS(id), &rows));
    if (rows_next(rows))
        return read_row(rows, arena, ret_alert);
    TRY(rows_err(rows));
    return err_new(ERR_NOT_FOUND, "no alert %lld", (long long)id);
}

/* status_range - a filter as lowest and highest status; an unknown word is a range that holds nothing. */
static void status_range(struct str word, int64_t *ret_low, int64_t *ret_high)
{
    *ret_low = word.length ? 1 : 0;
    *ret_high = word.length ? 0 : ALERT_RESOLVED;
    for (int i = 0; status_words[i]; i++)
        if (str_eq(word, str_of(status_words[i])))
            *ret_low = *ret_high = i;
}

#define MATCHES     " status BETWEEN ?1 AND ?2 AND (?3 = 0 OR severity = ?3)"
#define OF_ALL      " FROM alert INDEXED BY alert_status WHERE ?4 = 0 AND" MATCHES
#define OF_INCIDENT " FROM alert INDEXED BY alert_incident WHERE incident = ?4 AND" MATCHES
#define PAGE(which)                                                                                                    \
    "SELECT " COLUMNS " FROM alert WHERE id IN (SELECT id" which                                                       \
    " AND (?5 = 0 OR id < ?5) ORDER BY id DESC LIMIT ?6) ORDER BY id DESC"

err alert_select(struct tx *tx, struct arena *arena, const struct alert_query *query, struct alert_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    int64_t low, high, incident = query->incident;
    enum severity severity = 0;

    *ret_list = (struct alert_list){ 0 };
    status_range(query->status, &low, &high);
    if (query->severity.length && !severity_parse(query->severity, &severity))
        return NULL;
    TRY(tx_get_i64(tx, incident ? "SELECT count(*)" OF_INCIDENT : "SELECT count(*)" OF_ALL,
                   PARAMS(low, high, (int64_t)severity, incident), 0, &ret_list->total));
    TRY(tx_query(tx, incident ? PAGE(OF_INCIDENT) : PAGE(OF_ALL),
                 PARAMS(low, high, (int64_t)severity, incident, query->before, query->limit), &rows));
    while (rows_next(rows))
        TRY(read_row(rows, arena, vec_push(&ret_list->alerts, arena)));
    TRY(rows_err(rows));
    if (ret_list->alerts.count)
        ret_list->next_cursor = page_cursor(arena, ret_list->alerts.count, query->limit,
                                            ret_list->alerts.at[ret_list->alerts.count - 1].id);
    return NULL;
}
