/* http_reply.c - status line, headers, gzip, embedded files: what goes out. */
#include "base/asset.h"
#include "base/lang.h"
#include "base/time.h"
#include "net/http_conn.h"

#include <string.h>
#include <time.h>
#include <zlib.h>

/* On every reply. Pages run their own scripts and styles only, and nobody frames them. */
#define SECURITY_HEADERS                                                                                               \
    "X-Content-Type-Options: nosniff\r\n"                                                                              \
    "X-Frame-Options: DENY\r\n"                                                                                        \
    "Referrer-Policy: no-referrer\r\n"                                                                                 \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                                      \
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "          \
    "form-action 'self'; frame-ancestors 'none'\r\n"

const char *http_reason(int status)
{
    switch (status) {
    case 101:
        return "Switching Protocols";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    }
    return status < 300 ? "Success" : status < 400 ? "Redirect" : status < 500 ? "Client Error" : "Server Error";
}

/* add_date - formatted once a second; the text belongs to the thread. */
static void add_date(struct buf *out)
{
    static _Thread_local time_t formatted;
    static _Thread_local char text[40];
    time_t now = (time_t)(time_now_ms() / 1000);

    if (now != formatted) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        formatted = now;
    }
    buf_add(out, str_of(text));
}

static bool has_header(const struct reply *reply, struct str name)
{
    for (size_t i = 0; i < reply->headers.count; i++)
        if (str_eq_nocase(reply->headers.at[i].key, name))
            return true;
    return false;
}

static void add_number_line(struct buf *out, struct str name, int64_t value)
{
    buf_add(out, name);
    buf_add_i64(out, value);
    buf_add(out, S("\r\n"));
}

void reply_head_write(struct buf *out, struct request *req, size_t length, bool keep_alive)
{
    const struct reply *reply = &req->reply;
    bool bodyless = reply->status == 101 || reply->status == 204 || reply->status == 304;

    buf_add(out, S("HTTP/1.1 "));
    buf_add_i64(out, reply->status);
    buf_add_c(out, ' ');
    buf_add(out, str_of(http_reason(reply->status)));
    buf_add(out, S("\r\n"));
    add_date(out);
    if (!bodyless) {
        buf_add(out, S("Content-Type: "));
        buf_add(out, str_of(reply->content_type ? reply->content_type : "application/json"));
        buf_add(out, S("\r\n"));
        add_number_line(out, S("Content-Length: "), (int64_t)length);
    }
    for (size_t i = 0; i < reply->headers.count; i++) {
        buf_add(out, reply->headers.at[i].key);
        buf_add(out, S(": "));
        buf_add(out, reply->headers.at[i].value);
        buf_add(out, S("\r\n"));
    }
    if (reply->status != 101) {
        buf_add(out, S(SECURITY_HEADERS));
        if (!has_header(reply, S("Cache-Control")))
            buf_add(out, S("Cache-Control: no-store\r\n"));
        if (!keep_alive)
            buf_add(out, S("Connection: close\r\n"));
        else if (req->head.minor == 0)
            buf_add(out, S("Connection: keep-alive\r\n"));
    }
    buf_add(out, S("\r\n"));
}

static bool accepts_gzip(struct request *req)
{
    for (struct str rest = http_header(&req->head, S("Accept-Encoding")); rest.at && rest.length;) {
        struct str parameters, word = str_trim(str_cut(str_cut(rest, ',', &rest), ';', &parameters));
        if (!str_eq_nocase(word, S("gzip")) && !str_eq(word, S("*")))
            continue;
        double quality = 1;
        parameters = str_trim(parameters);
        if (str_starts(parameters, S("q=")) && !str_to_double(str_slice(parameters, 2, parameters.length), &quality))
            return false;
        return quality > 0;
    }
    return false;
}

static bool is_compressible(const char *content_type)
{
    struct str type = str_of(content_type);

    return !content_type || str_starts(type, S("text/")) || str_contains(type, S("json")) ||
           str_contains(type, S("javascript")) || str_contains(type, S("xml")) || str_contains(type, S("svg"));
}

