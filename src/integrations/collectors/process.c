/* process.c - processes by name, with process-exporter's names: the heaviest, and those asked for.
 *
 * DESIGN. A group is all processes of one name. Its counters go on when a process ends: what each living process has
 * used is remembered by pid and start time, and only the difference is added. Reported are the `top` groups by
 * processor time (decaying, so that membership is steady), the `top` by memory, and the configured ones; the number of
 * series is so bounded whatever runs. One read of /proc/PID/stat a process and scrape: 10 us each. */
#include "integrations/collectors/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "ingest/collector.h"
#include "integrations/collectors/host.h"

enum { GROUPS_MAX = 4096, MEMBERS_MAX = 32768, MEMBER_BUCKETS = 4096, NAME_MAX_BYTES = 64, STATES = 5 };

struct process_settings {
    int64_t top;
    VEC(struct str) names;
    struct str root;
};

static const struct field process_fields[] = {
    INT(struct process_settings, top, .def = "15", .min = 0, .max = 500,
        .doc = "Groups to report by processor time, and as many by memory."),
    STRINGS(struct process_settings, names, .max = 500, .doc = "Process names that are always reported."),
    STRING(struct process_settings, root, .def = "/", .max = 4096, .doc = "Where this host's proc is mounted."),
    { 0 },
};

struct member {
    struct member *next;
    int64_t pid, start_ticks;
    int64_t user_ticks, system_ticks, minor_faults, major_faults;
    uint64_t scan; /* when it was last seen */
};

struct group {
    char name[NAME_MAX_BYTES];
    uint64_t scan;
    double user_ticks, system_ticks, minor_faults, major_faults; /* since we look */
    double recent_ticks;                                         /* decaying */
    /* Of this scan. */
    int64_t count, threads, rss_bytes, virtual_bytes, oldest_ticks, descriptors;
    int64_t states[STATES];
    bool chosen, descriptors_known;
};

struct processes {
    int proc;
    char host[HOST_NAME_MAX + 1];
    uint64_t scan;
    struct member *members[MEMBER_BUCKETS];
    size_t member_count;
    VEC(struct group) groups;
    size_t dropped;
    double boot_seconds;
};

static const char *const state_names[STATES] = { "Running", "Sleeping", "Waiting", "Zombie", "Other" };

static size_t state_index(char state)
{
    switch (state) {
    case 'R':
        return 0;
    case 'S':
    case 'I':
        return 1;
    case 'D':
        return 2;
    case 'Z':
        return 3;
    default:
        return 4;
    }
}

bool process_parse(struct str line, struct process_stat *ret_stat)
{
    size_t open = str_find(line, S("("), 0), close = SIZE_MAX;
    int64_t fields[21]; /* from the parent, the kernel's field 4, to the resident pages, 24 */
    size_t count = 0;

    for (size_t i = line.length; i-- > 0 && close == SIZE_MAX;)
        if (line.at[i] == ')')
            close = i;
    if (open == SIZE_MAX || close == SIZE_MAX || close <= open + 1)
        return false;
    struct str rest = str_slice(line, close + 1, line.length), state = line_word(&rest);
    if (state.length != 1)
        return false;
    for (; count < ARRAY_LEN(fields); count++)
        if (!str_to_i64(str_trim(line_word(&rest)), &fields[count]))
            return false;
    *ret_stat = (struct process_stat){
        .name = str_slice(line, open + 1, close),
        .state = state.at[0],
        .parent = fields[0],
        .minor_faults = fields[6],
        .major_faults = fields[8],
        .user_ticks = fields[10],
        .system_ticks = fields[11],
        .threads = fields[16],
        .start_ticks = fields[18],
        .virtual_bytes = fields[19],
        .rss_pages = fields[20],
    };
    return true;
}

