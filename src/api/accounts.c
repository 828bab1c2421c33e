/* accounts.c - /api/v1/users and /api/v1/tokens: who may come in. */
#include "api/services.h"
#include "auth/auth.h"

static const char *const user_roles[] = { "viewer", "operator", "approver", "admin", NULL };
static const char *const token_roles[] = { "ingest", "viewer", "operator", "approver", "admin", NULL };

static const struct field user_row_fields[] = {
    STRING(struct user_row, name, .doc = "Login name."),
    STRING(struct user_row, role, .doc = "viewer, operator, approver or admin."),
    BOOL(struct user_row, has_password, .doc = "False until one is set."),
    TIME(struct user_row, created_at, .doc = "Since when."),
    { 0 },
};
static const struct schema user_row_schema = SCHEMA(struct user_row, user_row_fields, .doc = "A user.");

struct users_reply {
    int64_t total;
    VEC(struct user_row) users;
    struct str next_cursor;
};
static const struct field users_reply_fields[] = {
    INT(struct users_reply, total, .doc = "How many there are."),
    LIST(struct users_reply, users, .schema = &user_row_schema, .doc = "By name."),
    STRING(struct users_reply, next_cursor, .flags = F_NULLABLE, .doc = "Always null: there is one page."),
    { 0 },
};
static const struct schema users_reply_schema = SCHEMA(struct users_reply, users_reply_fields, .doc = "Users.");

static const struct field token_row_fields[] = {
    INT(struct token_row, id, .doc = "Number of the token."),
    STRING(struct token_row, name, .doc = "Who uses it."),
    STRING(struct token_row, role, .doc = "ingest, viewer, operator, approver or admin."),
    TIME(struct token_row, created_at, .doc = "Since when."),
    TIME(struct token_row, last_used_at, .flags = F_NULLABLE, .doc = "To the minute."),
    { 0 },
};
static const struct schema token_row_schema = SCHEMA(struct token_row, token_row_fields, .doc = "An API token.");

struct tokens_reply {
    int64_t total;
    VEC(struct token_row) tokens;
    struct str next_cursor;
};
static const struct field tokens_reply_fields[] = {
    INT(struct tokens_reply, total, .doc = "How many there are."),
    LIST(struct tokens_reply, tokens, .schema = &token_row_schema, .doc = "The oldest first."),
    STRING(struct tokens_reply, next_cursor, .flags = F_NULLABLE, .doc = "Always null: there is one page."),
    { 0 },
};
static const struct schema tokens_reply_schema = SCHEMA(struct tokens_reply, tokens_reply_fields, .doc = "Tokens.");

/* One job for all of these calls: what goes in, and what comes out. */
struct job {
    struct arena *arena;
    struct str name, hash, actor, token;
    enum role role;
    int64_t id;
    struct user_list users;
    struct token_list tokens;
};

static err users_read(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return auth_user_list(tx, job->arena, &job->users);
}

static err users_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct job job = { .arena = request_arena(req) };

    (void)query, (void)body;
    TRY(db_read(services.db, users_read, &job));
    struct users_reply out = { .total = (int64_t)job.users.users.count };
    out.users.at = job.users.users.at;
    out.users.count = job.users.users.count;
    return reply_encode(reply, &users_reply_schema, &out);
}
static const struct route users_list_route = {
    .method = "GET",
    .path = "/api/v1/users",
    .summary = "List users",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .reply = &users_reply_schema,
    .handle = users_list,
};
REGISTER(route, users_list_route);

struct user_body {
    struct str name, password;
    int role;
};
static const struct field user_body_fields[] = {
    STRING(struct user_body, name, .flags = F_REQUIRED, .min = 1, .max = 64, .doc = "Login name."),
    ENUM(struct user_body, role, .flags = F_REQUIRED, .words = user_roles, .doc = "What the user may do."),
    STRING(struct user_body, password, .flags = F_REQUIRED | F_SECRET, .min = AUTH_PASSWORD_MIN,
           .max = AUTH_PASSWORD_MAX, .doc = "The first one."),
    { 0 },
};
static const struct schema user_body_schema = SCHEMA(struct user_body, user_body_fields, .doc = "A new user.");

static err user_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    TRY(auth_user_create(tx, job->name, job->role, job->hash, job->actor));
    return auth_user_list(tx, job->arena, &job->users);
}

static enum role role_of(const char *const *words, int index)
{
    enum role role = ROLE_NOBODY;

    return role_parse(str_of(words[index]), &role) ? role : ROLE_NOBODY;
}

