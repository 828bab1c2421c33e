/* blocks_maintain.c - which blocks are merged, rewritten and dropped, and when.
 *
 * DESIGN. Level by level: four neighbours in time of one level become one of the next, as long as it spans no more than
 * an eighth of retention, so that what is dropped at a time is small. So a sample is rewritten two or three times. A
 * block that spans more (old samples came with new ones) is first cut at multiples of that span. The order of writing
 * is kept: blocks that were written between those of a merge must not overlap them in time, or they belong to it.
 *
 * A crash anywhere leaves a set that says the same: the result names what it replaces, and where there is no result
 * (all was deleted) deletions are forgotten only after the files are gone. */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "tsdb/block_merge.h"

METRIC(COUNTER, tsdb_merges_total, "Blocks made of other blocks.", NULL);
METRIC(COUNTER, tsdb_dropped_blocks_total, "Blocks that retention dropped.", NULL);

enum { FAN = 4, FAN_MAX = 8, SHARE = 8, PARTS_MAX = 4096 };
static const int64_t hour_ms = 3600000;
static const int64_t span_max_ms = 31LL * 24 * 3600000;
static const uint64_t merge_bytes_max = 1ULL << 30;

static void viewp(struct blocks_view **view)
{
    blocks_view_free(*view);
}

/* ---- rewriting ---- */

/* A merge to come: what, and what is said of its result. */
struct rewrite {
    struct block *const *from;
    size_t count;
    enum block_kind to;
    unsigned level;
    int64_t start_ms, end_ms;
    bool skip_damaged;
    bool replaces; /* all of `from`; else it is a part, and a later one replaces them */
};

/* Numbers of the blocks that the result replaces, and of those that they replaced whose files are still there. */
static void put_replaced(struct blocks *blocks, struct arena *arena, const struct rewrite *rewrite,
                         struct block_options *options)
{
    VEC(uint64_t) numbers = { 0 };

    for (size_t i = 0; i < rewrite->count; i++) {
        const struct block *block = rewrite->from[i];
        *vec_push(&numbers, arena) = block->number;
        for (size_t j = 0; j < block->replaced_count; j++) {
            struct str path =
                str_printf(arena, "%s/%08llu.block", blocks->folder, (unsigned long long)block->replaced[j]);
            if (file_exists(path.at))
                *vec_push(&numbers, arena) = block->replaced[j];
        }
    }
    options->replaced = numbers.at;
    options->replaced_count = numbers.count;
}

static err rewrite_blocks(struct blocks *blocks, const struct rewrite *rewrite, const struct deletion_set *deletions)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct block_options options = { .kind = rewrite->to,
                                     .level = rewrite->level,
                                     .order = rewrite->to == rewrite->from[0]->kind
                                                  ? rewrite->from[rewrite->count - 1]->stat.order
                                                  : 0,
                                     .deletions = deletion_set_serial(deletions) };
    struct merge merge = { .from = rewrite->from,
                           .count = rewrite->count,
                           .deletions = deletions,
                           .start_ms = rewrite->start_ms,
                           .end_ms = rewrite->end_ms,
                           .to = rewrite->to,
                           .stopping = &blocks->stopping,
                           .skip_damaged = rewrite->skip_damaged };
    struct str path = blocks_next_path(blocks, arena);
    bool empty;

    if (rewrite->replaces)
        put_replaced(blocks, arena, rewrite, &options);
    TRY(block_merge(&merge, path.at, &options, &empty));
    metric_add(&tsdb_merges_total, 1);
    return blocks_replace(blocks, empty ? NULL : path.at, rewrite->from, rewrite->replaces ? rewrite->count : 0);
}

/* ---- damage ---- */

