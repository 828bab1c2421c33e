/* static_files.c - the page, the reader of the API's document, and that document. */
#include "base/asset.h"
#include "base/lang.h"
#include "net/http_server.h"
#include "net/route.h"

#include <string.h>

static err openapi_get(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);
    (void)req;
    (void)query;
    (void)body;

    openapi_write(&w);
    return NULL;
}

static const struct route openapi_route = {
    .method = "GET",
    .path = "/api/openapi.json",
    .summary = "This API as an OpenAPI 3.1 document",
    .tag = "About",
    .role = ROLE_VIEWER,
    .before_ready = true,
    .handle = openapi_get,
};
REGISTER(route, openapi_route);

static err docs_get(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req;
    (void)query;
    (void)body;

    reply->asset = asset_find(S("web/public/docs.html"));
    return reply->asset ? NULL : err_new(ERR_NOT_FOUND, "this binary was built without the reader");
}

static const struct route docs_route = {
    .method = "GET",
    .path = "/docs",
    .summary = "The API, to read",
    .tag = "About",
    .role = ROLE_NOBODY,
    .quick = true,
    .unknown_ok = true,
    .handle = docs_get,
};
REGISTER(route, docs_route);

/* is_page - a URL that the page itself makes sense of ("/incidents/17"), so it gets index.html. A name with a dot is a
 * file; what is below these is for programs, who want to hear 404. */
static bool is_page(struct str path)
{
    static const struct str programs[] = { S("/api/"),  S("/ws/"),           S("/-/"),  S("/prometheus/"),
                                           S("/loki/"), S("/alertmanager/"), S("/v1/"), S("/assets/") };
    size_t last = 0;

    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        if (str_starts(path, programs[i]) || str_eq(path, str_slice(programs[i], 0, programs[i].length - 1)))
            return false;
    for (size_t i = 0; i < path.length; i++)
        if (path.at[i] == '/')
            last = i;
    return !memchr(path.at + last, '.', path.length - last);
}

static err file_get(struct request *req, const void *query, const void *body, struct reply *reply)
{
    static const struct str folders[] = { S("web/dist/"), S("web/public/") };
    struct str name = request_param(req, S("rest"));
    (void)query;
    (void)body;

    if (name.length == 0)
        name = S("index.html");
    for (size_t i = 0; i < ARRAY_LEN(folders) && !reply->asset; i++)
        reply->asset = asset_find(str_printf(request_arena(req), "%.*s%.*s", STR_ARG(folders[i]), STR_ARG(name)));
    if (!reply->asset && is_page(request_path(req)))
        reply->asset = asset_find(S("web/dist/index.html"));
    if (reply->asset)
        return NULL;
    return err_new(ERR_NOT_FOUND, "there is nothing at %.*s", STR_ARG(str_slice(request_path(req), 0, 200)));
}

static const struct route file_route = {
    .method = "GET",
    .path = "/{rest...}",
    .summary = "The page",
    .tag = "About",
    .role = ROLE_NOBODY,
    .quick = true,
    .unknown_ok = true,
    .handle = file_get,
};
REGISTER(route, file_route);
