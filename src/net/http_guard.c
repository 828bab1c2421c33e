/* http_guard.c - who asks, from which page, by which name: decided before a handler sees the request. */
#include "base/lang.h"
#include "net/http_conn.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* host_part - without its port, without the brackets of IPv6. */
static struct str host_part(struct str authority)
{
    struct str rest;

    if (authority.length && authority.at[0] == '[') {
        size_t end = str_find(authority, S("]"), 0);
        return end == SIZE_MAX ? S("") : str_slice(authority, 1, end);
    }
    return str_cut(authority, ':', &rest);
}

static bool is_allowed_name(struct request *req, struct str authority)
{
    const struct http_server_settings *settings = server_settings(req->server);
    struct str host = host_part(authority);

    for (size_t i = 0; i < settings->allowed_hosts.count; i++) {
        struct str allowed = settings->allowed_hosts.at[i];
        if (str_eq_nocase(allowed, host) || str_eq_nocase(allowed, authority))
            return true;
    }
    return false;
}

/* is_local_address - the address that the connection came in on: no page's name can be made to mean that one. */
static bool is_local_address(struct request *req, struct str host)
{
    struct in6_addr address = { 0 };
    char text[64];

    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    if (inet_pton(AF_INET, text, &address.s6_addr[12]) == 1)
        address.s6_addr[10] = address.s6_addr[11] = 0xff;
    else if (inet_pton(AF_INET6, text, &address) != 1)
        return false;
    return memcmp(&address, &req->local_address->sin6_addr, sizeof(address)) == 0;
}

err guard_host(struct request *req)
{
    struct str host = host_part(req->head.host);

    if (req->head.host.length == 0 && req->head.minor == 0)
        return NULL; /* no browser speaks HTTP/1.0 */
    if (str_eq_nocase(host, S("localhost")) || str_eq(host, S("127.0.0.1")) || str_eq(host, S("::1")) ||
        str_eq_nocase(host, server_listen_host(req->server)) || is_local_address(req, host) ||
        is_allowed_name(req, req->head.host))
        return NULL;
    return err_hint(err_new(ERR_FORBIDDEN, "this server is not called '%.*s'", STR_ARG(str_slice(host, 0, 100))),
                    "add the name to server.allowed_hosts");
}

err guard_origin(struct request *req)
{
    struct str origin = http_header(&req->head, S("Origin"));
    struct str site = http_header(&req->head, S("Sec-Fetch-Site"));

    if (origin.length == 0 && !str_eq(site, S("cross-site")))
        return NULL;
    size_t at = str_find(origin, S("://"), 0);
    struct str authority = at == SIZE_MAX ? S("") : str_slice(origin, at + 3, origin.length);
    if (authority.length && (str_eq_nocase(authority, req->head.host) || is_allowed_name(req, authority)))
        return NULL;
    return err_hint(err_new(ERR_FORBIDDEN, "another site's page (%.*s) may not do this",
                            STR_ARG(str_slice(origin.length ? origin : site, 0, 100))),
                    "where that page is yours, add its host to server.allowed_hosts");
}

static bool same_secret(struct str a, struct str b)
{
    return a.length == b.length && a.length > 0 && CRYPTO_memcmp(a.at, b.at, a.length) == 0;
}

static bool has_credential(struct request *req)
{
    return http_header(&req->head, S("Authorization")).length || http_header(&req->head, S("Cookie")).length;
}

static err unauthorized(struct request *req, err e)
{
    reply_header(&req->reply, req, S("WWW-Authenticate"), S("Bearer realm=\"auspex\""));
    return e;
}

err guard_principal(struct request *req, enum role needs, bool open_on_loopback)
{
    err e = NULL;

    if (server_auth_none(req->server)) {
        req->principal = (struct principal){ .name = S("user:local"), .role = ROLE_ADMIN };
        return NULL;
    }
    bool open = needs == ROLE_NOBODY || (open_on_loopback && request_is_loopback(req));
    if (route_authenticator && has_credential(req))
        e = route_authenticator->identify(req, &req->principal);
    if (e && open) { /* a stale cookie must not lock anybody out of the login */
        err_free(e);
        req->principal = (struct principal){ 0 };
        return NULL;
    }
    if (e)
        return err_status(e) == 401 ? unauthorized(req, e) : e;
    if (open)
        return NULL;
    if (req->principal.role == ROLE_NOBODY)
        return unauthorized(req, err_hint(err_new(ERR_UNAUTHORIZED, "this needs a credential"),
                                          "log in, or send Authorization: Bearer TOKEN (auspex token create)"));
    if (!role_allows(req->principal.role, needs))
        return err_new(ERR_FORBIDDEN, "%.*s is %s; this needs %s", STR_ARG(req->principal.name),
                       role_name(req->principal.role), role_name(needs));
    if (req->write && req->principal.by_cookie &&
        !same_secret(http_header(&req->head, S("X-CSRF-Token")), req->principal.csrf_token))
        return err_hint(err_new(ERR_FORBIDDEN, "the X-CSRF-Token header is missing or wrong"),
                        "send the csrf_token that the login answered with");
    return NULL;
}
