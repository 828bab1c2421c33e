/* schema_parse.c - objects into structs: members found, unknown ones named, absent ones given their defaults. */
#include "schema/parse.h"

#include <string.h>

void *field_slot(const struct field *field, const void *object)
{
    return (char *)(uintptr_t)object + field->offset;
}

static const char *next_field(const void *arg, size_t index)
{
    const struct schema *schema = arg;

    return schema->fields[index].name;
}

static const struct field *field_find(const struct schema *schema, struct str name)
{
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        if (str_eq(str_of(field->name), name))
            return field;
    return NULL;
}

static void report_unknown(struct parse *parse, const struct schema *schema, const struct json_member *member,
                           const struct place *place)
{
    struct place at = { place, member->key, 0 };
    const char *meant = nearest_word(member->key, next_field, schema);

    faults_add(&parse->faults, ERR_INVALID, &at, place, member->line, member->column,
               meant ? "unknown %s '%.*s'; did you mean '%s'?" : "unknown %s '%.*s'", parse->text ? "parameter" : "key",
               STR_ARG(str_utf8_head(member->key, 60)), meant);
}

/* locate - the place of what a path below `json` names, as far down as there is something. */
static void locate(const struct json *json, struct str path, int *line, int *column)
{
    while (json && json->line) {
        size_t end = 0;
        int64_t index;
        *line = json->line;
        *column = json->column;
        if (str_starts(path, S("["))) {
            end = str_find(path, S("]"), 0);
            bool known = json->type == JSON_ARRAY && str_to_i64(str_slice(path, 1, end), &index) && index >= 0 &&
                         (size_t)index < json->array.count;
            json = known ? json->array.items[index] : NULL;
            path = str_slice(path, end == SIZE_MAX ? end : end + 1, path.length);
            continue;
        }
        path = str_slice(path, str_starts(path, S(".")), path.length);
        while (end < path.length && path.at[end] != '.' && path.at[end] != '[')
            end++;
        json = end ? json_get(json, str_slice(path, 0, end)) : NULL;
        path = str_slice(path, end, path.length);
    }
}

/* run_check - the schema's own check; its faults are placed at what they name. */
static void run_check(struct parse *parse, const struct schema *schema, const struct json *json,
                      const struct place *place, const void *object)
{
    struct str prefix = place_path(&parse->faults, place, true);
    err e CLEANUP(err_freep) = NULL;

    schema->check(object, prefix, &e);
    for (size_t i = 0; e && i < err_field_count(e); i++) {
        struct str path = str_of(err_field_path(e, i));
        int line = json->line, column = json->column;
        if (str_starts(path, prefix))
            locate(json, str_slice(path, prefix.length, path.length), &line, &column);
        faults_adopt(&parse->faults, err_kind(e), path, err_field_message(e, i), line, column);
    }
    if (e && err_field_count(e) == 0)
        faults_adopt(&parse->faults, err_kind(e), place_path(&parse->faults, place, false), err_message(e), json->line,
                     json->column);
}

static void report_wrong_object(struct parse *parse, const struct json *json, const struct place *place)
{
    faults_add(&parse->faults, ERR_RANGE, place, place, json->line, json->column, "must be an object, not %s",
               json_type_name(json->type));
}

/* is_absent - null counts as absent where it may, and in files, where `key:` with nothing behind it is common. */
static bool is_absent(const struct parse *parse, const struct field *field, const struct json *json)
{
    if (!json)
        return true;
    return json->type == JSON_NULL &&
           (parse->options->file || (field->flags & F_NULLABLE) || field->type == FIELD_OPTIONAL);
}

void object_parse(struct parse *parse, const struct schema *schema, const struct json *json, const struct place *place,
                  void *object)
{
    struct arena *arena = parse->options->arena;
    size_t before = parse->faults.list.count + parse->faults.dropped;

    memset(object, 0, schema->size);
    if (json->type != JSON_OBJECT) {
        report_wrong_object(parse, json, place);
        return;
    }
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++) {
        struct place at = { place, str_of(field->name), 0 };
        const struct json *value = json_get(json, at.name);
        if (!is_absent(parse, field, value)) {
            value_parse(parse, field, value, &at, field_slot(field, object));
            continue;
        }
        if ((field->flags & F_REQUIRED) && !(value && (field->flags & F_NULLABLE)))
            faults_add(&parse->faults, ERR_RANGE, &at, &at, json->line, json->column, "is missing");
        value_default(arena, field, field_slot(field, object));
    }
    if (!parse->options->unknown_ok)
        for (size_t i = 0; i < json->object.count; i++)
            if (!field_find(schema, json->object.members[i].key))
                report_unknown(parse, schema, &json->object.members[i], place);
    if (schema->check && parse->faults.list.count + parse->faults.dropped == before)
        run_check(parse, schema, json, place, object);
}

