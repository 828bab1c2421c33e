/* actions.c - /api/v1/actions, remediation, executions, approvals, stop: what is done about it, and who decides. */
#include "action/view.h"
#include "api/phrases.h"
#include "api/services.h"
#include "model/page.h"

enum { LIST_MAX = 1000 };

struct list_query {
    struct str state, cursor;
    int64_t limit, incident_id;
};

static struct str who(struct request *req)
{
    struct str name = request_principal(req)->name;

    return name.length ? name : S("anonymous");
}

/* The number in the path; ERR_NOT_FOUND for what is none. */
static err path_id(struct request *req, const char *name, int64_t *ret_id)
{
    if (!request_param_i64(req, str_of(name), ret_id))
        return err_new(ERR_NOT_FOUND, "there is no execution '%.*s'",
                       STR_ARG(str_utf8_head(request_param(req, str_of(name)), 40)));
    return NULL;
}

/* GET /api/v1/actions */

struct action_list_view {
    int64_t total;
    VEC(struct action_view) actions;
};
static const struct field action_list_fields[] = {
    INT(struct action_list_view, total, .doc = "How many there are."),
    LIST(struct action_list_view, actions, .schema = &action_view_schema, .doc = "By id."),
    { 0 },
};
static const struct schema action_list_schema = SCHEMA(struct action_list_view, action_list_fields);

static err actions_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct action_list_view list = { 0 };
    const struct catalogue *catalogue = action_catalogue();

    (void)query, (void)body;
    if (!catalogue)
        return err_new(ERR_UNAVAILABLE, "actions are not started");
    list.total = (int64_t)catalogue_count(catalogue);
    for (size_t i = 0; i < catalogue_count(catalogue); i++) {
        struct action_view *view = vec_push(&list.actions, request_arena(req));
        TRY(action_view(request_arena(req), catalogue_at(catalogue, i), view));
        view->doc = phrase(request_arena(req), view->doc, request_lang(req, LANG_EN));
    }
    return reply_encode(reply, &action_list_schema, &list);
}

static const struct route actions_list_route = {
    .method = "GET",
    .path = "/api/v1/actions",
    .summary = "The catalogue of actions",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .reply = &action_list_schema,
    .handle = actions_list,
};
REGISTER(route, actions_list_route);

/* POST /api/v1/remediation/execute */

struct execute_body {
    int64_t incident_id;
    struct str action, reason;
    const struct json *parameters;
    bool dry_run;
};
static const struct field execute_fields[] = {
    INT(struct execute_body, incident_id, .flags = F_NULLABLE, .min = 1, .max = 9e15, .doc = "The incident it is for."),
    STRING(struct execute_body, action, .flags = F_REQUIRED, .min = 1, .max = 100, .doc = "Id of the action."),
    ANY(struct execute_body, parameters, .flags = F_NULLABLE, .doc = "An object: values of its parameters."),
    BOOL(struct execute_body, dry_run, .def = "false", .doc = "Only show what would be done."),
    STRING(struct execute_body, reason, .max = 1000, .doc = "Why."),
    { 0 },
};
static const struct schema execute_schema = SCHEMA(struct execute_body, execute_fields, .doc = "What shall be done.");

struct execute_reply {
    struct str status, action, would_execute, url;
    int64_t execution_id;
    const struct json *parameters;
    struct plan_view *plan;
};
static const struct field execute_reply_fields[] = {
    STRING(struct execute_reply, status, .doc = "dry_run, or the state of the execution."),
    STRING(struct execute_reply, action, .doc = "Id of the action."),
    INT(struct execute_reply, execution_id, .flags = F_NULLABLE | F_OMIT, .doc = "Its execution; absent in a dry run."),
    STRING(struct execute_reply, would_execute, .flags = F_NULLABLE | F_OMIT,
           .doc = "The steps as one line, in a dry run."),
    ANY(struct execute_reply, parameters, .flags = F_NULLABLE | F_OMIT, .doc = "The parameters, all resolved."),
    OPTIONAL(struct execute_reply, plan, .schema = &plan_view_schema, .flags = F_NULLABLE | F_OMIT, .doc = "The plan."),
    { 0 },
};
static const struct schema execute_reply_schema = SCHEMA(struct execute_reply, execute_reply_fields);

