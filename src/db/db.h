/* db.h - durable state: SQLite behind a small API that PostgreSQL can serve as well.
 *
 * Owner: app/ opens one; a struct tx belongs to the function that was called with it.
 * Threads: db_write, db_post and db_read from any. All writes run on one thread, in batches: one COMMIT
 * (synchronous=FULL) for all that waited, each write in a savepoint of its own, then the journal's readers, then the
 * outbox is woken. A batch starts when the previous commit ended: no timer.
 *
 * SQL is a literal, values only ever travel as PARAMS. Text is UTF-8. Times are INTEGER milliseconds. */
#pragma once
#include "base/arena.h"
#include "base/registry.h"
#include "base/str.h"

struct db;
struct tx;

struct journal_reader;
struct outbox_worker;

struct db_options {
    const char *folder; /* gets auspex.db */
    bool read_only;     /* for tools beside a running server */
    bool shared;        /* for tools that write a little, with or without a server: where one has the folder, they write
                           beside it (no migration, no readers, no outbox), else they are the owner */
    /* For tests and benches, NULL elsewhere: these and not all registered ones; a SQLite VFS by name. */
    const struct journal_reader *const *readers; /* ends with NULL */
    const struct outbox_worker *const *workers;  /* ends with NULL */
    const char *vfs;
    int checkpoint_pages; /* 0: the write-ahead log is moved into the file at 8 MiB */
};

/* db_open - opens, takes the folder's lock (ERR_CONFLICT names the process that has it), migrates. */
err db_open(const struct db_options *options, struct db **ret_db) MUST_USE;
/* db_close - finishes queued writes. */
void db_close(struct db *db);

/* db_write - run write(tx, arg) on the writer's thread and return once it is durable. Where it fails, only its own
 * changes are undone and its err returned. A failed fsync or full disk fails every write of the batch; nothing was
 * promised to anyone. Never call it from within a write, a reader or an outbox completion (they have a tx already). */
err db_write(struct db *db, err (*write)(struct tx *tx, void *arg), void *arg) MUST_USE;
/* db_post - the same without waiting; `done` (may be NULL) is called with the outcome on the writer's thread, and owns
 * the err. ERR_BUSY where the queue (10,000) is full. */
err db_post(struct db *db, err (*write)(struct tx *tx, void *arg), void *arg,
            void (*done)(void *arg, err outcome)) MUST_USE;
/* db_read - run read(tx, arg) at once on the caller's thread, over a consistent snapshot. */
err db_read(struct db *db, err (*read)(struct tx *tx, void *arg), void *arg) MUST_USE;

struct arena *tx_arena(struct tx *tx); /* lives as long as the tx; for texts on their way */
struct db *tx_db(struct tx *tx);
int64_t tx_now_ms(struct tx *tx); /* one time for the whole write */

enum param_type { PARAM_NULL, PARAM_INT, PARAM_DOUBLE, PARAM_TEXT, PARAM_BLOB };
struct param {
    enum param_type type;
    union {
        int64_t integer;
        double real;
        struct str text;
    };
};
struct params {
    size_t count;
    const struct param *at;
};

static inline struct param param_i64(int64_t value)
{
    return (struct param){ .type = PARAM_INT, .integer = value };
}
static inline struct param param_double(double value)
{
    return (struct param){ .type = PARAM_DOUBLE, .real = value };
}
static inline struct param param_str(struct str value)
{
    return (struct param){ .type = value.at ? PARAM_TEXT : PARAM_NULL, .text = value };
}
static inline struct param param_cstr(const char *value)
{
    return param_str(value ? str_of(value) : (struct str){ NULL, 0 });
}
static inline struct param param_same(struct param value) /* param_blob(...) or an explicit null */
{
    return value;
}
static inline struct param param_blob(const void *bytes, size_t length)
{
    return (struct param){ .type = PARAM_BLOB, .text = { bytes, length } };
}

/* PARAMS(id, name, 1.5, S("x")) - the values of ?1, ?2 ... (at most 16): integers, doubles, struct str (with .at NULL:
 * null), C strings, struct param. NONE: no values. */
#define PARAM(x)                                                                                                       \
    _Generic((x),                                                                                                      \
        struct str: param_str,                                                                                         \
        struct param: param_same,                                                                                      \
        char *: param_cstr,                                                                                            \
        const char *: param_cstr,                                                                                      \
        double: param_double,                                                                                          \
        float: param_double,                                                                                           \
        default: param_i64)(x)
