/* capture_test.c - groups fill templates as they do in Go. */
#include "base/test.h"
#include "model/capture.h"

static struct str expanded(struct arena *arena, const char *pattern, const char *text, const char *template)
{
    const struct capture *capture;
    struct str result = S("no match");

    ASSERT_OK(capture_make(arena, str_of(pattern), &capture));
    return capture_expand(capture, arena, str_of(text), str_of(template), &result) ? result : S("no match");
}

TEST(capture_fills_templates_as_go_does)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    static const struct {
        const char *pattern, *text, *template, *expected;
    } cases[] = {
        { "(.*)-(.*)", "a-b", "$2-$1", "b-a" },
        { "(.*)-(.*)", "a-b", "${2}x$1", "bxa" },
        { "(.*)-(.*)", "a-b", "$1x", "" }, /* the group called 1x */
        { "(?P<node>.*):9100", "web1:9100", "$node, ${node}", "web1, web1" },
        { "(a)|(b)", "b", "[$1$2]", "[b]" },
        { ".*", "whole", "$0", "whole" },
        { ".*", "x", "$$1 $ ${ ${} $-", "$1 $ ${ ${} $-" },
        { ".*", "x", "$7${nobody}$01", "" },
        { "a", "ab", "$0", "no match" },
        { "b", "ab", "$0", "no match" },
        { "", "", "empty", "empty" },
        { "a.b", "a\nb", "dot", "dot" },
        { "(?i)AB", "ab", "$0", "ab" },
        { "(\\w+?)(\\d*)", "abc123", "$1|$2", "abc|123" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_STR(cases[i].expected, expanded(arena, cases[i].pattern, cases[i].text, cases[i].template));
}

TEST(capture_refuses_what_re2_refuses)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct capture *capture;

    ASSERT_ERR(ERR_INVALID, "is wrong", capture_make(arena, S("(a"), &capture));
    ASSERT_ERR(ERR_INVALID, "RE2", capture_make(arena, S("(a)\\1"), &capture));
    ASSERT_ERR(ERR_INVALID, "RE2", capture_make(arena, S("(?=a)"), &capture));
}
