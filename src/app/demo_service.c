/* demo_service.c - the demo's supervisor: it owns the redis-server as systemd would, and restarts it when asked.
 * It also removes the demo's folder at the very end.
 *
 * DESIGN. A process of its own, forked before any thread. It hears requests of one line on a Unix socket, and lives as
 * long as its leash, a pipe that the demo holds: whatever ends the demo closes it. Redis is its child and gets SIGKILL
 * with it. Commands of actions are killed with all that they started, so they can't be redis-server's parent; they ask
 * here, by the hidden command demo-service. */
#include "app/command.h"
#include "app/demo.h"
#include "base/file.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256, ANSWERS_MS = 10 * SECOND_MS, STEP_MS = 20, ASK_MS = 15 * SECOND_MS };

struct supervisor {
    const struct demo *demo;
    int listener;
    pid_t redis; /* 0: it does not run */
};

static err start_redis(struct supervisor *supervisor)
{
    char conf[DEMO_PATH_MAX + 16];
    pid_t parent = getpid();

    snprintf(conf, sizeof(conf), "%s/redis.conf", supervisor->demo->folder);
    pid_t pid = fork();
    if (pid < 0)
        return err_errno("can't start redis-server");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(127);
        execlp("redis-server", "redis-server", conf, (char *)NULL);
        _exit(127);
    }
    supervisor->redis = pid;
    return NULL;
}

static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == supervisor->redis)
            supervisor->redis = 0;
}

static void kill_redis(struct supervisor *supervisor)
{
    if (!supervisor->redis)
        return;
    kill(supervisor->redis, SIGKILL);
    waitpid(supervisor->redis, NULL, 0);
    supervisor->redis = 0;
}

static bool answers(int port)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct redis_client *client CLEANUP(redis_client_freep) =
        redis_client_new(&(struct redis_options){ .host = S("127.0.0.1"), .port = port });
    const struct str ping[] = { S("PING") };
    const struct resp *reply;

    err e = redis_connect(client, time_mono_ms() + SECOND_MS);
    if (!e)
        e = redis_command(client, arena, time_mono_ms() + SECOND_MS, ping, ARRAY_LEN(ping), &reply);
    bool fine = e == NULL;
    err_free(e);
    return fine;
}

static const char *restart(struct supervisor *supervisor)
{
    int64_t deadline = time_mono_ms() + ANSWERS_MS;

    kill_redis(supervisor);
    err e = start_redis(supervisor);
    bool failed = e != NULL;
    err_free(e);
    if (failed)
        return "can't fork";
    while (time_mono_ms() < deadline) {
        reap(supervisor);
        if (!supervisor->redis)
            return "redis-server ended at once";
        if (answers(supervisor->demo->redis_port))
            return NULL;
        poll(NULL, 0, STEP_MS);
    }
    return "redis-server does not answer";
}

/* serve_line - NULL: done; else why not. */
static const char *serve_line(struct supervisor *supervisor, struct str line)
{
    struct str unit, verb = str_cut(line, ' ', &unit);

    if (!str_eq(unit, S(DEMO_UNIT)))
        return "no such unit";
    if (str_eq(verb, S("restart")))
        return restart(supervisor);
    if (str_eq(verb, S("status")))
        return supervisor->redis && answers(supervisor->demo->redis_port) ? NULL : "inactive";
    if (!str_eq(verb, S("kill")))
        return "restart, status or kill";
    kill_redis(supervisor);
    return NULL;
}

static void serve_one(struct supervisor *supervisor)
{
    char line[LINE_MAX_BYTES];
    int fd CLEANUP(fd_close) = accept4(supervisor->listener, NULL, NULL, SOCK_CLOEXEC);
    struct pollfd wait = { .fd = fd, .events = POLLIN };

    if (fd < 0 || poll(&wait, 1, SECOND_MS) != 1)
        return;
    ssize_t length = read(fd, line, sizeof(line));
    if (length <= 0)
        return;
    reap(supervisor);
    const char *why = serve_line(supervisor, str_trim((struct str){ line, (size_t)length }));
    err_free(fd_write_all(fd, str_of(why ? why : "ok"))); /* who asked may be gone */
}

