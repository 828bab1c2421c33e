/* local.h - which data folder a command means that works on the host's own, beside its server.
 *
 * Owner: nobody. Threads: main's. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* What --storage.path says about itself in these commands. */
#define LOCAL_FOLDER_DOC                                                                                               \
    "Data folder; where not said, data or /var/lib/auspex: the one that a server has, or the only one that there is."

/* local_folder - `given`, or where that is empty the one of `places` (ends with NULL; a NULL list: the usual ones) that
 * holds data: the first that a server has, else the only one. Never one that is not there: a STOP or a token in a
 * folder of nobody would look like a real one. */
err local_folder(struct str given, const char *const *places, const char **ret_folder) MUST_USE;

/* local_hint - the folder could not be used; where nobody said what to do, what usually is wrong. */
err local_hint(err e) MUST_USE;
