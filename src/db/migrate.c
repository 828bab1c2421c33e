/* migrate.c - migrations: sorted by room and number, each run once, its text remembered by checksum. */
#include "db/migrate.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "base/vec.h"
#include "db/tx.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct known {
    const struct migration *migration;
    bool applied;
};

struct plan {
    struct known *at;
    size_t count, applied;
};

static int by_room_and_number(const void *a, const void *b)
{
    const struct migration *x = ((const struct known *)a)->migration, *y = ((const struct known *)b)->migration;
    int order = strcmp(x->room, y->room);

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static struct str checksum(struct arena *arena, const struct migration *migration)
{
    struct digest digest = digest_of(str_of(migration->sql));

    return digest_hex(arena, digest.bytes, 16);
}

static err plan_registered(struct arena *arena, struct plan *ret_plan)
{
    VEC(struct known) all = { 0 };

    FOR_EACH_REGISTERED (migration, it)
        *vec_push(&all, arena) = (struct known){ .migration = it };
    if (all.count > 1)
        qsort(all.at, all.count, sizeof(*all.at), by_room_and_number);
    for (size_t i = 1; i < all.count; i++)
        if (by_room_and_number(&all.at[i - 1], &all.at[i]) == 0)
            return err_new(ERR_INTERNAL, "migration %s %d is registered twice", all.at[i].migration->room,
                           all.at[i].migration->number);
    *ret_plan = (struct plan){ all.at, all.count, 0 };
    return NULL;
}

static struct known *plan_find(struct plan *plan, struct str room, int64_t number)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->at[i].migration->number == number && str_eq(str_of(plan->at[i].migration->room), room))
            return &plan->at[i];
    return NULL;
}

/* compare - marks what the database has; says no where it has what we don't know. */
static err compare(struct tx *tx, const char *path, struct plan *plan)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT room, number, checksum FROM schema_migration ORDER BY room, number", NONE, &rows));
    while (rows_next(rows)) {
        struct str room = rows_str(rows, 0);
        struct known *known = plan_find(plan, room, rows_i64(rows, 1));
        if (!known)
            return err_hint(
                err_new(ERR_CONFLICT,
                        "%s was written by a newer auspex: it has %.*s %lld, which this version " AUSPEX_VERSION
                        " does not know",
                        path, STR_ARG(room), (long long)rows_i64(rows, 1)),
                "Start the newer auspex, or put back the copy made before the upgrade, %s.backup-*.", path);
        if (!str_eq(checksum(tx->arena, known->migration), rows_str(rows, 2)))
            return err_hint(err_new(ERR_CONFLICT,
                                    "%s: migration %.*s %lld was another one when it ran; this data folder belongs to "
                                    "another build of auspex",
                                    path, STR_ARG(room), (long long)rows_i64(rows, 1)),
                            "Start the build that made it, or begin anew in an empty folder: --storage.path FOLDER.");
        known->applied = true;
        plan->applied++;
    }
    return rows_err(rows);
}

/* back_up - a copy that is complete or not there. */
static err back_up(struct arena *arena, struct connection *connection, const char *path)
{
    struct str target = str_printf(arena, "%s.backup-%s", path, AUSPEX_VERSION);
    struct tx tx = { .connection = connection, .arena = arena };
    char *draft = str_c(arena, str_printf(arena, "%s.backup.tmp", path));

    for (int i = 2; file_exists(target.at); i++)
        target = str_printf(arena, "%s.backup-%s-%d", path, AUSPEX_VERSION, i);
    unlink(draft);
    tx.writable = true;
    TRY(tx_run(&tx, "VACUUM INTO ?1", PARAMS(draft)));
    int fd CLEANUP(fd_close) = open(draft, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || rename(draft, target.at) < 0)
        return err_errno("can't keep the backup %s", target.at);
    log_info("backup of the database before its migration: %s", target.at);
    return NULL;
}

static err apply(struct tx *tx, struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct migration *migration = plan->at[i].migration;
        if (plan->at[i].applied)
            continue;
        TRY(err_wrap(connection_exec(tx->connection, migration->sql), "migration %s %d", migration->room,
                     migration->number));
        TRY(tx_run(tx, "INSERT INTO schema_migration(room, number, applied_at, checksum) VALUES(?1, ?2, ?3, ?4)",
                   PARAMS(migration->room, migration->number, time_now_ms(), checksum(tx->arena, migration))));
    }
    return NULL;
}

static const char schema_table[] = "CREATE TABLE IF NOT EXISTS schema_migration(room TEXT NOT NULL, number INTEGER NOT "
                                   "NULL, applied_at INTEGER NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY(room, "
                                   "number)) STRICT, WITHOUT ROWID";

/* is_ours - a database with tables and without ours belongs to another program: nothing is written to it. */
static err is_ours(struct tx *tx, const char *path)
{
    int64_t tables, ours;

    TRY(tx_get_i64(tx, "SELECT count(*) FROM sqlite_schema", NONE, 0, &tables));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migration'", NONE, 0, &ours));
    if (ours || !tables)
        return NULL;
    return err_hint(err_new(ERR_CONFLICT, "%s is the database of another program", path),
                    "put auspex's own back, or choose another --storage.path");
}

err migrate(struct connection *connection, const char *path, const char *vfs)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct tx tx = { .connection = connection, .arena = arena, .writable = true };
    struct plan plan;

    TRY(plan_registered(arena, &plan));
    TRY(is_ours(&tx, path));
    TRY(connection_exec(connection, schema_table));
    TRY(compare(&tx, path, &plan));
    if (plan.applied == plan.count)
        return NULL;
    if (plan.applied && !vfs)
        TRY(err_wrap(back_up(arena, connection, path), "backup before the migration"));
    TRY(connection_exec(connection, "BEGIN IMMEDIATE"));
    err e = apply(&tx, &plan);
    if (!e)
        return connection_exec(connection, "COMMIT");
    err_free(connection_exec(connection, "ROLLBACK"));
    return e;
}

err migrate_check(struct connection *connection, const char *path)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct tx tx = { .connection = connection, .arena = arena };
    struct plan plan;

    TRY(plan_registered(arena, &plan));
    TRY(compare(&tx, path, &plan));
    if (plan.applied != plan.count)
        return err_new(
            ERR_CONFLICT,
            "%s was written by an older auspex than this one, " AUSPEX_VERSION "; use the program that runs it", path);
    return NULL;
}
