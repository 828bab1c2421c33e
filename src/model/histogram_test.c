/* histogram_test.c - native histograms as values: soundness, equality, resets, text, bytes. */
#include "model/histogram.h"

#include "base/test.h"
#include "model/histogram_bucket.h"
#include "model/histogram_draw_test.h"
#include "model/series_source.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const struct histogram *parse(struct arena *arena, const char *text)
{
    const struct histogram *histogram;

    ASSERT_OK(histogram_parse(arena, str_of(text), &histogram));
    return histogram;
}

TEST(histogram_writes_its_buckets_as_the_api_does)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };
    struct json_writer w = json_writer(&out);

    histogram_json(&w, parse(arena, "{{schema:0 count:15 sum:1e21 z_bucket:3 z_bucket_w:0.25 offset:-1 "
                                    "buckets:[0 4 0 5.5] n_offset:2 n_buckets:[2.5]}}"));
    ASSERT_STR(
        "{\"count\":\"15\",\"sum\":\"1e+21\",\"buckets\":[[1,\"-4\",\"-2\",\"2.5\"],[3,\"-0.25\",\"0.25\",\"3\"],"
        "[0,\"0.5\",\"1\",\"4\"],[0,\"2\",\"4\",\"5.5\"]]}",
        buf_str(&out));
    buf_reset(&out);
    w = json_writer(&out);
    histogram_json(&w, parse(arena, "{{schema:-53 count:3 sum:-0.0000001 custom_values:[5 10] buckets:[1 0 2]}}"));
    ASSERT_STR("{\"count\":\"3\",\"sum\":\"-1e-07\",\"buckets\":[[3,\"-Inf\",\"5\",\"1\"],[0,\"10\",\"+Inf\",\"2\"]]}",
               buf_str(&out));
    buf_reset(&out);
    w = json_writer(&out);
    histogram_json(&w, parse(arena, "{{}}"));
    ASSERT_STR("{\"count\":\"0\",\"sum\":\"0\"}", buf_str(&out));
}

TEST(histogram_text_has_the_shortest_numbers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };

    histogram_text(&out, parse(arena, "{{schema:-2 count:1234567 sum:0.3 z_bucket:1 z_bucket_w:0.001 offset:-6 "
                                      "buckets:[2] n_buckets:[0.1]}}"));
    ASSERT_STR("{count:1.234567e+06, sum:0.3, [-1,-0.0625):0.1, [-0.001,0.001]:1, "
               "(3.725290298461914e-09,5.960464477539063e-08]:2}",
               buf_str(&out));
}

TEST(histogram_validate_says_what_is_wrong)
{
    static const struct histogram_span negative[] = { { 0, 1 }, { -1, 1 } };
    static const double two[] = { 1, 1 }, falling[] = { 2, 1 }, less[] = { 1, -1 };
    struct histogram histogram = { .count = 2, .positive = { negative, 2, two, 2 } };

    ASSERT_ERR(ERR_INVALID, "positive side: span number 2 with offset -1", histogram_validate(&histogram));
    histogram.positive.span_count = 1;
    ASSERT_ERR(ERR_INVALID, "spans need 1 buckets, have 2 buckets", histogram_validate(&histogram));
    histogram.positive.count = 1;
    ASSERT_OK(histogram_validate(&histogram));
    histogram.integral = true;
    ASSERT_ERR(ERR_INVALID, "1 observations found in buckets, but the Count field is 2",
               histogram_validate(&histogram));
    histogram.sum = NAN;
    ASSERT_OK(histogram_validate(&histogram));
    histogram.schema = 9;
    ASSERT_ERR(ERR_INVALID, "must be between -4 and 8", histogram_validate(&histogram));
    histogram = (struct histogram){ .bounds = two, .bound_count = 2 };
    ASSERT_ERR(ERR_INVALID, "must not have custom bounds", histogram_validate(&histogram));
    histogram.schema = HISTOGRAM_CUSTOM;
    histogram.bounds = falling;
    ASSERT_ERR(ERR_INVALID, "strictly increasing", histogram_validate(&histogram));
    histogram.bound_count = 0;
    histogram.positive = (struct histogram_side){ &(struct histogram_span){ 0, 2 }, 1, two, 2 };
    ASSERT_ERR(ERR_INVALID, "only 0 custom bounds defined", histogram_validate(&histogram));
    histogram.positive = (struct histogram_side){ 0 };
    histogram.negative = (struct histogram_side){ &(struct histogram_span){ 0, 2 }, 1, less, 2 };
    ASSERT_ERR(ERR_INVALID, "must not have negative spans", histogram_validate(&histogram));
    histogram.schema = 0;
    ASSERT_ERR(ERR_INVALID, "negative side: bucket number 2 has observation count of -1",
               histogram_validate(&histogram));
}

