/* settings.h - `scrape_configs`, as Prometheus has it.
 *
 * Owner: the configuration they stand in. Threads: immutable. */
#pragma once
#include "schema/config.h"
#include "scrape/relabel.h"

struct static_config {
    VEC(struct str) targets;
    VEC(struct pair) labels;
};

struct file_sd_config {
    VEC(struct str) files;
    struct duration refresh_interval;
};

struct http_sd_config {
    struct str url;
    struct duration refresh_interval;
};

struct dns_sd_config {
    VEC(struct str) names;
    int type; /* index into SRV, A, AAAA, MX, NS */
    int64_t port;
    struct duration refresh_interval;
};

struct basic_auth {
    struct str username, username_file, password, password_file;
};

struct authorization {
    struct str type, credentials, credentials_file;
};

struct tls_settings {
    struct str ca_file, cert_file, key_file;
    bool insecure_skip_verify;
};

struct scrape_config {
    struct str job_name, metrics_path, scheme;
    struct duration scrape_interval, scrape_timeout; /* 0: as global says */
    const struct json *params;                       /* name: [values] */
    bool honor_labels, honor_timestamps;
    struct basic_auth *basic_auth;
    struct authorization *authorization;
    struct tls_settings tls_config;
    int64_t body_size_limit, sample_limit, label_limit, label_name_length_limit, label_value_length_limit, target_limit;
    VEC(struct static_config) static_configs;
    VEC(struct file_sd_config) file_sd_configs;
    VEC(struct http_sd_config) http_sd_configs;
    VEC(struct dns_sd_config) dns_sd_configs;
    VEC(struct relabel_config) relabel_configs, metric_relabel_configs;
};
extern const struct config_section scrape_section;
extern const char *const dns_types[];
