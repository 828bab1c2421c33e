/* container.c - containers by their control groups, with cAdvisor's names; version 2, and version 1 where that is what
 * the host has.
 *
 * A container is a control group whose name holds 64 hexadecimal digits (docker, podman, containerd, CRI-O), or an LXC
 * payload. Names and images are the runtime's business: they are not asked for. */
#include "integrations/collectors/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "ingest/collector.h"
#include "integrations/collectors/host.h"

enum { DEPTH_MAX = 8, FOLDERS_MAX = 5000, CONTAINERS_MAX = 500, TEXT_MAX = 8192 };

struct container_settings {
    struct str root;
};

static const struct field container_fields[] = {
    STRING(struct container_settings, root, .def = "/sys/fs/cgroup", .max = 4096,
           .doc = "Where the control groups are mounted."),
    { 0 },
};

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool container_id(struct str folder, struct str *ret_id)
{
    size_t run = 0;

    if (str_starts(folder, S("lxc.payload."))) {
        *ret_id = str_slice(folder, 12, folder.length);
        return ret_id->length > 0;
    }
    for (size_t i = 0; i <= folder.length; i++) {
        if (i < folder.length && is_hex(folder.at[i])) {
            run++;
            continue;
        }
        if (run == 64) {
            *ret_id = str_slice(folder, i - 64, i - 52);
            return true;
        }
        run = 0;
    }
    return false;
}

struct walk {
    struct arena *arena;
    struct str root; /* of the hierarchy that is walked */
    VEC(struct container_group) found;
    size_t folders;
};

static void walk_folder(struct walk *walk, struct str below, int depth)
{
    DIR *folder = opendir(str_printf(walk->arena, "%.*s%.*s", STR_ARG(walk->root), STR_ARG(below)).at);

    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) && walk->found.count < CONTAINERS_MAX;) {
        struct str id, name = str_of(entry->d_name);
        if (entry->d_type != DT_DIR || name.at[0] == '.' || walk->folders++ > FOLDERS_MAX)
            continue;
        struct str path = str_printf(walk->arena, "%.*s/%.*s", STR_ARG(below), STR_ARG(name));
        if (container_id(name, &id))
            *vec_push(&walk->found, walk->arena) = (struct container_group){ str_copy(walk->arena, id), path };
        else if (depth < DEPTH_MAX)
            walk_folder(walk, path, depth + 1);
    }
    closedir(folder);
}

struct reading {
    struct batch *out;
    struct str root;       /* of all control groups */
    const char *hierarchy; /* "" of version 2, "/memory" and the like of version 1 */
    const struct container_group *group;
};

static struct str group_text(const struct reading *r, const char *hierarchy, const char *file)
{
    const char *path =
        str_printf(r->out->arena, "%.*s%s%.*s/%s", STR_ARG(r->root), hierarchy, STR_ARG(r->group->path), file).at;
    int fd CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    char text[TEXT_MAX];
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

    return got <= 0 ? S("") : str_copy(r->out->arena, (struct str){ text, (size_t)got });
}

bool container_row(struct str text, struct str key, double *ret_value)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        if (str_eq(line_word(&line), key))
            return line_number(&line, ret_value);
    }
    return false;
}

static void add(const struct reading *r, enum metric_kind kind, const char *name, const char *help, double value)
{
    batch_add(r->out, kind, name, help, value, &(struct label){ S("id"), r->group->id }, 1);
}

static const char usage_help[] = "Processor time used.";

static void add_memory(const struct reading *r, double usage, struct str stat, const char *inactive, const char *cache,
                       const char *rss)
{
    double value;

    add(r, KIND_GAUGE, "container_memory_usage_bytes", "Memory, page cache included.", usage);
    if (container_row(stat, str_of(inactive), &value))
        add(r, KIND_GAUGE, "container_memory_working_set_bytes", "Memory without page cache that could be dropped.",
            usage > value ? usage - value : 0);
    if (container_row(stat, str_of(cache), &value))
        add(r, KIND_GAUGE, "container_memory_cache", "Page cache.", value);
    if (container_row(stat, str_of(rss), &value))
        add(r, KIND_GAUGE, "container_memory_rss", "Anonymous memory.", value);
}

static void add_limit(const struct reading *r, struct str text)
{
    double limit;

    if (str_eq(str_trim(text), S("max")))
        add(r, KIND_GAUGE, "container_spec_memory_limit_bytes", "Memory it may use; 0: all there is.", 0);
    else if (str_to_double(str_trim(text), &limit)) /* version 1 says "none" as the largest page-aligned number */
        add(r, KIND_GAUGE, "container_spec_memory_limit_bytes", "Memory it may use; 0: all there is.",
            limit > 9e18 ? 0 : limit);
}

