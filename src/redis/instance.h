/* instance.h - what one poll of one Redis found, handed to whoever diagnoses.
 *
 * Owner: the collector that polled; everything lives until the observer returns. Threads: the observer is called on
 * the collector's thread, one instance at a time in order, several instances in parallel; it must be quick (copy, or
 * queue a write) and never block. */
#pragma once
#include "net/redis_client.h"
#include "redis/info.h"

/* One entry of the slow log. */
struct redis_slow_entry {
    int64_t id, time_ms, duration_us;
    struct str command; /* the words as logged, joined by blanks, at most 200 bytes, UTF-8 */
    struct str client, client_name;
};

/* One row of LATENCY LATEST. */
struct redis_latency_event {
    struct str name; /* "command", "fork" ... */
    int64_t time_ms, latest_ms, max_ms;
};

/* One connection of CLIENT LIST. */
struct redis_client_row {
    int64_t id, age_seconds, idle_seconds, output_bytes, total_bytes;
    struct str address, name, user, flags, command;
};

/* CLIENT LIST, taken at an incident and now and then. */
struct redis_client_summary {
    int64_t count, idle; /* idle: no command for 60 s, not a replica, not a subscriber, not blocked */
    int64_t output_bytes, output_bytes_max;
    const struct redis_client_row *rows; /* all of them, the longest idle first */
    size_t row_count;
};

struct redis_instance_state {
    struct str source;   /* the name of the source, to poke or to remove */
    struct str address;  /* "127.0.0.1:6379": label instance */
    struct str resource; /* "redis:127.0.0.1:6379" */
    int64_t time_ms;
    /* The first that was not REDIS_DONE of connect, PING and INFO. PING answers MISCONF, LOADING, BUSY, MASTERDOWN
     * where INFO may well work: look at both. */
    enum redis_outcome outcome;
    struct str error;              /* in words; "" */
    double round_trip_ms;          /* of PING */
    const struct redis_info *info; /* NULL where it could not be had */
    /* The newest poll that had one, of this run_id or an earlier one: counters compare only where run_id is the same.
     */
    const struct redis_info *previous;
    int64_t previous_ms;
    bool restarted;                                           /* another run_id than before */
    int64_t slowlog_length, slowlog_last_id, slowlog_last_us; /* -1 where not known */
    const struct redis_slow_entry *slow;                      /* new since the poll before, newest first, at most 128 */
    size_t slow_count;
    const struct redis_latency_event *latency;
    size_t latency_count;
    const struct redis_client_summary *clients; /* NULL where not asked */
    struct str cluster_info;                    /* CLUSTER INFO as it came; "" where not enabled */
};

/* redis_observe - set by app/ or the doctor before collecting starts; NULL: nobody looks. */
extern void (*redis_observe)(const struct redis_instance_state *state);
