/* redis_samples.c - one table from fields of INFO to redis_exporter's metrics, and the few that need more. */
#include "integrations/collectors/redis_samples.h"

#include <math.h>

enum { COMMANDS_MAX = 200, ERRORS_MAX = 50 };

/* KIND_INFO marks a status: "ok" is 1, anything else 0. */
static const struct row {
    const char *field, *name;
    enum metric_kind kind;
    double factor;
} rows[] = {
    { "uptime_in_seconds", "redis_uptime_in_seconds", KIND_GAUGE, 1 },
    { "process_id", "redis_process_id", KIND_GAUGE, 1 },
    { "io_threads_active", "redis_io_threads_active", KIND_GAUGE, 1 },
    { "connected_clients", "redis_connected_clients", KIND_GAUGE, 1 },
    { "blocked_clients", "redis_blocked_clients", KIND_GAUGE, 1 },
    { "tracking_clients", "redis_tracking_clients", KIND_GAUGE, 1 },
    { "clients_in_timeout_table", "redis_clients_in_timeout_table", KIND_GAUGE, 1 },
    { "maxclients", "redis_config_maxclients", KIND_GAUGE, 1 },
    { "cluster_connections", "redis_cluster_connections", KIND_GAUGE, 1 },
    { "client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes", KIND_GAUGE, 1 },
    { "client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes", KIND_GAUGE, 1 },
    { "allocator_active", "redis_allocator_active_bytes", KIND_GAUGE, 1 },
    { "allocator_allocated", "redis_allocator_allocated_bytes", KIND_GAUGE, 1 },
    { "allocator_resident", "redis_allocator_resident_bytes", KIND_GAUGE, 1 },
    { "allocator_frag_ratio", "redis_allocator_frag_ratio", KIND_GAUGE, 1 },
    { "allocator_frag_bytes", "redis_allocator_frag_bytes", KIND_GAUGE, 1 },
    { "allocator_rss_ratio", "redis_allocator_rss_ratio", KIND_GAUGE, 1 },
    { "allocator_rss_bytes", "redis_allocator_rss_bytes", KIND_GAUGE, 1 },
    { "used_memory", "redis_memory_used_bytes", KIND_GAUGE, 1 },
    { "used_memory_rss", "redis_memory_used_rss_bytes", KIND_GAUGE, 1 },
    { "used_memory_peak", "redis_memory_used_peak_bytes", KIND_GAUGE, 1 },
    { "used_memory_lua", "redis_memory_used_lua_bytes", KIND_GAUGE, 1 },
    { "used_memory_overhead", "redis_memory_used_overhead_bytes", KIND_GAUGE, 1 },
    { "used_memory_startup", "redis_memory_used_startup_bytes", KIND_GAUGE, 1 },
    { "used_memory_dataset", "redis_memory_used_dataset_bytes", KIND_GAUGE, 1 },
    { "used_memory_scripts", "redis_memory_used_scripts_bytes", KIND_GAUGE, 1 },
    { "number_of_cached_scripts", "redis_number_of_cached_scripts", KIND_GAUGE, 1 },
    { "maxmemory", "redis_memory_max_bytes", KIND_GAUGE, 1 },
    { "maxmemory", "redis_config_maxmemory", KIND_GAUGE, 1 },
    { "total_system_memory", "redis_total_system_memory_bytes", KIND_GAUGE, 1 },
    { "mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", KIND_GAUGE, 1 },
    { "mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", KIND_GAUGE, 1 },
    { "mem_clients_slaves", "redis_mem_clients_slaves", KIND_GAUGE, 1 },
    { "mem_clients_normal", "redis_mem_clients_normal", KIND_GAUGE, 1 },
    { "mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes", KIND_GAUGE, 1 },
    { "lazyfree_pending_objects", "redis_lazyfree_pending_objects", KIND_GAUGE, 1 },
    { "active_defrag_running", "redis_active_defrag_running", KIND_GAUGE, 1 },
    { "migrate_cached_sockets", "redis_migrate_cached_sockets_total", KIND_GAUGE, 1 },
    { "active_defrag_hits", "redis_defrag_hits", KIND_GAUGE, 1 },
    { "active_defrag_misses", "redis_defrag_misses", KIND_GAUGE, 1 },
    { "active_defrag_key_hits", "redis_defrag_key_hits", KIND_GAUGE, 1 },
    { "active_defrag_key_misses", "redis_defrag_key_misses", KIND_GAUGE, 1 },
    { "loading", "redis_loading_dump_file", KIND_GAUGE, 1 },
    { "rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", KIND_GAUGE, 1 },
    { "rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", KIND_GAUGE, 1 },
    { "rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", KIND_GAUGE, 1 },
    { "rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", KIND_INFO, 1 },
    { "rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", KIND_GAUGE, 1 },
    { "rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec", KIND_GAUGE, 1 },
    { "rdb_last_cow_size", "redis_rdb_last_cow_size_bytes", KIND_GAUGE, 1 },
    { "aof_enabled", "redis_aof_enabled", KIND_GAUGE, 1 },
    { "aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", KIND_GAUGE, 1 },
    { "aof_rewrite_scheduled", "redis_aof_rewrite_scheduled", KIND_GAUGE, 1 },
    { "aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", KIND_GAUGE, 1 },
    { "aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec", KIND_GAUGE, 1 },
    { "aof_last_cow_size", "redis_aof_last_cow_size_bytes", KIND_GAUGE, 1 },
    { "aof_current_size", "redis_aof_current_size_bytes", KIND_GAUGE, 1 },
    { "aof_base_size", "redis_aof_base_size_bytes", KIND_GAUGE, 1 },
    { "aof_pending_rewrite", "redis_aof_pending_rewrite", KIND_GAUGE, 1 },
    { "aof_buffer_length", "redis_aof_buffer_length", KIND_GAUGE, 1 },
    { "aof_pending_bio_fsync", "redis_aof_pending_bio_fsync", KIND_GAUGE, 1 },
    { "aof_delayed_fsync", "redis_aof_delayed_fsync", KIND_GAUGE, 1 },
    { "aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", KIND_INFO, 1 },
    { "aof_last_write_status", "redis_aof_last_write_status", KIND_INFO, 1 },
    { "module_fork_in_progress", "redis_module_fork_in_progress", KIND_GAUGE, 1 },
    { "module_fork_last_cow_size", "redis_module_fork_last_cow_size", KIND_GAUGE, 1 },
    { "pubsub_channels", "redis_pubsub_channels", KIND_GAUGE, 1 },
    { "pubsub_patterns", "redis_pubsub_patterns", KIND_GAUGE, 1 },
    { "latest_fork_usec", "redis_latest_fork_seconds", KIND_GAUGE, 1e-6 },
    { "tracking_total_keys", "redis_tracking_total_keys", KIND_GAUGE, 1 },
    { "tracking_total_items", "redis_tracking_total_items", KIND_GAUGE, 1 },
    { "tracking_total_prefixes", "redis_tracking_total_prefixes", KIND_GAUGE, 1 },
    { "slave_expires_tracked_keys", "redis_slave_expires_tracked_keys", KIND_GAUGE, 1 },
    { "expired_stale_perc", "redis_expired_stale_percentage", KIND_GAUGE, 1 },
    { "expired_time_cap_reached_count", "redis_expired_time_cap_reached_total", KIND_GAUGE, 1 },
    { "connected_slaves", "redis_connected_slaves", KIND_GAUGE, 1 },
    { "repl_backlog_size", "redis_replication_backlog_bytes", KIND_GAUGE, 1 },
    { "repl_backlog_active", "redis_repl_backlog_is_active", KIND_GAUGE, 1 },
    { "repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset", KIND_GAUGE, 1 },
    { "repl_backlog_histlen", "redis_repl_backlog_history_bytes", KIND_GAUGE, 1 },
    { "master_repl_offset", "redis_master_repl_offset", KIND_GAUGE, 1 },
    { "second_repl_offset", "redis_second_repl_offset", KIND_GAUGE, 1 },
    { "sync_full", "redis_replica_resyncs_full", KIND_GAUGE, 1 },
    { "sync_partial_ok", "redis_replica_partial_resync_accepted", KIND_GAUGE, 1 },
    { "sync_partial_err", "redis_replica_partial_resync_denied", KIND_GAUGE, 1 },
    { "cluster_enabled", "redis_cluster_enabled", KIND_GAUGE, 1 },
    { "total_connections_received", "redis_connections_received_total", KIND_COUNTER, 1 },
    { "total_commands_processed", "redis_commands_processed_total", KIND_COUNTER, 1 },
    { "rejected_connections", "redis_rejected_connections_total", KIND_COUNTER, 1 },
    { "total_net_input_bytes", "redis_net_input_bytes_total", KIND_COUNTER, 1 },
    { "total_net_output_bytes", "redis_net_output_bytes_total", KIND_COUNTER, 1 },
    { "expired_keys", "redis_expired_keys_total", KIND_COUNTER, 1 },
    { "evicted_keys", "redis_evicted_keys_total", KIND_COUNTER, 1 },
    { "evicted_clients", "redis_evicted_clients_total", KIND_COUNTER, 1 },
    { "keyspace_hits", "redis_keyspace_hits_total", KIND_COUNTER, 1 },
    { "keyspace_misses", "redis_keyspace_misses_total", KIND_COUNTER, 1 },
    { "unexpected_error_replies", "redis_unexpected_error_replies", KIND_COUNTER, 1 },
    { "total_error_replies", "redis_total_error_replies", KIND_COUNTER, 1 },
    { "dump_payload_sanitizations", "redis_dump_payload_sanitizations", KIND_COUNTER, 1 },
    { "total_reads_processed", "redis_total_reads_processed", KIND_COUNTER, 1 },
    { "total_writes_processed", "redis_total_writes_processed", KIND_COUNTER, 1 },
    { "io_threaded_reads_processed", "redis_io_threaded_reads_processed", KIND_COUNTER, 1 },
    { "io_threaded_writes_processed", "redis_io_threaded_writes_processed", KIND_COUNTER, 1 },
    { "used_cpu_sys", "redis_cpu_sys_seconds_total", KIND_COUNTER, 1 },
    { "used_cpu_user", "redis_cpu_user_seconds_total", KIND_COUNTER, 1 },
    { "used_cpu_sys_children", "redis_cpu_sys_children_seconds_total", KIND_COUNTER, 1 },
    { "used_cpu_user_children", "redis_cpu_user_children_seconds_total", KIND_COUNTER, 1 },
    { "used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", KIND_COUNTER, 1 },
    { "used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", KIND_COUNTER, 1 },
};

