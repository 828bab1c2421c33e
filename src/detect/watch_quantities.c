/* watch_quantities.c - shares of limits, from the series of node_exporter and redis_exporter. */
#include "detect/watch_quantities.h"

#include "base/time.h"

#include <math.h>

enum { FRESH_MS = 3 * MINUTE_MS, RATE_MS = 90 * SECOND_MS, COMMANDS_MIN = 50 };
#define PROCESS_SHARE 0.02 /* of what is available */

static err select_named(struct look *look, const char *name, int64_t back_ms, struct series_list *ret_list)
{
    struct matcher matcher;

    TRY(matcher_make(look->arena, MATCH_EQ, S("__name__"), str_of(name), &matcher));
    return series_select(look->series, look->arena, &matcher, 1, look->now_ms - back_ms, look->now_ms, ret_list);
}

static bool is_name(struct str label)
{
    return str_eq(label, S("__name__"));
}

/* The same labels, __name__ apart; both are sorted. */
static bool same_place(struct labels a, struct labels b)
{
    size_t i = 0, j = 0;

    for (;; i++, j++) {
        i += i < a.count && is_name(a.at[i].name);
        j += j < b.count && is_name(b.at[j].name);
        if (i >= a.count || j >= b.count)
            return i >= a.count && j >= b.count;
        if (!str_eq(a.at[i].name, b.at[j].name) || !str_eq(a.at[i].value, b.at[j].value))
            return false;
    }
}

static const struct series *find_place(const struct series_list *list, struct labels labels)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].count > 0 && same_place(list->at[i].labels, labels))
            return &list->at[i];
    return NULL;
}

static const struct sample *newest(const struct series *series)
{
    return series && series->count ? &series->samples[series->count - 1] : NULL;
}

static double newest_or_nan(const struct series_list *list, struct labels labels)
{
    const struct sample *sample = newest(find_place(list, labels));
    return sample ? sample->value : NAN;
}

/* The host of an `instance`: without a port, and without the brackets of IPv6. */
static struct str host_of(struct labels labels)
{
    struct str instance = labels_get(labels, S("instance")), rest;

    if (!instance.length)
        return S("localhost");
    if (instance.at[0] == '[' && str_find(instance, S("]"), 0) != SIZE_MAX)
        return str_slice(instance, 1, str_find(instance, S("]"), 0));
    struct str host = str_cut(instance, ':', &rest);
    return str_find(rest, S(":"), 0) == SIZE_MAX ? host : instance;
}

static void give_filesystem(struct look *look, const struct quantity *quantity, const struct series *series,
                            double percent)
{
    struct str host = host_of(series->labels);
    struct str resource = str_printf(look->arena, "filesystem:%.*s:%.*s", STR_ARG(host),
                                     STR_ARG(labels_get(series->labels, S("mountpoint"))));

    look->value(look, quantity, resource, host, series->labels, newest(series)->time_ms, percent);
}

static err read_filesystems(struct look *look, const struct quantity *quantity)
{
    struct series_list sizes, available, unused, readonly;

    TRY(select_named(look, "node_filesystem_size_bytes", FRESH_MS, &sizes));
    TRY(select_named(look, "node_filesystem_avail_bytes", FRESH_MS, &available));
    TRY(select_named(look, "node_filesystem_free_bytes", FRESH_MS, &unused));
    TRY(select_named(look, "node_filesystem_readonly", FRESH_MS, &readonly));
    for (size_t i = 0; i < sizes.count; i++) {
        const struct series *series = &sizes.at[i];
        if (!newest(series) || newest_or_nan(&readonly, series->labels) == 1)
            continue;
        /* As df counts: blocks that only root may use are neither used nor free. */
        double used = newest(series)->value - newest_or_nan(&unused, series->labels);
        double usable = used + newest_or_nan(&available, series->labels);
        if (usable > 0 && used >= 0)
            give_filesystem(look, quantity, series, 100 * used / usable);
    }
    return NULL;
}

static err read_inodes(struct look *look, const struct quantity *quantity)
{
    struct series_list all, unused;

    TRY(select_named(look, "node_filesystem_files", FRESH_MS, &all));
    TRY(select_named(look, "node_filesystem_files_free", FRESH_MS, &unused));
    for (size_t i = 0; i < all.count; i++) {
        const struct series *series = &all.at[i];
        double left = newest_or_nan(&unused, series->labels);
        if (newest(series) && newest(series)->value > 0 && left <= newest(series)->value)
            give_filesystem(look, quantity, series, 100 * (1 - left / newest(series)->value));
    }
    return NULL;
}

