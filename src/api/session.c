/* session.c - /api/v1/login, logout, session, password: how the page gets in and out. */
#include "api/services.h"
#include "auth/auth.h"

#include <unistd.h>

struct login_body {
    struct str token, user, password;
};

static const struct field login_body_fields[] = {
    STRING(struct login_body, token, .flags = F_SECRET, .max = 256, .doc = "One-time login token, or an API token; or"),
    STRING(struct login_body, user, .max = 64, .doc = "name of a user and"),
    STRING(struct login_body, password, .flags = F_SECRET, .max = AUTH_PASSWORD_MAX, .doc = "the password."),
    { 0 },
};
static const struct schema login_body_schema =
    SCHEMA(struct login_body, login_body_fields, .doc = "Token, or user and password.");

static const struct field login_fields[] = {
    STRING(struct login, csrf_token, .doc = "To be sent as X-CSRF-Token with every write by cookie."),
    STRING(struct login, user, .doc = "Who you are now."),
    STRING(struct login, role, .doc = "What you may do."),
    BOOL(struct login, must_set_password, .doc = "Nobody has set a password yet: POST /api/v1/password."),
    { 0 },
};
static const struct schema login_schema =
    SCHEMA(struct login, login_fields, .doc = "A session; its id is in the cookie.");

/* set_cookie - __Host- needs Secure and so https; on plain http over loopback the cookie is called `session`. */
static void set_cookie(struct request *req, struct reply *reply, struct str id)
{
    const char *until = id.length ? "" : "; Max-Age=0";
    struct arena *arena = request_arena(req);

    if (request_is_secure(req))
        reply_header(
            reply, req, S("Set-Cookie"),
            str_printf(arena, "__Host-session=%.*s; Path=/; Secure; HttpOnly; SameSite=Strict%s", STR_ARG(id), until));
    else
        reply_header(reply, req, S("Set-Cookie"),
                     str_printf(arena, "session=%.*s; Path=/; HttpOnly; SameSite=Strict%s", STR_ARG(id), until));
}

static err login(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct login_body *b = body;
    struct arena *arena = request_arena(req);
    struct login session = { 0 };
    struct str from = request_peer(req);

    (void)query;
    if (b->token.length)
        TRY(auth_login_token(services.db, arena, b->token, from, &session));
    else if (b->user.length)
        TRY(auth_login_password(services.db, arena, b->user, b->password, from, &session));
    else
        return err_new(ERR_RANGE, "a login is {token} or {user, password}");
    set_cookie(req, reply, session.session_id);
    return reply_encode(reply, &login_schema, &session);
}

static const struct route login_route = {
    .method = "POST",
    .path = "/api/v1/login",
    .summary = "Log in",
    .tag = "Access",
    .role = ROLE_NOBODY,
    .body = &login_body_schema,
    .reply = &login_schema,
    .handle = login,
};
REGISTER(route, login_route);

static err logout(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query, (void)body;
    for (size_t n = 0; auth_session_cookie(req, n).length; n++)
        TRY(auth_logout(services.db, auth_session_cookie(req, n)));
    set_cookie(req, reply, S(""));
    reply->status = 204;
    return NULL;
}

static const struct route logout_route = {
    .method = "POST",
    .path = "/api/v1/logout",
    .summary = "Log out",
    .tag = "Access",
    .role = ROLE_VIEWER,
    .status = 204,
    .handle = logout,
};
REGISTER(route, logout_route);

struct session_reply {
    struct str user, role, csrf_token, auth, version, hostname, storage_path;
    int64_t started_at;
};

static const struct field session_fields[] = {
    STRING(struct session_reply, user, .doc = "Who you are."),
    STRING(struct session_reply, role, .doc = "What you may do."),
    STRING(struct session_reply, csrf_token, .doc = "For writes by cookie; empty for tokens."),
    STRING(struct session_reply, auth, .doc = "required, or none where --web.auth=none."),
    STRING(struct session_reply, version, .doc = "Of this program."),
    STRING(struct session_reply, hostname, .doc = "Of this host."),
    STRING(struct session_reply, storage_path, .doc = "Data folder."),
    TIME(struct session_reply, started_at, .doc = "Start of this process."),
    { 0 },
};
static const struct schema session_schema = SCHEMA(struct session_reply, session_fields, .doc = "Who asks, and whom.");

static err session(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct principal *principal = request_principal(req);
    char host[256] = "";

    (void)query, (void)body;
    gethostname(host, sizeof(host) - 1);
    struct session_reply out = {
        .user = principal->name,
        .role = str_of(role_name(principal->role)),
        .csrf_token = principal->csrf_token.at ? principal->csrf_token : S(""),
        .auth = services.auth_none ? S("none") : S("required"),
        .version = S(AUSPEX_VERSION),
        .hostname = str_of(host),
        .storage_path = str_of(services.storage_path),
        .started_at = services.started_ms,
    };
    return reply_encode(reply, &session_schema, &out);
}

static const struct route session_route = {
    .method = "GET",
    .path = "/api/v1/session",
    .summary = "Who am I?",
    .tag = "Access",
    .role = ROLE_VIEWER,
    .reply = &session_schema,
    .quick = true,
    .handle = session,
};
REGISTER(route, session_route);

struct password_body {
    struct str password;
};

static const struct field password_fields[] = {
    STRING(struct password_body, password, .flags = F_REQUIRED | F_SECRET, .min = AUTH_PASSWORD_MIN,
           .max = AUTH_PASSWORD_MAX, .doc = "The new one."),
    { 0 },
};
static const struct schema password_schema = SCHEMA(struct password_body, password_fields, .doc = "A new password.");

struct password_job {
    struct str user, hash, actor;
};

static err password_write(struct tx *tx, void *arg)
{
    struct password_job *job = arg;

    return auth_user_set_password(tx, job->user, job->hash, job->actor);
}

static err password(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct principal *principal = request_principal(req);
    struct password_job job = { .actor = principal->name };
    struct str kind = str_cut(principal->name, ':', &job.user);

    (void)query;
    if (!str_eq(kind, S("user")))
        return err_new(ERR_FORBIDDEN, "%.*s is no user: only users have passwords", STR_ARG(principal->name));
    TRY(auth_password_hash(request_arena(req), ((const struct password_body *)body)->password, &job.hash));
    TRY(db_write(services.db, password_write, &job));
    reply->status = 204;
    return NULL;
}

static const struct route password_route = {
    .method = "POST",
    .path = "/api/v1/password",
    .summary = "Set one's own password",
    .tag = "Access",
    .role = ROLE_VIEWER,
    .body = &password_schema,
    .status = 204,
    .handle = password,
};
REGISTER(route, password_route);
