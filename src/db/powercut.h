/* powercut.h - a SQLite VFS that remembers what was written and what was synced; for tests only.
 *
 * Owner: the process; one record at a time. Threads: any.
 *
 * DESIGN. The VFS "powercut" passes everything to the default one, without the real fsyncs, and keeps each write,
 * truncation, deletion and sync in one list, in the order in which they happened, together with marks of the test (what
 * was acknowledged, what was done). A cut at place N of that list yields the files as a disk might hold them: what was
 * synced before N is there; of what was not, any part may be, in any combination of its 512-byte sectors. */
#pragma once
#include "base/str.h"

struct powercut_mark {
    int64_t kind, number;
    const char *text;
};

/* powercut_start - forget what was, register the VFS; files whose path begins with `folder` are recorded. */
void powercut_start(const char *folder);
void powercut_mark(int64_t kind, int64_t number, const char *text);
size_t powercut_count(void); /* places at which the power may go */
/* powercut_image - write to `folder` the files as they may be after a cut at `place`. luck: 0 nothing that was not
 * synced is there, 1 everything is, else sectors by chance, seeded with it. */
void powercut_image(size_t place, uint64_t luck, const char *folder);
/* powercut_marks - call see() for each mark before `place`. */
void powercut_marks(size_t place, void (*see)(void *arg, const struct powercut_mark *mark), void *arg);

/* powercut_fail - from now on writes (SQLITE_FULL) or syncs (SQLITE_IOERR_FSYNC) fail; 0: no more. */
void powercut_fail_writes(bool fail);
void powercut_fail_syncs(bool fail);
