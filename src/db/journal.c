/* journal.c - appending and reading events. */
#include "db/journal.h"

#include "base/metric.h"
#include "base/vec.h"
#include "db/audit.h"
#include "db/engine.h"
#include "db/event_rows.h"

#include <stdlib.h>
#include <string.h>

METRIC(COUNTER, journal_events_total, "Events appended, by kind.", "kind");
METRIC(COUNTER, journal_doubles_total, "Events that were not appended: their unique key was there.", NULL);

enum {
    SUBJECT_MAX = 1024,
    ACTOR_MAX = 256,
    REASON_MAX = 8 * 1024,
    KEY_MAX = 512,
    DATA_MAX = 1024 * 1024,
    LIMIT_MAX = 1000,
    KINDS_MAX = 128,
};

static err too_long(const char *what, struct str text, size_t max)
{
    if (text.length > max)
        return err_new(ERR_TOO_LARGE, "an event's %s of %zu bytes; at most %zu", what, text.length, max);
    if (!str_is_utf8(text))
        return err_new(ERR_INVALID, "an event's %s is not UTF-8", what);
    return NULL;
}

static err check(const struct event *event)
{
    struct str data = event->data;

    if (!event_kind_name(event->kind))
        return err_new(ERR_INTERNAL, "%d is no kind of event", (int)event->kind);
    TRY(too_long("subject", event->subject, SUBJECT_MAX));
    TRY(too_long("actor", event->actor, ACTOR_MAX));
    TRY(too_long("reason", event->reason, REASON_MAX));
    TRY(too_long("unique key", event->unique_key, KEY_MAX));
    TRY(too_long("data", data, DATA_MAX));
    if (data.length && (data.at[0] != '{' || data.at[data.length - 1] != '}'))
        return err_new(ERR_INTERNAL, "an event's data is no JSON object: %.40s", data.at);
    return NULL;
}

static struct str or_empty(struct str text)
{
    return text.at ? text : S("");
}

err journal_append(struct tx *tx, const struct event *event, int64_t *ret_id)
{
    struct db *db = tx->db;
    int64_t subject, actor, id = 0;

    TRY(check(event));
    if (!tx->writable)
        return err_new(ERR_INTERNAL, "journal_append within db_read");
    if (event->unique_key.length) {
        TRY(tx_get_i64(tx, "SELECT id FROM journal WHERE unique_key = ?1", PARAMS(event->unique_key), 0, &id));
        if (id) {
            metric_add(&journal_doubles_total, 1);
            if (ret_id)
                *ret_id = id;
            return NULL;
        }
    }
    TRY(names_id(tx, &db->names, NAME_SUBJECT, event->subject, &subject));
    TRY(names_id(tx, &db->names, NAME_ACTOR, event->actor, &actor));
    struct str key = event->unique_key.length ? event->unique_key : (struct str){ NULL, 0 };
    TRY(tx_run(tx,
               "INSERT INTO journal(time, kind, subject, incident, actor, reason, data, unique_key) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
               PARAMS(event->time_ms ? event->time_ms : tx->now_ms, (int64_t)event->kind, subject, event->incident,
                      actor, or_empty(event->reason), event->data.length ? event->data : S("{}"), key)));
    id = tx_last_id(tx);
    if (event->incident)
        TRY(tx_run(tx, "INSERT INTO incident_event(incident, event) VALUES(?1, ?2)", PARAMS(event->incident, id)));
    if (audit_wants(event->kind)) {
        struct event appended = *event;
        appended.id = id;
        TRY(audit_event(tx, &appended));
    }
    db->appended_id = id;
    metric_add_for(&journal_events_total, str_of(event_kind_name(event->kind)), 1);
    if (ret_id)
        *ret_id = id;
    return NULL;
}

err journal_attach(struct tx *tx, int64_t event_id, int64_t incident)
{
    TRY(tx_run(tx, "UPDATE journal SET incident = ?2 WHERE id = ?1 AND incident = 0", PARAMS(event_id, incident)));
    return tx_run(tx, "INSERT OR IGNORE INTO incident_event(incident, event) VALUES(?1, ?2)",
                  PARAMS(incident, event_id));
}

#define EVENT_COLUMNS "id, time, kind, subject, incident, actor, reason, data, unique_key"

