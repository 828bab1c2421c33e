/* remote_write_test.c - requests of both versions, from bytes to series. */
#include "base/test.h"
#include "base/time.h"
#include "ingest/remote_write.h"
#include "ingest/store_test.h"

struct sent {
    struct append_summary summary;
    struct remote_write_refusals refusals;
    struct str why;
};

static err send(struct tsdb *tsdb, enum remote_write_version version, const struct buf *message, struct arena *arena,
                struct sent *sent)
{
    struct append *append;

    *sent = (struct sent){ 0 };
    TRY(remote_write_check(version, buf_str(message), arena));
    TRY(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    ASSERT_OK(remote_write_append(version, buf_str(message), arena, append, &sent->refusals));
    sent->why = str_copy(arena, append_so_far(append)->why);
    return append_end(append, &sent->summary);
}

TEST(remote_write_1_stores_series_samples_and_stale_markers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct sent sent;

    buf_init(&message, 1 << 20);
    size_t series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("up"));
    test_label(&message, S("job"), S("node"));
    test_sample(&message, 1000, 1);
    test_sample(&message, 2000, value_stale());
    protobuf_end(&message, series);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
    ASSERT_EQ_INT(2, sent.summary.floats);
    ASSERT_STR("up{job=\"node\"} 1@1000 stale@2000\n", test_store_text(tsdb, arena));
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent)); /* the same again changes nothing */
    ASSERT_EQ_INT(2, sent.summary.floats);
    ASSERT_EQ_INT(0, sent.refusals.count);
    ASSERT_STR("up{job=\"node\"} 1@1000 stale@2000\n", test_store_text(tsdb, arena));
}

TEST(remote_write_1_takes_labels_in_any_order_and_place)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct sent sent;

    buf_init(&message, 1 << 20);
    size_t series = protobuf_begin(&message, 1);
    test_label(&message, S("job"), S("node"));
    test_label(&message, S("__name__"), S("up"));
    test_sample(&message, 1000, 1);
    protobuf_end(&message, series);
    series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("up"));
    test_sample(&message, 2000, 2);
    test_label(&message, S("job"), S("node")); /* behind its samples */
    protobuf_end(&message, series);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
    ASSERT_STR("up{job=\"node\"} 1@1000 2@2000\n", test_store_text(tsdb, arena));
}

TEST(remote_write_1_refuses_single_series_and_keeps_the_others)
{
    static const struct {
        struct str name, value;
    } bad[] = {
        { S(""), S("x") },          /* a name that is empty */
        { S("a"), S("\xff\xfe") },  /* no UTF-8 */
        { S("__name__"), S("up2") } /* a name twice */
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf message CLEANUP(buf_clear) = { 0 };
        struct sent sent;
        buf_init(&message, 1 << 20);
        size_t series = protobuf_begin(&message, 1);
        test_label(&message, S("__name__"), S("wrong"));
        test_label(&message, bad[i].name, bad[i].value);
        test_sample(&message, 1000, 7);
        protobuf_end(&message, series);
        series = protobuf_begin(&message, 1);
        test_label(&message, S("__name__"), S("right"));
        test_sample(&message, 1000, 1);
        protobuf_end(&message, series);
        ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
        ASSERT_EQ_INT(1, sent.summary.outcomes[APPEND_NO_SERIES]);
        ASSERT_CONTAINS("wrong", sent.why);
        ASSERT_STR("right 1@1000\n", test_store_text(tsdb, arena));
    }
}

TEST(remote_write_refuses_samples_of_the_future_by_name)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    int64_t now_ms = time_now_ms();
    struct sent sent;

    buf_init(&message, 1 << 20);
    size_t series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("clock"));
    test_sample(&message, 1000, 1);
    test_sample(&message, now_ms + 7200000, 2);
    protobuf_end(&message, series);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
    ASSERT_EQ_INT(1, sent.summary.outcomes[APPEND_TOO_NEW]);
    ASSERT_CONTAINS("clock", sent.why);
    ASSERT_STR("clock 1@1000\n", test_store_text(tsdb, arena));
}