static struct parse parse_start(const struct schema_options *options, bool text)
{
    return (struct parse){ .options = options,
                           .faults = { .arena = options->arena, .file = options->file, .prefix = options->path },
                           .text = text };
}

static err parse_end(const struct parse *parse)
{
    TRY(faults_err(&parse->faults));
    return arena_check(parse->options->arena);
}

err schema_parse(const struct schema_options *options, const struct schema *schema, const struct json *json,
                 void *ret_object)
{
    struct parse parse = parse_start(options, false);

    object_parse(&parse, schema, json, NULL, ret_object);
    return parse_end(&parse);
}

void schema_defaults(struct arena *arena, const struct schema *schema, void *ret_object)
{
    memset(ret_object, 0, schema->size);
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        value_default(arena, field, field_slot(field, ret_object));
}

/* The pairs become the object that the same values would have been as JSON; from there on it is one way. */
struct pairs {
    struct parse *parse;
    const struct pair *at;
    size_t count;
};

static bool pair_is_text(const struct pairs *pairs, const struct pair *pair)
{
    if (str_is_utf8(pair->key) && str_is_utf8(pair->value))
        return true;
    struct place place = { NULL, str_utf8_scrub(pairs->parse->options->arena, pair->key), 0 };
    faults_add(&pairs->parse->faults, ERR_INVALID, &place, &place, 0, 0, "is not UTF-8");
    return false;
}

/* list_of_pairs - all values from `first` on that have its key. */
static struct json *list_of_pairs(const struct pairs *pairs, size_t first)
{
    struct arena *arena = pairs->parse->options->arena;
    struct json *list = arena_alloc(arena, sizeof(*list));
    VEC(struct json *) items = { 0 };

    for (size_t i = first; i < pairs->count; i++)
        if (str_eq(pairs->at[i].key, pairs->at[first].key) && pair_is_text(pairs, &pairs->at[i])) {
            struct json *item = arena_alloc(arena, sizeof(*item));
            *item = (struct json){ .type = JSON_STRING, .string = pairs->at[i].value };
            *vec_push(&items, arena) = item;
        }
    *list = (struct json){ .type = JSON_ARRAY, .array = { items.at, items.count } };
    return list;
}

static struct json *object_of_pairs(const struct pairs *pairs, const struct schema *schema)
{
    struct arena *arena = pairs->parse->options->arena;
    struct json *object = arena_alloc(arena, sizeof(*object));
    VEC(struct json_member) members = { 0 };
    size_t fields = 0;

    while (schema->fields[fields].type != FIELD_END)
        fields++;
    bool *seen = arena_array(arena, fields + 1, sizeof(*seen));
    for (size_t i = 0; i < pairs->count; i++) {
        const struct pair *pair = &pairs->at[i];
        const struct field *field = field_find(schema, pair->key);
        size_t index = field ? (size_t)(field - schema->fields) : fields;
        if (field && seen[index]) {
            struct place place = { NULL, pair->key, 0 };
            if (field->type != FIELD_STRINGS)
                faults_add(&pairs->parse->faults, ERR_INVALID, &place, &place, 0, 0, "is given more than once");
            continue;
        }
        seen[index] = true;
        if (!pair_is_text(pairs, pair))
            continue;
        *vec_push(&members, arena) = (struct json_member){
            .key = pair->key,
            .value = field && field->type == FIELD_STRINGS ? list_of_pairs(pairs, i)
                                                           : value_of_text(arena, field, pair->value),
        };
    }
    *object = (struct json){ .type = JSON_OBJECT, .object = { members.at, members.count } };
    return object;
}

err schema_parse_pairs(const struct schema_options *options, const struct schema *schema, const struct pair *items,
                       size_t count, void *ret_object)
{
    struct parse parse = parse_start(options, true);
    struct pairs pairs = { &parse, items, count };

    object_parse(&parse, schema, object_of_pairs(&pairs, schema), NULL, ret_object);
    return parse_end(&parse);
}
