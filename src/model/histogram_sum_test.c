/* histogram_sum_test.c - arithmetic of native histograms, against a slow one over a table of buckets. */
#include "model/histogram_sum.h"

#include "base/test.h"
#include "model/histogram_bucket.h"
#include "model/histogram_draw_test.h"

#include <math.h>
#include <string.h>

static const struct histogram *parse(struct arena *arena, const char *text)
{
    const struct histogram *histogram;

    ASSERT_OK(histogram_parse(arena, str_of(text), &histogram));
    return histogram;
}

static void assert_text(const char *expected, const struct histogram *histogram)
{
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };

    histogram_text(&out, histogram);
    ASSERT_STR(expected, buf_str(&out));
}

TEST(histogram_sums_meet_in_the_coarser_schema)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct histogram_sum sum = { 0 };

    histogram_sum_begin(&sum, arena, parse(arena, "{{schema:1 count:10 sum:7 buckets:[1 2 3 4]}}"));
    ASSERT_EQ_INT(0, histogram_sum_add(&sum, parse(arena, "{{schema:0 count:6 sum:5 buckets:[1 0 5]}}")));
    assert_text("{count:16, sum:12, (0.5,1]:2, (1,2]:5, (2,4]:9}", histogram_sum_compact(&sum, arena));
}

TEST(histogram_sums_widen_the_zero_bucket_to_a_bound)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct histogram_sum sum = { 0 };

    histogram_sum_begin(&sum, arena, parse(arena, "{{count:4 z_bucket:1 z_bucket_w:0.1 offset:-1 buckets:[1 1 1]}}"));
    histogram_sum_add(&sum, parse(arena, "{{count:2 z_bucket:2 z_bucket_w:0.8}}"));
    assert_text("{count:6, sum:0, [-1,1]:5, (1,2]:1}", histogram_sum_compact(&sum, arena));
}

TEST(histogram_sums_share_custom_bounds)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct histogram_sum sum = { 0 };
    const struct histogram *other = parse(arena, "{{schema:-53 count:10 custom_values:[2 7] buckets:[1 2 7]}}");

    histogram_sum_begin(&sum, arena, parse(arena, "{{schema:-53 count:10 custom_values:[1 2 5] buckets:[1 2 3 4]}}"));
    ASSERT_EQ_INT(HISTOGRAM_RECONCILED, histogram_sum_subtract(&sum, other));
    assert_text("{count:0, sum:0, [-Inf,2]:2, (2,+Inf]:-2}", histogram_sum_compact(&sum, arena));
    ASSERT_EQ_INT(HISTOGRAM_INCOMPATIBLE, histogram_sum_add(&sum, parse(arena, "{{count:1 buckets:[1]}}")));
}

TEST(histogram_sums_outlive_what_was_added)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct histogram *first =
        histogram_copy(arena, parse(arena, "{{schema:-53 count:3 custom_values:[2 7] buckets:[1 2]}}"));
    struct histogram_sum sum = { 0 };

    histogram_sum_begin(&sum, arena, first);
    memset((double *)first->bounds, 0, 2 * sizeof(double));
    memset((double *)first->positive.counts, 0, 2 * sizeof(double));
    assert_text("{count:3, sum:0, [-Inf,2]:1, (2,7]:2}", histogram_sum_compact(&sum, arena));
}

TEST(histogram_sums_join_hints)
{
    static const enum counter_reset joined[4][4] = {
        { RESET_UNKNOWN, RESET_UNKNOWN, RESET_UNKNOWN, RESET_GAUGE },
        { RESET_UNKNOWN, RESET_YES, RESET_UNKNOWN, RESET_GAUGE },
        { RESET_UNKNOWN, RESET_UNKNOWN, RESET_NO, RESET_GAUGE },
        { RESET_GAUGE, RESET_GAUGE, RESET_GAUGE, RESET_GAUGE },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = 0; b < 4; b++) {
            struct histogram_sum sum = { 0 };
            bool collision = (a == RESET_YES && b == RESET_NO) || (a == RESET_NO && b == RESET_YES);
            histogram_sum_begin(&sum, arena, &(struct histogram){ .hint = a });
            ASSERT_EQ_INT(collision ? HISTOGRAM_COLLISION : 0,
                          histogram_sum_add(&sum, &(struct histogram){ .hint = b }));
            ASSERT_EQ_INT(joined[a][b], sum.hint);
        }
}

TEST(histogram_sums_keep_what_rounding_takes)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *one = parse(arena, "{{count:1 sum:1 buckets:[1]}}");
    struct histogram_sum sum = { 0 }, plain = { .plain = true };

    histogram_sum_begin(&sum, arena, parse(arena, "{{count:1e16 sum:1e16 buckets:[1e16]}}"));
    histogram_sum_begin(&plain, arena, histogram_sum_result(&sum, arena));
    for (int i = 0; i < 10; i++) {
        histogram_sum_add(&sum, one);
        histogram_sum_add(&plain, one);
    }
    histogram_sum_settle(&sum);
    histogram_sum_settle(&plain);
    ASSERT_TRUE(sum.positive.counts[0].sum == 1e16 + 10 && sum.sum.sum == 1e16 + 10);
    ASSERT_TRUE(plain.positive.counts[0].sum == 1e16);
}