TEST(remote_write_limits_series_and_old_ones_go_on)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open(); /* 50 series at most */
    struct sent sent = { 0 };

    for (int round = 1; round <= 2; round++) {
        struct buf message CLEANUP(buf_clear) = { 0 };
        buf_init(&message, 1 << 20);
        for (int i = 0; i < 60; i++) {
            size_t series = protobuf_begin(&message, 1);
            test_label(&message, S("__name__"), str_printf(arena, "m%02d", i));
            test_sample(&message, round * 1000, i);
            protobuf_end(&message, series);
        }
        ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
        ASSERT_EQ_INT(50, sent.summary.floats);
        ASSERT_EQ_INT(10, sent.summary.outcomes[APPEND_NO_SERIES]);
        ASSERT_CONTAINS("50", sent.why);
    }
    ASSERT_CONTAINS("m49 49@1000 49@2000\n", test_store_text(tsdb, arena));
}

static void put_span(struct buf *out, uint32_t number, int64_t offset, uint64_t length)
{
    size_t begun = protobuf_begin(out, number);

    protobuf_put_varint(out, 1, (uint64_t)offset << 1 ^ (uint64_t)(offset >> 63));
    protobuf_put_varint(out, 2, length);
    protobuf_end(out, begun);
}

/* put_histogram - three buckets by deltas: 1, 3 and 2 observations, and one in the zero bucket. */
static void put_histogram(struct buf *out, uint32_t field, uint64_t count)
{
    size_t begun = protobuf_begin(out, field);

    protobuf_put_varint(out, 1, count);
    protobuf_put_double(out, 3, 12.5);
    protobuf_put_varint(out, 4, 0);
    protobuf_put_double(out, 5, 0.001);
    protobuf_put_varint(out, 6, 1);
    put_span(out, 11, 0, 2);
    put_span(out, 11, 1, 1);
    protobuf_put_bytes(out, 12, S("\x02\x04\x01")); /* +1, +2, -1 */
    protobuf_put_varint(out, 15, 5000);
    protobuf_end(out, begun);
}

TEST(remote_write_1_turns_deltas_of_histograms_into_counts)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct sent sent;

    buf_init(&message, 1 << 20);
    size_t series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("h"));
    put_histogram(&message, 4, 7);
    protobuf_end(&message, series);
    series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("broken"));
    put_histogram(&message, 4, 8); /* the buckets hold seven */
    protobuf_end(&message, series);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
    ASSERT_EQ_INT(1, sent.summary.histograms);
    ASSERT_EQ_INT(1, sent.refusals.count);
    ASSERT_CONTAINS("broken", sent.refusals.why);
    ASSERT_STR("h {count:7, sum:12.5, [-0.001,0.001]:1, (0.5,1]:1, (1,2]:3, (4,8]:2}@5000\n",
               test_store_text(tsdb, arena));
}

TEST(remote_write_keeps_metadata)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct metric_meta meta;
    struct sent sent;

    buf_init(&message, 1 << 20);
    size_t begun = protobuf_begin(&message, 3);
    protobuf_put_varint(&message, 1, 1);
    protobuf_put_bytes(&message, 2, S("requests_total"));
    protobuf_put_bytes(&message, 4, S("Requests."));
    protobuf_end(&message, begun);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));
    ASSERT_OK(tsdb_source(tsdb)->ops->meta(tsdb_source(tsdb), arena, S("requests_total"), &meta));
    ASSERT_EQ_INT(KIND_COUNTER, meta.kind);
    ASSERT_STR("Requests.", meta.help);
}

/* put_request_2 - one series h{job="node"} of version 2.0, by the content given. */
static void put_request_2(struct buf *message, const struct buf *content)
{
    static const struct str symbols[] = { S(""),     S("__name__"), S("h"),        S("job"),
                                          S("node"), S("Help."),    S("trace_id"), S("abc") };

    for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
        protobuf_put_bytes(message, 4, symbols[i]);
    size_t series = protobuf_begin(message, 5);
    protobuf_put_bytes(message, 1, S("\x01\x02\x03\x04"));
    buf_add(message, buf_str(content));
    protobuf_end(message, series);
}

