/* demo.c - `auspex demo`: four failures of a real Redis, each detected, explained, repaired and verified, in a minute.
 *
 * The real server runs in this process, on data of its own; everything goes over its public API. */
#include "app/demo.h"
#include "app/command.h"
#include "app/parts.h"
#include "auth/auth.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICK_MS = 250 };

struct demo_options {
    bool json, keep;
};
static const struct field demo_fields[] = {
    BOOL(struct demo_options, json, .def = "false", .doc = "A line of JSON for each scenario, nothing else."),
    BOOL(struct demo_options, keep, .def = "false", .doc = "Keep the page open afterwards, until Ctrl-C."),
    { 0 },
};
static const struct schema demo_schema = SCHEMA(struct demo_options, demo_fields);

static struct demo demo; /* one a process: serve_with hands nothing on */

bool demo_pause(struct demo *demo_now, int64_t ms)
{
    sigset_t wanted;

    signals_wanted(&wanted);
    for (int64_t end = time_mono_ms() + ms; !demo_now->interrupted;) {
        int64_t left = end - time_mono_ms();
        if (left <= 0)
            break;
        int64_t step = left < TICK_MS ? left : TICK_MS;
        int number = sigtimedwait(&wanted, NULL, &(struct timespec){ .tv_nsec = step * 1000000 });
        if (number == SIGINT || number == SIGTERM)
            demo_now->interrupted = true;
    }
    return !demo_now->interrupted;
}

static bool on_path(const char *program)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    const char *path = getenv("PATH");

    for (struct str rest = str_of(path ? path : "/usr/bin:/bin"), folder; rest.at;) {
        folder = str_cut(rest, ':', &rest);
        if (access(str_c(arena, str_printf(arena, "%.*s/%s", STR_ARG(folder), program)), X_OK) == 0)
            return true;
    }
    return false;
}

static err free_port(int *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int fd CLEANUP(fd_close) = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return err_errno("no free port on 127.0.0.1");
    *ret_port = ntohs(address.sin_port);
    return NULL;
}

static err copy_file(const char *from, const char *to)
{
    int in CLEANUP(fd_close) = open(from, O_RDONLY | O_CLOEXEC);
    int out CLEANUP(fd_close) = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    struct stat stat;

    if (in < 0 || out < 0 || fstat(in, &stat) < 0)
        return err_errno("can't copy %s to %s", from, to);
    for (off_t done = 0; done < stat.st_size;) {
        ssize_t sent = sendfile(out, in, &done, (size_t)(stat.st_size - done));
        if (sent <= 0)
            return err_errno("can't copy %s to %s", from, to);
    }
    return NULL;
}

/* find_program - ourselves, for the action that asks the supervisor. As root, actions run as a user who may not reach
 * a clone under /root: they get a copy. */
static err find_program(struct arena *arena)
{
    char self[DEMO_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length <= 0)
        return err_errno("can't find my own program");
    self[length] = '\0';
    if (geteuid() != 0) {
        memcpy(demo.program, self, sizeof(self));
        return NULL;
    }
    snprintf(demo.program, sizeof(demo.program), "%s", str_printf(arena, "%s/auspex", demo.folder).at);
    return copy_file("/proc/self/exe", demo.program);
}

static err write_in_folder(struct arena *arena, const char *name, struct str text)
{
    return file_write(str_printf(arena, "%s/%s", demo.folder, name).at, text, 0644);
}

/* The slow log is off: a script that was killed after seconds would stand in it, and its own alert keep the incident
 * open for a while longer. */
static struct str redis_conf(struct arena *arena)
{
    return str_printf(arena,
                      "bind 127.0.0.1\nport %d\ndir %s/redis\nlogfile %s/redis/redis.log\nsave \"\"\nappendonly no\n"
                      "maxmemory-policy noeviction\nlua-time-limit 200\nslowlog-log-slower-than -1\n",
                      demo.redis_port, demo.folder, demo.folder);
}

