/* exemplars.c - a ring that overwrites its oldest. */
#include "tsdb/exemplars.h"

#include <stdlib.h>
#include <string.h>

void exemplars_init(struct exemplars *exemplars)
{
    *exemplars = (struct exemplars){ 0 };
    pthread_mutex_init(&exemplars->lock, NULL);
}

void exemplars_clear(struct exemplars *exemplars)
{
    for (size_t i = 0; i < exemplars->ring.count; i++)
        free((void *)exemplars->ring.at[i].exemplar.labels.at);
    vec_clear(&exemplars->ring);
    slots_clear(&exemplars->newest);
    pthread_mutex_destroy(&exemplars->lock);
}

static struct str put_text(char **at, struct str text)
{
    struct str copy = { *at, text.length };

    if (text.length)
        memcpy(*at, text.at, text.length);
    *at += text.length;
    return copy;
}

static struct labels labels_keep(struct labels labels)
{
    size_t size = labels.count * sizeof(struct label) + 1;

    for (size_t i = 0; i < labels.count; i++)
        size += labels.at[i].name.length + labels.at[i].value.length;
    struct label *at = malloc(size);
    if (!at)
        out_of_memory(size);
    char *text = (char *)(at + labels.count);
    for (size_t i = 0; i < labels.count; i++)
        at[i] = (struct label){ put_text(&text, labels.at[i].name), put_text(&text, labels.at[i].value) };
    return (struct labels){ at, labels.count };
}

static bool same(const struct exemplar *a, const struct exemplar *b)
{
    uint64_t a_bits, b_bits;

    memcpy(&a_bits, &a->value, sizeof(a_bits));
    memcpy(&b_bits, &b->value, sizeof(b_bits));
    return a->time_ms == b->time_ms && a_bits == b_bits && labels_eq(a->labels, b->labels);
}

bool exemplars_add(struct exemplars *exemplars, uint32_t series, const struct exemplar *exemplar)
{
    uint32_t hash = series * 2654435761u, at = hash;

    pthread_mutex_lock(&exemplars->lock);
    uint32_t before = 0;
    while ((before = slots_next(&exemplars->newest, hash, &at)) && exemplars->ring.at[before - 1].series != series)
        ;
    if (before && same(&exemplars->ring.at[before - 1].exemplar, exemplar)) {
        pthread_mutex_unlock(&exemplars->lock);
        return false;
    }
    if (before)
        slots_remove(&exemplars->newest, hash, before);
    size_t place = exemplars->ring.count;
    if (place < EXEMPLARS_MAX) {
        vec_push(&exemplars->ring, NULL);
    } else {
        place = exemplars->next;
        exemplars->next = (place + 1) % EXEMPLARS_MAX;
        struct kept_exemplar *old = &exemplars->ring.at[place];
        uint32_t old_hash = old->series * 2654435761u, old_at = old_hash, newest;
        while ((newest = slots_next(&exemplars->newest, old_hash, &old_at)) && newest != place + 1)
            ;
        if (newest)
            slots_remove(&exemplars->newest, old_hash, newest);
        free((void *)old->exemplar.labels.at);
    }
    exemplars->ring.at[place] =
        (struct kept_exemplar){ series, { labels_keep(exemplar->labels), exemplar->time_ms, exemplar->value } };
    slots_add(&exemplars->newest, hash, (uint32_t)place + 1);
    exemplars->added++;
    pthread_mutex_unlock(&exemplars->lock);
    return true;
}

err exemplars_visit(struct exemplars *exemplars,
                    err (*found)(void *arg, uint32_t series, const struct exemplar *exemplar), void *arg)
{
    err e = NULL;

    pthread_mutex_lock(&exemplars->lock);
    for (size_t i = 0; i < exemplars->ring.count && !e; i++) {
        const struct kept_exemplar *kept = &exemplars->ring.at[(exemplars->next + i) % exemplars->ring.count];
        e = found(arg, kept->series, &kept->exemplar);
    }
    pthread_mutex_unlock(&exemplars->lock);
    return e;
}
