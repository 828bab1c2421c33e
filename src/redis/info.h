/* info.h - what INFO says, as numbers where they are numbers, and as it came.
 *
 * Owner: the arena given. Threads: a parsed info is immutable.
 *
 * A server may lie, leave out, repeat or garble anything: a field that is absent, out of range or no number is unset
 * (REDIS_UNSET, NaN, an empty text), the first of repeated keys wins, lines that are none are counted. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

#define REDIS_UNSET INT64_MIN

/* X(name): the members below have INFO's own names. */
/* clang-format off */
#define REDIS_INFO_INTEGERS(X) \
    X(process_id) X(tcp_port) X(uptime_in_seconds) \
    X(connected_clients) X(maxclients) X(blocked_clients) \
    X(used_memory) X(used_memory_rss) X(used_memory_peak) X(used_memory_overhead) X(used_memory_startup) \
    X(used_memory_dataset) \
    X(used_memory_lua) X(total_system_memory) X(maxmemory) \
    X(allocator_allocated) X(allocator_active) X(allocator_resident) X(allocator_frag_bytes) \
    X(mem_fragmentation_bytes) \
    X(mem_clients_normal) X(mem_clients_slaves) X(mem_replication_backlog) X(mem_aof_buffer) \
    X(active_defrag_running) \
    X(loading) X(async_loading) X(loading_total_bytes) X(loading_loaded_bytes) X(loading_eta_seconds) \
    X(rdb_changes_since_last_save) X(rdb_bgsave_in_progress) X(rdb_last_save_time) X(rdb_last_bgsave_time_sec) \
    X(rdb_current_bgsave_time_sec) X(rdb_saves) X(rdb_last_cow_size) \
    X(aof_enabled) X(aof_rewrite_in_progress) X(aof_last_rewrite_time_sec) X(aof_current_size) X(aof_base_size) \
    X(aof_delayed_fsync) \
    X(aof_rewrites_consecutive_failures) \
    X(total_connections_received) X(total_commands_processed) X(instantaneous_ops_per_sec) \
    X(total_net_input_bytes) X(total_net_output_bytes) X(rejected_connections) \
    X(sync_full) X(sync_partial_ok) X(sync_partial_err) \
    X(expired_keys) X(evicted_keys) X(evicted_clients) X(total_eviction_exceeded_time) X(keyspace_hits) \
    X(keyspace_misses) \
    X(latest_fork_usec) X(total_forks) X(unexpected_error_replies) X(total_error_replies) \
    X(connected_slaves) X(master_port) X(master_last_io_seconds_ago) X(master_sync_in_progress) \
    X(master_link_down_since_seconds) X(slave_repl_offset) X(slave_read_only) X(master_repl_offset) \
    X(repl_backlog_active) X(repl_backlog_size) X(repl_backlog_histlen) \
    X(cluster_enabled)

#define REDIS_INFO_DOUBLES(X) \
    X(mem_fragmentation_ratio) X(allocator_frag_ratio) X(allocator_rss_ratio) X(loading_loaded_perc) \
    X(used_cpu_sys) X(used_cpu_user)

#define REDIS_INFO_TEXTS(X) \
    X(redis_version) X(redis_mode) X(os) X(run_id) X(executable) X(config_file) X(maxmemory_policy) X(mem_allocator) \
    X(role) X(master_host) X(master_link_status) X(master_replid) \
    X(rdb_last_bgsave_status) X(aof_last_bgrewrite_status) X(aof_last_write_status)
/* clang-format on */

struct redis_info_pair {
    struct str key, value;
};

/* One row of commandstats. */
struct redis_command_stat {
    struct str name; /* "get", "config|set" */
    int64_t calls, usec, rejected_calls, failed_calls;
};

/* One row of errorstats: "OOM", 71. */
struct redis_error_stat {
    struct str name;
    int64_t count;
};

struct redis_keyspace {
    struct str db; /* "db0" */
    int64_t keys, expires;
    double avg_ttl_seconds;
};

/* slaveN of a master. */
struct redis_replica {
    struct str ip, port, state;
    int64_t offset, lag;
};

struct redis_info {
#define X(name) int64_t name;
    REDIS_INFO_INTEGERS(X)
#undef X
#define X(name) double name;
    REDIS_INFO_DOUBLES(X)
#undef X
#define X(name) struct str name;
    REDIS_INFO_TEXTS(X)
#undef X
    const struct redis_info_pair *pairs; /* all of it, sorted by key */
    size_t pair_count;
    const struct redis_command_stat *commands;
    size_t command_count;
    const struct redis_error_stat *errors;
    size_t error_count;
    const struct redis_keyspace *keyspaces;
    size_t keyspace_count;
    const struct redis_replica *replicas;
    size_t replica_count;
    size_t strange; /* lines and numbers that were not what they should be */
};

enum { REDIS_INFO_BYTES_MAX = 4 * 1024 * 1024, REDIS_INFO_PAIRS_MAX = 20000 };

/* redis_info_parse - the text of INFO. ERR_INVALID where not one line is "key:value", ERR_TOO_LARGE beyond the limits.
 * The texts are views of `text`. */
err redis_info_parse(struct arena *arena, struct str text, struct redis_info *ret_info) MUST_USE;
/* redis_info_make - the same of pairs that came another way. Texts are borrowed. */
err redis_info_make(struct arena *arena, const struct redis_info_pair *pairs, size_t count,
                    struct redis_info *ret_info) MUST_USE;
/* redis_info_copy - deep, for one that must outlive its arena. */
const struct redis_info *redis_info_copy(struct arena *arena, const struct redis_info *info);
/* redis_info_get - any field as it came; "" where it is absent. */
struct str redis_info_get(const struct redis_info *info, struct str key);
/* redis_info_error - how often that error was answered; 0 where never. */
int64_t redis_info_error(const struct redis_info *info, struct str name);
/* redis_pair_get - the value in "calls=1,usec=10": "" where it is absent. */
struct str redis_pair_get(struct str pairs, struct str key);
