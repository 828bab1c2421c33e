/* folder.h - one process owns a data folder; private to db/.
 *
 * Owner: the descriptor is the lock; closing it gives the folder back, and so does any death of the process.
 * Threads: any. */
#pragma once
#include "base/str.h"

/* folder_lock - makes the folder where there is none. ERR_CONFLICT names the process that has it. */
err folder_lock(const char *folder, int *ret_fd) MUST_USE;