static void give_host(struct look *look, const struct quantity *quantity, struct labels labels, int64_t time_ms,
                      double percent)
{
    struct str host = host_of(labels);
    struct label kept[] = { { S("instance"), labels_get(labels, S("instance")) },
                            { S("job"), labels_get(labels, S("job")) } };

    look->value(look, quantity, str_printf(look->arena, "host:%.*s", STR_ARG(host)), host,
                labels_make(look->arena, kept, ARRAY_LEN(kept)), time_ms, percent);
}

/* 100 * (1 - part / whole), host by host. */
static err read_host_share(struct look *look, const struct quantity *quantity, const char *whole, const char *part,
                           bool part_is_unused)
{
    struct series_list wholes, parts;

    TRY(select_named(look, whole, FRESH_MS, &wholes));
    TRY(select_named(look, part, FRESH_MS, &parts));
    for (size_t i = 0; i < wholes.count; i++) {
        const struct sample *all = newest(&wholes.at[i]);
        if (!all)
            continue;
        double share = all->value > 0 ? newest_or_nan(&parts, wholes.at[i].labels) / all->value : NAN;
        if (isfinite(share) && share >= 0)
            give_host(look, quantity, wholes.at[i].labels, all->time_ms,
                      100 * fmax(0, part_is_unused ? 1 - share : share));
    }
    return NULL;
}

static err read_memory(struct look *look, const struct quantity *quantity)
{
    return read_host_share(look, quantity, "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", true);
}

/* What a group of processes holds, of all that it could still get. Small ones can't be the leak that kills the host. */
static err read_processes(struct look *look, const struct quantity *quantity)
{
    struct series_list groups, available;

    TRY(select_named(look, "namedprocess_namegroup_memory_bytes", FRESH_MS, &groups));
    TRY(select_named(look, "node_memory_MemAvailable_bytes", FRESH_MS, &available));
    for (size_t i = 0; i < groups.count; i++) {
        struct labels labels = groups.at[i].labels;
        struct str host = host_of(labels), name = labels_get(labels, S("groupname"));
        const struct sample *held = newest(&groups.at[i]);
        double left = NAN;
        for (size_t j = 0; j < available.count; j++)
            if (newest(&available.at[j]) && str_eq(host_of(available.at[j].labels), host))
                left = newest(&available.at[j])->value;
        if (!held || !str_eq(labels_get(labels, S("memtype")), S("resident")) || !(held->value > PROCESS_SHARE * left))
            continue;
        look->value(look, quantity, str_printf(look->arena, "process:%.*s:%.*s", STR_ARG(host), STR_ARG(name)), host,
                    labels, held->time_ms, 100 * held->value / (held->value + left));
    }
    return NULL;
}

static err read_descriptors(struct look *look, const struct quantity *quantity)
{
    return read_host_share(look, quantity, "node_filefd_maximum", "node_filefd_allocated", false);
}

/* What a counter gained over the newest stretch of at most RATE_MS; a restart of it begins anew. */
static double gained(const struct series *series, int64_t now_ms)
{
    double sum = 0;
    size_t pairs = 0;

    for (size_t i = 1; i < series->count; i++) {
        if (series->samples[i - 1].time_ms < now_ms - RATE_MS)
            continue;
        double step = series->samples[i].value - series->samples[i - 1].value;
        sum += step >= 0 ? step : series->samples[i].value;
        pairs++;
    }
    return pairs ? sum : NAN;
}

struct ratio {
    struct labels labels;
    double part, whole;
    int64_t time_ms;
};

/* The row of the same instance and job; a new one where there is none. */
static struct ratio *ratio_of(struct ratio *ratios, size_t *count, struct labels labels)
{
    for (size_t i = 0; i < *count; i++)
        if (str_eq(labels_get(ratios[i].labels, S("instance")), labels_get(labels, S("instance"))) &&
            str_eq(labels_get(ratios[i].labels, S("job")), labels_get(labels, S("job"))))
            return &ratios[i];
    ratios[*count] = (struct ratio){ .labels = labels };
    return &ratios[(*count)++];
}

static err read_cpu(struct look *look, const struct quantity *quantity)
{
    struct series_list modes;
    size_t count = 0;

    TRY(select_named(look, "node_cpu_seconds_total", FRESH_MS, &modes));
    struct ratio *ratios = arena_array(look->arena, modes.count + 1, sizeof *ratios);
    for (size_t i = 0; i < modes.count; i++) {
        double seconds = gained(&modes.at[i], look->now_ms);
        struct str mode = labels_get(modes.at[i].labels, S("mode"));
        if (!isfinite(seconds))
            continue;
        struct ratio *ratio = ratio_of(ratios, &count, modes.at[i].labels);
        ratio->whole += seconds;
        if (!str_eq(mode, S("idle")) && !str_eq(mode, S("iowait")))
            ratio->part += seconds;
        ratio->time_ms = newest(&modes.at[i])->time_ms;
    }
    for (size_t i = 0; i < count; i++)
        if (ratios[i].whole > 0)
            give_host(look, quantity, ratios[i].labels, ratios[i].time_ms, 100 * ratios[i].part / ratios[i].whole);
    return NULL;
}

