/* migrate_test.c - an upgrade keeps a copy; another version's folder is refused. */
#include "base/file.h"
#include "base/test.h"
#include "db/db.h"

#include <stdio.h>

static const struct migration migrated_1 = {
    .room = "db_test_migrated",
    .number = 1,
    .sql = "CREATE TABLE test_migrated(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
};
static const struct migration migrated_2 = {
    .room = "db_test_migrated",
    .number = 2,
    .sql = "ALTER TABLE test_migrated ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'; "
           "CREATE INDEX test_migrated_name ON test_migrated(name)",
};
REGISTER(migration, migrated_2); /* numbers, not places in the program, give the order */
REGISTER(migration, migrated_1);

static const struct db_options *options(void)
{
    static struct db_options here;

    here.folder = test_folder();
    return &here;
}

static err run_sql(struct tx *tx, void *arg)
{
    return tx_run(tx, arg, NONE);
}

/* changed - what another version would have left. */
static void changed(const char *first, const char *second)
{
    char sql[2][256];
    struct db *db = NULL;

    snprintf(sql[0], sizeof(sql[0]), "%s", first);
    snprintf(sql[1], sizeof(sql[1]), "%s", second);
    ASSERT_OK(db_open(options(), &db));
    ASSERT_OK(db_write(db, run_sql, sql[0]));
    if (*second)
        ASSERT_OK(db_write(db, run_sql, sql[1]));
    db_close(db);
}

static err colours(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM test_migrated WHERE colour = 'red'", NONE, -1, arg);
}

static bool backup_exists(const char *suffix)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/auspex.db.backup-%s%s", test_folder(), AUSPEX_VERSION, suffix);
    return file_exists(path);
}

TEST(an_upgrade_keeps_a_copy_and_runs_what_is_missing)
{
    struct db *db = NULL;
    int64_t count;

    changed("INSERT INTO test_migrated(name) VALUES('kim')", "");
    ASSERT_FALSE(backup_exists("")); /* an empty database is not worth one */
    changed("DROP INDEX test_migrated_name", "ALTER TABLE test_migrated DROP COLUMN colour");
    changed("DELETE FROM schema_migration WHERE room = 'db_test_migrated' AND number = 2", "");
    ASSERT_OK(db_open(options(), &db));
    ASSERT_OK(db_read(db, colours, &count));
    ASSERT_EQ_INT(1, count);
    db_close(db);
    ASSERT_TRUE(backup_exists(""));
    changed("DROP INDEX test_migrated_name", "ALTER TABLE test_migrated DROP COLUMN colour");
    changed("DELETE FROM schema_migration WHERE room = 'db_test_migrated' AND number = 2", "");
    ASSERT_OK(db_open(options(), &db));
    db_close(db);
    ASSERT_TRUE(backup_exists("-2")); /* the first copy is not written over */
}

TEST(a_failed_migration_leaves_all_as_it_was)
{
    struct db *db = NULL;

    /* The column is there already, so the second migration can't work. */
    changed("DELETE FROM schema_migration WHERE room = 'db_test_migrated' AND number = 2", "");
    ASSERT_ERR(ERR_INTERNAL, "migration db_test_migrated 2", db_open(options(), &db));
    ASSERT_ERR(ERR_INTERNAL, "migration db_test_migrated 2", db_open(options(), &db));
}

TEST(a_newer_folder_is_refused_and_says_so)
{
    struct db *db = NULL;

    changed("INSERT INTO schema_migration VALUES('incident', 999, 0, '')", "");
    ASSERT_ERR(ERR_CONFLICT, "was written by a newer auspex: it has incident 999", db_open(options(), &db));
    struct db_options tool = { .folder = test_folder(), .read_only = true };
    ASSERT_ERR(ERR_CONFLICT, "newer auspex", db_open(&tool, &db));
}

TEST(a_migration_that_was_changed_after_it_ran_is_refused)
{
    struct db *db = NULL;

    changed("UPDATE schema_migration SET checksum = 'x' WHERE room = 'db' AND number = 1", "");
    ASSERT_ERR(ERR_CONFLICT, "db 1 was another one when it ran", db_open(options(), &db));
}
