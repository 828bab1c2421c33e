/* sequence_test.c - what sequences of samples mean, and what is none. */
#include "promql/sequence.h"

#include "base/test.h"

#include <math.h>

TEST(sequences_are_numbers_gaps_and_steps)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct sequence sequence;

    ASSERT_OK(sequence_parse(arena, S("1 -2+3x2 _x2 NaN 5m 1e-1-1e1x1 0x2 stale"), &sequence));
    ASSERT_EQ_INT(14, (int64_t)sequence.items.count);
    ASSERT_NEAR(4, sequence.items.at[3].value, 0);
    ASSERT_FALSE(sequence.items.at[5].present);
    ASSERT_NEAR(NAN, sequence.items.at[6].value, 0);
    ASSERT_NEAR(300, sequence.items.at[7].value, 0);
    ASSERT_NEAR(-9.9, sequence.items.at[9].value, 1e-12);
    ASSERT_TRUE(value_is_stale(sequence.items.at[13].value));
    ASSERT_ERR(ERR_INVALID, "no number at 'y'", sequence_parse(arena, S("1 y"), &sequence));
    ASSERT_ERR(ERR_INVALID, "without its end", sequence_parse(arena, S("{{count:1}}+{{count:1"), &sequence));
    ASSERT_ERR(ERR_INVALID, "bad count", sequence_parse(arena, S("1x1000001"), &sequence));
    ASSERT_ERR(ERR_TOO_LARGE, "", sequence_parse(arena, S("1x1000000 1x1000000"), &sequence));
}