static void give_redis(struct look *look, const struct quantity *quantity, struct labels labels, int64_t time_ms,
                       double percent)
{
    struct str instance = labels_get(labels, S("instance"));
    struct label kept[] = { { S("instance"), instance }, { S("job"), labels_get(labels, S("job")) } };

    look->value(look, quantity, str_printf(look->arena, "redis:%.*s", STR_ARG(instance)), instance,
                labels_make(look->arena, kept, ARRAY_LEN(kept)), time_ms, percent);
}

/* A cache that may evict stands at its limit by design: what fails there is not memory. */
static bool may_evict(const struct series_list *infos, struct labels labels)
{
    for (size_t i = 0; i < infos->count; i++) {
        struct str policy = labels_get(infos->at[i].labels, S("maxmemory_policy"));
        if (str_eq(labels_get(infos->at[i].labels, S("instance")), labels_get(labels, S("instance"))) && policy.length)
            return !str_eq(policy, S("noeviction"));
    }
    return false;
}

static err read_redis_memory(struct look *look, const struct quantity *quantity)
{
    struct series_list used, most, infos;

    TRY(select_named(look, "redis_memory_used_bytes", FRESH_MS, &used));
    TRY(select_named(look, "redis_memory_max_bytes", FRESH_MS, &most));
    TRY(select_named(look, "redis_instance_info", FRESH_MS, &infos));
    for (size_t i = 0; i < used.count; i++) {
        double limit = newest_or_nan(&most, used.at[i].labels);
        const struct sample *sample = newest(&used.at[i]);
        if (sample && limit > 0 && !may_evict(&infos, used.at[i].labels))
            give_redis(look, quantity, used.at[i].labels, sample->time_ms, 100 * sample->value / limit);
    }
    return NULL;
}

static err read_redis_errors(struct look *look, const struct quantity *quantity)
{
    struct series_list commands, failures;
    size_t count = 0;

    TRY(select_named(look, "redis_commands_processed_total", FRESH_MS, &commands));
    TRY(select_named(look, "redis_errors_total", FRESH_MS, &failures));
    struct ratio *ratios = arena_array(look->arena, commands.count + failures.count + 1, sizeof *ratios);
    for (size_t i = 0; i < commands.count; i++) {
        double ran = gained(&commands.at[i], look->now_ms);
        if (!isfinite(ran))
            continue;
        struct ratio *ratio = ratio_of(ratios, &count, commands.at[i].labels);
        ratio->whole += ran;
        ratio->time_ms = newest(&commands.at[i])->time_ms;
    }
    for (size_t i = 0; i < failures.count; i++) {
        double failed = gained(&failures.at[i], look->now_ms);
        if (isfinite(failed))
            ratio_of(ratios, &count, failures.at[i].labels)->part += failed;
    }
    /* One of two commands is no rate. */
    for (size_t i = 0; i < count; i++)
        if (ratios[i].whole >= COMMANDS_MIN)
            give_redis(look, quantity, ratios[i].labels, ratios[i].time_ms,
                       100 * fmin(1, ratios[i].part / ratios[i].whole));
    return NULL;
}

const struct quantity quantities[] = {
    { "filesystem_used_percent", "Space used of what df calls usable.", "disk_full", MODEL_DISK, 100,
      read_filesystems },
    { "filesystem_inodes_used_percent", "Inodes used.", "inode_exhaustion", MODEL_DISK, 100, read_inodes },
    { "filefd_used_percent", "Open files of the whole host.", "fd_exhaustion", MODEL_DISK, 100, read_descriptors },
    { "memory_used_percent", "Memory that is not available.", "mem_leak", MODEL_MEMORY, 100, read_memory },
    { "process_memory_percent", "Memory of a group of processes, of what it could get.", "mem_leak", MODEL_MEMORY, 100,
      read_processes },
    { "redis_memory_used_percent", "Memory used of maxmemory.", "mem_leak", MODEL_MEMORY, 100, read_redis_memory },
    { "cpu_used_percent", "CPU time neither idle nor waiting for disks.", "cpu_spike", MODEL_CPU, 85, read_cpu },
    { "redis_error_percent", "Commands that ended in an error.", "error_rate", MODEL_ERRORS, 15, read_redis_errors },
};
const size_t quantity_count = ARRAY_LEN(quantities);
