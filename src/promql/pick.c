/* pick.c - topk, bottomk, limitk and limit_ratio: of each group some series, at each step.
 *
 * DESIGN. Each group has a heap a step, of the values kept so far with the number of their series. What leaves is made
 * from the heaps when the last series has passed; labels are kept of those series alone that ever stood in a heap. */
#include "model/histogram.h"
#include "promql/function.h"
#include "promql/label_set.h"
#include "promql/streams.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

struct entry {
    double value;
    const struct histogram *histogram; /* limitk and limit_ratio take them too */
    uint32_t series;
};

struct heap {
    struct entry *at;
    uint32_t count, room;
};

struct picked_series {
    struct labels labels;
    bool drop_name;
    struct column *column; /* made at the end */
};

struct pick {
    struct evaluation *ev;
    const struct grid *grid;
    const struct expr *expr;
    enum aggregation op;
    bool ignored; /* an info says that histograms were */
    const double *param;
    struct label_choice choice;
    struct label_table table;
    VEC(struct heap *) groups; /* a heap a step */
    VEC(struct picked_series) series;
};

/* stands_below - whether a leaves the heap before b. NaN goes first. */
static bool stands_below(const struct pick *pick, const struct entry *a, const struct entry *b)
{
    if (isnan(a->value))
        return true;
    return pick->op == AGG_BOTTOMK ? a->value > b->value : a->value < b->value;
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_up(const struct pick *pick, struct heap *heap)
{
    for (size_t at = heap->count - 1; at;) {
        size_t parent = (at - 1) / 2;
        if (!stands_below(pick, &heap->at[at], &heap->at[parent]))
            break;
        swap(&heap->at[at], &heap->at[parent]);
        at = parent;
    }
}

static void sift_down(const struct pick *pick, struct heap *heap)
{
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && stands_below(pick, &heap->at[child + 1], &heap->at[child]))
            child++;
        if (!stands_below(pick, &heap->at[child], &heap->at[at]))
            break;
        swap(&heap->at[at], &heap->at[child]);
        at = child;
    }
}

static void push(const struct pick *pick, struct heap *heap, struct entry entry)
{
    if (heap->count == heap->room) {
        uint32_t room = heap->room ? heap->room * 2 : 4;
        struct entry *at = arena_array(pick->ev->arena, room, sizeof(*at));
        if (heap->count)
            memcpy(at, heap->at, heap->count * sizeof(*at));
        heap->at = at;
        heap->room = room;
    }
    heap->at[heap->count++] = entry;
    if (pick->op == AGG_TOPK || pick->op == AGG_BOTTOMK)
        sift_up(pick, heap);
}

/* place - where a label set falls between 0 and 1: Prometheus' hash of its bytes, so that the same series are taken. */
static double place(struct labels labels)
{
    struct buf bytes CLEANUP(buf_clear) = { 0 };

    buf_init(&bytes, 1 << 24);
    for (size_t i = 0; i < labels.count; i++) {
        const struct str parts[] = { labels.at[i].name, labels.at[i].value };
        for (size_t j = 0; j < 2; j++) {
            size_t length = parts[j].length;
            if (length < 255) {
                buf_add_c(&bytes, (char)length);
            } else {
                const char head[] = { (char)255, (char)length, (char)(length >> 8), (char)(length >> 16) };
                buf_add_bytes(&bytes, head, sizeof(head));
            }
            buf_add(&bytes, parts[j]);
        }
    }
    return (double)XXH64(bytes.at, bytes.length, 0) / (double)UINT64_MAX;
}

static bool within_ratio(double ratio, double where)
{
    ratio = ratio < -1 ? -1 : ratio > 1 ? 1 : ratio;
    return ratio >= 0 ? where < ratio : where >= 1 + ratio;
}

/* offer - whether the point stands in its heap now. */
static bool offer(const struct pick *pick, struct heap *heap, size_t step, double where, struct entry entry)
{
    double param = pick->param[step];

    if (pick->op == AGG_LIMIT_RATIO) {
        if (param == 0 || !within_ratio(param, where))
            return false;
        push(pick, heap, entry);
        return true;
    }
    if (param < 1)
        return false;
    if (heap->count < (uint64_t)param) {
        push(pick, heap, entry);
        return true;
    }
    if (pick->op == AGG_LIMITK)
        return false;
    struct entry *lowest = &heap->at[0];
    bool better = pick->op == AGG_TOPK ? lowest->value < entry.value : lowest->value > entry.value;
    if (!better && !(isnan(lowest->value) && !isnan(entry.value)))
        return false;
    *lowest = entry;
    sift_down(pick, heap);
    return true;
}

static struct heap *heaps_of(struct pick *pick, struct labels labels)
{
    size_t index = label_table_put_choice(&pick->table, &pick->choice, labels);

    if (index == pick->groups.count)
        *vec_push(&pick->groups, pick->ev->arena) =
            arena_array(pick->ev->arena, pick->grid->steps, sizeof(struct heap));
    return pick->groups.at[index];
}

static void keep_series(struct pick *pick, const struct column *column)
{
    struct label *labels = arena_array(pick->ev->arena, column->labels.count, sizeof(*labels));

    if (column->labels.count)
        memcpy(labels, column->labels.at, column->labels.count * sizeof(*labels));
    *vec_push(&pick->series, pick->ev->arena) =
        (struct picked_series){ .labels = { labels, column->labels.count }, .drop_name = column->drop_name };
}

