/* schema_test.c - tables of fields: parsed, defaulted, checked, encoded. */
#include "base/test.h"
#include "schema/schema.h"
#include "schema/yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The usage example: a struct, its table, its schema. */
struct slack {
    struct str webhook;
    struct str channel;
    struct duration timeout;
};

static const struct field slack_fields[] = {
    STRING(struct slack, webhook, .flags = F_REQUIRED | F_SECRET, .doc = "Incoming webhook URL."),
    STRING(struct slack, channel, .doc = "Channel to post to; empty means the webhook's own."),
    DURATION(struct slack, timeout, .def = "10s", .min = 100, .max = 60000, .doc = "Give up after this long."),
    { 0 },
};
static const struct schema slack_schema = SCHEMA(struct slack, slack_fields, .doc = "Slack incoming webhook.");

static err parse(struct arena *arena, const struct schema *schema, const char *text, void *ret_object)
{
    struct schema_options options = { .arena = arena };
    const struct json *json;

    TRY(json_parse(arena, str_of(text), &json));
    return schema_parse(&options, schema, json, ret_object);
}

static err parse_file(struct arena *arena, const struct schema *schema, const char *text, void *ret_object)
{
    struct schema_options options = { .arena = arena, .file = "auspex.yml" };
    const struct json *json;

    TRY(yaml_parse(arena, str_of(text), options.file, &json));
    return schema_parse(&options, schema, json, ret_object);
}

static const char *encoded(struct arena *arena, const struct schema *schema, const void *object, bool redact)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 1 << 20);
    struct json_writer w = json_writer(&text);
    schema_encode(&w, schema, object, redact);
    return str_c(arena, buf_str(&text));
}

TEST(schema_parses_defaults_checks_and_encodes)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct slack slack;

    ASSERT_OK(parse(arena, &slack_schema, "{\"webhook\": \"https://hooks.example/T0\"}", &slack));
    ASSERT_STR("https://hooks.example/T0", slack.webhook);
    ASSERT_STR("", slack.channel);
    ASSERT_EQ_INT(10000, slack.timeout.ms);
    ASSERT_STR("{\"webhook\":\"<secret>\",\"channel\":\"\",\"timeout\":\"10s\"}",
               str_of(encoded(arena, &slack_schema, &slack, true)));
    ASSERT_ERR(ERR_RANGE, "webhook: is missing", parse(arena, &slack_schema, "{}", &slack));
    ASSERT_ERR(ERR_INVALID, "chanel: unknown key 'chanel'; did you mean 'channel'?",
               parse(arena, &slack_schema, "{\"webhook\": \"x\", \"chanel\": \"#a\"}", &slack));
    ASSERT_ERR(ERR_RANGE, "timeout: '1ms' is out of range; allowed is 100ms to 1m",
               parse(arena, &slack_schema, "{\"webhook\": \"x\", \"timeout\": \"1ms\"}", &slack));
}

struct inner {
    struct str name;
    int64_t port;
};

static const struct field inner_fields[] = {
    STRING(struct inner, name, .flags = F_REQUIRED, .min = 1, .max = 8, .doc = "Name."),
    INT(struct inner, port, .def = "6379", .min = 1, .max = 65535, .doc = "Port."),
    { 0 },
};
static const struct schema inner_schema = SCHEMA(struct inner, inner_fields, .doc = "One of many.");

static const char *const levels[] = { "debug", "info", "warning", NULL };

/* One field of each type. */
struct all {
    struct str text;
    struct str maybe;
    bool on;
    int64_t count;
    int64_t maybe_count;
    double ratio;
    double any_double;
    double maybe_double;
    struct duration wait;
    int64_t room;
    int64_t since;
    int level;
    int maybe_level;
    VEC(struct str) words;
    struct inner one;
    struct inner *optional;
    VEC(struct inner) many;
    VEC(struct pair) pairs;
    const struct json *anything;
};

static void all_check(const void *object, struct str path, err *e)
{
    const struct all *all = object;

    char name[64];

    snprintf(name, sizeof(name), "%.*scount", STR_ARG(path));
    if (all->count > 100 && !all->on)
        err_add_field(e, ERR_RANGE, name, "is above 100 only where on is true");
    snprintf(name, sizeof(name), "%.*smany[1].port", STR_ARG(path));
    if (all->many.count > 1 && all->many.at[1].port == 13)
        err_add_field(e, ERR_RANGE, name, "brings bad luck");
}

