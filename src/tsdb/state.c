/* state.c - how the tsdb is doing: figures for /status/tsdb and for our own metrics. */
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "tsdb/room.h"

METRIC(GAUGE, tsdb_head_series, "Series in memory.", NULL);
METRIC(GAUGE, tsdb_head_chunks, "Chunks in memory, open ones included.", NULL);
METRIC(GAUGE, tsdb_head_bytes, "Memory that series and samples take, by what for.", "for");
METRIC(COUNTER, tsdb_head_series_created_total, "Series made since the start.", NULL);
METRIC(COUNTER, tsdb_head_series_removed_total, "Series forgotten since the start.", NULL);
METRIC(COUNTER, tsdb_out_of_order_samples_appended_total,
       "Samples since the start that were older than their series' newest.", NULL);

/* ---- the largest ---- */

enum { TOP = 10 };

static void top_put(struct tsdb_count *top, struct str name, uint64_t count)
{
    size_t at = TOP;

    while (at > 0 && (top[at - 1].count < count ||
                      (top[at - 1].count == count && top[at - 1].name.length && str_cmp(top[at - 1].name, name) > 0)))
        at--;
    if (at == TOP || count == 0)
        return;
    memmove(&top[at + 1], &top[at], (TOP - 1 - at) * sizeof(*top));
    top[at] = (struct tsdb_count){ name, count };
}

/* pair_bytes - what Prometheus takes for n copies of a label: both texts, each with a byte for its length. */
static uint64_t pair_bytes(struct str name, struct str value, uint64_t copies)
{
    return (name.length + value.length + 2) * copies;
}

static void count_name(const struct index *index, struct arena *arena, const struct label_name *name,
                       struct tsdb_state *state)
{
    struct str text = symbol_text(index, name->symbol);
    bool is_metric = str_eq(text, S("__name__"));
    uint64_t values = 0, bytes = 0;

    for (size_t i = 0; i < name->pairs.count; i++) {
        const struct label_pair *pair = pair_at(index, name->pairs.at[i]);
        struct str value = symbol_text(index, pair->value);
        uint64_t series = pair->postings.count;
        values += series > 0;
        bytes += pair_bytes(text, value, series);
        if (is_metric)
            top_put(state->by_metric, value, series);
        if (series > state->by_pair[TOP - 1].count)
            top_put(state->by_pair, str_printf(arena, "%.*s=%.*s", STR_ARG(text), STR_ARG(value)), series);
    }
    top_put(state->by_label, text, values);
    top_put(state->bytes_by_label, text, bytes);
}

static void own_names(struct arena *arena, struct tsdb_count *top)
{
    for (size_t i = 0; i < TOP; i++)
        top[i].name = str_copy(arena, top[i].name);
}

/* ---- sums ---- */

static void add_shards(const struct table *table, struct tsdb_state *state, uint64_t *ret_sample_bytes)
{
    state->first_ms = INT64_MAX;
    state->last_ms = INT64_MIN;
    for (uint32_t i = 0; i <= table->shard_mask; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->lock);
        state->chunks += shard->sealed_chunks + shard->open_chunks;
        state->samples_appended += shard->appended;
        state->out_of_order += shard->out_of_order;
        if (shard->first_ms < state->first_ms)
            state->first_ms = shard->first_ms;
        if (shard->last_ms > state->last_ms)
            state->last_ms = shard->last_ms;
        *ret_sample_bytes += (uint64_t)shard->pieces.made * sizeof(struct piece) + shard->side_bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    if (state->first_ms > state->last_ms)
        state->first_ms = state->last_ms = 0;
}

static uint64_t table_bytes(const struct table *table)
{
    const struct index *index = &table->index;
    uint64_t bytes = (uint64_t)table->series_made * sizeof(struct head_series) +
                     (uint64_t)table->spellings_made * sizeof(struct spelling) +
                     (uint64_t)table->labels_used * sizeof(uint32_t) * 2 + /* and as much in postings */
                     (uint64_t)index->symbol_count * sizeof(struct symbol) +
                     (uint64_t)index->pair_count * sizeof(struct label_pair) + index->text_bytes;
    const struct slots *slots[] = { &table->spelling_slots, &table->identity_slots, &index->symbol_slots,
                                    &index->pair_slots };

    for (size_t i = 0; i < ARRAY_LEN(slots); i++)
        bytes += slots[i]->at ? ((uint64_t)slots[i]->mask + 1) * sizeof(struct slot) : 0;
    return bytes;
}

static void add_blocks(struct blocks *blocks, struct tsdb_state *state)
{
    struct blocks_view *view = blocks_view_of(blocks, BLOCK_KINDS);

    state->blocks = blocks_view_count(view);
    for (size_t i = 0; i < state->blocks; i++)
        state->block_bytes += blocks_view_stat(view, i).bytes;
    blocks_view_free(view);
}

void tsdb_state(struct tsdb *tsdb, struct arena *arena, bool with_counts, struct tsdb_state *ret_state)
{
    struct table *table = &tsdb->head->table;
    struct tsdb_state *state = ret_state;
    uint64_t sample_bytes = 0;

    *state = (struct tsdb_state){ .trouble = S(""), .recovered = 1 };
    add_shards(table, state, &sample_bytes);
    pthread_rwlock_rdlock(&table->lock);
    state->series = table->live;
    uint64_t created = table->created, removed = table->removed, bytes = table_bytes(table);
    for (size_t i = 0; i < table->index.names.count; i++) {
        state->label_pairs += table->index.names.at[i].pairs.count;
        if (with_counts)
            count_name(&table->index, arena, &table->index.names.at[i], state);
    }
    pthread_rwlock_unlock(&table->lock);
    if (with_counts) {
        own_names(arena, state->by_metric);
        own_names(arena, state->by_label);
        own_names(arena, state->bytes_by_label);
    }
    state->memory_bytes = sample_bytes + bytes;
    add_blocks(tsdb->blocks, state);
    disk_state(tsdb->disk, arena, state);
    metric_set(&tsdb_head_series, (double)state->series);
    metric_set(&tsdb_head_chunks, (double)state->chunks);
    metric_set_for(&tsdb_head_bytes, S("samples"), (double)sample_bytes);
    metric_set_for(&tsdb_head_bytes, S("series"), (double)bytes);
    metric_set(&tsdb_head_series_created_total, (double)created);
    metric_set(&tsdb_head_series_removed_total, (double)removed);
    metric_set(&tsdb_out_of_order_samples_appended_total, (double)state->out_of_order);
}