TEST(histogram_means_survive_an_overflow_of_the_sum)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *huge = parse(arena, "{{count:4 sum:1e308 buckets:[4]}}");
    struct histogram_mean mean = { 0 };

    histogram_mean_begin(&mean, arena, huge);
    for (int i = 0; i < 3; i++)
        histogram_mean_add(&mean, huge);
    histogram_mean_settle(&mean);
    ASSERT_NEAR(1e308, mean.sum.sum.sum, 1e295);
    ASSERT_NEAR(4, mean.sum.positive.counts[0].sum, 1e-12);
}

/* The slow way: every observation of a bucket goes to the bucket or zero bucket that its upper bound falls into. */
enum { TABLE = 40000 };
struct table {
    double counts[2][TABLE], zero;
};

static void table_add(struct table *table, const struct histogram *histogram, int32_t schema, double threshold,
                      double sign)
{
    for (int side = 0; side < 2; side++) {
        struct side_walk walk = side_walk(side ? &histogram->negative : &histogram->positive, false);
        int32_t index;
        double count;
        while (side_walk_next(&walk, &index, &count)) {
            double upper = histogram_bound(index, histogram->schema);
            int32_t target = TABLE / 2;
            if (upper <= threshold) {
                table->zero += sign * count;
                continue;
            }
            while (histogram_bound(target - TABLE / 2, schema) < upper)
                target++;
            while (histogram_bound(target - 1 - TABLE / 2, schema) >= upper)
                target--;
            table->counts[side][target] += sign * count;
        }
    }
    table->zero += sign * histogram->zero_count;
}

static void assert_table(const struct table *table, const struct histogram_sum *sum, double within)
{
    const struct tally *sides[] = { &sum->positive, &sum->negative };

    ASSERT_NEAR(table->zero, sum->zero_count.sum, within);
    for (int side = 0; side < 2; side++) {
        double expected = 0, found = 0;
        for (int i = 0; i < TABLE; i++)
            expected += fabs(table->counts[side][i]);
        for (size_t i = 0; i < sides[side]->count; i++) {
            int32_t index = sides[side]->indexes[i];
            ASSERT_TRUE(i == 0 || sides[side]->indexes[i - 1] < index);
            ASSERT_NEAR(table->counts[side][index + TABLE / 2], sides[side]->counts[i].sum, within);
            found += fabs(sides[side]->counts[i].sum);
        }
        ASSERT_NEAR(expected, found, within);
    }
}

/* Where the zero bucket of a fine schema ends within a bucket of the coarse one, the field counts what is below in
 * both. No table does. */
static bool cuts_bucket(double threshold, int32_t schema)
{
    for (int32_t index = -TABLE / 2; index < TABLE / 2; index++)
        if (histogram_bound(index, schema) >= threshold)
            return histogram_bound(index, schema) != threshold;
    return true;
}

TEST(histogram_sums_agree_with_a_table_of_buckets)
{
    static struct table table;
    uint64_t seed = 11;
    int checked = 0;

    for (int i = 0; i < 800; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        const struct histogram *a = draw_histogram(arena, &seed, false), *b = draw_histogram(arena, &seed, false);
        struct histogram_sum sum = { 0 };
        double sign = i % 2 ? 1 : -1;
        histogram_sum_begin(&sum, arena, a);
        if (sign > 0)
            histogram_sum_add(&sum, b);
        else
            histogram_sum_subtract(&sum, b);
        histogram_sum_settle(&sum);
        if (cuts_bucket(sum.zero_threshold, sum.schema))
            continue;
        checked++;
        memset(&table, 0, sizeof(table));
        table_add(&table, a, sum.schema, sum.zero_threshold, 1);
        table_add(&table, b, sum.schema, sum.zero_threshold, sign);
        assert_table(&table, &sum, 1e-6);
        ASSERT_NEAR(a->count + sign * b->count, sum.count.sum, 1e-6);
    }
    ASSERT_TRUE(checked > 100);
}

TEST(histogram_sums_of_custom_buckets_lose_nothing)
{
    uint64_t seed = 5;

    for (int i = 0; i < 400; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        const struct histogram *a = draw_histogram(arena, &seed, true), *b = draw_histogram(arena, &seed, true);
        struct histogram_sum sum = { 0 };
        double total = 0;
        histogram_sum_begin(&sum, arena, a);
        histogram_sum_add(&sum, b);
        histogram_sum_settle(&sum);
        for (size_t k = 0; k < sum.positive.count; k++)
            total += sum.positive.counts[k].sum;
        ASSERT_NEAR(a->count + b->count, total, 1e-6);
        ASSERT_OK(histogram_check_shape(histogram_sum_compact(&sum, arena)));
    }
}
