/* text_functions.c - what Prometheus and Alertmanager add to Go's functions: numbers for people, work on text. */
#include "template/template.h"

#include "base/duration.h"
#include "base/time.h"
#include "model/capture.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static err text_of(const struct value *value, struct str *ret_text)
{
    if (value->kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "expected a string, not a %s", value_kind_name(value->kind));
    *ret_text = value->text;
    return NULL;
}

static err number_of(const struct value *value, double *ret_number)
{
    if (!value_number(value, ret_number))
        return err_new(ERR_RANGE, "expected a number, not a %s", value_kind_name(value->kind));
    return NULL;
}

/* scaled - "%.4g" with the prefix that brings the number near one; small numbers get small prefixes. */
static void add_scaled(struct buf *out, double number, double base, const char *const *up, const char *const *down)
{
    const char *prefix = "";

    for (; fabs(number) >= base && *up; up++) {
        prefix = *up;
        number /= base;
    }
    for (; down && fabs(number) < 1 && *down; down++) {
        prefix = *down;
        number *= base;
    }
    buf_addf(out, "%.4g%s", number, prefix);
}

static const char *const large[] = { "k", "M", "G", "T", "P", "E", "Z", "Y", NULL };
static const char *const binary[] = { "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi", NULL };
static const char *const small[] = { "m", "u", "n", "p", "f", "a", "z", "y", NULL };

/* add_special - what has no prefix: 0, NaN and the infinities, as Go writes them. */
static bool add_special(struct buf *out, double number)
{
    if (isfinite(number) && number != 0)
        return false;
    if (number == 0)
        buf_add(out, S("0"));
    else
        buf_add_double(out, number);
    return true;
}

static err humanize(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double number;

    (void)count;
    TRY(number_of(&args[0], &number));
    if (!add_special(&out, number))
        add_scaled(&out, number, 1000, large, small);
    return template_give(run, &out, ret_value);
}

static err humanize1024(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double number;

    (void)count;
    TRY(number_of(&args[0], &number));
    if (!add_special(&out, number))
        add_scaled(&out, number, 1024, binary, NULL);
    return template_give(run, &out, ret_value);
}

static err humanize_duration(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double number;

    (void)count;
    TRY(number_of(&args[0], &number));
    if (add_special(&out, number)) {
        if (number == 0)
            buf_add_c(&out, 's');
    } else if (fabs(number) < 1) {
        add_scaled(&out, number, 1000, large, small);
        buf_add_c(&out, 's');
    } else if (fabs(number) < 60) {
        buf_addf(&out, "%.4gs", number);
    } else {
        int64_t seconds = fabs(number) < 9e18 ? (int64_t)fabs(number) : INT64_MAX;
        if (number < 0)
            buf_add_c(&out, '-');
        if (seconds >= 86400)
            buf_addf(&out, "%lldd ", (long long)(seconds / 86400));
        if (seconds >= 3600)
            buf_addf(&out, "%lldh ", (long long)(seconds / 3600 % 24));
        buf_addf(&out, "%lldm %llds", (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    }
    return template_give(run, &out, ret_value);
}

static err humanize_percentage(struct template_run *run, const struct value *args, size_t count,
                               struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double number;

    (void)count;
    TRY(number_of(&args[0], &number));
    if (!add_special(&out, number * 100))
        buf_addf(&out, "%.4g", number * 100);
    buf_add_c(&out, '%');
    return template_give(run, &out, ret_value);
}

/* humanizeTimestamp, toTime - as Go prints a time: 2026-11-22 10:45:57.123 +0000 UTC. */
static err humanize_timestamp(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double number;

    (void)count;
    TRY(number_of(&args[0], &number));
    if (!isfinite(number)) {
        buf_add_double(&out, number);
        return template_give(run, &out, ret_value);
    }
    if (fabs(number) > 2e11)
        return err_new(ERR_RANGE, "%g is no time in seconds", number);
    struct str text = time_rfc3339(template_run_arena(run), (int64_t)floor(number * 1000));
    buf_addf(&out, "%.*s %.*s +0000 UTC", 10, text.at, (int)text.length - 12, text.at + 11);
    return template_give(run, &out, ret_value);
}

static err parse_duration(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct duration duration;
    struct str text;

    (void)run, (void)count;
    TRY(text_of(&args[0], &text));
    if (!duration_parse(text, &duration))
        return err_new(ERR_RANGE, "'%.*s' is not a duration", STR_ARG(str_utf8_head(text, 100)));
    *ret_value = value_float((double)duration.ms / 1000);
    return NULL;
}

static err change_case(struct template_run *run, const struct value *value, int (*change)(int), struct value *ret_value)
{
    struct str text;

    TRY(text_of(value, &text));
    char *copy = str_c(template_run_arena(run), text);
    for (size_t i = 0; i < text.length; i++)
        copy[i] = (char)((unsigned char)copy[i] < 0x80 ? change(copy[i]) : copy[i]);
    *ret_value = value_text((struct str){ copy, text.length });
    return NULL;
}

static err to_upper(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)count;
    return change_case(run, &args[0], toupper, ret_value);
}

static err to_lower(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)count;
    return change_case(run, &args[0], tolower, ret_value);
}