/* The same for CLUSTER INFO. */
static const struct row cluster_rows[] = {
    { "cluster_state", "redis_cluster_state", KIND_INFO, 1 },
    { "cluster_slots_assigned", "redis_cluster_slots_assigned", KIND_GAUGE, 1 },
    { "cluster_slots_ok", "redis_cluster_slots_ok", KIND_GAUGE, 1 },
    { "cluster_slots_pfail", "redis_cluster_slots_pfail", KIND_GAUGE, 1 },
    { "cluster_slots_fail", "redis_cluster_slots_fail", KIND_GAUGE, 1 },
    { "cluster_known_nodes", "redis_cluster_known_nodes", KIND_GAUGE, 1 },
    { "cluster_size", "redis_cluster_size", KIND_GAUGE, 1 },
    { "cluster_current_epoch", "redis_cluster_current_epoch", KIND_GAUGE, 1 },
    { "cluster_my_epoch", "redis_cluster_my_epoch", KIND_GAUGE, 1 },
    { "cluster_stats_messages_sent", "redis_cluster_messages_sent_total", KIND_GAUGE, 1 },
    { "cluster_stats_messages_received", "redis_cluster_messages_received_total", KIND_GAUGE, 1 },
};

static const char field_help[] = "The field of INFO that it is named after.";