TEST(remote_write_2_is_the_same_series_as_1)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct buf content CLEANUP(buf_clear) = { 0 };
    struct metric_meta meta;
    struct sent sent;

    buf_init(&message, 1 << 20);
    buf_init(&content, 1 << 20);
    size_t series = protobuf_begin(&message, 1);
    test_label(&message, S("__name__"), S("h"));
    test_label(&message, S("job"), S("node"));
    test_sample(&message, 1000, 1);
    protobuf_end(&message, series);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_1, &message, arena, &sent));

    test_sample(&content, 2000, 2);
    put_histogram(&content, 3, 7);
    size_t exemplar = protobuf_begin(&content, 4);
    protobuf_put_bytes(&content, 1, S("\x06\x07"));
    protobuf_put_double(&content, 2, 0.5);
    protobuf_put_varint(&content, 3, 1999);
    protobuf_end(&content, exemplar);
    size_t metadata = protobuf_begin(&content, 5);
    protobuf_put_varint(&content, 1, 1);
    protobuf_put_varint(&content, 3, 5);
    protobuf_end(&content, metadata);
    buf_reset(&message);
    put_request_2(&message, &content);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_2, &message, arena, &sent));
    ASSERT_EQ_INT(1, sent.summary.floats);
    ASSERT_EQ_INT(1, sent.summary.histograms);
    ASSERT_EQ_INT(1, sent.summary.exemplars);
    ASSERT_CONTAINS("h{job=\"node\"} 1@1000 2@2000 {count:7", test_store_text(tsdb, arena));
    ASSERT_OK(tsdb_source(tsdb)->ops->meta(tsdb_source(tsdb), arena, S("h"), &meta));
    ASSERT_STR("Help.", meta.help);
}

TEST(remote_write_2_refuses_references_to_nothing)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct buf message CLEANUP(buf_clear) = { 0 };

    buf_init(&message, 1 << 20);
    protobuf_put_bytes(&message, 4, S(""));
    size_t series = protobuf_begin(&message, 5);
    protobuf_put_bytes(&message, 1, S("\x00\x01"));
    protobuf_end(&message, series);
    ASSERT_ERR(ERR_INVALID, "refers to symbol 1, but the request has 1",
               remote_write_check(REMOTE_WRITE_2, buf_str(&message), arena));
    ASSERT_ERR(ERR_INVALID, "are not pairs",
               remote_write_check(REMOTE_WRITE_2, S("\x22\x00\x2a\x03\x0a\x01\x00"), arena));
    ASSERT_ERR(ERR_INVALID, "first symbol", remote_write_check(REMOTE_WRITE_2, S("\x22\x01x"), arena));
}

TEST(remote_write_2_refuses_series_without_samples)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf message CLEANUP(buf_clear) = { 0 };
    struct buf content CLEANUP(buf_clear) = { 0 };
    struct sent sent;

    buf_init(&message, 1 << 20);
    buf_init(&content, 1 << 20);
    put_request_2(&message, &content);
    ASSERT_OK(send(tsdb, REMOTE_WRITE_2, &message, arena, &sent));
    ASSERT_EQ_INT(1, sent.refusals.count);
    ASSERT_STR("the series has neither samples nor histograms: h{job=\"node\"}", sent.refusals.why);
}

TEST(remote_write_changes_nothing_where_a_request_is_cut_short)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct buf message CLEANUP(buf_clear) = { 0 };
    size_t whole = 0;

    buf_init(&message, 1 << 20);
    for (int i = 0; i < 3; i++) {
        size_t series = protobuf_begin(&message, 1);
        test_label(&message, S("__name__"), S("up"));
        test_sample(&message, 1000 + i, i);
        put_histogram(&message, 4, 7);
        protobuf_end(&message, series);
    }
    for (size_t cut = 1; cut < message.length; cut++) {
        err e = remote_write_check(REMOTE_WRITE_1, str_slice(buf_str(&message), 0, cut), arena);
        whole += !e;
        err_free(e);
    }
    ASSERT_EQ_INT(2, whole); /* between the series */
}