static err title(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct str text;
    bool inside = false;

    (void)count;
    TRY(text_of(&args[0], &text));
    char *copy = str_c(template_run_arena(run), text);
    for (size_t i = 0; i < text.length; i++) {
        if (!inside)
            copy[i] = (char)((unsigned char)copy[i] < 0x80 ? toupper(copy[i]) : copy[i]);
        inside = isalnum((unsigned char)copy[i]) || copy[i] == '_' || copy[i] == '\'' || (unsigned char)copy[i] >= 0x80;
    }
    *ret_value = value_text((struct str){ copy, text.length });
    return NULL;
}

static err trim_space(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    *ret_value = args[0];
    TRY(text_of(&args[0], &ret_value->text));
    ret_value->text = str_trim(ret_value->text);
    return NULL;
}

/* host_end - where the port's colon stands; SIZE_MAX where there is no port. */
static size_t host_end(struct str address)
{
    size_t colon = SIZE_MAX;

    for (size_t i = 0; i < address.length; i++)
        if (address.at[i] == ':')
            colon = i;
    bool bracketed = str_starts(address, S("["));
    if (colon == SIZE_MAX || (bracketed && address.at[colon - 1] != ']'))
        return SIZE_MAX;
    if (!bracketed && str_contains(str_slice(address, 0, colon), S(":")))
        return SIZE_MAX; /* an IPv6 address without brackets */
    return colon;
}

static struct str host_of(struct str address)
{
    size_t end = host_end(address);

    if (end == SIZE_MAX)
        return address;
    return str_starts(address, S("[")) ? str_slice(address, 1, end - 1) : str_slice(address, 0, end);
}

static err strip_port(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct str text;

    (void)run, (void)count;
    TRY(text_of(&args[0], &text));
    *ret_value = value_text(host_of(text));
    return NULL;
}

static err strip_domain(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct str text, rest;

    (void)count;
    TRY(text_of(&args[0], &text));
    size_t end = host_end(text);
    struct str host = host_of(text), first = str_cut(host, '.', &rest);
    bool address = str_contains(host, S(":"));
    for (size_t i = 0; i < host.length && !address; i++)
        if (!isdigit((unsigned char)host.at[i]) && host.at[i] != '.')
            break;
        else if (i + 1 == host.length)
            address = true;
    *ret_value = value_text(address || !rest.at ? text
                                                : str_printf(template_run_arena(run), "%.*s%.*s", STR_ARG(first),
                                                             STR_ARG(str_slice(text, end, text.length))));
    return NULL;
}

static err match(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct capture *capture;
    struct str pattern, text;

    (void)count;
    TRY(text_of(&args[0], &pattern));
    TRY(text_of(&args[1], &text));
    TRY(capture_make_anywhere(template_run_arena(run), pattern, &capture));
    *ret_value = value_bool(capture_found(capture, text));
    return NULL;
}