static void add_rows(struct batch *out, const struct redis_info *info, const struct row *row, size_t count)
{
    for (; count-- > 0; row++) {
        struct str text = redis_info_get(info, str_of(row->field));
        double value;
        if (!text.length)
            continue;
        if (row->kind == KIND_INFO)
            batch_gauge(out, row->name, field_help, str_eq(text, S("ok")), NULL);
        else if (str_to_double(text, &value) && isfinite(value))
            batch_add(out, row->kind, row->name, field_help, value * row->factor, NULL, 0);
    }
}

static void add_commands(struct batch *out, const struct redis_info *info)
{
    for (size_t i = 0; i < info->command_count && i < COMMANDS_MAX; i++) {
        const struct redis_command_stat *stat = &info->commands[i];
        struct label cmd = { S("cmd"), str_utf8_scrub(out->arena, stat->name) };
        if (stat->calls != REDIS_UNSET)
            batch_add(out, KIND_COUNTER, "redis_commands_total", "Calls.", (double)stat->calls, &cmd, 1);
        if (stat->usec != REDIS_UNSET)
            batch_add(out, KIND_COUNTER, "redis_commands_duration_seconds_total", "Seconds they took.",
                      (double)stat->usec / 1e6, &cmd, 1);
        if (stat->rejected_calls != REDIS_UNSET)
            batch_add(out, KIND_COUNTER, "redis_commands_rejected_calls_total", "Calls refused before they ran.",
                      (double)stat->rejected_calls, &cmd, 1);
        if (stat->failed_calls != REDIS_UNSET)
            batch_add(out, KIND_COUNTER, "redis_commands_failed_calls_total", "Calls that failed.",
                      (double)stat->failed_calls, &cmd, 1);
    }
    for (size_t i = 0; i < info->error_count && i < ERRORS_MAX; i++)
        if (info->errors[i].count != REDIS_UNSET)
            batch_add(out, KIND_COUNTER, "redis_errors_total", "Error replies.", (double)info->errors[i].count,
                      &(struct label){ S("err"), str_utf8_scrub(out->arena, info->errors[i].name) }, 1);
}

