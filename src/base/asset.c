/* asset.c - looks up the embedded files. */
#include "base/asset.h"

/* at_or_after - the first row whose path is not below `path`; the closing row where there is none. */
static const struct asset *at_or_after(struct str path)
{
    const struct asset *it = asset_table;

    /* A few dozen rows, asked for once a request at most. */
    while (it->path && str_cmp(str_of(it->path), path) < 0)
        it++;
    return it;
}

const struct asset *asset_find(struct str path)
{
    const struct asset *it = at_or_after(path);

    return it->path && str_eq(str_of(it->path), path) ? it : NULL;
}

const struct asset *asset_next(struct str prefix, const struct asset *previous)
{
    const struct asset *it = previous ? previous + 1 : at_or_after(prefix);

    return it->path && str_starts(str_of(it->path), prefix) ? it : NULL;
}