static err dry_run(struct request *req, const struct action_request *request, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    const struct json *json;
    struct plan plan;

    TRY(action_plan(arena, request, &plan));
    TRY(json_parse(arena, plan.json, &json));
    struct execute_reply answer = {
        .status = S("dry_run"),
        .action = plan.action,
        .execution_id = INT64_MIN,
        .would_execute = plan_display(arena, &plan),
        .parameters = json_get(json, S("parameters")),
        .plan = arena_alloc(arena, sizeof(struct plan_view)),
    };
    TRY(plan_view(arena, &plan, answer.plan));
    return reply_encode(reply, &execute_reply_schema, &answer);
}

static err remediation_execute(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct execute_body *asked = body;
    struct arena *arena = request_arena(req);
    struct execution_row row;
    int64_t id;

    (void)query;
    struct action_request request = {
        .action = asked->action,
        .parameters = asked->parameters,
        .incident = asked->incident_id == INT64_MIN ? 0 : asked->incident_id,
        .requested_by = who(req),
        .reason = asked->reason,
    };
    if (asked->dry_run)
        return dry_run(req, &request, reply);
    TRY(action_request(arena, &request, &id));
    TRY(action_get(arena, id, &row));
    struct execute_reply answer = {
        .status = str_of(execution_state_name(row.state)),
        .action = row.action,
        .execution_id = id,
        .would_execute = { NULL, 0 },
    };
    reply->status = 202;
    reply_header(reply, req, S("Location"), str_printf(arena, "/api/v1/remediation/%lld", (long long)id));
    return reply_encode(reply, &execute_reply_schema, &answer);
}

static const struct route remediation_execute_route = {
    .method = "POST",
    .path = "/api/v1/remediation/execute",
    .summary = "Ask for an action, or see what it would do",
    .tag = "Actions",
    .role = ROLE_OPERATOR,
    .body = &execute_schema,
    .reply = &execute_reply_schema,
    .handle = remediation_execute,
};
REGISTER(route, remediation_execute_route);

/* GET /api/v1/remediation/{execution_id} */

struct result_view {
    int64_t execution_id;
    struct str status, action, result;
    struct verification_view *verification;
    struct output_view *output;
    struct str reason;
};
static const struct field result_fields[] = {
    INT(struct result_view, execution_id, .doc = "Its number."),
    STRING(struct result_view, status, .doc = "Its state."),
    STRING(struct result_view, action, .doc = "Id of the action."),
    STRING(struct result_view, result, .flags = F_NULLABLE, .doc = "Its outcome, once it is over."),
    OPTIONAL(struct result_view, verification, .schema = &verification_view_schema, .flags = F_NULLABLE,
             .doc = "Whether it helped."),
    OPTIONAL(struct result_view, output, .schema = &output_view_schema, .flags = F_NULLABLE,
             .doc = "What its steps said."),
    STRING(struct result_view, reason, .flags = F_NULLABLE, .doc = "Why it was proposed, refused, or ended so."),
    { 0 },
};
static const struct schema result_schema = SCHEMA(struct result_view, result_fields);

static err one_execution(struct request *req, const char *parameter, struct execution_view *ret_view, bool *ret_over)
{
    struct execution_row row;
    int64_t id;

    TRY(path_id(req, parameter, &id));
    TRY(action_get(request_arena(req), id, &row));
    *ret_over = execution_is_over(row.state);
    return execution_view(request_arena(req), &row, ret_view);
}

static err remediation_get(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct execution_view view;
    bool over;

    (void)query, (void)body;
    TRY(one_execution(req, "execution_id", &view, &over));
    struct result_view result = {
        .execution_id = view.execution_id,
        .status = view.state,
        .action = view.action,
        .result = over ? view.state : (struct str){ NULL, 0 },
        .verification = view.verification,
        .output = view.output,
        .reason = view.reason,
    };
    return reply_encode(reply, &result_schema, &result);
}

static const struct route remediation_get_route = {
    .method = "GET",
    .path = "/api/v1/remediation/{execution_id}",
    .summary = "How an action goes",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .reply = &result_schema,
    .handle = remediation_get,
};
REGISTER(route, remediation_get_route);

/* GET /api/v1/executions, /api/v1/executions/{id} */