static void add_keyspaces(struct batch *out, const struct redis_info *info)
{
    for (size_t i = 0; i < info->keyspace_count; i++) {
        const struct redis_keyspace *it = &info->keyspaces[i];
        const char *db = str_c(out->arena, it->db);
        if (it->keys != REDIS_UNSET)
            batch_gauge(out, "redis_db_keys", "Keys.", (double)it->keys, "db", db, NULL);
        if (it->expires != REDIS_UNSET)
            batch_gauge(out, "redis_db_keys_expiring", "Keys that will expire.", (double)it->expires, "db", db, NULL);
        if (isfinite(it->avg_ttl_seconds))
            batch_gauge(out, "redis_db_avg_ttl_seconds", "Average time to live.", it->avg_ttl_seconds, "db", db, NULL);
    }
}

static void add_replication(struct batch *out, const struct redis_info *info)
{
    const char *host = str_c(out->arena, str_utf8_scrub(out->arena, info->master_host));
    const char *port = str_c(out->arena, str_utf8_scrub(out->arena, redis_info_get(info, S("master_port"))));
    static const struct {
        const char *field, *name;
    } of_replica[] = {
        { "master_last_io_seconds_ago", "redis_master_last_io_seconds_ago" },
        { "master_sync_in_progress", "redis_master_sync_in_progress" },
        { "slave_repl_offset", "redis_slave_repl_offset" },
    };

    if (str_eq(info->role, S("slave"))) {
        batch_gauge(out, "redis_master_link_up", "1 where the link to the master is up.",
                    str_eq(info->master_link_status, S("up")), "master_host", host, "master_port", port, NULL);
        for (size_t i = 0; i < ARRAY_LEN(of_replica); i++) {
            double value;
            if (str_to_double(redis_info_get(info, str_of(of_replica[i].field)), &value) && isfinite(value))
                batch_gauge(out, of_replica[i].name, field_help, value, "master_host", host, "master_port", port, NULL);
        }
        if (info->master_link_down_since_seconds >= 0)
            batch_gauge(out, "redis_master_link_down_since_seconds", field_help,
                        (double)info->master_link_down_since_seconds, "master_host", host, "master_port", port, NULL);
    }
    for (size_t i = 0; i < info->replica_count; i++) {
        const struct redis_replica *it = &info->replicas[i];
        const char *ip = str_c(out->arena, str_utf8_scrub(out->arena, it->ip));
        const char *replica_port = str_c(out->arena, str_utf8_scrub(out->arena, it->port));
        const char *state = str_c(out->arena, str_utf8_scrub(out->arena, it->state));
        if (it->offset != REDIS_UNSET)
            batch_gauge(out, "redis_connected_slave_offset_bytes", "How far the replica is.", (double)it->offset,
                        "slave_ip", ip, "slave_port", replica_port, "slave_state", state, NULL);
        if (it->lag != REDIS_UNSET)
            batch_gauge(out, "redis_connected_slave_lag_seconds", "Since the replica last acknowledged.",
                        (double)it->lag, "slave_ip", ip, "slave_port", replica_port, "slave_state", state, NULL);
    }
}