#define PARAMS_1(a)                                                                                     PARAM(a)
#define PARAMS_2(a, ...)                                                                                PARAM(a), PARAMS_1(__VA_ARGS__)
#define PARAMS_3(a, ...)                                                                                PARAM(a), PARAMS_2(__VA_ARGS__)
#define PARAMS_4(a, ...)                                                                                PARAM(a), PARAMS_3(__VA_ARGS__)
#define PARAMS_5(a, ...)                                                                                PARAM(a), PARAMS_4(__VA_ARGS__)
#define PARAMS_6(a, ...)                                                                                PARAM(a), PARAMS_5(__VA_ARGS__)
#define PARAMS_7(a, ...)                                                                                PARAM(a), PARAMS_6(__VA_ARGS__)
#define PARAMS_8(a, ...)                                                                                PARAM(a), PARAMS_7(__VA_ARGS__)
#define PARAMS_9(a, ...)                                                                                PARAM(a), PARAMS_8(__VA_ARGS__)
#define PARAMS_10(a, ...)                                                                               PARAM(a), PARAMS_9(__VA_ARGS__)
#define PARAMS_11(a, ...)                                                                               PARAM(a), PARAMS_10(__VA_ARGS__)
#define PARAMS_12(a, ...)                                                                               PARAM(a), PARAMS_11(__VA_ARGS__)
#define PARAMS_13(a, ...)                                                                               PARAM(a), PARAMS_12(__VA_ARGS__)
#define PARAMS_14(a, ...)                                                                               PARAM(a), PARAMS_13(__VA_ARGS__)
#define PARAMS_15(a, ...)                                                                               PARAM(a), PARAMS_14(__VA_ARGS__)
#define PARAMS_16(a, ...)                                                                               PARAM(a), PARAMS_15(__VA_ARGS__)
#define PARAMS_PICK(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, chosen, ...) chosen
#define PARAMS_FOR(...)                                                                                                \
    PARAMS_PICK(__VA_ARGS__, PARAMS_16, PARAMS_15, PARAMS_14, PARAMS_13, PARAMS_12, PARAMS_11, PARAMS_10, PARAMS_9,    \
                PARAMS_8, PARAMS_7, PARAMS_6, PARAMS_5, PARAMS_4, PARAMS_3, PARAMS_2, PARAMS_1)
#define PARAMS(...)                                                                                                    \
    ((struct params){ ARRAY_LEN(((const struct param[]){ PARAMS_FOR(__VA_ARGS__)(__VA_ARGS__) })),                     \
                      (const struct param[]){ PARAMS_FOR(__VA_ARGS__)(__VA_ARGS__) } })
#define NONE ((struct params){ 0, NULL })

/* tx_run - a statement without result rows. */
err tx_run(struct tx *tx, const char *sql, struct params params) MUST_USE;
int64_t tx_changes(struct tx *tx); /* rows changed by the last tx_run */
int64_t tx_last_id(struct tx *tx); /* rowid of the last insert */

/* tx_query - rows, one after the other; the statement is kept prepared by the address of its literal.
 *     struct rows *rows CLEANUP(rows_closep) = NULL;
 *     TRY(tx_query(tx, "SELECT id, name FROM user WHERE role = ?1", PARAMS(role), &rows));
 *     while (rows_next(rows)) use(rows_i64(rows, 0), rows_str(rows, 1));
 *     TRY(rows_err(rows)); */
struct rows;
err tx_query(struct tx *tx, const char *sql, struct params params, struct rows **ret_rows) MUST_USE;
bool rows_next(struct rows *rows);
err rows_err(struct rows *rows) MUST_USE; /* what ended it, where it was not the end */
void rows_closep(struct rows **rows);
bool rows_is_null(struct rows *rows, int column);
int64_t rows_i64(struct rows *rows, int column);
double rows_double(struct rows *rows, int column);
struct str rows_str(struct rows *rows, int column); /* NUL-terminated, until the next step; .at == NULL for null */
struct str rows_copy(struct rows *rows, int column, struct arena *arena);
/* tx_get_i64 - the first column of the first row; `fallback` where there is no row or it is null. */
err tx_get_i64(struct tx *tx, const char *sql, struct params params, int64_t fallback, int64_t *ret_value) MUST_USE;

/* Rooms bring their own tables: REGISTER(migration, incident_1). Numbers of one room rise from 1 and are never changed
 * once released; they run in order of (the room's first registration is irrelevant) room name, number, in one
 * transaction, after a backup of a database that holds something. A database with numbers unknown to this program is
 * refused. */
struct migration {
    const char *room;
    int number;
    const char *sql; /* one or more statements; SQLite's dialect, INTEGER PRIMARY KEY, STRICT tables */
};
