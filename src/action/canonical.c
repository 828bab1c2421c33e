/* canonical.c - canonical JSON. */
#include "action/canonical.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
    return str_cmp((*(const struct json_member *const *)a)->key, (*(const struct json_member *const *)b)->key);
}

static void write_object(struct json_writer *w, const struct json *json)
{
    size_t count = json->object.count;
    const struct json_member **members = calloc(count + 1, sizeof(*members));

    if (!members)
        abort();
    for (size_t i = 0; i < count; i++)
        members[i] = &json->object.members[i];
    qsort(members, count, sizeof(*members), by_key);
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        json_key(w, members[i]->key);
        canonical_write(w, members[i]->value);
    }
    json_end_object(w);
    free(members);
}

void canonical_write(struct json_writer *w, const struct json *json)
{
    if (json->type == JSON_OBJECT) {
        write_object(w, json);
    } else if (json->type == JSON_ARRAY) {
        json_begin_array(w);
        for (size_t i = 0; i < json->array.count; i++)
            canonical_write(w, json->array.items[i]);
        json_end_array(w);
    } else {
        json_add_tree(w, json);
    }
}