static struct group *group_of(struct processes *state, struct str name)
{
    name = str_utf8_head(str_slice(name, 0, NAME_MAX_BYTES - 1), NAME_MAX_BYTES - 1);
    for (size_t i = 0; i < state->groups.count; i++)
        if (str_eq(str_of(state->groups.at[i].name), name))
            return &state->groups.at[i];
    if (state->groups.count >= GROUPS_MAX) {
        state->dropped++;
        return NULL;
    }
    struct group *group = vec_push(&state->groups, NULL);
    if (name.length)
        memcpy(group->name, name.at, name.length);
    return group;
}

static struct member *member_of(struct processes *state, int64_t pid, int64_t start_ticks)
{
    struct member **bucket = &state->members[(size_t)pid % MEMBER_BUCKETS], *member = *bucket;

    while (member && !(member->pid == pid && member->start_ticks == start_ticks))
        member = member->next;
    if (member || state->member_count >= MEMBERS_MAX)
        return member;
    member = calloc(1, sizeof(*member));
    if (!member)
        abort();
    *member = (struct member){ .next = *bucket, .pid = pid, .start_ticks = start_ticks };
    *bucket = member;
    state->member_count++;
    return member;
}

static double gained(int64_t now, int64_t *before)
{
    double more = now > *before ? (double)(now - *before) : 0;

    *before = now;
    return more;
}

static void add_process(struct processes *state, int64_t pid, const struct process_stat *stat, double page_bytes)
{
    struct group *group = group_of(state, stat->name);
    struct member *member = member_of(state, pid, stat->start_ticks);

    if (!group || !member)
        return;
    if (group->scan != state->scan) {
        group->scan = state->scan;
        group->count = group->threads = group->rss_bytes = group->virtual_bytes = group->descriptors = 0;
        group->oldest_ticks = INT64_MAX;
        group->recent_ticks *= 0.9;
        memset(group->states, 0, sizeof(group->states));
        group->chosen = false;
        group->descriptors_known = true;
    }
    bool first_look = member->scan == 0 && state->scan == 1; /* what was used before we looked is no news */
    double user = gained(stat->user_ticks, &member->user_ticks);
    double system = gained(stat->system_ticks, &member->system_ticks);
    group->minor_faults += gained(stat->minor_faults, &member->minor_faults);
    group->major_faults += gained(stat->major_faults, &member->major_faults);
    group->user_ticks += user;
    group->system_ticks += system;
    if (!first_look)
        group->recent_ticks += user + system;
    member->scan = state->scan;
    group->count++;
    group->threads += stat->threads;
    group->virtual_bytes += stat->virtual_bytes;
    group->rss_bytes += (int64_t)((double)stat->rss_pages * page_bytes);
    if (stat->start_ticks < group->oldest_ticks)
        group->oldest_ticks = stat->start_ticks;
    group->states[state_index(stat->state)]++;
}

static void forget_the_dead(struct processes *state)
{
    for (size_t i = 0; i < MEMBER_BUCKETS; i++)
        for (struct member **link = &state->members[i], *it; (it = *link);)
            if (it->scan != state->scan) {
                *link = it->next;
                free(it);
                state->member_count--;
            } else {
                link = &it->next;
            }
    for (size_t i = 0; i < state->groups.count;)
        if (state->groups.at[i].scan + 240 < state->scan) /* an hour at the usual interval: its counters may go */
            state->groups.at[i] = state->groups.at[--state->groups.count];
        else
            i++;
}

static bool read_stat(struct processes *state, const char *pid, char *text, size_t room, struct process_stat *ret_stat)
{
    char path[32];
    size_t length = strlen(pid);

    if (length > 20)
        return false;
    memcpy(path, pid, length);
    memcpy(path + length, "/stat", 6);
    int fd CLEANUP(fd_close) = openat(state->proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, room);
    return got > 0 && process_parse((struct str){ text, (size_t)got }, ret_stat);
}

