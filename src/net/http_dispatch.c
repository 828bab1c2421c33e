/* http_dispatch.c - from a request's head and body to its reply, without any socket.
 *
 * DESIGN. request_begin runs on the loop as soon as the head is there, so that what is refused anyway is refused before
 * its body is read. request_run runs on a worker (on the loop for .quick rows) once the body is there. Whatever goes
 * wrong becomes an err, and request_fail makes it the reply: there is one way out. */
#include "base/json.h"
#include "base/lang.h"
#include "base/log.h"
#include "net/http_conn.h"
#include "net/idempotency.h"

#include <openssl/evp.h>
#include <string.h>

enum { READY_RETRY_MS = 1000 };

static void write_problem(struct request *req, err e)
{
    struct json_writer w = json_writer(&req->reply.body);

    json_begin_object(&w);
    json_put_str(&w, S("type"), S("about:blank"));
    json_put_str(&w, S("title"), str_of(err_title(e)));
    json_put_i64(&w, S("status"), err_status(e));
    json_put_str(&w, S("detail"), str_of(err_message(e)));
    if (err_hint_text(e))
        json_put_str(&w, S("hint"), str_of(err_hint_text(e)));
    json_put_str(&w, S("instance"), req->head.path);
    if (err_field_count(e)) {
        json_key(&w, S("errors"));
        json_begin_array(&w);
        for (size_t i = 0; i < err_field_count(e); i++) {
            json_begin_object(&w);
            json_put_str(&w, S("field"), str_of(err_field_path(e, i)));
            json_put_str(&w, S("message"), str_of(err_field_message(e, i)));
            json_end_object(&w);
        }
        json_end_array(&w);
    }
    json_end_object(&w);
}

void request_fail(struct request *req, err e)
{
    struct reply *reply = &req->reply;
    int64_t retry_ms = err_retry_after_ms(e);

    if (err_status(e) >= 500 && err_kind(e) != ERR_UNAVAILABLE && err_kind(e) != ERR_REFUSED)
        log_error("%.*s %.*s: %s", STR_ARG(req->head.method), STR_ARG(req->head.path), err_message(e));
    reply->status = err_status(e);
    reply->content_type = "application/problem+json";
    reply->asset = NULL;
    buf_reset(&reply->body);
    if (retry_ms || reply->status == 503 || reply->status == 429) {
        struct str seconds = str_printf(req->arena, "%lld", (long long)(retry_ms ? (retry_ms + 999) / 1000 : 1));
        reply_header(reply, req, S("Retry-After"), seconds);
    }
    if (req->match.route && req->match.route->write_error) {
        reply->content_type = NULL;
        req->match.route->write_error(req, e, reply);
    } else {
        write_problem(req, e);
    }
    err_free(e);
}

/* request_fault - for statuses that no err kind has. */
void request_fault(struct request *req, const struct http_fault *fault)
{
    struct reply *reply = &req->reply;
    struct json_writer w = json_writer(&reply->body);

    buf_reset(&reply->body);
    reply->status = fault->status;
    reply->content_type = "application/problem+json";
    json_begin_object(&w);
    json_put_str(&w, S("type"), S("about:blank"));
    json_put_str(&w, S("title"), str_of(http_reason(fault->status)));
    json_put_i64(&w, S("status"), fault->status);
    json_put_str(&w, S("detail"), str_of(fault->why));
    json_end_object(&w);
}

static bool is_write(struct str method)
{
    return !str_eq(method, S("GET")) && !str_eq(method, S("HEAD")) && !str_eq(method, S("OPTIONS"));
}

size_t request_body_max(const struct request *req)
{
    const struct route *route = req->match.route;

    return route && route->body_max ? route->body_max : BODY_MAX_DEFAULT;
}

bool request_is_quick(const struct request *req)
{
    bool stored = http_idempotency && req->write && http_header(&req->head, S("Idempotency-Key")).length;

    return !req->upgrade && req->match.route && req->match.route->quick && !stored;
}