/* The catalogue's restart_service asks systemd; here it asks the demo's supervisor. Nothing else is different. */
static struct str actions_yml(struct arena *arena)
{
    return str_printf(arena,
                      "actions:\n"
                      "  - id: restart_service\n"
                      "    doc: Restart a unit (of the demo's own supervisor, which stands in for systemd).\n"
                      "    class: 1\n"
                      "    parameters:\n"
                      "      unit: { type: systemd_unit, doc: Which one. }\n"
                      "    targets: [unit]\n"
                      "    run:\n"
                      "      - command:\n"
                      "          argv: ['%s', demo-service, restart, '{{unit}}', --socket, '%s']\n"
                      "          timeout: 15s\n"
                      "    verify:\n"
                      "      command: { argv: ['%s', demo-service, status, '{{unit}}', --socket, '%s'] }\n"
                      "      within: 15s\n"
                      "      for: 3 samples\n"
                      "      every: 500ms\n"
                      "    irreversible: true\n"
                      "    cooldown: 10s\n",
                      demo.program, demo.socket, demo.program, demo.socket);
}

static struct str auspex_yml(struct arena *arena)
{
    return str_printf(arena,
                      "actions:\n  files: ['%s/actions.yml']\n"
                      "inventory:\n  resources:\n    - { id: 'redis:127.0.0.1:%d', name: demo, service: %s }\n",
                      demo.folder, demo.redis_port, DEMO_UNIT);
}

static err make_folder(struct arena *arena)
{
    const char *base = getenv("TMPDIR");

    snprintf(demo.folder, sizeof(demo.folder), "%s/auspex-demo-XXXXXX", base && strlen(base) < 60 ? base : "/tmp");
    if (!mkdtemp(demo.folder))
        return err_errno("can't make a folder %s", demo.folder);
    if (chmod(demo.folder, 0755) < 0)
        return err_errno("can't open up %s", demo.folder);
    snprintf(demo.socket, sizeof(demo.socket), "%s", str_printf(arena, "%s/supervisor.sock", demo.folder).at);
    TRY(file_make_dirs(str_printf(arena, "%s/redis", demo.folder).at, 0755));
    TRY(free_port(&demo.redis_port));
    TRY(find_program(arena));
    TRY(write_in_folder(arena, "redis.conf", redis_conf(arena)));
    TRY(write_in_folder(arena, "actions.yml", actions_yml(arena)));
    return write_in_folder(arena, "auspex.yml", auspex_yml(arena));
}

/* Two principals, as the action room wants: who asks, and who approves. */
struct tokens_job {
    struct arena *arena;
};

static err make_tokens(struct tx *tx, void *arg)
{
    struct arena *arena = ((struct tokens_job *)arg)->arena;
    int64_t id;

    TRY(auth_token_create(tx, arena, S("demo-operator"), ROLE_OPERATOR, S("user:local"), &demo.operator_token, &id));
    return auth_token_create(tx, arena, S("demo-approver"), ROLE_APPROVER, S("user:local"), &demo.approver_token, &id);
}

static bool is_verified(const struct demo_outcome *outcome)
{
    return outcome->alert_ms && outcome->proposed_ms && outcome->approved && outcome->fixed && outcome->resolved_ms &&
           outcome->incidents == 1 &&
           outcome->proposed_ms - outcome->alert_ms <= 2 * DEMO_INTERVAL_S * (int64_t)SECOND_MS;
}

static err run_one(struct arena *arena, size_t number, bool *ret_verified)
{
    const struct demo_scenario *scenario = &demo_scenarios[number];
    struct demo_outcome outcome;
    int64_t after, fault_ms = 0;

    *ret_verified = false;
    demo_say_title(&demo, scenario, number + 1);
    if (scenario->wait && !scenario->wait(&demo))
        return NULL;
    TRY(demo_last_event(&demo, &after));
    TRY(err_wrap(scenario->provoke(&demo, &fault_ms), "%s", scenario->title));
    TRY(demo_follow(&demo, arena, after, fault_ms, &outcome));
    if (scenario->tidy)
        scenario->tidy(&demo);
    if (demo.interrupted)
        return NULL;
    *ret_verified = is_verified(&outcome);
    demo_say_outcome(&demo, scenario, &outcome, fault_ms, *ret_verified);
    return NULL;
}