TEST(histogram_bounds_are_those_of_the_field)
{
    ASSERT_TRUE(histogram_bound(0, 8) == 1);
    ASSERT_TRUE(histogram_bound(-128, 8) == 0.7071067811865475); /* not the nearest double to sqrt(0.5) */
    ASSERT_TRUE(histogram_bound(1, 0) == 2);
    ASSERT_TRUE(histogram_bound(1024, 0) == DBL_MAX);
    ASSERT_TRUE(isinf(histogram_bound(1025, 0)));
    ASSERT_TRUE(histogram_bound(64, -4) == DBL_MAX);
    ASSERT_TRUE(histogram_bound(-1, -4) == 1.0 / 65536);
    for (int32_t index = -2000; index < 2000; index++)
        ASSERT_TRUE(histogram_bound(index, 3) == histogram_bound(index * 4, 5) &&
                    histogram_index(index * 4, 5, 3) == index && histogram_index(index * 4 + 1, 5, 3) == index + 1);
}

TEST(histogram_reset_is_told_from_growth)
{
    static const struct {
        const char *before, *now;
        bool reset;
        enum counter_reset hint;
    } cases[] = {
        { "{{count:3 buckets:[1 2]}}", "{{count:4 buckets:[1 3]}}", false, RESET_NO },
        { "{{count:3 buckets:[1 2]}}", "{{count:4 buckets:[0 4]}}", true, RESET_YES },
        { "{{count:3 buckets:[1 2]}}", "{{count:2 buckets:[1 1]}}", true, RESET_YES },
        { "{{count:3 buckets:[1 0 2]}}", "{{count:9 buckets:[9]}}", true, RESET_YES },
        { "{{count:3 z_bucket:3}}", "{{count:4 z_bucket:2 buckets:[2]}}", true, RESET_YES },
        { "{{schema:1 count:3 buckets:[1 2]}}", "{{schema:0 count:5 buckets:[1 4]}}", false, RESET_UNKNOWN },
        { "{{schema:1 count:3 buckets:[1 2]}}", "{{schema:0 count:5 buckets:[4 1]}}", true, RESET_UNKNOWN },
        { "{{schema:0 count:3 buckets:[1 2]}}", "{{schema:1 count:9 buckets:[5 4]}}", true, RESET_UNKNOWN },
        { "{{count:3 z_bucket_w:0.5 buckets:[1 2]}}", "{{count:4 z_bucket_w:1 z_bucket:1 buckets:[0 3]}}", false,
          RESET_UNKNOWN },
        { "{{count:3 z_bucket_w:0.5 buckets:[1 2]}}", "{{count:4 z_bucket_w:1.5 z_bucket:4}}", true, RESET_UNKNOWN },
        { "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}",
          "{{schema:-53 count:3 custom_values:[2 3] buckets:[2 0 1]}}", false, RESET_YES },
        { "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}",
          "{{schema:-53 count:3 custom_values:[2 3] buckets:[1 2]}}", true, RESET_YES },
        { "{{count:3 buckets:[3]}}", "{{count:1 buckets:[1] counter_reset_hint:not_reset}}", false, RESET_YES },
        { "{{count:3 buckets:[3]}}", "{{count:4 buckets:[4] counter_reset_hint:reset}}", true, RESET_YES },
        { "{{count:3 buckets:[3]}}", "{{count:4 buckets:[4] counter_reset_hint:gauge}}", false, RESET_GAUGE },
        { "{{count:3 buckets:[3] counter_reset_hint:gauge}}", "{{count:4 buckets:[4]}}", false, RESET_UNKNOWN },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct histogram *before = parse(arena, cases[i].before), *now = parse(arena, cases[i].now);
        ASSERT_EQ_INT(cases[i].reset, histogram_reset(now, before));
        ASSERT_EQ_INT(cases[i].hint, histogram_hint_after(before, now));
    }
}

TEST(histogram_reduce_leaves_alone_what_is_unsound)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    static const struct histogram_span spans[] = { { INT32_MAX - 5, 3 }, { 0, 4000000000u } };
    static const double counts[] = { 1, 2, 3 };
    struct histogram fine = { .schema = 20, .count = 6, .positive = { spans, 2, counts, 3 } };

    ASSERT_TRUE(histogram_reduce(arena, &fine, 8) == &fine);
    fine.positive.span_count = 1;
    ASSERT_OK(histogram_validate(histogram_reduce(arena, &fine, 8)));
    ASSERT_NEAR(6, histogram_reduce(arena, &fine, 8)->positive.counts[0], 0);
}

TEST(histogram_equality_is_of_layout_and_bits)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *a = parse(arena, "{{count:3 sum:NaN buckets:[1 0 2]}}");

    ASSERT_TRUE(histogram_equal(a, histogram_copy(arena, a)));
    ASSERT_FALSE(histogram_equal(a, histogram_compact(arena, a)));
    ASSERT_EQ_INT(2, (int64_t)histogram_compact(arena, a)->positive.count);
    ASSERT_FALSE(histogram_equal(a, parse(arena, "{{count:3 sum:0 buckets:[1 0 2]}}")));
    ASSERT_TRUE(histogram_equal(parse(arena, "{{schema:0 count:5 buckets:[1 4]}}"),
                                histogram_reduce(arena, parse(arena, "{{schema:1 count:5 buckets:[1 3 1]}}"), 0)));
}
