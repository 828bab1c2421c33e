/* http.c - ask a URL: a 2xx is yes, anything else no. */
#include "action/arguments.h"
#include "action/executor.h"

struct http_step {
    struct str get, post;
};

static const struct field http_fields[] = {
    STRING(struct http_step, get, .max = 2000, .doc = "URL to GET; a text, or one '{{parameter}}'."),
    STRING(struct http_step, post, .max = 2000, .doc = "URL to POST an empty object to."),
    { 0 },
};

static err http_check(const void *settings, const struct argument *arguments, size_t count)
{
    const struct http_step *http = settings;

    if (!http->get.length == !http->post.length)
        return err_new(ERR_INVALID, "exactly one of get, post");
    return template_check(http->get.length ? http->get : http->post, arguments, count);
}

static err http_plan(struct step_call *call, const void *settings, const struct planned_step *earlier,
                     size_t earlier_count, struct planned_step *ret_step)
{
    const struct http_step *http = settings;
    struct str text = http->get.length ? http->get : http->post, url;
    struct buf resolved CLEANUP(buf_clear) = { 0 };
    const char *method = http->get.length ? "GET" : "POST";

    (void)earlier, (void)earlier_count;
    TRY(template_element(call->arena, text, call->arguments, call->argument_count, &url));
    bool literal = !str_contains(text, S("{{"));
    buf_init(&resolved, 8192);
    struct json_writer w = json_writer(&resolved);
    json_begin_object(&w);
    json_put_str(&w, S("method"), str_of(method));
    json_put_bool(&w, S("trusted"), literal || executor_trusts_url(call, url));
    json_put_str(&w, S("url"), url);
    json_end_object(&w);
    ret_step->resolved = str_copy(call->arena, buf_str(&resolved));
    /* The display form is a command that a person could type. */
    ret_step->display = str_printf(call->arena, "curl -fsS %s%.*s", http->get.length ? "" : "-X POST ", STR_ARG(url));
    return NULL;
}

static err http_run(struct step_call *call, const struct json *resolved, const struct planned_step *step,
                    struct step_outcome *ret_outcome)
{
    struct http_reply reply;
    struct str method = json_str_or(json_get(resolved, S("method")), S("GET"));
    bool post = str_eq(method, S("POST"));
    struct http_request_out request = {
        .method = post ? "POST" : "GET",
        .url = json_str_or(json_get(resolved, S("url")), S("")),
        .body = post ? S("{}") : S(""),
        .deadline_ms = call->deadline_ms,
        .trusted = json_bool_or(json_get(resolved, S("trusted")), false),
        .reply_max = 64 * 1024,
    };

    (void)step;
    if (!call->http)
        return err_new(ERR_UNAVAILABLE, "this process has no way out");
    err e = http_call(call->http, call->arena, &request, &reply);
    if (e && err_kind(e) != ERR_UNAVAILABLE && err_kind(e) != ERR_TIMEOUT)
        return e;
    if (e) { /* refused, or silent: that is an answer about the service */
        ret_outcome->answer = CRITERION_NO;
        ret_outcome->detail = str_printf(call->arena, "%s", err_message(e));
        err_free(e);
        return NULL;
    }
    ret_outcome->answer = reply.status >= 200 && reply.status < 300 ? CRITERION_YES : CRITERION_NO;
    ret_outcome->value = reply.status;
    ret_outcome->detail = str_printf(call->arena, "%.*s answered %d", STR_ARG(request.url), reply.status);
    return NULL;
}

static const struct executor http = {
    .name = "http",
    .doc = "Ask a URL: a 2xx is success.",
    .settings = SCHEMA(struct http_step, http_fields),
    .check = http_check,
    .plan = http_plan,
    .run = http_run,
};
REGISTER(executor, http);