static err check_match(struct request *req)
{
    const struct route_match *match = &req->match;

    if (match->route || (match->socket && req->upgrade))
        return NULL;
    if (match->socket) {
        reply_header(&req->reply, req, S("Upgrade"), S("websocket"));
        return err_new(ERR_INVALID, "this is a WebSocket: connect to it with Upgrade: websocket");
    }
    if (!match->allow[0])
        return err_new(ERR_NOT_FOUND, "there is nothing at %.*s", STR_ARG(str_slice(req->head.path, 0, 200)));
    reply_header(&req->reply, req, S("Allow"), str_of(match->allow));
    return err_new(ERR_METHOD, "%.*s is not for %.*s, only for %s", STR_ARG(str_slice(req->head.path, 0, 200)),
                   STR_ARG(req->head.method), match->allow);
}

/* check_ready - the rooms behind the handlers are there: not yet while starting, no longer while stopping. */
static err check_ready(struct request *req)
{
    if (server_is_ready(req->server) || (req->match.route && req->match.route->before_ready))
        return NULL;
    return err_retry_after(err_new(ERR_UNAVAILABLE, "the server is starting or stopping"), READY_RETRY_MS);
}

err request_begin(struct request *req)
{
    struct http_head *head = &req->head;

    req->write = is_write(head->method);
    req->upgrade = str_eq_nocase(http_header(head, S("Upgrade")), S("websocket")) && str_eq(head->method, S("GET"));
    TRY(router_find(server_router(req->server), req->arena, head->method, head->path, &req->match));
    if (req->upgrade && !req->match.socket)
        req->upgrade = false; /* an ordinary request may carry the header: it is ignored */
    if (req->write || req->upgrade || server_auth_none(req->server))
        TRY(guard_host(req));
    if (req->write || req->upgrade)
        TRY(guard_origin(req));
    TRY(check_match(req));
    if (req->match.route)
        req->reply.expected = req->match.route->reply;
    if (head->content_length > (int64_t)request_body_max(req))
        return err_new(ERR_TOO_LARGE, "the body has %lld bytes; at most %zu are taken here",
                       (long long)head->content_length, request_body_max(req));
    return check_ready(req);
}

/* add_pairs - decode "a=1&b=2" behind what is in the list. */
static err add_pairs(struct request *req, struct str text)
{
    for (struct str rest = text; rest.at && rest.length;) {
        struct str value, key, part = str_cut(rest, '&', &rest);
        if (part.length == 0)
            continue;
        if (req->query.count >= QUERY_PAIRS_MAX)
            return err_new(ERR_TOO_LARGE, "more than %d parameters", QUERY_PAIRS_MAX);
        key = str_cut(part, '=', &value);
        TRY(url_decode(req->arena, key, true, &key));
        TRY(url_decode(req->arena, value.at ? value : S(""), true, &value));
        *vec_push(&req->query, req->arena) = (struct pair){ key, value };
    }
    return NULL;
}

static bool has_field(const struct schema *schema, struct str name)
{
    for (const struct field *field = schema ? schema->fields : NULL; field && field->name; field++)
        if (str_eq(str_of(field->name), name))
            return true;
    return false;
}

/* take_lang - ?lang= is understood everywhere, whatever the row says. */
static void take_lang(struct request *req, const struct schema *query)
{
    size_t kept = 0;

    for (size_t i = 0; i < req->query.count; i++) {
        struct pair pair = req->query.at[i];
        if (str_eq(pair.key, S("lang"))) {
            req->lang = pair.value;
            if (!has_field(query, pair.key))
                continue;
        }
        req->query.at[kept++] = pair;
    }
    req->query.count = kept;
}

static err parse_pairs(struct request *req, const struct schema *schema, const struct pair *pairs, size_t count,
                       bool unknown_ok, const void **ret_object)
{
    struct schema_options options = { .arena = req->arena, .unknown_ok = unknown_ok };
    err e = NULL;

    if (schema) {
        void *object = arena_alloc(req->arena, schema->size);
        *ret_object = object;
        return schema_parse_pairs(&options, schema, pairs, count, object);
    }
    for (size_t i = 0; i < count && !unknown_ok; i++) {
        struct str name = str_utf8_head(pairs[i].key, 100);
        err_add_field(&e, ERR_INVALID, str_c(req->arena, name), "unknown parameter; none are taken here");
    }
    return e;
}

