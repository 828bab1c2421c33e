/* client_commands.c - status, incidents, alerts, ack, actions, approvals, approve, reject: the API on the command line.
 */
#include "app/client.h"

#include <stdio.h>

static int show(const struct client_options *options, const char *path, const char *list, const struct column *columns,
                size_t count)
{
    const struct json *reply;
    err e = client_ask("GET", str_of(path), S(""), &reply);

    if (e)
        return command_fail(e, EXIT_BAD);
    if (options->json)
        client_print_json(reply);
    else
        client_table(reply, str_of(list), columns, count);
    return EXIT_OK;
}

struct plain_options {
    struct client_options client;
};
static const struct field plain_fields[] = { CLIENT_FIELDS(struct plain_options), { 0 } };
static const struct schema plain_schema = SCHEMA(struct plain_options, plain_fields);

static int incidents_run(const void *options, char **words, size_t count)
{
    static const struct column columns[] = { { "id", "ID" },
                                             { "priority", "PRIORITY" },
                                             { "status", "STATUS" },
                                             { "started_at", "SINCE" },
                                             { "resource", "RESOURCE" },
                                             { "title", "TITLE" } };

    (void)words, (void)count;
    return show(options, "/api/v1/incidents", "incidents", columns, ARRAY_LEN(columns));
}
static const struct command incidents = {
    .name = "incidents", .arguments = "", .summary = "List incidents.", .options = &plain_schema, .run = incidents_run
};
REGISTER(command, incidents);

static int alerts_run(const void *options, char **words, size_t count)
{
    static const struct column columns[] = {
        { "id", "ID" },           { "severity", "SEVERITY" }, { "status", "STATUS" },
        { "starts_at", "SINCE" }, { "resource", "RESOURCE" }, { "summary", "SUMMARY" }
    };

    (void)words, (void)count;
    return show(options, "/api/v1/alerts", "alerts", columns, ARRAY_LEN(columns));
}
static const struct command alerts = {
    .name = "alerts", .arguments = "", .summary = "List alerts.", .options = &plain_schema, .run = alerts_run
};
REGISTER(command, alerts);

static int actions_run(const void *options, char **words, size_t count)
{
    static const struct column columns[] = {
        { "id", "ID" }, { "class", "CLASS" }, { "trust", "TRUST" }, { "doc", "WHAT" }
    };

    (void)words, (void)count;
    return show(options, "/api/v1/actions", "actions", columns, ARRAY_LEN(columns));
}
static const struct command actions = { .name = "actions",
                                        .arguments = "",
                                        .summary = "List the catalogue of actions.",
                                        .options = &plain_schema,
                                        .run = actions_run };
REGISTER(command, actions);

static void print_steps(const struct json *steps, const char *heading)
{
    size_t count = steps && steps->type == JSON_ARRAY ? steps->array.count : 0;

    for (size_t i = 0; i < count; i++) {
        const struct json *step = steps->array.items[i];
        struct str target = client_line(json_str_or(json_get(step, S("target")), S("")));
        printf("    %-12s %.*s%s%.*s\n", i ? "" : heading,
               STR_ARG(client_line(json_str_or(json_get(step, S("display")), S("")))), target.length ? "   on " : "",
               STR_ARG(target));
    }
}

/* print_plan - what would run, and the words that approve exactly that. */
static void print_plan(const struct json *approval)
{
    const struct json *plan = json_get(approval, S("plan"));
    long long id = (long long)json_i64_or(json_get(approval, S("id")), 0);

    struct str action = json_str_or(json_get(approval, S("action")), S(""));
    struct str reason = json_str_or(json_get(approval, S("reason")), S(""));
    printf("\n%lld: %.*s%s%.*s\n", id, STR_ARG(client_line(action)), reason.length ? ": " : "",
           STR_ARG(client_line(reason)));
    print_steps(json_get(plan, S("steps")), "runs");
    printf("    %-12s %.*s\n", "verified by",
           STR_ARG(client_line(json_str_or(json_get(plan, S("verification")), S("nothing")))));
    print_steps(json_get(plan, S("rollback")), "rollback");
    printf("    auspex approve %lld --hash %.*s\n", id,
           STR_ARG(client_line(json_str_or(json_get(approval, S("hash")), S("")))));
}

static int approvals_run(const void *options, char **words, size_t count)
{
    static const struct column columns[] = { { "id", "ID" },
                                             { "action", "ACTION" },
                                             { "incident_id", "INCIDENT" },
                                             { "requested_by", "REQUESTED BY" },
                                             { "expires_at", "EXPIRES" } };
    const struct client_options *o = options;
    const struct json *reply;

    (void)words, (void)count;
    err e = client_ask("GET", S("/api/v1/approvals"), S(""), &reply);
    if (e)
        return command_fail(e, EXIT_BAD);
    if (o->json) {
        client_print_json(reply);
        return EXIT_OK;
    }
    client_table(reply, S("approvals"), columns, ARRAY_LEN(columns));
    const struct json *list = json_get(reply, S("approvals"));
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->array.count; i++)
        print_plan(list->array.items[i]);
    return EXIT_OK;
}
static const struct command approvals = { .name = "approvals",
                                          .arguments = "",
                                          .summary =
                                              "List what waits for approval: each plan, and the words that approve it.",
                                          .options = &plain_schema,
                                          .run = approvals_run };
REGISTER(command, approvals);

