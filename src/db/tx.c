/* tx.c - statements within a transaction. */
#include "db/tx.h"

#include "base/failpoint.h"

#include <limits.h>

struct arena *tx_arena(struct tx *tx)
{
    return tx->arena;
}

struct db *tx_db(struct tx *tx)
{
    return tx->db;
}

int64_t tx_now_ms(struct tx *tx)
{
    return tx->now_ms;
}

int64_t tx_changes(struct tx *tx)
{
    return tx->changes;
}

int64_t tx_last_id(struct tx *tx)
{
    return sqlite3_last_insert_rowid(tx->connection->handle);
}

bool tx_lost(const struct tx *tx)
{
    return tx->fatal || (tx->writable && sqlite3_get_autocommit(tx->connection->handle));
}

static err failed(struct tx *tx, int code, const char *sql)
{
    if (code_is_fatal(code) && tx->writable)
        tx->fatal = code;
    return connection_err(tx->connection, code, sql);
}

void tx_step_begin(struct tx *tx)
{
    tx->savepoint_wanted = true;
}

err tx_step_end(struct tx *tx, err outcome)
{
    tx->savepoint_wanted = false;
    if (!tx->savepoint_open)
        return NULL;
    tx->savepoint_open = false;
    if (tx_lost(tx))
        return NULL;
    if (outcome)
        TRY(tx_run(tx, "ROLLBACK TO step", NONE));
    return tx_run(tx, "RELEASE step", NONE);
}

/* open_savepoint - before the first statement of a step that writes. */
static err open_savepoint(struct tx *tx)
{
    tx->savepoint_wanted = false;
    TRY(tx_run(tx, "SAVEPOINT step", NONE));
    tx->savepoint_open = true;
    return FAILPOINT("db.savepoint.after");
}

static int bind(sqlite3_stmt *handle, int at, const struct param *param, sqlite3_destructor_type keep)
{
    size_t length = param->text.length;

    if ((param->type == PARAM_TEXT || param->type == PARAM_BLOB) && length > INT_MAX)
        return SQLITE_TOOBIG;
    switch (param->type) {
    case PARAM_INT:
        return sqlite3_bind_int64(handle, at, param->integer);
    case PARAM_DOUBLE:
        return sqlite3_bind_double(handle, at, param->real);
    case PARAM_TEXT:
        return sqlite3_bind_text(handle, at, param->text.at, (int)length, keep);
    case PARAM_BLOB:
        return sqlite3_bind_blob(handle, at, param->text.at ? param->text.at : "", (int)length, keep);
    case PARAM_NULL:
    default:
        return sqlite3_bind_null(handle, at);
    }
}

/* start - a statement with its values. keep: SQLITE_STATIC where it ends before the caller goes on. */
static err start(struct tx *tx, const char *sql, struct params params, sqlite3_destructor_type keep,
                 struct statement **ret_statement)
{
    struct statement *statement;

    if (tx->fatal)
        return err_new(ERR_IO, "the transaction was lost (SQLite code %d)", tx->fatal);
    TRY(connection_statement(tx->connection, sql, &statement));
    err e = NULL;
    int wanted = sqlite3_bind_parameter_count(statement->handle);
    if ((size_t)wanted != params.count)
        e = err_new(ERR_INTERNAL, "%zu values for %d places, in: %.120s", params.count, wanted, sql);
    else if (!statement->read_only && !tx->writable)
        e = err_new(ERR_INTERNAL, "a write within db_read, in: %.120s", sql);
    else if (!statement->read_only && tx->savepoint_wanted)
        e = open_savepoint(tx);
    for (size_t i = 0; !e && i < params.count; i++) {
        int code = bind(statement->handle, (int)i + 1, &params.at[i], keep);
        if (code != SQLITE_OK)
            e = failed(tx, code, sql);
    }
    if (e) {
        connection_give_back(tx->connection, statement);
        return e;
    }
    *ret_statement = statement;
    return NULL;
}

err tx_run(struct tx *tx, const char *sql, struct params params)
{
    struct statement *statement;
    err e = NULL;
    int code;

    TRY(start(tx, sql, params, SQLITE_STATIC, &statement));
    do {
        code = sqlite3_step(statement->handle);
    } while (code == SQLITE_ROW);
    if (code == SQLITE_DONE)
        tx->changes = sqlite3_changes64(tx->connection->handle);
    else
        e = failed(tx, code, sql);
    connection_give_back(tx->connection, statement);
    return e;
}

err tx_query(struct tx *tx, const char *sql, struct params params, struct rows **ret_rows)
{
    struct statement *statement;

    TRY(start(tx, sql, params, SQLITE_TRANSIENT, &statement));
    statement->rows = (struct rows){ tx, statement, SQLITE_ROW };
    *ret_rows = &statement->rows;
    return NULL;
}

bool rows_next(struct rows *rows)
{
    if (rows->outcome == SQLITE_ROW)
        rows->outcome = sqlite3_step(rows->statement->handle);
    return rows->outcome == SQLITE_ROW;
}

err rows_err(struct rows *rows)
{
    if (rows->outcome == SQLITE_ROW || rows->outcome == SQLITE_DONE)
        return NULL;
    return failed(rows->tx, rows->outcome, rows->statement->sql);
}

void rows_closep(struct rows **rows)
{
    if (*rows) {
        /* A failure that nobody asked for must still end the transaction. */
        int code = (*rows)->outcome;
        if (code != SQLITE_ROW && code != SQLITE_DONE && code_is_fatal(code) && (*rows)->tx->writable)
            (*rows)->tx->fatal = code;
        connection_give_back((*rows)->tx->connection, (*rows)->statement);
    }
    *rows = NULL;
}

bool rows_is_null(struct rows *rows, int column)
{
    return sqlite3_column_type(rows->statement->handle, column) == SQLITE_NULL;
}

int64_t rows_i64(struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement->handle, column);
}

double rows_double(struct rows *rows, int column)
{
    return sqlite3_column_double(rows->statement->handle, column);
}

struct str rows_str(struct rows *rows, int column)
{
    sqlite3_stmt *handle = rows->statement->handle;

    switch (sqlite3_column_type(handle, column)) {
    case SQLITE_NULL:
        return (struct str){ NULL, 0 };
    case SQLITE_BLOB: {
        const void *at = sqlite3_column_blob(handle, column);
        return (struct str){ at ? at : "", (size_t)sqlite3_column_bytes(handle, column) };
    }
    default: {
        const void *at = sqlite3_column_text(handle, column);
        return (struct str){ at, (size_t)sqlite3_column_bytes(handle, column) };
    }
    }
}

struct str rows_copy(struct rows *rows, int column, struct arena *arena)
{
    struct str text = rows_str(rows, column);

    return text.at ? str_copy(arena, text) : text;
}

err tx_get_i64(struct tx *tx, const char *sql, struct params params, int64_t fallback, int64_t *ret_value)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, sql, params, &rows));
    *ret_value = rows_next(rows) && !rows_is_null(rows, 0) ? rows_i64(rows, 0) : fallback;
    return rows_err(rows);
}
