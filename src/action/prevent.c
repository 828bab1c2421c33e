/* prevent.c - which action prevents which predicted failure. */
#include "action/prevent.h"

#include "action/room.h"

static const struct {
    const char *signal_type, *action;
    bool needs_unit, has_url;
} preventions[] = {
    { "cpu_spike", "scale_out", true, false },
    { "mem_leak", "restart_service", true, false },
    { "disk_full", "compress_old_logs", false, false },
    { "error_rate", "check_health", true, true },
};

/* What is not possible is a conflict with the world, whatever the kind that said so. */
static err as_conflict(err e)
{
    if (!e || (err_kind(e) != ERR_NOT_FOUND && err_kind(e) != ERR_RANGE && err_kind(e) != ERR_INVALID))
        return e;
    err conflict = err_field_count(e) ? err_new(ERR_CONFLICT, "%s: %s", err_field_path(e, 0), err_field_message(e, 0))
                                      : err_new(ERR_CONFLICT, "%s", err_message(e));
    if (err_hint_text(e))
        conflict = err_hint(conflict, "%s", err_hint_text(e));
    err_free(e);
    return conflict;
}

static err parameters_of(struct arena *arena, const struct prevent_request *request, size_t which,
                         const struct json **ret_json)
{
    const struct action_inventory *inventory = &action_room->options.inventory;
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct str unit;

    buf_init(&text, 16 * 1024);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    if (preventions[which].needs_unit) {
        if (!inventory->service)
            return err_new(ERR_CONFLICT, "no service is known for '%.*s'", STR_ARG(request->server));
        TRY(as_conflict(inventory->service(inventory->arg, arena, request->server, &unit)));
        json_put_str(&w, S("unit"), unit);
    }
    for (size_t i = 0; preventions[which].has_url && i < settings->health_urls.count; i++)
        if (str_eq(settings->health_urls.at[i].key, request->server))
            json_put_str(&w, S("url"), settings->health_urls.at[i].value);
    json_end_object(&w);
    return json_parse(arena, str_copy(arena, buf_str(&text)), ret_json);
}

static void read_outcome(struct arena *arena, const struct execution_row *row, struct prevent_outcome *ret)
{
    struct plan plan;
    err e = plan_read(arena, row->plan, row->hash, &plan);

    *ret = (struct prevent_outcome){
        .execution_id = row->id,
        .action_cmd = e ? S("") : plan_display(arena, &plan),
        .state = row->state,
        .success = row->state == EXECUTION_FIXED,
        .executed_ms = row->ended_ms,
    };
    err_free(e);
}

err action_prevent(struct arena *arena, const struct prevent_request *request, struct prevent_outcome *ret_outcome)
{
    size_t which = 0;
    struct execution_rows rows;
    struct execution_row row;
    int64_t id = 0;

    if (!action_room)
        return err_new(ERR_UNAVAILABLE, "actions are not started");
    while (which < ARRAY_LEN(preventions) && !str_eq(request->signal_type, str_of(preventions[which].signal_type)))
        which++;
    if (which == ARRAY_LEN(preventions))
        return err_new(ERR_CONFLICT, "no action prevents '%.*s'", STR_ARG(str_utf8_head(request->signal_type, 100)));
    struct str origin = str_printf(arena, "signal:%lld", (long long)request->signal_id);
    struct execution_filter filter = { .state = -1, .origin_prefix = origin, .limit = 10 };
    TRY(action_list(arena, &filter, &rows));
    for (size_t i = 0; i < rows.count && !id; i++)
        if (str_eq(rows.at[i].origin, origin) &&
            (!execution_is_over(rows.at[i].state) || rows.at[i].state == EXECUTION_FIXED))
            id = rows.at[i].id;
    if (!id) {
        struct action_request asked = {
            .action = str_of(preventions[which].action),
            .incident = request->incident,
            .requested_by = request->requested_by,
            .reason =
                str_printf(arena, "prevents %.*s on %.*s", STR_ARG(request->signal_type), STR_ARG(request->server)),
            .origin = origin,
        };
        TRY(parameters_of(arena, request, which, &asked.parameters));
        TRY(as_conflict(action_request(arena, &asked, &id)));
    }
    TRY(action_wait(arena, id, request->deadline_ms, &row));
    read_outcome(arena, &row, ret_outcome);
    return NULL;
}
