/* audit.c - the audit trail. */
#include "db/audit.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>

static const struct migration db_2 = {
    .room = "db",
    .number = 2,
    .sql = "CREATE TABLE audit(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT "
           "NULL, target TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
           "CREATE TABLE audit_anchor(id INTEGER PRIMARY KEY, hash BLOB NOT NULL, removed_at INTEGER NOT NULL) STRICT",
};
REGISTER(migration, db_2);

enum { ROW_BYTES_MAX = 4 * 1024 * 1024, LIMIT_MAX = 1000 };

/* The kinds that are decisions of people, or actions: the one place that says so. */
bool audit_wants(enum event_kind kind)
{
    switch (kind) {
    case EVENT_ALERT_ACKNOWLEDGED:
    case EVENT_INCIDENT_ACKNOWLEDGED:
    case EVENT_INCIDENT_RESOLVED:
    case EVENT_INCIDENT_REOPENED:
    case EVENT_INCIDENT_ASSIGNED:
    case EVENT_INCIDENT_NOTE:
    case EVENT_INCIDENT_MERGED:
    case EVENT_INCIDENT_SPLIT:
    case EVENT_EXECUTION_PROPOSED:
    case EVENT_EXECUTION_APPROVED:
    case EVENT_EXECUTION_REJECTED:
    case EVENT_EXECUTION_EXPIRED:
    case EVENT_EXECUTION_STARTED:
    case EVENT_EXECUTION_RAN:
    case EVENT_EXECUTION_ENDED:
    case EVENT_EXECUTION_REFUSED:
    case EVENT_EXECUTION_INTERRUPTED:
    case EVENT_STOP_ENGAGED:
    case EVENT_STOP_RELEASED:
    case EVENT_SERVER_STARTED:
    case EVENT_SERVER_STOPPED:
    case EVENT_CONFIG_LOADED:
    case EVENT_CONFIG_REJECTED:
    case EVENT_LOGIN:
    case EVENT_LOGIN_FAILED:
    case EVENT_USER_CHANGED:
    case EVENT_TOKEN_CREATED:
    case EVENT_TOKEN_REVOKED:
    case EVENT_CONNECTION_ADDED:
    case EVENT_CONNECTION_CHANGED:
        return true;
    default:
        return false;
    }
}

static void add_number(struct buf *out, uint64_t value, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        buf_add_c(out, (char)(value >> shift));
}

static void add_text(struct buf *out, struct str text)
{
    add_number(out, text.length, 4);
    buf_add(out, text);
}

static err hash_row(const unsigned char before[AUDIT_HASH_BYTES], const struct audit_row *row,
                    unsigned char ret_hash[AUDIT_HASH_BYTES])
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, ROW_BYTES_MAX);
    buf_add_bytes(&out, before, AUDIT_HASH_BYTES);
    add_number(&out, (uint64_t)row->id, 8);
    add_number(&out, (uint64_t)row->time_ms, 8);
    add_text(&out, row->actor);
    add_text(&out, row->action);
    add_text(&out, row->target);
    add_text(&out, row->detail);
    TRY(buf_check(&out));
    memcpy(ret_hash, digest_of(buf_str(&out)).bytes, AUDIT_HASH_BYTES);
    return NULL;
}

static bool take_hash(struct rows *rows, int column, unsigned char ret_hash[AUDIT_HASH_BYTES])
{
    struct str hash = rows_str(rows, column);

    if (hash.length != AUDIT_HASH_BYTES)
        return false;
    memcpy(ret_hash, hash.at, AUDIT_HASH_BYTES);
    return true;
}

static err head_by(struct tx *tx, const char *sql, struct audit_head *ret_head)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_head = (struct audit_head){ 0 };
    TRY(tx_query(tx, sql, NONE, &rows));
    if (rows_next(rows)) {
        ret_head->id = rows_i64(rows, 0);
        if (!take_hash(rows, 1, ret_head->hash))
            return err_new(ERR_CORRUPT, "audit row %lld has no hash", (long long)ret_head->id);
    }
    return rows_err(rows);
}

