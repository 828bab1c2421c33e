/* matcher_test.c - label matchers. */
#include "base/test.h"
#include "base/time.h"
#include "model/labels.h"

#include <string.h>

static bool matches(enum match_type type, const char *pattern, const char *value)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct matcher matcher;

    ASSERT_OK(matcher_make(arena, type, S("x"), str_of(pattern), &matcher));
    return matcher_matches(&matcher, str_of(value));
}

TEST(matchers_select_label_sets)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label items[] = { { S("job"), S("redis") }, { S("zone"), S("eu-1") } };
    struct labels labels = labels_make(arena, items, 2);
    struct matcher matchers[3];

    ASSERT_OK(matcher_make(arena, MATCH_EQ, S("job"), S("redis"), &matchers[0]));
    ASSERT_OK(matcher_make(arena, MATCH_RE, S("zone"), S("eu-[0-9]+"), &matchers[1]));
    ASSERT_OK(matcher_make(arena, MATCH_NE, S("absent"), S("x"), &matchers[2]));
    ASSERT_TRUE(matchers_match(matchers, 3, labels));
    ASSERT_OK(matcher_make(arena, MATCH_NRE, S("zone"), S("eu-.*"), &matchers[2]));
    ASSERT_FALSE(matchers_match(matchers, 3, labels));
    ASSERT_TRUE(matchers_match(NULL, 0, labels));
}

TEST(matcher_regexes_are_anchored_and_mean_what_they_mean_in_prometheus)
{
    ASSERT_TRUE(matches(MATCH_RE, "a|b", "b"));
    ASSERT_FALSE(matches(MATCH_RE, "a|b", "ab"));
    ASSERT_TRUE(matches(MATCH_RE, "a|b.", "bc"));
    ASSERT_FALSE(matches(MATCH_RE, "a|b.", "ac"));
    ASSERT_TRUE(matches(MATCH_RE, "", ""));
    ASSERT_FALSE(matches(MATCH_RE, "", "x"));
    ASSERT_TRUE(matches(MATCH_RE, "a|", ""));
    ASSERT_TRUE(matches(MATCH_RE, ".*", ""));
    ASSERT_FALSE(matches(MATCH_RE, ".+", ""));
    ASSERT_TRUE(matches(MATCH_RE, "a.*", "a\nb"));
    ASSERT_TRUE(matches(MATCH_RE, "a.c", "a\nc"));
    ASSERT_FALSE(matches(MATCH_RE, "abc", "abc\n"));
    ASSERT_FALSE(matches(MATCH_RE, "ab[c]", "abc\n"));
    ASSERT_TRUE(matches(MATCH_RE, "(?i)REDIS", "redis"));
    ASSERT_TRUE(matches(MATCH_RE, ".", "\xED\x95\x9C"));
    ASSERT_TRUE(matches(MATCH_RE, "\\d{3}[[:alpha:]]\\.(?P<n>x)(?:y)", "123a.xy"));
    ASSERT_TRUE(matches(MATCH_NRE, "a[bc]", "ad"));
    ASSERT_FALSE(matches(MATCH_RE, "a[b]", "a\xFF"));
}

TEST(matcher_refuses_what_does_not_compile_or_is_not_re2)
{
    static const struct {
        const char *pattern, *part;
    } cases[] = {
        { "a(", "is wrong at character" }, { "*", "is wrong at character" }, { "[a", "is wrong at character" },
        { "a(?=b)", "lookaround" },        { "a(?<!b)", "lookaround" },      { "(?>a)", "special groups" },
        { "(*NO_JIT)a+", "verbs" },        { "(.)\\1", "back references" },  { "a++", "possessive" },
        { "(?R)", "special groups" },      { "(?{1})", "special groups" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct matcher matcher;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_ERR(ERR_INVALID, cases[i].part,
                   matcher_make(arena, MATCH_RE, S("x"), str_of(cases[i].pattern), &matcher));
    ASSERT_TRUE(matches(MATCH_RE, "[*+]\\+", "++"));
    ASSERT_TRUE(matches(MATCH_RE, "[]a]\\Q(?=\\E", "a(?="));
    ASSERT_ERR(ERR_INVALID, "must be UTF-8", matcher_make(arena, MATCH_RE, S("x"), S("\xFF"), &matcher));
}

TEST(matcher_ends_where_backtracking_would_not)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct matcher matcher;
    char value[64];
    int64_t start = time_mono_ms();

    memset(value, 'a', sizeof(value));
    ASSERT_OK(matcher_make(arena, MATCH_RE, S("x"), S("(a|a)*b|(a+)+c"), &matcher));
    ASSERT_FALSE(matcher_matches(&matcher, (struct str){ value, sizeof(value) }));
    ASSERT_TRUE(time_mono_ms() - start < 1000);
}
