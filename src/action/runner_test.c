/* runner_test.c - tries to get past the runner: to outlive it, to fool it, to flood it, to leave the jail. */
#include "action/runner.h"

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static struct runner *runner;
static struct arena *arena;

static void start_as(const struct runner_options *options)
{
    arena = arena_new(64 << 20);
    ASSERT_OK(runner_start(options, &runner));
}

static void start(void)
{
    start_as(&(struct runner_options){ 0 });
}

/* What the runner itself must never do; here a shell is only the attacker's tool. */
static err run_shell(const char *script, int64_t timeout_ms, struct run_outcome *ret_outcome)
{
    struct str argv[] = { S("/bin/bash"), S("-c"), str_of(script) };
    struct run_spec spec = { .argv = argv, .argc = 3, .timeout_ms = timeout_ms, .grace_ms = 50 };

    return runner_run(runner, arena, &spec, ret_outcome);
}

/* How many processes on this machine have the word in their command line. */
static int count_processes(const char *word)
{
    DIR *proc = opendir("/proc");
    int count = 0;

    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], text[4096];
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        int fd = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
        ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text));
        if (fd >= 0)
            close(fd);
        count += length > 0 && memmem(text, (size_t)length, word, strlen(word)) != NULL;
    }
    closedir(proc);
    return count;
}

