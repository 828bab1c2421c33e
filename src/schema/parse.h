/* parse.h - what schema_parse.c and schema_value.c share.
 *
 * Owner, threads: as one call of schema_parse. */
#pragma once
#include "schema/faults.h"
#include "schema/schema.h"

struct parse {
    const struct schema_options *options;
    struct faults faults;
    bool text; /* values came as text: a query string, a form, a default */
};

/* value_parse - one value into its slot; what is wrong goes to parse->faults. */
void value_parse(struct parse *parse, const struct field *field, const struct json *json, const struct place *place,
                 void *slot);
/* value_default - what an absent member is. */
void value_default(struct arena *arena, const struct field *field, void *slot);
/* value_of_text - the JSON that a text stands for in a field of this type. */
struct json *value_of_text(struct arena *arena, const struct field *field, struct str text);
/* object_parse - fill *object; `place` NULL is the root. */
void object_parse(struct parse *parse, const struct schema *schema, const struct json *json, const struct place *place,
                  void *object);

void *field_slot(const struct field *field, const void *object);
/* The layout of every VEC, whatever its type. */
struct any_vec {
    void *at;
    size_t count, room;
};
