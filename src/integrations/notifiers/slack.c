/* slack.c - post a message to a Slack incoming webhook. */
#include "notify/notifier.h"

struct slack {
    struct str api_url;
    struct str channel;
};

static const struct field slack_fields[] = {
    STRING(struct slack, api_url, .flags = F_REQUIRED | F_SECRET, .min = 1, .doc = "Incoming webhook URL."),
    STRING(struct slack, channel, .def = "", .doc = "Channel to post to; empty means the webhook's own."),
    { 0 },
};
static const struct schema slack_schema = SCHEMA(struct slack, slack_fields, .doc = "Slack incoming webhook.");

/* add_text - Slack's three escapes: what telemetry said is shown, and is never a link or a mention. */
static void add_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        switch (text.at[i]) {
        case '&':
            buf_add(out, S("&amp;"));
            break;
        case '<':
            buf_add(out, S("&lt;"));
            break;
        case '>':
            buf_add(out, S("&gt;"));
            break;
        default:
            buf_add_c(out, text.at[i]);
        }
    }
}

static struct str escaped(struct arena *arena, struct str text)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 1 << 16);
    add_text(&out, text);
    return str_copy(arena, buf_str(&out));
}

static const char *color_of(const struct message *msg)
{
    if (msg->kind == MESSAGE_RESOLVED)
        return "good";
    return str_eq(msg->priority, S("P1")) || str_eq(msg->priority, S("P2")) ? "danger" : "warning";
}

static struct str slack_body(struct arena *arena, const struct slack *slack, const struct message *msg)
{
    struct buf out CLEANUP(buf_clear);
    struct str title = escaped(arena, msg->title);

    buf_init(&out, 1 << 18);
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    if (slack->channel.length)
        json_put_str(&w, S("channel"), slack->channel);
    json_put_str(&w, S("text"), title);
    json_key(&w, S("attachments"));
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_str(&w, S("color"), str_of(color_of(msg)));
    json_put_str(&w, S("fallback"), title);
    json_put_str(&w, S("text"), escaped(arena, msg->text));
    if (msg->url.length) {
        json_put_str(&w, S("title"), S("Auspex"));
        json_put_str(&w, S("title_link"), msg->url);
    }
    json_put_str(&w, S("footer"),
                 str_printf(arena, "%.*s %.*s", STR_ARG(msg->priority), STR_ARG(escaped(arena, msg->resource))));
    json_put_i64(&w, S("ts"), msg->time / 1000);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
    return str_copy(arena, buf_str(&out));
}

static struct str slack_target(struct arena *arena, const void *settings)
{
    const struct slack *slack = settings;

    (void)arena;
    return slack->channel.length ? slack->channel : S("the webhook's own channel");
}

static err slack_send(struct call *call, const void *settings, const struct message *msg)
{
    const struct slack *slack = settings;
    struct http_reply reply;

    TRY(http_post_json(call, slack->api_url, slack_body(call->arena, slack, msg), &reply));
    return http_reply_err(&reply);
}

static const struct notifier slack = {
    .name = "slack",
    .doc = "Slack incoming webhook.",
    .settings = &slack_schema,
    .target = slack_target,
    .send = slack_send,
};
REGISTER(notifier, slack);