static const struct field list_fields[] = {
    STRING(struct list_query, state, .max = 40, .doc = "Only those in this state."),
    INT(struct list_query, incident_id, .min = 0, .max = 9e15, .def = "0", .doc = "Only those of this incident."),
    INT(struct list_query, limit, .min = 1, .max = LIST_MAX, .def = "100", .doc = "At most so many."),
    STRING(struct list_query, cursor, .max = 32, .doc = "next_cursor of the page before."),
    { 0 },
};
static const struct schema list_schema = SCHEMA(struct list_query, list_fields);

struct execution_list_view {
    int64_t total;
    VEC(struct execution_view) executions;
    struct str next_cursor;
};
static const struct field execution_list_fields[] = {
    INT(struct execution_list_view, total, .doc = "How many match."),
    LIST(struct execution_list_view, executions, .schema = &execution_view_schema, .doc = "Newest first."),
    STRING(struct execution_list_view, next_cursor, .flags = F_NULLABLE, .doc = "For the next page; null at the end."),
    { 0 },
};
static const struct schema execution_list_schema = SCHEMA(struct execution_list_view, execution_list_fields);

/* False: no execution can match, the list is empty. */
static err read_filter(const struct list_query *q, struct execution_filter *ret, bool *ret_any)
{
    enum execution_state state;

    *ret = (struct execution_filter){ .state = -1, .incident = q->incident_id, .limit = (int)q->limit };
    *ret_any = true;
    if (q->state.length) {
        *ret_any = execution_state_parse(q->state, &state);
        ret->state = (int)state;
    }
    return page_before(q->cursor, &ret->before);
}

static struct str cursor_after(struct request *req, const struct execution_rows *rows, int64_t limit)
{
    return page_cursor(request_arena(req), rows->count, limit, rows->count ? rows->at[rows->count - 1].id : 0);
}

static err executions_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct list_query *q = query;
    struct execution_list_view list = { .next_cursor = { NULL, 0 } };
    struct execution_filter filter;
    struct execution_rows rows = { 0 };
    bool any;

    (void)body;
    TRY(read_filter(q, &filter, &any));
    if (any)
        TRY(action_list(request_arena(req), &filter, &rows));
    list.total = rows.total;
    list.next_cursor = cursor_after(req, &rows, q->limit);
    for (size_t i = 0; i < rows.count; i++)
        TRY(execution_view(request_arena(req), &rows.at[i], vec_push(&list.executions, request_arena(req))));
    return reply_encode(reply, &execution_list_schema, &list);
}

static const struct route executions_list_route = {
    .method = "GET",
    .path = "/api/v1/executions",
    .summary = "Everything that was done, or waits to be",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .query = &list_schema,
    .reply = &execution_list_schema,
    .handle = executions_list,
};
REGISTER(route, executions_list_route);

static err executions_get(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct execution_view view;
    bool over;

    (void)query, (void)body;
    TRY(one_execution(req, "id", &view, &over));
    return reply_encode(reply, &execution_view_schema, &view);
}

static const struct route executions_get_route = {
    .method = "GET",
    .path = "/api/v1/executions/{id}",
    .summary = "One execution: plan, output, verification",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .reply = &execution_view_schema,
    .handle = executions_get,
};
REGISTER(route, executions_get_route);

/* GET /api/v1/approvals, POST /api/v1/approvals/{id} */

struct approval_list_view {
    int64_t total;
    VEC(struct approval_view) approvals;
    struct str next_cursor;
};
static const struct field approval_list_fields[] = {
    INT(struct approval_list_view, total, .doc = "How many wait."),
    LIST(struct approval_list_view, approvals, .schema = &approval_view_schema, .doc = "Newest first."),
    STRING(struct approval_list_view, next_cursor, .flags = F_NULLABLE, .doc = "For the next page; null at the end."),
    { 0 },
};
static const struct schema approval_list_schema = SCHEMA(struct approval_list_view, approval_list_fields);

static err approvals_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct list_query *q = query;
    struct approval_list_view list = { .next_cursor = { NULL, 0 } };
    struct execution_filter filter;
    struct execution_rows rows = { 0 };
    bool any;

    (void)body;
    TRY(read_filter(q, &filter, &any));
    if (!q->state.length || str_eq(q->state, S("pending"))) {
        filter.state = EXECUTION_PENDING_APPROVAL;
        any = true;
    }
    if (any)
        TRY(action_list(request_arena(req), &filter, &rows));
    list.total = rows.total;
    list.next_cursor = cursor_after(req, &rows, q->limit);
    for (size_t i = 0; i < rows.count; i++)
        TRY(approval_view(request_arena(req), &rows.at[i], who(req), vec_push(&list.approvals, request_arena(req))));
    return reply_encode(reply, &approval_list_schema, &list);
}

