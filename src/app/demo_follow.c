/* demo_follow.c - asks the server over its public API what happens, tells it, and plays the person who approves. */
#include "app/demo.h"

#include "base/time.h"
#include "net/http_client.h"

#include <stdio.h>

enum { ASK_MS = 10 * SECOND_MS, POLL_MS = 50, BOUND_MS = 25 * SECOND_MS, EVENTS = 200, STEPS_SHOWN = 3 };

static err problem(const char *method, struct str path, const struct http_reply *reply)
{
    return err_new(ERR_REFUSED, "%s %.*s answers %d: %.*s", method, STR_ARG(path), reply->status,
                   STR_ARG(str_utf8_head(reply->body, 300)));
}

err demo_ask(struct demo *demo, struct arena *arena, const char *method, struct str path, struct str token,
             struct str body, const struct json **ret_reply)
{
    const struct pair header = { S("Authorization"), str_printf(arena, "Bearer %.*s", STR_ARG(token)) };
    const struct http_request_out request = {
        .method = method,
        .url = str_printf(arena, "%.*s%.*s", STR_ARG(demo->url), STR_ARG(path)),
        .headers = &header,
        .header_count = 1,
        .body = body,
        .deadline_ms = time_mono_ms() + ASK_MS,
        .reply_max = 8 << 20,
        .trusted = true, /* it is us */
    };
    struct http_reply reply;

    TRY(http_call(demo->app->http, arena, &request, &reply));
    if (reply.status >= 300)
        return problem(method, path, &reply);
    return json_parse(arena, reply.body, ret_reply);
}

static err get(struct demo *demo, struct arena *arena, struct str path, const struct json **ret_reply)
{
    return demo_ask(demo, arena, "GET", path, demo->operator_token, S(""), ret_reply);
}

err demo_connect(struct demo *demo)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    const struct json *reply;

    TRY(demo_ask(demo, arena, "POST", S("/api/v1/monitor/connect"), demo->operator_token,
                 str_printf(arena, "{\"host\":\"127.0.0.1\",\"port\":%d,\"name\":\"demo\"}", demo->redis_port),
                 &reply));
    TRY(demo_ask(demo, arena, "POST", S("/api/v1/monitor/start"), demo->operator_token,
                 str_printf(arena, "{\"connection\":\"demo\",\"interval_s\":%d}", DEMO_INTERVAL_S), &reply));
    /* Rises need two polls. */
    for (int polls = 0; polls < 2 && demo_pause(demo, DEMO_INTERVAL_S * SECOND_MS);)
        polls++;
    return NULL;
}

static size_t count_of(const struct json *array)
{
    return array && array->type == JSON_ARRAY ? array->array.count : 0;
}

static const struct json *item(const struct json *array, size_t index)
{
    return index < count_of(array) ? array->array.items[index] : NULL;
}

err demo_last_event(struct demo *demo, int64_t *ret_id)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    const struct json *reply;

    TRY(get(demo, arena, S("/api/v1/events?limit=1"), &reply));
    const struct json *events = json_get(reply, S("events"));
    *ret_id = json_i64_or(json_get(item(events, 0), S("event_id")), 0);
    return NULL;
}

static struct str text_of(const struct json *object, struct str key)
{
    return json_str_or(json_get(object, key), S(""));
}

static int64_t time_of(const struct json *event)
{
    int64_t time_ms = 0;

    return time_parse(text_of(event, S("time")), &time_ms) ? time_ms : 0;
}

/* What is being followed. */
struct following {
    struct demo *demo;
    struct arena *arena; /* of the outcome */
    int64_t after, fault_ms;
    struct demo_outcome *outcome;
};

static void say(const struct following *f, const struct json *event, const char *what, struct str text)
{
    demo_say(f->demo, f->fault_ms, time_of(event), what, text);
}

/* tell_cause - the diagnosis with its evidence. */
static err tell_cause(struct following *f, const struct json *event)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const struct json *incident;

    say(f, event, "cause", text_of(event, S("reason")));
    TRY(get(f->demo, arena, str_printf(arena, "/api/v1/incidents/%lld", (long long)f->outcome->incident), &incident));
    const struct json *causes = json_get(json_get(incident, S("rca")), S("root_causes"));
    const struct json *evidence = json_get(item(causes, 0), S("evidence"));
    for (size_t i = 0; i < count_of(evidence); i++)
        demo_say_more(f->demo, text_of(item(evidence, i), S("text")));
    return NULL;
}

static void tell_plan(const struct following *f, const struct json *approval)
{
    const struct json *plan = json_get(approval, S("plan")), *steps = json_get(plan, S("steps"));
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (size_t i = 0; i < count_of(steps) && i < STEPS_SHOWN; i++)
        demo_say_more(f->demo, text_of(item(steps, i), S("display")));
    demo_say_more(f->demo, str_printf(arena, "verified by: %.*s", STR_ARG(text_of(plan, S("verification")))));
    const struct json *rollback = json_get(plan, S("rollback"));
    if (count_of(rollback))
        demo_say_more(f->demo, str_printf(arena, "rollback: %.*s", STR_ARG(text_of(item(rollback, 0), S("display")))));
}

