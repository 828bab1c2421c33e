/* otlp_test.c - export requests in JSON and protobuf, from bytes to series. */
#include "base/test.h"
#include "base/time.h"
#include "ingest/otlp_append.h"
#include "ingest/store_test.h"

#include <string.h>

struct world {
    struct arena *arena;
    struct tsdb *tsdb;
    struct delta_table *deltas;
    struct otlp_settings settings;
};

static struct world world_make(void)
{
    return (struct world){ arena_new(1 << 24), test_store_open(), delta_table_new(10), { .delta_series_max = 10 } };
}

static void world_end(struct world *world)
{
    test_store_closep(&world->tsdb);
    delta_table_free(world->deltas);
    arena_free(world->arena);
}

/* export_request - as the route does it; `lost`: the log could not be written. */
static struct otlp_refusals export_request(struct world *world, const struct otlp_request *request, bool lost)
{
    struct delta_turn turn = { .table = world->deltas };
    struct otlp_refusals refusals;
    struct append *append;

    ASSERT_OK(append_begin(world->tsdb, S("test"), time_mono_ms() + 10000, &append));
    const struct otlp_appending to = {
        .arena = world->arena, .append = append, .settings = &world->settings, .turn = &turn
    };
    ASSERT_OK(otlp_append(&to, request, &refusals));
    ASSERT_OK(append_end(append, NULL));
    lost ? delta_undo(&turn) : delta_keep(&turn);
    return refusals;
}

static struct otlp_refusals export_json(struct world *world, const char *resource, const char *metrics)
{
    struct otlp_request request;

    ASSERT_OK(otlp_read_json(world->arena,
                             str_printf(world->arena,
                                        "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[%s]},\"scopeMetrics\":"
                                        "[{\"scope\":{\"name\":\"x\"},\"metrics\":[%s]}],\"more\":1}]}",
                                        resource, metrics),
                             &request));
    return export_request(world, &request, false);
}

