/* account.c - users and API tokens: rows, and an event for each change. */
#include "auth/auth.h"
#include "base/digest.h"
#include "base/random.h"
#include "base/time.h"
#include "db/journal.h"

#include <string.h>

static const struct migration auth_1 = {
    .room = "auth",
    .number = 1,
    .sql = "CREATE TABLE user ("
           "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL, password TEXT,"
           "  created_at INTEGER NOT NULL) STRICT;"
           "CREATE TABLE token ("
           "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, role INTEGER NOT NULL,"
           "  one_time INTEGER NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER) STRICT;"
           "CREATE UNIQUE INDEX token_name ON token (name) WHERE one_time = 0;"
           "CREATE TABLE session ("
           "  digest BLOB PRIMARY KEY, principal TEXT NOT NULL, role INTEGER NOT NULL, csrf TEXT NOT NULL,"
           "  created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
};
REGISTER(migration, auth_1);

static err append(struct tx *tx, enum event_kind kind, struct str subject, struct str actor, const char *what,
                  enum role role)
{
    struct arena *arena = tx_arena(tx);

    return journal_append(tx,
                          &(struct event){ .kind = kind,
                                           .subject = subject,
                                           .actor = actor,
                                           .reason = str_of(what),
                                           .data = str_printf(arena, "{\"v\":1,\"role\":\"%s\"}", role_name(role)) },
                          NULL);
}

static struct param digest_param(const struct digest *digest)
{
    return param_blob(digest->bytes, sizeof(digest->bytes));
}

err auth_one_time(struct tx *tx, struct arena *arena, struct str *ret_token)
{
    *ret_token = random_token(arena, AUTH_TOKEN_LENGTH);
    struct digest digest = digest_of(*ret_token);
    TRY(tx_run(tx, "DELETE FROM token WHERE one_time = 1", NONE));
    return tx_run(tx, "INSERT INTO token (name, digest, role, one_time, created_at) VALUES ('admin', ?1, ?2, 1, ?3)",
                  PARAMS(digest_param(&digest), (int64_t)ROLE_ADMIN, tx_now_ms(tx)));
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-", name.at[i]))
            return false;
    return name.length >= 1 && name.length <= 64;
}

err auth_token_create(struct tx *tx, struct arena *arena, struct str name, enum role role, struct str actor,
                      struct str *ret_token, int64_t *ret_id)
{
    int64_t same;

    if (!is_name(name))
        return err_new(ERR_RANGE, "name: 1 to 64 letters, digits and . _ @ - make a token's name");
    if (role == ROLE_NOBODY)
        return err_new(ERR_RANGE, "role: a token needs one");
    TRY(tx_get_i64(tx, "SELECT count(*) FROM token WHERE name = ?1 AND one_time = 0", PARAMS(name), 0, &same));
    if (same)
        return err_new(ERR_CONFLICT, "a token named '%.*s' exists; revoke it or choose another name", STR_ARG(name));
    *ret_token = str_printf(arena, "aux_%.*s", STR_ARG(random_token(arena, AUTH_TOKEN_LENGTH)));
    struct digest digest = digest_of(*ret_token);
    TRY(tx_run(tx, "INSERT INTO token (name, digest, role, one_time, created_at) VALUES (?1, ?2, ?3, 0, ?4)",
               PARAMS(name, digest_param(&digest), (int64_t)role, tx_now_ms(tx))));
    *ret_id = tx_last_id(tx);
    return append(tx, EVENT_TOKEN_CREATED, name, actor, "token created", role);
}

err auth_token_list(struct tx *tx, struct arena *arena, struct token_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_list = (struct token_list){ 0 };
    TRY(tx_query(tx, "SELECT id, name, role, created_at, last_used_at FROM token WHERE one_time = 0 ORDER BY id", NONE,
                 &rows));
    while (rows_next(rows))
        *vec_push(&ret_list->tokens, arena) = (struct token_row){
            .id = rows_i64(rows, 0),
            .name = rows_copy(rows, 1, arena),
            .role = str_of(role_name((enum role)rows_i64(rows, 2))),
            .created_at = rows_i64(rows, 3),
            .last_used_at = rows_i64(rows, 4),
        };
    return rows_err(rows);
}