static void supervise(struct supervisor *supervisor, int leash) __attribute__((noreturn));
static void supervise(struct supervisor *supervisor, int leash)
{
    for (;;) {
        struct pollfd both[] = { { .fd = leash, .events = POLLIN }, { .fd = supervisor->listener, .events = POLLIN } };
        reap(supervisor);
        if (poll(both, ARRAY_LEN(both), SECOND_MS) < 0 && errno != EINTR)
            break;
        if (both[0].revents)
            break; /* nobody holds it any more */
        if (both[1].revents)
            serve_one(supervisor);
    }
    kill_redis(supervisor);
    err_free(file_remove_tree(supervisor->demo->folder)); /* the demo itself has dropped its rights */
    _exit(0);
}

static err address_to(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(ret_address->sun_path))
        return err_new(ERR_INVALID, "%s is too long for a socket", path);
    memcpy(ret_address->sun_path, path, strlen(path));
    return NULL;
}

static err listen_at(const char *path, int *ret_fd)
{
    struct sockaddr_un address;

    TRY(address_to(path, &address));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno("can't make a socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0) {
        close(fd);
        return err_errno("can't listen at %s", path);
    }
    chmod(path, 0666); /* actions run as another user where the demo is root's */
    *ret_fd = fd;
    return NULL;
}

err demo_service_start(struct demo *demo)
{
    struct supervisor supervisor = { .demo = demo };
    int leash[2];

    TRY(listen_at(demo->socket, &supervisor.listener));
    if (pipe2(leash, O_CLOEXEC) < 0)
        return err_errno("can't make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        return err_errno("can't fork");
    if (pid == 0) {
        sigset_t none;
        close(leash[1]);
        setsid(); /* Ctrl-C is the demo's: it ends us in order */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        supervise(&supervisor, leash[0]);
    }
    close(leash[0]);
    close(supervisor.listener);
    demo->supervisor = pid;
    demo->leash = leash[1];
    return demo_service_ask(demo->socket, S("restart " DEMO_UNIT));
}

void demo_service_stop(struct demo *demo)
{
    if (!demo->supervisor)
        return;
    close(demo->leash);
    waitpid(demo->supervisor, NULL, 0);
    demo->supervisor = 0;
}

err demo_service_ask(const char *socket_path, struct str request)
{
    struct sockaddr_un address;
    char said[LINE_MAX_BYTES];

    TRY(address_to(socket_path, &address));
    int fd CLEANUP(fd_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return err_errno("can't reach the demo's supervisor at %s", socket_path);
    TRY(fd_write_all(fd, request));
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, ASK_MS) != 1)
        return err_new(ERR_TIMEOUT, "the demo's supervisor does not answer");
    ssize_t length = read(fd, said, sizeof(said));
    struct str answer = { said, length > 0 ? (size_t)length : 0 };
    if (!str_eq(answer, S("ok")))
        return err_new(ERR_REFUSED, "%.*s: %.*s", STR_ARG(request), STR_ARG(answer));
    return NULL;
}

struct service_options {
    struct str socket;
};
static const struct field service_fields[] = {
    STRING(struct service_options, socket, .flags = F_REQUIRED, .min = 1, .max = 107, .doc = "Of the supervisor."),
    { 0 },
};
static const struct schema service_schema = SCHEMA(struct service_options, service_fields);

static int service_run(const void *options, char **words, size_t count)
{
    const struct service_options *o = options;

    if (count != 2)
        return command_fail(err_new(ERR_INVALID, "usage: auspex demo-service VERB UNIT --socket PATH"), EXIT_USAGE);
    err e = demo_service_ask(o->socket.at, str_printf(command_arena(), "%s %s", words[0], words[1]));
    if (e)
        return command_fail(e, EXIT_BAD);
    printf("%s: %s done\n", words[1], words[0]);
    fflush(stdout);
    _exit(EXIT_OK); /* the jail of an action forbids what LeakSanitizer does at an ordinary end */
}

static const struct command demo_service = {
    .name = "demo-service",
    .arguments = "VERB UNIT",
    .summary = "What the demo's actions call in systemctl's place.",
    .options = &service_schema,
    .hidden = true,
    .run = service_run,
};
REGISTER(command, demo_service);
