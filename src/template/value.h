/* value.h - what a template computes with: text, numbers, lists, maps.
 *
 * Owner: the arena of the run; values borrow what they show. Threads: one at a time. */
#pragma once
#include "base/buf.h"
#include "model/labels.h"

enum value_kind { VALUE_NIL, VALUE_BOOL, VALUE_INT, VALUE_FLOAT, VALUE_TEXT, VALUE_LIST, VALUE_MAP };

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct str text;
        struct value_list *list;
        struct value_map *map;
    };
};

struct value_list {
    VEC(struct value) items;
};

struct value_entry {
    struct str key;
    struct value value;
};

/* Entries sorted by key, as Go's range visits them. `fields`: a struct of Go's, where an unknown name is an error
 * instead of the zero value. */
struct value_map {
    VEC(struct value_entry) entries;
    bool fields;
    /* method - what .Name of it is beyond its entries (.SortedPairs, .Remove); false where there is none. */
    bool (*method)(struct arena *arena, const struct value_map *map, struct str name, const struct value *args,
                   size_t count, struct value *ret_value);
};

struct value value_nil(void);
struct value value_bool(bool boolean);
struct value value_int(int64_t integer);
struct value value_float(double number);
struct value value_text(struct str text);
struct value value_list_new(struct arena *arena);
struct value value_map_new(struct arena *arena);
void value_push(struct arena *arena, struct value list, struct value item);
void value_put(struct arena *arena, struct value map, struct str key, struct value value); /* replaces */
/* value_labels - a label set as a map of texts. */
struct value value_labels(struct arena *arena, struct labels labels);
/* value_get - of a map; NULL where it has no such key. */
const struct value *value_get(const struct value *map, struct str key);

bool value_is_true(const struct value *value);     /* not zero, not empty */
const char *value_kind_name(enum value_kind kind); /* as Go calls it: string, float64, map, ... */
/* value_add - as {{ . }} prints it: Go's %v. */
void value_add(struct buf *out, const struct value *value);
/* value_compare - -1, 0, 1; false where the two can't be compared. */
bool value_compare(const struct value *a, const struct value *b, int *ret_order) MUST_USE;
/* value_number - a number, or a text that is one. */
bool value_number(const struct value *value, double *ret_number) MUST_USE;
