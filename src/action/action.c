/* action.c - the room's start, stop and questions. */
#include "action/room.h"

#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct action_room *action_room;

err action_start(const struct action_options *options)
{
    struct action_room *room = calloc(1, sizeof(*room));
    pthread_condattr_t monotonic;

    if (!room)
        abort();
    room->options = *options;
    pthread_mutex_init(&room->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&room->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    action_room = room;
    return NULL;
}

void action_close(void)
{
    if (action_room)
        action_room->stopping = true;
}

void action_drain(void)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    struct timespec until;

    if (!action_room)
        return;
    action_room->stopping = true;
    int64_t until_ms = time_mono_ms() + room_settings(&config)->drain.ms;
    until = (struct timespec){ until_ms / 1000, until_ms % 1000 * 1000000 };
    pthread_mutex_lock(&action_room->lock);
    while (action_room->running > 0)
        if (pthread_cond_timedwait(&action_room->idle, &action_room->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&action_room->lock);
    if (action_room->options.runner)
        runner_cancel_all(action_room->options.runner);
}

void action_stop(void)
{
    struct action_room *room = TAKE(action_room);

    if (!room)
        return;
    pthread_mutex_destroy(&room->lock);
    pthread_cond_destroy(&room->idle);
    free(room);
}

bool action_can_run(void)
{
    return !action_room || !action_room->options.runner || runner_is_alive(action_room->options.runner);
}

const struct catalogue *action_catalogue(void)
{
    return action_room ? action_room->options.catalogue : NULL;
}

const struct action_settings *room_settings(struct config **ret_config)
{
    *ret_config = action_room->options.config();
    return config_get(*ret_config, &actions_section);
}

struct step_call room_call(struct arena *arena, const struct action_settings *settings, int64_t deadline_ms)
{
    return (struct step_call){
        .arena = arena,
        .deadline_ms = deadline_ms,
        .runner = action_room->options.runner,
        .http = action_room->options.http,
        .series = action_room->options.series,
        .inventory = &action_room->options.inventory,
        .trusted_urls = settings->health_urls.at,
        .trusted_url_count = settings->health_urls.count,
    };
}

static err started(void)
{
    return action_room ? NULL : err_new(ERR_UNAVAILABLE, "actions are not started");
}

err action_plan(struct arena *arena, const struct action_request *request, struct plan *ret_plan)
{
    struct config *config CLEANUP(config_unrefp) = NULL;

    TRY(started());
    const struct action_def *def = catalogue_find(action_room->options.catalogue, request->action);
    if (!def)
        return err_hint(err_new(ERR_INVALID, "there is no action '%.*s'", STR_ARG(str_utf8_head(request->action, 100))),
                        "GET /api/v1/actions lists them");
    if (def->class == 3 && str_starts(request->requested_by, S("model:")))
        return err_new(ERR_FORBIDDEN, "a model may not propose an action of class 3");
    struct step_call call = room_call(arena, room_settings(&config), time_mono_ms() + PLAN_DEADLINE_MS);
    return plan_make(&call, def, request->parameters, ret_plan);
}

struct proposal {
    const struct action_request *request;
    const struct plan *plan;
    int64_t id;
};

static err propose(struct tx *tx, void *arg)
{
    struct proposal *proposal = arg;

    return room_propose(tx, proposal->request, proposal->plan, &proposal->id);
}

err action_request(struct arena *arena, const struct action_request *request, int64_t *ret_execution)
{
    struct plan plan;
    struct proposal proposal = { request, &plan, 0 };

    TRY(action_plan(arena, request, &plan));
    TRY(db_write(action_room->options.db, propose, &proposal));
    *ret_execution = proposal.id;
    return NULL;
}

struct question {
    struct arena *arena;
    int64_t id;
    const struct execution_filter *filter;
    struct str action;
    const struct action_settings *settings;
    struct execution_row *ret_row;
    struct execution_rows *ret_rows;
    struct stop_state *ret_stop;
    struct trust *ret_trust;
};

static err ask_one(struct tx *tx, void *arg)
{
    struct question *q = arg;

    return execution_get(tx, q->arena, q->id, q->ret_row);
}

err action_get(struct arena *arena, int64_t id, struct execution_row *ret_row)
{
    struct question q = { .arena = arena, .id = id, .ret_row = ret_row };

    TRY(started());
    return db_read(action_room->options.db, ask_one, &q);
}

static err ask_list(struct tx *tx, void *arg)
{
    struct question *q = arg;

    return execution_list(tx, q->arena, q->filter, q->ret_rows);
}

err action_list(struct arena *arena, const struct execution_filter *filter, struct execution_rows *ret_rows)
{
    struct question q = { .arena = arena, .filter = filter, .ret_rows = ret_rows };

    TRY(started());
    return db_read(action_room->options.db, ask_list, &q);
}

err action_wait(struct arena *arena, int64_t id, int64_t deadline_ms, struct execution_row *ret_row)
{
    for (;;) {
        TRY(action_get(arena, id, ret_row));
        if (execution_is_over(ret_row->state) || ret_row->state == EXECUTION_PENDING_APPROVAL ||
            time_mono_ms() >= deadline_ms || action_room->stopping)
            return NULL;
        poll(NULL, 0, 100);
    }
}

static err ask_trust(struct tx *tx, void *arg)
{
    struct question *q = arg;

    TRY(trust_get(tx, q->settings, q->action, q->ret_trust));
    q->ret_trust->why = str_copy(q->arena, q->ret_trust->why);
    return NULL;
}

err action_trust(struct arena *arena, struct str action, struct trust *ret_trust)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    struct question q = { .arena = arena, .action = action, .ret_trust = ret_trust };

    TRY(started());
    q.settings = room_settings(&config);
    return db_read(action_room->options.db, ask_trust, &q);
}

static err ask_stop(struct tx *tx, void *arg)
{
    struct question *q = arg;

    return stop_get(tx, q->arena, q->ret_stop);
}

err action_stop_get(struct arena *arena, struct stop_state *ret_state)
{
    struct question q = { .arena = arena, .ret_stop = ret_state };

    TRY(started());
    return db_read(action_room->options.db, ask_stop, &q);
}

err action_stop_write(struct tx *tx, bool engaged, struct str reason, struct str by)
{
    struct stop_state now;

    TRY(stop_get(tx, tx_arena(tx), &now));
    if (now.engaged == engaged)
        return NULL;
    TRY(tx_run(tx, "UPDATE action_stop SET engaged = ?1, reason = ?2, actor = ?3, since = ?4",
               PARAMS((int64_t)engaged, reason, by, tx_now_ms(tx))));
    struct event event = {
        .kind = engaged ? EVENT_STOP_ENGAGED : EVENT_STOP_RELEASED,
        .subject = S("stop"),
        .actor = by,
        .reason = reason,
        .data = S("{\"v\":1}"),
    };
    return journal_append(tx, &event, NULL);
}

struct stop_change {
    bool engaged;
    struct str reason, by;
};

static err write_stop(struct tx *tx, void *arg)
{
    struct stop_change *change = arg;

    return action_stop_write(tx, change->engaged, change->reason, change->by);
}

err action_stop_set(struct arena *arena, bool engaged, struct str reason, struct str by, struct stop_state *ret_state)
{
    struct stop_change change = { engaged, reason, by };

    TRY(started());
    if (engaged && !reason.length)
        return err_new(ERR_RANGE, "reason: says why everything is stopped");
    TRY(db_write(action_room->options.db, write_stop, &change));
    return action_stop_get(arena, ret_state);
}
