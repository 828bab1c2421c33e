/* blocks.c - the set of blocks of a folder: opened, shown as views, replaced, set aside. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "tsdb/blocks_set.h"

static void *allocate(size_t bytes)
{
    void *at = calloc(1, bytes ? bytes : 1);

    if (!at)
        out_of_memory(bytes);
    return at;
}

static bool goes_before(const struct block *a, const struct block *b)
{
    return a->stat.order != b->stat.order ? a->stat.order < b->stat.order : a->number < b->number;
}

static void insert_locked(struct blocks *blocks, struct block *block)
{
    size_t at = blocks->list.count;

    *vec_push(&blocks->list, NULL) = block;
    for (; at > 0 && goes_before(block, blocks->list.at[at - 1]); at--)
        blocks->list.at[at] = blocks->list.at[at - 1];
    blocks->list.at[at] = block;
}

static bool remove_locked(struct blocks *blocks, const struct block *block)
{
    for (size_t i = 0; i < blocks->list.count; i++)
        if (blocks->list.at[i] == block) {
            memmove(&blocks->list.at[i], &blocks->list.at[i + 1],
                    (blocks->list.count - i - 1) * sizeof(*blocks->list.at));
            blocks->list.count--;
            return true;
        }
    return false;
}

static void remember_bad(struct blocks *blocks, const char *bad)
{
    bool known = false;

    pthread_mutex_lock(&blocks->lock);
    for (size_t i = 0; i < blocks->bad.count; i++)
        known |= !strcmp(blocks->bad.at[i], bad);
    if (!known)
        *vec_push(&blocks->bad, NULL) = strdup(bad);
    pthread_mutex_unlock(&blocks->lock);
}

static void rename_bad(struct blocks *blocks, const char *path)
{
    char bad[4200];

    snprintf(bad, sizeof(bad), "%s.bad", path);
    for (int i = 2; file_exists(bad) && i < 1000; i++)
        snprintf(bad, sizeof(bad), "%s.bad.%d", path, i);
    if (rename(path, bad))
        log_err(err_errno("can't rename %s to %s", path, bad), "block");
    remember_bad(blocks, bad);
}

err blocks_keep_bad(struct blocks *blocks, const char *path)
{
    char bad[4200];

    snprintf(bad, sizeof(bad), "%s.bad", path);
    if (link(path, bad) && errno != EEXIST) /* numbers are not used again: it is this one, of an earlier try */
        return err_errno("can't link %s to %s", path, bad);
    remember_bad(blocks, bad);
    return NULL;
}

/* ---- opening ---- */

/* One file of the folder: leftovers of writing go, blocks are opened, damaged ones set aside. */
static err open_one(struct blocks *blocks, const char *name)
{
    char path[4200];
    struct block *block;
    uint64_t number = block_number_of(name);

    snprintf(path, sizeof(path), "%s/%s", blocks->folder, name);
    if (str_ends(str_of(name), S(".block.new")) ||
        (str_starts(str_of(name), S("deletions.")) && str_ends(str_of(name), S(".tmp")))) {
        unlink(path);
        return NULL;
    }
    if (number == 0)
        return NULL;
    if (blocks->next_number <= number)
        blocks->next_number = number + 1;
    err e = block_open(path, &block);
    if (!e) {
        insert_locked(blocks, block);
        return NULL;
    }
    if (err_kind(e) != ERR_CORRUPT)
        return e;
    rename_bad(blocks, path);
    log_err(err_hint(e, "It was set aside as %s.bad; the rest is served.", path), "block");
    return NULL;
}

static err open_all(struct blocks *blocks)
{
    DIR *folder = opendir(blocks->folder);
    err e = NULL;

    if (!folder)
        return err_errno("can't read %s", blocks->folder);
    for (struct dirent *it; !e && (it = readdir(folder));)
        e = open_one(blocks, it->d_name);
    closedir(folder);
    return e;
}

/* Replaced blocks that a crash left: their successor is there. */
static void heal(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->list.count; i++) {
        const struct block *block = blocks->list.at[i];
        for (size_t j = 0; j < block->replaced_count; j++)
            for (size_t k = 0; k < blocks->list.count; k++)
                if (blocks->list.at[k]->number == block->replaced[j])
                    atomic_store(&blocks->list.at[k]->removed, true);
    }
    size_t kept = 0;
    for (size_t i = 0; i < blocks->list.count; i++)
        if (atomic_load(&blocks->list.at[i]->removed))
            block_unref(blocks->list.at[i]);
        else
            blocks->list.at[kept++] = blocks->list.at[i];
    blocks->list.count = kept;
}

static err open_deletions(struct blocks *blocks)
{
    char path[4200];

    snprintf(path, sizeof(path), "%s/deletions", blocks->folder);
    err e = deletions_open(path, &blocks->deletions);
    if (e && err_kind(e) == ERR_CORRUPT) {
        rename_bad(blocks, path);
        log_err(err_hint(e, "It was set aside as %s.bad; what was deleted of older blocks may show again.", path),
                "deletions");
        e = deletions_open(path, &blocks->deletions);
    }
    for (size_t i = 0; !e && i < blocks->list.count; i++)
        deletions_reach(blocks->deletions, blocks->list.at[i]->deletions);
    return e;
}

void blocks_bad(struct blocks *blocks, struct arena *arena, struct str_list *ret_bad)
{
    pthread_mutex_lock(&blocks->lock);
    ret_bad->count = blocks->bad.count;
    ret_bad->at = arena_array(arena, ret_bad->count, sizeof(*ret_bad->at));
    for (size_t i = 0; i < ret_bad->count; i++)
        ret_bad->at[i] = str_copy(arena, str_of(blocks->bad.at[i]));
    pthread_mutex_unlock(&blocks->lock);
}

