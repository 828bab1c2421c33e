/* target_test.c - relabelling, and what becomes a target. */
#include "scrape/target.h"

#include "base/test.h"
#include "schema/yaml.h"

static struct scrape_config config_of(struct arena *arena, const char *text)
{
    const struct json *json;
    struct scrape_config config;

    ASSERT_OK(yaml_parse(arena, str_of(text), "t.yml", &json));
    ASSERT_OK(schema_parse(&(struct schema_options){ .arena = arena, .file = "t.yml" }, scrape_section.schema, json,
                           &config));
    return config;
}

static bool make(struct arena *arena, const char *text, const char *address, struct target *ret_target)
{
    struct scrape_config *config = arena_alloc(arena, sizeof(*config));
    struct target_group group = { 0 };
    const struct relabel *relabel;
    bool dropped;

    *config = config_of(arena, text);
    *vec_push(&group.labels, arena) = (struct label){ S("__meta_env"), S("prod") };
    *vec_push(&group.labels, arena) = (struct label){ S("team"), S("db") };
    ASSERT_OK(relabel_compile(arena, config->relabel_configs.at, config->relabel_configs.count, &relabel));
    ASSERT_OK(target_make(arena, config, &(struct target_defaults){ 15000, 10000 }, relabel, &group, str_of(address),
                          ret_target, &dropped));
    return !dropped;
}

static void expect_labels(struct labels labels, const char *wanted)
{
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };

    labels_write_series(&out, labels);
    ASSERT_STR(wanted, buf_str(&out));
}

TEST(target_has_job_instance_and_the_labels_of_its_group)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct target target;

    ASSERT_TRUE(make(arena, "{job_name: node}", "db-1:9100", &target));
    expect_labels(target.labels, "{instance=\"db-1:9100\",job=\"node\",team=\"db\"}");
    ASSERT_STR("http://db-1:9100/metrics", target.url);
    ASSERT_EQ_INT(15000, target.interval_ms);
    ASSERT_EQ_INT(10000, target.timeout_ms);
    ASSERT_TRUE(make(arena,
                     "{job_name: blackbox, scheme: https, metrics_path: /probe, scrape_interval: 5s, "
                     "params: {module: [http_2xx, b c], x: [y]}}",
                     "h:1", &target));
    ASSERT_STR("https://h:1/probe?module=http_2xx&x=y&module=b%20c", target.url);
    ASSERT_EQ_INT(5000, target.timeout_ms); /* never longer than the interval */
}

TEST(target_is_what_relabelling_makes_of_it)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct target target;

    /* The way people probe with blackbox_exporter. */
    ASSERT_TRUE(make(arena,
                     "job_name: probe\nmetrics_path: /probe\nrelabel_configs:\n"
                     "  - {source_labels: [__address__], target_label: __param_target}\n"
                     "  - {source_labels: [__param_target], target_label: instance}\n"
                     "  - {target_label: __address__, replacement: '127.0.0.1:9115'}\n",
                     "https://example.org", &target));
    ASSERT_STR("http://127.0.0.1:9115/probe?target=https%3A%2F%2Fexample.org", target.url);
    expect_labels(target.labels, "{instance=\"https://example.org\",job=\"probe\",team=\"db\"}");
    ASSERT_TRUE(!make(arena, "job_name: a\nrelabel_configs: [{source_labels: [__meta_env], regex: prod, action: drop}]",
                      "h:1", &target));
    ASSERT_TRUE(!make(arena, "job_name: a\nrelabel_configs: [{source_labels: [__meta_env], regex: pro, action: keep}]",
                      "h:1", &target)); /* anchored */
    ASSERT_TRUE(make(arena, "job_name: a\nrelabel_configs: [{source_labels: [__meta_env], regex: 'p.*', action: keep}]",
                     "h:1", &target));
}

TEST(relabel_actions_do_what_prometheus_does)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct target target;

    ASSERT_TRUE(make(arena,
                     "job_name: a\nrelabel_configs:\n"
                     "  - {action: labelmap, regex: '__meta_(.+)'}\n"
                     "  - {source_labels: [env, team], separator: '-', target_label: both, regex: '(.*)-(.*)', "
                     "replacement: '${2}/$1'}\n"
                     "  - {source_labels: [both], target_label: loud, action: uppercase}\n"
                     "  - {source_labels: [__address__], target_label: shard, action: hashmod, modulus: 1000}\n"
                     "  - {action: labeldrop, regex: team}\n"
                     "  - {source_labels: [none], regex: 'x(.*)', target_label: never, replacement: y}\n"
                     "  - {target_label: env}\n",
                     "h:1", &target));
    expect_labels(target.labels, "{both=\"db/prod\",instance=\"h:1\",job=\"a\",loud=\"DB/PROD\",shard=\"59\"}");
}

TEST(target_groups_of_files_and_services)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct target_group *groups;
    size_t count;

    ASSERT_OK(target_groups_parse(
        arena, S("[{\"targets\": [\"a:1\", \"b:2\"], \"labels\": {\"x\": \"y\"}}, {\"targets\": []}]"), "f.json",
        &groups, &count));
    ASSERT_EQ_INT(2, count);
    ASSERT_STR("b:2", groups[0].addresses.at[1]);
    ASSERT_STR("y", groups[0].labels.at[0].value);
    ASSERT_OK(target_groups_parse(arena, S("- targets: ['a:1']\n  labels: {port: 80}\n"), "f.yml", &groups, &count));
    ASSERT_STR("80", groups[0].labels.at[0].value);
    err_free(target_groups_parse(arena, S("{}"), "f.yml", &groups, &count));
    err e CLEANUP(err_freep) = target_groups_parse(arena, S("[{\"targets\": [\"a:1\""), "half.json", &groups, &count);
    ASSERT_TRUE(e != NULL); /* half written */
}
