/* redis_reach_test.c - watched instances are found, lent once, and gone when nobody watches them. */
#include "base/test.h"
#include "net/redis_reach.h"

TEST(reach_lends_the_standing_connection_to_one_at_a_time)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct redis_options options = { .host = S("127.0.0.1"), .port = 1, .password = S("old") }, found;

    ASSERT_FALSE(redis_reach_find(arena, S("redis:127.0.0.1:1"), &found));
    ASSERT_TRUE(redis_reach_borrow(S("127.0.0.1:1")) == NULL);
    redis_reach_add(S("127.0.0.1:1"), &options);
    ASSERT_TRUE(redis_reach_find(arena, S("redis:127.0.0.1:1"), &found));
    ASSERT_STR("old", found.password);

    struct redis_client *first = redis_reach_borrow(S("redis:127.0.0.1:1")),
                        *second = redis_reach_borrow(S("127.0.0.1:1"));
    ASSERT_TRUE(first && second && first != second);
    redis_reach_return(second);
    redis_reach_return(first);
    ASSERT_TRUE(redis_reach_borrow(S("127.0.0.1:1")) == first);

    options.password = S("new"); /* the instance is watched anew while the connection is out */
    redis_reach_add(S("127.0.0.1:1"), &options);
    ASSERT_TRUE(redis_reach_find(arena, S("127.0.0.1:1"), &found));
    ASSERT_STR("new", found.password);
    redis_reach_return(first);
    redis_reach_remove(S("127.0.0.1:1"));
    ASSERT_TRUE(redis_reach_find(arena, S("127.0.0.1:1"), &found));
    redis_reach_remove(S("127.0.0.1:1"));
    ASSERT_FALSE(redis_reach_find(arena, S("127.0.0.1:1"), &found));
}