static const struct field all_fields[] = {
    STRING(struct all, text, .def = "x"),
    STRING(struct all, maybe, .flags = F_NULLABLE),
    BOOL(struct all, on),
    INT(struct all, count, .min = -5, .max = 1000),
    INT(struct all, maybe_count, .flags = F_NULLABLE),
    DOUBLE(struct all, ratio, .def = "0.5", .min = 0, .max = 1),
    DOUBLE(struct all, any_double, .flags = F_NONFINITE),
    DOUBLE(struct all, maybe_double, .flags = F_NULLABLE | F_OMIT),
    DURATION(struct all, wait),
    SIZE(struct all, room, .def = "64MB"),
    TIME(struct all, since, .flags = F_NULLABLE),
    ENUM(struct all, level, .words = levels, .def = "info"),
    ENUM(struct all, maybe_level, .words = levels, .flags = F_NULLABLE),
    STRINGS(struct all, words, .max = 3),
    STRUCT(struct all, one, .schema = &inner_schema),
    OPTIONAL(struct all, optional, .schema = &inner_schema),
    LIST(struct all, many, .schema = &inner_schema),
    PAIRS(struct all, pairs),
    ANY(struct all, anything, .flags = F_OMIT),
    { 0 },
};
static const struct schema all_schema = SCHEMA(struct all, all_fields, .check = all_check);

static const char all_text[] =
    "{\"text\":\"a\\\"b\",\"maybe\":\"\",\"on\":true,\"count\":-5,\"maybe_count\":9223372036854775807,\"ratio\":0.25,"
    "\"any_double\":\"-Inf\",\"maybe_double\":1.5,\"wait\":\"1m30s\",\"room\":65536,"
    "\"since\":\"2026-11-22T10:45:57.123Z\",\"level\":\"warning\",\"maybe_level\":\"debug\",\"words\":[\"a\",\"b\"],"
    "\"one\":{\"name\":\"x\",\"port\":1},\"optional\":{\"name\":\"y\",\"port\":2},"
    "\"many\":[{\"name\":\"z\",\"port\":65535}],\"pairs\":{\"k\":\"v\"},\"anything\":[1,{\"a\":null}]}";

TEST(schema_encodes_what_it_parsed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct all all;

    ASSERT_OK(parse(arena, &all_schema, all_text, &all));
    ASSERT_STR(all_text, str_of(encoded(arena, &all_schema, &all, false)));
    ASSERT_TRUE(isinf(all.any_double));
    ASSERT_EQ_INT(2, all.optional->port);
}

TEST(schema_defaults_are_what_an_empty_object_gives)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct all all, empty;
    const char *text = "{\"text\":\"x\",\"maybe\":null,\"on\":false,\"count\":0,\"maybe_count\":null,\"ratio\":0.5,"
                       "\"any_double\":0,\"wait\":\"0s\",\"room\":64000000,\"since\":null,\"level\":\"info\","
                       "\"maybe_level\":null,\"words\":[],\"one\":{\"name\":\"\",\"port\":6379},\"optional\":null,"
                       "\"many\":[],\"pairs\":{}}";

    schema_defaults(arena, &all_schema, &all);
    ASSERT_STR(text, str_of(encoded(arena, &all_schema, &all, false)));
    ASSERT_OK(parse(arena, &all_schema, "{}", &empty));
    ASSERT_STR(text, str_of(encoded(arena, &all_schema, &empty, false)));
}

