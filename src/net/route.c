/* route.c - roles, and what handlers ask a request. */
#include "net/route.h"

#include "base/lang.h"
#include "base/log.h"
#include "net/http_conn.h"
#include "net/idempotency.h"

#include <string.h>

const struct authenticator *route_authenticator;
const struct idempotency_store *http_idempotency;

static const char *const role_names[] = { "nobody", "ingest", "viewer", "operator", "approver", "admin" };

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_parse(struct str name, enum role *ret_role)
{
    for (size_t i = ROLE_INGEST; i < ARRAY_LEN(role_names); i++) {
        if (str_eq(name, str_of(role_names[i]))) {
            *ret_role = (enum role)i;
            return true;
        }
    }
    return false;
}

bool role_allows(enum role has, enum role needs)
{
    if (needs == ROLE_NOBODY)
        return true;
    if (needs == ROLE_INGEST)
        return has == ROLE_INGEST || has >= ROLE_OPERATOR;
    return has != ROLE_INGEST && has >= needs;
}

struct arena *request_arena(struct request *req)
{
    return req->arena;
}

struct str request_path(struct request *req)
{
    return req->head.path;
}

struct str request_param(struct request *req, struct str name)
{
    for (size_t i = 0; i < req->match.param_count; i++)
        if (str_eq(req->match.params[i].key, name))
            return req->match.params[i].value;
    return S("");
}

bool request_param_i64(struct request *req, struct str name, int64_t *ret_value)
{
    return str_to_i64(request_param(req, name), ret_value);
}

struct str request_header(struct request *req, struct str name)
{
    return http_header(&req->head, name);
}

struct str request_body(struct request *req)
{
    return req->body;
}

struct str request_peer(struct request *req)
{
    return req->peer;
}

bool request_is_loopback(struct request *req)
{
    return str_starts(req->peer, S("127.")) || str_eq(req->peer, S("::1"));
}

bool request_is_secure(struct request *req)
{
    return req->secure;
}

const struct principal *request_principal(struct request *req)
{
    return &req->principal;
}

const bool *request_gone(struct request *req)
{
    return &req->gone;
}

int64_t request_deadline_ms(struct request *req)
{
    return req->deadline_ms;
}

static bool lang_parse(struct str word, enum lang *ret_lang)
{
    static const struct str words[] = { [LANG_EN] = S("en"), [LANG_KO] = S("ko"), [LANG_ZH] = S("zh") };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        bool longer = word.length > 2 && (word.at[2] == '-' || word.at[2] == '_');
        if (str_eq_nocase(str_slice(word, 0, 2), words[i]) && (word.length == 2 || longer)) {
            *ret_lang = (enum lang)i;
            return true;
        }
    }
    return false;
}

/* quality_of - "ko;q=0.8" -> 0.8; the word alone is 1. */
static double quality_of(struct str entry, struct str *ret_word)
{
    struct str rest;
    double quality;

    *ret_word = str_trim(str_cut(entry, ';', &rest));
    if (!rest.at)
        return 1;
    rest = str_trim(rest);
    if (!str_starts(rest, S("q=")) || !str_to_double(str_slice(rest, 2, rest.length), &quality))
        return 0;
    return quality;
}

enum lang request_lang(struct request *req, enum lang fallback)
{
    enum lang lang, best = fallback;
    double best_quality = 0;

    if (lang_parse(req->lang, &lang))
        return lang;
    for (struct str rest = request_header(req, S("Accept-Language")); rest.at && rest.length;) {
        struct str word;
        double quality = quality_of(str_cut(rest, ',', &rest), &word);
        if (quality > best_quality && lang_parse(word, &lang)) {
            best = lang;
            best_quality = quality;
        }
    }
    return best;
}

static err check_promise(const struct reply *reply, const struct schema *schema)
{
#ifndef NDEBUG
    if (reply->expected && reply->expected != schema)
        return err_new(ERR_INTERNAL, "the route promises a %s, the handler sends a %s", reply->expected->name,
                       schema->name);
#else
    (void)reply, (void)schema;
#endif
    return NULL;
}

err reply_encode(struct reply *reply, const struct schema *schema, const void *object)
{
    struct json_writer w = json_writer(&reply->body);

    TRY(check_promise(reply, schema));
    buf_reset(&reply->body);
    schema_encode(&w, schema, object, false);
    return buf_check(&reply->body);
}

err reply_encode_list(struct reply *reply, const struct schema *schema, const void *objects, size_t count)
{
    struct json_writer w = json_writer(&reply->body);

    TRY(check_promise(reply, schema));
    buf_reset(&reply->body);
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++)
        schema_encode(&w, schema, (const char *)objects + i * schema->size, false);
    json_end_array(&w);
    return buf_check(&reply->body);
}

void reply_header(struct reply *reply, struct request *req, struct str name, struct str value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.at[i] >= 0x20 && value.at[i] != 0x7f)
            continue;
        log_warn("header %.*s of %.*s left out: it would hold a control character", STR_ARG(name),
                 STR_ARG(req->head.path));
        return;
    }
    *vec_push(&reply->headers, req->arena) = (struct pair){ str_copy(req->arena, name), str_copy(req->arena, value) };
}

void reply_text(struct reply *reply, int status, const char *content_type, struct str text)
{
    reply->status = status;
    reply->content_type = content_type;
    buf_reset(&reply->body);
    buf_add(&reply->body, text);
}
