/* schema_json.c - JSON Schema 2020-12 out of tables of fields. */
#include "schema/parse.h"

#include <stdlib.h>
#include <string.h>

static void put_bounds(struct json_writer *w, const struct field *field, const char *min, const char *max)
{
    if (field->min == 0 && field->max == 0)
        return;
    json_put_double(w, str_of(min), field->min);
    if (field->max >= field->min)
        json_put_double(w, str_of(max), field->max);
}

/* put_type - "integer", or ["integer", "null"]. */
static void put_type(struct json_writer *w, const struct field *field, const char *type, const char *or_type)
{
    bool nullable = field->flags & F_NULLABLE;

    json_key(w, S("type"));
    if (!nullable && !or_type) {
        json_add_str(w, str_of(type));
        return;
    }
    json_begin_array(w);
    json_add_str(w, str_of(type));
    if (or_type)
        json_add_str(w, str_of(or_type));
    if (nullable)
        json_add_str(w, S("null"));
    json_end_array(w);
}

static void put_enum(struct json_writer *w, const struct field *field)
{
    json_key(w, S("enum"));
    json_begin_array(w);
    for (const char *const *word = field->words; *word; word++)
        if (**word)
            json_add_str(w, str_of(*word));
    if (field->flags & F_NULLABLE)
        json_add_null(w);
    json_end_array(w);
}

/* put_double - a number; where it may be nonfinite, also the words for that. */
static void put_double(struct json_writer *w, const struct field *field)
{
    if (!(field->flags & F_NONFINITE)) {
        put_type(w, field, "number", NULL);
        put_bounds(w, field, "minimum", "maximum");
        return;
    }
    json_key(w, S("anyOf"));
    json_begin_array(w);
    json_begin_object(w);
    put_type(w, field, "number", NULL);
    put_bounds(w, field, "minimum", "maximum");
    json_end_object(w);
    json_add_raw(w, S("{\"enum\":[\"NaN\",\"+Inf\",\"-Inf\"]}"));
    json_end_array(w);
}

static void put_ref(struct json_writer *w, const struct schema *schema, const char *ref_prefix)
{
    struct buf ref CLEANUP(buf_clear) = { .max = 1024 };

    buf_addf(&ref, "%s%s", ref_prefix, schema->name);
    json_put_str(w, S("$ref"), buf_str(&ref));
}

static void put_optional(struct json_writer *w, const struct field *field, const char *ref_prefix)
{
    json_key(w, S("anyOf"));
    json_begin_array(w);
    json_begin_object(w);
    put_ref(w, field->schema, ref_prefix);
    json_end_object(w);
    json_add_raw(w, S("{\"type\":\"null\"}"));
    json_end_array(w);
}

static void put_kind(struct json_writer *w, const struct field *field, const char *ref_prefix)
{
    switch (field->type) {
    case FIELD_END:
    case FIELD_ANY: /* anything at all: no constraint */
        break;
    case FIELD_STRING:
        put_type(w, field, "string", NULL);
        if (field->min > 0 && field->min <= 1) /* bounds are in bytes, JSON Schema counts characters */
            json_put_i64(w, S("minLength"), 1);
        if (field->max > 0)
            json_put_i64(w, S("maxLength"), (int64_t)field->max);
        if (field->flags & F_SECRET)
            json_put_str(w, S("format"), S("password"));
        break;
    case FIELD_BOOL:
        put_type(w, field, "boolean", NULL);
        break;
    case FIELD_INT:
        put_type(w, field, "integer", NULL);
        put_bounds(w, field, "minimum", "maximum");
        break;
    case FIELD_DOUBLE:
        put_double(w, field);
        break;
    case FIELD_DURATION:
        put_type(w, field, "string", NULL);
        json_put_str(w, S("pattern"),
                     S("^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"));
        break;
    case FIELD_SIZE:
        put_type(w, field, "integer", "string");
        put_bounds(w, field, "minimum", "maximum");
        break;
    case FIELD_TIME:
        put_type(w, field, "string", NULL);
        json_put_str(w, S("format"), S("date-time"));
        break;
    case FIELD_ENUM:
        put_enum(w, field);
        break;
    case FIELD_STRINGS:
        json_put_str(w, S("type"), S("array"));
        json_key(w, S("items"));
        json_add_raw(w, S("{\"type\":\"string\"}"));
        put_bounds(w, field, "minItems", "maxItems");
        break;
    case FIELD_STRUCT:
        put_ref(w, field->schema, ref_prefix);
        break;
    case FIELD_OPTIONAL:
        put_optional(w, field, ref_prefix);
        break;
    case FIELD_LIST:
        json_put_str(w, S("type"), S("array"));
        json_key(w, S("items"));
        json_begin_object(w);
        put_ref(w, field->schema, ref_prefix);
        json_end_object(w);
        put_bounds(w, field, "minItems", "maxItems");
        break;
    case FIELD_PAIRS:
        json_put_str(w, S("type"), S("object"));
        json_key(w, S("additionalProperties"));
        json_add_raw(w, S("{\"type\":\"string\"}"));
        put_bounds(w, field, "minProperties", "maxProperties");
        break;
    }
}

