/* remote_write.h - requests of Prometheus' remote_write, 1.0 and 2.0, from the wire into the store.
 *
 * Owner: the caller owns message, arena and append. Threads: any; an append belongs to one.
 *
 * DESIGN. A message is walked twice. remote_write_check only looks whether every byte of it can be read, so that a
 * broken request changes nothing; remote_write_append walks again and appends as it goes. Labels are never decoded
 * here: the raw span of a series' label fields is its identity, and the store asks for the labels of spans that it has
 * not seen (append_raw). A request of 2.0 has its labels in a table of symbols, so the span that 1.0 would have sent is
 * put together from them: a series is the same one whichever version brings it.
 *
 * Specifications: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0. */
#pragma once
#include "tsdb/tsdb.h"

enum remote_write_version { REMOTE_WRITE_1, REMOTE_WRITE_2 };

/* remote_write_check - ERR_INVALID where the message can't be decoded. `arena` for a table of symbols. */
err remote_write_check(enum remote_write_version version, struct str message, struct arena *arena) MUST_USE;

struct remote_write_refusals {
    uint64_t count; /* samples and series that were refused before the store saw them; the store has its own */
    struct str why; /* the first of them, with its series */
};
/* remote_write_append - of a message that remote_write_check passed. Texts are in the arena. */
err remote_write_append(enum remote_write_version version, struct str message, struct arena *arena,
                        struct append *append, struct remote_write_refusals *ret_refusals) MUST_USE;

/* remote_write_labels - an append_parse: `raw` is the label fields of a TimeSeries of 1.0. */
err remote_write_labels(void *arg, struct str raw, struct arena *arena, struct labels *ret_labels) MUST_USE;
