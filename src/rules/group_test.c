/* group_test.c - what a group tells of its alerts, and how much at a time. */
#include "rules/group.h"

#include "base/test.h"
#include "base/time.h"
#include "promql/script_source_test.h"

enum { ALERTS = 1000 };

static err drop_samples(struct sample_sink *sink, const struct sample_in *samples, size_t count)
{
    (void)sink, (void)samples, (void)count;
    return NULL;
}

struct told {
    size_t calls, alerts, most;
    size_t failing_call; /* 0: none */
};

static err tell(void *arg, const struct rule *rule, struct active_alert *const *alerts, size_t count)
{
    struct told *told = arg;

    (void)rule, (void)alerts;
    if (++told->calls == told->failing_call)
        return err_new(ERR_IO, "not now");
    told->alerts += count;
    if (count > told->most)
        told->most = count;
    return NULL;
}

TEST(group_tells_of_many_alerts_some_at_a_time_and_of_each_once)
{
    static const struct sample_sink_ops sink_ops = { .append = drop_samples };
    struct sample_sink sink = { &sink_ops };
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct script_source source;
    struct rule_file file;
    struct told told = { .failing_call = 3 };

    buf_add(&text, S("load 1m\n"));
    for (int i = 0; i < ALERTS; i++)
        buf_addf(&text, "  m{i=\"%d\"} 1 1\n", i);
    script_source_init(&source, arena);
    ASSERT_OK(script_source_load(&source, buf_str(&text)));
    ASSERT_OK(rule_file_parse(arena, S("groups:\n  - { name: g, rules: [ { alert: Many, expr: m } ] }\n"), "rules.yml",
                              &file));
    struct group *group = group_new(&(struct group_options){ .series = &source.source,
                                                             .samples = &sink,
                                                             .spec = &file.groups.at[0],
                                                             .file = "rules.yml",
                                                             .interval_ms = MINUTE_MS,
                                                             .changed = tell,
                                                             .arg = &told });
    group_evaluate(group, MINUTE_MS);
    ASSERT_EQ_INT(3, told.calls);
    ASSERT_TRUE(told.most <= ALERTS / 4);
    ASSERT_EQ_INT(2 * told.most, told.alerts);
    group_evaluate(group, MINUTE_MS + 1);
    ASSERT_EQ_INT(ALERTS, told.alerts);
    group_evaluate(group, MINUTE_MS + 2);
    ASSERT_EQ_INT(ALERTS, told.alerts);
    group_free(group, true);
}
