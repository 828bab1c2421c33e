/* track.h - the record of predictions: what was announced, and what came of it.
 *
 * Owner: rows of the database. Threads: whoever has the tx.
 *
 * A prediction is made when a signal of our own comes to a risk of 0.7 with an ETA. It ends as one of: `hit`, the limit
 * was reached by the latest time that was announced (and half as long again); `false`, that time passed, or the risk
 * went away by itself; `prevented`, it went away after a verified prevention. A limit that is reached without an
 * announcement is `missed`. */
#pragma once
#include "detect/signal.h"

/* track_announced - call it for each signal at 0.7 or more; nothing where it has one already. */
err track_announced(struct tx *tx, const struct signal_row *row) MUST_USE;
/* track_reached - the series stands at its limit, and did not at the look before. */
err track_reached(struct tx *tx, struct str signal_type, struct str resource) MUST_USE;
/* track_cleared - the signal was cleared. */
err track_cleared(struct tx *tx, int64_t signal_id) MUST_USE;
/* track_overdue - settle what should have happened by now. */
err track_overdue(struct tx *tx) MUST_USE;

struct track_record {
    int64_t hit, missed, wrong, prevented, pending;
};
err track_read(struct tx *tx, struct str signal_type, struct track_record *ret_record) MUST_USE;
