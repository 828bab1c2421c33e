/* router.h - which row answers a path; inside net/ only.
 *
 * Owner: the server. Threads: immutable once made, so any. Matching looks at each segment once or, where a literal
 * turns out wrong further on, again as a parameter: literals win over {param}, both win over {rest...}. */
#pragma once
#include "net/route.h"

enum { ROUTE_PARAMS_MAX = 6, ROUTE_SEGMENTS_MAX = 24 };

struct router;

/* router_new - ERR_INVALID: two rows for one method and path, a wrong path. */
err router_new(const struct route *const *rows, size_t count, const struct socket_route *const *sockets,
               size_t socket_count, struct router **ret_router) MUST_USE;
void router_free(struct router *router);

struct route_match {
    const struct route *route;         /* NULL: none for this method */
    const struct socket_route *socket; /* a WebSocket row of that path */
    struct pair params[ROUTE_PARAMS_MAX];
    size_t param_count;
    char allow[96]; /* the path exists for these methods; "" where it doesn't exist */
};

/* router_find - `path` is as sent: segments are split first and percent-decoded then, into the arena. ERR_INVALID: a
 * broken escape, NUL, or text that is not UTF-8. HEAD finds the row of GET. */
err router_find(const struct router *router, struct arena *arena, struct str method, struct str path,
                struct route_match *ret_match) MUST_USE;

/* url_decode - percent-decoded copy (or `text` itself where nothing is to be done). */
err url_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *ret_text) MUST_USE;
