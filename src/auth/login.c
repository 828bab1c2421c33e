/* login.c - from a secret to a session, with the brakes against guessing. */
#include "auth/auth.h"
#include "base/digest.h"
#include "base/random.h"
#include "base/time.h"
#include "db/journal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_MAX = 5, FAILURE_WINDOW_MS = 60 * 1000, FAILURE_SLOTS = 1024 };

/* Failures by address and by user, in a small table that is hashed into: a collision only brakes a stranger sooner. */
static struct failure {
    int64_t since_ms;
    int count;
} failures[FAILURE_SLOTS];
static pthread_mutex_t failures_lock = PTHREAD_MUTEX_INITIALIZER;

static struct failure *slot_of(struct str who)
{
    struct failure *slot = &failures[str_hash(who) % FAILURE_SLOTS];

    if (time_mono_ms() - slot->since_ms > FAILURE_WINDOW_MS)
        *slot = (struct failure){ .since_ms = time_mono_ms() };
    return slot;
}

static err check_brake(struct str from, struct str user)
{
    pthread_mutex_lock(&failures_lock);
    bool braked = slot_of(from)->count >= FAILURES_MAX || (user.length && slot_of(user)->count >= FAILURES_MAX);
    pthread_mutex_unlock(&failures_lock);
    if (!braked)
        return NULL;
    return err_retry_after(err_new(ERR_BUSY, "too many failed logins; wait a minute"), FAILURE_WINDOW_MS);
}

struct attempt {
    struct arena *arena;
    struct str user, from, secret, role_word;
    struct str hash; /* of the password */
    enum role role;
    int64_t token_id;
    bool one_time, has_password;
    struct str principal;
    struct login *login;
};

/* came_from - data of both events. */
static struct str came_from(struct arena *arena, struct str address)
{
    struct buf data CLEANUP(buf_clear) = { .max = 4096 };
    struct json_writer w = json_writer(&data);

    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("from"), address);
    json_end_object(&w);
    return str_copy(arena, buf_str(&data));
}

static err note_failure(struct tx *tx, void *arg)
{
    const struct attempt *attempt = arg;
    struct str who = attempt->user.length ? str_utf8_head(attempt->user, 64) : S("token");

    return journal_append(tx,
                          &(struct event){ .kind = EVENT_LOGIN_FAILED,
                                           .subject = str_utf8_scrub(tx_arena(tx), who),
                                           .actor = S("nobody"),
                                           .reason = S("wrong secret"),
                                           .data = came_from(tx_arena(tx), attempt->from) },
                          NULL);
}

static err refuse(struct db *db, struct attempt *attempt)
{
    pthread_mutex_lock(&failures_lock);
    slot_of(attempt->from)->count++;
    if (attempt->user.length)
        slot_of(attempt->user)->count++;
    pthread_mutex_unlock(&failures_lock);
    TRY(db_write(db, note_failure, attempt));
    return err_new(ERR_UNAUTHORIZED, "wrong user, password or token");
}

/* open_session - in the write that also consumes a one-time token, so it can't be used twice. */
static err open_session(struct tx *tx, void *arg)
{
    struct attempt *attempt = arg;
    struct login *login = attempt->login;

    if (attempt->one_time) {
        TRY(tx_run(tx, "DELETE FROM token WHERE id = ?1 AND one_time = 1", PARAMS(attempt->token_id)));
        if (tx_changes(tx) == 0)
            return err_new(ERR_UNAUTHORIZED, "wrong user, password or token");
    }
    login->session_id = random_token(attempt->arena, AUTH_TOKEN_LENGTH);
    login->csrf_token = random_token(attempt->arena, AUTH_TOKEN_LENGTH);
    struct digest digest = digest_of(login->session_id);
    TRY(tx_run(tx, "DELETE FROM session WHERE seen_at < ?1 OR created_at < ?2",
               PARAMS(tx_now_ms(tx) - AUTH_SESSION_IDLE_MS, tx_now_ms(tx) - AUTH_SESSION_MAX_MS)));
    TRY(tx_run(
        tx, "INSERT INTO session (digest, principal, role, csrf, created_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        PARAMS(param_blob(digest.bytes, sizeof(digest.bytes)), attempt->principal, (int64_t)attempt->role,
               login->csrf_token, tx_now_ms(tx))));
    return journal_append(tx,
                          &(struct event){ .kind = EVENT_LOGIN,
                                           .subject = attempt->principal,
                                           .actor = attempt->principal,
                                           .reason = attempt->one_time ? S("one-time token") : S("login"),
                                           .data = came_from(tx_arena(tx), attempt->from) },
                          NULL);
}

