/* page.c - cursors: an id in decimal. */
#include "model/page.h"

err page_before(struct str cursor, int64_t *ret_id)
{
    *ret_id = 0;
    if (cursor.length && (!str_to_i64(cursor, ret_id) || *ret_id <= 0))
        return err_new(ERR_INVALID, "cursor '%.*s' is none of ours", STR_ARG(cursor));
    return NULL;
}

struct str page_cursor(struct arena *arena, size_t count, int64_t limit, int64_t last_id)
{
    if (count == 0 || count < (size_t)limit)
        return (struct str){ NULL, 0 };
    return str_printf(arena, "%lld", (long long)last_id);
}
