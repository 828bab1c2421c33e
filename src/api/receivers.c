/* receivers.c - /api/v1/receivers: whom we tell, and does it work? */
#include "api/services.h"
#include "db/journal.h"
#include "notify/notify.h"

struct receiver_row {
    struct str name, kind, target;
};
static const struct field receiver_row_fields[] = {
    STRING(struct receiver_row, name, .doc = "Name of the receiver."),
    STRING(struct receiver_row, kind, .doc = "Notifier: slack, webhook ..."),
    STRING(struct receiver_row, target, .doc = "Whom it tells, without secrets."),
    { 0 },
};
static const struct schema receiver_row_schema = SCHEMA(struct receiver_row, receiver_row_fields, .doc = "A receiver.");

struct receivers_reply {
    int64_t total;
    VEC(struct receiver_row) receivers;
    struct str next_cursor;
};
static const struct field receivers_reply_fields[] = {
    INT(struct receivers_reply, total, .doc = "How many there are."),
    LIST(struct receivers_reply, receivers, .schema = &receiver_row_schema, .doc = "As configured."),
    STRING(struct receivers_reply, next_cursor, .flags = F_NULLABLE, .doc = "Always null: there is one page."),
    { 0 },
};
static const struct schema receivers_reply_schema =
    SCHEMA(struct receivers_reply, receivers_reply_fields, .doc = "Receivers.");

static err receivers(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    struct arena *arena = request_arena(req);
    struct receiver_targets list;
    struct receivers_reply out = { 0 };

    (void)query, (void)body;
    receivers_list(arena, config, S(""), &list);
    for (size_t i = 0; i < list.targets.count; i++)
        *vec_push(&out.receivers, arena) = (struct receiver_row){
            .name = list.targets.at[i].receiver,
            .kind = str_of(list.targets.at[i].notifier->name),
            .target = list.targets.at[i].notifier->target(arena, list.targets.at[i].settings),
        };
    out.total = (int64_t)out.receivers.count;
    return reply_encode(reply, &receivers_reply_schema, &out);
}
static const struct route receivers_route = {
    .method = "GET",
    .path = "/api/v1/receivers",
    .summary = "List receivers",
    .tag = "Notifications",
    .role = ROLE_VIEWER,
    .reply = &receivers_reply_schema,
    .handle = receivers,
};
REGISTER(route, receivers_route);

struct test_reply {
    bool delivered;
    struct str error;
};
static const struct field test_reply_fields[] = {
    BOOL(struct test_reply, delivered, .doc = "Every target of it took the message."),
    STRING(struct test_reply, error, .flags = F_NULLABLE, .doc = "What the first one that did not said."),
    { 0 },
};
static const struct schema test_reply_schema =
    SCHEMA(struct test_reply, test_reply_fields, .doc = "Outcome of a test message.");

struct told {
    struct str receiver, actor;
};

static err told_write(struct tx *tx, void *arg)
{
    const struct told *told = arg;

    return journal_append(tx,
                          &(struct event){ .kind = EVENT_NOTIFICATION_SENT,
                                           .subject = told->receiver,
                                           .actor = told->actor,
                                           .reason = S("test message"),
                                           .data = S("{\"v\":1,\"about\":\"test\",\"attempts\":1}") },
                          NULL);
}

static err receiver_test(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct test_reply out = { .delivered = true };
    struct told told = { request_param(req, S("name")), request_principal(req)->name };

    (void)query, (void)body;
    err e CLEANUP(err_freep) = notify_test(request_arena(req), told.receiver);
    if (e && err_kind(e) == ERR_NOT_FOUND)
        return TAKE(e);
    if (e)
        out = (struct test_reply){ false, str_copy(request_arena(req), str_of(err_message(e))) };
    else
        TRY(db_write(services.db, told_write, &told));
    return reply_encode(reply, &test_reply_schema, &out);
}
static const struct route receiver_test_route = {
    .method = "POST",
    .path = "/api/v1/receivers/{name}/test",
    .summary = "Send a test message",
    .tag = "Notifications",
    .role = ROLE_OPERATOR,
    .reply = &test_reply_schema,
    .handle = receiver_test,
};
REGISTER(route, receiver_test_route);
