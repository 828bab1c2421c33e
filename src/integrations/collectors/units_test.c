/* units_test.c - processes, containers and systemd's units become samples; what is damaged is left out. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"
#include "ingest/collector.h"
#include "integrations/collectors/container.h"
#include "integrations/collectors/process.h"
#include "integrations/collectors/systemd.h"

static struct str written(struct batch *batch)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 4 << 20);
    batch_write(&out, batch);
    return str_copy(batch->arena, buf_str(&out));
}

TEST(process_line_is_parsed_whatever_its_name)
{
    struct process_stat stat;

    ASSERT_TRUE(process_parse(S("4711 (a ) (b) S 1 2 3 4 5 6 70 8 90 10 11 12 13 14 15 16 17 18 19 2000 21 "
                                "18446744073709551615 0\n"),
                              &stat));
    ASSERT_STR("a ) (b", stat.name);
    ASSERT_EQ_INT('S', stat.state);
    ASSERT_EQ_INT(1, stat.parent);
    ASSERT_EQ_INT(70, stat.minor_faults);
    ASSERT_EQ_INT(90, stat.major_faults);
    ASSERT_EQ_INT(11, stat.user_ticks);
    ASSERT_EQ_INT(12, stat.system_ticks);
    ASSERT_EQ_INT(17, stat.threads);
    ASSERT_EQ_INT(19, stat.start_ticks);
    ASSERT_EQ_INT(2000, stat.virtual_bytes);
    ASSERT_EQ_INT(21, stat.rss_pages);
    ASSERT_FALSE(process_parse(S("4711 (a) S 1 2 3"), &stat));
    ASSERT_FALSE(process_parse(S("4711 a S 1 2 3"), &stat));
    ASSERT_FALSE(process_parse(S(")("), &stat));
    ASSERT_FALSE(process_parse(S(""), &stat));
}

static const struct collector *collector_named(const char *name)
{
    FOR_EACH_REGISTERED (collector, it) {
        if (strcmp(it->name, name) == 0)
            return it;
    }
    return NULL;
}

/* A child that burns processor time is found, and its group's counter goes on after its end. */
TEST(process_counters_outlive_their_processes)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    const struct collector *collector = collector_named("process");
    unsigned char settings[256];
    struct call call = { .arena = arena, .deadline_ms = time_mono_ms() + 5000 };
    void *state = NULL;

    ASSERT_TRUE(collector->settings.size <= sizeof(settings));
    schema_defaults(arena, &collector->settings, settings);
    ASSERT_OK(collector->open(&call, settings, &state));
    double seconds[3] = { 0 };
    pid_t child = 0;
    for (int i = 0; i < 3; i++) {
        struct batch batch = batch_make(arena, time_now_ms(), S("process"), S("h"));
        if (i == 1) {
            child = fork();
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (volatile unsigned long k = 0;; k++)
                    ;
            }
            usleep(200000);
        }
        if (i == 2) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
        ASSERT_OK(collector->collect(&call, settings, state, &batch));
        for (size_t k = 0; k < batch.samples.count; k++) {
            struct labels labels = batch.samples.at[k].labels;
            if (str_eq(labels_get(labels, S("__name__")), S("namedprocess_namegroup_cpu_seconds_total")) &&
                str_eq(labels_get(labels, S("groupname")), S("unit_tests")) &&
                str_eq(labels_get(labels, S("mode")), S("user")))
                seconds[i] = batch.samples.at[k].value;
        }
    }
    ASSERT_TRUE(seconds[1] > seconds[0]);
    ASSERT_TRUE(seconds[2] >= seconds[1]);
    collector->close(state);
}