static bool all_gone(const char *word)
{
    for (int i = 0; i < 2000; i++) {
        if (count_processes(word) == 0)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

/* A number of seconds to sleep for that no other test uses: it names our processes. */
static const char *unique_sleep(void)
{
    static char text[64];
    static int turn;

    snprintf(text, sizeof(text), "9%d.%d", getpid(), ++turn);
    return text;
}

TEST(runner_runs_a_command_and_returns_what_it_said)
{
    struct str argv[] = { S("echo"), S("hello"), S("world") };
    struct run_spec spec = { .argv = argv, .argc = 3, .timeout_ms = 5000 };
    struct run_outcome outcome;

    start();
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_EQ_INT(RUN_EXITED, outcome.end);
    ASSERT_EQ_INT(0, outcome.status);
    ASSERT_STR("hello world\n", outcome.head);
    ASSERT_OK(run_shell("exit 3", 5000, &outcome));
    ASSERT_EQ_INT(3, outcome.status);
    ASSERT_OK(run_shell("kill -SEGV $$", 5000, &outcome));
    ASSERT_EQ_INT(RUN_SIGNALLED, outcome.end);
    ASSERT_EQ_INT(SIGSEGV, outcome.status);
    runner_stop(runner);
}

TEST(runner_passes_hostile_words_as_they_are)
{
    struct str argv[] = { S("/usr/bin/printf"),
                          S("%s|"),
                          S("$(touch /tmp/pwned)"),
                          S("`id`"),
                          S("a\nb"),
                          S("; rm -rf /"),
                          S("{{x}}"),
                          S("--help"),
                          S("*"),
                          S("\xff\xfe") };
    struct run_spec spec = { .argv = argv, .argc = ARRAY_LEN(argv), .timeout_ms = 5000 };
    struct run_outcome outcome;

    start();
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_STR("$(touch /tmp/pwned)|`id`|a\nb|; rm -rf /|{{x}}|--help|*|\xef\xbf\xbd\xef\xbf\xbd|", outcome.head);
    ASSERT_FALSE(file_exists("/tmp/pwned"));
    argv[2] = (struct str){ "a\0b", 3 };
    ASSERT_ERR(ERR_INVALID, "NUL", runner_run(runner, arena, &spec, &outcome));
    argv[0] = S("../bin/echo");
    argv[2] = S("x");
    ASSERT_ERR(ERR_INVALID, "absolute", runner_run(runner, arena, &spec, &outcome));
    argv[0] = S("no-such-program-anywhere");
    ASSERT_ERR(ERR_NOT_FOUND, "no program", runner_run(runner, arena, &spec, &outcome));
    spec.argc = 0;
    ASSERT_ERR(ERR_INVALID, "words", runner_run(runner, arena, &spec, &outcome));
    spec.argc = 2;
    spec.timeout_ms = 0;
    ASSERT_ERR(ERR_INVALID, "timeout", runner_run(runner, arena, &spec, &outcome));
    runner_stop(runner);
}

TEST(runner_never_falls_back_to_a_shell)
{
    char path[256];
    struct str argv[1];
    struct run_spec spec = { .argv = argv, .argc = 1, .timeout_ms = 5000 };
    struct run_outcome outcome;

    start();
    snprintf(path, sizeof(path), "%s/no-interpreter", test_folder());
    ASSERT_OK(file_write(path, S("echo run by a shell\n"), 0755));
    argv[0] = str_of(path);
    ASSERT_ERR(ERR_INVALID, "Exec format", runner_run(runner, arena, &spec, &outcome));
    runner_stop(runner);
}

TEST(runner_leaves_no_orphans_after_timeouts)
{
    const char *name = unique_sleep();
    int loops = getenv("CHECK_FULL") && *getenv("CHECK_FULL") ? 1000 : 100;
    char scripts[6][300];
    struct run_outcome outcome;

    snprintf(scripts[0], 300, "sleep %s", name);
    snprintf(scripts[1], 300, "(setsid sleep %s &) ; (setsid sleep %s &); sleep %s", name, name, name);
    snprintf(scripts[2], 300, "trap '' TERM INT HUP; sleep %s & sleep %s & while :; do wait; done", name, name);
    snprintf(scripts[3], 300, "sleep %s & kill -STOP $!; kill -STOP $$; sleep %s", name, name);
    snprintf(scripts[4], 300, "trap '(sleep %s &) ; sleep %s' TERM; sleep %s", name, name, name);
    snprintf(scripts[5], 300, "exec >&- 2>&- <&-; (trap '' TERM; sleep %s) & setsid -w sleep %s", name, name);
    start();
    alarm(600);
    for (int i = 0; i < loops; i++) {
        ASSERT_OK(run_shell(scripts[i % 6], 20 + i % 30, &outcome));
        ASSERT_EQ_INT(RUN_TIMED_OUT, outcome.end);
        ASSERT_EQ_INT(0, outcome.alive);
        ASSERT_EQ_INT(0, count_processes(name));
    }
    runner_stop(runner);
}

TEST(runner_kills_what_outlives_its_command)
{
    const char *name = unique_sleep();
    char script[300];
    struct run_outcome outcome;

    start();
    snprintf(script, sizeof(script), "for i in 1 2 3; do setsid sleep %s </dev/null >/dev/null 2>&1 & done; exit 0",
             name);
    ASSERT_OK(run_shell(script, 10000, &outcome));
    ASSERT_EQ_INT(RUN_EXITED, outcome.end);
    ASSERT_EQ_INT(3, outcome.left_behind);
    ASSERT_EQ_INT(0, outcome.alive);
    ASSERT_EQ_INT(0, count_processes(name));
    runner_stop(runner);
}

static void *run_for_long(void *script)
{
    struct arena *own CLEANUP(arena_freep) = arena_new(1 << 20);
    struct run_outcome *outcome = calloc(1, sizeof(*outcome));
    struct str argv[] = { S("/bin/bash"), S("-c"), str_of(script) };
    struct run_spec spec = { .argv = argv, .argc = 3, .timeout_ms = 20000, .grace_ms = 50 };

    ASSERT_OK(runner_run(runner, own, &spec, outcome));
    return outcome;
}

TEST(runner_dies_with_the_daemon_killed_by_9)
{
    const char *name = unique_sleep();
    char script[300];

    snprintf(script, sizeof(script), "trap '' TERM HUP; (setsid sleep %s &); sleep %s", name, name);
    pid_t daemon = fork();
    if (daemon == 0) {
        start();
        run_for_long(script);
        _exit(0);
    }
    for (int i = 0; i < 2000 && count_processes(name) < 2; i++)
        poll(NULL, 0, 10);
    ASSERT_TRUE(count_processes(name) >= 2);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    ASSERT_TRUE(all_gone(name));
}

TEST(runner_leaves_nothing_when_its_own_processes_are_killed)
{
    const char *name = unique_sleep();
    char script[300], path[300], text[64];
    struct run_outcome outcome;

    /* The script kills its guard (its parent), then the host. */
    start();
    snprintf(script, sizeof(script), "(setsid sleep %s &); kill -9 $PPID; sleep %s", name, name);
    ASSERT_ERR(ERR_UNAVAILABLE, "ended unexpectedly", run_shell(script, 20000, &outcome));
    ASSERT_TRUE(all_gone(name));
    ASSERT_OK(run_shell("echo still here", 5000, &outcome));
    ASSERT_STR("still here\n", outcome.head);

    name = unique_sleep();
    snprintf(path, sizeof(path), "%s/host", test_folder());
    snprintf(text, sizeof(text), "%d", runner_pid(runner));
    snprintf(script, sizeof(script), "(setsid sleep %s &); kill -9 %s; sleep %s", name, text, name);
    ASSERT_OK(run_shell(script, 20000, &outcome)); /* the guard hears of it, ends the run and says so */
    ASSERT_EQ_INT(RUN_CANCELLED, outcome.end);
    ASSERT_TRUE(all_gone(name));
    siginfo_t ended; /* killed is not dead: its socket closes when it is */
    ASSERT_EQ_INT(0, waitid(P_PID, (id_t)runner_pid(runner), &ended, WEXITED | WNOWAIT));
    ASSERT_ERR(ERR_UNAVAILABLE, "gone", run_shell("echo x", 5000, &outcome));
    runner_stop(runner);
}

TEST(runner_runs_concurrently_and_cancels_all)
{
    const char *name = unique_sleep();
    pthread_t threads[8];
    char script[100];

    start();
    snprintf(script, sizeof(script), "sleep %s", name);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, run_for_long, script);
    for (int i = 0; i < 1000 && count_processes(name) < (int)ARRAY_LEN(threads); i++)
        poll(NULL, 0, 10);
    ASSERT_TRUE(count_processes(name) >= (int)ARRAY_LEN(threads));
    runner_cancel_all(runner);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *outcome;
        pthread_join(threads[i], &outcome);
        ASSERT_EQ_INT(RUN_CANCELLED, ((struct run_outcome *)outcome)->end);
        free(outcome);
    }
    ASSERT_EQ_INT(0, count_processes(name));
    struct run_outcome outcome;
    ASSERT_ERR(ERR_UNAVAILABLE, "stopping", run_shell("echo x", 5000, &outcome));
    runner_stop(runner);
}

