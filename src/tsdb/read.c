/* read.c - the tsdb as a source of series: sets that are read one by one, names, values, exemplars.
 *
 * DESIGN. A set holds ids, in the order in which blocks are read best. Reading one copies what memory has under the
 * lock of its shard (a consistent series: all or nothing of each sample), then reads the blocks of the set's view, and
 * decodes without a lock. Memory may have handed chunks to a block that the view does not have: head->forgets tells,
 * and the view is made anew. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "tsdb/room.h"

struct tsdb_set {
    struct series_set set;
    struct head *head;
    struct blocks *blocks;
    struct blocks_view *view;
    struct blocks_cursor *cursor;
    uint64_t forgets; /* of the head, before the view was taken */
    struct id_list ids;
    int64_t start_ms, end_ms, deadline_ms;
    struct arena *arena; /* of the series that was read last */
    struct series_copy copy;
    struct columns columns;
    struct label labels[LABELS_MAX];
};

static struct labels set_labels(struct series_set *base, size_t index)
{
    struct tsdb_set *set = (struct tsdb_set *)base;
    const struct table *table = &set->head->table;

    return series_labels(table, series_at(table, set->ids.at[index]), set->labels);
}

/* lower - the first place whose time is not before `time_ms`. */
static size_t lower(const struct columns *columns, int64_t time_ms)
{
    size_t low = 0, high = columns->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (columns->times[middle] < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* within - the part of the columns in [start_ms, end_ms]. */
static struct samples within(const struct columns *columns, int64_t start_ms, int64_t end_ms)
{
    struct samples samples = columns_samples(columns);
    size_t from = lower(columns, start_ms);
    size_t to = end_ms == INT64_MAX ? columns->count : lower(columns, end_ms + 1);

    if (from) {
        samples.times += from;
        samples.values += from;
        samples.histograms = samples.histograms ? samples.histograms + from : NULL;
        samples.starts = samples.starts ? samples.starts + from : NULL;
    }
    samples.count = to > from ? to - from : 0;
    return samples;
}

static err found_chunk(void *arg, struct str chunk)
{
    struct tsdb_set *set = arg;

    return chunk_decode(chunk, set->arena, &set->columns);
}

static void set_look_at_blocks(struct tsdb_set *set)
{
    blocks_cursor_free(set->cursor);
    blocks_view_free(set->view);
    set->forgets = set->head->forgets; /* before the view: it has at least what was forgotten so far */
    set->view = blocks_view(set->blocks);
    set->cursor = blocks_cursor_new(set->view);
}

/* look_ahead - the next series is mostly of the same shard, and its samples are not in the cache. */
static void look_ahead_locked(const struct tsdb_set *set, const struct shard *shard, size_t index)
{
    const struct table *table = &set->head->table;

    if (index + 2 < set->ids.count)
        __builtin_prefetch(series_at(table, set->ids.at[index + 2]));
    if (index + 1 == set->ids.count || table_shard(table, set->ids.at[index + 1]) != shard)
        return;
    const struct head_series *next = series_at(table, set->ids.at[index + 1]);
    if (next->sealed)
        __builtin_prefetch(piece_at(&shard->pieces, next->sealed));
    for (uint32_t piece = next->open.first_piece, i = 0; piece && i < 2; i++)
        piece = piece_at(&shard->pieces, piece)->next;
}

static err set_read(struct series_set *base, size_t index, struct samples *ret_samples)
{
    struct tsdb_set *set = (struct tsdb_set *)base;
    uint32_t id = set->ids.at[index];
    struct shard *shard = shard_of(set->head, id);

    if (set->deadline_ms && time_mono_ms() > set->deadline_ms)
        return err_new(ERR_TIMEOUT, "the query ran out of time while it read series %zu of %zu", index + 1,
                       set->ids.count);
    arena_reset(set->arena);
    columns_reset(&set->columns);
    pthread_mutex_lock(&shard->lock);
    series_copy_locked(shard, series_at(&set->head->table, id), set->start_ms, set->end_ms, set->arena, &set->copy);
    look_ahead_locked(set, shard, index);
    pthread_mutex_unlock(&shard->lock);
    if (set->head->forgets != set->forgets)
        set_look_at_blocks(set);
    if (blocks_view_count(set->view))
        TRY(blocks_chunks(set->cursor, id, set->start_ms, set->end_ms, found_chunk, set));
    TRY(series_decode(&set->copy, set->arena, &set->columns));
    columns_settle(&set->columns, 0);
    *ret_samples = within(&set->columns, set->start_ms, set->end_ms);
    return NULL;
}

static void set_close(struct series_set *base)
{
    struct tsdb_set *set = (struct tsdb_set *)base;

    blocks_cursor_free(set->cursor);
    blocks_view_free(set->view);
    arena_free(set->arena);
    series_copy_clear(&set->copy);
    columns_clear(&set->columns);
}

/* order_ids - by the order of the largest block (which is below 2^32): a radix sort of `order, id`. */
static void order_ids(struct arena *arena, const struct blocks_view *view, struct id_list *ids)
{
    uint64_t *at = arena_array(arena, ids->count, sizeof(*at)), *spare = arena_array(arena, ids->count, sizeof(*at));
    bool ordered = true;

    for (size_t i = 0; i < ids->count; i++) {
        at[i] = (uint64_t)blocks_order(view, ids->at[i]) << 32 | ids->at[i];
        ordered = ordered && (i == 0 || at[i - 1] <= at[i]);
    }
    for (unsigned shift = 32; !ordered && shift < 64; shift += 8) {
        size_t starts[257] = { 0 };
        for (size_t i = 0; i < ids->count; i++)
            starts[(at[i] >> shift & 255) + 1]++;
        for (size_t i = 0; i < 256; i++)
            starts[i + 1] += starts[i];
        for (size_t i = 0; i < ids->count; i++)
            spare[starts[at[i] >> shift & 255]++] = at[i];
        uint64_t *sorted = spare;
        spare = at;
        at = sorted;
    }
    for (size_t i = 0; i < ids->count; i++)
        ids->at[i] = (uint32_t)at[i];
}

/* ---- by time, without reading samples ---- */

#define EVER_MS (1ll << 53) /* who asks as far as this to both sides means everything */

struct span {
    const struct head *head;
    struct blocks_view *view;
    int64_t start_ms, end_ms;
    bool whole; /* everything there is: nothing to look at */
};

static void span_clear(struct span *span)
{
    blocks_view_free(span->view);
}

static struct span span_of(struct tsdb *tsdb, const struct series_query *query)
{
    return (struct span){ .head = tsdb->head,
                          .view = blocks_view(tsdb->blocks),
                          .start_ms = query->start_ms,
                          .end_ms = query->end_ms,
                          .whole = query->start_ms <= -EVER_MS && query->end_ms >= EVER_MS };
}

/* touches - may the series have a sample in the span? */
static bool touches(const struct span *span, uint32_t id)
{
    struct shard *shard = shard_of(span->head, id);

    if (span->whole)
        return true;
    pthread_mutex_lock(&shard->lock);
    bool found = series_touches_locked(shard, series_at(&span->head->table, id), span->start_ms, span->end_ms);
    pthread_mutex_unlock(&shard->lock);
    return found || blocks_view_touches(span->view, id, span->start_ms, span->end_ms);
}

static void keep_touching(const struct span *span, struct id_list *ids)
{
    size_t kept = 0;

    if (span->whole)
        return;
    for (size_t i = 0; i < ids->count; i++)
        if (touches(span, ids->at[i]))
            ids->at[kept++] = ids->at[i];
    ids->count = kept;
}

static err source_open(struct series_source *source, struct arena *arena, const struct series_query *query,
                       struct series_set **ret_set)
{
    static const struct series_set_ops ops = { .labels = set_labels, .read = set_read, .close = set_close };
    struct tsdb *tsdb = (struct tsdb *)source;
    struct id_list ids;

    TRY(tsdb_await(tsdb, query->deadline_ms));
    TRY(head_select(tsdb->head, arena, query, &ids));
    if (query->labels_only) {
        struct span span CLEANUP(span_clear) = span_of(tsdb, query);
        keep_touching(&span, &ids);
    }
    struct tsdb_set *set = arena_alloc(arena, sizeof(*set));
    *set = (struct tsdb_set){
        .set = { .ops = &ops, .count = ids.count },
        .head = tsdb->head,
        .blocks = tsdb->blocks,
        .start_ms = query->start_ms,
        .end_ms = query->end_ms,
        .deadline_ms = query->deadline_ms,
        .arena = arena_new(256 << 20),
    };
    set_look_at_blocks(set);
    if (!query->labels_only && blocks_view_count(set->view))
        order_ids(arena, set->view, &ids);
    set->ids = ids;
    *ret_set = &set->set;
    return NULL;
}

/* ---- names and values ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void sort_and_cut(struct str_list *list, size_t max)
{
    if (list->count)
        qsort(list->at, list->count, sizeof(*list->at), by_text);
    if (max && list->count > max)
        list->count = max;
}

/* pairs_used - a bit for each pair that one of the series has. */
static uint64_t *pairs_used(const struct head *head, struct arena *arena, const struct id_list *ids)
{
    uint64_t *used = arena_array(arena, head->table.index.pair_count / 64 + 1, sizeof(*used));

    for (size_t i = 0; i < ids->count; i++) {
        size_t count;
        const uint32_t *pairs = series_pairs(&head->table, series_at(&head->table, ids->at[i]), &count);
        for (size_t j = 0; j < count; j++)
            used[pairs[j] / 64] |= 1ull << (pairs[j] % 64);
    }
    return used;
}

/* pair_is_used - by one of the series that were selected, or, where none were (`used` is NULL), by one of the span. */
static bool pair_is_used(const struct span *span, uint32_t pair, const uint64_t *used)
{
    const struct postings *postings = &pair_at(&span->head->table.index, pair)->postings;
    const uint32_t *ids = postings_ids(postings);

    if (used)
        return used[pair / 64] >> (pair % 64) & 1;
    for (uint32_t i = 0; i < postings->count; i++)
        if (touches(span, ids[i]))
            return true;
    return false;
}

static bool name_is_used(const struct span *span, const struct label_name *name, const uint64_t *used)
{
    for (size_t i = 0; i < name->pairs.count; i++)
        if (pair_is_used(span, name->pairs.at[i], used))
            return true;
    return false;
}

static err source_label_names(struct series_source *source, struct arena *arena, const struct series_query *query,
                              size_t max, struct str_list *ret_names)
{
    struct head *head = ((struct tsdb *)source)->head;
    struct index *index = &head->table.index;
    struct id_list ids = { 0 };

    TRY(tsdb_await((struct tsdb *)source, query->deadline_ms));
    struct span span CLEANUP(span_clear) = span_of((struct tsdb *)source, query);
    if (query->matcher_count)
        TRY(head_select(head, arena, query, &ids));
    keep_touching(&span, &ids);
    pthread_rwlock_rdlock(&head->table.lock);
    const uint64_t *used = query->matcher_count ? pairs_used(head, arena, &ids) : NULL;
    *ret_names = (struct str_list){ .at = arena_array(arena, index->names.count, sizeof(*ret_names->at)) };
    for (size_t i = 0; i < index->names.count; i++)
        if (name_is_used(&span, &index->names.at[i], used))
            ret_names->at[ret_names->count++] = str_copy(arena, symbol_text(index, index->names.at[i].symbol));
    pthread_rwlock_unlock(&head->table.lock);
    sort_and_cut(ret_names, max);
    return arena_check(arena);
}

static err source_label_values(struct series_source *source, struct arena *arena, struct str name,
                               const struct series_query *query, size_t max, struct str_list *ret_values)
{
    struct head *head = ((struct tsdb *)source)->head;
    struct index *index = &head->table.index;
    struct id_list ids = { 0 };

    TRY(tsdb_await((struct tsdb *)source, query->deadline_ms));
    struct span span CLEANUP(span_clear) = span_of((struct tsdb *)source, query);
    if (query->matcher_count)
        TRY(head_select(head, arena, query, &ids));
    keep_touching(&span, &ids);
    *ret_values = (struct str_list){ 0 };
    pthread_rwlock_rdlock(&head->table.lock);
    const struct label_name *found = index_find_name(index, name);
    const uint64_t *used = query->matcher_count ? pairs_used(head, arena, &ids) : NULL;
    if (found)
        ret_values->at = arena_array(arena, found->pairs.count, sizeof(*ret_values->at));
    for (size_t i = 0; found && i < found->pairs.count; i++) {
        uint32_t pair = found->pairs.at[i];
        if (pair_is_used(&span, pair, used))
            ret_values->at[ret_values->count++] = symbol_text(index, pair_at(index, pair)->value);
    }
    pthread_rwlock_unlock(&head->table.lock);
    sort_and_cut(ret_values, max);
    for (size_t i = 0; i < ret_values->count; i++)
        ret_values->at[i] = str_copy(arena, ret_values->at[i]);
    return arena_check(arena);
}

/* ---- metadata and exemplars ---- */

static err source_metas(struct series_source *source, struct arena *arena, struct str name,
                        struct metric_meta_list *ret_list)
{
    TRY(tsdb_await((struct tsdb *)source, 0));
    metas_get(&((struct tsdb *)source)->head->metas, arena, name, ret_list);
    return arena_check(arena);
}

static err source_meta(struct series_source *source, struct arena *arena, struct str name, struct metric_meta *ret_meta)
{
    struct metric_meta_list list = { 0 };

    if (name.length)
        TRY(source_metas(source, arena, name, &list));
    if (!list.count)
        return err_new(ERR_NOT_FOUND, "nothing is known about a metric '%.*s'", STR_ARG(str_utf8_head(name, 200)));
    *ret_meta = list.at[0];
    return NULL;
}

/* Exemplars of the series of a list, each in the place of its series. */
struct exemplar_search {
    struct arena *arena;
    const struct series_query *query;
    const struct id_list *ids;
    struct exemplar_series *found; /* as many as ids */
    size_t *rooms;
};

static err exemplar_found(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    struct exemplar_search *search = arg;
    size_t low = 0, high = search->ids->count;

    if (exemplar->time_ms < search->query->start_ms || exemplar->time_ms > search->query->end_ms)
        return NULL;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (search->ids->at[middle] < series)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == search->ids->count || search->ids->at[low] != series)
        return NULL;
    struct exemplar_series *to = &search->found[low];
    if (to->count == search->rooms[low]) {
        search->rooms[low] = to->count ? 2 * to->count : 4;
        struct exemplar *grown = arena_array(search->arena, search->rooms[low], sizeof(*grown));
        if (to->count)
            memcpy(grown, to->at, to->count * sizeof(*grown));
        to->at = grown;
    }
    to->at[to->count++] =
        (struct exemplar){ labels_copy(search->arena, exemplar->labels), exemplar->time_ms, exemplar->value };
    return arena_check(search->arena);
}

static int by_time(const void *a, const void *b)
{
    const struct exemplar *one = a, *other = b;

    return (one->time_ms > other->time_ms) - (one->time_ms < other->time_ms);
}

static int by_series(const void *a, const void *b)
{
    return labels_cmp(((const struct exemplar_series *)a)->labels, ((const struct exemplar_series *)b)->labels);
}

static err source_exemplars(struct series_source *source, struct arena *arena, const struct series_query *query,
                            struct exemplar_list *ret_list)
{
    struct head *head = ((struct tsdb *)source)->head;
    struct label room[LABELS_MAX];
    struct id_list ids;
    size_t kept = 0;

    TRY(tsdb_await((struct tsdb *)source, query->deadline_ms));
    TRY(head_select(head, arena, query, &ids));
    struct exemplar_search search = {
        .arena = arena,
        .query = query,
        .ids = &ids,
        .found = arena_array(arena, ids.count, sizeof(*search.found)),
        .rooms = arena_array(arena, ids.count, sizeof(*search.rooms)),
    };
    TRY(exemplars_visit(&head->exemplars, exemplar_found, &search));
    for (size_t i = 0; i < ids.count; i++) {
        struct exemplar_series found = search.found[i];
        if (!found.count)
            continue;
        qsort(found.at, found.count, sizeof(*found.at), by_time);
        found.labels = labels_copy(arena, series_labels(&head->table, series_at(&head->table, ids.at[i]), room));
        search.found[kept++] = found;
    }
    if (kept)
        qsort(search.found, kept, sizeof(*search.found), by_series);
    *ret_list = (struct exemplar_list){ search.found, kept };
    return NULL;
}

const struct series_source_ops tsdb_source_ops = {
    .open = source_open,
    .label_names = source_label_names,
    .label_values = source_label_values,
    .meta = source_meta,
    .metas = source_metas,
    .exemplars = source_exemplars,
};
