/* select.c - from matchers to ids of series: the smallest set first, the others as filters. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "tsdb/room.h"

/* One matcher as the pairs that a series must have one of, or must not have any of. */
struct filter {
    struct pair_list pairs;
    size_t total; /* series that have them */
    bool exclude;
};

static void filter_make(struct index *index, struct arena *arena, const struct matcher *matcher, struct filter *filter)
{
    filter->exclude = matcher_matches(matcher, S(""));
    filter->pairs = index_match(index, arena, matcher, filter->exclude);
    for (size_t i = 0; i < filter->pairs.count; i++)
        filter->total += pair_at(index, filter->pairs.at[i])->postings.count;
}

/* What must be there first, small before large; what must not be there after it. */
static int by_size(const void *a, const void *b)
{
    const struct filter *one = a, *other = b;

    if (one->exclude != other->exclude)
        return one->exclude - other->exclude;
    return (one->total > other->total) - (one->total < other->total);
}

static struct id_list copy_ids(struct arena *arena, const struct postings *postings)
{
    struct id_list list = { arena_array(arena, postings->count, sizeof(*list.at)), postings->count };

    if (list.count)
        memcpy(list.at, postings_ids(postings), list.count * sizeof(*list.at));
    return list;
}

static uint64_t *bits_of(const struct head *head, struct arena *arena, const struct pair_list *pairs)
{
    uint64_t *bits = arena_array(arena, head->table.series_made / 64 + 1, sizeof(*bits));

    for (size_t i = 0; i < pairs->count; i++) {
        const struct postings *postings = &pair_at(&head->table.index, pairs->at[i])->postings;
        const uint32_t *ids = postings_ids(postings);
        for (uint32_t j = 0; j < postings->count; j++)
            bits[ids[j] / 64] |= 1ull << (ids[j] % 64);
    }
    return bits;
}

static struct id_list union_of(const struct head *head, struct arena *arena, const struct filter *filter)
{
    if (filter->pairs.count == 0)
        return (struct id_list){ 0 };
    if (filter->pairs.count == 1)
        return copy_ids(arena, &pair_at(&head->table.index, filter->pairs.at[0])->postings);
    const uint64_t *bits = bits_of(head, arena, &filter->pairs);
    struct id_list list = { .at = arena_array(arena, filter->total, sizeof(*list.at)) };
    for (uint32_t word = 0; word <= head->table.series_made / 64; word++)
        for (uint64_t rest = bits[word]; rest; rest &= rest - 1)
            list.at[list.count++] = word * 64 + (uint32_t)__builtin_ctzll(rest);
    return list;
}

/* gallop - the first place from `from` on that is not below `id`. */
static uint32_t gallop(const uint32_t *ids, uint32_t from, uint32_t count, uint32_t id)
{
    uint32_t step = 1, low = from, high = from;

    while (high < count && ids[high] < id) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    if (high > count)
        high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep_by_one(struct id_list *list, const struct postings *postings, bool wanted)
{
    const uint32_t *ids = postings_ids(postings);
    uint32_t at = 0;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        at = gallop(ids, at, postings->count, list->at[i]);
        if ((at < postings->count && ids[at] == list->at[i]) == wanted)
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

static void keep_by_bits(struct id_list *list, const uint64_t *bits, bool wanted)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if ((bits[list->at[i] / 64] >> (list->at[i] % 64) & 1) == wanted)
            list->at[kept++] = list->at[i];
    list->count = kept;
}

/* keep_by_labels - few candidates, many series with the pairs: look at the candidates. */
static void keep_by_labels(const struct head *head, struct arena *arena, struct id_list *list,
                           const struct pair_list *pairs, bool wanted)
{
    uint64_t *bits = arena_array(arena, head->table.index.pair_count / 64 + 1, sizeof(*bits));
    size_t kept = 0;

    for (size_t i = 0; i < pairs->count; i++)
        bits[pairs->at[i] / 64] |= 1ull << (pairs->at[i] % 64);
    for (size_t i = 0; i < list->count; i++) {
        size_t count;
        const uint32_t *own = series_pairs(&head->table, series_at(&head->table, list->at[i]), &count);
        bool found = false;
        for (size_t j = 0; j < count && !found; j++)
            found = bits[own[j] / 64] >> (own[j] % 64) & 1;
        if (found == wanted)
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

static void keep(const struct head *head, struct arena *arena, struct id_list *list, const struct filter *filter)
{
    bool wanted = !filter->exclude;

    if (filter->pairs.count == 0 && !wanted)
        return;
    if (filter->pairs.count == 0)
        list->count = 0;
    else if (filter->pairs.count == 1)
        keep_by_one(list, &pair_at(&head->table.index, filter->pairs.at[0])->postings, wanted);
    else if (filter->total > 8 * list->count)
        keep_by_labels(head, arena, list, &filter->pairs, wanted);
    else
        keep_by_bits(list, bits_of(head, arena, &filter->pairs), wanted);
}

static err select_locked(struct head *head, struct arena *arena, const struct series_query *query,
                         struct id_list *ret_ids)
{
    struct filter *filters = arena_array(arena, query->matcher_count, sizeof(*filters));

    for (size_t i = 0; i < query->matcher_count; i++) {
        filter_make(&head->table.index, arena, &query->matchers[i], &filters[i]);
        if (query->deadline_ms && time_mono_ms() > query->deadline_ms)
            return err_new(ERR_TIMEOUT, "the query ran out of time while series were selected");
    }
    if (query->matcher_count)
        qsort(filters, query->matcher_count, sizeof(*filters), by_size);
    bool from_first = query->matcher_count && !filters[0].exclude;
    *ret_ids = from_first ? union_of(head, arena, &filters[0]) : copy_ids(arena, &head->table.index.all);
    for (size_t i = from_first; i < query->matcher_count && ret_ids->count; i++)
        keep(head, arena, ret_ids, &filters[i]);
    return NULL;
}

err head_select(struct head *head, struct arena *arena, const struct series_query *query, struct id_list *ret_ids)
{
    pthread_rwlock_rdlock(&head->table.lock);
    err e = select_locked(head, arena, query, ret_ids);
    pthread_rwlock_unlock(&head->table.lock);
    TRY(e);
    if (query->series_max && ret_ids->count > query->series_max)
        return err_hint(
            err_new(ERR_RANGE, "%zu series match, the query may read %zu", ret_ids->count, query->series_max),
            "Narrow the selector, or raise the limit.");
    return arena_check(arena);
}