static void closep(struct blocks **blocks)
{
    blocks_close(*blocks);
}

err blocks_open(const char *folder, struct arena *arena, struct str_list *ret_bad, struct blocks **ret_blocks)
{
    struct blocks *blocks CLEANUP(closep) = allocate(sizeof(*blocks));

    blocks->folder = strdup(folder);
    blocks->next_number = 1;
    pthread_mutex_init(&blocks->lock, NULL);
    TRY(file_make_dirs(folder, 0700));
    TRY(open_all(blocks));
    heal(blocks);
    TRY(open_deletions(blocks));
    blocks_bad(blocks, arena, ret_bad);
    *ret_blocks = TAKE(blocks);
    return NULL;
}

void blocks_stop(struct blocks *blocks)
{
    atomic_store(&blocks->stopping, true);
}

void blocks_close(struct blocks *blocks)
{
    if (!blocks)
        return;
    for (size_t i = 0; i < blocks->list.count; i++)
        block_unref(blocks->list.at[i]);
    for (size_t i = 0; i < blocks->bad.count; i++)
        free(blocks->bad.at[i]);
    vec_clear(&blocks->list);
    vec_clear(&blocks->bad);
    deletions_close(blocks->deletions);
    pthread_mutex_destroy(&blocks->lock);
    free(blocks->folder);
    free(blocks);
}

/* ---- changing ---- */

struct str blocks_next_path(struct blocks *blocks, struct arena *arena)
{
    pthread_mutex_lock(&blocks->lock);
    uint64_t number = blocks->next_number++;
    pthread_mutex_unlock(&blocks->lock);
    return str_printf(arena, "%s/%08llu.block", blocks->folder, (unsigned long long)number);
}

err blocks_replace(struct blocks *blocks, const char *path, struct block *const *old, size_t old_count)
{
    struct block *block = NULL;

    TRY(FAILPOINT("tsdb.blocks.replace"));
    if (path)
        TRY(block_open(path, &block));
    pthread_mutex_lock(&blocks->lock);
    for (size_t i = 0; i < old_count; i++)
        remove_locked(blocks, old[i]);
    if (block)
        insert_locked(blocks, block);
    pthread_mutex_unlock(&blocks->lock);
    err e = FAILPOINT("tsdb.blocks.remove"); /* then they go at the next start */
    for (size_t i = 0; i < old_count; i++) {
        atomic_store(&old[i]->removed, e == NULL);
        block_unref(old[i]);
    }
    return e;
}

err blocks_add(struct blocks *blocks, const char *path)
{
    return blocks_replace(blocks, path, NULL, 0);
}

err blocks_delete(struct blocks *blocks, const uint32_t *series, size_t count, int64_t start_ms, int64_t end_ms)
{
    return count > 0 ? deletions_add(blocks->deletions, series, count, start_ms, end_ms) : NULL;
}

uint64_t blocks_deletions(struct blocks *blocks)
{
    return deletions_serial(blocks->deletions);
}

/* ---- views ---- */

struct blocks_view *blocks_view_of(struct blocks *blocks, enum block_kind kind)
{
    struct blocks_view *view = allocate(sizeof(*view));

    pthread_mutex_lock(&blocks->lock);
    view->at = allocate(blocks->list.count * sizeof(*view->at));
    for (size_t i = 0; i < blocks->list.count; i++)
        if (kind == BLOCK_KINDS || blocks->list.at[i]->kind == kind)
            view->at[view->count++] = block_ref(blocks->list.at[i]);
    view->deletions = deletions_now(blocks->deletions);
    pthread_mutex_unlock(&blocks->lock);
    return view;
}

struct blocks_view *blocks_view(struct blocks *blocks)
{
    return blocks_view_of(blocks, BLOCK_SAMPLES);
}

void blocks_view_free(struct blocks_view *view)
{
    if (!view)
        return;
    for (size_t i = 0; i < view->count; i++)
        block_unref(view->at[i]);
    deletion_set_unref(view->deletions);
    free(view->at);
    free(view);
}

size_t blocks_view_count(const struct blocks_view *view)
{
    return view->count;
}

struct block_stat blocks_view_stat(const struct blocks_view *view, size_t index)
{
    struct block_stat stat = view->at[index]->stat;

    stat.damaged = atomic_load(&view->at[index]->damaged);
    return stat;
}

bool blocks_view_has(const struct blocks_view *view, uint32_t series)
{
    for (size_t i = view->count; i-- > 0;)
        if (block_position(view->at[i], series) != UINT32_MAX)
            return true;
    return false;
}

bool blocks_view_touches(const struct blocks_view *view, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    for (size_t i = view->count; i-- > 0;)
        if (view->at[i]->stat.first_ms <= end_ms && view->at[i]->stat.last_ms >= start_ms &&
            block_position(view->at[i], series) != UINT32_MAX)
            return true;
    return false;
}

uint32_t blocks_order(const struct blocks_view *view, uint32_t series)
{
    const struct block *largest = NULL;

    for (size_t i = 0; i < view->count; i++)
        if (!largest || view->at[i]->stat.series > largest->stat.series)
            largest = view->at[i];
    return largest ? block_position(largest, series) : UINT32_MAX;
}

err blocks_series(const struct blocks_view *view, size_t index, block_series found, void *arg)
{
    struct labels_reader reader;
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    uint32_t *ids = block_ids(view->at[index]);
    bool more = true;
    err e = NULL;

    labels_reader_init(&reader, view->at[index], zstd);
    while (!e && more) {
        e = labels_reader_next(&reader, &more);
        if (!e && more)
            e = found(arg, ids[reader.position - 1], reader.labels);
    }
    labels_reader_clear(&reader);
    free(ids);
    ZSTD_freeDCtx(zstd);
    return e;
}
