/* otlp_names_test.c - names of metrics, units and attributes. */
#include "base/test.h"
#include "ingest/otlp_names.h"

TEST(otlp_metric_names_get_units_and_suffixes)
{
    static const struct {
        struct str name, unit;
        enum otlp_kind kind;
        bool monotonic;
        const char *expected;
    } table[] = {
        { S("http.server.duration"), S("ms"), OTLP_HISTOGRAM, false, "http_server_duration_milliseconds" },
        { S("system.io"), S("foo/bar"), OTLP_GAUGE, false, "system_io_foo_per_bar" },
        { S("system.disk.io"), S("By"), OTLP_SUM, true, "system_disk_io_bytes_total" },
        { S("http_request_bytes"), S("By"), OTLP_SUM, true, "http_request_bytes_total" },
        { S("requests_total"), S("{requests}"), OTLP_SUM, true, "requests_total" },
        { S("total.requests"), S(""), OTLP_SUM, true, "requests_total" },
        { S("queue.length"), S("{items}"), OTLP_SUM, false, "queue_length" },
        { S("cpu.utilization"), S("1"), OTLP_GAUGE, false, "cpu_utilization_ratio" },
        { S("cpu.utilization"), S("1"), OTLP_SUM, true, "cpu_utilization_total" },
        { S("ratio.of.cpu"), S("1"), OTLP_GAUGE, false, "of_cpu_ratio" },
        { S("fan.speed"), S("{rotations}/s"), OTLP_GAUGE, false, "fan_speed_per_second" },
        { S("net.rate"), S("By/s"), OTLP_GAUGE, false, "net_rate_bytes_per_second" },
        { S("net.bytes.rate"), S("By/s"), OTLP_GAUGE, false, "net_bytes_rate_per_second" },
        { S("temperature"), S("Cel"), OTLP_GAUGE, false, "temperature_celsius" },
        { S("load"), S("%"), OTLP_GAUGE, false, "load_percent" },
        { S("cpu_seconds"), S("s"), OTLP_GAUGE, false, "cpu_seconds" },
        { S("2xx.count"), S(""), OTLP_GAUGE, false, "_2xx_count" },
        { S("a--b__c..d"), S(""), OTLP_GAUGE, false, "a_b_c_d" },
        { S("job:rate:5m"), S(""), OTLP_GAUGE, false, "job:rate:5m" },
        { S("_leading_"), S(""), OTLP_GAUGE, false, "leading" },
        { S("unknown.unit"), S("widgets"), OTLP_GAUGE, false, "unknown_unit_widgets" },
        { S("odd.unit"), S("m^2"), OTLP_GAUGE, false, "odd_unit_m_2" },
        { S("per.minute"), S("1/m"), OTLP_GAUGE, false, "per_minute_per_minute" },
        { S("温度"), S(""), OTLP_GAUGE, false, "" },
        { S(""), S(""), OTLP_GAUGE, false, "" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct otlp_metric metric = {
            .name = table[i].name, .unit = table[i].unit, .kind = table[i].kind, .monotonic = table[i].monotonic
        };
        ASSERT_STR(table[i].expected, otlp_metric_name(arena, &metric));
    }
}

TEST(otlp_label_names_are_escaped)
{
    static const struct {
        struct str key;
        const char *expected;
    } table[] = {
        { S("service.name"), "service_name" },
        { S("http.status_code"), "http_status_code" },
        { S("2nd"), "key_2nd" },
        { S("_private"), "key_private" },
        { S("__reserved"), "__reserved" },
        { S("a..b"), "a__b" },
        { S("温"), "key_" },
        { S("a温b"), "a_b" },
        { S("__"), "" },
        { S(""), "" },
        { S("-"), "key_" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ASSERT_STR(table[i].expected, otlp_label_name(arena, table[i].key));
}

TEST(otlp_units_are_words)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    ASSERT_STR("bytes_per_second", otlp_unit(arena, S("By/s")));
    ASSERT_STR("per_second", otlp_unit(arena, S("{x}/s")));
    ASSERT_STR("seconds", otlp_unit(arena, S("s")));
    ASSERT_STR("", otlp_unit(arena, S("1")));
    ASSERT_STR("", otlp_unit(arena, S("{requests}")));
}

TEST(otlp_numbers_as_text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    ASSERT_STR("0.005", otlp_plain_double_text(arena, 0.005));
    ASSERT_STR("1000000", otlp_plain_double_text(arena, 1e6));
    ASSERT_STR("0.0000001", otlp_plain_double_text(arena, 1e-7));
    ASSERT_STR("-12.5", otlp_plain_double_text(arena, -12.5));
    ASSERT_STR("1000000000000000000000000", otlp_plain_double_text(arena, 1e24));
    ASSERT_STR("0", otlp_plain_double_text(arena, 0));
    ASSERT_STR("+Inf", otlp_plain_double_text(arena, __builtin_inf()));
    ASSERT_STR("1e+21", otlp_double_text(arena, 1e21));
    ASSERT_STR("1.5e-7", otlp_double_text(arena, 1.5e-7));
    ASSERT_STR("123.25", otlp_double_text(arena, 123.25));
}
