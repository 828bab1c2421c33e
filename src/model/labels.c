/* labels.c - label sets: made, compared, hashed, written. */
#include "model/labels.h"

#include "base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const struct str name_label = { "__name__", 8 };

/* sort_by_name - stable, so that of equal names the last given stays last. Sets are small and mostly sorted already:
 * insertion, unless there are many. */
static void sort_by_name(struct label *at, size_t count, struct label *spare)
{
    if (count <= 16) {
        for (size_t i = 1; i < count; i++) {
            struct label moving = at[i];
            size_t j = i;
            for (; j && str_cmp(at[j - 1].name, moving.name) > 0; j--)
                at[j] = at[j - 1];
            at[j] = moving;
        }
        return;
    }
    size_t half = count / 2, left = 0, right = half;
    sort_by_name(at, half, spare);
    sort_by_name(at + half, count - half, spare);
    for (size_t i = 0; i < count; i++) {
        bool from_left = right == count || (left < half && str_cmp(at[left].name, at[right].name) <= 0);
        spare[i] = from_left ? at[left++] : at[right++];
    }
    memcpy(at, spare, count * sizeof(*at));
}

struct labels labels_make(struct arena *arena, const struct label *items, size_t count)
{
    if (count == 0)
        return (struct labels){ 0 };
    struct label *at = arena_array(arena, count, sizeof(*at));
    size_t kept = 0;

    memcpy(at, items, count * sizeof(*at));
    sort_by_name(at, count, count > 16 ? arena_array(arena, count, sizeof(*at)) : NULL);
    for (size_t i = 0; i < count; i++) {
        bool replaced = i + 1 < count && str_eq(at[i].name, at[i + 1].name);
        if (!replaced && at[i].value.length)
            at[kept++] = at[i];
    }
    return (struct labels){ at, kept };
}

struct labels labels_copy(struct arena *arena, struct labels labels)
{
    struct label *at = arena_array(arena, labels.count, sizeof(*at));

    for (size_t i = 0; i < labels.count; i++)
        at[i] = (struct label){ str_copy(arena, labels.at[i].name), str_copy(arena, labels.at[i].value) };
    return (struct labels){ at, labels.count };
}

struct str labels_get(struct labels labels, struct str name)
{
    for (size_t i = 0; i < labels.count; i++)
        if (str_eq(labels.at[i].name, name))
            return labels.at[i].value;
    return S("");
}

int labels_cmp(struct labels a, struct labels b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        int order = str_cmp(a.at[i].name, b.at[i].name);
        if (!order)
            order = str_cmp(a.at[i].value, b.at[i].value);
        if (order)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

bool labels_eq(struct labels a, struct labels b)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (!str_eq(a.at[i].name, b.at[i].name) || !str_eq(a.at[i].value, b.at[i].value))
            return false;
    return true;
}

static uint64_t fnv1a(uint64_t hash, struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 1099511628211u;
    return (hash ^ 0xFF) * 1099511628211u;
}

uint64_t labels_fingerprint(struct labels labels)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < labels.count; i++)
        hash = fnv1a(fnv1a(hash, labels.at[i].name), labels.at[i].value);
    return hash;
}

static uint64_t seed;

static void make_seed(void)
{
    seed = random_u64();
}

/* Lengths are hashed with the bytes, so that no text in one member can look like the border to the next. */
uint64_t labels_hash(struct labels labels)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_seed);
    uint64_t hash = seed;
    for (size_t i = 0; i < labels.count; i++) {
        hash = XXH3_64bits_withSeed(labels.at[i].name.at, labels.at[i].name.length, hash ^ labels.at[i].name.length);
        hash = XXH3_64bits_withSeed(labels.at[i].value.at, labels.at[i].value.length, hash ^ labels.at[i].value.length);
    }
    return hash;
}

static void write_value(struct buf *out, struct str value)
{
    size_t plain = 0;

    buf_add_c(out, '"');
    for (size_t i = 0; i < value.length; i++) {
        char c = value.at[i];
        if (c != '"' && c != '\\' && c != '\n')
            continue;
        buf_add(out, str_slice(value, plain, i));
        buf_add_c(out, '\\');
        buf_add_c(out, c == '\n' ? 'n' : c);
        plain = i + 1;
    }
    buf_add(out, str_slice(value, plain, value.length));
    buf_add_c(out, '"');
}

void labels_write(struct buf *out, struct labels labels)
{
    bool comma = false;

    buf_add_c(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        if (str_eq(labels.at[i].name, name_label))
            continue;
        if (comma)
            buf_add_c(out, ',');
        comma = true;
        buf_add(out, labels.at[i].name);
        buf_add_c(out, '=');
        write_value(out, labels.at[i].value);
    }
    buf_add_c(out, '}');
}

void labels_write_series(struct buf *out, struct labels labels)
{
    struct str name = labels_get(labels, name_label);

    buf_add(out, name);
    if (name.length == 0 || labels.count > 1)
        labels_write(out, labels);
}

void labels_write_json(struct json_writer *w, struct labels labels)
{
    json_begin_object(w);
    for (size_t i = 0; i < labels.count; i++)
        json_put_str(w, labels.at[i].name, labels.at[i].value);
    json_end_object(w);
}

static bool scalar_text(struct arena *arena, const struct json *json, struct str *ret_text)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    switch (json->type) {
    case JSON_STRING:
        *ret_text = json->string;
        return true;
    case JSON_BOOL:
        *ret_text = json->boolean ? S("true") : S("false");
        return true;
    case JSON_NUMBER:
        buf_init(&text, 64);
        if (json->number.is_integer)
            buf_add_i64(&text, json->number.integer);
        else
            buf_add_double(&text, json->number.value);
        *ret_text = str_copy(arena, buf_str(&text));
        return true;
    default:
        return false;
    }
}

err labels_from_json(struct arena *arena, const struct json *json, struct labels *ret_labels)
{
    err e = NULL;

    if (json->type != JSON_OBJECT)
        return err_new(ERR_RANGE, "labels are an object of strings, not %s", json_type_name(json->type));
    size_t count = json->object.count;
    struct label *items = arena_array(arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        const struct json_member *member = &json->object.members[i];
        items[i].name = member->key;
        if (!scalar_text(arena, member->value, &items[i].value))
            err_add_field(&e, ERR_RANGE, str_c(arena, member->key), "a label's value is a string, not %s",
                          json_type_name(member->value->type));
    }
    if (!e)
        *ret_labels = labels_make(arena, items, count);
    return e;
}
