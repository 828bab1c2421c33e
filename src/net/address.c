/* address.c - resolves a name and looks at every address that it leads to. */
#include "net/address.h"

#include "net/address_guard.h"
#include "net/wire.h"

err address_check_reachable(struct str host, int64_t deadline_ms)
{
    struct address addresses[ADDRESSES_MAX];
    size_t count = 0;

    TRY(resolve_host(host, 0, deadline_ms, addresses, &count));
    for (size_t i = 0; i < count; i++)
        if (address_is_no_server((const struct sockaddr *)&addresses[i].at))
            return err_new(ERR_FORBIDDEN, "%.*s is a link-local, metadata or multicast address: nobody connects there",
                           STR_ARG(host));
    return count ? NULL : err_new(ERR_UNAVAILABLE, "%.*s has no address", STR_ARG(host));
}