static err find_token(struct tx *tx, void *arg)
{
    struct attempt *attempt = arg;
    struct digest digest = digest_of(attempt->secret);
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx,
                 "SELECT t.id, t.name, t.role, t.one_time, t.created_at, u.password IS NOT NULL FROM token t"
                 " LEFT JOIN user u ON t.one_time = 1 AND u.name = t.name WHERE t.digest = ?1",
                 PARAMS(param_blob(digest.bytes, sizeof(digest.bytes))), &rows));
    if (rows_next(rows)) {
        bool late = rows_i64(rows, 3) && tx_now_ms(tx) - rows_i64(rows, 4) > AUTH_ONE_TIME_MS;
        attempt->token_id = late ? 0 : rows_i64(rows, 0);
        attempt->one_time = rows_i64(rows, 3);
        attempt->role = (enum role)rows_i64(rows, 2);
        attempt->has_password = !attempt->one_time || rows_i64(rows, 5);
        attempt->user = rows_copy(rows, 1, attempt->arena);
        attempt->principal =
            str_printf(attempt->arena, "%s:%.*s", attempt->one_time ? "user" : "token", STR_ARG(attempt->user));
    }
    return rows_err(rows);
}

static err succeed(struct db *db, struct attempt *attempt)
{
    TRY(db_write(db, open_session, attempt));
    attempt->login->user = attempt->principal;
    attempt->login->role = str_of(role_name(attempt->role));
    attempt->login->must_set_password = !attempt->has_password;
    return NULL;
}

err auth_login_token(struct db *db, struct arena *arena, struct str token, struct str from, struct login *ret_login)
{
    struct attempt attempt = { .arena = arena, .from = from, .secret = token, .login = ret_login };

    TRY(check_brake(from, S("")));
    TRY(db_read(db, find_token, &attempt));
    if (!attempt.token_id) {
        attempt.user = S("");
        return refuse(db, &attempt);
    }
    if (attempt.role == ROLE_INGEST)
        return err_new(ERR_FORBIDDEN, "an ingest token writes telemetry; it does not log in");
    return succeed(db, &attempt);
}

static err find_user(struct tx *tx, void *arg)
{
    struct attempt *attempt = arg;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT role, password FROM user WHERE name = ?1 AND password IS NOT NULL", PARAMS(attempt->user),
                 &rows));
    if (rows_next(rows)) {
        attempt->role = (enum role)rows_i64(rows, 0);
        attempt->hash = rows_copy(rows, 1, attempt->arena);
    }
    return rows_err(rows);
}

err auth_login_password(struct db *db, struct arena *arena, struct str user, struct str password, struct str from,
                        struct login *ret_login)
{
    /* Where there is no such user, one is checked all the same: the time taken tells nothing. */
    static const char nobody[] =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct attempt attempt = { .arena = arena, .user = user, .from = from, .login = ret_login, .has_password = true };

    TRY(check_brake(from, user));
    TRY(db_read(db, find_user, &attempt));
    bool fits = auth_password_fits(attempt.hash.length ? attempt.hash : str_of(nobody), password);
    if (!fits || !attempt.hash.length)
        return refuse(db, &attempt);
    attempt.principal = str_printf(arena, "user:%.*s", STR_ARG(user));
    return succeed(db, &attempt);
}

static err end_session(struct tx *tx, void *arg)
{
    struct digest digest = digest_of(*(struct str *)arg);

    return tx_run(tx, "DELETE FROM session WHERE digest = ?1", PARAMS(param_blob(digest.bytes, sizeof(digest.bytes))));
}

err auth_logout(struct db *db, struct str session_id)
{
    auth_forget_cached();
    return db_write(db, end_session, &session_id);
}
