/* yaml_test.c - YAML into the tree. */
#include "base/test.h"
#include "base/time.h"
#include "schema/yaml.h"

#include <stdlib.h>
#include <string.h>

TEST(yaml_parse_gives_a_tree_with_places)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    ASSERT_OK(yaml_parse(arena, S("server:\n  port: 7171\n  name: \"7171\" # quoted\nlist: [a, 1.5, ~, true]\n"),
                         "a.yml", &json));
    const struct json *port = json_get(json_get(json, S("server")), S("port"));
    ASSERT_EQ_INT(7171, json_i64_or(port, 0));
    ASSERT_EQ_INT(2, port->line);
    ASSERT_EQ_INT(9, port->column);
    ASSERT_EQ_INT(4, json->object.members[1].line);
    ASSERT_STR("7171", json_str_or(json_get(json_get(json, S("server")), S("name")), S("")));
    ASSERT_EQ_INT(JSON_NULL, json_get(json, S("list"))->array.items[2]->type);
}

TEST(yaml_plain_scalars_follow_the_core_schema)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "{}" },
        { "# nothing\n", "{}" },
        { "---\n", "{}" },
        { "a", "\"a\"" },
        { "yes", "\"yes\"" },
        { "on", "\"on\"" },
        { "TRUE", "true" },
        { "0x1F", "31" },
        { "0o17", "15" },
        { "017", "17" },
        { "+12", "12" },
        { "1_000", "\"1_000\"" },
        { "5m", "\"5m\"" },
        { "1e3", "1000" },
        { ".5", "0.5" },
        { "5.", "5" },
        { ".", "\".\"" },
        { "-", "[null]" },
        { "1e", "\"1e\"" },
        { "0x", "\"0x\"" },
        { "1:30", "\"1:30\"" },
        { "2001-01-01", "\"2001-01-01\"" },
        { ".inf", "\"+Inf\"" },
        { "-.INF", "\"-Inf\"" },
        { ".NaN", "\"NaN\"" },
        { "9223372036854775808", "9.223372036854776e+18" },
        { "!!str 12", "\"12\"" },
        { "! 12", "\"12\"" },
        { "'12'", "\"12\"" },
        { "|\n  a\n  b\n", "\"a\\nb\\n\"" },
        { "a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}" },
        { "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"q\":3,\"p\":1}}" },
        { "{\"a\": [1, {\"b\": null}]}", "{\"a\":[1,{\"b\":null}]}" },
        { "1: x\ntrue: y\n", "{\"1\":\"x\",\"true\":\"y\"}" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text CLEANUP(buf_clear) = { .max = 1 << 16 };
        struct json_writer w = json_writer(&text);
        const struct json *json;
        ASSERT_OK(yaml_parse(arena, str_of(cases[i].text), NULL, &json));
        json_add_tree(&w, json);
        ASSERT_STR(cases[i].json, buf_str(&text));
    }
}

TEST(yaml_refuses_with_file_line_and_column)
{
    static const struct {
        struct str text;
        const char *part;
    } cases[] = {
        { { "a: 1\nb: 2\na: 3\n", 15 }, "x.yml:3:1: the key 'a' stands twice" },
        { { "a: [1, 2\n", 9 }, "x.yml:2:1: " },
        { { "a: \"b\n", 6 }, "x.yml:" },
        { { "a: b: c\n", 8 }, "x.yml:1:" },
        { { "a:\n\t- b\n", 8 }, "x.yml:2:" },
        { { "a: 1\n---\nb: 2\n", 14 }, "x.yml:2:1: a second document" },
        { { "a: *x\n", 6 }, "x.yml:1:4: no anchor &x" },
        { { "a: &x [*x]\n", 11 }, "x.yml:1:8: the alias *x stands inside" },
        { { "a: !foo b\n", 10 }, "the tag !foo is not supported" },
        { { "? [a]\n: b\n", 10 }, "x.yml:1:3: a key must be a plain text" },
        { { "a: b\0c\n", 7 }, "x.yml:1:5: a NUL byte" },
        { { "a: \xED\x95\x9C\n\xFF", 8 }, "x.yml:2:1: this byte is not UTF-8" },
        { { "<<: 5\n", 6 }, "x.yml:1:1: << merges mappings only" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_ERR(ERR_INVALID, cases[i].part, yaml_parse(arena, cases[i].text, "x.yml", &json));
}

TEST(yaml_bombs_end_quickly)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct buf text CLEANUP(buf_clear) = { .max = 2 << 20 };
    const struct json *json;
    int64_t start = time_mono_ms(), limit_ms = getenv("AUSPEX_TEST_SLOW") ? 100000 : 10000; /* a bomb takes hours */

    buf_add(&text, S("a0: &a0 [x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 10; i++)
        buf_addf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1);
    ASSERT_ERR(ERR_INVALID, "aliases stand for more than 10000", yaml_parse(arena, buf_str(&text), "x.yml", &json));
    buf_reset(&text);
    for (int i = 0; i < 10000; i++)
        buf_add(&text, S("["));
    ASSERT_ERR(ERR_INVALID, "x.yml:1:", yaml_parse(arena, buf_str(&text), "x.yml", &json));
    buf_reset(&text);
    for (int i = 0; i < 10000; i++)
        buf_add(&text, S("- "));
    ASSERT_ERR(ERR_INVALID, "x.yml:1:129: nested more than 64", yaml_parse(arena, buf_str(&text), "x.yml", &json));
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_addf(&text, "key%d: {}\n", i % 99999);
    ASSERT_ERR(ERR_TOO_LARGE, "x.yml: YAML of", yaml_parse(arena, buf_str(&text), "x.yml", &json));
    buf_truncate(&text, 1000000);
    while (text.at[text.length - 1] != '\n')
        buf_truncate(&text, text.length - 1);
    ASSERT_OK(yaml_parse(arena, buf_str(&text), "x.yml", &json));
    ASSERT_TRUE(time_mono_ms() - start < limit_ms);
}
