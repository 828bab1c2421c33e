/* info.c - INFO, parsed by three tables. */
#include "redis/info.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/vec.h"

struct member {
    struct str name;
    size_t offset;
};

#define X(member_name) { { #member_name, sizeof(#member_name) - 1 }, offsetof(struct redis_info, member_name) },
static const struct member integers[] = { REDIS_INFO_INTEGERS(X) };
static const struct member doubles[] = { REDIS_INFO_DOUBLES(X) };
static const struct member texts[] = { REDIS_INFO_TEXTS(X) };
#undef X

static int by_key(const void *left, const void *right)
{
    const struct redis_info_pair *a = left, *b = right;
    int order = str_cmp(a->key, b->key);

    /* Equal keys stay in the order of the text: qsort promises nothing, addresses of the text do. */
    return order ? order : (a->key.at > b->key.at) - (a->key.at < b->key.at);
}

struct str redis_info_get(const struct redis_info *info, struct str key)
{
    size_t low = 0, high = info->pair_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(info->pairs[middle].key, key);
        if (order == 0)
            return info->pairs[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return S("");
}

struct str redis_pair_get(struct str pairs, struct str key)
{
    for (struct str rest = pairs, pair; rest.at;) {
        pair = str_cut(rest, ',', &rest);
        struct str value, name = str_cut(pair, '=', &value);
        if (value.at && str_eq(name, key))
            return value;
    }
    return S("");
}

int64_t redis_info_error(const struct redis_info *info, struct str name)
{
    for (size_t i = 0; i < info->error_count; i++)
        if (str_eq(info->errors[i].name, name))
            return info->errors[i].count;
    return 0;
}

static int64_t integer_of(struct str text, struct redis_info *info)
{
    int64_t value;

    if (!text.length)
        return REDIS_UNSET;
    if (str_to_i64(text, &value) && value != REDIS_UNSET)
        return value;
    info->strange++;
    return REDIS_UNSET;
}

static double double_of(struct str text, struct redis_info *info)
{
    double value;

    if (!text.length)
        return NAN;
    if (str_to_double(text, &value) && isfinite(value))
        return value;
    info->strange++;
    return NAN;
}

static int64_t pair_integer(struct str pairs, const char *key, struct redis_info *info)
{
    return integer_of(redis_pair_get(pairs, str_of(key)), info);
}

static bool is_indexed(struct str key, struct str prefix)
{
    uint64_t number;

    return str_starts(key, prefix) && str_to_u64(str_slice(key, prefix.length, key.length), &number);
}

static err sort_pairs(struct arena *arena, const struct redis_info_pair *pairs, size_t count, struct redis_info *info)
{
    struct redis_info_pair *sorted = arena_array(arena, count ? count : 1, sizeof(*sorted));
    size_t kept = 0;

    if (count > REDIS_INFO_PAIRS_MAX)
        return err_new(ERR_TOO_LARGE, "INFO has %zu fields, more than %d", count, REDIS_INFO_PAIRS_MAX);
    for (size_t i = 0; i < count; i++)
        sorted[i] = pairs[i];
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 0; i < count; i++) {
        if (kept && str_eq(sorted[kept - 1].key, sorted[i].key))
            info->strange++;
        else
            sorted[kept++] = sorted[i];
    }
    info->pairs = sorted;
    info->pair_count = kept;
    return NULL;
}

static void fill_members(struct redis_info *info)
{
    for (size_t i = 0; i < ARRAY_LEN(integers); i++)
        *(int64_t *)((char *)info + integers[i].offset) = integer_of(redis_info_get(info, integers[i].name), info);
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++)
        *(double *)((char *)info + doubles[i].offset) = double_of(redis_info_get(info, doubles[i].name), info);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *(struct str *)((char *)info + texts[i].offset) = redis_info_get(info, texts[i].name);
}

