/* scraping.h - all targets of `scrape_configs`: found, scraped on time, shown.
 *
 * Owner: app/ starts it after the store and stops it before. Threads: any. Discovery and scrapes run on outside
 * threads, as both wait for others. */
#pragma once
#include "base/ticker.h"
#include "scrape/loop.h"

struct scraping;

struct scraping_options {
    struct config *config; /* a reference is taken */
    struct tsdb *tsdb;
    struct http_client *http;
    struct ticker *ticker;
    struct pool *outside;
};

err scraping_start(const struct scraping_options *options, struct scraping **ret_scraping) MUST_USE;
/* scraping_reload - all or nothing. Targets that are the same go on without a missed scrape. */
err scraping_reload(struct scraping *scraping, struct config *config) MUST_USE;
void scraping_stop(struct scraping *scraping);

struct scrape_pool_view {
    struct str job;
    struct str discovery_error; /* of the last discovery that failed; "" */
    struct loop_view *active;
    size_t active_count;
    struct labels *dropped; /* discovered labels */
    size_t dropped_count, dropped_total;
};
struct scraping_view {
    struct scrape_pool_view *pools;
    size_t count;
};
/* scraping_view - copies in the arena. */
void scraping_view(struct scraping *scraping, struct arena *arena, struct scraping_view *ret_view);
