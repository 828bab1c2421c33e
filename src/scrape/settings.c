/* settings.c - the fields of `scrape_configs`, under Prometheus' names and with its defaults. */
#include "scrape/settings.h"

static const struct field static_fields[] = {
    STRINGS(struct static_config, targets, .flags = F_REQUIRED, .doc = "host:port of each."),
    PAIRS(struct static_config, labels, .doc = "Labels of all of them."),
    { 0 },
};
static const struct schema static_schema = SCHEMA(struct static_config, static_fields, .doc = "Targets by name.");

static const struct field file_sd_fields[] = {
    STRINGS(struct file_sd_config, files, .flags = F_REQUIRED, .min = 1,
            .doc = "Patterns of .json, .yml, .yaml files."),
    DURATION(struct file_sd_config, refresh_interval, .def = "5m", .min = 1000, .max = 86400000.0,
             .doc = "Read again at least this often; a change is seen within five seconds."),
    { 0 },
};
static const struct schema file_sd_schema = SCHEMA(struct file_sd_config, file_sd_fields, .doc = "Targets in files.");

static const struct field http_sd_fields[] = {
    STRING(struct http_sd_config, url, .flags = F_REQUIRED, .doc = "Answers with a JSON list of target groups."),
    DURATION(struct http_sd_config, refresh_interval, .def = "1m", .min = 1000, .max = 86400000.0,
             .doc = "Asked this often."),
    { 0 },
};
static const struct schema http_sd_schema =
    SCHEMA(struct http_sd_config, http_sd_fields, .doc = "Targets from a web service.");

const char *const dns_types[] = { "SRV", "A", "AAAA", "MX", "NS", NULL };
static const struct field dns_sd_fields[] = {
    STRINGS(struct dns_sd_config, names, .flags = F_REQUIRED, .min = 1, .doc = "Names to look up."),
    ENUM(struct dns_sd_config, type, .words = dns_types, .def = "SRV", .doc = "Type of record."),
    INT(struct dns_sd_config, port, .def = "0", .min = 0, .max = 65535, .doc = "Port, where records have none."),
    DURATION(struct dns_sd_config, refresh_interval, .def = "30s", .min = 1000, .max = 86400000.0,
             .doc = "Asked this often."),
    { 0 },
};
static const struct schema dns_sd_schema = SCHEMA(struct dns_sd_config, dns_sd_fields, .doc = "Targets from the DNS.");

static const struct field basic_auth_fields[] = {
    STRING(struct basic_auth, username, .doc = "User."),
    STRING(struct basic_auth, username_file, .doc = "File that holds it."),
    STRING(struct basic_auth, password, .flags = F_SECRET, .doc = "Password."),
    STRING(struct basic_auth, password_file, .doc = "File that holds it; read at every scrape."),
    { 0 },
};
static const struct schema basic_auth_schema = SCHEMA(struct basic_auth, basic_auth_fields, .doc = "HTTP Basic.");

static const struct field authorization_fields[] = {
    STRING(struct authorization, type, .def = "Bearer", .doc = "First word of the header Authorization."),
    STRING(struct authorization, credentials, .flags = F_SECRET, .doc = "What follows it."),
    STRING(struct authorization, credentials_file, .doc = "File that holds it; read at every scrape."),
    { 0 },
};
static const struct schema authorization_schema =
    SCHEMA(struct authorization, authorization_fields, .doc = "The header Authorization.");

static const struct field tls_fields[] = {
    STRING(struct tls_settings, ca_file, .doc = "PEM file of the authority; empty: the system's."),
    STRING(struct tls_settings, cert_file, .doc = "Our certificate, where the target asks for one."),
    STRING(struct tls_settings, key_file, .doc = "Its key."),
    BOOL(struct tls_settings, insecure_skip_verify, .doc = "Take any certificate."),
    { 0 },
};
static const struct schema tls_schema = SCHEMA(struct tls_settings, tls_fields, .doc = "TLS towards targets.");

