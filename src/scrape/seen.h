/* seen.h - which series the lines of a target became, and which of them the last scrape had.
 *
 * Owner: a loop. Threads: one at a time. 16 bytes a line, in a table that grows. */
#pragma once
#include "base/str.h"

#define SEEN_DROPPED UINT32_MAX

struct seen;

struct seen_series {
    uint64_t hash;   /* of the line's series; 0: free */
    uint32_t series; /* 0: not known yet; SEEN_DROPPED: not wanted */
    uint32_t round;  /* the last one that had it */
};

struct seen *seen_new(void);
void seen_free(struct seen *seen);
void seen_begin(struct seen *seen); /* a scrape begins */
/* seen_get - of the bytes of a series, made where it is new. It moves with the next seen_get. */
struct seen_series *seen_get(struct seen *seen, struct str series);
void seen_mark(struct seen *seen, struct seen_series *series); /* this scrape has it */
/* seen_end - call `ended` with each series that the scrape before had and this one has not; forgets lines that were not
 * there for some scrapes. */
void seen_end(struct seen *seen, void (*ended)(void *arg, uint32_t series), void *arg);
/* seen_reset - lines are met anew, as the rules that decided about them changed; series that the next scrape does not
 * have, whatever its lines become, end then. */
void seen_reset(struct seen *seen);