TEST(schema_says_what_is_wrong_with_each_type)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "[]", "must be an object, not an array" },
        { "{\"text\": 5}", "text: must be a string, not a number" },
        { "{\"text\": null}", "text: must be a string, not null" },
        { "{\"text\": \"a\\u0000b\"}", "text: holds a NUL" },
        { "{\"on\": 1}", "on: must be true or false, not a number" },
        { "{\"count\": \"5\"}", "count: must be an integer, not a string" },
        { "{\"count\": 1.5}", "count: 1.5 is not an integer" },
        { "{\"count\": 1e300}", "count: 1e+300 is out of range for an integer" },
        { "{\"count\": 1e999}", "count: +Inf is out of range for an integer" },
        { "{\"count\": 1001}", "count: 1001 is out of range; allowed is -5 to 1000" },
        { "{\"ratio\": 1e999}", "ratio: is out of range" },
        { "{\"any_double\": 1e999}", "any_double: is out of range" },
        { "{\"ratio\": \"NaN\"}", "ratio: must be a number" },
        { "{\"ratio\": 1.01}", "ratio: 1.01 is out of range; allowed is 0 to 1" },
        { "{\"wait\": 30}", "wait: 30 is not a duration such as 500ms, 30s, 5m" },
        { "{\"wait\": \"5parsecs\"}", "wait: '5parsecs' is not a duration such as 500ms, 30s, 5m" },
        { "{\"room\": \"5 parsecs\"}", "room: '5 parsecs' is not a size" },
        { "{\"room\": -1}", "room: -1 is not a size" },
        { "{\"since\": \"yesterday\"}", "since: 'yesterday' is not a time" },
        { "{\"since\": [1]}", "since: an array is not a time" },
        { "{\"level\": \"warnin\"}", "'warnin' is none of debug, info, warning; did you mean 'warning'?" },
        { "{\"words\": \"a\"}", "words: must be a list of strings" },
        { "{\"words\": [\"a\", 1]}", "words[1]: must be a string, not a number" },
        { "{\"words\": [\"a\", \"a\", \"a\", \"a\"]}", "words: the length of the list is out of range; it has 4" },
        { "{\"one\": 1}", "one: must be an object" },
        { "{\"one\": {}}", "one.name: is missing" },
        { "{\"one\": {\"name\": \"\"}}",
          "one.name: the length in bytes is out of range; it has 0, allowed are 1 to 8" },
        { "{\"optional\": {\"name\": \"a\", \"port\": 0}}", "optional.port: 0 is out of range" },
        { "{\"many\": [{\"name\": \"a\"}, {\"nam\": \"b\"}]}", "many[1].name: is missing" },
        { "{\"pairs\": {\"a\": {}}}", "pairs.a: must be a string, not an object" },
        { "{\"count\": 101}", "is above 100 only where on is true" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct all all;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err e CLEANUP(err_freep) = parse(arena, &all_schema, cases[i].text, &all);
        ASSERT_TRUE(e != NULL);
        ASSERT_CONTAINS(cases[i].part, str_of(err_message(e)));
    }
}

TEST(schema_collects_every_fault)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct all all;

    err e CLEANUP(err_freep) = parse(arena, &all_schema, "{\"on\": 1, \"many\": [{}, {\"nam\": 1}], \"x\": 1}", &all);
    ASSERT_EQ_INT(ERR_INVALID, err_kind(e));
    ASSERT_EQ_INT(5, err_field_count(e));
    ASSERT_STR("many[1].nam", str_of(err_field_path(e, 3)));
    ASSERT_STR("unknown key 'nam'; did you mean 'name'?", str_of(err_field_message(e, 3)));
    struct buf text CLEANUP(buf_clear);
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "%s{}", i ? "," : "{\"many\":[");
    buf_add(&text, S("]}"));
    err many CLEANUP(err_freep) = parse(arena, &all_schema, buf_c(&text), &all);
    ASSERT_EQ_INT(50, err_field_count(many));
}

TEST(schema_faults_in_files_name_file_line_and_column)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct all all;
    const char *text = "text: 1.10\n"
                       "one:\n"
                       "  name: a\n"
                       "many:\n"
                       "  - name: b\n"
                       "  - name: c\n"
                       "    prot: 5\n"
                       "wait:  5parsecs\n"
                       "wrods: []\n"
                       "count: 500\n";

    ASSERT_ERR(ERR_INVALID,
               "auspex.yml:8:8: wait: '5parsecs' is not a duration such as 500ms, 30s, 5m\n"
               "auspex.yml:7:5: many[1]: unknown key 'prot'; did you mean 'port'?",
               parse_file(arena, &all_schema, text, &all));
    ASSERT_ERR(ERR_INVALID, "auspex.yml:9:1: unknown key 'wrods'; did you mean 'words'?",
               parse_file(arena, &all_schema, text, &all));
    ASSERT_ERR(ERR_INVALID, "auspex.yml:2:8: count: ", parse_file(arena, &all_schema, "on: false\ncount: 500\n", &all));
    ASSERT_ERR(ERR_INVALID, "auspex.yml:3:20: many[1].port: brings bad luck",
               parse_file(arena, &all_schema, "many:\n - name: a\n - {name: b, port: 13}\n", &all));
    /* What YAML made a number is a string again where one is wanted, as it was written; nothing is null. */
    ASSERT_OK(parse_file(arena, &all_schema, "text: 1.10\nmany:\nwords:\n - 007\n - true\n", &all));
    ASSERT_STR("1.10", all.text);
    ASSERT_STR("007", all.words.at[0]);
    ASSERT_EQ_INT(0, all.many.count);
}