TEST(runner_bounds_a_fork_bomb_and_ends_it)
{
    struct run_outcome outcome;

    if (geteuid() != 0)
        TEST_SKIP("RLIMIT_NPROC of another user needs root to test");
    /* Root's own processes are never limited by RLIMIT_NPROC; a bomb is run as somebody else, as actions are. */
    start_as(&(struct runner_options){ .drop = true, .uid = NOBODY, .gid = NOBODY });
    struct str argv[] = { S("/bin/bash"), S("-c"), S("bomb() { bomb | bomb & }; bomb; sleep 20") };
    struct run_spec spec = { .argv = argv, .argc = 3, .timeout_ms = 700, .grace_ms = 50, .processes_max = 64 };
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_EQ_INT(0, outcome.alive);
    ASSERT_TRUE(outcome.left_behind <= 70);
    ASSERT_OK(run_shell("id -u; id -G", 5000, &outcome));
    ASSERT_STR("65534\n65534\n", outcome.head);
    runner_stop(runner);
}

TEST(runner_keeps_head_and_tail_of_a_flood)
{
    struct run_outcome outcome;

    start();
    ASSERT_OK(run_shell("echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last", 20000, &outcome));
    ASSERT_EQ_INT(RUN_EXITED, outcome.end);
    ASSERT_EQ_INT(50000012, outcome.output_bytes);
    ASSERT_TRUE(outcome.truncated);
    ASSERT_TRUE(outcome.head.length + outcome.tail.length <= RUN_OUTPUT_MAX);
    ASSERT_TRUE(str_starts(outcome.head, S("first\nxxx")));
    ASSERT_TRUE(str_ends(outcome.tail, S("xxx\nlast\n")));
    ASSERT_OK(run_shell("yes", 300, &outcome)); /* a flood without end does not outrun the deadline */
    ASSERT_EQ_INT(RUN_TIMED_OUT, outcome.end);
    ASSERT_TRUE(outcome.took_ms < 5000);
    ASSERT_OK(run_shell("head -c 200000 /dev/zero | tr '\\0' y", 20000, &outcome));
    ASSERT_FALSE(outcome.truncated);
    ASSERT_EQ_INT(200000, outcome.head.length);
    runner_stop(runner);
}

TEST(runner_waits_for_a_command_that_closed_its_output)
{
    struct run_outcome outcome;

    start();
    ASSERT_OK(run_shell("exec >&- 2>&-; sleep 0.2; exit 5", 5000, &outcome));
    ASSERT_EQ_INT(RUN_EXITED, outcome.end);
    ASSERT_EQ_INT(5, outcome.status);
    ASSERT_TRUE(outcome.took_ms >= 190);
    runner_stop(runner);
}

TEST(runner_gives_a_clean_environment_and_no_descriptors)
{
    struct run_outcome outcome;

    setenv("SECRET_OF_THE_DAEMON", "hunter2", 1);
    int leaked = open("/etc/hostname", O_RDONLY); /* without O_CLOEXEC */
    ASSERT_TRUE(leaked >= 0);
    start();
    ASSERT_OK(
        run_shell("env | sort; ls /proc/self/fd | tr '\\n' ' '; umask; pwd; ulimit -c; ulimit -n", 5000, &outcome));
    ASSERT_FALSE(str_contains(outcome.head, S("SECRET_OF_THE_DAEMON")));
    ASSERT_CONTAINS("LANG=C.UTF-8\n", outcome.head);
    ASSERT_CONTAINS("0 1 2 3 0077\n/\n0\n1024\n", outcome.head); /* 3 is ls' own view of the folder */
    ASSERT_OK(run_shell("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t\\n'; "
                        "test $(ps -o sid= $$) = $$ && echo own session; readlink /proc/self/fd/0",
                        5000, &outcome));
    ASSERT_STR("NoNewPrivs:1Seccomp:2own session\n/dev/null\n", outcome.head);
    runner_stop(runner);
}

