/* tier_read.c - minutes and hours of one series: stored rows where samples are gone, the others made of samples. */
#include "tsdb/room.h"
#include "tsdb/tier.h"

static err take_rows(void *arg, struct str chunk)
{
    return tier_decode(chunk, arg);
}

static err stored_rows(struct tsdb *tsdb, uint32_t series, enum tier tier, int64_t start_ms, int64_t end_ms,
                       struct tier_fold *rows)
{
    struct blocks_view *view = blocks_view_of(tsdb->blocks, tier == TIER_MINUTE ? BLOCK_MINUTES : BLOCK_HOURS);
    struct blocks_cursor *cursor = blocks_cursor_new(view);
    err e = blocks_chunks(cursor, series, start_ms, end_ms, take_rows, rows);

    blocks_cursor_free(cursor);
    blocks_view_free(view);
    return e;
}

static err fold_samples(struct tsdb *tsdb, struct arena *arena, struct labels series, int64_t start_ms, int64_t end_ms,
                        struct tier_fold *rows)
{
    struct matcher *matchers = arena_array(arena, series.count, sizeof(*matchers));
    struct series_query query = {
        .matchers = matchers, .matcher_count = series.count, .start_ms = start_ms, .end_ms = end_ms
    };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct series_source *source = tsdb_source(tsdb);
    struct samples samples;

    for (size_t i = 0; i < series.count; i++)
        matchers[i] = (struct matcher){ .type = MATCH_EQ, .name = series.at[i].name, .value = series.at[i].value };
    TRY(source->ops->open(source, arena, &query, &set));
    for (size_t i = 0; i < set->count; i++) {
        if (!labels_eq(set->ops->labels(set, i), series)) /* has more labels than these */
            continue;
        TRY(set->ops->read(set, i, &samples));
        tier_fold_add(rows, &samples);
    }
    return NULL;
}

/* Of both lists, by time; a stored row has all of its samples, one that is made now may not. */
static struct tier_rows merge_rows(struct arena *arena, const struct tier_fold *stored, const struct tier_fold *made,
                                   int64_t start_ms, int64_t end_ms)
{
    struct tier_row *rows = arena_array(arena, stored->rows.count + made->rows.count, sizeof(*rows));
    size_t count = 0, i = 0, j = 0;

    while (i < stored->rows.count || j < made->rows.count) {
        const struct tier_row *a = i < stored->rows.count ? &stored->rows.at[i] : NULL;
        const struct tier_row *b = j < made->rows.count ? &made->rows.at[j] : NULL;
        const struct tier_row *row = a && (!b || a->start_ms <= b->start_ms) ? a : b;
        j += b && b->start_ms == row->start_ms;
        i += row == a;
        if (row->start_ms >= start_ms && row->start_ms <= end_ms &&
            (count == 0 || rows[count - 1].start_ms < row->start_ms))
            rows[count++] = *row;
    }
    return (struct tier_rows){ rows, count };
}

static int64_t floor_to(int64_t time_ms, int64_t width_ms)
{
    int64_t rest = time_ms % width_ms;

    return time_ms - (rest < 0 ? rest + width_ms : rest);
}

err tsdb_tier(struct tsdb *tsdb, struct arena *arena, struct labels series, enum tier tier, int64_t start_ms,
              int64_t end_ms, struct tier_rows *ret_rows)
{
    int64_t width_ms = tier_width_ms(tier);
    struct tier_fold stored = { .arena = arena, .width_ms = width_ms }, made = stored;

    *ret_rows = (struct tier_rows){ 0 };
    if (start_ms > end_ms || end_ms > INT64_MAX / 2 || start_ms < INT64_MIN / 2)
        return err_new(ERR_RANGE, "no span of time that rows can be made of");
    start_ms = floor_to(start_ms, width_ms); /* rows are whole */
    end_ms = floor_to(end_ms, width_ms);
    TRY(tsdb_await(tsdb, 0));
    uint32_t id = table_find(&tsdb->head->table, series);
    if (id == 0)
        return NULL;
    TRY(stored_rows(tsdb, id, tier, start_ms, end_ms, &stored));
    TRY(fold_samples(tsdb, arena, series, start_ms, end_ms + width_ms - 1, &made));
    *ret_rows = merge_rows(arena, &stored, &made, start_ms, end_ms);
    return arena_check(arena);
}