static err replace_all(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct capture *capture;
    struct str pattern, by, text;

    (void)count;
    TRY(text_of(&args[0], &pattern));
    TRY(text_of(&args[1], &by));
    TRY(text_of(&args[2], &text));
    TRY(capture_make_anywhere(template_run_arena(run), pattern, &capture));
    *ret_value = value_text(capture_replace(capture, template_run_arena(run), text, by));
    return NULL;
}

/* toDuration - seconds as Go prints a duration: 1h30m0s, 1.5s, 500ms. */
static err to_duration(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };
    double seconds;

    (void)count;
    TRY(number_of(&args[0], &seconds));
    if (!isfinite(seconds) || fabs(seconds) > 9e9)
        return err_new(ERR_RANGE, "%g is no duration in seconds", seconds);
    double size = fabs(seconds);
    if (seconds < 0)
        buf_add_c(&out, '-');
    if (size != 0 && size < 1) {
        const char *unit = size >= 1e-3 ? "ms" : size >= 1e-6 ? "µs" : "ns";
        buf_addf(&out, "%.9g%s", size * (size >= 1e-3 ? 1e3 : size >= 1e-6 ? 1e6 : 1e9), unit);
        return template_give(run, &out, ret_value);
    }
    if (size >= 3600)
        buf_addf(&out, "%lldh", (long long)size / 3600);
    if (size >= 60)
        buf_addf(&out, "%lldm", (long long)size / 60 % 60);
    buf_addf(&out, "%.12gs", fmod(size, 60));
    return template_give(run, &out, ret_value);
}

static err join(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };
    struct str separator;

    (void)count;
    TRY(text_of(&args[0], &separator));
    if (args[1].kind != VALUE_LIST)
        return err_new(ERR_RANGE, "expected a list, not a %s", value_kind_name(args[1].kind));
    for (size_t i = 0; i < args[1].list->items.count; i++) {
        if (i)
            buf_add(&out, separator);
        value_add(&out, &args[1].list->items.at[i]);
    }
    return template_give(run, &out, ret_value);
}

/* args - arg0, arg1, ...: several values for a template that takes one. */
static err as_args(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct arena *arena = template_run_arena(run);

    *ret_value = value_map_new(arena);
    for (size_t i = 0; i < count; i++)
        value_put(arena, *ret_value, str_printf(arena, "arg%zu", i), args[i]);
    return NULL;
}

static err string_slice(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    *ret_value = value_list_new(template_run_arena(run));
    for (size_t i = 0; i < count; i++)
        value_push(template_run_arena(run), *ret_value, args[i]);
    return NULL;
}

static err as_it_is(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    *ret_value = args[0]; /* nothing here is escaped by itself */
    return NULL;
}

const struct template_function template_text_functions[] = {
    { "humanize", 1, 1, humanize },
    { "humanize1024", 1, 1, humanize1024 },
    { "humanizeDuration", 1, 1, humanize_duration },
    { "humanizePercentage", 1, 1, humanize_percentage },
    { "humanizeTimestamp", 1, 1, humanize_timestamp },
    { "toTime", 1, 1, humanize_timestamp },
    { "parseDuration", 1, 1, parse_duration },
    { "toUpper", 1, 1, to_upper },
    { "toLower", 1, 1, to_lower },
    { "title", 1, 1, title },
    { "trimSpace", 1, 1, trim_space },
    { "stripPort", 1, 1, strip_port },
    { "stripDomain", 1, 1, strip_domain },
    { "match", 2, 2, match },
    { "reReplaceAll", 3, 3, replace_all },
    { "toDuration", 1, 1, to_duration },
    { "join", 2, 2, join },
    { "args", 0, -1, as_args },
    { "stringSlice", 0, -1, string_slice },
    { "safeHtml", 1, 1, as_it_is },
    { NULL, 0, 0, NULL },
};
