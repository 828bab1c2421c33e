/* router_test.c - which row gets a path. */
#include "net/router.h"

#include "base/lang.h"
#include "base/test.h"

static const struct route rows[] = {
    { .method = "GET", .path = "/a" },
    { .method = "POST", .path = "/a" },
    { .method = "GET", .path = "/a/{id}" },
    { .method = "DELETE", .path = "/a/{id}" },
    { .method = "GET", .path = "/a/search" },
    { .method = "GET", .path = "/a/{id}/b/{other}" },
    { .method = "POST", .path = "/a/search/run" },
    { .method = "GET", .path = "/files/{rest...}" },
    { .method = "GET", .path = "/{rest...}" },
};

static struct route_match match;

static const char *find(const char *method, const char *path)
{
    static struct arena *arena;
    const struct route *list[ARRAY_LEN(rows)];
    struct router *router;

    arena_free(arena); /* of the call before: its match is of no more use */
    arena = arena_new(100000);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        list[i] = &rows[i];
    ASSERT_OK(router_new(list, ARRAY_LEN(list), NULL, 0, &router));
    err e = router_find(router, arena, str_of(method), str_of(path), &match);
    router_free(router);
    if (e) {
        err_free(e);
        return "error";
    }
    return match.route ? match.route->path : match.allow[0] ? match.allow : "nothing";
}

TEST(router_prefers_literals_and_falls_back)
{
    ASSERT_STR("/a/search", str_of(find("GET", "/a/search")));
    ASSERT_STR("/a/{id}", str_of(find("DELETE", "/a/search"))); /* the literal has no DELETE */
    ASSERT_STR("/a/{id}/b/{other}", str_of(find("GET", "/a/search/b/2")));
    ASSERT_STR("2", match.params[1].value);
    ASSERT_STR("/a/search/run", str_of(find("POST", "/a/search/run")));
    ASSERT_STR("/a/{id}", str_of(find("GET", "/a/x%20%2Fy")));
    ASSERT_STR("x /y", match.params[0].value);
    ASSERT_STR("/a", str_of(find("HEAD", "/a")));
}

TEST(router_says_what_a_path_is_for)
{
    ASSERT_STR("GET, HEAD, POST", str_of(find("PUT", "/a")));
    ASSERT_STR("POST", str_of(find("GET", "/a/search/run")));
    ASSERT_STR("GET, HEAD, DELETE", str_of(find("POST", "/a/7")));
    ASSERT_STR("nothing", str_of(find("POST", "/files/x"))); /* {rest...} answers what it has, no more */
}

TEST(router_rest_takes_the_whole_rest)
{
    ASSERT_STR("/files/{rest...}", str_of(find("GET", "/files/x/y%2Fz")));
    ASSERT_STR("x/y/z", match.params[0].value);
    ASSERT_STR("/{rest...}", str_of(find("GET", "/")));
    ASSERT_STR("", match.params[0].value);
    ASSERT_STR("/{rest...}", str_of(find("GET", "/a/"))); /* an empty segment is no {id} */
    ASSERT_STR("/{rest...}",
               str_of(find("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26")));
}

TEST(router_refuses_bad_escapes)
{
    static const char *const bad[] = { "/a/%", "/a/%4", "/a/%zz", "/a/%00", "/a/%ff", "/a/%c0%80", "/zzz/%" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ASSERT_STR("error", str_of(find("GET", bad[i])));
}

TEST(router_refuses_two_rows_for_one_call)
{
    static const struct route twice[] = { { .method = "GET", .path = "/x/{a}" },
                                          { .method = "GET", .path = "/x/{b}" } };
    const struct route *list[] = { &twice[0], &twice[1] };
    struct router *router;

    ASSERT_ERR(ERR_INVALID, "two routes", router_new(list, 2, NULL, 0, &router));
}