err auth_token_revoke(struct tx *tx, int64_t id, struct str actor)
{
    struct arena *arena = tx_arena(tx);
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT name, role FROM token WHERE id = ?1 AND one_time = 0", PARAMS(id), &rows));
    if (!rows_next(rows)) {
        TRY(rows_err(rows));
        return err_new(ERR_NOT_FOUND, "no token %lld", (long long)id);
    }
    struct str name = rows_copy(rows, 0, arena);
    enum role role = (enum role)rows_i64(rows, 1);
    rows_closep(&rows);
    rows = NULL;
    TRY(tx_run(tx, "DELETE FROM token WHERE id = ?1", PARAMS(id)));
    TRY(tx_run(tx, "DELETE FROM session WHERE principal = ?1", PARAMS(str_printf(arena, "token:%.*s", STR_ARG(name)))));
    auth_forget_cached();
    return append(tx, EVENT_TOKEN_REVOKED, name, actor, "token revoked", role);
}

err auth_user_create(struct tx *tx, struct str name, enum role role, struct str hash, struct str actor)
{
    int64_t same;

    if (!is_name(name))
        return err_new(ERR_RANGE, "name: 1 to 64 letters, digits and . _ @ - make a user's name");
    if (role == ROLE_NOBODY || role == ROLE_INGEST)
        return err_new(ERR_RANGE, "role: a user is viewer, operator, approver or admin");
    TRY(tx_get_i64(tx, "SELECT count(*) FROM user WHERE name = ?1", PARAMS(name), 0, &same));
    if (same)
        return err_new(ERR_CONFLICT, "a user named '%.*s' exists", STR_ARG(name));
    TRY(tx_run(tx, "INSERT INTO user (name, role, password, created_at) VALUES (?1, ?2, ?3, ?4)",
               PARAMS(name, (int64_t)role, hash, tx_now_ms(tx))));
    return append(tx, EVENT_USER_CHANGED, name, actor, "created", role);
}

err auth_user_list(struct tx *tx, struct arena *arena, struct user_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_list = (struct user_list){ 0 };
    TRY(tx_query(tx, "SELECT name, role, password IS NOT NULL, created_at FROM user ORDER BY name", NONE, &rows));
    while (rows_next(rows))
        *vec_push(&ret_list->users, arena) = (struct user_row){
            .name = rows_copy(rows, 0, arena),
            .role = str_of(role_name((enum role)rows_i64(rows, 1))),
            .has_password = rows_i64(rows, 2),
            .created_at = rows_i64(rows, 3),
        };
    return rows_err(rows);
}

static err role_of_user(struct tx *tx, struct str name, enum role *ret_role)
{
    int64_t role;

    TRY(tx_get_i64(tx, "SELECT role FROM user WHERE name = ?1", PARAMS(name), -1, &role));
    if (role < 0)
        return err_new(ERR_NOT_FOUND, "no user '%.*s'", STR_ARG(name));
    *ret_role = (enum role)role;
    return NULL;
}

static err end_sessions(struct tx *tx, struct str user)
{
    auth_forget_cached();
    return tx_run(tx, "DELETE FROM session WHERE principal = ?1",
                  PARAMS(str_printf(tx_arena(tx), "user:%.*s", STR_ARG(user))));
}

err auth_user_delete(struct tx *tx, struct str name, struct str actor)
{
    enum role role;
    int64_t other_admins;

    TRY(role_of_user(tx, name, &role));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM user WHERE role = ?1 AND name <> ?2", PARAMS((int64_t)ROLE_ADMIN, name), 0,
                   &other_admins));
    if (role == ROLE_ADMIN && other_admins == 0)
        return err_new(ERR_CONFLICT, "'%.*s' is the last admin", STR_ARG(name));
    TRY(tx_run(tx, "DELETE FROM user WHERE name = ?1", PARAMS(name)));
    TRY(end_sessions(tx, name));
    return append(tx, EVENT_USER_CHANGED, name, actor, "deleted", role);
}

err auth_user_set_password(struct tx *tx, struct str name, struct str hash, struct str actor)
{
    enum role role;

    TRY(role_of_user(tx, name, &role));
    TRY(tx_run(tx, "UPDATE user SET password = ?2 WHERE name = ?1", PARAMS(name, hash)));
    TRY(tx_run(tx, "DELETE FROM token WHERE one_time = 1", NONE));
    return append(tx, EVENT_USER_CHANGED, name, actor, "password set", role);
}
