/* discovery.c - /proc/net/tcp says who listens, /proc/PID/fd says which program that is. */
#include "ingest/discovery.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/vec.h"

enum { TABLE_MAX = 16 * 1024 * 1024, LISTENERS_MAX = 10000, CMDLINE_MAX = 64 * 1024 };

/* By program first, by port where the program can't be seen or is an interpreter. */
static const struct known_service {
    const char *kind;
    const char *programs; /* between blanks */
    int port;
} known_services[] = {
    { "redis", " redis-server redis-sentinel valkey-server ", 6379 },
    { "postgresql", " postgres postmaster ", 5432 },
    { "mysql", " mysqld mariadbd ", 3306 },
    { "mongodb", " mongod mongos ", 27017 },
    { "memcached", " memcached ", 11211 },
    { "nginx", " nginx ", 0 },
    { "apache", " apache2 httpd ", 0 },
    { "haproxy", " haproxy ", 0 },
    { "rabbitmq", " rabbitmq-server ", 5672 },
    { "kafka", " kafka ", 9092 },
    { "elasticsearch", " elasticsearch ", 9200 },
    { "prometheus", " prometheus ", 9090 },
    { "alertmanager", " alertmanager prometheus-aler ", 9093 },
    { "pushgateway", " pushgateway prometheus-push ", 9091 },
    { "grafana", " grafana grafana-server ", 3000 },
    { "loki", " loki ", 3100 },
    { "victoriametrics", " victoria-metrics victoria-metric ", 8428 },
    { "node_exporter", " node_exporter prometheus-node ", 9100 },
    { "mysqld_exporter", " mysqld_exporter ", 9104 },
    { "blackbox_exporter", " blackbox_exporter ", 9115 },
    { "redis_exporter", " redis_exporter prometheus-redi ", 9121 },
    { "postgres_exporter", " postgres_exporte ", 9187 },
    { "nginx_exporter", " nginx-prometheus ", 9113 },
    { "process_exporter", " process-exporter ", 9256 },
    { "docker", " dockerd ", 2375 },
    { "kubelet", " kubelet ", 10250 },
    { "etcd", " etcd ", 2379 },
};

static bool parse_hex(struct str text, uint64_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                           : -1;
        if (digit < 0)
            return false;
        *ret_value = *ret_value << 4 | (uint64_t)digit;
    }
    return text.length > 0 && text.length <= 16;
}

static struct str next_word(struct str *line)
{
    struct str word = { NULL, 0 };

    while (line->at && !word.length)
        word = str_cut(*line, ' ', line);
    return word;
}

/* 8 or 32 digits: words in the byte order of the host. */
static bool parse_address(struct str hex, struct listener *listener)
{
    uint32_t words[4];
    size_t count = hex.length / 8;

    if (hex.length != 8 && hex.length != 32)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        if (!parse_hex(str_slice(hex, i * 8, i * 8 + 8), &word))
            return false;
        words[i] = (uint32_t)word;
    }
    return inet_ntop(count == 1 ? AF_INET : AF_INET6, words, listener->address, sizeof(listener->address)) != NULL;
}

bool discovery_parse_line(struct str line, struct listener *ret_listener)
{
    struct str port_text, words[10];
    uint64_t port;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!(words[i] = next_word(&line)).length)
            return false;
    if (!str_eq(words[3], S("0A"))) /* LISTEN */
        return false;
    struct str address = str_cut(words[1], ':', &port_text);
    if (!port_text.at || !parse_hex(port_text, &port) || port == 0 || port > 65535 ||
        !str_to_u64(words[7], &ret_listener->uid) || !str_to_u64(words[9], &ret_listener->inode))
        return false;
    ret_listener->port = (int)port;
    return parse_address(address, ret_listener);
}

struct finding {
    struct listener listener;
    int pid;
    struct str program;
};

typedef VEC(struct finding) findings;

static void read_table(struct arena *arena, const char *proc, const char *name, findings *found)
{
    struct str text;
    err e = file_read(arena, str_printf(arena, "%s/net/%s", proc, name).at, TABLE_MAX, &text);

    if (e) { /* no IPv6 here, say */
        err_free(e);
        return;
    }
    for (struct str rest = text, line; rest.at && found->count < LISTENERS_MAX;) {
        struct listener listener;
        line = str_cut(rest, '\n', &rest);
        if (discovery_parse_line(line, &listener))
            *vec_push(found, arena) = (struct finding){ .listener = listener, .program = S("") };
    }
}

static struct str program_of(struct arena *arena, const char *proc, int pid)
{
    struct str text;
    err e = file_read(arena, str_printf(arena, "%s/%d/comm", proc, pid).at, 64, &text);

    if (e) {
        err_free(e);
        return S("");
    }
    return str_utf8_scrub(arena, str_trim(text));
}

/* "redis-server 127.0.0.1:6379" holds 6379 as a whole number. */
static bool names_port(struct str text, int port)
{
    char digits[8];
    struct str wanted = { digits, (size_t)snprintf(digits, sizeof(digits), "%d", port) };

    for (size_t at = 0; (at = str_find(text, wanted, at)) != SIZE_MAX; at++) {
        size_t end = at + wanted.length;
        bool begins = at == 0 || text.at[at - 1] < '0' || text.at[at - 1] > '9';
        if (begins && (end == text.length || text.at[end] < '0' || text.at[end] > '9'))
            return true;
    }
    return false;
}