static err from_row(struct tx *tx, struct arena *arena, struct rows *rows, struct event *ret_event)
{
    struct names *names = &tx->db->names;

    *ret_event = (struct event){
        .id = rows_i64(rows, 0),
        .time_ms = rows_i64(rows, 1),
        .kind = (enum event_kind)rows_i64(rows, 2),
        .incident = rows_i64(rows, 4),
        .reason = rows_copy(rows, 6, arena),
        .data = rows_copy(rows, 7, arena),
        .unique_key = rows_copy(rows, 8, arena),
    };
    TRY(names_text(tx, names, NAME_SUBJECT, rows_i64(rows, 3), arena, &ret_event->subject));
    return names_text(tx, names, NAME_ACTOR, rows_i64(rows, 5), arena, &ret_event->actor);
}

err event_rows_after(struct tx *tx, struct arena *arena, int64_t after, size_t max, size_t max_bytes,
                     struct event_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct event) all = { 0 };
    size_t bytes = 0;

    TRY(tx_query(tx, "SELECT " EVENT_COLUMNS " FROM journal WHERE id > ?1 ORDER BY id", PARAMS(after), &rows));
    while (all.count < max && bytes < max_bytes && rows_next(rows)) {
        struct event *event = vec_push(&all, arena);
        TRY(from_row(tx, arena, rows, event));
        bytes += event->data.length + event->reason.length;
    }
    TRY(rows_err(rows));
    *ret_list = (struct event_list){ all.at, all.count };
    return NULL;
}

err event_row_get(struct tx *tx, struct arena *arena, int64_t id, struct event *ret_event, bool *ret_found)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT " EVENT_COLUMNS " FROM journal WHERE id = ?1", PARAMS(id), &rows));
    *ret_found = rows_next(rows);
    return *ret_found ? from_row(tx, arena, rows, ret_event) : rows_err(rows);
}

/* wanted - what a filter asks for, looked up once. */
struct wanted {
    bool any_kind, kinds[KINDS_MAX];
    int64_t subject; /* 0: any */
};

static void wanted_kinds(struct str prefix, struct wanted *wanted)
{
    wanted->any_kind = prefix.length == 0;
    for (int i = 0; i < KINDS_MAX; i++) {
        const char *name = event_kind_name((enum event_kind)i);
        wanted->kinds[i] = name && str_starts(str_of(name), prefix);
    }
}

/* open_rows - one of four: a timeline comes from the slim table, the rest from the journal, either way round. */
static err open_rows(struct tx *tx, const struct journal_filter *filter, struct rows **ret_rows)
{
    if (filter->incident && filter->before)
        return tx_query(tx,
                        "SELECT " EVENT_COLUMNS " FROM journal WHERE id IN (SELECT event FROM incident_event "
                        "WHERE incident = ?1 AND event > ?2 AND event < ?3 ORDER BY event DESC LIMIT 100000) "
                        "ORDER BY id DESC",
                        PARAMS(filter->incident, filter->after, filter->before), ret_rows);
    if (filter->incident)
        return tx_query(tx,
                        "SELECT " EVENT_COLUMNS " FROM journal WHERE id IN (SELECT event FROM incident_event "
                        "WHERE incident = ?1 AND event > ?2 ORDER BY event LIMIT 100000) ORDER BY id",
                        PARAMS(filter->incident, filter->after), ret_rows);
    if (filter->before)
        return tx_query(tx, "SELECT " EVENT_COLUMNS " FROM journal WHERE id > ?1 AND id < ?2 ORDER BY id DESC",
                        PARAMS(filter->after, filter->before), ret_rows);
    return tx_query(tx, "SELECT " EVENT_COLUMNS " FROM journal WHERE id > ?1 ORDER BY id", PARAMS(filter->after),
                    ret_rows);
}

struct ids {
    int64_t *at;
    size_t count;
};

