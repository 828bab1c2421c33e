/* http_settings.c - the section `server` of the configuration. */
#include "base/lang.h"
#include "net/http_server.h"

static void check(const void *object, struct str path, err *e)
{
    const struct http_server_settings *settings = object;

    if ((settings->tls_cert.length == 0) != (settings->tls_key.length == 0))
        err_add_field(e, ERR_INVALID, settings->tls_cert.length ? "server.tls_key" : "server.tls_cert",
                      "tls_cert and tls_key belong together: set both or none");
    (void)path;
}

static const struct field server_fields[] = {
    STRING(struct http_server_settings, listen, .def = "127.0.0.1:7171", .min = 2, .max = 280,
           .doc = "Address and port; port 0 takes a free one. Another address than loopback needs TLS or trust_proxy."),
    INT(struct http_server_settings, max_connections, .def = "2000", .min = 8, .max = 100000,
        .doc = "Open connections; beyond it the longest idle one is closed."),
    INT(struct http_server_settings, max_in_flight, .def = "256", .min = 1, .max = 100000,
        .doc = "Requests being worked on; beyond it the answer is 503 with Retry-After."),
    DURATION(struct http_server_settings, header_timeout, .def = "10s", .min = 100, .max = 600000,
             .doc = "From a request's first byte to the end of its headers; then 408."),
    DURATION(struct http_server_settings, body_timeout, .def = "30s", .min = 100, .max = 3600000,
             .doc = "For each 256 KiB of a body, or of a reply that is sent; then 408, or the connection is closed."),
    DURATION(struct http_server_settings, idle_timeout, .def = "75s", .min = 100, .max = 3600000,
             .doc = "How long a connection is kept between requests."),
    DURATION(struct http_server_settings, handle_timeout, .def = "60s", .min = 100, .max = 3600000,
             .doc = "How long a request may be worked on; then 504."),
    SIZE(struct http_server_settings, max_header_bytes, .def = "16KiB", .min = 1024, .max = 1048576,
         .doc = "Request line and headers together; beyond it 431."),
    BOOL(struct http_server_settings, trust_proxy,
         .doc = "A proxy in front ends TLS and sets X-Forwarded-For and X-Forwarded-Proto, which are then believed."),
    STRINGS(struct http_server_settings, allowed_hosts, .max = 100,
            .doc = "Names by which this server is called, beside localhost and its addresses."),
    STRINGS(struct http_server_settings, outbound_allow, .max = 1000,
            .doc = "Loopback and private hosts, addresses or CIDR blocks that outgoing calls may go to."),
    STRING(struct http_server_settings, tls_cert, .max = 1000, .doc = "Certificate chain, a PEM file."),
    STRING(struct http_server_settings, tls_key, .max = 1000, .doc = "Its private key, a PEM file."),
    STRING(struct http_server_settings, user, .def = "auspex", .max = 32,
           .doc = "Whom the daemon becomes where it is started as root."),
    { 0 },
};

static const struct schema server_schema =
    SCHEMA(struct http_server_settings, server_fields, .doc = "The port, its limits and its names.", .check = check);

const struct config_section server_section = { .key = "server", .schema = &server_schema };
REGISTER(config_section, server_section);
