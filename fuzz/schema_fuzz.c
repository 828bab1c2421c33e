/* schema_fuzz.c - any bytes as a document (JSON, YAML or a form) for a table with a field of each type: refused, or a
 * struct whose text parses to the same text. The first byte chooses. */
#include "schema/schema.h"
#include "schema/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct leaf {
    struct str name;
    int64_t port;
};

static const struct field leaf_fields[] = {
    STRING(struct leaf, name, .flags = F_REQUIRED, .min = 1, .max = 8),
    INT(struct leaf, port, .def = "6379", .min = 1, .max = 65535),
    { 0 },
};
static const struct schema leaf_schema = SCHEMA(struct leaf, leaf_fields);

struct tree {
    struct str text, secret;
    bool on;
    int64_t count, room, since;
    double ratio, wild;
    struct duration wait;
    int level;
    VEC(struct str) words;
    struct leaf one;
    struct leaf *may;
    VEC(struct leaf) many;
    VEC(struct tree) trees;
    VEC(struct pair) pairs;
    const struct json *any;
};

static const char *const levels[] = { "low", "high", NULL };
static const struct schema tree_schema;
static const struct field tree_fields[] = {
    STRING(struct tree, text, .flags = F_NULLABLE),
    STRING(struct tree, secret),
    BOOL(struct tree, on),
    INT(struct tree, count, .flags = F_NULLABLE),
    SIZE(struct tree, room),
    TIME(struct tree, since, .flags = F_NULLABLE, .name = "time"),
    DOUBLE(struct tree, ratio, .flags = F_NULLABLE | F_OMIT),
    DOUBLE(struct tree, wild, .flags = F_NONFINITE),
    DURATION(struct tree, wait),
    ENUM(struct tree, level, .words = levels),
    STRINGS(struct tree, words, .max = 5),
    STRUCT(struct tree, one, .schema = &leaf_schema),
    OPTIONAL(struct tree, may, .schema = &leaf_schema),
    LIST(struct tree, many, .schema = &leaf_schema),
    LIST(struct tree, trees, .schema = &tree_schema),
    PAIRS(struct tree, pairs),
    ANY(struct tree, any),
    { 0 },
};
static const struct schema tree_schema = SCHEMA(struct tree, tree_fields);

static err parse_form(const struct schema_options *options, struct str text, struct tree *tree)
{
    VEC(struct pair) pairs = { 0 };

    for (struct str rest = text, word; rest.at;) {
        word = str_cut(rest, '&', &rest);
        struct pair pair = { .value = S("") };
        pair.key = str_cut(word, '=', &pair.value);
        *vec_push(&pairs, options->arena) = pair;
    }
    return schema_parse_pairs(options, &tree_schema, pairs.at, pairs.count, tree);
}

static err parse(const struct schema_options *options, uint8_t how, struct str text, struct tree *tree)
{
    const struct json *json;

    if (how % 3 == 2)
        return parse_form(options, text, tree);
    TRY(how % 3 ? yaml_parse(options->arena, text, options->file, &json) : json_parse(options->arena, text, &json));
    return schema_parse(options, &tree_schema, json, tree);
}

/* holds_infinity - an ANY may hold 1e999, which is written as null. */
static bool holds_infinity(const struct json *json)
{
    bool found = json->type == JSON_NUMBER && __builtin_isinf(json->number.value);

    for (size_t i = 0; json->type == JSON_ARRAY && i < json->array.count; i++)
        found |= holds_infinity(json->array.items[i]);
    for (size_t i = 0; json->type == JSON_OBJECT && i < json->object.count; i++)
        found |= holds_infinity(json->object.members[i].value);
    return found;
}

static bool any_infinity(const struct tree *tree)
{
    bool found = tree->any && holds_infinity(tree->any);

    for (size_t i = 0; i < tree->trees.count; i++)
        found |= any_infinity(&tree->trees.at[i]);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct buf once CLEANUP(buf_clear) = { .max = 256 << 20 }, twice CLEANUP(buf_clear) = { .max = 256 << 20 };
    struct schema_options options = { .arena = arena };
    struct tree tree;

    if (length == 0)
        return 0;
    options.file = bytes[0] % 3 == 1 ? "x.yml" : NULL;
    err e CLEANUP(err_freep) = parse(&options, bytes[0], (struct str){ (const char *)bytes + 1, length - 1 }, &tree);
    if (e || any_infinity(&tree))
        return 0;
    struct json_writer w = json_writer(&once);
    schema_encode(&w, &tree_schema, &tree, false);
    options.file = NULL;
    e = parse(&options, 0, buf_str(&once), &tree);
    if (e && (err_kind(e) == ERR_TOO_LARGE || str_contains(str_of(err_message(e)), S("name: is missing")) ||
              str_contains(str_of(err_message(e)), S("one.name: the length"))))
        return 0; /* a section whose required member was never given is shown, but can't be given so */
    if (e)
        abort();
    w = json_writer(&twice);
    schema_encode(&w, &tree_schema, &tree, false);
    if (!str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    return 0;
}
