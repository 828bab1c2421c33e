/* tier.c - minutes and hours. */
#include "tsdb/tier.h"

#include <math.h>
#include <stdlib.h>

#include "tsdb/chunk_frame.h"
#include "tsdb/pack.h"

enum column { COLUMN_FIRST, COLUMN_LAST, COLUMN_MIN, COLUMN_MAX, COLUMN_SUM, COLUMNS };
/* A column that is bit by bit another one is not written: the flags of a chunk. */
enum { MIN_IS_FIRST = 1, MAX_IS_LAST = 2, SUM_IS_FIRST = 4, LAST_IS_FIRST = 8 };

int64_t tier_width_ms(enum tier tier)
{
    return tier == TIER_MINUTE ? 60000 : 3600000;
}

static int64_t row_start(int64_t time_ms, int64_t width_ms)
{
    int64_t rest = time_ms % width_ms;

    return time_ms - (rest < 0 ? rest + width_ms : rest);
}

void tier_fold_add(struct tier_fold *fold, const struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++) {
        double value = samples->values[i];
        int64_t start = row_start(samples->times[i], fold->width_ms);
        struct tier_row *row = fold->rows.count ? &fold->rows.at[fold->rows.count - 1] : NULL;
        if (isnan(value) || (samples->histograms && samples->histograms[i]))
            continue;
        if (!row || row->start_ms != start) {
            *vec_push(&fold->rows, fold->arena) = (struct tier_row){
                .start_ms = start, .min = value, .max = value, .sum = value, .first = value, .last = value, .count = 1
            };
            continue;
        }
        row->min = value < row->min ? value : row->min;
        row->max = value > row->max ? value : row->max;
        row->sum += value;
        row->resets += value < row->last;
        row->last = value;
        row->count++;
    }
}

static double *cell_of(struct tier_row *row, enum column column)
{
    double *const cells[COLUMNS] = { &row->first, &row->last, &row->min, &row->max, &row->sum };

    return cells[column];
}

static void get_column(const struct tier_row *rows, size_t count, enum column column, double *ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = *cell_of((struct tier_row *)&rows[i], column);
}

static bool same_column(const double *a, const double *b, size_t count)
{
    return !memcmp(a, b, count * sizeof(*a));
}

void tier_encode(struct buf *out, const struct tier_row *rows, size_t count)
{
    double columns[COLUMNS][CHUNK_SAMPLES_MAX];
    int64_t integers[CHUNK_SAMPLES_MAX];
    unsigned flags = 0;

    for (int i = 0; i < COLUMNS; i++)
        get_column(rows, count, (enum column)i, columns[i]);
    flags |= same_column(columns[COLUMN_MIN], columns[COLUMN_FIRST], count) ? MIN_IS_FIRST : 0;
    flags |= same_column(columns[COLUMN_MAX], columns[COLUMN_LAST], count) ? MAX_IS_LAST : 0;
    flags |= same_column(columns[COLUMN_SUM], columns[COLUMN_FIRST], count) ? SUM_IS_FIRST : 0;
    flags |= same_column(columns[COLUMN_LAST], columns[COLUMN_FIRST], count) ? LAST_IS_FIRST : 0;
    size_t place = frame_begin(out, FRAME_TIER | flags, count, rows[0].start_ms, rows[count - 1].start_ms);
    for (size_t i = 0; i < count; i++)
        integers[i] = rows[i].start_ms - rows[0].start_ms;
    pack_ints(out, integers, count);
    pack_doubles(out, columns[COLUMN_FIRST], count);
    if (!(flags & LAST_IS_FIRST))
        pack_doubles(out, columns[COLUMN_LAST], count);
    if (!(flags & MIN_IS_FIRST))
        pack_doubles(out, columns[COLUMN_MIN], count);
    if (!(flags & MAX_IS_LAST))
        pack_doubles(out, columns[COLUMN_MAX], count);
    if (!(flags & SUM_IS_FIRST))
        pack_doubles(out, columns[COLUMN_SUM], count);
    for (size_t i = 0; i < count; i++)
        integers[i] = rows[i].count;
    pack_ints(out, integers, count);
    for (size_t i = 0; i < count; i++)
        integers[i] = rows[i].resets;
    pack_ints(out, integers, count);
    frame_end(out, place);
}

/* A column from the bytes, or the one that it is. */
static void take_column(struct reading *in, bool given, double *column, const double *other, size_t count)
{
    if (!given)
        unpack_doubles(in, column, count);
    else
        memcpy(column, other, count * sizeof(*column));
}

err tier_decode(struct str chunk, struct tier_fold *fold)
{
    double columns[COLUMNS][CHUNK_SAMPLES_MAX];
    int64_t starts[CHUNK_SAMPLES_MAX], counts[CHUNK_SAMPLES_MAX], resets[CHUNK_SAMPLES_MAX];
    struct reading in = reading_of(chunk);
    struct chunk_head head;
    unsigned kind;

    if (!frame_take(&in, &kind, &head) || (kind & FRAME_MASK) != FRAME_TIER)
        return err_new(ERR_CORRUPT, "no rows of a tier begin here");
    size_t count = head.count;
    unpack_ints(&in, starts, count);
    unpack_doubles(&in, columns[COLUMN_FIRST], count);
    const double *first = columns[COLUMN_FIRST];
    take_column(&in, kind & LAST_IS_FIRST, columns[COLUMN_LAST], first, count);
    take_column(&in, kind & MIN_IS_FIRST, columns[COLUMN_MIN], first, count);
    take_column(&in, kind & MAX_IS_LAST, columns[COLUMN_MAX], columns[COLUMN_LAST], count);
    take_column(&in, kind & SUM_IS_FIRST, columns[COLUMN_SUM], first, count);
    unpack_ints(&in, counts, count);
    unpack_ints(&in, resets, count);
    if (in.failed || in.at != in.end)
        return err_new(ERR_CORRUPT, "rows of a tier make no sense");
    for (size_t i = 0; i < count; i++)
        *vec_push(&fold->rows, fold->arena) =
            (struct tier_row){ .start_ms = (int64_t)((uint64_t)starts[i] + (uint64_t)head.first_ms),
                               .min = columns[COLUMN_MIN][i],
                               .max = columns[COLUMN_MAX][i],
                               .sum = columns[COLUMN_SUM][i],
                               .first = first[i],
                               .last = columns[COLUMN_LAST][i],
                               .count = (uint32_t)counts[i],
                               .resets = (uint32_t)resets[i] };
    return NULL;
}