static void check_config(const void *object, struct str path, err *e)
{
    const struct scrape_config *config = object;
    struct buf where CLEANUP(buf_clear) = { .max = 4096 };

    buf_addf(&where, "%.*sscrape_timeout", STR_ARG(path));
    if (config->scrape_interval.ms && config->scrape_timeout.ms > config->scrape_interval.ms)
        err_add_field(e, ERR_INVALID, buf_c(&where), "longer than scrape_interval");
    buf_reset(&where);
    buf_addf(&where, "%.*sscheme", STR_ARG(path));
    if (!str_eq(config->scheme, S("http")) && !str_eq(config->scheme, S("https")))
        err_add_field(e, ERR_INVALID, buf_c(&where), "must be http or https");
    buf_reset(&where);
    buf_addf(&where, "%.*sauthorization", STR_ARG(path));
    if (config->authorization && config->basic_auth)
        err_add_field(e, ERR_INVALID, buf_c(&where), "at most one of basic_auth and authorization");
    buf_reset(&where);
    buf_addf(&where, "%.*sparams", STR_ARG(path));
    if (config->params && config->params->type != JSON_OBJECT)
        err_add_field(e, ERR_INVALID, buf_c(&where), "must be a mapping of names to lists");
}

static const struct field scrape_fields[] = {
    STRING(struct scrape_config, job_name, .flags = F_REQUIRED, .min = 1, .doc = "Label job of its targets; unique."),
    DURATION(struct scrape_config, scrape_interval, .def = "0s", .max = 86400000.0,
             .doc = "How often; 0: as global says."),
    DURATION(struct scrape_config, scrape_timeout, .def = "0s", .max = 86400000.0,
             .doc = "Give up after; 0: as global says."),
    STRING(struct scrape_config, metrics_path, .def = "/metrics", .doc = "Path."),
    STRING(struct scrape_config, scheme, .def = "http", .doc = "http or https."),
    ANY(struct scrape_config, params, .doc = "Query parameters: name: [values]."),
    BOOL(struct scrape_config, honor_labels, .doc = "Labels of the target win over job and instance."),
    BOOL(struct scrape_config, honor_timestamps, .def = "true", .doc = "Timestamps of the target are taken."),
    OPTIONAL(struct scrape_config, basic_auth, .schema = &basic_auth_schema, .doc = "HTTP Basic."),
    OPTIONAL(struct scrape_config, authorization, .schema = &authorization_schema, .doc = "The header Authorization."),
    STRUCT(struct scrape_config, tls_config, .schema = &tls_schema, .doc = "TLS."),
    SIZE(struct scrape_config, body_size_limit, .def = "0", .doc = "Larger answers fail; 0: 64 MiB."),
    INT(struct scrape_config, sample_limit, .def = "0", .max = -1, .doc = "More samples fail the scrape; 0: no limit."),
    INT(struct scrape_config, label_limit, .def = "0", .max = -1, .doc = "Labels of a series; 0: no limit."),
    INT(struct scrape_config, label_name_length_limit, .def = "0", .max = -1, .doc = "Bytes; 0: no limit."),
    INT(struct scrape_config, label_value_length_limit, .def = "0", .max = -1, .doc = "Bytes; 0: no limit."),
    INT(struct scrape_config, target_limit, .def = "0", .max = -1,
        .doc = "More targets: none is scraped; 0: no limit."),
    LIST(struct scrape_config, static_configs, .schema = &static_schema, .doc = "Targets by name."),
    LIST(struct scrape_config, file_sd_configs, .schema = &file_sd_schema, .doc = "Targets in files."),
    LIST(struct scrape_config, http_sd_configs, .schema = &http_sd_schema, .doc = "Targets from web services."),
    LIST(struct scrape_config, dns_sd_configs, .schema = &dns_sd_schema, .doc = "Targets from the DNS."),
    LIST(struct scrape_config, relabel_configs, .schema = &relabel_config_schema, .doc = "Rewrites targets."),
    LIST(struct scrape_config, metric_relabel_configs, .schema = &relabel_config_schema, .doc = "Rewrites series."),
    { 0 },
};
static const struct schema scrape_schema =
    SCHEMA(struct scrape_config, scrape_fields, .doc = "Targets of one kind, scraped as Prometheus does.",
           .check = check_config);
const struct config_section scrape_section = { .key = "scrape_configs", .schema = &scrape_schema, .is_list = true };
REGISTER(config_section, scrape_section);