static err run_all(struct arena *arena, size_t *ret_verified)
{
    TRY(demo_connect(&demo));
    TRY(demo_leak(&demo));
    for (size_t i = 0; i < demo_scenario_count && !demo.interrupted; i++) {
        bool verified;
        TRY(run_one(arena, i, &verified));
        *ret_verified += verified;
    }
    return NULL;
}

/* tour - what serve_with runs once the server is ready. */
static int tour(struct app *app)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct tokens_job job = { arena };
    size_t verified = 0;
    int64_t start_ms = time_mono_ms();

    demo.app = app;
    demo.url = http_server_url(arena, app->server);
    demo.resource = str_printf(arena, "redis:127.0.0.1:%d", demo.redis_port);
    err e = db_write(app->db, make_tokens, &job);
    if (!e)
        e = run_all(arena, &verified);
    demo_scenarios_end(&demo);
    if (e)
        return command_fail(e, EXIT_BAD);
    if (!demo.json)
        printf("\n%s%zu of %zu verified, in %.0f s.\n", demo.interrupted ? "Interrupted. " : "", verified,
               demo_scenario_count, (double)(time_mono_ms() - start_ms) / 1000);
    fflush(stdout);
    if (demo.keep && !demo.interrupted) {
        if (!demo.json)
            printf("The page stays open; Ctrl-C ends it.\n");
        fflush(stdout);
        while (demo_pause(&demo, SECOND_MS))
            continue;
    }
    return verified == demo_scenario_count ? EXIT_OK : EXIT_BAD;
}

/* quiet_start - with --json the server's greeting goes to where its log goes. */
static int tour_json(struct app *app)
{
    fflush(stdout);
    if (dup2(demo.stdout_kept, STDOUT_FILENO) < 0)
        return command_fail(err_errno("can't write to standard output"), EXIT_BAD);
    return tour(app);
}

static int run_in_folder(struct arena *arena)
{
    struct serve_options options = {
        .storage_path = str_printf(arena, "%s/data", demo.folder),
        .listen = S("127.0.0.1:0"),
        .log_level = S("error"),
    };

    *vec_push(&options.config_files, arena) = str_printf(arena, "%s/auspex.yml", demo.folder);
    if (!demo.json)
        return serve_with(&options, tour);
    demo.stdout_kept = dup(STDOUT_FILENO);
    if (demo.stdout_kept < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return command_fail(err_errno("can't write to standard output"), EXIT_BAD);
    return serve_with(&options, tour_json);
}

static int demo_run(const void *options, char **words, size_t count)
{
    const struct demo_options *o = options;
    struct arena *arena = command_arena();

    (void)words, (void)count;
    demo.json = o->json;
    demo.keep = o->keep;
    demo.colors = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if (!on_path("redis-server"))
        return command_fail(err_hint(err_new(ERR_NOT_FOUND, "there is no redis-server on this host's PATH"),
                                     "apt-get install redis-server"),
                            EXIT_BAD);
    signals_block(); /* from here on there is something to clean up */
    err e = make_folder(arena);
    if (!e)
        e = demo_service_start(&demo);
    int status = e ? command_fail(e, EXIT_BAD) : run_in_folder(arena);
    if (!demo.supervisor)
        err_free(file_remove_tree(demo.folder));
    demo_service_stop(&demo);
    return status;
}

static const struct command demo_command = {
    .name = "demo",
    .arguments = "",
    .summary = "Break a Redis of its own in four ways, and watch Auspex repair it.",
    .options = &demo_schema,
    .run = demo_run,
};
REGISTER(command, demo_command);