#define SERVICE                                                                                                        \
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"                                                 \
    "{\"key\":\"service.namespace\",\"value\":{\"stringValue\":\"eu\"}},"                                              \
    "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"i1\"}}"

TEST(otlp_gauges_and_sums_become_series)
{
    struct world world CLEANUP(world_end) = world_make();

    struct otlp_refusals refusals = export_json(
        &world, SERVICE,
        "{\"name\":\"queue.size\",\"unit\":\"By\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"2000000000\","
        "\"asInt\":\"7\","
        "\"attributes\":[{\"key\":\"a.b\",\"value\":{\"intValue\":3}},{\"key\":\"a_b\",\"value\":{\"boolValue\":true}},"
        "{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"x\"},{\"kvlistValue\":{\"values\":"
        "[{\"key\":\"z\",\"value\":{\"doubleValue\":0.5}},{\"key\":\"a\"}]}}]}}}]}]}},"
        "{\"name\":\"calls\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":"
        "[{\"timeUnixNano\":2000000000,\"asDouble\":1.5},{\"timeUnixNano\":\"3000000000\",\"flags\":1}]}}");
    ASSERT_EQ_INT(0, refusals.points);
    ASSERT_STR("calls_total{instance=\"i1\",job=\"eu/shop\"} 1.5@2000 stale@3000\n"
               "queue_size_bytes{a_b=\"3;true\",instance=\"i1\",job=\"eu/"
               "shop\",l=\"[\\\"x\\\",{\\\"a\\\":null,\\\"z\\\":0.5}]\"} 7@2000\n",
               test_store_text(world.tsdb, world.arena));
}

TEST(otlp_resources_become_target_info_and_promoted_labels)
{
    struct world world CLEANUP(world_end) = world_make();

    *vec_push(&world.settings.promote_resource_attributes, world.arena) = S("host.name");
    export_json(&world, SERVICE ",{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h1\"}}",
                "{\"name\":\"x\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"2000000000\",\"asInt\":1},"
                "{\"timeUnixNano\":\"200000000000\",\"asInt\":2}]}}");
    ASSERT_STR("target_info{host_name=\"h1\",instance=\"i1\",job=\"eu/shop\"} 1@2000 1@152000 1@200000\n"
               "x{host_name=\"h1\",instance=\"i1\",job=\"eu/shop\"} 1@2000 2@200000\n",
               test_store_text(world.tsdb, world.arena));
}

TEST(otlp_histograms_become_cumulative_buckets)
{
    struct world world CLEANUP(world_end) = world_make();

    export_json(&world, "",
                "{\"name\":\"d\",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
                "\"timeUnixNano\":\"2000000000\",\"count\":\"6\",\"sum\":9.5,\"bucketCounts\":[\"1\",\"2\",\"3\"],"
                "\"explicitBounds\":[0.1,10]}]}}");
    ASSERT_STR("d_seconds_bucket{le=\"+Inf\"} 6@2000\nd_seconds_bucket{le=\"0.1\"} 1@2000\n"
               "d_seconds_bucket{le=\"10\"} 3@2000\nd_seconds_count 6@2000\nd_seconds_sum 9.5@2000\n",
               test_store_text(world.tsdb, world.arena));
}

TEST(otlp_exponential_histograms_become_native_ones)
{
    struct world world CLEANUP(world_end) = world_make();

    struct otlp_refusals refusals = export_json(
        &world, "",
        "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
        "\"timeUnixNano\":\"2000000000\",\"count\":5,\"sum\":9,\"scale\":0,\"zeroCount\":1,"
        "\"positive\":{\"offset\":0,\"bucketCounts\":[1,0,2]},\"negative\":{\"offset\":-1,\"bucketCounts\":[1]}},"
        "{\"timeUnixNano\":\"2000000000\",\"count\":5,\"scale\":-5}]}}");
    ASSERT_EQ_INT(1, refusals.points);
    ASSERT_CONTAINS("e: an exponential histogram of scale -5", refusals.why);
    ASSERT_STR("e {count:5, sum:9, [-1,-0.5):1, [-1e-128,1e-128]:1, (1,2]:1, (4,8]:2}@2000\n",
               test_store_text(world.tsdb, world.arena));
}

TEST(otlp_summaries_become_quantiles)
{
    struct world world CLEANUP(world_end) = world_make();

    export_json(&world, "",
                "{\"name\":\"s\",\"summary\":{\"dataPoints\":[{\"timeUnixNano\":\"2000000000\",\"count\":2,\"sum\":3,"
                "\"explicitBounds\":[1,2,3],\"quantileValues\":[{\"quantile\":0.5,\"value\":1},{\"quantile\":0.99,"
                "\"value\":2}]}]}}");
    ASSERT_STR("s_count 2@2000\ns_sum 3@2000\ns{quantile=\"0.5\"} 1@2000\ns{quantile=\"0.99\"} 2@2000\n",
               test_store_text(world.tsdb, world.arena));
}

#define DELTA(start, time, value)                                                                                      \
    "{\"name\":\"n\",\"sum\":{\"aggregationTemporality\":1,\"isMonotonic\":true,\"dataPoints\":[{"                     \
    "\"startTimeUnixNano\":\"" start "000000000\",\"timeUnixNano\":\"" time "000000000\",\"asInt\":" value "}]}}"

TEST(otlp_deltas_are_added_up_from_a_zero)
{
    struct world world CLEANUP(world_end) = world_make();

    export_json(&world, "", DELTA("10", "20", "5"));
    export_json(&world, "", DELTA("20", "30", "7"));
    export_json(&world, "", DELTA("20", "30", "7")); /* sent twice */
    struct otlp_refusals refusals = export_json(&world, "", DELTA("10", "20", "5"));
    ASSERT_EQ_INT(1, refusals.points);
    ASSERT_CONTAINS("a delta came after a later one", refusals.why);
    ASSERT_STR("n_total 0@10001 5@20000 12@30000\n", test_store_text(world.tsdb, world.arena));
}

TEST(otlp_deltas_that_were_not_stored_count_once)
{
    struct world world CLEANUP(world_end) = world_make();
    struct otlp_request request;

    export_json(&world, "", DELTA("10", "20", "5"));
    ASSERT_OK(otlp_read_json(
        world.arena, S("{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[" DELTA("20", "30", "7") "]}]}]}"),
        &request));
    export_request(&world, &request, true);
    export_request(&world, &request, false);
    ASSERT_STR("n_total 0@10001 5@20000 12@30000\n", test_store_text(world.tsdb, world.arena));
}

TEST(otlp_totals_of_the_longest_silent_are_forgotten)
{
    struct world world CLEANUP(world_end) = world_make();

    for (int i = 0; i < 30; i++) {
        struct delta_turn turn = { .table = world.deltas };
        struct label label = { S("id"), str_printf(world.arena, "%d", i) };
        struct delta delta = { .series = { &label, 1 }, .time_ns = 5, .number = 1 };
        enum delta_result result;
        ASSERT_OK(delta_add(&turn, world.arena, &delta, &result));
        ASSERT_EQ_INT(DELTA_BEGUN, result);
        delta_keep(&turn);
    }
    ASSERT_EQ_INT(10, delta_table_count(world.deltas));
}

TEST(otlp_delta_histograms_are_added_up)
{
    struct world world CLEANUP(world_end) = world_make();

    for (int i = 1; i <= 2; i++)
        export_json(&world, "",
                    str_c(world.arena,
                          str_printf(world.arena,
                                     "{\"name\":\"d\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{"
                                     "\"timeUnixNano\":\"%d000000000\",\"count\":3,\"sum\":4,\"bucketCounts\":[1,2],"
                                     "\"explicitBounds\":[1]}]}},"
                                     "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":1,"
                                     "\"dataPoints\":[{\"timeUnixNano\":\"%d000000000\",\"count\":2,\"sum\":3,"
                                     "\"scale\":%d,\"positive\":{\"offset\":0,\"bucketCounts\":[2]}}]}}",
                                     i, i, i - 1)));
    ASSERT_STR("d_bucket{le=\"+Inf\"} 3@1000 6@2000\nd_bucket{le=\"1\"} 1@1000 2@2000\nd_count 3@1000 6@2000\n"
               "d_sum 4@1000 8@2000\n"
               "e {count:2, sum:3, (1,2]:2}@1000 {count:4, sum:6, (1,2]:4}@2000\n",
               test_store_text(world.tsdb, world.arena));
}

TEST(otlp_points_that_cannot_be_stored_are_counted_and_named)
{
    static const struct {
        const char *metric, *why;
    } table[] = {
        { "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}}", "a: a point has no time" },
        { "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":1000000}]}}", "a: a point has no value" },
        { "{\"name\":\"a\",\"sum\":{\"dataPoints\":[{\"timeUnixNano\":1000000,\"asInt\":1}]}}", "neither delta nor" },
        { "{\"name\":\"\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":1000000,\"asInt\":1}]}}", "nothing is left" },
        { "{\"name\":\"a\",\"other\":{\"dataPoints\":[]}}", "" },
        { "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":1000000,\"asInt\":1,\"attributes\":"
          "[{\"key\":\"__\",\"value\":{\"stringValue\":\"x\"}}]}]}}",
          "the attribute '__' can't be a label" },
        { "{\"name\":\"a\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"timeUnixNano\":1000000,"
          "\"bucketCounts\":[1],\"explicitBounds\":[1,2]}]}}",
          "not one bucket count more than bounds" },
    };
    struct world world CLEANUP(world_end) = world_make();

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct otlp_refusals refusals = export_json(&world, "", table[i].metric);
        ASSERT_EQ_INT(table[i].why[0] != 0, refusals.points);
        ASSERT_CONTAINS(table[i].why, refusals.why);
    }
    ASSERT_STR("", test_store_text(world.tsdb, world.arena));
}