TEST(runner_denies_system_calls_that_leave_the_jail)
{
    struct run_outcome outcome;

    start();
    ASSERT_OK(run_shell("unshare -r id; unshare -m id; mount -t tmpfs none /mnt; chroot / id; nsenter -t 1 -m id; "
                        "dmesg -C; hostname evil; perl -e 'print \"ptrace \", syscall(101, 0, 0, 0, 0), \"\\n\"'; "
                        "echo over",
                        10000, &outcome));
    ASSERT_FALSE(str_contains(outcome.head, S("uid=")));
    ASSERT_CONTAINS("unshare: unshare failed: Operation not permitted", outcome.head);
    ASSERT_CONTAINS("ptrace -1", outcome.head);
    ASSERT_CONTAINS("over\n", outcome.head);
    runner_stop(runner);
}

TEST(runner_masks_secrets_and_scrubs_bytes)
{
    struct str secrets[] = { S("s3cr3t-value") };
    struct str argv[] = { S("/usr/bin/printf"), S("%b"),
                          S("a s3cr3t-value b\\npassword=hunter2 x\\nAuthorization: Bearer abc.def\\n"
                            "redis://user:pass@host/0\\n\\0377\\0376\\nrequirepass foobared\\n") };
    struct run_spec spec = { .argv = argv, .argc = 3, .timeout_ms = 5000, .secrets = secrets, .secret_count = 1 };
    struct run_outcome outcome;

    start();
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_STR("a <secret> b\npassword=<secret> x\nAuthorization: <secret>\nredis://user:<secret>@host/0\n"
               "\xef\xbf\xbd\xef\xbf\xbd\nrequirepass <secret>\n",
               outcome.head);
    /* The cut between head and tail falls into a secret: neither half shows a piece of it. */
    char script[200];
    snprintf(script, sizeof(script), "head -c %d /dev/zero | tr '\\0' x; printf s3cr3t-value; head -c 400000 /dev/zero",
             RUN_OUTPUT_MAX / 2 - 6);
    struct str long_argv[] = { S("/bin/bash"), S("-c"), str_of(script) };
    spec.argv = long_argv;
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_TRUE(str_ends(outcome.head, S("xxx")));
    runner_stop(runner);
}

static err admit_none(const void *arg, struct arena *run_arena, struct run_spec *spec)
{
    (void)run_arena;
    if (str_eq(spec->permit.hash, str_of(arg)))
        return NULL;
    return err_new(ERR_FORBIDDEN, "hash '%.*s' was never approved", STR_ARG(spec->permit.hash));
}

TEST(runner_refuses_what_is_not_admitted)
{
    struct str argv[] = { S("echo"), S("x") };
    struct run_spec spec = { .argv = argv, .argc = 2, .timeout_ms = 5000, .permit = { .hash = S("bad") } };
    struct run_outcome outcome;

    start_as(&(struct runner_options){ .admit = admit_none, .admit_arg = "good" });
    ASSERT_ERR(ERR_FORBIDDEN, "never approved", runner_run(runner, arena, &spec, &outcome));
    spec.permit.hash = S("good");
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    runner_stop(runner);
}

TEST(runner_runs_as_root_only_what_belongs_to_root)
{
    char path[256];
    struct str argv[1];
    struct run_spec spec = { .argv = argv, .argc = 1, .timeout_ms = 5000, .root = true };
    struct run_outcome outcome;

    if (geteuid() != 0)
        TEST_SKIP("needs root");
    start_as(&(struct runner_options){ .drop = true, .uid = NOBODY, .gid = NOBODY });
    snprintf(path, sizeof(path), "%s/tool", test_folder());
    ASSERT_OK(file_write(path, S("#!/bin/sh\nid -u\n"), 0777));
    ASSERT_TRUE(chmod(path, 0777) == 0 && chmod(test_folder(), 0755) == 0);
    argv[0] = str_of(path);
    ASSERT_ERR(ERR_FORBIDDEN, "belongs to root", runner_run(runner, arena, &spec, &outcome));
    ASSERT_TRUE(chmod(path, 0755) == 0);
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_STR("0\n", outcome.head);
    spec.root = false;
    ASSERT_OK(runner_run(runner, arena, &spec, &outcome));
    ASSERT_STR("65534\n", outcome.head);
    runner_stop(runner);
}