TEST(container_ids_are_told_from_other_names)
{
    struct str id;

    ASSERT_TRUE(container_id(S("docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"), &id));
    ASSERT_STR("0123456789ab", id);
    ASSERT_TRUE(container_id(S("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), &id));
    ASSERT_TRUE(container_id(S("lxc.payload.web"), &id));
    ASSERT_STR("web", id);
    ASSERT_FALSE(container_id(S("user.slice"), &id));
    ASSERT_FALSE(container_id(S("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"), &id));
    ASSERT_FALSE(container_id(S(""), &id));
}

static void put(struct arena *arena, const char *folder, const char *file, const char *text)
{
    ASSERT_OK(file_make_dirs(folder, 0700));
    ASSERT_OK(file_write(str_printf(arena, "%s/%s", folder, file).at, str_of(text), 0600));
}

#define CONTAINER "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"

TEST(container_of_version_2_gives_cadvisor_samples)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = batch_make(arena, 1700000000000, S("container"), S("h"));
    const char *root = test_folder();
    const char *folder = str_printf(arena, "%s/system.slice/" CONTAINER, root).at;

    put(arena, root, "cgroup.controllers", "cpu memory\n");
    put(arena, folder, "cpu.stat", "usage_usec 1500000\nuser_usec 1000000\nsystem_usec x\nnr_throttled 3\n");
    put(arena, folder, "memory.current", "1000\n");
    put(arena, folder, "memory.stat", "anon 300\nfile 700\ninactive_file 600\n");
    put(arena, folder, "memory.max", "max\n");
    put(arena, folder, "memory.events", "low 0\noom_kill 2\n");
    ASSERT_OK(container_look(&batch, str_of(root)));
    struct str text = written(&batch);
    ASSERT_CONTAINS("container_cpu_usage_seconds_total{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 1.5\n",
                    text);
    ASSERT_CONTAINS("container_memory_working_set_bytes{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 400\n",
                    text);
    ASSERT_CONTAINS("container_spec_memory_limit_bytes{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 0\n",
                    text);
    ASSERT_CONTAINS("container_oom_events_total{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 2\n", text);
    ASSERT_FALSE(str_contains(text, S("container_cpu_system_seconds_total")));
    ASSERT_EQ_INT(1, batch.resources.count);
    ASSERT_STR("container:0123456789ab", batch.resources.at[0].id);
}

TEST(container_of_version_1_gives_the_core_of_them)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = batch_make(arena, 1700000000000, S("container"), S("h"));
    const char *root = test_folder();

    put(arena, str_printf(arena, "%s/memory/docker/" CONTAINER, root).at, "memory.usage_in_bytes", "5000\n");
    put(arena, str_printf(arena, "%s/memory/docker/" CONTAINER, root).at, "memory.stat", "total_inactive_file 1000\n");
    put(arena, str_printf(arena, "%s/cpuacct/docker/" CONTAINER, root).at, "cpuacct.usage", "2500000000\n");
    ASSERT_OK(container_look(&batch, str_of(root)));
    struct str text = written(&batch);
    ASSERT_CONTAINS("container_cpu_usage_seconds_total{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 2.5\n",
                    text);
    ASSERT_CONTAINS("container_memory_working_set_bytes{id=\"0123456789ab\",instance=\"h\",job=\"container\"} 4000\n",
                    text);
}

TEST(containers_that_are_not_there_are_said_to_be_absent)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = batch_make(arena, 1700000000000, S("container"), S("h"));

    ASSERT_OK(container_look(&batch, str_of(test_folder())));
    ASSERT_CONTAINS("no containers", batch.absent);
    ASSERT_EQ_INT(0, batch.samples.count);
}

TEST(systemd_units_have_one_state_at_a_time)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = batch_make(arena, 1700000000000, S("systemd"), S("h"));
    const struct systemd_unit units[] = {
        { S("nginx.service"), S("loaded"), S("failed"), S("failed") },
        { S("ssh.service"), S("loaded"), S("active"), S("running") },
        { S("old.service"), S("not-found"), S("inactive"), S("dead") },
        { S("home.mount"), S("loaded"), S("active"), S("mounted") },
        { S("once.service"), S("loaded"), S("inactive"), S("dead") },
    };
    int64_t counts[5] = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        systemd_add_unit(&batch, S("h"), &units[i], counts);
    systemd_add_counts(&batch, counts);
    struct str text = written(&batch);
    ASSERT_CONTAINS(
        "node_systemd_unit_state{instance=\"h\",job=\"systemd\",name=\"nginx.service\",state=\"failed\"} 1\n", text);
    ASSERT_CONTAINS(
        "node_systemd_unit_state{instance=\"h\",job=\"systemd\",name=\"nginx.service\",state=\"active\"} 0\n", text);
    ASSERT_CONTAINS("node_systemd_units{instance=\"h\",job=\"systemd\",state=\"active\"} 2\n", text);
    ASSERT_FALSE(str_contains(text, S("home.mount")) || str_contains(text, S("old.service")));
    ASSERT_EQ_INT(15 + 5, batch.samples.count);
    ASSERT_EQ_INT(2, batch.resources.count);
    ASSERT_STR("service:h:nginx.service", batch.resources.at[0].id);
    ASSERT_STR("failed (failed)", batch.resources.at[0].detail);
}
