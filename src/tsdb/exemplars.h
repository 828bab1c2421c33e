/* exemplars.h - within the room: the newest exemplars, in a ring.
 *
 * Owner: the head. Threads: any; one lock, a leaf. */
#pragma once
#include "model/series_source.h"
#include "tsdb/slots.h"

#include <pthread.h>

enum { EXEMPLARS_MAX = 100000 };

struct kept_exemplar {
    uint32_t series;
    struct exemplar exemplar; /* labels and texts in one malloc'd block */
};

struct exemplars {
    pthread_mutex_t lock;
    VEC(struct kept_exemplar) ring;
    size_t next;         /* to be overwritten, once the ring is full */
    struct slots newest; /* of each series: 1 + place */
    uint64_t added;
};

void exemplars_init(struct exemplars *exemplars);
void exemplars_clear(struct exemplars *exemplars);
/* exemplars_add - false where the newest of the series is just the same. */
bool exemplars_add(struct exemplars *exemplars, uint32_t series, const struct exemplar *exemplar);
/* exemplars_visit - all, the oldest first; an err ends it. What `found` gets lives during the call. */
err exemplars_visit(struct exemplars *exemplars,
                    err (*found)(void *arg, uint32_t series, const struct exemplar *exemplar), void *arg) MUST_USE;
