/* arguments.c - typed values of parameters, and the words of commands that are made of them. */
#include "action/arguments.h"

#include "base/time.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 1000, CLIENT_IDS_MAX = 500 };

const struct argument *argument_find(const struct argument *arguments, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(arguments[i].name, name))
            return &arguments[i];
    return NULL;
}

struct arguments arguments_names(const struct action_def *def)
{
    struct arguments names = { .count = def->parameters.count };

    for (size_t i = 0; i < names.count; i++)
        names.at[i] = (struct argument){ .name = def->parameters.at[i].name, .text = S(""), .number = 1 };
    return names;
}

static bool all_of(struct str text, const char *also)
{
    for (size_t i = 0; i < text.length; i++)
        if (!isalnum((unsigned char)text.at[i]) && !strchr(also, text.at[i]))
            return false;
    return text.length > 0 && text.length < 256;
}

/* "redis:HOST:PORT", "HOST:PORT" or a connection's name, as HOST:PORT or the name. */
static err read_instance(struct str text, struct argument *argument)
{
    if (str_starts(text, S("redis:")))
        text = str_slice(text, 6, text.length);
    if (!all_of(text, ".:-_[]") || text.at[0] == '-')
        return err_new(ERR_RANGE, "not a Redis instance such as 127.0.0.1:6379");
    argument->text = text;
    return NULL;
}

/* "service:HOST:UNIT" or the unit. */
static err read_unit(struct arena *arena, struct str text, struct argument *argument)
{
    char host[256] = "";

    if (str_starts(text, S("service:"))) {
        struct str unit, where = str_cut(str_slice(text, 8, text.length), ':', &unit);
        gethostname(host, sizeof(host) - 1);
        if (unit.at && !str_eq(where, str_of(host)))
            return err_new(ERR_RANGE, "service of another host; this one is %s", host);
        text = unit.at ? unit : where;
    }
    if (!all_of(text, ".:-_@\\") || !isalnum((unsigned char)text.at[0]))
        return err_new(ERR_RANGE, "not the name of a systemd unit");
    if (memchr(text.at, '.', text.length) == NULL)
        text = str_printf(arena, "%.*s.service", STR_ARG(text));
    argument->text = text;
    return NULL;
}

static err read_number(struct arena *arena, const struct parameter *parameter, const struct json *value,
                       struct argument *argument)
{
    struct duration duration;

    if (parameter->type == PARAMETER_DURATION) {
        if (value->type != JSON_STRING || !duration_parse(value->string, &duration))
            return err_new(ERR_RANGE, "not a duration such as 500ms, 30s, 5m");
        argument->number = (double)duration.ms / 1000;
        argument->text = value->string;
    } else {
        if (value->type != JSON_NUMBER || !isfinite(value->number.value))
            return err_new(ERR_RANGE, "not a number");
        if (parameter->type == PARAMETER_INTEGER && !value->number.is_integer)
            return err_new(ERR_RANGE, "not a whole number");
        struct buf text CLEANUP(buf_clear) = { 0 };
        buf_init(&text, 64);
        argument->number = value->number.value;
        buf_add_double(&text, argument->number);
        argument->text = str_copy(arena, buf_str(&text));
    }
    if (argument->number < parameter->min || argument->number > parameter->max)
        return err_new(ERR_RANGE, "%.*s is not from %g to %g", STR_ARG(argument->text),
                       isnan(parameter->min) ? -INFINITY : parameter->min,
                       isnan(parameter->max) ? INFINITY : parameter->max);
    return NULL;
}

static err read_client_ids(struct arena *arena, const struct json *value, struct argument *argument)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    int64_t id, count = 0;

    buf_init(&text, CLIENT_IDS_MAX * 24);
    if (value->type == JSON_STRING) {
        for (struct str rest = value->string, word; rest.at;) {
            word = str_trim(str_cut(rest, ',', &rest));
            if (!str_to_i64(word, &id) || id < 1 || ++count > CLIENT_IDS_MAX)
                return err_new(ERR_RANGE, "not a list of client ids such as 12,15 (at most %d)", CLIENT_IDS_MAX);
            buf_addf(&text, "%s%lld", count > 1 ? "," : "", (long long)id);
        }
    } else if (value->type == JSON_ARRAY) {
        for (size_t i = 0; i < value->array.count; i++) {
            id = json_i64_or(value->array.items[i], 0);
            if (id < 1 || ++count > CLIENT_IDS_MAX)
                return err_new(ERR_RANGE, "not a list of client ids such as [12, 15] (at most %d)", CLIENT_IDS_MAX);
            buf_addf(&text, "%s%lld", count > 1 ? "," : "", (long long)id);
        }
    }
    if (count == 0)
        return err_new(ERR_RANGE, "no client is named: an empty selection is never all of them");
    argument->text = str_copy(arena, buf_str(&text));
    argument->number = (double)count;
    return NULL;
}