static const struct route approvals_list_route = {
    .method = "GET",
    .path = "/api/v1/approvals",
    .summary = "Plans that wait for a person",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .query = &list_schema,
    .reply = &approval_list_schema,
    .handle = approvals_list,
};
REGISTER(route, approvals_list_route);

static const char *const decision_words[] = { "approve", "reject", NULL };

struct decision_body {
    int decision;
    struct str reason, hash;
};
static const struct field decision_fields[] = {
    ENUM(struct decision_body, decision, .words = decision_words, .flags = F_REQUIRED, .doc = "approve or reject."),
    STRING(struct decision_body, hash, .flags = F_REQUIRED, .min = 1, .max = 100,
           .doc = "Of the plan that was looked at."),
    STRING(struct decision_body, reason, .max = 1000, .doc = "Why."),
    { 0 },
};
static const struct schema decision_schema = SCHEMA(struct decision_body, decision_fields, .doc = "A decision.");

static err approvals_decide(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct decision_body *said = body;
    struct action_decision decision = {
        .approve = said->decision == 0,
        .hash = said->hash,
        .reason = said->reason,
        .by = who(req),
        .role = request_principal(req)->role,
    };
    struct execution_row row;
    struct approval_view view;

    (void)query;
    TRY(path_id(req, "id", &decision.execution));
    TRY(action_decide(&decision));
    TRY(action_get(request_arena(req), decision.execution, &row));
    TRY(approval_view(request_arena(req), &row, who(req), &view));
    return reply_encode(reply, &approval_view_schema, &view);
}

static const struct route approvals_decide_route = {
    .method = "POST",
    .path = "/api/v1/approvals/{id}",
    .summary = "Approve or reject a plan",
    .tag = "Actions",
    .role = ROLE_OPERATOR, /* what an approver may do that an operator may not is asked of the action itself */
    .body = &decision_schema,
    .reply = &approval_view_schema,
    .handle = approvals_decide,
};
REGISTER(route, approvals_decide_route);

/* GET, POST /api/v1/stop */

static err reply_stop(struct reply *reply, const struct stop_state *state)
{
    struct stop_view view = stop_view(state);

    return reply_encode(reply, &stop_view_schema, &view);
}

static err stop_show(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct stop_state state;

    (void)query, (void)body;
    TRY(action_stop_get(request_arena(req), &state));
    return reply_stop(reply, &state);
}

static const struct route stop_show_route = {
    .method = "GET",
    .path = "/api/v1/stop",
    .summary = "The red switch",
    .tag = "Actions",
    .role = ROLE_VIEWER,
    .reply = &stop_view_schema,
    .handle = stop_show,
};
REGISTER(route, stop_show_route);

struct stop_body {
    bool engaged;
    struct str reason;
};
static const struct field stop_body_fields[] = {
    BOOL(struct stop_body, engaged, .flags = F_REQUIRED, .doc = "true: nothing starts any more. false: it may again."),
    STRING(struct stop_body, reason, .max = 1000, .doc = "Why; needed to engage it."),
    { 0 },
};
static const struct schema stop_body_schema = SCHEMA(struct stop_body, stop_body_fields, .doc = "Turn the switch.");

static err stop_set(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct stop_body *asked = body;
    struct stop_state state;

    (void)query;
    /* Anyone who acts may stop; to go on again is a decision like an approval. */
    if (!asked->engaged && !role_allows(request_principal(req)->role, ROLE_APPROVER))
        return err_new(ERR_FORBIDDEN, "releasing STOP takes role approver");
    TRY(action_stop_set(request_arena(req), asked->engaged, asked->reason, who(req), &state));
    return reply_stop(reply, &state);
}

static const struct route stop_set_route = {
    .method = "POST",
    .path = "/api/v1/stop",
    .summary = "Turn the red switch",
    .tag = "Actions",
    .role = ROLE_OPERATOR,
    .body = &stop_body_schema,
    .reply = &stop_view_schema,
    .handle = stop_set,
};
REGISTER(route, stop_set_route);
