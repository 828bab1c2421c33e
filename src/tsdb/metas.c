/* metas.c - kind, help and unit of metrics. */
#include "tsdb/metas.h"

#include <stdlib.h>
#include <string.h>

void metas_init(struct metas *metas)
{
    *metas = (struct metas){ 0 };
    pthread_mutex_init(&metas->lock, NULL);
}

void metas_clear(struct metas *metas)
{
    for (size_t i = 0; i < metas->all.count; i++)
        free((char *)metas->all.at[i].name.at);
    vec_clear(&metas->all);
    slots_clear(&metas->by_name);
    pthread_mutex_destroy(&metas->lock);
}

static struct metric_meta *find_locked(struct metas *metas, struct str name)
{
    uint32_t hash = (uint32_t)str_hash(name);

    for (uint32_t at = hash, i; (i = slots_next(&metas->by_name, hash, &at));)
        if (str_eq(metas->all.at[i - 1].name, name))
            return &metas->all.at[i - 1];
    return NULL;
}

static struct metric_meta meta_keep(const struct metric_meta *meta)
{
    const struct str *texts[] = { &meta->name, &meta->help, &meta->unit };
    struct metric_meta kept = { .kind = meta->kind };
    struct str *copies[] = { &kept.name, &kept.help, &kept.unit };
    char *at = malloc(meta->name.length + meta->help.length + meta->unit.length + 1);

    if (!at)
        out_of_memory(meta->help.length);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i]->length)
            memcpy(at, texts[i]->at, texts[i]->length);
        *copies[i] = (struct str){ at, texts[i]->length };
        at += texts[i]->length;
    }
    return kept;
}

bool metas_put(struct metas *metas, const struct metric_meta *meta)
{
    pthread_mutex_lock(&metas->lock);
    struct metric_meta *there = find_locked(metas, meta->name);
    bool changed =
        !there || there->kind != meta->kind || !str_eq(there->help, meta->help) || !str_eq(there->unit, meta->unit);
    if (changed && there) {
        struct metric_meta kept = meta_keep(meta);
        free((char *)there->name.at);
        *there = kept;
    } else if (changed && metas->all.count < METAS_MAX) {
        *vec_push(&metas->all, NULL) = meta_keep(meta);
        slots_add(&metas->by_name, (uint32_t)str_hash(meta->name), (uint32_t)metas->all.count);
    }
    pthread_mutex_unlock(&metas->lock);
    return changed;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct metric_meta *)a)->name, ((const struct metric_meta *)b)->name);
}

static struct metric_meta meta_copy(struct arena *arena, const struct metric_meta *meta)
{
    return (struct metric_meta){ str_copy(arena, meta->name), str_copy(arena, meta->help), str_copy(arena, meta->unit),
                                 meta->kind };
}

void metas_get(struct metas *metas, struct arena *arena, struct str name, struct metric_meta_list *ret_list)
{
    pthread_mutex_lock(&metas->lock);
    const struct metric_meta *one = name.length ? find_locked(metas, name) : NULL;
    size_t count = name.length ? one != NULL : metas->all.count;
    struct metric_meta *list = arena_array(arena, count, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = meta_copy(arena, one ? one : &metas->all.at[i]);
    pthread_mutex_unlock(&metas->lock);
    if (count)
        qsort(list, count, sizeof(*list), by_name);
    *ret_list = (struct metric_meta_list){ list, count };
}
