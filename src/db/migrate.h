/* migrate.h - brings a database to this program's tables; private to db/.
 *
 * Owner: nobody. Threads: within db_open. */
#pragma once
#include "db/connection.h"

/* migrate - run what is registered and was not run yet, in one transaction; a database that holds something is copied
 * to PATH.backup-VERSION first. ERR_CONFLICT: it is newer than this program, or its migrations are not ours. */
err migrate(struct connection *connection, const char *path, const char *vfs) MUST_USE;
/* migrate_check - for those who may not migrate: ERR_CONFLICT where something is missing or unknown. */
err migrate_check(struct connection *connection, const char *path) MUST_USE;
