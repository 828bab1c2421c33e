/* query_command.c - `auspex query`: PromQL on the command line, at one time or over a range. */
#include "app/client.h"
#include "base/duration.h"
#include "base/time.h"
#include "model/labels.h"

#include <stdio.h>

struct query_options {
    struct client_options client;
    struct duration range, step;
    struct str time;
};
static const struct field query_fields[] = {
    CLIENT_FIELDS(struct query_options),
    DURATION(struct query_options, range, .def = "0", .doc = "Over so long before the time; 0: at that time alone."),
    DURATION(struct query_options, step, .def = "0", .doc = "Between two values of a range; 0: a hundredth of it."),
    STRING(struct query_options, time, .def = "", .max = 100, .doc = "RFC 3339 or Unix seconds; none: now."),
    { 0 },
};
static const struct schema query_schema = SCHEMA(struct query_options, query_fields);

static void add_parameter(struct buf *out, const char *name, struct str value)
{
    buf_addf(out, "&%s=", name);
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        buf_addf(out, plain ? "%c" : "%%%02X", c);
    }
}

static void add_seconds(struct buf *out, const char *name, int64_t ms)
{
    buf_addf(out, "&%s=%.3f", name, (double)ms / 1000);
}

static err path_of(const struct query_options *o, struct str expr, struct buf *out)
{
    int64_t end_ms = time_now_ms(), step_ms = o->step.ms ? o->step.ms : o->range.ms / 100;

    if (o->time.length && !time_parse(o->time, &end_ms))
        return err_new(ERR_INVALID, "--time '%.*s' is neither RFC 3339 nor Unix seconds", STR_ARG(o->time));
    buf_add(out, o->range.ms ? S("/prometheus/api/v1/query_range?") : S("/prometheus/api/v1/query?"));
    add_parameter(out, "query", expr);
    if (o->range.ms) {
        add_seconds(out, "start", end_ms - o->range.ms);
        add_seconds(out, "end", end_ms);
        add_seconds(out, "step", step_ms < 1 ? 1 : step_ms);
    } else {
        add_seconds(out, "time", end_ms);
    }
    return buf_check(out);
}

/* print_point - "value @ time". */
static void print_point(const struct json *point)
{
    const struct json *value =
        point && point->type == JSON_ARRAY && point->array.count == 2 ? point->array.items[1] : NULL;
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };

    if (!value)
        return;
    if (value->type == JSON_STRING) {
        buf_add(&text, value->string);
    } else {
        struct json_writer w = json_writer(&text);
        json_add_tree(&w, value);
    }
    struct str time = time_rfc3339(command_arena(), (int64_t)(json_number_or(point->array.items[0], 0) * 1000 + 0.5));
    printf("%.*s @ %.*s\n", STR_ARG(client_line(buf_str(&text))), STR_ARG(time));
}

static void print_points(const struct json *points)
{
    for (size_t i = 0; points && points->type == JSON_ARRAY && i < points->array.count; i++) {
        printf("  ");
        print_point(points->array.items[i]);
    }
}

static err print_series(const struct json *series)
{
    struct buf name CLEANUP(buf_clear) = { .max = 1 << 20 };
    const struct json *metric = json_get(series, S("metric")), *value = json_get(series, S("value"));
    struct labels labels = { 0 };

    if (metric)
        TRY(labels_from_json(command_arena(), metric, &labels));
    labels_write_series(&name, labels);
    printf("%.*s", STR_ARG(client_line(buf_str(&name))));
    if (!value)
        value = json_get(series, S("histogram"));
    if (value) {
        printf(" = ");
        print_point(value);
        return NULL;
    }
    printf("\n");
    print_points(json_get(series, S("values")));
    print_points(json_get(series, S("histograms")));
    return NULL;
}

static err print_result(const struct json *reply)
{
    const struct json *data = json_get(reply, S("data")), *result = json_get(data, S("result"));
    struct str type = json_str_or(json_get(data, S("resultType")), S(""));
    const struct json *warnings = json_get(reply, S("warnings"));

    for (size_t i = 0; warnings && warnings->type == JSON_ARRAY && i < warnings->array.count; i++)
        fprintf(stderr, "warning: %.*s\n", STR_ARG(client_line(json_str_or(warnings->array.items[i], S("")))));
    if (str_eq(type, S("scalar")) || str_eq(type, S("string")))
        print_point(result);
    else
        for (size_t i = 0; result && result->type == JSON_ARRAY && i < result->array.count; i++)
            TRY(print_series(result->array.items[i]));
    return NULL;
}

static err ask(const struct query_options *o, struct str expr)
{
    struct buf path CLEANUP(buf_clear) = { .max = 64 * 1024 };
    const struct json *reply;

    TRY(path_of(o, expr, &path));
    TRY(client_ask("GET", buf_str(&path), S(""), &reply));
    if (!o->client.json)
        return print_result(reply);
    client_print_json(reply);
    return NULL;
}

static int query_run(const void *options, char **words, size_t count)
{
    if (count != 1)
        return command_fail(err_new(ERR_INVALID, "this wants one expression, in quotes"), EXIT_USAGE);
    err e = ask(options, str_of(words[0]));
    return e ? command_fail(e, EXIT_BAD) : EXIT_OK;
}
static const struct command query = { .name = "query",
                                      .arguments = "EXPRESSION",
                                      .summary = "Evaluate PromQL on the running server.",
                                      .options = &query_schema,
                                      .run = query_run };
REGISTER(command, query);