TEST(otlp_json_that_is_none_is_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 22);
    struct otlp_request request;

    ASSERT_ERR(ERR_INVALID, "", otlp_read_json(arena, S("{"), &request));
    ASSERT_ERR(ERR_INVALID, "not an object", otlp_read_json(arena, S("[]"), &request));
    ASSERT_ERR(ERR_INVALID, "resourceMetrics is not an array",
               otlp_read_json(arena, S("{\"resourceMetrics\":{}}"), &request));
    ASSERT_OK(otlp_read_json(arena, S("{}"), &request));
    ASSERT_EQ_INT(0, request.resources.count);
}

/* put_double_point - a ScopeMetrics with one metric of one point, whose attribute is a map. */
static void put_double_point(struct buf *out, uint32_t kind)
{
    size_t metrics = protobuf_begin(out, 2);
    size_t metric = protobuf_begin(out, 2);
    protobuf_put_bytes(out, 1, S("m"));
    size_t content = protobuf_begin(out, kind);
    size_t point = protobuf_begin(out, 1);
    static const uint64_t time_ns = 2000000000;
    protobuf_add_varint(out, PROTOBUF_KEY(3, WIRE_FIXED64));
    buf_add_bytes(out, &time_ns, sizeof(time_ns));
    protobuf_put_double(out, 4, 2.5);
    size_t attribute = protobuf_begin(out, 7);
    protobuf_put_bytes(out, 1, S("k"));
    protobuf_put_bytes(out, 2, S("\x32\x0e\x0a\x0c\x0a\x01z\x12\x07\x2a\x05\x0a\x03\x0a\x01y"));
    protobuf_end(out, attribute);
    protobuf_end(out, point);
    protobuf_put_varint(out, 2, OTLP_CUMULATIVE);
    protobuf_end(out, content);
    protobuf_end(out, metric);
    protobuf_end(out, metrics);
}

