/* value.c - making, reading, printing and comparing values. */
#include "template/value.h"

#include "base/float_text.h"

#include <string.h>

struct value value_nil(void)
{
    return (struct value){ .kind = VALUE_NIL };
}

struct value value_bool(bool boolean)
{
    return (struct value){ .kind = VALUE_BOOL, .boolean = boolean };
}

struct value value_int(int64_t integer)
{
    return (struct value){ .kind = VALUE_INT, .integer = integer };
}

struct value value_float(double number)
{
    return (struct value){ .kind = VALUE_FLOAT, .number = number };
}

struct value value_text(struct str text)
{
    return (struct value){ .kind = VALUE_TEXT, .text = text };
}

struct value value_list_new(struct arena *arena)
{
    return (struct value){ .kind = VALUE_LIST, .list = arena_alloc(arena, sizeof(struct value_list)) };
}

struct value value_map_new(struct arena *arena)
{
    return (struct value){ .kind = VALUE_MAP, .map = arena_alloc(arena, sizeof(struct value_map)) };
}

void value_push(struct arena *arena, struct value list, struct value item)
{
    *vec_push(&list.list->items, arena) = item;
}

void value_put(struct arena *arena, struct value map, struct str key, struct value value)
{
    struct value_map *into = map.map;
    size_t at = 0;

    while (at < into->entries.count && str_cmp(into->entries.at[at].key, key) < 0)
        at++;
    if (at == into->entries.count || !str_eq(into->entries.at[at].key, key)) {
        vec_push(&into->entries, arena);
        memmove(&into->entries.at[at + 1], &into->entries.at[at],
                (into->entries.count - 1 - at) * sizeof(*into->entries.at));
    }
    into->entries.at[at] = (struct value_entry){ key, value };
}

struct value value_labels(struct arena *arena, struct labels labels)
{
    struct value map = value_map_new(arena);

    for (size_t i = 0; i < labels.count; i++)
        value_put(arena, map, labels.at[i].name, value_text(labels.at[i].value));
    return map;
}

const struct value *value_get(const struct value *map, struct str key)
{
    if (map->kind != VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < map->map->entries.count; i++)
        if (str_eq(map->map->entries.at[i].key, key))
            return &map->map->entries.at[i].value;
    return NULL;
}

bool value_is_true(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NIL:
        return false;
    case VALUE_BOOL:
        return value->boolean;
    case VALUE_INT:
        return value->integer != 0;
    case VALUE_FLOAT:
        return value->number != 0;
    case VALUE_TEXT:
        return value->text.length > 0;
    case VALUE_LIST:
        return value->list->items.count > 0;
    case VALUE_MAP:
        return value->map->fields || value->map->entries.count > 0;
    }
    return false;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = { "nil", "bool", "int", "float64", "string", "slice", "map" };

    return names[kind];
}

static void add_map(struct buf *out, const struct value_map *map)
{
    buf_add(out, map->fields ? S("{") : S("map["));
    for (size_t i = 0; i < map->entries.count; i++) {
        if (i)
            buf_add_c(out, ' ');
        if (!map->fields) {
            buf_add(out, map->entries.at[i].key);
            buf_add_c(out, ':');
        }
        value_add(out, &map->entries.at[i].value);
    }
    buf_add_c(out, map->fields ? '}' : ']');
}

void value_add(struct buf *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NIL:
        buf_add(out, S("<no value>"));
        break;
    case VALUE_BOOL:
        buf_add(out, value->boolean ? S("true") : S("false"));
        break;
    case VALUE_INT:
        buf_add_i64(out, value->integer);
        break;
    case VALUE_FLOAT:
        float_add(out, value->number, -4, 6);
        break;
    case VALUE_TEXT:
        buf_add(out, value->text);
        break;
    case VALUE_LIST:
        buf_add_c(out, '[');
        for (size_t i = 0; i < value->list->items.count; i++) {
            if (i)
                buf_add_c(out, ' ');
            value_add(out, &value->list->items.at[i]);
        }
        buf_add_c(out, ']');
        break;
    case VALUE_MAP:
        add_map(out, value->map);
        break;
    }
}

static bool is_number(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_FLOAT;
}

bool value_number(const struct value *value, double *ret_number)
{
    if (value->kind == VALUE_TEXT)
        return str_to_double(value->text, ret_number);
    if (!is_number(value))
        return false;
    *ret_number = value->kind == VALUE_INT ? (double)value->integer : value->number;
    return true;
}

bool value_compare(const struct value *a, const struct value *b, int *ret_order)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT) {
        *ret_order = (a->integer > b->integer) - (a->integer < b->integer);
    } else if (is_number(a) && is_number(b)) {
        double x = a->kind == VALUE_INT ? (double)a->integer : a->number;
        double y = b->kind == VALUE_INT ? (double)b->integer : b->number;
        *ret_order = x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; /* NaN is unequal to all */
    } else if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) {
        int order = str_cmp(a->text, b->text);
        *ret_order = (order > 0) - (order < 0);
    } else if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
        *ret_order = (int)a->boolean - (int)b->boolean;
    } else if (a->kind == VALUE_NIL && b->kind == VALUE_NIL) {
        *ret_order = 0;
    } else {
        return false;
    }
    return true;
}