/* Since Linux 6.2 the size of /proc/PID/fd is the number of descriptors, for everybody to see. */
static void count_descriptors(struct processes *state, const char *pid, struct group *group)
{
    char path[32];
    struct stat stat;
    size_t length = strlen(pid);

    memcpy(path, pid, length);
    memcpy(path + length, "/fd", 4);
    if (fstatat(state->proc, path, &stat, 0) == 0 && stat.st_size > 0)
        group->descriptors += stat.st_size;
    else
        group->descriptors_known = false;
}

static err scan(struct processes *state, double page_bytes)
{
    int fd = openat(state->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    char text[1024];

    if (!folder)
        return err_errno("can't read the folder of processes");
    state->scan++;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct process_stat stat;
        int64_t pid;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !str_to_i64(str_of(entry->d_name), &pid))
            continue;
        if (!read_stat(state, entry->d_name, text, sizeof(text), &stat) || stat.virtual_bytes == 0)
            continue; /* gone, or a thread of the kernel */
        add_process(state, pid, &stat, page_bytes);
        struct group *group = group_of(state, stat.name);
        if (group)
            count_descriptors(state, entry->d_name, group);
    }
    closedir(folder);
    forget_the_dead(state);
    return NULL;
}

static int by_recent(const void *left, const void *right)
{
    const struct group *a = *(struct group *const *)left, *b = *(struct group *const *)right;

    return (a->recent_ticks < b->recent_ticks) - (a->recent_ticks > b->recent_ticks);
}

static int by_memory(const void *left, const void *right)
{
    const struct group *a = *(struct group *const *)left, *b = *(struct group *const *)right;

    return (a->rss_bytes < b->rss_bytes) - (a->rss_bytes > b->rss_bytes);
}

static void choose(struct processes *state, const struct process_settings *settings, struct arena *arena)
{
    VEC(struct group *) alive = { 0 };

    for (size_t i = 0; i < state->groups.count; i++)
        if (state->groups.at[i].scan == state->scan)
            *vec_push(&alive, arena) = &state->groups.at[i];
    for (size_t i = 0; i < alive.count; i++)
        for (size_t k = 0; k < settings->names.count; k++)
            if (str_eq(str_of(alive.at[i]->name), settings->names.at[k]))
                alive.at[i]->chosen = true;
    if (!alive.count)
        return;
    qsort(alive.at, alive.count, sizeof(struct group *), by_recent);
    for (size_t i = 0; i < alive.count && i < (size_t)settings->top; i++)
        alive.at[i]->chosen = alive.at[i]->chosen || alive.at[i]->recent_ticks > 0;
    qsort(alive.at, alive.count, sizeof(struct group *), by_memory);
    for (size_t i = 0; i < alive.count && i < (size_t)settings->top; i++)
        alive.at[i]->chosen = true;
}