TEST(otlp_protobuf_says_the_same_as_json)
{
    struct world world CLEANUP(world_end) = world_make();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct otlp_request request;

    buf_init(&message, 1 << 16);
    size_t resource = protobuf_begin(&message, 1);
    put_double_point(&message, 7);
    protobuf_end(&message, resource);
    ASSERT_OK(otlp_read_protobuf(world.arena, buf_str(&message), &request));
    ASSERT_EQ_INT(0, export_request(&world, &request, false).points);
    ASSERT_STR("m{k=\"{\\\"z\\\":[\\\"y\\\"]}\"} 2.5@2000\n", test_store_text(world.tsdb, world.arena));
    for (size_t cut = 1; cut < message.length; cut++)
        ASSERT_ERR(ERR_INVALID, "broken",
                   otlp_read_protobuf(world.arena, str_slice(buf_str(&message), 0, cut), &request));
}

TEST(otlp_metrics_of_two_kinds_are_of_the_last)
{
    struct world world CLEANUP(world_end) = world_make();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct otlp_request request;

    buf_init(&message, 1 << 16);
    size_t resource = protobuf_begin(&message, 1), metrics = protobuf_begin(&message, 2);
    size_t metric = protobuf_begin(&message, 2);
    protobuf_put_bytes(&message, 3, S("s"));
    size_t histogram = protobuf_begin(&message, 9);
    size_t point = protobuf_begin(&message, 1);
    protobuf_put_double(&message, 7, 1); /* a bound without counts, which a summary would read */
    protobuf_end(&message, point);
    protobuf_end(&message, histogram);
    protobuf_put_bytes(&message, 11, S(""));
    protobuf_end(&message, metric);
    protobuf_end(&message, metrics);
    protobuf_end(&message, resource);
    ASSERT_OK(otlp_read_protobuf(world.arena, buf_str(&message), &request));
    ASSERT_EQ_INT(OTLP_SUMMARY, request.resources.at[0].scopes.at[0].metrics.at[0].kind);
    ASSERT_EQ_INT(0, request.resources.at[0].scopes.at[0].metrics.at[0].points.count);
}

TEST(otlp_attributes_nested_too_deep_are_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 22);
    struct str value = S("");
    struct otlp_request request;

    for (int i = 0; i < 100; i++) {
        struct buf out CLEANUP(buf_clear) = { 0 };
        buf_init(&out, 1 << 16);
        size_t list = protobuf_begin(&out, 5);
        protobuf_put_bytes(&out, 1, value);
        protobuf_end(&out, list);
        value = str_copy(arena, buf_str(&out));
    }
    struct buf out CLEANUP(buf_clear) = { 0 };
    buf_init(&out, 1 << 16);
    size_t whole = protobuf_begin(&out, 1), resource = protobuf_begin(&out, 1), attribute = protobuf_begin(&out, 1);
    protobuf_put_bytes(&out, 2, value);
    protobuf_end(&out, attribute);
    protobuf_end(&out, resource);
    protobuf_end(&out, whole);
    ASSERT_ERR(ERR_INVALID, "nested more than 16 deep", otlp_read_protobuf(arena, buf_str(&out), &request));
}