/* What can be read of a damaged block takes its place; the file stays as .bad. */
static err save_rest(struct blocks *blocks, struct block *block, const struct deletion_set *deletions)
{
    struct block *from[] = { block };
    struct rewrite rewrite = { .from = from,
                               .count = 1,
                               .to = block->kind,
                               .level = block->stat.level,
                               .start_ms = INT64_MIN,
                               .end_ms = INT64_MAX,
                               .skip_damaged = true,
                               .replaces = true };

    TRY(blocks_keep_bad(blocks, block->path));
    log_warn("%s is damaged: what can be read of it is written anew, the file is kept as .bad", block->path);
    return rewrite_blocks(blocks, &rewrite, deletions);
}

static err save_damaged(struct blocks *blocks)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, BLOCK_KINDS);

    for (size_t i = 0; i < view->count; i++)
        if (atomic_load(&view->at[i]->damaged))
            TRY(save_rest(blocks, view->at[i], view->deletions));
    return NULL;
}

/* ---- tiers and retention ---- */

static int64_t floor_to(int64_t time_ms, int64_t width_ms)
{
    int64_t rest = time_ms % width_ms;

    return time_ms - (rest < 0 ? rest + width_ms : rest);
}

/* The end of the rows that are there; INT64_MIN where there are none. */
static int64_t rows_end(struct blocks *blocks, enum block_kind kind)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, kind);
    int64_t end = INT64_MIN;

    for (size_t i = 0; i < view->count; i++)
        if (view->at[i]->stat.last_ms >= end)
            end = view->at[i]->stat.last_ms + block_width_ms(kind);
    return end;
}

/* Sum up all samples from the end of the rows of this kind to the end of the hour that has last_ms: of all blocks, as
 * each row must have all of its samples. */
static err sum_up(struct blocks *blocks, enum block_kind kind, int64_t last_ms)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view(blocks);
    struct rewrite rewrite = { .to = kind,
                               .start_ms = rows_end(blocks, kind),
                               .end_ms = floor_to(last_ms, hour_ms) + hour_ms - 1,
                               .skip_damaged = true };
    struct block **from = malloc((view->count + 1) * sizeof(*from));

    if (!from)
        out_of_memory(view->count * sizeof(*from));
    for (size_t i = 0; i < view->count; i++)
        if (view->at[i]->stat.first_ms <= rewrite.end_ms && view->at[i]->stat.last_ms >= rewrite.start_ms)
            from[rewrite.count++] = view->at[i];
    rewrite.from = from;
    err e =
        rewrite.count && rewrite.start_ms < rewrite.end_ms ? rewrite_blocks(blocks, &rewrite, view->deletions) : NULL;
    free(from);
    return e;
}

/* Before samples up to last_ms go. Where that fails they go all the same: it may be for want of room. At a stop nothing
 * goes. */
static err keep_rows(struct blocks *blocks, const struct blocks_policy *policy, int64_t last_ms)
{
    if (policy->minutes_ms > policy->retention_ms && last_ms >= policy->now_ms - policy->minutes_ms)
        log_err(sum_up(blocks, BLOCK_MINUTES, last_ms), "no rows of minutes are kept of what is dropped");
    if (policy->hours_ms > policy->retention_ms && last_ms >= policy->now_ms - policy->hours_ms)
        log_err(sum_up(blocks, BLOCK_HOURS, last_ms), "no rows of hours are kept of what is dropped");
    return atomic_load(&blocks->stopping) ? err_new(ERR_UNAVAILABLE, "stopped before anything was dropped") : NULL;
}

static err drop(struct blocks *blocks, struct block *block, const char *why)
{
    struct block *old[] = { block };

    log_info("dropped %s: %s", block->path, why);
    metric_add(&tsdb_dropped_blocks_total, 1);
    return blocks_replace(blocks, NULL, old, 1);
}

