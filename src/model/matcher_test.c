/* matcher_test.c - what matches. */
#include "base/test.h"
#include "model/labels.h"

static bool matches(enum match_type type, const char *pattern, const char *value)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct matcher matcher;

    ASSERT_OK(matcher_make(arena, type, S("job"), str_of(pattern), &matcher));
    return matcher_matches(&matcher, str_of(value));
}

TEST(matcher_knows_equality_and_anchored_expressions)
{
    ASSERT_TRUE(matches(MATCH_EQ, "node", "node"));
    ASSERT_FALSE(matches(MATCH_EQ, "node", "nodes"));
    ASSERT_TRUE(matches(MATCH_NE, "node", ""));
    ASSERT_TRUE(matches(MATCH_RE, "a|b.*", "bcd"));
    ASSERT_FALSE(matches(MATCH_RE, "a|b", "ab"));
    ASSERT_TRUE(matches(MATCH_RE, ".*", ""));
    ASSERT_TRUE(matches(MATCH_NRE, "a.+", "a"));
    ASSERT_FALSE(matches(MATCH_RE, "a", "a\n"));
}

TEST(matcher_with_a_catastrophic_expression_gives_up)
{
    ASSERT_FALSE(matches(MATCH_RE, "(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
}

TEST(matcher_says_what_is_wrong_with_an_expression)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct matcher matcher;

    ASSERT_ERR(ERR_INVALID, "offset", matcher_make(arena, MATCH_RE, S("job"), S("a(b"), &matcher));
}
