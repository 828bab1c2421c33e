/* test.c - runs the registered tests, each in a child. */
#include "base/test.h"

#include "base/file.h"

#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_SKIPPED = 77, TEST_SECONDS = 30 };

static char folder[64];

static void failed(const char *file, int line) __attribute__((noreturn));
static void failed(const char *file, int line)
{
    fprintf(stderr, "    at %s:%d\n", file, line);
    exit(EXIT_FAILED);
}

void test_true(bool ok, const char *text, const char *file, int line)
{
    if (ok)
        return;
    fprintf(stderr, "    not true: %s\n", text);
    failed(file, line);
}

void test_eq_int(int64_t expected, int64_t actual, const char *text, const char *file, int line)
{
    if (expected == actual)
        return;
    fprintf(stderr, "    %s is %lld, not %lld\n", text, (long long)actual, (long long)expected);
    failed(file, line);
}

void test_near(double expected, double actual, double within, const char *text, const char *file, int line)
{
    if ((isnan(expected) && isnan(actual)) || expected == actual || fabs(expected - actual) <= within)
        return;
    fprintf(stderr, "    %s is %.17g, not %.17g within %g\n", text, actual, expected, within);
    failed(file, line);
}

void test_str(struct str expected, struct str actual, const char *text, const char *file, int line)
{
    if (str_eq(expected, actual))
        return;
    fprintf(stderr, "    %s is\n        %.*s\n    not\n        %.*s\n", text, STR_ARG(actual), STR_ARG(expected));
    failed(file, line);
}

void test_contains(struct str part, struct str actual, const char *text, const char *file, int line)
{
    if (str_contains(actual, part))
        return;
    fprintf(stderr, "    %s is\n        %.*s\n    without\n        %.*s\n", text, STR_ARG(actual), STR_ARG(part));
    failed(file, line);
}

void test_ok(err e, const char *text, const char *file, int line)
{
    if (!e)
        return;
    fprintf(stderr, "    %s: %s: %s\n", text, err_kind_name(err_kind(e)), err_message(e));
    failed(file, line);
}

void test_err(enum err_kind kind, const char *part, err e, const char *text, const char *file, int line)
{
    if (!e) {
        fprintf(stderr, "    %s succeeded, but should be %s\n", text, err_kind_name(kind));
        failed(file, line);
    }
    if (err_kind(e) != kind || !strstr(err_message(e), part)) {
        fprintf(stderr, "    %s is %s \"%s\", not %s \"%s\"\n", text, err_kind_name(err_kind(e)), err_message(e),
                err_kind_name(kind), part);
        failed(file, line);
    }
    err_free(e);
}

void test_skip(const char *why)
{
    printf("    (%s)\n", why);
    exit(EXIT_SKIPPED);
}

const char *test_folder(void)
{
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/auspex-test-XXXXXX");
        if (!mkdtemp(folder))
            failed(__FILE__, __LINE__);
    }
    return folder;
}

int test_listen(int *ret_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 4) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) < 0)
        failed(__FILE__, __LINE__);
    *ret_port = ntohs(at.sin_port);
    return listener;
}

double test_uniform(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

double test_normal(uint64_t *seed)
{
    return sqrt(-2 * log(test_uniform(seed))) * cos(2 * M_PI * test_uniform(seed));
}

static void remove_folder(void)
{
    if (folder[0])
        err_free(file_remove_tree(folder));
}

static int run(const struct test *test)
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        atexit(remove_folder);
        alarm(TEST_SECONDS * (getenv("AUSPEX_TEST_SLOW") ? 10 : 1));
        test->run();
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return EXIT_FAILED;
    if (WIFSIGNALED(status))
        fprintf(stderr, "    ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static bool wanted(const struct test *test, int argc, char **argv)
{
    char full[512];

    snprintf(full, sizeof(full), "%s:%s", test->file, test->name);
    for (int i = 1; i < argc; i++)
        if (strstr(full, argv[i]))
            return true;
    return argc == 1;
}

int main(int argc, char **argv)
{
    int counts[3] = { 0 };
    static const char *const words[] = { "ok", "FAIL", "skip" };

    FOR_EACH_REGISTERED (test, it) {
        if (!wanted(it, argc, argv))
            continue;
        int code = run(it);
        int outcome = code == 0 ? 0 : code == EXIT_SKIPPED ? 2 : 1;
        const char *file = strstr(it->file, "src/");
        printf("%s %s:%s\n", words[outcome], file ? file + 4 : it->file, it->name);
        counts[outcome]++;
    }
    printf("%d passed, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
    return counts[1] ? 1 : 0;
}
