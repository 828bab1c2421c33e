/* err.c - errors are small heap objects, because they are rare and travel far. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 50 };

struct err_field {
    char *path;
    char *message;
};

struct err {
    enum err_kind kind;
    char *message;
    char *hint;
    int64_t retry_after_ms;
    size_t field_count;
    struct err_field *fields;
};

static const struct {
    const char *name;
    int status;
    const char *title;
    bool retry;
} kinds[] = {
#define X(kind, status, title, retry) [kind] = { #kind, status, title, retry },
    ERR_KINDS(X)
#undef X
};

static void *must(void *memory)
{
    if (!memory)
        abort(); /* nothing sensible is left to be said */
    return memory;
}

static char *format_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static char *format_text(const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0)
        abort();
    return text;
}

static err make(enum err_kind kind, char *message)
{
    err e = must(calloc(1, sizeof(*e)));

    e->kind = kind;
    e->message = message;
    return e;
}

err err_new(enum err_kind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    return make(kind, message);
}

static enum err_kind kind_of_errno(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_FORBIDDEN;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_CONFLICT;
    case EINVAL:
        return ERR_INVALID;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNRESET:
        return ERR_UNAVAILABLE;
    default:
        return ERR_IO;
    }
}

err err_errno(const char *format, ...)
{
    int number = errno;
    va_list args;

    va_start(args, format);
    char *what = format_text(format, args);
    va_end(args);
    err e = err_new(kind_of_errno(number), "%s: %s", what, strerror(number));
    free(what);
    return e;
}

err err_wrap(err cause, const char *format, ...)
{
    va_list args;

    if (!cause)
        return NULL;
    va_start(args, format);
    char *before = format_text(format, args);
    va_end(args);
    char *message = NULL;
    if (asprintf(&message, "%s: %s", before, cause->message) < 0)
        abort();
    free(before);
    free(cause->message);
    cause->message = message;
    return cause;
}

err err_hint(err e, const char *format, ...)
{
    va_list args;

    if (!e)
        return NULL;
    va_start(args, format);
    free(e->hint);
    e->hint = format_text(format, args);
    va_end(args);
    return e;
}

void err_add_field(err *e, enum err_kind kind, const char *field, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    if (!*e)
        *e = err_new(kind, "%s%s%s", field, *field ? ": " : "", message);
    if ((*e)->field_count == FIELDS_MAX) {
        free(message);
        return;
    }
    (*e)->fields = must(reallocarray((*e)->fields, (*e)->field_count + 1, sizeof(struct err_field)));
    (*e)->fields[(*e)->field_count++] = (struct err_field){ must(strdup(field)), message };
}

err err_retry_after(err e, int64_t after_ms)
{
    if (e)
        e->retry_after_ms = after_ms;
    return e;
}

enum err_kind err_kind(err e)
{
    return e->kind;
}

int err_status(err e)
{
    return kinds[e->kind].status;
}

bool err_is_retryable(err e)
{
    return kinds[e->kind].retry;
}

const char *err_title(err e)
{
    return kinds[e->kind].title;
}

const char *err_message(err e)
{
    return e->message;
}

const char *err_hint_text(err e)
{
    return e->hint;
}

int64_t err_retry_after_ms(err e)
{
    return e->retry_after_ms;
}

size_t err_field_count(err e)
{
    return e->field_count;
}

const char *err_field_path(err e, size_t index)
{
    return e->fields[index].path;
}

const char *err_field_message(err e, size_t index)
{
    return e->fields[index].message;
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}

void err_free(err e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->field_count; i++) {
        free(e->fields[i].path);
        free(e->fields[i].message);
    }
    free(e->fields);
    free(e->message);
    free(e->hint);
    free(e);
}

void err_freep(err *e)
{
    err_free(*e);
}