err redis_info_make(struct arena *arena, const struct redis_info_pair *pairs, size_t count, struct redis_info *ret_info)
{
    struct redis_info info = { 0 };
    VEC(struct redis_command_stat) commands = { 0 };
    VEC(struct redis_error_stat) errors = { 0 };
    VEC(struct redis_keyspace) keyspaces = { 0 };
    VEC(struct redis_replica) replicas = { 0 };

    TRY(sort_pairs(arena, pairs, count, &info));
    fill_members(&info);
    for (size_t i = 0; i < info.pair_count; i++) {
        struct str key = info.pairs[i].key, value = info.pairs[i].value;
        if (str_starts(key, S("cmdstat_")))
            *vec_push(&commands, arena) = (struct redis_command_stat){
                str_slice(key, 8, key.length),
                pair_integer(value, "calls", &info),
                pair_integer(value, "usec", &info),
                pair_integer(value, "rejected_calls", &info),
                pair_integer(value, "failed_calls", &info),
            };
        else if (str_starts(key, S("errorstat_")))
            *vec_push(&errors, arena) =
                (struct redis_error_stat){ str_slice(key, 10, key.length), pair_integer(value, "count", &info) };
        else if (is_indexed(key, S("db")))
            *vec_push(&keyspaces, arena) = (struct redis_keyspace){
                key,
                pair_integer(value, "keys", &info),
                pair_integer(value, "expires", &info),
                double_of(redis_pair_get(value, S("avg_ttl")), &info) / 1000,
            };
        else if (is_indexed(key, S("slave")))
            *vec_push(&replicas, arena) = (struct redis_replica){
                redis_pair_get(value, S("ip")),    redis_pair_get(value, S("port")),
                redis_pair_get(value, S("state")), pair_integer(value, "offset", &info),
                pair_integer(value, "lag", &info),
            };
    }
    info.commands = commands.at;
    info.command_count = commands.count;
    info.errors = errors.at;
    info.error_count = errors.count;
    info.keyspaces = keyspaces.at;
    info.keyspace_count = keyspaces.count;
    info.replicas = replicas.at;
    info.replica_count = replicas.count;
    *ret_info = info;
    return NULL;
}

static bool is_key(struct str key)
{
    for (size_t i = 0; i < key.length; i++)
        if ((unsigned char)key.at[i] <= ' ' || key.at[i] == 0x7f)
            return false;
    return key.length > 0 && key.length <= 256;
}

err redis_info_parse(struct arena *arena, struct str text, struct redis_info *ret_info)
{
    VEC(struct redis_info_pair) pairs = { 0 };
    size_t strange = 0;

    if (text.length > REDIS_INFO_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "INFO has %zu bytes, more than %d", text.length, REDIS_INFO_BYTES_MAX);
    for (struct str rest = text, line; rest.at;) {
        line = str_trim(str_cut(rest, '\n', &rest));
        if (!line.length || line.at[0] == '#')
            continue;
        struct str value, key = str_cut(line, ':', &value);
        if (!value.at || !is_key(key))
            strange++;
        else if (pairs.count >= REDIS_INFO_PAIRS_MAX)
            return err_new(ERR_TOO_LARGE, "INFO has more than %d fields", REDIS_INFO_PAIRS_MAX);
        else
            *vec_push(&pairs, arena) = (struct redis_info_pair){ key, value };
    }
    if (!pairs.count)
        return err_new(ERR_INVALID, "INFO holds no line such as 'redis_version:7.0.15'");
    TRY(redis_info_make(arena, pairs.at, pairs.count, ret_info));
    ret_info->strange += strange;
    return NULL;
}

const struct redis_info *redis_info_copy(struct arena *arena, const struct redis_info *info)
{
    struct redis_info_pair *pairs = arena_array(arena, info->pair_count ? info->pair_count : 1, sizeof(*pairs));
    struct redis_info *copy = arena_alloc(arena, sizeof(*copy));

    for (size_t i = 0; i < info->pair_count; i++)
        pairs[i] =
            (struct redis_info_pair){ str_copy(arena, info->pairs[i].key), str_copy(arena, info->pairs[i].value) };
    /* It was within the limits, so the copy is; were it not, an empty one says nothing. */
    err_free(redis_info_make(arena, pairs, info->pair_count, copy));
    copy->strange = info->strange;
    return copy;
}
