/* selection.c - which process, which clients: looked at once, when an action is planned, and then fixed. */
#include "action/selection.h"

#include "action/redis_call.h"
#include "base/file.h"
#include "base/time.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 8192, SAMPLE_MS = 250, CLIENTS_MAX = 1000 };

struct process {
    pid_t pid, parent;
    uint64_t start, ticks;
    char name[64];
    bool kernel;
};

static bool read_process(pid_t pid, struct process *ret)
{
    char path[64], text[1024];
    unsigned long field[24] = { 0 };

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return false;
    *ret = (struct process){ .pid = pid };
    size_t name =
        (size_t)(close - open - 1) < sizeof(ret->name) - 1 ? (size_t)(close - open - 1) : sizeof(ret->name) - 1;
    memcpy(ret->name, open + 1, name);
    char *at = close + 3; /* field 3, the state */
    for (int i = 3; i < 23 && *at; i++) {
        field[i] = strtoul(at, NULL, 10);
        at = strchr(at, ' ');
        if (!at)
            break;
        at++;
    }
    ret->parent = (pid_t)field[4];
    ret->ticks = field[14] + field[15];
    ret->start = field[22];
    ret->kernel = pid == 2 || ret->parent == 2;
    return true;
}

uint64_t process_start(pid_t pid)
{
    struct process process;

    return read_process(pid, &process) ? process.start : 0;
}

static size_t read_processes(struct arena *arena, pid_t runner, struct process **ret)
{
    DIR *proc = opendir("/proc");
    struct process *list = arena_array(arena, PROCESSES_MAX, sizeof(*list));
    size_t count = 0;
    int64_t pid;

    for (struct dirent *entry; proc && count < PROCESSES_MAX && (entry = readdir(proc));)
        if (str_to_i64(str_of(entry->d_name), &pid) && pid > 1 && pid != getpid() && pid != runner &&
            read_process((pid_t)pid, &list[count]) && !list[count].kernel && list[count].parent != runner)
            count++;
    if (proc)
        closedir(proc);
    *ret = list;
    return count;
}

static const struct process *heaviest(struct arena *arena, pid_t runner, struct str name)
{
    struct process *before, *now;
    const struct process *found = NULL;
    uint64_t most = 0;
    size_t before_count = read_processes(arena, runner, &before);

    poll(NULL, 0, SAMPLE_MS);
    size_t count = read_processes(arena, runner, &now);
    for (size_t i = 0; i < count; i++) {
        uint64_t used = now[i].ticks;
        for (size_t k = 0; k < before_count; k++)
            if (before[k].pid == now[i].pid && before[k].start == now[i].start)
                used -= before[k].ticks;
        if (name.length && !str_eq(str_of(now[i].name), name))
            continue;
        if (!found || used > most) {
            most = used;
            found = &now[i];
        }
    }
    return name.length || most > 0 ? found : NULL;
}

err select_process(struct arena *arena, struct str text, pid_t runner, struct str *ret_text, double *ret_pid)
{
    struct str start, head = str_cut(text, '@', &start);
    struct process process = { 0 };
    int64_t pid;
    uint64_t began;

    if (str_to_i64(head, &pid) && text.length) {
        if (pid < 2 || pid > INT32_MAX || pid == getpid() || pid == runner)
            return err_new(ERR_FORBIDDEN, "process %lld is not one to act upon", (long long)pid);
        if (!read_process((pid_t)pid, &process) || process.kernel ||
            (start.at && (!str_to_u64(start, &began) || began != process.start)))
            return err_new(ERR_NOT_FOUND, "there is no process %.*s any more", STR_ARG(text));
    } else {
        const struct process *found = heaviest(arena, runner, head);
        if (!found)
            return err_new(ERR_NOT_FOUND, text.length ? "no process is called '%.*s'" : "no process uses CPU%.*s",
                           STR_ARG(text));
        process = *found;
    }
    *ret_text = str_printf(arena, "%d@%llu", process.pid, (unsigned long long)process.start);
    *ret_pid = process.pid;
    return NULL;
}

struct idle_client {
    int64_t id, idle;
};

static int longest_idle_first(const void *a, const void *b)
{
    const struct idle_client *left = a, *right = b;

    return (right->idle > left->idle) - (right->idle < left->idle);
}

static struct str client_field(struct str line, struct str name)
{
    for (struct str rest = line, word; rest.at;) {
        struct str value;
        word = str_cut(rest, ' ', &rest);
        if (str_eq(str_cut(word, '=', &value), name))
            return value;
    }
    return S("");
}

/* Idle, of the normal kind, and not in the middle of something: flags N alone, no subscriptions, no transaction. */
static bool is_idle(struct str line, double idle_seconds, struct idle_client *ret)
{
    return str_to_i64(client_field(line, S("id")), &ret->id) && str_to_i64(client_field(line, S("idle")), &ret->idle) &&
           (double)ret->idle >= idle_seconds && str_eq(client_field(line, S("flags")), S("N")) &&
           str_eq(client_field(line, S("sub")), S("0")) && str_eq(client_field(line, S("psub")), S("0")) &&
           str_eq(client_field(line, S("multi")), S("-1")) && !str_starts(client_field(line, S("name")), S("auspex"));
}

bool client_is_idle(struct str line, double idle_seconds, int64_t *ret_id)
{
    struct idle_client client = { 0 };
    bool idle = is_idle(line, idle_seconds, &client);

    *ret_id = client.id;
    return idle;
}

err select_idle_clients(struct step_call *call, struct str instance, double idle_seconds, size_t at_most,
                        struct str *ret_ids)
{
    struct redis_client *redis CLEANUP(redis_call_closep) = NULL;
    const struct str list[] = { S("CLIENT"), S("LIST"), S("TYPE"), S("normal") };
    struct idle_client clients[CLIENTS_MAX];
    struct buf ids CLEANUP(buf_clear) = { 0 };
    const struct resp *reply;
    size_t count = 0;

    TRY(redis_call_open(call, instance, &redis));
    TRY(redis_command(redis, call->arena, call->deadline_ms, list, ARRAY_LEN(list), &reply));
    for (struct str rest = reply->text, line; rest.at && count < CLIENTS_MAX;) {
        line = str_trim(str_cut(rest, '\n', &rest));
        if (line.length && is_idle(line, idle_seconds, &clients[count]))
            count++;
    }
    if (count == 0)
        return err_new(ERR_CONFLICT, "no client of %.*s has been idle for %g s: there is nothing to do",
                       STR_ARG(instance), idle_seconds);
    qsort(clients, count, sizeof(clients[0]), longest_idle_first);
    buf_init(&ids, 24 * CLIENTS_MAX);
    for (size_t i = 0; i < count && i < at_most; i++)
        buf_addf(&ids, "%s%lld", i ? "," : "", (long long)clients[i].id);
    *ret_ids = str_copy(call->arena, buf_str(&ids));
    return NULL;
}