/* put_default - as JSON of the field's own type: parsed from the table's text, and encoded again. */
static void put_default(struct json_writer *w, const struct field *field)
{
    const struct field alone[] = { *field, { 0 } };
    struct buf text CLEANUP(buf_clear) = { .max = 64 * 1024 };

    if (!field->def || (field->flags & F_SECRET))
        return;
    struct arena *arena CLEANUP(arena_freep) = arena_new(1024 * 1024);
    const struct schema schema = { .name = "",
                                   .size = field->offset + 64 + (field->schema ? field->schema->size : 0),
                                   .fields = alone };
    void *object = arena_alloc(arena, schema.size);
    value_default(arena, field, field_slot(field, object));
    struct json_writer inner = json_writer(&text);
    schema_encode(&inner, &schema, object, true);
    struct str member = buf_str(&text); /* {"name":VALUE} */
    size_t start = str_find(member, S(":"), strlen(field->name));
    json_key(w, S("default"));
    json_add_raw(w, str_slice(member, start + 1, member.length - 1));
}

static void put_required(struct json_writer *w, const struct schema *schema)
{
    bool any = false;

    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        any |= (field->flags & F_REQUIRED) != 0;
    if (!any)
        return;
    json_key(w, S("required"));
    json_begin_array(w);
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        if (field->flags & F_REQUIRED)
            json_add_str(w, str_of(field->name));
    json_end_array(w);
}

void schema_json_schema(struct json_writer *w, const struct schema *schema, const char *ref_prefix)
{
    json_begin_object(w);
    json_put_str(w, S("type"), S("object"));
    if (schema->doc)
        json_put_str(w, S("description"), str_of(schema->doc));
    json_key(w, S("properties"));
    json_begin_object(w);
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++) {
        json_key(w, str_of(field->name));
        json_begin_object(w);
        put_kind(w, field, ref_prefix);
        if (field->doc)
            json_put_str(w, S("description"), str_of(field->doc));
        put_default(w, field);
        json_end_object(w);
    }
    json_end_object(w);
    put_required(w, schema);
    json_put_bool(w, S("additionalProperties"), false);
    json_end_object(w);
}

struct visit {
    VEC(const struct schema *) seen;
    void (*visit)(const struct schema *nested, void *arg);
    void *arg;
};

static void visit_nested(struct visit *v, const struct schema *schema)
{
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++) {
        bool known = false;
        if (!field->schema)
            continue;
        for (size_t i = 0; i < v->seen.count; i++)
            known |= v->seen.at[i] == field->schema;
        if (known)
            continue;
        *vec_push(&v->seen, NULL) = field->schema; /* before its own, so that rings end */
        visit_nested(v, field->schema);
        v->visit(field->schema, v->arg);
    }
}

void schema_each_nested(const struct schema *schema, void (*visit)(const struct schema *nested, void *arg), void *arg)
{
    struct visit v = { .visit = visit, .arg = arg };

    visit_nested(&v, schema);
    vec_clear(&v.seen);
}
