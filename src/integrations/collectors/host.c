/* host.c - the collector of this host: its files, its settings, its parts in turn. */
#include "integrations/collectors/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "ingest/collector.h"

enum { FILES_MAX = 64, TEXT_MAX = 4 * 1024 * 1024, READ_AT_ONCE = 16 * 1024, ONCE_MAX = 4096, ABSENT_MS = MINUTE_MS };

struct host_file {
    const char *path; /* the literal */
    int fd;           /* -1: not there */
    int64_t asked_ms; /* monotonic, when it was last looked for */
};

struct host {
    char *root; /* ends in a slash */
    char name[HOST_NAME_MAX + 1];
    struct host_file files[FILES_MAX];
    size_t file_count;
    struct buf text;
};

struct host_settings {
    struct str root;
};

static const struct field host_fields[] = {
    STRING(struct host_settings, root, .def = "/", .max = 4096,
           .doc = "Where this host's proc and sys are mounted, for a daemon that runs in a container."),
    { 0 },
};

struct str line_word(struct str *line)
{
    size_t from = 0, to;

    while (from < line->length && (line->at[from] == ' ' || line->at[from] == '\t'))
        from++;
    for (to = from; to < line->length && line->at[to] != ' ' && line->at[to] != '\t'; to++)
        ;
    struct str word = str_slice(*line, from, to);
    *line = str_slice(*line, to, line->length);
    return word;
}

bool line_number(struct str *line, double *ret_value)
{
    return str_to_double(line_word(line), ret_value);
}

const char *host_path(struct host *host, struct batch *out, const char *path)
{
    return str_printf(out->arena, "%s%s", host->root, path).at;
}

static struct host_file *file_of(struct host *host, struct batch *out, const char *path)
{
    struct host_file *file = NULL;
    int64_t now_ms = time_mono_ms();

    for (size_t i = 0; i < host->file_count && !file; i++)
        if (strcmp(host->files[i].path, path) == 0)
            file = &host->files[i];
    if (!file) {
        if (host->file_count == FILES_MAX)
            return NULL;
        file = &host->files[host->file_count++];
        *file = (struct host_file){ .path = path, .fd = -1, .asked_ms = INT64_MIN / 2 };
    }
    if (file->fd < 0 && now_ms - file->asked_ms >= ABSENT_MS) {
        file->asked_ms = now_ms;
        file->fd = open(host_path(host, out, path), O_RDONLY | O_CLOEXEC);
    }
    return file->fd < 0 ? NULL : file;
}

struct str host_read(struct host *host, struct batch *out, const char *path)
{
    struct host_file *file = file_of(host, out, path);

    if (!file)
        return S("");
    buf_reset(&host->text);
    for (;;) {
        char *to = buf_reserve(&host->text, READ_AT_ONCE);
        if (!to)
            return S("");
        ssize_t got = pread(file->fd, to, READ_AT_ONCE, (off_t)host->text.length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) { /* gone, or never to be read: looked for again in a minute */
            fd_close(&file->fd);
            file->fd = -1;
            return S("");
        }
        if (got == 0)
            return str_copy(out->arena, buf_str(&host->text));
        host->text.length += (size_t)got;
    }
}

struct str host_read_once(struct host *host, struct batch *out, const char *path)
{
    int fd CLEANUP(fd_close) = open(host_path(host, out, path), O_RDONLY | O_CLOEXEC);
    char text[ONCE_MAX];
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

    return got <= 0 ? S("") : str_copy(out->arena, (struct str){ text, (size_t)got });
}

struct str host_name(const struct host *host)
{
    return str_of(host->name);
}

struct str host_id(struct host *host, struct batch *out, const char *kind, struct str name)
{
    return str_printf(out->arena, "%s:%s:%.*s", kind, host->name, STR_ARG(name));
}

static void host_close(void *state)
{
    struct host *host = state;

    for (size_t i = 0; i < host->file_count; i++)
        fd_close(&host->files[i].fd);
    buf_clear(&host->text);
    free(host->root);
    free(host);
}

static err host_open(struct call *call, const void *settings, void **ret_state)
{
    const struct host_settings *s = settings;
    struct host *host = calloc(1, sizeof(*host));

    (void)call;
    if (!host || asprintf(&host->root, "%.*s%s", STR_ARG(s->root), str_ends(s->root, S("/")) ? "" : "/") < 0)
        abort();
    if (gethostname(host->name, sizeof(host->name) - 1) || !host->name[0])
        memcpy(host->name, "localhost", sizeof("localhost"));
    buf_init(&host->text, TEXT_MAX);
    *ret_state = host;
    return NULL;
}

static err host_collect(struct call *call, const void *settings, void *state, struct batch *out)
{
    struct host *host = state;
    err first = NULL;

    (void)call, (void)settings;
    FOR_EACH_REGISTERED (host_part, part) {
        err e = err_wrap(part->collect(host, out), "%s", part->name);
        if (!first)
            first = e;
        else
            err_free(e); /* one is shown, the parts that work go on */
    }
    batch_resource(out,
                   &(struct resource_seen){
                       str_printf(out->arena, "host:%s", host->name), S("host"), str_of(host->name), { 0 }, S("") });
    return first;
}

static const struct collector host = {
    .name = "node",
    .doc = "This host, from /proc and /sys, with node_exporter's names.",
    .settings = SCHEMA(struct host_settings, host_fields),
    .interval_ms = 5 * SECOND_MS,
    .automatic = true,
    .open = host_open,
    .collect = host_collect,
    .close = host_close,
};
REGISTER(collector, host);
