/* asset_test.c - the embedded files are there and are found. */
#include "base/asset.h"
#include "base/test.h"

#include <string.h>

TEST(asset_find_knows_the_page)
{
    const struct asset *page = asset_find(S("web/dist/index.html"));

    ASSERT_TRUE(page);
    ASSERT_TRUE(page->gzipped);
    ASSERT_TRUE(page->length > 18);
    ASSERT_EQ_INT(0x1f, page->bytes[0]); /* gzip's magic */
    ASSERT_EQ_INT(0x8b, page->bytes[1]);
    ASSERT_EQ_INT('"', page->etag[0]);
    ASSERT_EQ_INT(34, (int)strlen(page->etag));
}

TEST(asset_find_takes_whole_paths_only)
{
    ASSERT_TRUE(!asset_find(S("web/dist/")));
    ASSERT_TRUE(!asset_find(S("web/dist/index.htm")));
    ASSERT_TRUE(!asset_find(S("web/dist/index.html2")));
    ASSERT_TRUE(!asset_find(S("")));
    ASSERT_TRUE(!asset_find(S("zzz")));
}

TEST(asset_next_visits_a_prefix_in_order)
{
    const struct asset *last = NULL;
    int count = 0;

    for (const struct asset *it = NULL; (it = asset_next(S("web/dist/"), it)); last = it, count++) {
        ASSERT_TRUE(str_starts(str_of(it->path), S("web/dist/")));
        ASSERT_TRUE(!last || strcmp(last->path, it->path) < 0);
    }
    ASSERT_TRUE(count >= 1);
    ASSERT_TRUE(!asset_next(S("no/such/"), NULL));
}

TEST(asset_table_is_sorted_without_doubles)
{
    for (const struct asset *it = asset_table; it->path && it[1].path; it++)
        ASSERT_TRUE(strcmp(it->path, it[1].path) < 0);
}
