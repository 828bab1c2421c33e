/* asset.h - files that travel inside the binary: content/ and the built page, web/dist/.
 *
 * Owner: nobody, all of it is constant. Threads: any. The table is written at build time (cmake/assets.cmake). */
#pragma once
#include "base/str.h"

struct asset {
    const char *path;           /* as in the repository: "content/actions/redis.yml", "web/dist/index.html" */
    const unsigned char *bytes; /* followed by a NUL that length does not count */
    size_t length;
    const char *etag; /* hash of the plain bytes, with its quotes */
    bool gzipped;     /* the bytes are gzip; only under web/ */
};

/* Sorted by path, ends with a row whose path is NULL. */
extern const struct asset asset_table[];

/* asset_find - the file of exactly that path, or NULL. */
const struct asset *asset_find(struct str path);

/* asset_next - the files whose path begins with prefix, in order of path: NULL gives the first, NULL is the end.
 * for (const struct asset *it = NULL; (it = asset_next(S("content/actions/"), it));) { ... } */
const struct asset *asset_next(struct str prefix, const struct asset *previous);
