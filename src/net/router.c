/* router.c - a tree of path segments. */
#include "net/router.h"

#include "base/lang.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct node {
    struct str segment; /* literal; of params: the name */
    VEC(struct node *) literals;
    struct node *param, *rest;
    VEC(const struct route *) routes; /* by method */
    const struct socket_route *socket;
};

struct router {
    struct arena *arena;
    struct node root;
};

static bool segment_is_param(struct str segment)
{
    return segment.length >= 2 && segment.at[0] == '{' && segment.at[segment.length - 1] == '}';
}

static struct node *node_new(struct router *router, struct str segment)
{
    struct node *node = arena_alloc(router->arena, sizeof(*node));

    node->segment = segment;
    return node;
}

static struct node *literal_of(const struct node *node, struct str segment)
{
    for (size_t i = 0; i < node->literals.count; i++)
        if (str_eq(node->literals.at[i]->segment, segment))
            return node->literals.at[i];
    return NULL;
}

static struct node *step(struct router *router, struct node *node, struct str segment)
{
    if (!segment_is_param(segment)) {
        struct node *next = literal_of(node, segment);
        if (!next)
            *vec_push(&node->literals, router->arena) = next = node_new(router, segment);
        return next;
    }
    struct str name = str_slice(segment, 1, segment.length - 1);
    bool rest = str_ends(name, S("..."));
    struct node **place = rest ? &node->rest : &node->param;
    if (!*place)
        *place = node_new(router, rest ? str_slice(name, 0, name.length - 3) : name);
    return *place;
}

static err place_of(struct router *router, const char *path, struct node **ret_node)
{
    struct node *node = &router->root;
    struct str rest = str_of(path);
    int params = 0, segments = 0;

    if (rest.length == 0 || rest.at[0] != '/')
        return err_new(ERR_INVALID, "route %s: a path begins with '/'", path);
    for (rest = str_slice(rest, 1, rest.length); rest.at;) {
        struct str segment = str_cut(rest, '/', &rest);
        params += segment_is_param(segment);
        if (++segments > ROUTE_SEGMENTS_MAX || params > ROUTE_PARAMS_MAX)
            return err_new(ERR_INVALID, "route %s: too many segments or parameters", path);
        node = step(router, node, segment);
    }
    *ret_node = node;
    return NULL;
}

static const struct route *route_of(const struct node *node, struct str method)
{
    for (size_t i = 0; i < node->routes.count; i++)
        if (str_eq(str_of(node->routes.at[i]->method), method))
            return node->routes.at[i];
    return NULL;
}