static void add_group(struct processes *state, struct batch *out, const struct group *group, double ticks_per_second)
{
    const char *name = str_c(out->arena, str_utf8_scrub(out->arena, str_of(group->name)));
    batch_gauge(out, "namedprocess_namegroup_num_procs", "Processes.", (double)group->count, "groupname", name, NULL);
    batch_counter(out, "namedprocess_namegroup_cpu_seconds_total", "Processor time.",
                  group->user_ticks / ticks_per_second, "groupname", name, "mode", "user", NULL);
    batch_counter(out, "namedprocess_namegroup_cpu_seconds_total", "Processor time.",
                  group->system_ticks / ticks_per_second, "groupname", name, "mode", "system", NULL);
    batch_gauge(out, "namedprocess_namegroup_memory_bytes", "Memory.", (double)group->rss_bytes, "groupname", name,
                "memtype", "resident", NULL);
    batch_gauge(out, "namedprocess_namegroup_memory_bytes", "Memory.", (double)group->virtual_bytes, "groupname", name,
                "memtype", "virtual", NULL);
    batch_gauge(out, "namedprocess_namegroup_num_threads", "Threads.", (double)group->threads, "groupname", name, NULL);
    batch_counter(out, "namedprocess_namegroup_major_page_faults_total", "Page faults that read from a disk.",
                  group->major_faults, "groupname", name, NULL);
    batch_counter(out, "namedprocess_namegroup_minor_page_faults_total", "Page faults.", group->minor_faults,
                  "groupname", name, NULL);
    batch_gauge(out, "namedprocess_namegroup_oldest_start_time_seconds", "When the oldest of them started.",
                state->boot_seconds + (double)group->oldest_ticks / ticks_per_second, "groupname", name, NULL);
    if (group->descriptors_known)
        batch_gauge(out, "namedprocess_namegroup_open_filedesc", "Open file descriptors.", (double)group->descriptors,
                    "groupname", name, NULL);
    for (size_t i = 0; i < STATES; i++)
        batch_gauge(out, "namedprocess_namegroup_states", "Processes by state.", (double)group->states[i], "groupname",
                    name, "state", state_names[i], NULL);
    batch_resource(out, &(struct resource_seen){
                            str_printf(out->arena, "process:%s:%s", state->host, name), S("process"), str_of(name),
                            labels_make(out->arena, &(struct label){ S("groupname"), str_of(name) }, 1), S("") });
}

static double boot_time(struct processes *state)
{
    int fd CLEANUP(fd_close) = openat(state->proc, "stat", O_RDONLY | O_CLOEXEC);
    static const size_t room = 256 * 1024;
    char *text = malloc(room);
    ssize_t got = fd < 0 || !text ? -1 : read(fd, text, room);
    struct str line = { text, got < 0 ? 0 : (size_t)got };
    size_t at = str_find(line, S("\nbtime "), 0);
    double seconds = 0;

    if (at != SIZE_MAX) {
        line = str_slice(line, at + 7, line.length);
        if (!str_to_double(str_cut(line, '\n', &line), &seconds))
            seconds = 0;
    }
    free(text);
    return seconds;
}

static void process_close(void *closing)
{
    struct processes *state = closing;

    for (size_t i = 0; i < MEMBER_BUCKETS; i++)
        for (struct member *it = state->members[i], *next; it; it = next) {
            next = it->next;
            free(it);
        }
    vec_clear(&state->groups);
    fd_close(&state->proc);
    free(state);
}

static err process_open(struct call *call, const void *settings, void **ret_state)
{
    const struct process_settings *s = settings;
    const char *path = str_printf(call->arena, "%.*s/proc", STR_ARG(s->root)).at;
    int proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct processes *state;

    if (proc < 0)
        return err_errno("can't open %s", path);
    state = calloc(1, sizeof(*state));
    if (!state)
        abort();
    state->proc = proc;
    gethostname(state->host, sizeof(state->host) - 1);
    state->boot_seconds = boot_time(state);
    *ret_state = state;
    return NULL;
}

static err process_collect(struct call *call, const void *settings, void *collecting, struct batch *out)
{
    struct processes *state = collecting;
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);

    TRY(scan(state, (double)sysconf(_SC_PAGESIZE)));
    choose(state, settings, call->arena);
    for (size_t i = 0; i < state->groups.count; i++)
        if (state->groups.at[i].chosen && state->groups.at[i].scan == state->scan)
            add_group(state, out, &state->groups.at[i], ticks_per_second);
    if (state->dropped)
        batch_note(out, str_printf(out->arena, "%zu processes beyond %d different names are not counted",
                                   state->dropped, GROUPS_MAX));
    state->dropped = 0;
    return NULL;
}

static const struct collector process = {
    .name = "process",
    .doc = "Processes by name, the heaviest and those asked for, with process-exporter's names.",
    .settings = SCHEMA(struct process_settings, process_fields),
    .interval_ms = 15 * SECOND_MS,
    .automatic = true,
    .open = process_open,
    .collect = process_collect,
    .close = process_close,
};
REGISTER(collector, process);