static int status_run(const void *options, char **words, size_t count)
{
    const struct client_options *o = options;
    const struct json *now;

    (void)words, (void)count;
    err e = client_ask("GET", S("/api/v1/now"), S(""), &now);
    if (e)
        return command_fail(e, EXIT_BAD);
    struct str state = json_str_or(json_get(now, S("state")), S("unknown"));
    if (o->json) {
        client_print_json(now);
    } else {
        const struct json *noise = json_get(now, S("noise"));
        printf("%.*s: %lld open incidents, %lld need you, %lld approvals wait%s\n", STR_ARG(state),
               (long long)json_i64_or(json_get(now, S("open_incidents")), 0),
               (long long)json_i64_or(json_get(now, S("needs_you")), 0),
               (long long)json_i64_or(json_get(now, S("pending_approvals")), 0),
               json_bool_or(json_get(json_get(now, S("stop")), S("engaged")), false) ? "; STOP is engaged" : "");
        printf("last 24 h: %lld alerts -> %lld incidents -> %lld pages, %lld healed\n",
               (long long)json_i64_or(json_get(noise, S("alerts")), 0),
               (long long)json_i64_or(json_get(noise, S("incidents")), 0),
               (long long)json_i64_or(json_get(noise, S("pages")), 0),
               (long long)json_i64_or(json_get(noise, S("healed")), 0));
    }
    return str_eq(state, S("ok")) ? EXIT_OK : EXIT_BAD;
}
static const struct command status = { .name = "status",
                                       .arguments = "",
                                       .summary = "One line of state; exit status 1 where something is wrong.",
                                       .options = &plain_schema,
                                       .run = status_run };
REGISTER(command, status);

/* write_words - a body of up to three texts; those without a value are left out. */
static struct str body_of(const struct pair *members, size_t count)
{
    struct buf out CLEANUP(buf_clear) = { .max = 1 << 16 };
    struct json_writer w = json_writer(&out);

    json_begin_object(&w);
    for (size_t i = 0; i < count; i++)
        if (members[i].value.length)
            json_put_str(&w, members[i].key, members[i].value);
    json_end_object(&w);
    return str_copy(command_arena(), buf_str(&out));
}

static int say(const struct client_options *options, struct str path, struct str body, const char *done)
{
    const struct json *reply;
    err e = client_ask("POST", path, body, &reply);

    if (e)
        return command_fail(e, EXIT_BAD);
    if (options->json)
        client_print_json(reply);
    else
        printf("%s\n", done);
    return EXIT_OK;
}

/* one_id - the only argument, a number. */
static err one_id(char **words, size_t count, const char *what, int64_t *ret_id)
{
    if (count != 1 || !str_to_i64(str_of(words[0]), ret_id))
        return err_new(ERR_INVALID, "this wants one number: the %s's", what);
    return NULL;
}

struct ack_options {
    struct client_options client;
    struct str comment;
};
static const struct field ack_fields[] = {
    CLIENT_FIELDS(struct ack_options),
    STRING(struct ack_options, comment, .def = "", .max = 4096, .doc = "What you are going to do."),
    { 0 },
};
static const struct schema ack_schema = SCHEMA(struct ack_options, ack_fields);

static int ack_run(const void *options, char **words, size_t count)
{
    const struct ack_options *o = options;
    int64_t id;
    err e = one_id(words, count, "incident", &id);

    if (e)
        return command_fail(e, EXIT_USAGE);
    return say(&o->client, str_printf(command_arena(), "/api/v1/incidents/%lld/acknowledge", (long long)id),
               body_of(&(struct pair){ S("comment"), o->comment }, 1), "acknowledged");
}
static const struct command ack = {
    .name = "ack", .arguments = "INCIDENT", .summary = "Take an incident.", .options = &ack_schema, .run = ack_run
};
REGISTER(command, ack);

struct decide_options {
    struct client_options client;
    struct str hash, reason;
};
static const struct field decide_fields[] = {
    CLIENT_FIELDS(struct decide_options),
    STRING(struct decide_options, hash, .flags = F_REQUIRED, .max = 128,
           .doc = "Hash of the plan that you looked at (`auspex approvals` shows it): what is approved is that plan, "
                  "no other."),
    STRING(struct decide_options, reason, .def = "", .max = 4096, .doc = "Why."),
    { 0 },
};
static const struct schema decide_schema = SCHEMA(struct decide_options, decide_fields);

static int decide(const void *options, char **words, size_t count, struct str decision, const char *done)
{
    const struct decide_options *o = options;
    int64_t id;
    err e = one_id(words, count, "approval", &id);

    if (e)
        return command_fail(e, EXIT_USAGE);
    const struct pair members[] = { { S("decision"), decision }, { S("hash"), o->hash }, { S("reason"), o->reason } };
    return say(&o->client, str_printf(command_arena(), "/api/v1/approvals/%lld", (long long)id),
               body_of(members, ARRAY_LEN(members)), done);
}

static int approve_run(const void *options, char **words, size_t count)
{
    return decide(options, words, count, S("approve"), "approved");
}
static const struct command approve = { .name = "approve",
                                        .arguments = "APPROVAL",
                                        .summary = "Approve a plan.",
                                        .options = &decide_schema,
                                        .run = approve_run };
REGISTER(command, approve);

static int reject_run(const void *options, char **words, size_t count)
{
    return decide(options, words, count, S("reject"), "rejected");
}
static const struct command reject = {
    .name = "reject", .arguments = "APPROVAL", .summary = "Reject a plan.", .options = &decide_schema, .run = reject_run
};
REGISTER(command, reject);