TEST(schema_parses_query_strings)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct schema_options options = { .arena = arena };
    struct all all;
    struct pair pairs[] = { { S("count"), S("7") },   { S("words"), S("a") },        { S("on"), S("1") },
                            { S("words"), S("b") },   { S("ratio"), S("1e-1") },     { S("wait"), S("5m") },
                            { S("room"), S("1kB") },  { S("level"), S("debug") },    { S("text"), S("12") },
                            { S("since"), S("1.5") }, { S("any_double"), S("+Inf") } };

    ASSERT_OK(schema_parse_pairs(&options, &all_schema, pairs, ARRAY_LEN(pairs), &all));
    ASSERT_EQ_INT(7, all.count);
    ASSERT_TRUE(all.on);
    ASSERT_EQ_INT(2, all.words.count);
    ASSERT_STR("b", all.words.at[1]);
    ASSERT_NEAR(0.1, all.ratio, 0);
    ASSERT_EQ_INT(1000, all.room);
    ASSERT_EQ_INT(1500, all.since);
    ASSERT_STR("12", all.text);

    static const struct {
        struct pair pair;
        enum err_kind kind;
        const char *part;
    } wrong[] = {
        { { { "coutn", 5 }, { "7", 1 } }, ERR_INVALID, "unknown parameter 'coutn'; did you mean 'count'?" },
        { { { "count", 5 }, { "7x", 2 } }, ERR_RANGE, "count: '7x' is not an integer" },
        { { { "count", 5 }, { "", 0 } }, ERR_RANGE, "count: '' is not an integer" },
        { { { "on", 2 }, { "yes", 3 } }, ERR_RANGE, "on: 'yes' is not true or false" },
        { { { "ratio", 5 }, { "1e999", 5 } }, ERR_RANGE, "ratio: is out of range" },
        { { { "ratio", 5 }, { "NaN", 3 } }, ERR_RANGE, "ratio: 'NaN' is not a number" },
        { { { "text", 4 }, { "\xFF", 1 } }, ERR_INVALID, "text: is not UTF-8" },
        { { { "many", 4 }, { "[]", 2 } }, ERR_RANGE, "many: '[]' is not a list" },
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ASSERT_ERR(wrong[i].kind, wrong[i].part, schema_parse_pairs(&options, &all_schema, &wrong[i].pair, 1, &all));
    struct pair twice[] = { { S("count"), S("1") }, { S("count"), S("2") } };
    ASSERT_ERR(ERR_INVALID, "count: is given more than once",
               schema_parse_pairs(&options, &all_schema, twice, 2, &all));
    options.unknown_ok = true;
    ASSERT_OK(schema_parse_pairs(&options, &all_schema, &wrong[0].pair, 1, &all));
}

TEST(schema_fetches_secrets_for_files_alone)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct slack slack;

    setenv("AUSPEX_TEST_SECRET", "s3cret", 1);
    ASSERT_OK(parse_file(arena, &slack_schema, "webhook: env:AUSPEX_TEST_SECRET\n", &slack));
    ASSERT_STR("s3cret", slack.webhook);
    ASSERT_ERR(ERR_INVALID, "auspex.yml:1:10: webhook: the environment variable NOT_THERE is not set",
               parse_file(arena, &slack_schema, "webhook: env:NOT_THERE\n", &slack));
    /* Whoever may send requests may not read our environment and files with them. */
    ASSERT_OK(parse(arena, &slack_schema, "{\"webhook\": \"env:AUSPEX_TEST_SECRET\"}", &slack));
    ASSERT_STR("env:AUSPEX_TEST_SECRET", slack.webhook);
    ASSERT_ERR(ERR_RANGE, "webhook: must be a string, not a number",
               parse(arena, &slack_schema, "{\"webhook\": 1}", &slack));
}
