/* schema_doc_test.c - what is read from tables besides values: JSON Schema, Markdown, the default YAML. */
#include "base/test.h"
#include "schema/config.h"
#include "schema/yaml.h"

#include <stdlib.h>

struct leaf {
    struct str name;
    struct duration every;
};

static const struct field leaf_fields[] = {
    STRING(struct leaf, name, .flags = F_REQUIRED, .min = 1, .max = 64, .doc = "What it is called."),
    DURATION(struct leaf, every, .def = "1m30s", .min = 1000, .max = 3600000, .doc = "How often."),
    { 0 },
};
static const struct schema leaf_schema = SCHEMA(struct leaf, leaf_fields, .doc = "A leaf.");

static const char *const colours[] = { "red", "green", NULL };

/* A route holds routes, as Alertmanager's do. */
struct branch {
    struct str key;
    int colour;
    int64_t limit;
    bool on;
    struct str quote;
    struct leaf must;
    struct leaf *may;
    VEC(struct leaf) leaves;
    VEC(struct branch) branches;
    VEC(struct str) words;
    VEC(struct pair) labels;
};

static const struct schema branch_schema;
static const struct field branch_fields[] = {
    STRING(struct branch, key, .flags = F_SECRET | F_NULLABLE, .doc = "A key."),
    ENUM(struct branch, colour, .words = colours, .def = "green", .doc = "Red | green."),
    SIZE(struct branch, limit, .def = "64MB", .doc = "Room."),
    BOOL(struct branch, on, .def = "true", .doc = "Whether."),
    STRING(struct branch, quote, .def = "a: \"b\" # c", .doc = "Hard to write."),
    STRUCT(struct branch, must, .schema = &leaf_schema, .doc = "One leaf."),
    OPTIONAL(struct branch, may, .schema = &leaf_schema, .doc = "Perhaps a leaf."),
    LIST(struct branch, leaves, .schema = &leaf_schema, .doc = "Many leaves."),
    LIST(struct branch, branches, .schema = &branch_schema, .doc = "Branches of the branch."),
    STRINGS(struct branch, words, .def = "[a, b]", .max = 5, .doc = "Words."),
    PAIRS(struct branch, labels, .def = "{k: v}", .doc = "Labels."),
    { 0 },
};
static const struct schema branch_schema = SCHEMA(struct branch, branch_fields, .doc = "A branch.");

static void add_name(const struct schema *nested, void *arg)
{
    buf_addf(arg, "%s ", nested->name);
}

TEST(schema_json_schema_says_types_ranges_and_defaults)
{
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct json_writer w = json_writer(&text);

    schema_json_schema(&w, &leaf_schema, "#/$defs/");
    ASSERT_STR("{\"type\":\"object\",\"description\":\"A leaf.\",\"properties\":{"
               "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,\"description\":\"What it is called.\"},"
               "\"every\":{\"type\":\"string\",\"pattern\":\"^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?"
               "([0-9]+s)?([0-9]+ms)?)$\",\"description\":\"How often.\",\"default\":\"1m30s\"}},"
               "\"required\":[\"name\"],\"additionalProperties\":false}",
               buf_str(&text));
}

TEST(schema_json_schema_refers_to_nested_ones)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct buf names CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct json_writer w = json_writer(&text);
    const struct json *json;

    schema_json_schema(&w, &branch_schema, "#/components/schemas/");
    ASSERT_OK(json_parse(arena, buf_str(&text), &json));
    const struct json *properties = json_get(json, S("properties"));
    ASSERT_STR("#/components/schemas/leaf", json_str_or(json_get(json_get(properties, S("must")), S("$ref")), S("")));
    ASSERT_EQ_INT(64000000, json_i64_or(json_get(json_get(properties, S("limit")), S("default")), 0));
    ASSERT_CONTAINS("\"enum\":[\"red\",\"green\"],\"description\":\"Red | green.\",\"default\":\"green\"",
                    buf_str(&text));
    ASSERT_CONTAINS("\"anyOf\":[{\"$ref\":\"#/components/schemas/leaf\"},{\"type\":\"null\"}]", buf_str(&text));
    ASSERT_CONTAINS("\"key\":{\"type\":[\"string\",\"null\"],\"format\":\"password\"", buf_str(&text));
    ASSERT_CONTAINS("\"default\":[\"a\",\"b\"]", buf_str(&text));
    schema_each_nested(&branch_schema, add_name, &names);
    ASSERT_STR("leaf branch ", buf_str(&names));
}

TEST(schema_markdown_is_a_table_of_all_keys)
{
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };

    schema_markdown(&text, &branch_schema);
    ASSERT_CONTAINS("| `colour` | one of | `green` | red, green | Red \\| green. |\n", buf_str(&text));
    ASSERT_CONTAINS("| `may.name` | text | required | 1 to 64 bytes | What it is called. |\n", buf_str(&text));
    ASSERT_CONTAINS("| `leaves[].every` | duration | `1m30s` | 1s to 1h | How often. |\n", buf_str(&text));
    ASSERT_CONTAINS("| `branches` | list |", buf_str(&text));
    ASSERT_FALSE(str_contains(buf_str(&text), S("branches[].branches")));
}

TEST(schema_default_yaml_reads_as_the_defaults)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct schema_options options = { .arena = arena, .file = "default.yml" };
    struct buf yaml CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct buf expected CLEANUP(buf_clear) = { .max = 1 << 20 }, found CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct branch plain, read;
    const struct json *json;

    schema_default_yaml(&yaml, &branch_schema, 0);
    ASSERT_CONTAINS("# Red | green.\ncolour: green\n", buf_str(&yaml));
    ASSERT_CONTAINS("# Perhaps a leaf.\n# may:\n#   # What it is called.\n#   name: \"\" # required\n", buf_str(&yaml));
    ASSERT_CONTAINS("leaves: []\n#   - name: \"\" # required\n#     # How often.\n#     every: 1m30s\n",
                    buf_str(&yaml));
    ASSERT_OK(yaml_parse(arena, buf_str(&yaml), "default.yml", &json));
    ASSERT_OK(schema_parse(&options, &branch_schema, json, &read));
    schema_defaults(arena, &branch_schema, &plain);
    struct json_writer a = json_writer(&expected), b = json_writer(&found);
    schema_encode(&a, &branch_schema, &plain, false);
    schema_encode(&b, &branch_schema, &read, false);
    ASSERT_STR(buf_c(&expected), buf_str(&found));
}

/* uncommented - an example becomes an entry where its "# " is taken away. */
TEST(schema_default_yaml_examples_are_yaml_too)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf yaml CLEANUP(buf_clear) = { .max = 1 << 20 }, bare CLEANUP(buf_clear) = { .max = 1 << 20 };
    const struct json *json;

    schema_default_list_yaml(&yaml, &leaf_schema, 2);
    for (struct str rest = buf_str(&yaml), line; rest.at && rest.length;) {
        line = str_cut(rest, '\n', &rest);
        ASSERT_TRUE(str_starts(line, S("# ")));
        buf_add(&bare, str_slice(line, 2, line.length));
        buf_add_c(&bare, '\n');
    }
    ASSERT_OK(yaml_parse(arena, buf_str(&bare), "example.yml", &json));
    ASSERT_EQ_INT(JSON_ARRAY, json->type);
    ASSERT_STR("1m30s", json_str_or(json_get(json->array.items[0], S("every")), S("")));
}
