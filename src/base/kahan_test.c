/* kahan_test.c - small terms survive great ones. */
#include "base/kahan.h"
#include "base/test.h"

TEST(kahan_keeps_what_plain_addition_loses)
{
    static const double terms[] = { 1, 1e100, 1, -1e100 };
    struct kahan kahan = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(terms); i++)
        kahan_add(&kahan, terms[i]);
    ASSERT_NEAR(2, kahan_total(kahan), 0);
}

TEST(kahan_stays_infinite)
{
    struct kahan kahan = { 0 };

    kahan_add(&kahan, 1e308);
    kahan_add(&kahan, INFINITY);
    kahan_add(&kahan, 1);
    ASSERT_TRUE(kahan_total(kahan) == INFINITY);
}

TEST(kahan_sum_of_a_column_loses_no_more_than_one_by_one)
{
    double terms[101];
    struct kahan kahan = { 0 }, column;

    for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
        terms[i] = (i % 3 == 0 ? -1 : 1) * pow(10, (double)(i * 7 % 31));
        kahan_add(&kahan, terms[i]);
        ASSERT_TRUE(kahan_sum(terms, i + 1, &column));
        ASSERT_NEAR(kahan_total(kahan), kahan_total(column), fabs(kahan_total(kahan)) * 1e-15);
    }
}

TEST(kahan_sum_leaves_what_may_overflow)
{
    static const double great[] = { 1e308, 1, 1e308, 1, -1e308 }, infinite[] = { 1, INFINITY }, none[] = { NAN };
    struct kahan column;

    ASSERT_FALSE(kahan_sum(great, ARRAY_LEN(great), &column));
    ASSERT_FALSE(kahan_sum(infinite, ARRAY_LEN(infinite), &column));
    ASSERT_FALSE(kahan_sum(none, ARRAY_LEN(none), &column));
}