static bool is_known_program(struct arena *arena, struct str program)
{
    struct str padded = str_printf(arena, " %.*s ", STR_ARG(program));

    for (size_t i = 0; i < ARRAY_LEN(known_services); i++)
        if (str_contains(str_of(known_services[i].programs), padded))
            return true;
    return false;
}

/* Descriptors of other users' processes are hidden from a daemon without privileges; their command lines are not. A
 * known program of the socket's user that names the port is taken for its owner. */
static void guess_process(struct arena *arena, const char *proc, int pid, findings *found, size_t *missing)
{
    struct str program = program_of(arena, proc, pid), text;
    struct stat stat_of;

    if (!is_known_program(arena, program) || stat(str_printf(arena, "%s/%d", proc, pid).at, &stat_of))
        return;
    err e = file_read(arena, str_printf(arena, "%s/%d/cmdline", proc, pid).at, CMDLINE_MAX, &text);
    if (e) {
        err_free(e);
        return;
    }
    for (size_t i = 0; i < found->count; i++)
        if (!found->at[i].pid && found->at[i].listener.uid == stat_of.st_uid &&
            names_port(text, found->at[i].listener.port)) {
            found->at[i].pid = pid;
            found->at[i].program = program;
            --*missing;
        }
}

/* Which of the sockets does this process hold? */
static void match_process(struct arena *arena, const char *proc, int pid, findings *found, size_t *missing)
{
    DIR *folder = opendir(str_printf(arena, "%s/%d/fd", proc, pid).at);
    struct str program = { NULL, 0 };

    if (!folder) {
        if (errno == EACCES)
            guess_process(arena, proc, pid, found, missing);
        return;
    }
    for (struct dirent *entry; *missing && (entry = readdir(folder));) {
        char target[64];
        uint64_t inode;
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target));
        struct str text = { target, length < 0 ? 0 : (size_t)length };
        if (!str_starts(text, S("socket:[")) || !str_to_u64(str_slice(text, 8, text.length - 1), &inode))
            continue;
        for (size_t i = 0; i < found->count; i++)
            if (found->at[i].listener.inode == inode && !found->at[i].pid) {
                if (!program.at)
                    program = program_of(arena, proc, pid);
                found->at[i].pid = pid;
                found->at[i].program = program;
                --*missing;
            }
    }
    closedir(folder);
}

static err match_processes(struct arena *arena, const char *proc, findings *found)
{
    DIR *folder = opendir(proc);
    size_t missing = found->count;

    if (!folder)
        return err_errno("can't read %s", proc);
    for (struct dirent *entry; missing && (entry = readdir(folder));) {
        int64_t pid;
        if (str_to_i64(str_of(entry->d_name), &pid) && pid > 0 && pid <= INT32_MAX)
            match_process(arena, proc, (int)pid, found, &missing);
    }
    closedir(folder);
    return NULL;
}

static const struct known_service *known_as(struct arena *arena, const struct finding *finding)
{
    struct str padded = str_printf(arena, " %.*s ", STR_ARG(finding->program));

    for (size_t i = 0; i < ARRAY_LEN(known_services) && finding->program.length; i++)
        if (str_contains(str_of(known_services[i].programs), padded))
            return &known_services[i];
    for (size_t i = 0; i < ARRAY_LEN(known_services); i++)
        if (known_services[i].port == finding->listener.port)
            return &known_services[i];
    return NULL;
}

static int by_port(const void *left, const void *right)
{
    const struct found_service *a = left, *b = right;

    return a->port != b->port ? (a->port > b->port) - (a->port < b->port) : str_cmp(a->address, b->address);
}

static struct str reachable(struct arena *arena, const char *address)
{
    if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
        return S("127.0.0.1");
    return str_copy(arena, str_of(address));
}

err discovery_look(struct arena *arena, const char *proc, struct found_list *ret_list)
{
    findings found = { 0 };
    VEC(struct found_service) list = { 0 };

    read_table(arena, proc, "tcp", &found);
    read_table(arena, proc, "tcp6", &found);
    TRY(match_processes(arena, proc, &found));
    for (size_t i = 0; i < found.count; i++) {
        const struct known_service *known = known_as(arena, &found.at[i]);
        struct str address = reachable(arena, found.at[i].listener.address);
        bool twice = false;
        if (!known || found.at[i].pid == getpid())
            continue;
        for (size_t k = 0; k < list.count && !twice; k++) /* IPv4 and IPv6, or several addresses, of one server */
            twice = list.at[k].port == found.at[i].listener.port && str_eq(list.at[k].kind, str_of(known->kind));
        if (!twice)
            *vec_push(&list, arena) = (struct found_service){
                .kind = str_of(known->kind),
                .name = found.at[i].program.length ? found.at[i].program : str_of(known->kind),
                .address = address,
                .port = found.at[i].listener.port,
                .pid = found.at[i].pid,
            };
    }
    if (list.count)
        qsort(list.at, list.count, sizeof(*list.at), by_port);
    *ret_list = (struct found_list){ list.at, list.count };
    return arena_check(arena);
}
