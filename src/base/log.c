/* log.c - log lines: built whole, written by one write(2), so lines of threads never mix. */
#include "base/log.h"

#include "base/buf.h"
#include "base/time.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCOPES_MAX = 8, LINE_MAX_BYTES = 8192 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static _Atomic enum log_level least_level = LOG_INFO;
static _Atomic enum log_format line_format = LOG_LOGFMT;

static _Thread_local struct scope {
    const char *key;
    const char *value;
} scopes[SCOPES_MAX];
static _Thread_local int scope_depth;

void log_setup(enum log_level level, enum log_format format)
{
    atomic_store(&least_level, level);
    atomic_store(&line_format, format);
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    return false;
}

int log_scope_open(const char *key, const char *value)
{
    if (scope_depth < SCOPES_MAX)
        scopes[scope_depth] = (struct scope){ key, value };
    return scope_depth++;
}

void log_scope_close(int *depth)
{
    scope_depth = *depth;
}

/* add_quoted - between double quotes, escaped alike for logfmt and JSON: what came from outside can't forge a line. */
static void add_quoted(struct buf *line, struct str text)
{
    buf_add_c(line, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            buf_addf(line, "\\%c", c);
        else if (c == '\n')
            buf_add(line, S("\\n"));
        else if (c < 0x20 || c == 0x7f)
            buf_addf(line, "\\u%04x", c);
        else
            buf_add_c(line, (char)c);
    }
    buf_add_c(line, '"');
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/+@", text.at[i]))
            return false;
    return text.length > 0;
}

static void add_field(struct buf *line, const char *key, struct str value)
{
    if (atomic_load(&line_format) == LOG_JSON) {
        buf_add(line, line->length == 1 ? S("") : S(","));
        add_quoted(line, str_of(key));
        buf_add_c(line, ':');
        add_quoted(line, value);
        return;
    }
    if (line->length)
        buf_add_c(line, ' ');
    buf_add(line, str_of(key));
    buf_add_c(line, '=');
    if (is_plain(value))
        buf_add(line, value);
    else
        add_quoted(line, value);
}

static void write_line(enum log_level level, struct str text, const char *hint)
{
    struct buf line CLEANUP(buf_clear), when CLEANUP(buf_clear);
    bool json = atomic_load(&line_format) == LOG_JSON;

    buf_init(&line, LINE_MAX_BYTES * 2);
    buf_init(&when, 64);
    time_add_rfc3339(&when, time_now_ms());
    if (json)
        buf_add_c(&line, '{');
    add_field(&line, "ts", buf_str(&when));
    add_field(&line, "level", str_of(level_names[level]));
    add_field(&line, "msg", str_utf8_head(text, LINE_MAX_BYTES));
    for (int i = 0; i < scope_depth && i < SCOPES_MAX; i++)
        add_field(&line, scopes[i].key, str_utf8_head(str_of(scopes[i].value), 256));
    if (hint)
        add_field(&line, "hint", str_utf8_head(str_of(hint), 1024));
    buf_add(&line, json ? S("}\n") : S("\n"));
    ssize_t written = write(STDERR_FILENO, line.at, line.length);
    (void)written; /* where stderr is gone, there is nobody to tell */
}

static void say(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void say(enum log_level level, const char *format, va_list args)
{
    char *text = NULL;

    if (level < atomic_load(&least_level))
        return;
    if (vasprintf(&text, format, args) < 0)
        abort();
    write_line(level, str_of(text), NULL);
    free(text);
}

void log_debug(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(LOG_DEBUG, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(LOG_INFO, format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(LOG_WARN, format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(LOG_ERROR, format, args);
    va_end(args);
}

void log_err(err e, const char *format, ...)
{
    va_list args;
    char *what = NULL, *text = NULL;

    if (!e)
        return;
    va_start(args, format);
    if (vasprintf(&what, format, args) < 0)
        abort();
    va_end(args);
    if (asprintf(&text, "%s: %s", what, err_message(e)) < 0)
        abort();
    enum log_level level = err_is_retryable(e) ? LOG_WARN : LOG_ERROR;
    if (level >= atomic_load(&least_level))
        write_line(level, str_of(text), err_hint_text(e));
    free(what);
    free(text);
    err_free(e);
}
