/* websocket_handshake.c - the handshake of a WebSocket, on a worker. */
#include "net/http_conn.h"

#include <openssl/evp.h>

static bool asks_to_upgrade(struct request *req)
{
    for (struct str rest = http_header(&req->head, S("Connection")); rest.at && rest.length;)
        if (str_eq_nocase(str_trim(str_cut(rest, ',', &rest)), S("upgrade")))
            return true;
    return false;
}

/* accept_key - RFC 6455, section 4.2.2. */
static void accept_key(struct str key, char ret_text[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20];
    EVP_MD_CTX *sha1 = EVP_MD_CTX_new();

    EVP_DigestInit_ex(sha1, EVP_sha1(), NULL);
    EVP_DigestUpdate(sha1, key.at, key.length);
    EVP_DigestUpdate(sha1, guid, sizeof(guid) - 1);
    EVP_DigestFinal_ex(sha1, digest, NULL);
    EVP_MD_CTX_free(sha1);
    EVP_EncodeBlock((unsigned char *)ret_text, digest, sizeof(digest));
}

err socket_upgrade(struct request *req)
{
    const struct socket_route *route = req->match.socket;
    struct str key = http_header(&req->head, S("Sec-WebSocket-Key"));
    const void *query;
    char accept[32];

    if (!str_eq(http_header(&req->head, S("Sec-WebSocket-Version")), S("13"))) {
        reply_header(&req->reply, req, S("Sec-WebSocket-Version"), S("13"));
        return err_new(ERR_INVALID, "only version 13 of WebSocket is spoken here");
    }
    if (key.length != 24 || !asks_to_upgrade(req))
        return err_new(ERR_INVALID, "the WebSocket handshake is incomplete");
    TRY(request_parse_query(req, route->query, &query));
    TRY(socket_open(req, route, query, &req->socket));
    accept_key(key, accept);
    req->reply.status = 101;
    reply_header(&req->reply, req, S("Upgrade"), S("websocket"));
    reply_header(&req->reply, req, S("Connection"), S("Upgrade"));
    reply_header(&req->reply, req, S("Sec-WebSocket-Accept"), str_of(accept));
    return NULL;
}