static err read_text(struct arena *arena, const struct parameter *parameter, struct str text, struct argument *argument)
{
    struct matcher matcher;

    if (text.length > TEXT_MAX || memchr(text.at, '\0', text.length))
        return err_new(ERR_RANGE, "at most %d characters, without NUL", TEXT_MAX);
    argument->text = text;
    switch ((enum parameter_type)parameter->type) {
    case PARAMETER_REDIS_INSTANCE:
        return read_instance(text, argument);
    case PARAMETER_SYSTEMD_UNIT:
        return read_unit(arena, text, argument);
    case PARAMETER_PROCESS:
        if (!all_of(text, ".:-_@"))
            return err_new(ERR_RANGE, "not a process: a pid, PID@START, or a name");
        if (str_contains(text, S("@")) &&
            !str_to_double(str_slice(text, 0, str_find(text, S("@"), 0)), &argument->number))
            return err_new(ERR_RANGE, "not a process: a pid, PID@START, or a name");
        return NULL;
    case PARAMETER_ENUM:
        for (size_t i = 0; i < parameter->values.count; i++)
            if (str_eq(parameter->values.at[i], text))
                return NULL;
        return err_new(ERR_RANGE, "'%.*s' is none of its values", STR_ARG(str_utf8_head(text, 60)));
    case PARAMETER_URL:
        for (size_t i = 0; i < text.length; i++)
            if ((unsigned char)text.at[i] <= ' ' || (unsigned char)text.at[i] >= 127)
                return err_new(ERR_RANGE, "not a URL");
        return str_starts(text, S("http://")) || str_starts(text, S("https://"))
                   ? NULL
                   : err_new(ERR_RANGE, "not a URL that begins with http:// or https://");
    default:
        TRY(matcher_make(arena, MATCH_RE, S("value"), parameter->pattern, &matcher));
        return matcher_matches(&matcher, text) ? NULL
                                               : err_new(ERR_RANGE, "does not match %.*s", STR_ARG(parameter->pattern));
    }
}

static err read_value(struct arena *arena, const struct parameter *parameter, const struct json *value,
                      struct argument *argument)
{
    switch ((enum parameter_type)parameter->type) {
    case PARAMETER_NUMBER:
    case PARAMETER_INTEGER:
    case PARAMETER_DURATION:
        return read_number(arena, parameter, value, argument);
    case PARAMETER_CLIENT_IDS:
        return read_client_ids(arena, value, argument);
    default:
        if (parameter->type == PARAMETER_PROCESS && value->type == JSON_NUMBER && value->number.is_integer)
            return read_text(arena, parameter, str_printf(arena, "%lld", (long long)value->number.integer), argument);
        if (value->type != JSON_STRING)
            return err_new(ERR_RANGE, "not a text");
        return read_text(arena, parameter, value->string, argument);
    }
}

err arguments_read(struct arena *arena, const struct action_def *def, const struct json *json,
                   struct arguments *ret_arguments)
{
    err faults = NULL;

    if (json && json->type != JSON_OBJECT)
        return err_new(ERR_RANGE, "parameters: not an object");
    *ret_arguments = (struct arguments){ .count = def->parameters.count };
    for (size_t i = 0; json && i < json->object.count; i++) {
        struct str key = json->object.members[i].key;
        bool known = false;
        for (size_t k = 0; k < def->parameters.count; k++)
            known |= str_eq(def->parameters.at[k].name, key);
        struct str path = str_printf(arena, "parameters.%.*s", STR_ARG(str_utf8_head(key, 100)));
        if (!known)
            err_add_field(&faults, ERR_INVALID, path.at, "action %.*s has no such parameter", STR_ARG(def->id));
    }
    for (size_t i = 0; i < def->parameters.count; i++) {
        const struct parameter *parameter = &def->parameters.at[i];
        struct argument *argument = &ret_arguments->at[i];
        const struct json *value = json_get(json, parameter->name);
        struct str path = str_printf(arena, "parameters.%.*s", STR_ARG(parameter->name));
        *argument = (struct argument){ .name = parameter->name, .number = NAN };
        if (!value || value->type == JSON_NULL)
            value = parameter->def;
        if (!value) {
            if (parameter->type != PARAMETER_PROCESS && parameter->type != PARAMETER_CLIENT_IDS)
                err_add_field(&faults, ERR_RANGE, path.at, "is required");
            continue;
        }
        err e = read_value(arena, parameter, value, argument);
        if (e)
            err_add_field(&faults, ERR_RANGE, path.at, "%s", err_message(e));
        err_free(e);
    }
    return faults;
}