static void add_instance(struct batch *out, const struct redis_instance_state *state)
{
    static const struct {
        const char *label, *field;
    } of_info[] = {
        { "role", "role" },
        { "redis_version", "redis_version" },
        { "redis_build_id", "redis_build_id" },
        { "redis_mode", "redis_mode" },
        { "os", "os" },
        { "maxmemory_policy", "maxmemory_policy" },
        { "tcp_port", "tcp_port" },
        { "run_id", "run_id" },
        { "process_id", "process_id" },
    };
    struct label labels[ARRAY_LEN(of_info)];

    for (size_t i = 0; i < ARRAY_LEN(of_info); i++)
        labels[i] = (struct label){ str_of(of_info[i].label),
                                    str_utf8_scrub(out->arena, redis_info_get(state->info, str_of(of_info[i].field))) };
    batch_add(out, KIND_GAUGE, "redis_instance_info", "What it is; always 1.", 1, labels, ARRAY_LEN(labels));
    if (state->info->uptime_in_seconds >= 0)
        batch_gauge(out, "redis_start_time_seconds", "When it started, in seconds since 1970.",
                    floor((double)state->time_ms / 1000) - (double)state->info->uptime_in_seconds, NULL);
}

static void add_looks(struct batch *out, const struct redis_instance_state *state)
{
    if (state->slowlog_length >= 0)
        batch_gauge(out, "redis_slowlog_length", "Entries of the slow log.", (double)state->slowlog_length, NULL);
    if (state->slowlog_last_id >= 0) {
        batch_gauge(out, "redis_slowlog_last_id", "Id of the newest entry of the slow log.",
                    (double)state->slowlog_last_id, NULL);
        batch_gauge(out, "redis_last_slow_execution_duration_seconds", "How long the newest slow command took.",
                    (double)state->slowlog_last_us / 1e6, NULL);
    }
    for (size_t i = 0; i < state->latency_count; i++) {
        const char *name = str_c(out->arena, state->latency[i].name);
        batch_gauge(out, "redis_latency_spike_last", "When the latest spike was.",
                    (double)state->latency[i].time_ms / 1000, "event_name", name, NULL);
        batch_gauge(out, "redis_latency_spike_duration_seconds", "How long the latest spike was.",
                    (double)state->latency[i].latest_ms / 1000, "event_name", name, NULL);
    }
}

void redis_samples_add(struct batch *out, const struct redis_instance_state *state)
{
    struct redis_info cluster;

    batch_gauge(out, "redis_up", "1 where INFO could be had.", state->info != NULL, NULL);
    if (state->outcome == REDIS_DONE)
        batch_gauge(out, "redis_exporter_last_scrape_ping_time_seconds", "Round trip of PING.",
                    state->round_trip_ms / 1000, NULL);
    if (!state->info)
        return;
    add_instance(out, state);
    add_rows(out, state->info, rows, ARRAY_LEN(rows));
    add_commands(out, state->info);
    add_keyspaces(out, state->info);
    add_replication(out, state->info);
    add_looks(out, state);
    if (state->cluster_info.length) {
        err e = redis_info_parse(out->arena, state->cluster_info, &cluster);
        if (!e)
            add_rows(out, &cluster, cluster_rows, ARRAY_LEN(cluster_rows));
        err_free(e); /* what is no CLUSTER INFO gives no samples */
    }
}
