/* discovery.h - where targets come from: one provider a way, each asked on its interval.
 *
 * Owner: a job of scraping. Threads: provider_ask from one at a time; it may block until its deadline. */
#pragma once
#include "net/http_client.h"
#include "scrape/target.h"

struct provider {
    const struct scrape_config *config;
    const char *folder; /* of the configuration: paths are relative to it */
    struct http_client *http;
    const void *settings; /* struct static_config, file_sd_config, ... */
    err (*ask)(const struct provider *provider, struct arena *arena, struct target_group **ret_groups,
               size_t *ret_count);
    int64_t interval_ms; /* 0: once */
};

struct provider_list {
    struct provider *at;
    size_t count;
};
/* providers_of - of a scrape configuration, static ones first. */
struct provider_list providers_of(struct arena *arena, const struct scrape_config *config, const char *folder,
                                  struct http_client *http);
