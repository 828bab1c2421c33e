/* metas.h - within the room: what is known about metrics, by name.
 *
 * Owner: the head. Threads: any; one lock, a leaf. */
#pragma once
#include "model/series_source.h"
#include "tsdb/slots.h"

#include <pthread.h>

enum { METAS_MAX = 200000 }; /* further names are not described */

struct metas {
    pthread_mutex_t lock;
    VEC(struct metric_meta) all; /* each with its texts in one malloc'd block, at name.at */
    struct slots by_name;        /* 1 + place */
};

void metas_init(struct metas *metas);
void metas_clear(struct metas *metas);
/* metas_put - false where nothing is new. */
bool metas_put(struct metas *metas, const struct metric_meta *meta);
/* metas_get - copies, by name: all, or those of `name` where it is not empty. */
void metas_get(struct metas *metas, struct arena *arena, struct str name, struct metric_meta_list *ret_list);
