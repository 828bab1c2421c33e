/* loop.h - one target that is scraped again and again: fetch, read, store, say how it went.
 *
 * Owner: struct scraping. Threads: loop_scrape from one at a time; loop_view from any.
 *
 * DESIGN. A loop remembers for each line's bytes which series it became, so that labels are taken apart, relabelled and
 * looked up once. What a scrape no longer has gets a stale marker, and so does everything when a scrape fails. */
#pragma once
#include "net/http_client.h"
#include "scrape/target.h"
#include "tsdb/tsdb.h"

struct loop;

struct loop_options {
    const struct scrape_config *config; /* lives as long as the loop */
    const struct target *target;        /* the same */
    struct tsdb *tsdb;
    struct http_client *http;
};

/* loop_new - ERR_INVALID where its relabelling rules are wrong. */
err loop_new(const struct loop_options *options, struct loop **ret_loop) MUST_USE;
/* loop_adopt - go on where an older loop of the same target stands: what vanishes at the change ends all the same. */
void loop_adopt(struct loop *loop, struct loop *older);
/* loop_free - `ended`: the target is gone, so its series end. */
void loop_free(struct loop *loop, bool ended);
void loop_scrape(struct loop *loop, int64_t time_ms);

enum target_health { TARGET_UNKNOWN, TARGET_UP, TARGET_DOWN };
struct loop_view {
    struct target target; /* a copy */
    enum target_health health;
    struct str last_error;
    int64_t scraped_at_ms; /* 0: never */
    double took_seconds;
    uint64_t samples;
};
void loop_view(struct loop *loop, struct arena *arena, struct loop_view *ret_view);