static err drop_old(struct blocks *blocks, const struct blocks_policy *policy, enum block_kind kind, int64_t keep_ms)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, kind);
    int64_t last_ms = INT64_MIN, before_ms = policy->now_ms - keep_ms;

    for (size_t i = 0; i < view->count; i++)
        if (view->at[i]->stat.last_ms < before_ms && view->at[i]->stat.last_ms > last_ms)
            last_ms = view->at[i]->stat.last_ms;
    if (last_ms == INT64_MIN)
        return NULL;
    if (kind == BLOCK_SAMPLES)
        TRY(keep_rows(blocks, policy, last_ms));
    for (size_t i = 0; i < view->count; i++)
        if (view->at[i]->stat.last_ms < before_ms)
            TRY(drop(blocks, view->at[i], "it is older than its retention"));
    return NULL;
}

/* Samples go before rows, the oldest first; the newest block of samples stays. */
static struct block *surplus(const struct blocks_view *view)
{
    struct block *oldest[2] = { NULL, NULL };
    size_t samples = 0;

    for (size_t i = 0; i < view->count; i++) {
        struct block *it = view->at[i], **best = &oldest[it->kind != BLOCK_SAMPLES];
        samples += it->kind == BLOCK_SAMPLES;
        if (!*best || it->stat.last_ms < (*best)->stat.last_ms)
            *best = it;
    }
    return samples > 1 ? oldest[0] : oldest[1];
}

static err drop_surplus(struct blocks *blocks, const struct blocks_policy *policy)
{
    while (policy->retention_bytes > 0) {
        struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, BLOCK_KINDS);
        uint64_t bytes = 0;
        for (size_t i = 0; i < view->count; i++)
            bytes += view->at[i]->stat.bytes;
        struct block *old = surplus(view);
        if (!old || bytes <= policy->retention_bytes)
            break;
        if (old->kind == BLOCK_SAMPLES)
            TRY(keep_rows(blocks, policy, old->stat.last_ms));
        TRY(drop(blocks, old, "blocks take more than retention_bytes"));
    }
    return NULL;
}

/* ---- merging ---- */

static int64_t span_limit(int64_t keep_ms)
{
    int64_t limit = keep_ms > 0 ? keep_ms / SHARE : span_max_ms;

    limit = limit > span_max_ms ? span_max_ms : limit;
    return limit < hour_ms ? hour_ms : limit;
}

static int64_t span_of(const struct block *block)
{
    return block->stat.last_ms - block->stat.first_ms;
}

/* A block that spans too much becomes one for each multiple of the limit; the last one replaces it. */
static err cut(struct blocks *blocks, struct block *block, int64_t limit_ms, const struct deletion_set *deletions)
{
    struct block *from[] = { block };
    int64_t last = floor_to(block->stat.last_ms, limit_ms), start = floor_to(block->stat.first_ms, limit_ms);

    for (; start <= last; start += limit_ms) {
        struct rewrite part = { .from = from,
                                .count = 1,
                                .to = block->kind,
                                .level = block->stat.level,
                                .start_ms = start,
                                .end_ms = start + limit_ms - 1,
                                .replaces = start == last };
        TRY(rewrite_blocks(blocks, &part, deletions));
    }
    return NULL;
}

static err cut_wide(struct blocks *blocks, int64_t limit_ms)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view(blocks);

    for (size_t i = 0; i < view->count; i++)
        if (span_of(view->at[i]) >= limit_ms && span_of(view->at[i]) / limit_ms < PARTS_MAX &&
            floor_to(view->at[i]->stat.first_ms, limit_ms) != floor_to(view->at[i]->stat.last_ms, limit_ms))
            TRY(cut(blocks, view->at[i], limit_ms, view->deletions));
    return NULL;
}

/* Some neighbours of one level. */
struct pick {
    struct block *at[FAN_MAX];
    size_t count;
    int64_t first_ms, last_ms;
    uint64_t bytes;
};

static bool picked(const struct pick *pick, const struct block *block)
{
    for (size_t i = 0; i < pick->count; i++)
        if (pick->at[i] == block)
            return true;
    return false;
}