/* content_type_is - the media type, case and parameters aside; a charset must be UTF-8. */
static bool content_type_is(struct str value, struct str type, struct str suffix)
{
    struct str parameters, name = str_trim(str_cut(value, ';', &parameters));

    for (struct str rest = parameters; rest.at;) {
        struct str one = str_trim(str_cut(rest, ';', &rest));
        if (str_eq_nocase(str_slice(one, 0, 8), S("charset=")) && !str_eq_nocase(one, S("charset=utf-8")) &&
            !str_eq_nocase(one, S("charset=\"utf-8\"")))
            return false;
    }
    if (str_eq_nocase(name, type))
        return true;
    return suffix.length && name.length > suffix.length &&
           str_eq_nocase(str_slice(name, name.length - suffix.length, name.length), suffix);
}

static err undo_gzip(struct request *req)
{
    struct str encoding = http_header(&req->head, S("Content-Encoding"));
    struct buf plain CLEANUP(buf_clear);

    buf_init(&plain, request_body_max(req));
    if (encoding.length == 0 || str_eq_nocase(encoding, S("identity")))
        return NULL;
    if (!str_eq_nocase(encoding, S("gzip"))) {
        if (req->match.route->raw_body)
            return NULL; /* snappy, zstd: the handler knows */
        return err_new(ERR_MEDIA_TYPE, "a body may be encoded by gzip, not by '%.*s'",
                       STR_ARG(str_slice(encoding, 0, 40)));
    }
    if (!gzip_inflate(req->body, &plain)) {
        if (plain.length == plain.max)
            return err_new(ERR_TOO_LARGE, "the body unpacks to more than %zu bytes", plain.max);
        return err_new(ERR_INVALID, "the body is not gzip, or is cut short");
    }
    req->body = str_copy(req->arena, buf_str(&plain));
    return NULL;
}

static err parse_json_body(struct request *req, const struct route *route, const void **ret_object)
{
    struct schema_options options = { .arena = req->arena, .unknown_ok = route->unknown_ok };
    void *object = arena_alloc(req->arena, route->body->size);
    struct str type = http_header(&req->head, S("Content-Type"));
    const struct json *json;

    *ret_object = object;
    if (type.length && !content_type_is(type, S("application/json"), S("+json")))
        return err_hint(err_new(ERR_MEDIA_TYPE, "the body must be JSON, not '%.*s'", STR_ARG(str_slice(type, 0, 100))),
                        "send Content-Type: application/json");
    TRY(json_parse(req->arena, req->body, &json));
    TRY(arena_check(req->arena));
    return schema_parse(&options, route->body, json, object);
}

/* split_pairs - those that the query's schema names stay, the others are the body's. */
static void split_pairs(struct request *req, const struct schema *query, struct pair **ret_pairs, size_t *ret_count)
{
    struct pair *others = arena_array(req->arena, req->query.count + 1, sizeof(*others));
    size_t kept = 0, count = 0;

    for (size_t i = 0; i < req->query.count; i++) {
        if (has_field(query, req->query.at[i].key))
            req->query.at[kept++] = req->query.at[i];
        else
            others[count++] = req->query.at[i];
    }
    req->query.count = kept;
    *ret_pairs = others;
    *ret_count = count;
}

static err parse_parameters(struct request *req, const void **ret_query, const void **ret_body)
{
    const struct route *route = req->match.route;
    struct str type = http_header(&req->head, S("Content-Type"));
    bool form = route->form_ok && content_type_is(type, S("application/x-www-form-urlencoded"), S(""));
    bool json = route->body && !form && req->body.length;
    struct pair *others = NULL;
    size_t other_count = 0;

    *ret_query = *ret_body = NULL;
    TRY(add_pairs(req, req->head.query));
    if (form) {
        if (memchr(req->body.at ? req->body.at : "", 0, req->body.length) || !str_is_utf8(req->body))
            return err_new(ERR_INVALID, "the form is not UTF-8 text");
        TRY(add_pairs(req, req->body));
    }
    take_lang(req, route->query);
    if (route->body && !json && route->form_ok)
        split_pairs(req, route->query, &others, &other_count);
    TRY(parse_pairs(req, route->query, req->query.at, req->query.count, route->unknown_ok, ret_query));
    if (json)
        return parse_json_body(req, route, ret_body);
    if (!route->body)
        return NULL;
    return parse_pairs(req, route->body, others, other_count, route->unknown_ok, ret_body); /* nothing sent: {} */
}