err arguments_target(struct arena *arena, const struct action_def *def, const struct arguments *arguments,
                     struct str name, struct str *ret_target)
{
    char host[256] = "localhost";
    const struct argument *argument = argument_find(arguments->at, arguments->count, name);

    gethostname(host, sizeof(host) - 1);
    if (str_eq(name, S(TARGET_THIS_HOST))) {
        *ret_target = str_printf(arena, "host:%s", host);
        return NULL;
    }
    for (size_t i = 0; argument && i < def->parameters.count; i++) {
        const struct parameter *parameter = &def->parameters.at[i];
        if (!str_eq(parameter->name, name))
            continue;
        if (parameter->type == PARAMETER_REDIS_INSTANCE)
            *ret_target = str_printf(arena, "redis:%.*s", STR_ARG(argument->text));
        else if (parameter->type == PARAMETER_SYSTEMD_UNIT)
            *ret_target = str_printf(arena, "service:%s:%.*s", host, STR_ARG(argument->text));
        else if (parameter->type == PARAMETER_PROCESS)
            *ret_target = str_printf(arena, "process:%s:%.*s", host, STR_ARG(argument->text));
        else
            *ret_target = argument->text;
        return NULL;
    }
    return err_new(ERR_INTERNAL, "action %.*s has no parameter '%.*s'", STR_ARG(def->id), STR_ARG(name));
}

void arguments_write(struct json_writer *w, const struct action_def *def, const struct arguments *arguments)
{
    json_begin_object(w);
    for (size_t i = 0; i < arguments->count; i++) {
        const struct argument *argument = &arguments->at[i];
        int type = def->parameters.at[i].type;
        if (!argument->text.at)
            continue;
        if (type == PARAMETER_NUMBER || type == PARAMETER_INTEGER)
            json_put_double(w, argument->name, argument->number);
        else
            json_put_str(w, argument->name, argument->text);
    }
    json_end_object(w);
}

/* {{name}} and nothing else; .at NULL where it is not. */
static struct str placeholder(struct str element)
{
    if (!str_starts(element, S("{{")) || !str_ends(element, S("}}")) || element.length < 5)
        return (struct str){ NULL, 0 };
    struct str name = str_trim(str_slice(element, 2, element.length - 2));
    return all_of(name, "_") ? name : (struct str){ NULL, 0 };
}

err template_check(struct str element, const struct argument *arguments, size_t count)
{
    struct str name = placeholder(element);

    if (!name.at && (str_contains(element, S("{{")) || str_contains(element, S("}}"))))
        return err_hint(err_new(ERR_INVALID, "'%.*s': a parameter is a word of its own", STR_ARG(element)),
                        "write '{{name}}' as a separate word");
    if (name.at && !argument_find(arguments, count, name))
        return err_new(ERR_INVALID, "'%.*s': there is no such parameter", STR_ARG(element));
    return NULL;
}

err template_element(struct arena *arena, struct str element, const struct argument *arguments, size_t count,
                     struct str *ret_text)
{
    struct str name = placeholder(element);

    TRY(template_check(element, arguments, count));
    if (!name.at) {
        *ret_text = str_copy(arena, element);
        return NULL;
    }
    const struct argument *argument = argument_find(arguments, count, name);
    struct str text = argument->text;
    if (!text.at || text.length == 0)
        return err_new(ERR_INVALID, "parameter '%.*s' has no value", STR_ARG(name));
    if (str_contains(text, S("@")) && isfinite(argument->number)) /* PID@START of a process */
        text = str_slice(text, 0, str_find(text, S("@"), 0));
    if (text.at[0] == '-')
        return err_new(ERR_RANGE, "parameter '%.*s': '%.*s' begins with '-' and could be taken for an option",
                       STR_ARG(name), STR_ARG(str_utf8_head(text, 60)));
    if (memchr(text.at, '\0', text.length) || memchr(text.at, '\n', text.length))
        return err_new(ERR_RANGE, "parameter '%.*s' has a NUL or a line break inside", STR_ARG(name));
    *ret_text = text;
    return NULL;
}