static void pass(struct pick *pick, const struct column *column)
{
    struct heap *heaps = heaps_of(pick, column->labels);
    bool by_value = pick->op == AGG_TOPK || pick->op == AGG_BOTTOMK, kept = false;
    double where = pick->op == AGG_LIMIT_RATIO ? place(column->labels) : 0;

    for (size_t step = 0; step < pick->grid->steps; step++) {
        if (!column->present[step])
            continue;
        bool is_histogram = column->present[step] == POINT_HISTOGRAM;
        if (is_histogram && by_value) {
            if (pick->param[step] >= 1 && !pick->ignored)
                annotate_info(pick->ev, pick->expr, "ignored histogram in %s aggregation", aggregation_name(pick->op));
            pick->ignored |= pick->param[step] >= 1;
            continue;
        }
        struct entry entry = { .value = is_histogram ? 0 : column->values[step],
                               .histogram = is_histogram ? column->histograms[step] : NULL,
                               .series = (uint32_t)pick->series.count };
        if (!offer(pick, &heaps[step], step, where, entry))
            continue;
        kept = true;
        if (is_histogram) /* neither of them moves what it has */
            heaps[step].at[heaps[step].count - 1].histogram = histogram_copy(pick->ev->arena, entry.histogram);
    }
    if (kept)
        keep_series(pick, column);
}

/* sort_best_first - stable; what the heap would give up first stands last. */
static void sort_best_first(const struct pick *pick, struct entry *at, size_t count, struct entry *spare)
{
    if (count <= 12) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = i; j && stands_below(pick, &at[j - 1], &at[j]); j--)
                swap(&at[j - 1], &at[j]);
        return;
    }
    size_t half = count / 2, left = 0, right = half;
    sort_best_first(pick, at, half, spare);
    sort_best_first(pick, at + half, count - half, spare);
    for (size_t i = 0; i < count; i++) {
        bool from_left = right == count || (left < half && !stands_below(pick, &at[left], &at[right]));
        spare[i] = from_left ? at[left++] : at[right++];
    }
    memcpy(at, spare, count * sizeof(*at));
}

/* columns_of - the heaps as columns; of a single step in the order of the values, group by group. */
static struct column_list columns_of(struct pick *pick)
{
    struct arena *arena = pick->ev->arena;
    struct column_list list = { .at = arena_array(arena, pick->series.count, sizeof(struct column *)) };

    for (size_t group = 0; group < pick->groups.count; group++)
        for (size_t step = 0; step < pick->grid->steps; step++) {
            struct heap *heap = &pick->groups.at[group][step];
            if (heap->count > 1 && (pick->op == AGG_TOPK || pick->op == AGG_BOTTOMK))
                sort_best_first(pick, heap->at, heap->count, arena_array(arena, heap->count, sizeof(struct entry)));
            for (size_t i = 0; i < heap->count; i++) {
                const struct entry *entry = &heap->at[i];
                struct picked_series *series = &pick->series.at[entry->series];
                if (!series->column) {
                    list.at[list.count++] = series->column = column_new(pick->ev, pick->grid);
                    series->column->labels = series->labels;
                    series->column->drop_name = series->drop_name;
                }
                series->column->present[step] = entry->histogram ? POINT_HISTOGRAM : POINT_FLOAT;
                series->column->values[step] = entry->value;
                if (entry->histogram)
                    column_histograms(pick->ev, pick->grid, series->column);
                if (series->column->histograms)
                    series->column->histograms[step] = entry->histogram;
            }
        }
    return list;
}

static void warn_ratio(struct pick *pick, double value, const char *cap)
{
    annotate_warning(pick->ev, pick->expr->aggregate.param,
                     "ratio value should be between -1 and 1, got %.*s, capping to %s",
                     STR_ARG(number_text(pick->ev->arena, value)), cap);
}

/* check_param - *ret_none: it takes nothing at any step, so nothing is read. */
static err check_param(struct pick *pick, bool *ret_none)
{
    double low = INFINITY, high = -INFINITY;
    bool is_ratio = pick->op == AGG_LIMIT_RATIO, nan = false;
    for (size_t step = 0; step < pick->grid->steps; step++) {
        nan |= isnan(pick->param[step]);
        low = fmin(low, pick->param[step]);
        high = fmax(high, pick->param[step]);
    }
    *ret_none = !nan && (is_ratio ? low == 0 && high == 0 : high < 1);
    if (*ret_none)
        return NULL;
    if (nan)
        return err_new(ERR_RANGE, is_ratio ? "Ratio value is NaN" : "Parameter value is NaN");
    if (!is_ratio && low <= -0x1p63)
        return err_new(ERR_RANGE, "Scalar value %.*s underflows int64", STR_ARG(number_text(pick->ev->arena, low)));
    if (!is_ratio && high >= 0x1p63)
        return err_new(ERR_RANGE, "Scalar value %.*s overflows int64", STR_ARG(number_text(pick->ev->arena, high)));
    if (is_ratio && high > 1)
        warn_ratio(pick, high, "1");
    if (is_ratio && low < -1)
        warn_ratio(pick, low, "-1");
    return NULL;
}

err pick_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    struct pick pick = {
        .ev = ev,
        .grid = grid,
        .expr = expr,
        .op = expr->aggregate.op,
        .choice =
            label_choice_make(ev->arena, expr->aggregate.labels, expr->aggregate.label_count, expr->aggregate.without),
        .table = { .arena = ev->arena },
    };
    struct stream *input;
    struct column *column;
    bool none;

    TRY(scalar_column(ev, grid, expr->aggregate.param, &pick.param));
    TRY(check_param(&pick, &none));
    if (!none)
        TRY(stream_open(ev, grid, expr->aggregate.expr, &input));
    while (!none) {
        TRY(stream_next(input, &column));
        if (!column)
            break;
        pass(&pick, column);
    }
    *ret_stream = stream_of_columns(ev, grid, columns_of(&pick));
    return NULL;
}
