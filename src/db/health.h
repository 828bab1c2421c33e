/* health.h - can this database keep what it is given?
 *
 * Owner: the caller of db_health. Threads: any. */
#pragma once
#include "db/db.h"

struct db_health {
    bool ok;
    int64_t since_ms;  /* wall time of the last change of ok */
    char message[256]; /* why not, as the last failed batch said; empty where ok */
    size_t waiting;    /* writes in the queue */
};

/* db_health - the outcome of the last batch. While it is bad, a small write is tried each second, so it is good again
 * within a second or two of relief, asked or not. */
void db_health(struct db *db, struct db_health *ret_health);
