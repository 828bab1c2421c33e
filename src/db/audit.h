/* audit.h - who or what did which thing, when and why: rows chained by hash in the transaction that caused them.
 *
 * Owner: the caller of what is returned. Threads: that of the tx.
 *
 * h(i) = SHA-256(h(i-1) || row), the first h(i-1) being 32 zeros; row is id and time as 8 bytes each, then actor,
 * action, target and detail, each with its length in 4 bytes before it (big-endian). Ids have no gaps. Retention takes
 * the oldest rows and leaves an anchor, the id and hash of the last that went. Whoever keeps a head that was exported
 * can prove that nothing before it was changed and nothing was cut off. */
#pragma once
#include "db/db.h"
#include "model/event.h"

enum { AUDIT_HASH_BYTES = 32 };

struct audit_head {
    int64_t id; /* 0: the trail is empty */
    unsigned char hash[AUDIT_HASH_BYTES];
};
struct audit_row {
    int64_t id, time_ms;
    struct str actor, action, target, detail; /* detail: a JSON object */
};
struct audit_list {
    struct audit_row *at;
    size_t count;
};
struct audit_report {
    bool ok;
    int64_t rows;        /* that were looked at */
    int64_t first, last; /* their ids */
    int64_t bad;         /* the first id that is wrong; 0 where ok */
    char problem[160];   /* what is wrong with it */
};

/* audit_append - journal_append does it for events that are decisions of people or actions. */
err audit_append(struct tx *tx, struct str actor, struct str action, struct str target, struct str detail) MUST_USE;
/* audit_event - the same for an event that is in the journal; nothing for kinds that are none of those. */
err audit_event(struct tx *tx, const struct event *event) MUST_USE;
bool audit_wants(enum event_kind kind);
/* audit_head - what to export: "1234:9f86d081..." */
err audit_head(struct tx *tx, struct audit_head *ret_head) MUST_USE;
struct str audit_head_text(struct arena *arena, const struct audit_head *head);
err audit_head_parse(struct str text, struct audit_head *ret_head) MUST_USE;
/* audit_verify - walks the whole chain. exported (may be NULL) is a head of earlier. */
err audit_verify(struct tx *tx, const struct audit_head *exported, struct audit_report *ret_report) MUST_USE;
/* audit_read - rows with ids less than before (0: the newest), newest first; limit 1..1000. */
err audit_read(struct tx *tx, struct arena *arena, int64_t before, int limit, struct audit_list *ret_list) MUST_USE;
/* audit_trim - at most `max` of the oldest rows that are older than before_ms; an anchor stays. */
err audit_trim(struct tx *tx, int64_t before_ms, int max, int64_t *ret_removed) MUST_USE;