/* No other block was written between them that has samples of the same time. */
static bool keeps_order(const struct pick *pick, const struct blocks_view *view)
{
    uint64_t low = UINT64_MAX, high = 0;

    for (size_t i = 0; i < pick->count; i++) {
        uint64_t order = pick->at[i]->stat.order;
        low = order < low ? order : low;
        high = order > high ? order : high;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct block_stat *stat = &view->at[i]->stat;
        if (stat->order >= low && stat->order <= high && stat->first_ms <= pick->last_ms &&
            stat->last_ms >= pick->first_ms && !picked(pick, view->at[i]))
            return false;
    }
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct block *x = *(struct block *const *)a, *y = *(struct block *const *)b;

    if (x->stat.first_ms != y->stat.first_ms)
        return x->stat.first_ms < y->stat.first_ms ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_order(const void *a, const void *b)
{
    const struct block *x = *(struct block *const *)a, *y = *(struct block *const *)b;

    if (x->stat.order != y->stat.order)
        return x->stat.order < y->stat.order ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* As many as fit, from the first of the sorted ones on. */
static struct pick pick_from(struct block *const *sorted, size_t count, int64_t limit_ms)
{
    struct pick pick = { .first_ms = INT64_MAX, .last_ms = INT64_MIN };

    for (size_t i = 0; i < count && pick.count < FAN_MAX; i++) {
        const struct block_stat *stat = &sorted[i]->stat;
        int64_t first = stat->first_ms < pick.first_ms ? stat->first_ms : pick.first_ms;
        int64_t last = stat->last_ms > pick.last_ms ? stat->last_ms : pick.last_ms;
        if (last - first > limit_ms || pick.bytes + stat->bytes > merge_bytes_max)
            break;
        pick.first_ms = first;
        pick.last_ms = last;
        pick.bytes += stat->bytes;
        pick.at[pick.count++] = sorted[i];
    }
    return pick;
}

/* The first that can be merged of one level; none: count is 0. */
static struct pick pick_of_level(const struct blocks_view *view, unsigned level, int64_t limit_ms)
{
    struct block **sorted = malloc((view->count + 1) * sizeof(*sorted));
    struct pick pick = { 0 };
    size_t count = 0;

    if (!sorted)
        out_of_memory(view->count * sizeof(*sorted));
    for (size_t i = 0; i < view->count; i++)
        if (view->at[i]->stat.level == level && !atomic_load(&view->at[i]->damaged))
            sorted[count++] = view->at[i];
    if (count > 1)
        qsort(sorted, count, sizeof(struct block *), by_first);
    for (size_t i = 0; i + FAN <= count; i++) {
        pick = pick_from(sorted + i, count - i, limit_ms);
        if (pick.count >= FAN && keeps_order(&pick, view))
            break;
        pick.count = 0;
    }
    free(sorted);
    return pick;
}

static err merge_once(struct blocks *blocks, enum block_kind kind, int64_t limit_ms, bool *ret_merged)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, kind);
    unsigned levels = 0;

    *ret_merged = false;
    for (size_t i = 0; i < view->count; i++)
        levels = view->at[i]->stat.level >= levels ? view->at[i]->stat.level + 1 : levels;
    for (unsigned level = 0; level < levels && !*ret_merged; level++) {
        struct pick pick = pick_of_level(view, level, limit_ms);
        if (pick.count == 0)
            continue;
        qsort(pick.at, pick.count, sizeof(struct block *), by_order);
        struct rewrite rewrite = { .from = pick.at,
                                   .count = pick.count,
                                   .to = kind,
                                   .level = level + 1,
                                   .start_ms = INT64_MIN,
                                   .end_ms = INT64_MAX,
                                   .replaces = true };
        TRY(FAILPOINT("tsdb.blocks.merge"));
        TRY(rewrite_blocks(blocks, &rewrite, view->deletions));
        *ret_merged = true;
    }
    return NULL;
}

/* ---- deletions ---- */