static err handle(struct request *req)
{
    const struct route *route = req->match.route;
    const void *query, *body;

    TRY(parse_parameters(req, &query, &body));
    TRY(arena_check(req->arena));
    req->reply.status = route->status ? route->status : 200;
    TRY(route->handle(req, query, body, &req->reply));
    return buf_check(&req->reply.body);
}

static void hash_request(const struct request *req, unsigned char ret_hash[IDEMPOTENCY_HASH_BYTES])
{
    const struct str parts[] = { req->head.method, S(" "), req->head.target, S("\n"), req->body };
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        EVP_DigestUpdate(digest, parts[i].at, parts[i].length);
    EVP_DigestFinal_ex(digest, ret_hash, NULL);
    EVP_MD_CTX_free(digest);
}

static void replay(struct request *req, const struct idempotency_reply *known)
{
    reply_text(&req->reply, known->status, str_c(req->arena, known->content_type), known->body);
    if (known->location.length)
        reply_header(&req->reply, req, S("Location"), known->location);
    reply_header(&req->reply, req, S("Idempotent-Replayed"), S("true"));
}

/* keep - the reply under its key. What may go better next time, or is shown once, is forgotten instead. */
static void keep(struct request *req, const struct idempotency_request *asked)
{
    const struct reply *reply = &req->reply;
    struct idempotency_reply known = { .status = reply->status,
                                       .content_type =
                                           str_of(reply->content_type ? reply->content_type : "application/json"),
                                       .location = S(""),
                                       .body = buf_str(&reply->body) };

    if (reply->status >= 500 || reply->status == 429 || reply->asset || reply->secret) {
        http_idempotency->forget(asked);
        return;
    }
    for (size_t i = 0; i < reply->headers.count; i++)
        if (str_eq_nocase(reply->headers.at[i].key, S("Location")))
            known.location = reply->headers.at[i].value;
    log_err(http_idempotency->keep(asked, &known), "keeping the reply of an idempotent request");
}

/* handle_once - with an Idempotency-Key. */
static err handle_once(struct request *req, struct str key)
{
    struct idempotency_request asked = { .principal = req->principal.name, .key = key };
    struct idempotency_reply known = { 0 };
    enum idempotency_state state = IDEMPOTENCY_NEW;

    if (key.length > IDEMPOTENCY_KEY_MAX)
        return err_new(ERR_INVALID, "Idempotency-Key is longer than %d characters", IDEMPOTENCY_KEY_MAX);
    hash_request(req, asked.hash);
    TRY(http_idempotency->begin(req->arena, &asked, &state, &known));
    switch (state) {
    case IDEMPOTENCY_KNOWN:
        replay(req, &known);
        return NULL;
    case IDEMPOTENCY_OTHER:
        return err_new(ERR_CONFLICT, "this Idempotency-Key was used for another request");
    case IDEMPOTENCY_RUNNING:
        return err_retry_after(err_new(ERR_CONFLICT, "the request with this Idempotency-Key is still running"), 1000);
    case IDEMPOTENCY_NEW:
        break;
    }
    err e = handle(req);
    if (e)
        request_fail(req, e);
    keep(req, &asked);
    return NULL;
}

static err run(struct request *req)
{
    const struct route_match *match = &req->match;
    struct str key = http_header(&req->head, S("Idempotency-Key"));

    TRY(check_ready(req)); /* again: the body may have been long in coming */
    if (req->upgrade) {
        TRY(guard_principal(req, match->socket->role, false));
        return socket_upgrade(req);
    }
    TRY(guard_principal(req, match->route->role, match->route->open_on_loopback));
    if (req->body.length)
        TRY(undo_gzip(req));
    if (http_idempotency && req->write && key.length && req->principal.name.length)
        return handle_once(req, key);
    return handle(req);
}

err request_parse_query(struct request *req, const struct schema *schema, const void **ret_query)
{
    TRY(add_pairs(req, req->head.query));
    take_lang(req, schema);
    return parse_pairs(req, schema, req->query.at, req->query.count, false, ret_query);
}

void request_run(struct request *req)
{
    err e = run(req);

    if (e)
        request_fail(req, e);
    reply_finish(req);
}
