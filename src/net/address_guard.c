/* address_guard.c - keeps outgoing calls from our own house: loopback, private networks, the cloud's metadata. */
#include "net/address_guard.h"

#include "base/lang.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct block {
    struct in6_addr at; /* IPv4 as ::ffff:a.b.c.d */
    int bits;
};

struct address_guard {
    VEC(struct block) blocks;
    VEC(struct str) names;
};

/* What is not for everybody, by IANA's special-purpose registries (RFC 6890 and its updates). */
static const char *const special[] = {
    "0.0.0.0/8",                                    /* this host */
    "10.0.0.0/8",                                   /* private */
    "100.64.0.0/10",                                /* shared, carrier NAT; metadata of Alibaba Cloud */
    "127.0.0.0/8",                                  /* loopback */
    "169.254.0.0/16",                               /* link-local; metadata of AWS, GCP, Azure */
    "172.16.0.0/12",                                /* private */
    "192.0.0.0/24",                                 /* protocol assignments; metadata of Oracle Cloud */
    "192.0.2.0/24",                                 /* documentation */
    "192.168.0.0/16",                               /* private */
    "198.18.0.0/15",                                /* benchmarks */
    "198.51.100.0/24",                              /* documentation */
    "203.0.113.0/24",                               /* documentation */
    "224.0.0.0/4",                                  /* multicast */
    "240.0.0.0/4",                                  /* reserved, broadcast */
    "::/128",          "::1/128", "64:ff9b:1::/48", /* local NAT64 */
    "100::/64",                                     /* discard */
    "2001:db8::/32",                                /* documentation */
    "fc00::/7",                                     /* unique local; metadata fd00:ec2::254 */
    "fe80::/10",                                    /* link-local */
    "fec0::/10",                                    /* site-local */
    "ff00::/8",                                     /* multicast */
};

/* Of these, where no server lives that one could want to reach. */
static const char *const no_servers[] = {
    "0.0.0.0/8",          "169.254.0.0/16", "192.0.0.192/32", "224.0.0.0/4",
    "100.100.100.200/32", /* metadata of Alibaba Cloud */
    "240.0.0.0/4",        "::/128",         "fe80::/10",      "ff00::/8",
    "fd00:ec2::254/128", /* metadata of AWS */
};

static bool parse_address(const char *text, struct in6_addr *ret_at, bool *ret_v4)
{
    memset(ret_at, 0, sizeof(*ret_at));
    *ret_v4 = inet_pton(AF_INET, text, &ret_at->s6_addr[12]) == 1;
    if (*ret_v4) {
        ret_at->s6_addr[10] = ret_at->s6_addr[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, text, ret_at) == 1;
}

static bool parse_block(struct str text, struct block *ret_block)
{
    char address[64];
    struct str bits, name = str_cut(text, '/', &bits);
    int64_t count;
    bool v4;

    if (name.length >= sizeof(address))
        return false;
    memcpy(address, name.at, name.length);
    address[name.length] = 0;
    if (!parse_address(address, &ret_block->at, &v4))
        return false;
    if (!bits.at)
        count = v4 ? 32 : 128;
    else if (!str_to_i64(bits, &count) || count < 0 || count > (v4 ? 32 : 128))
        return false;
    ret_block->bits = (int)count + (v4 ? 96 : 0);
    return true;
}

static bool in_block(const struct in6_addr *at, const struct block *block)
{
    int whole = block->bits / 8, rest = block->bits % 8;

    if (memcmp(at->s6_addr, block->at.s6_addr, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((at->s6_addr[whole] ^ block->at.s6_addr[whole]) >> (8 - rest)) == 0;
}

static struct in6_addr from_sockaddr(const struct sockaddr *address)
{
    struct in6_addr at = { 0 };

    if (address->sa_family == AF_INET6)
        return ((const struct sockaddr_in6 *)address)->sin6_addr;
    at.s6_addr[10] = at.s6_addr[11] = 0xff;
    memcpy(&at.s6_addr[12], &((const struct sockaddr_in *)address)->sin_addr, 4);
    return at;
}

static bool is_among(const struct in6_addr *at, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct block block;
        if (parse_block(str_of(texts[i]), &block) && in_block(at, &block))
            return true;
    }
    return false;
}

static bool is_special(const struct in6_addr *at)
{
    return is_among(at, special, ARRAY_LEN(special));
}

/* inner - the IPv4 address that an IPv6 one leads to, where there is one. */
static bool inner(const struct in6_addr *at, struct in6_addr *ret_v4)
{
    static const struct {
        const char *prefix;
        int at; /* the byte where the IPv4 address begins */
    } forms[] = { { "::/96", 12 }, { "64:ff9b::/96", 12 }, { "2002::/16", 2 } };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct block block;
        if (!parse_block(str_of(forms[i].prefix), &block) || !in_block(at, &block))
            continue;
        memset(ret_v4, 0, sizeof(*ret_v4));
        ret_v4->s6_addr[10] = ret_v4->s6_addr[11] = 0xff;
        memcpy(&ret_v4->s6_addr[12], &at->s6_addr[forms[i].at], 4);
        return true;
    }
    return false;
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return false;
    struct in6_addr at = from_sockaddr(address), v4;
    return !is_special(&at) && !(inner(&at, &v4) && is_special(&v4));
}

bool address_is_no_server(const struct sockaddr *address)
{
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return true;
    struct in6_addr at = from_sockaddr(address), v4;
    return is_among(&at, no_servers, ARRAY_LEN(no_servers)) ||
           (!IN6_IS_ADDR_LOOPBACK(&at) && inner(&at, &v4) && is_among(&v4, no_servers, ARRAY_LEN(no_servers)));
}

err address_guard_new(struct arena *arena, const struct str *allow, size_t count,
                      const struct address_guard **ret_guard)
{
    struct address_guard *guard = arena_alloc(arena, sizeof(*guard));

    for (size_t i = 0; i < count; i++) {
        struct block block;
        if (parse_block(allow[i], &block))
            *vec_push(&guard->blocks, arena) = block;
        else if (allow[i].length && !str_contains(allow[i], S("/")))
            *vec_push(&guard->names, arena) = str_copy(arena, allow[i]);
        else
            return err_new(ERR_INVALID,
                           "server.outbound_allow: '%.*s' is neither a host name, an address nor a CIDR block",
                           STR_ARG(allow[i]));
    }
    *ret_guard = guard;
    return NULL;
}

bool address_allows(const struct address_guard *guard, struct str host, const struct sockaddr *address)
{
    if (address_is_public(address))
        return true;
    for (size_t i = 0; i < guard->names.count; i++)
        if (str_eq_nocase(guard->names.at[i], host))
            return true;
    struct in6_addr at = from_sockaddr(address);
    for (size_t i = 0; i < guard->blocks.count; i++)
        if (in_block(&at, &guard->blocks.at[i]))
            return true;
    return false;
}
