/* seal_test.c - sealed secrets open where they were sealed, and nowhere else. */
#include "auth/seal.h"
#include "base/arena.h"
#include "base/test.h"

#include <string.h>

static const struct seal_place place = { .table = "redis_connection", .column = "password", .row = S("7") };

TEST(seal_opens_where_it_was_sealed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str sealed, again, secret;

    ASSERT_OK(seal_open(test_folder()));
    ASSERT_OK(seal(arena, &place, S("pass\0word"), &sealed));
    ASSERT_OK(seal(arena, &place, S("pass\0word"), &again));
    ASSERT_FALSE(str_eq(sealed, again)); /* equal secrets don't look equal */
    ASSERT_OK(seal_open(test_folder())); /* the key is kept */
    ASSERT_OK(unseal(arena, &place, sealed, &secret));
    ASSERT_TRUE(str_eq(S("pass\0word"), secret));
    ASSERT_OK(seal(arena, &place, S(""), &sealed));
    ASSERT_OK(unseal(arena, &place, sealed, &secret));
    ASSERT_EQ_INT(0, secret.length);
}

TEST(seal_refuses_what_was_moved_changed_or_cut)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct seal_place elsewhere = place;
    struct str sealed, secret;

    ASSERT_OK(seal_open(test_folder()));
    ASSERT_OK(seal(arena, &place, S("secret"), &sealed));
    elsewhere.row = S("8");
    ASSERT_ERR(ERR_CORRUPT, "does not open", unseal(arena, &elsewhere, sealed, &secret));
    for (size_t i = 0; i < sealed.length; i++) {
        char *changed = str_c(arena, sealed);
        /* The last character carries four bits and two spare ones: change one that counts. */
        changed[i] = strchr("ABCDEFGHIJKLMNOP", changed[i]) ? 'z' : 'A';
        err e = unseal(arena, &place, (struct str){ changed, sealed.length }, &secret);
        ASSERT_TRUE(e);
        err_free(e);
        e = unseal(arena, &place, str_slice(sealed, 0, i), &secret);
        ASSERT_TRUE(e);
        err_free(e);
    }
}