err audit_head(struct tx *tx, struct audit_head *ret_head)
{
    return head_by(tx, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", ret_head);
}

err audit_append(struct tx *tx, struct str actor, struct str action, struct str target, struct str detail)
{
    struct audit_head head;
    unsigned char hash[AUDIT_HASH_BYTES];

    TRY(audit_head(tx, &head));
    struct audit_row row = {
        .id = head.id + 1,
        .time_ms = tx_now_ms(tx),
        .actor = actor.at ? actor : S(""),
        .action = action,
        .target = target.at ? target : S(""),
        .detail = detail.length ? detail : S("{}"),
    };
    TRY(hash_row(head.hash, &row, hash));
    return tx_run(
        tx, "INSERT INTO audit(id, time, actor, action, target, detail, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        PARAMS(row.id, row.time_ms, row.actor, row.action, row.target, row.detail, param_blob(hash, sizeof(hash))));
}

err audit_event(struct tx *tx, const struct event *event)
{
    struct buf out CLEANUP(buf_clear) = { .max = ROW_BYTES_MAX / 2 };
    struct json_writer w;

    if (!audit_wants(event->kind))
        return NULL;
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_i64(&w, S("event"), event->id);
    if (event->incident)
        json_put_i64(&w, S("incident"), event->incident);
    if (event->reason.length)
        json_put_str(&w, S("reason"), event->reason);
    if (event->data.length) {
        json_key(&w, S("data"));
        json_add_raw(&w, event->data);
    }
    json_end_object(&w);
    TRY(buf_check(&out));
    return audit_append(tx, event->actor, str_of(event_kind_name(event->kind)), event->subject, buf_str(&out));
}

struct str audit_head_text(struct arena *arena, const struct audit_head *head)
{
    struct str hash = digest_hex(arena, head->hash, AUDIT_HASH_BYTES);

    return str_printf(arena, "%lld:%.*s", (long long)head->id, STR_ARG(hash));
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

err audit_head_parse(struct str text, struct audit_head *ret_head)
{
    struct str hash, id = str_cut(str_trim(text), ':', &hash);

    if (hash.length != AUDIT_HASH_BYTES * 2UL || !str_to_i64(id, &ret_head->id))
        return err_new(ERR_INVALID, "'%.*s' is not an exported head, ID:64 hex digits",
                       STR_ARG(str_utf8_head(text, 80)));
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        int high = digit(hash.at[2 * i]), low = digit(hash.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return err_new(ERR_INVALID, "an exported head's hash is 64 of 0-9 and a-f, not '%.*s'", STR_ARG(hash));
        ret_head->hash[i] = (unsigned char)(high << 4 | low);
    }
    return NULL;
}

static void found(struct audit_report *report, int64_t id, const char *problem)
{
    report->ok = false;
    report->bad = id;
    snprintf(report->problem, sizeof(report->problem), "%s", problem);
}

/* check_exported - the head that somebody kept must be one of the chain's. */
static void check_exported(struct audit_report *report, const struct audit_head *at, const struct audit_head *exported)
{
    if (exported && report->ok && at->id == exported->id && memcmp(at->hash, exported->hash, AUDIT_HASH_BYTES) != 0)
        found(report, at->id, "its hash is not that of the exported head: the trail was rewritten");
}

err audit_verify(struct tx *tx, const struct audit_head *exported, struct audit_report *ret_report)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct audit_head at;
    unsigned char stored[AUDIT_HASH_BYTES];

    *ret_report = (struct audit_report){ .ok = true };
    TRY(head_by(tx, "SELECT id, hash FROM audit_anchor ORDER BY id DESC LIMIT 1", &at));
    check_exported(ret_report, &at, exported);
    TRY(tx_query(tx, "SELECT id, time, actor, action, target, detail, hash FROM audit ORDER BY id", NONE, &rows));
    while (ret_report->ok && rows_next(rows)) {
        struct audit_row row = {
            .id = rows_i64(rows, 0),
            .time_ms = rows_i64(rows, 1),
            .actor = rows_str(rows, 2),
            .action = rows_str(rows, 3),
            .target = rows_str(rows, 4),
            .detail = rows_str(rows, 5),
        };
        ret_report->rows++;
        ret_report->first = ret_report->first ? ret_report->first : row.id;
        ret_report->last = row.id;
        if (row.id != at.id + 1) {
            found(ret_report, at.id + 1, "it is missing");
            break;
        }
        TRY(hash_row(at.hash, &row, at.hash));
        at.id = row.id;
        if (!take_hash(rows, 6, stored) || memcmp(stored, at.hash, AUDIT_HASH_BYTES) != 0)
            found(ret_report, row.id, "it was changed, moved, or put in: its hash does not follow from the row before");
        check_exported(ret_report, &at, exported);
    }
    if (ret_report->ok && exported && exported->id > at.id)
        found(ret_report, at.id + 1, "the trail was cut off: the exported head is younger than its last row");
    return rows_err(rows);
}

err audit_read(struct tx *tx, struct arena *arena, int64_t before, int limit, struct audit_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct audit_row) all = { 0 };

    if (limit < 1 || limit > LIMIT_MAX)
        return err_new(ERR_RANGE, "limit %d is not within 1 and %d", limit, LIMIT_MAX);
    TRY(tx_query(tx,
                 "SELECT id, time, actor, action, target, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                 PARAMS(before ? before : INT64_MAX, limit), &rows));
    while (rows_next(rows))
        *vec_push(&all, arena) = (struct audit_row){
            .id = rows_i64(rows, 0),
            .time_ms = rows_i64(rows, 1),
            .actor = rows_copy(rows, 2, arena),
            .action = rows_copy(rows, 3, arena),
            .target = rows_copy(rows, 4, arena),
            .detail = rows_copy(rows, 5, arena),
        };
    *ret_list = (struct audit_list){ all.at, all.count };
    return rows_err(rows);
}

err audit_trim(struct tx *tx, int64_t before_ms, int max, int64_t *ret_removed)
{
    int64_t last;

    *ret_removed = 0;
    /* The youngest row stays, so that its id is never given again. A clock that went back keeps rows longer. */
    TRY(tx_get_i64(tx,
                   "SELECT max(id) FROM (SELECT id, time FROM audit WHERE id < (SELECT max(id) FROM audit) ORDER BY id "
                   "LIMIT ?2) WHERE time < ?1",
                   PARAMS(before_ms, max), 0, &last));
    if (!last)
        return NULL;
    TRY(tx_run(tx, "DELETE FROM audit_anchor", NONE));
    TRY(tx_run(tx, "INSERT INTO audit_anchor(id, hash, removed_at) SELECT id, hash, ?2 FROM audit WHERE id = ?1",
               PARAMS(last, tx_now_ms(tx))));
    TRY(tx_run(tx, "DELETE FROM audit WHERE id <= ?1", PARAMS(last)));
    *ret_removed = tx_changes(tx);
    return NULL;
}
