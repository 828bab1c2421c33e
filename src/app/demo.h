/* demo.h - `auspex demo`: the parts of the tour.
 *
 * Owner: struct demo is main's; the supervisor is a process of its own. Threads: main's. */
#pragma once
#include "app/app.h"
#include "base/json.h"
#include "net/redis_client.h"

#include <sys/types.h>

enum { DEMO_INTERVAL_S = 1, DEMO_PATH_MAX = 256, DEMO_SOCKETS_MAX = 128 };

struct demo {
    char folder[DEMO_PATH_MAX];  /* everything of it, removed at the end */
    char socket[DEMO_PATH_MAX];  /* of the supervisor */
    char program[DEMO_PATH_MAX]; /* auspex, where actions may run it */
    int redis_port;
    pid_t supervisor;
    int leash; /* closing it ends the supervisor and all its children */
    bool json, keep, colors;
    bool interrupted;
    int stdout_kept; /* standard output, while the server greets elsewhere */
    struct app *app;
    struct str url, operator_token, approver_token, resource;
    int crowd[DEMO_SOCKETS_MAX]; /* connections that do nothing */
    size_t crowd_count;
    int64_t crowd_ms;             /* when the first of them were opened, monotonic */
    struct redis_client *runaway; /* has sent a script that never ends */
};

/* demo_pause - some milliseconds; false once somebody wants it to end (SIGINT, SIGTERM). */
bool demo_pause(struct demo *demo, int64_t ms);

/* demo_service.c: what plays systemd's part. */
#define DEMO_UNIT "demo-redis.service"
err demo_service_start(struct demo *demo) MUST_USE;
void demo_service_stop(struct demo *demo);
/* demo_service_ask - "restart UNIT", "kill UNIT", "status UNIT"; ERR_REFUSED with its words where it says no. */
err demo_service_ask(const char *socket, struct str request) MUST_USE;

/* demo_scenario.c: what goes wrong. */
struct demo_scenario {
    const char *id, *title;
    const char *said;                /* what is done to Redis, for people */
    bool (*wait)(struct demo *demo); /* until it may begin; NULL: at once. False: interrupted */
    /* provoke - and *ret_fault_ms: since when it is broken (wall time). */
    err (*provoke)(struct demo *demo, int64_t *ret_fault_ms);
    void (*tidy)(struct demo *demo); /* what is left of the cause; NULL: nothing */
};
extern const struct demo_scenario demo_scenarios[];
extern const size_t demo_scenario_count;
err demo_redis_open(struct demo *demo, struct redis_client **ret_client) MUST_USE;
/* demo_leak - the connections that will be forgotten; the sooner they are, the longer they have been idle. */
err demo_leak(struct demo *demo) MUST_USE;
void demo_scenarios_end(struct demo *demo);

/* demo_follow.c: what Auspex does about it, as its API tells. */
struct demo_outcome {
    int64_t incident;
    int incidents;                                        /* that were opened: one is right */
    int64_t alert_ms, proposed_ms, ended_ms, resolved_ms; /* by the journal; 0: never */
    bool approved, fixed;
    struct str action;
};
err demo_connect(struct demo *demo) MUST_USE;
err demo_last_event(struct demo *demo, int64_t *ret_id) MUST_USE;
/* demo_follow - until the incident is resolved, or the bound; approves what is proposed. */
err demo_follow(struct demo *demo, struct arena *arena, int64_t after, int64_t fault_ms,
                struct demo_outcome *ret_outcome) MUST_USE;
err demo_ask(struct demo *demo, struct arena *arena, const char *method, struct str path, struct str token,
             struct str body, const struct json **ret_reply) MUST_USE;

/* demo_say.c: lines for people. */
void demo_say_title(const struct demo *demo, const struct demo_scenario *scenario, size_t number);
/* demo_say - a line with its time since `fault_ms` in front (0: none). */
void demo_say(const struct demo *demo, int64_t fault_ms, int64_t time_ms, const char *what, struct str text);
void demo_say_more(const struct demo *demo, struct str text);
void demo_say_outcome(const struct demo *demo, const struct demo_scenario *scenario, const struct demo_outcome *outcome,
                      int64_t fault_ms, bool verified);