static int rising(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int falling(const void *a, const void *b)
{
    return rising(b, a);
}

#define ONE_KIND "SELECT id FROM journal WHERE kind = ?1 AND id > ?2 AND id < ?3 ORDER BY id"

/* ids_of_kinds - of each kind as many as could be wanted, by its index, merged in order. */
static err ids_of_kinds(struct tx *tx, struct arena *arena, const struct journal_filter *filter,
                        const struct wanted *wanted, struct ids *ret_ids)
{
    VEC(int64_t) ids = { 0 };

    for (int kind = 0; kind < KINDS_MAX; kind++) {
        struct rows *rows CLEANUP(rows_closep) = NULL;
        if (!wanted->kinds[kind])
            continue;
        TRY(tx_query(tx, filter->before ? ONE_KIND " DESC LIMIT ?4" : ONE_KIND " LIMIT ?4",
                     PARAMS(kind, filter->after, filter->before ? filter->before : INT64_MAX, filter->limit), &rows));
        while (rows_next(rows))
            *vec_push(&ids, arena) = rows_i64(rows, 0);
        TRY(rows_err(rows));
    }
    if (ids.count > 1)
        qsort(ids.at, ids.count, sizeof(*ids.at), filter->before ? falling : rising);
    *ret_ids = (struct ids){ .at = ids.at, .count = ids.count };
    return NULL;
}

static err read_kinds(struct tx *tx, struct arena *arena, const struct journal_filter *filter,
                      const struct wanted *wanted, struct event_list *ret_list)
{
    VEC(struct event) all = { 0 };
    struct ids ids;

    TRY(ids_of_kinds(tx, arena, filter, wanted, &ids));
    for (size_t i = 0; i < ids.count && all.count < (size_t)filter->limit; i++) {
        bool found;
        TRY(event_row_get(tx, arena, ids.at[i], vec_push(&all, arena), &found));
        all.count -= !found;
    }
    *ret_list = (struct event_list){ all.at, all.count };
    return NULL;
}

err journal_read(struct tx *tx, struct arena *arena, const struct journal_filter *filter, struct event_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct wanted wanted = { 0 };
    VEC(struct event) all = { 0 };

    if (filter->limit < 1 || filter->limit > LIMIT_MAX)
        return err_new(ERR_RANGE, "limit %d is not within 1 and %d", filter->limit, LIMIT_MAX);
    *ret_list = (struct event_list){ 0 };
    wanted_kinds(filter->kind_prefix, &wanted);
    if (filter->subject.length) {
        TRY(names_find(tx, NAME_SUBJECT, filter->subject, &wanted.subject));
        if (!wanted.subject)
            return NULL;
    }
    if (!wanted.any_kind && !wanted.subject && !filter->incident)
        return read_kinds(tx, arena, filter, &wanted, ret_list);
    TRY(open_rows(tx, filter, &rows));
    while (all.count < (size_t)filter->limit && rows_next(rows)) {
        int64_t kind = rows_i64(rows, 2);
        if (!wanted.any_kind && (kind < 0 || kind >= KINDS_MAX || !wanted.kinds[kind]))
            continue;
        if (wanted.subject && wanted.subject != rows_i64(rows, 3))
            continue;
        TRY(from_row(tx, arena, rows, vec_push(&all, arena)));
    }
    TRY(rows_err(rows));
    *ret_list = (struct event_list){ all.at, all.count };
    return NULL;
}

/* journal_id_at - bisects over the ids: a window costs a few look-ups and no index on times. */
err journal_id_at(struct tx *tx, int64_t time_ms, int64_t *ret_id)
{
    int64_t low, high;

    TRY(tx_get_i64(tx, "SELECT min(id) FROM journal", NONE, 1, &low));
    TRY(tx_get_i64(tx, "SELECT max(id) FROM journal", NONE, 0, &high));
    for (high++; low < high;) {
        int64_t middle = low + (high - low) / 2, time;
        TRY(tx_get_i64(tx, "SELECT time FROM journal WHERE id >= ?1 ORDER BY id LIMIT 1", PARAMS(middle), INT64_MAX,
                       &time));
        if (time >= time_ms)
            high = middle;
        else
            low = middle + 1;
    }
    *ret_id = low;
    return NULL;
}

int64_t journal_last_id(struct db *db)
{
    return atomic_load(&db->last_id);
}

int64_t journal_first_id(struct db *db)
{
    return atomic_load(&db->first_id);
}

void journal_on_commit(struct db *db, void (*wake)(void *arg, int64_t last_id), void *arg)
{
    atomic_store(&db->on_commit_arg, arg);
    atomic_store(&db->on_commit, wake);
}