/* approve - as a second person would, with the hash of the plan that is shown. */
static err approve(struct following *f, const struct json *event)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const struct json *list, *reply;

    TRY(get(f->demo, arena, S("/api/v1/approvals"), &list));
    const struct json *approvals = json_get(list, S("approvals"));
    for (size_t i = 0; i < count_of(approvals); i++) {
        const struct json *approval = item(approvals, i);
        if (json_i64_or(json_get(approval, S("incident_id")), 0) != f->outcome->incident)
            continue;
        f->outcome->action = str_copy(f->arena, text_of(approval, S("action")));
        f->outcome->proposed_ms = time_of(event);
        say(f, event, "proposed",
            str_printf(arena, "%.*s: %.*s", STR_ARG(f->outcome->action), STR_ARG(text_of(approval, S("reason")))));
        tell_plan(f, approval);
        struct str path =
            str_printf(arena, "/api/v1/approvals/%lld", (long long)json_i64_or(json_get(approval, S("id")), 0));
        struct str body =
            str_printf(arena, "{\"decision\":\"approve\",\"hash\":\"%.*s\",\"reason\":\"automatic: this is the demo\"}",
                       STR_ARG(text_of(approval, S("hash"))));
        TRY(demo_ask(f->demo, arena, "POST", path, f->demo->approver_token, body, &reply));
    }
    return NULL;
}

static err about_incident(struct following *f, const struct json *event, struct str kind)
{
    struct demo_outcome *outcome = f->outcome;

    if (str_eq(kind, S("rca.completed")) && !outcome->proposed_ms)
        return tell_cause(f, event);
    if (str_eq(kind, S("execution.proposed")))
        return approve(f, event);
    if (str_eq(kind, S("execution.approved"))) {
        outcome->approved = true;
        say(f, event, "approved", S("by the demo's second principal, automatically; else this is a person's decision"));
    } else if (str_eq(kind, S("execution.ran"))) {
        say(f, event, "done", text_of(event, S("reason")));
    } else if (str_eq(kind, S("execution.ended"))) {
        outcome->ended_ms = time_of(event);
        outcome->fixed = str_contains(text_of(event, S("text")), S(": fixed."));
        say(f, event, outcome->fixed ? "fixed" : "ended", text_of(event, S("text")));
    } else if (str_eq(kind, S("execution.refused"))) {
        say(f, event, "refused", text_of(event, S("reason")));
    } else if (str_eq(kind, S("incident.resolved"))) {
        outcome->resolved_ms = time_of(event);
        say(f, event, "resolved", text_of(event, S("reason")));
    } else if (str_eq(kind, S("incident.reopened"))) {
        outcome->resolved_ms = 0;
        say(f, event, "reopened", text_of(event, S("reason")));
    }
    return NULL;
}

static err see(struct following *f, const struct json *event)
{
    struct str kind = text_of(event, S("kind"));
    int64_t incident = json_i64_or(json_get(event, S("incident_id")), 0);
    bool ours = str_eq(text_of(event, S("subject")), f->demo->resource);
    bool opened = str_eq(kind, S("incident.opened")) || str_eq(kind, S("incident.reopened"));

    if (ours && opened) {
        f->outcome->incidents++;
        f->outcome->incident = incident;
        say(f, event, "incident",
            str_printf(f->arena, "%lld: %.*s", (long long)incident, STR_ARG(text_of(event, S("reason")))));
        if (str_eq(kind, S("incident.opened")))
            return NULL;
    }
    if (ours && str_eq(kind, S("alert.firing"))) {
        if (!f->outcome->alert_ms)
            f->outcome->alert_ms = time_of(event);
        say(f, event, "detected", text_of(event, S("reason")));
        return NULL;
    }
    return incident && incident == f->outcome->incident ? about_incident(f, event, kind) : NULL;
}

/* see_new - the events since the last look, in their order. */
static err see_new(struct following *f)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    const struct json *reply;

    TRY(get(f->demo, arena, str_printf(arena, "/api/v1/events?limit=%d", EVENTS), &reply));
    const struct json *events = json_get(reply, S("events"));
    for (size_t i = count_of(events); i-- > 0;) {
        const struct json *event = item(events, i);
        int64_t id = json_i64_or(json_get(event, S("event_id")), 0);
        if (id <= f->after)
            continue;
        f->after = id;
        TRY(see(f, event));
    }
    return NULL;
}

/* tell_report - the record that stays. */
static err tell_report(struct following *f)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const struct json *report;

    TRY(get(f->demo, arena,
            str_printf(arena, "/api/v1/incidents/%lld/report?format=json", (long long)f->outcome->incident), &report));
    demo_say(
        f->demo, 0, 0, "report",
        str_printf(arena, "%.*s/api/v1/incidents/%lld/report", STR_ARG(f->demo->url), (long long)f->outcome->incident));
    return NULL;
}

err demo_follow(struct demo *demo, struct arena *arena, int64_t after, int64_t fault_ms,
                struct demo_outcome *ret_outcome)
{
    struct following f = { .demo = demo, .arena = arena, .after = after, .fault_ms = fault_ms, .outcome = ret_outcome };
    int64_t deadline = time_mono_ms() + BOUND_MS;

    *ret_outcome = (struct demo_outcome){ .action = S("") };
    while (!ret_outcome->resolved_ms && time_mono_ms() < deadline && demo_pause(demo, POLL_MS))
        TRY(see_new(&f));
    return ret_outcome->resolved_ms ? tell_report(&f) : NULL;
}
