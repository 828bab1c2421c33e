/* str_test.c - views of text. */
#include "base/arena.h"
#include "base/test.h"

TEST(str_cut_walks_a_list)
{
    struct str rest = S("a,,c"), word;
    size_t words = 0;

    for (; rest.at; words++) {
        word = str_cut(rest, ',', &rest);
        if (words == 2)
            ASSERT_STR("c", word);
    }
    ASSERT_EQ_INT(3, words);
}

TEST(str_numbers_take_the_whole_text_or_nothing)
{
    int64_t i;
    uint64_t u;
    double d;

    ASSERT_TRUE(str_to_i64(S("-9223372036854775808"), &i));
    ASSERT_EQ_INT(INT64_MIN, i);
    ASSERT_FALSE(str_to_i64(S("9223372036854775808"), &i));
    ASSERT_FALSE(str_to_i64(S(" 1"), &i));
    ASSERT_FALSE(str_to_i64(S("1 "), &i));
    ASSERT_FALSE(str_to_i64(S(""), &i));
    ASSERT_FALSE(str_to_i64(S("1\0002"), &i));
    ASSERT_FALSE(str_to_u64(S("-1"), &u));
    ASSERT_TRUE(str_to_double(S("1e-3"), &d));
    ASSERT_NEAR(0.001, d, 0);
    ASSERT_FALSE(str_to_double(S("0x10"), &d));
    ASSERT_FALSE(str_to_double(S("1.5.2"), &d));
}

TEST(str_utf8_is_judged_as_unicode_does)
{
    ASSERT_TRUE(str_is_utf8(S("장애 \xF0\x9F\x94\xA5")));
    ASSERT_FALSE(str_is_utf8(S("\xC0\x80")));         /* overlong */
    ASSERT_FALSE(str_is_utf8(S("\xED\xA0\x80")));     /* surrogate */
    ASSERT_FALSE(str_is_utf8(S("\xF4\x90\x80\x80"))); /* above U+10FFFF */
    ASSERT_FALSE(str_is_utf8(S("\xE2\x82")));         /* cut */
    ASSERT_TRUE(str_is_utf8(S("0123456789 \xED\x95\x9C 0123456789")));
    ASSERT_FALSE(str_is_utf8(S("0123456789012345\xFF")));
    ASSERT_FALSE(str_is_utf8(S("0123456\xFF")));
}

TEST(str_scrub_replaces_what_is_broken)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    ASSERT_STR("a\xEF\xBF\xBD"
               "b",
               str_utf8_scrub(arena, S("a\xFF"
                                       "b")));
    ASSERT_STR("x\xEF\xBF\xBDy", str_utf8_scrub(arena, S("x\0y")));
    ASSERT_STR("한", str_utf8_head(S("한국"), 5));
}

TEST(str_distance_finds_the_word_that_was_meant)
{
    ASSERT_EQ_INT(2, str_distance(S("recievers"), S("receiversx"), 3));
    ASSERT_EQ_INT(1, str_distance(S("recievers"), S("receivers"), 3));
    ASSERT_EQ_INT(0, str_distance(S("a"), S("a"), 3));
    ASSERT_EQ_INT(4, str_distance(S("abcdef"), S("uvwxyz"), 3));
}