static bool has_deleted(const struct block *block, const struct deletion *deletion)
{
    int64_t width_ms = block_width_ms(block->kind);

    if (deletion->serial <= block->deletions || deletion->end_ms < block->stat.first_ms ||
        deletion->start_ms > block->stat.last_ms + (width_ms ? width_ms - 1 : 0))
        return false;
    for (size_t i = 0; i < deletion->count; i++)
        if (block_position(block, deletion->series[i]) != UINT32_MAX)
            return true;
    return false;
}

static bool is_needed(void *arg, const struct deletion *deletion)
{
    const struct blocks_view *view = arg;

    for (size_t i = 0; i < view->count; i++)
        if (has_deleted(view->at[i], deletion))
            return true;
    return false;
}

/* Is there a block file that is not in the view? It was replaced, a reader holds it, and a crash would bring it back.
 */
static bool files_linger(const struct blocks *blocks, const struct blocks_view *view)
{
    DIR *folder = opendir(blocks->folder);
    bool lingers = !folder;

    for (struct dirent *it; folder && !lingers && (it = readdir(folder));) {
        uint64_t number = block_number_of(it->d_name);
        lingers = number > 0;
        for (size_t i = 0; i < view->count && lingers; i++)
            lingers = view->at[i]->number != number;
    }
    if (folder)
        closedir(folder);
    return lingers;
}

static err forget_deletions(struct blocks *blocks)
{
    struct blocks_view *view CLEANUP(viewp) = blocks_view_of(blocks, BLOCK_KINDS);

    if (!deletion_set_after(view->deletions, NULL) || files_linger(blocks, view))
        return NULL;
    return deletions_forget(blocks->deletions, is_needed, view);
}

static bool clean_needed(const struct block *block, const struct deletion_set *set)
{
    for (const struct deletion *it = NULL; (it = deletion_set_after(set, it));)
        if (has_deleted(block, it))
            return true;
    return false;
}

err blocks_clean(struct blocks *blocks)
{
    struct blocks_view *view = blocks_view_of(blocks, BLOCK_KINDS);
    err e = NULL;

    for (size_t i = 0; !e && i < view->count; i++) {
        struct rewrite rewrite = { .from = &view->at[i],
                                   .count = 1,
                                   .to = view->at[i]->kind,
                                   .level = view->at[i]->stat.level,
                                   .start_ms = INT64_MIN,
                                   .end_ms = INT64_MAX,
                                   .replaces = true };
        if (clean_needed(view->at[i], view->deletions))
            e = rewrite_blocks(blocks, &rewrite, view->deletions);
    }
    blocks_view_free(view);
    return e ? e : forget_deletions(blocks);
}

static err merge_all(struct blocks *blocks, const struct blocks_policy *policy)
{
    const int64_t keep_ms[BLOCK_KINDS] = { policy->retention_ms, policy->minutes_ms, policy->hours_ms };

    TRY(cut_wide(blocks, span_limit(policy->retention_ms)));
    for (int kind = 0; kind < BLOCK_KINDS; kind++)
        for (bool merged = true; merged;)
            TRY(merge_once(blocks, (enum block_kind)kind, span_limit(keep_ms[kind]), &merged));
    return NULL;
}

err blocks_maintain(struct blocks *blocks, const struct blocks_policy *policy)
{
    TRY(save_damaged(blocks));
    if (policy->retention_ms > 0)
        TRY(drop_old(blocks, policy, BLOCK_SAMPLES, policy->retention_ms));
    TRY(drop_old(blocks, policy, BLOCK_MINUTES, policy->minutes_ms));
    TRY(drop_old(blocks, policy, BLOCK_HOURS, policy->hours_ms));
    TRY(drop_surplus(blocks, policy));
    err e = merge_all(blocks, policy);
    if (e && err_kind(e) == ERR_CORRUPT) { /* damage that nobody had met yet */
        log_err(e, "blocks can't be merged now");
        e = save_damaged(blocks);
    }
    return e ? e : forget_deletions(blocks);
}