/* gzip_run - one call of zlib over the whole input, growing the output; false where it can't. */
static bool gzip_run(struct str in, bool inflating, struct buf *out)
{
    z_stream z = { .next_in = (unsigned char *)(uintptr_t)in.at, .avail_in = (unsigned)in.length };
    int code = inflating ? inflateInit2(&z, 15 + 16) : deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    while (code == Z_OK) {
        size_t step = out->max - out->length < 16384 ? out->max - out->length : 16384;
        if (step == 0)
            break;
        z.next_out = (unsigned char *)buf_reserve(out, step);
        z.avail_out = (unsigned)step;
        code = inflating ? inflate(&z, Z_NO_FLUSH) : deflate(&z, Z_FINISH);
        out->length += step - z.avail_out;
    }
    if (inflating)
        inflateEnd(&z);
    else
        deflateEnd(&z);
    return code == Z_STREAM_END && z.avail_in == 0;
}

bool gzip_inflate(struct str in, struct buf *out)
{
    return gzip_run(in, true, out);
}

static const char *type_of(struct str path)
{
    static const struct {
        struct str end;
        const char *type;
    } types[] = {
        { S(".html"), "text/html; charset=utf-8" },
        { S(".js"), "text/javascript; charset=utf-8" },
        { S(".css"), "text/css; charset=utf-8" },
        { S(".json"), "application/json" },
        { S(".svg"), "image/svg+xml" },
        { S(".png"), "image/png" },
        { S(".ico"), "image/x-icon" },
        { S(".webmanifest"), "application/manifest+json" },
        { S(".woff2"), "font/woff2" },
        { S(".txt"), "text/plain; charset=utf-8" },
        { S(".md"), "text/markdown; charset=utf-8" },
        { S(".yml"), "application/yaml" },
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_ends(path, types[i].end))
            return types[i].type;
    return "application/octet-stream";
}

/* is_hashed - "assets/app-3F7K2QZD.js": the name changes with the content, so it may be kept for ever. */
static bool is_hashed(struct str path)
{
    size_t dash = SIZE_MAX;

    for (size_t i = 0; i < path.length; i++)
        if (path.at[i] == '-')
            dash = i;
    if (dash == SIZE_MAX || path.length - dash < 10 || path.at[dash + 9] != '.')
        return false;
    for (size_t i = dash + 1; i < dash + 9; i++)
        if (!((path.at[i] >= 'A' && path.at[i] <= 'Z') || (path.at[i] >= '0' && path.at[i] <= '9')))
            return false;
    return true;
}

static void finish_asset(struct request *req)
{
    struct reply *reply = &req->reply;
    const struct asset *asset = reply->asset;
    struct str path = str_of(asset->path), bytes = { (const char *)asset->bytes, asset->length };

    if (!reply->content_type)
        reply->content_type = type_of(path);
    reply_header(reply, req, S("ETag"), str_of(asset->etag));
    if (!has_header(reply, S("Cache-Control")))
        reply_header(reply, req, S("Cache-Control"),
                     is_hashed(path) ? S("public, max-age=31536000, immutable") : S("no-cache"));
    buf_reset(&reply->body);
    if (str_contains(http_header(&req->head, S("If-None-Match")), str_of(asset->etag))) {
        reply->status = 304;
        reply->asset = NULL;
        return;
    }
    if (!asset->gzipped)
        return;
    reply_header(reply, req, S("Vary"), S("Accept-Encoding"));
    if (accepts_gzip(req)) {
        reply_header(reply, req, S("Content-Encoding"), S("gzip"));
        return;
    }
    reply->asset = NULL;
    if (!gzip_inflate(bytes, &reply->body))
        request_fail(req, err_new(ERR_CORRUPT, "the embedded file %s can't be unpacked", asset->path));
}

void reply_finish(struct request *req)
{
    struct reply *reply = &req->reply;
    struct buf packed CLEANUP(buf_clear) = { 0 };

    if (reply->asset) {
        finish_asset(req);
        return;
    }
    if (reply->body.length < GZIP_FROM_BYTES || !is_compressible(reply->content_type) ||
        has_header(reply, S("Content-Encoding")))
        return;
    reply_header(reply, req, S("Vary"), S("Accept-Encoding"));
    if (!accepts_gzip(req))
        return;
    buf_init(&packed, reply->body.length);
    if (!gzip_run(buf_str(&reply->body), false, &packed))
        return; /* it would grow: as it is */
    struct buf plain = reply->body;
    reply->body = packed;
    reply->body.max = plain.max; /* the buffer stays with its connection, whose next reply may be longer */
    packed = plain;
    reply_header(reply, req, S("Content-Encoding"), S("gzip"));
}
