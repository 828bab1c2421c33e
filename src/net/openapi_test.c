/* openapi_test.c - the document of all registered routes hangs together. */
#include "base/json.h"
#include "base/lang.h"
#include "base/test.h"
#include "base/vec.h"
#include "net/http_server.h"
#include "net/route.h"

#include <stdlib.h>
#include <string.h>

static const struct json *document(struct arena *arena)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct json_writer w = json_writer(&text);
    const struct json *json;

    buf_init(&text, 64 * 1024 * 1024);
    openapi_write(&w);
    ASSERT_OK(buf_check(&text));
    ASSERT_OK(json_parse(arena, buf_str(&text), &json)); /* repeated keys are errors too */
    return json;
}

static const struct json *resolve(const struct json *root, struct str reference)
{
    struct str rest = reference, word = str_cut(rest, '/', &rest);

    ASSERT_STR("#", word);
    while (rest.at) {
        word = str_cut(rest, '/', &rest);
        root = json_get(root, word);
    }
    return root;
}

/* check_references - every "$ref" leads somewhere. */
static int check_references(const struct json *root, const struct json *node)
{
    int count = 0;

    for (size_t i = 0; node->type == JSON_ARRAY && i < node->array.count; i++)
        count += check_references(root, node->array.items[i]);
    for (size_t i = 0; node->type == JSON_OBJECT && i < node->object.count; i++) {
        const struct json_member *member = &node->object.members[i];
        if (str_eq(member->key, S("$ref"))) {
            if (!resolve(root, member->value->string))
                ASSERT_STR("leads somewhere", member->value->string);
            count++;
        }
        count += check_references(root, member->value);
    }
    return count;
}

TEST(openapi_references_lead_somewhere)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const struct json *doc = document(arena);

    ASSERT_STR("3.1.0", json_str_or(json_get(doc, S("openapi")), S("")));
    ASSERT_TRUE(check_references(doc, doc) > 20);
}

/* check_operation - its parameters are those of the path, and what must be there is there. */
static void check_operation(const struct json *doc, struct str path, const struct json *operation, struct arena *arena)
{
    const struct json *parameters = json_get(operation, S("parameters"));
    size_t in_path = 0;

    for (size_t i = 0; i < parameters->array.count; i++) {
        const struct json *parameter = parameters->array.items[i];
        const struct json *reference = json_get(parameter, S("$ref"));
        if (reference)
            parameter = resolve(doc, reference->string);
        ASSERT_TRUE(json_get(parameter, S("schema")) && json_get(parameter, S("schema"))->type == JSON_OBJECT);
        if (!str_eq(json_str_or(json_get(parameter, S("in")), S("")), S("path")))
            continue;
        struct str name = json_str_or(json_get(parameter, S("name")), S(""));
        ASSERT_TRUE(str_contains(path, str_printf(arena, "{%.*s}", STR_ARG(name))));
        ASSERT_TRUE(json_bool_or(json_get(parameter, S("required")), false));
        in_path++;
    }
    for (size_t i = 0; i < path.length; i++)
        in_path -= path.at[i] == '{';
    ASSERT_EQ_INT(0, (int64_t)in_path);
    ASSERT_TRUE(json_str_or(json_get(operation, S("summary")), S("")).length > 0);
    ASSERT_TRUE(json_get(operation, S("responses"))->object.count >= 2);
    enum role role;
    struct str word = json_str_or(json_get(operation, S("x-role")), S(""));
    ASSERT_TRUE(str_eq(word, S("nobody")) || role_parse(word, &role));
    ASSERT_TRUE(str_eq(word, S("nobody")) == (json_get(operation, S("security")) != NULL));
}

TEST(openapi_operations_are_whole_and_named_once)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const struct json *doc = document(arena), *paths = json_get(doc, S("paths"));
    VEC(struct str) ids = { 0 };

    for (size_t i = 0; i < paths->object.count; i++) {
        const struct json_member *path = &paths->object.members[i];
        ASSERT_TRUE(str_starts(path->key, S("/")));
        for (size_t j = 0; j < path->value->object.count; j++) {
            const struct json *operation = path->value->object.members[j].value;
            struct str id = json_str_or(json_get(operation, S("operationId")), S(""));
            for (size_t k = 0; k < ids.count; k++)
                if (str_eq(ids.at[k], id))
                    ASSERT_STR("named once", id);
            *vec_push(&ids, arena) = id;
            check_operation(doc, path->key, operation, arena);
        }
    }
    ASSERT_TRUE(ids.count > 5);
    ASSERT_TRUE(json_get(json_get(json_get(doc, S("components")), S("schemas")), S("Problem")) != NULL);
}

struct named {
    VEC(const struct schema *) seen;
};

static void see(const struct schema *schema, void *arg)
{
    struct named *named = arg;

    for (size_t i = 0; i < named->seen.count; i++) {
        if (named->seen.at[i] == schema)
            return;
        if (strcmp(named->seen.at[i]->name, schema->name) == 0)
            ASSERT_STR("the name of one schema", str_of(schema->name)); /* in the document one would hide the other */
    }
    *vec_push(&named->seen, NULL) = schema;
}

TEST(openapi_nested_schemas_have_names_of_their_own)
{
    struct named named = { 0 };

    FOR_EACH_REGISTERED (route, it) {
        const struct schema *both[] = { it->body, it->reply };
        for (size_t i = 0; i < ARRAY_LEN(both); i++) {
            if (both[i])
                schema_each_nested(both[i], see, &named);
        }
    }
    ASSERT_TRUE(named.seen.count > 0);
    vec_clear(&named.seen);
}
