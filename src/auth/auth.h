/* auth.h - who may come in: users, API tokens, one-time login tokens, sessions.
 *
 * Owner: the tables user, token and session. Threads: functions with a tx within that tx; auth_identify from any.
 *
 * Secrets are never stored: tokens and session ids as SHA-256, passwords as argon2id. A token is shown once, when it is
 * made. Look-ups are cached in memory for 5 s, so a revocation from another process takes that long; one from this
 * process none. Audit: every change here is an event. */
#pragma once
#include "db/db.h"
#include "net/route.h"

enum { AUTH_TOKEN_LENGTH = 32, AUTH_PASSWORD_MIN = 10, AUTH_PASSWORD_MAX = 1024 };
enum {
    AUTH_ONE_TIME_MS = 3600 * 1000,
    AUTH_SESSION_IDLE_MS = 12 * 3600 * 1000,
    AUTH_SESSION_MAX_MS = 7 * 24 * 3600 * 1000
};

/* auth_setup - make the local admin where there is no user yet, and let routes ask us who calls. */
err auth_setup(struct db *db) MUST_USE;
void auth_forget_cached(void);

/* auth_one_time - a token that logs the admin in once, within an hour; the one made before dies. */
err auth_one_time(struct tx *tx, struct arena *arena, struct str *ret_token) MUST_USE;

struct token_row {
    int64_t id, created_at, last_used_at;
    struct str name, role;
};
struct token_list {
    VEC(struct token_row) tokens;
};
/* auth_token_create - ERR_CONFLICT where a token of that name lives. */
err auth_token_create(struct tx *tx, struct arena *arena, struct str name, enum role role, struct str actor,
                      struct str *ret_token, int64_t *ret_id) MUST_USE;
err auth_token_list(struct tx *tx, struct arena *arena, struct token_list *ret_list) MUST_USE;
err auth_token_revoke(struct tx *tx, int64_t id, struct str actor) MUST_USE;

struct user_row {
    struct str name, role;
    bool has_password;
    int64_t created_at;
};
struct user_list {
    VEC(struct user_row) users;
};
/* auth_user_create - names of [a-z0-9._@-], 1..64. `hash` comes from auth_password_hash. */
err auth_user_create(struct tx *tx, struct str name, enum role role, struct str hash, struct str actor) MUST_USE;
err auth_user_list(struct tx *tx, struct arena *arena, struct user_list *ret_list) MUST_USE;
/* auth_user_delete - ends the user's sessions too. ERR_CONFLICT for the last admin. */
err auth_user_delete(struct tx *tx, struct str name, struct str actor) MUST_USE;
err auth_user_set_password(struct tx *tx, struct str name, struct str hash, struct str actor) MUST_USE;

/* argon2id, 19 MiB, two passes (RFC 9106, OWASP 2024): 30 ms on purpose, so never within a tx. */
err auth_password_hash(struct arena *arena, struct str password, struct str *ret_hash) MUST_USE;
bool auth_password_fits(struct str hash, struct str password);

/* What a login gives; the session id goes into the cookie and nowhere else. */
struct login {
    struct str session_id, csrf_token, user, role;
    bool must_set_password;
};
/* auth_login_token - with a one-time token (consumed) or an API token. ERR_UNAUTHORIZED says no more than that. */
err auth_login_token(struct db *db, struct arena *arena, struct str token, struct str from,
                     struct login *ret_login) MUST_USE;
/* auth_login_password - after 5 failures from an address or for a user within a minute: ERR_BUSY until the minute is
 * over. */
err auth_login_password(struct db *db, struct arena *arena, struct str user, struct str password, struct str from,
                        struct login *ret_login) MUST_USE;
err auth_logout(struct db *db, struct str session_id) MUST_USE;
/* auth_session_cookie - the n-th (from 0) of the request's cookies that may be a session's id; empty behind the last.
 * Ports of one host share their cookies, so another server's may stand before ours. */
struct str auth_session_cookie(struct request *req, size_t n);