static void collect_v2(const struct reading *r)
{
    static const struct {
        const char *key, *name, *help;
        double factor;
    } cpu_rows[] = {
        { "usage_usec", "container_cpu_usage_seconds_total", usage_help, 1e-6 },
        { "user_usec", "container_cpu_user_seconds_total", "Processor time in user mode.", 1e-6 },
        { "system_usec", "container_cpu_system_seconds_total", "Processor time in the kernel.", 1e-6 },
        { "nr_periods", "container_cpu_cfs_periods_total", "Periods with a quota.", 1 },
        { "nr_throttled", "container_cpu_cfs_throttled_periods_total", "Periods in which it was held back.", 1 },
        { "throttled_usec", "container_cpu_cfs_throttled_seconds_total", "Seconds it was held back.", 1e-6 },
    };
    struct str cpu = group_text(r, "", "cpu.stat");
    double value;

    for (size_t i = 0; i < ARRAY_LEN(cpu_rows); i++)
        if (container_row(cpu, str_of(cpu_rows[i].key), &value))
            add(r, KIND_COUNTER, cpu_rows[i].name, cpu_rows[i].help, value * cpu_rows[i].factor);
    if (str_to_double(str_trim(group_text(r, "", "memory.current")), &value))
        add_memory(r, value, group_text(r, "", "memory.stat"), "inactive_file", "file", "anon");
    add_limit(r, group_text(r, "", "memory.max"));
    if (str_to_double(str_trim(group_text(r, "", "memory.swap.current")), &value))
        add(r, KIND_GAUGE, "container_memory_swap", "Swap used.", value);
    if (container_row(group_text(r, "", "memory.events"), S("oom_kill"), &value))
        add(r, KIND_COUNTER, "container_oom_events_total", "Processes that the kernel killed for want of memory.",
            value);
    if (str_to_double(str_trim(group_text(r, "", "pids.current")), &value))
        add(r, KIND_GAUGE, "container_processes", "Processes.", value);
}

static void collect_v1(const struct reading *r)
{
    double value;

    if (str_to_double(str_trim(group_text(r, "/cpuacct", "cpuacct.usage")), &value))
        add(r, KIND_COUNTER, "container_cpu_usage_seconds_total", usage_help, value / 1e9);
    if (str_to_double(str_trim(group_text(r, "/memory", "memory.usage_in_bytes")), &value))
        add_memory(r, value, group_text(r, "/memory", "memory.stat"), "total_inactive_file", "total_cache",
                   "total_rss");
    add_limit(r, group_text(r, "/memory", "memory.limit_in_bytes"));
    if (str_to_double(str_trim(group_text(r, "/pids", "pids.current")), &value))
        add(r, KIND_GAUGE, "container_processes", "Processes.", value);
}

err container_look(struct batch *out, struct str root)
{
    bool v2 = file_exists(str_printf(out->arena, "%.*s/cgroup.controllers", STR_ARG(root)).at);
    struct walk walk = { .arena = out->arena,
                         .root = v2 ? root : str_printf(out->arena, "%.*s/memory", STR_ARG(root)) };

    walk_folder(&walk, S(""), 0);
    for (size_t i = 0; i < walk.found.count; i++) {
        struct reading r = { .out = out, .root = root, .group = &walk.found.at[i] };
        if (v2)
            collect_v2(&r);
        else
            collect_v1(&r);
        add(&r, KIND_GAUGE, "container_last_seen", "When it was last seen.", (double)out->time_ms / 1000);
        batch_resource(out, &(struct resource_seen){
                                str_printf(out->arena, "container:%.*s", STR_ARG(r.group->id)), S("container"),
                                r.group->id, labels_make(out->arena, &(struct label){ S("id"), r.group->id }, 1),
                                str_utf8_scrub(out->arena, r.group->path) });
    }
    if (!walk.found.count)
        batch_absent(out, "no containers run here");
    else if (walk.found.count == CONTAINERS_MAX)
        batch_note(out, str_printf(out->arena, "only the first %d containers are taken", CONTAINERS_MAX));
    return NULL;
}

static err container_collect(struct call *call, const void *settings, void *state, struct batch *out)
{
    const struct container_settings *s = settings;

    (void)call, (void)state;
    return container_look(out, s->root);
}

static const struct collector container = {
    .name = "container",
    .doc = "Containers by their control groups, with cAdvisor's names.",
    .settings = SCHEMA(struct container_settings, container_fields),
    .interval_ms = 15 * SECOND_MS,
    .automatic = true,
    .collect = container_collect,
};
REGISTER(collector, container);