err router_new(const struct route *const *rows, size_t count, const struct socket_route *const *sockets,
               size_t socket_count, struct router **ret_router)
{
    struct router *router = calloc(1, sizeof(*router));
    err e = NULL;

    if (!router)
        abort();
    router->arena = arena_new(SIZE_MAX);
    for (size_t i = 0; i < count && !e; i++) {
        struct node *node;
        e = place_of(router, rows[i]->path, &node);
        if (!e && route_of(node, str_of(rows[i]->method)))
            e = err_new(ERR_INVALID, "two routes for %s %s", rows[i]->method, rows[i]->path);
        if (!e)
            *vec_push(&node->routes, router->arena) = rows[i];
    }
    for (size_t i = 0; i < socket_count && !e; i++) {
        struct node *node;
        e = place_of(router, sockets[i]->path, &node);
        if (!e && node->socket)
            e = err_new(ERR_INVALID, "two WebSocket routes for %s", sockets[i]->path);
        if (!e)
            node->socket = sockets[i];
    }
    if (e) {
        router_free(router);
        return e;
    }
    *ret_router = router;
    return NULL;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    arena_free(router->arena);
    free(router);
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

err url_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *ret_text)
{
    size_t length = 0;

    if (!text.at || (!memchr(text.at, '%', text.length) && !(plus_is_space && memchr(text.at, '+', text.length)))) {
        *ret_text = text;
        return NULL;
    }
    char *out = arena_alloc(arena, text.length + 1);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '+' && plus_is_space)
            c = ' ';
        if (c == '%') {
            int high = i + 1 < text.length ? hex_of(text.at[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_of(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_new(ERR_INVALID, "'%.*s' is not a percent escape",
                               (int)(text.length - i < 3 ? text.length - i : 3), text.at + i);
            c = (char)(high * 16 + low);
            if (c == 0)
                return err_new(ERR_INVALID, "an escaped NUL (%%00) is not taken");
            i += 2;
        }
        out[length++] = c;
    }
    *ret_text = (struct str){ out, length };
    if (!str_is_utf8(*ret_text))
        return err_new(ERR_INVALID, "what the percent escapes stand for is not UTF-8");
    return NULL;
}

struct search {
    struct str method;
    struct str segments[ROUTE_SEGMENTS_MAX]; /* raw */
    size_t count;
    struct pair params[ROUTE_PARAMS_MAX]; /* raw values */
    size_t param_count;
    struct route_match *match;
};

static void allow(struct search *search, const char *method)
{
    char *text = search->match->allow;
    size_t length = strlen(text);

    if (strstr(text, method))
        return;
    if (length + strlen(method) + 3 > sizeof(search->match->allow))
        return;
    if (length)
        memcpy(text + length, ", ", 3);
    memcpy(text + strlen(text), method, strlen(method) + 1);
}

/* arrive - at a node that the whole path leads to; true where it answers this method. */
static bool arrive(struct search *search, const struct node *node)
{
    bool head = str_eq(search->method, S("HEAD"));
    const struct route *route = route_of(node, search->method);

    if (!route && head)
        route = route_of(node, S("GET"));
    if (!route && !node->socket) {
        for (size_t i = 0; i < node->routes.count; i++) {
            allow(search, node->routes.at[i]->method);
            if (strcmp(node->routes.at[i]->method, "GET") == 0)
                allow(search, "HEAD");
        }
        return false;
    }
    if (!route && !str_eq(search->method, S("GET"))) {
        allow(search, "GET");
        return false;
    }
    search->match->route = route;
    search->match->socket = node->socket;
    memcpy(search->match->params, search->params, sizeof(search->params));
    search->match->param_count = search->param_count;
    return true;
}

static bool walk(struct search *search, const struct node *node, size_t at)
{
    if (at == search->count)
        return (node->routes.count || node->socket) && arrive(search, node);
    struct str segment = search->segments[at];
    const struct node *next = literal_of(node, segment);
    if (next && walk(search, next, at + 1))
        return true;
    if (!node->param || segment.length == 0)
        return false;
    search->params[search->param_count++] = (struct pair){ node->param->segment, segment };
    if (walk(search, node->param, at + 1))
        return true;
    search->param_count--;
    return false;
}

/* walk_rest - the deepest {rest...} behind literals. Only where nothing else has that path. */
static bool walk_rest(struct search *search, const struct node *node, size_t at, struct str left)
{
    struct str after;
    const struct node *next = at < search->count ? literal_of(node, search->segments[at]) : NULL;

    str_cut(left, '/', &after);
    if (next && walk_rest(search, next, at + 1, after))
        return true;
    if (!node->rest)
        return false;
    struct str value = left.at ? left : S("");
    const struct route *route = route_of(node->rest, search->method);
    if (!route && str_eq(search->method, S("HEAD")))
        route = route_of(node->rest, S("GET"));
    if (!route)
        return false;
    search->match->route = route;
    search->match->params[0] = (struct pair){ node->rest->segment, value };
    search->match->param_count = 1;
    return true;
}

err router_find(const struct router *router, struct arena *arena, struct str method, struct str path,
                struct route_match *ret_match)
{
    struct search search = { .method = method, .match = ret_match };
    struct str whole;

    *ret_match = (struct route_match){ 0 };
    TRY(url_decode(arena, path, false, &whole)); /* for its checks, whether a row takes the place or not */
    struct str rest = str_slice(path, 1, path.length), left = rest;
    while (left.at && search.count < ROUTE_SEGMENTS_MAX)
        search.segments[search.count++] = str_cut(left, '/', &left);
    bool found = !left.at && walk(&search, &router->root, 0); /* else deeper than any row but {rest...} */
    if (!found && !ret_match->allow[0])
        walk_rest(&search, &router->root, 0, rest);
    for (size_t i = 0; i < ret_match->param_count; i++)
        TRY(url_decode(arena, ret_match->params[i].value, false, &ret_match->params[i].value));
    return NULL;
}
