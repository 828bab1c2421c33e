/* address_guard.h - which addresses outgoing calls may go to; inside net/ only.
 *
 * Owner: the HTTP client. Threads: immutable once made, so any. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

#include <sys/socket.h>

struct address_guard;

/* address_guard_new - `allow`: host names, addresses, CIDR blocks. ERR_INVALID names a wrong one. In the arena. */
err address_guard_new(struct arena *arena, const struct str *allow, size_t count,
                      const struct address_guard **ret_guard) MUST_USE;
/* address_is_public - not loopback, private, link-local, shared, multicast, reserved, nor any of these inside an IPv6
 * address (mapped, compatible, NAT64, 6to4). */
bool address_is_public(const struct sockaddr *address);
/* address_is_no_server - where no server of anybody's lives, whatever the administrator says: link-local and metadata
 * addresses, multicast, broadcast, "this host". */
bool address_is_no_server(const struct sockaddr *address);
/* address_allows - public, or the administrator allowed the host's name or the address. */
bool address_allows(const struct address_guard *guard, struct str host, const struct sockaddr *address);
