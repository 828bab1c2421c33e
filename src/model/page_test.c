/* page_test.c - cursors go out and come back. */
#include "model/page.h"

#include "base/test.h"

TEST(a_cursor_comes_back_as_the_id_it_stands_for)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    int64_t before = -1;

    ASSERT_OK(page_before(S(""), &before));
    ASSERT_EQ_INT(0, before);
    ASSERT_OK(page_before(page_cursor(arena, 50, 50, 4711), &before));
    ASSERT_EQ_INT(4711, before);
    ASSERT_TRUE(page_cursor(arena, 49, 50, 4711).at == NULL);
    ASSERT_TRUE(page_cursor(arena, 0, 0, 0).at == NULL);
}

TEST(what_is_no_cursor_is_said_so)
{
    static const struct str wrong[] = { S("0"), S("-5"), S("abc"), S("12 "), S("99999999999999999999") };
    int64_t before;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ASSERT_ERR(ERR_INVALID, "none of ours", page_before(wrong[i], &before));
}
