/* incident_list.c - incidents as the API shows them. */
#include "incident/incident.h"

#include "base/json.h"
#include "model/page.h"

static const char *const status_words[] = { "open", "acknowledged", "healing", "resolved", NULL };

static const struct field incident_row_fields[] = {
    INT(struct incident_row, id, .doc = "Number of the incident."),
    STRING(struct incident_row, title, .doc = "What happened, in one line."),
    STRING(struct incident_row, summary, .doc = "What fails because of it; empty until the analysis is done."),
    ENUM(struct incident_row, status, .words = status_words, .doc = "Where it stands."),
    STRING(struct incident_row, severity, .doc = "critical, high, medium or low."),
    STRING(struct incident_row, priority, .doc = "P1..P4."),
    STRING(struct incident_row, owner, .doc = "Who takes care; empty: nobody yet."),
    STRING(struct incident_row, resource, .doc = "What it is about."),
    INT(struct incident_row, alerts, .doc = "Alerts that belong to it."),
    INT(struct incident_row, signals, .doc = "Signals that belong to it."),
    TIME(struct incident_row, started_at, .doc = "Since when."),
    TIME(struct incident_row, acknowledged_at, .flags = F_NULLABLE, .doc = "When somebody took it."),
    TIME(struct incident_row, resolved_at, .flags = F_NULLABLE, .doc = "When it ended."),
    TIME(struct incident_row, updated_at, .doc = "Last change."),
    { 0 },
};
const struct schema incident_row_schema = SCHEMA(struct incident_row, incident_row_fields, .doc = "An incident.");

static const struct field incident_list_fields[] = {
    INT(struct incident_list, total, .doc = "How many match, over all pages."),
    LIST(struct incident_list, incidents, .schema = &incident_row_schema, .doc = "The newest first."),
    STRING(struct incident_list, next_cursor, .flags = F_NULLABLE, .doc = "For the next page."),
    { 0 },
};
const struct schema incident_list_schema = SCHEMA(struct incident_list, incident_list_fields, .doc = "Incidents.");

#define COLUMNS                                                                                                        \
    "id, title, summary, resource, owner, severity, status, started_at, acknowledged_at, resolved_at, updated_at, "    \
    "rca,"                                                                                                             \
    " (SELECT count(*) FROM incident_member m WHERE m.incident = incident.id AND m.kind = 1),"                         \
    " (SELECT count(*) FROM incident_member m WHERE m.incident = incident.id AND m.kind = 2)"

static err read_row(struct rows *rows, struct arena *arena, struct incident_row *ret_row)
{
    enum severity severity = (enum severity)rows_i64(rows, 5);

    *ret_row = (struct incident_row){
        .id = rows_i64(rows, 0),
        .title = rows_copy(rows, 1, arena),
        .summary = rows_copy(rows, 2, arena),
        .resource = rows_copy(rows, 3, arena),
        .owner = rows_copy(rows, 4, arena),
        .severity = str_of(severity_word(severity)),
        .priority = str_of(severity_priority(severity)),
        .status = (int)rows_i64(rows, 6),
        .started_at = rows_i64(rows, 7),
        .acknowledged_at = rows_i64(rows, 8),
        .resolved_at = rows_i64(rows, 9),
        .updated_at = rows_i64(rows, 10),
        .alerts = rows_i64(rows, 12),
        .signals = rows_i64(rows, 13),
    };
    return rows_is_null(rows, 11) ? NULL : json_parse(arena, rows_copy(rows, 11, arena), &ret_row->rca);
}

err incident_get(struct tx *tx, struct arena *arena, int64_t id, struct incident_row *ret_incident)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT " COLUMNS " FROM incident WHERE id = ?1", PARAMS(id), &rows));
    if (rows_next(rows))
        return read_row(rows, arena, ret_incident);
    TRY(rows_err(rows));
    return err_new(ERR_NOT_FOUND, "no incident %lld", (long long)id);
}

/* status_range - a filter as lowest and highest status; an unknown word is a range that holds nothing. */
static void status_range(struct str word, int64_t *ret_low, int64_t *ret_high)
{
    *ret_low = word.length ? 1 : 0;
    *ret_high = word.length ? 0 : INCIDENT_RESOLVED;
    if (str_eq(word, S("active"))) {
        *ret_low = INCIDENT_OPEN;
        *ret_high = INCIDENT_HEALING;
    }
    for (int i = 0; status_words[i]; i++)
        if (str_eq(word, str_of(status_words[i])))
            *ret_low = *ret_high = i;
}

#define WHERE                                                                                                          \
    " FROM incident INDEXED BY incident_status WHERE status BETWEEN ?1 AND ?2 AND (?3 = 0 OR severity = ?3)"           \
    " AND (?4 = '' OR resource = ?4)"

err incident_select(struct tx *tx, struct arena *arena, const struct incident_query *query,
                    struct incident_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    enum severity severity = 0;
    int64_t low, high;
    struct str resource = query->resource.at ? query->resource : S("");

    *ret_list = (struct incident_list){ 0 };
    status_range(query->status, &low, &high);
    if (query->severity.length && !severity_parse(query->severity, &severity))
        return NULL;
    TRY(tx_get_i64(tx, "SELECT count(*)" WHERE, PARAMS(low, high, (int64_t)severity, resource), 0, &ret_list->total));
    TRY(tx_query(tx,
                 "SELECT " COLUMNS " FROM incident WHERE id IN (SELECT id" WHERE
                 " AND (?5 = 0 OR id < ?5) ORDER BY id DESC LIMIT ?6) ORDER BY id DESC",
                 PARAMS(low, high, (int64_t)severity, resource, query->before, query->limit), &rows));
    while (rows_next(rows))
        TRY(read_row(rows, arena, vec_push(&ret_list->incidents, arena)));
    TRY(rows_err(rows));
    if (ret_list->incidents.count)
        ret_list->next_cursor = page_cursor(arena, ret_list->incidents.count, query->limit,
                                            ret_list->incidents.at[ret_list->incidents.count - 1].id);
    return NULL;
}

err incident_members(struct tx *tx, struct arena *arena, int64_t id, struct incident_members *ret_members)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_members = (struct incident_members){ 0 };
    TRY(tx_query(
        tx,
        "SELECT kind, ref, resource, name, ended_at FROM incident_member WHERE incident = ?1 ORDER BY since, kind, ref",
        PARAMS(id), &rows));
    while (rows_next(rows))
        *vec_push(&ret_members->members, arena) = (struct incident_member){
            .kind = rows_i64(rows, 0),
            .ref = rows_i64(rows, 1),
            .resource = rows_copy(rows, 2, arena),
            .name = rows_copy(rows, 3, arena),
            .ended = !rows_is_null(rows, 4),
        };
    return rows_err(rows);
}