static err users_create(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct user_body *b = body;
    struct job job = { .arena = request_arena(req), .name = b->name, .actor = request_principal(req)->name };

    (void)query;
    job.role = role_of(user_roles, b->role);
    TRY(auth_password_hash(job.arena, b->password, &job.hash));
    TRY(db_write(services.db, user_write, &job));
    reply->status = 201;
    for (size_t i = 0; i < job.users.users.count; i++)
        if (str_eq(job.users.users.at[i].name, b->name))
            return reply_encode(reply, &user_row_schema, &job.users.users.at[i]);
    return err_new(ERR_INTERNAL, "the new user is not there");
}
static const struct route users_create_route = {
    .method = "POST",
    .path = "/api/v1/users",
    .summary = "Add a user",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .body = &user_body_schema,
    .reply = &user_row_schema,
    .status = 201,
    .handle = users_create,
};
REGISTER(route, users_create_route);

static err user_delete_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return auth_user_delete(tx, job->name, job->actor);
}

static err users_delete(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct job job = { .name = request_param(req, S("name")), .actor = request_principal(req)->name };

    (void)query, (void)body;
    TRY(db_write(services.db, user_delete_write, &job));
    reply->status = 204;
    return NULL;
}
static const struct route users_delete_route = {
    .method = "DELETE",
    .path = "/api/v1/users/{name}",
    .summary = "Remove a user and end the user's sessions",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .status = 204,
    .handle = users_delete,
};
REGISTER(route, users_delete_route);

static err tokens_read(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return auth_token_list(tx, job->arena, &job->tokens);
}

static err tokens_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct job job = { .arena = request_arena(req) };

    (void)query, (void)body;
    TRY(db_read(services.db, tokens_read, &job));
    struct tokens_reply out = { .total = (int64_t)job.tokens.tokens.count };
    out.tokens.at = job.tokens.tokens.at;
    out.tokens.count = job.tokens.tokens.count;
    return reply_encode(reply, &tokens_reply_schema, &out);
}
static const struct route tokens_list_route = {
    .method = "GET",
    .path = "/api/v1/tokens",
    .summary = "List API tokens",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .reply = &tokens_reply_schema,
    .handle = tokens_list,
};
REGISTER(route, tokens_list_route);

struct token_body {
    struct str name;
    int role;
};
static const struct field token_body_fields[] = {
    STRING(struct token_body, name, .flags = F_REQUIRED, .min = 1, .max = 64, .doc = "Who will use it."),
    ENUM(struct token_body, role, .flags = F_REQUIRED, .words = token_roles, .doc = "What it may do."),
    { 0 },
};
static const struct schema token_body_schema = SCHEMA(struct token_body, token_body_fields, .doc = "A new token.");

struct token_reply {
    int64_t id;
    struct str name, role, token;
};
static const struct field token_reply_fields[] = {
    INT(struct token_reply, id, .doc = "Number of the token."),
    STRING(struct token_reply, name, .doc = "Who uses it."),
    STRING(struct token_reply, role, .doc = "What it may do."),
    STRING(struct token_reply, token, .doc = "The token itself: shown this once."),
    { 0 },
};
static const struct schema token_reply_schema = SCHEMA(struct token_reply, token_reply_fields, .doc = "The new token.");

static err token_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return auth_token_create(tx, job->arena, job->name, job->role, job->actor, &job->token, &job->id);
}

static err tokens_create(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct token_body *b = body;
    struct job job = { .arena = request_arena(req), .name = b->name, .actor = request_principal(req)->name };

    (void)query;
    job.role = role_of(token_roles, b->role);
    TRY(db_write(services.db, token_write, &job));
    reply->status = 201;
    struct token_reply out = { job.id, b->name, str_of(role_name(job.role)), job.token };
    reply->secret = true;
    return reply_encode(reply, &token_reply_schema, &out);
}
static const struct route tokens_create_route = {
    .method = "POST",
    .path = "/api/v1/tokens",
    .summary = "Make an API token",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .body = &token_body_schema,
    .reply = &token_reply_schema,
    .status = 201,
    .handle = tokens_create,
};
REGISTER(route, tokens_create_route);

static err token_delete_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return auth_token_revoke(tx, job->id, job->actor);
}

static err tokens_delete(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct job job = { .actor = request_principal(req)->name };

    (void)query, (void)body;
    if (!request_param_i64(req, S("id"), &job.id))
        return err_new(ERR_NOT_FOUND, "no token '%.*s'", STR_ARG(request_param(req, S("id"))));
    TRY(db_write(services.db, token_delete_write, &job));
    reply->status = 204;
    return NULL;
}
static const struct route tokens_delete_route = {
    .method = "DELETE",
    .path = "/api/v1/tokens/{id}",
    .summary = "Revoke a token",
    .tag = "Access",
    .role = ROLE_ADMIN,
    .status = 204,
    .handle = tokens_delete,
};
REGISTER(route, tokens_delete_route);
