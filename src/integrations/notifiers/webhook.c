/* webhook.c - post a message as JSON to any URL. */
#include "notify/notifier.h"

struct webhook {
    struct str url;
    struct str bearer_token;
};

static const struct field webhook_fields[] = {
    STRING(struct webhook, url, .flags = F_REQUIRED, .min = 1, .doc = "Where to post."),
    STRING(struct webhook, bearer_token, .flags = F_SECRET, .def = "",
           .doc = "Sent as Authorization: Bearer; empty: none."),
    { 0 },
};
static const struct schema webhook_schema = SCHEMA(struct webhook, webhook_fields, .doc = "Any URL that takes JSON.");

/* webhook_target - without what may be secret in a URL: user, query and fragment. */
static struct str webhook_target(struct arena *arena, const void *settings)
{
    struct str url = ((const struct webhook *)settings)->url, rest;
    size_t host = str_find(url, S("://"), 0), at;

    url = str_cut(str_cut(url, '?', &rest), '#', &rest);
    host = host == SIZE_MAX ? 0 : host + 3;
    at = str_find(url, S("@"), host);
    if (at == SIZE_MAX)
        return url;
    return str_printf(arena, "%.*s%.*s", (int)host, url.at, STR_ARG(str_slice(url, at + 1, url.length)));
}

static err webhook_send(struct call *call, const void *settings, const struct message *msg)
{
    const struct webhook *webhook = settings;
    struct buf body CLEANUP(buf_clear);
    struct http_reply reply;
    struct pair headers[2] = { { S("Idempotency-Key"), call->idempotency_key } };
    size_t header_count = 1;

    buf_init(&body, 1 << 18);
    struct json_writer w = json_writer(&body);
    schema_encode(&w, &message_schema, msg, false);
    if (webhook->bearer_token.length)
        headers[header_count++] =
            (struct pair){ S("Authorization"), str_printf(call->arena, "Bearer %.*s", STR_ARG(webhook->bearer_token)) };
    TRY(http_call(call->http, call->arena,
                  &(struct http_request_out){ .url = webhook->url,
                                              .body = buf_str(&body),
                                              .headers = headers,
                                              .header_count = header_count,
                                              .deadline_ms = call->deadline_ms,
                                              .trusted = call->trusted },
                  &reply));
    return http_reply_err(&reply);
}

static const struct notifier webhook = {
    .name = "webhook",
    .doc = "Any URL that takes JSON.",
    .settings = &webhook_schema,
    .target = webhook_target,
    .send = webhook_send,
};
REGISTER(notifier, webhook);
