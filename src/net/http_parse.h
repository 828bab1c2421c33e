/* http_parse.h - the head of an HTTP/1.x request, and chunked bodies; inside net/ only.
 *
 * Owner: views point into the text given. Threads: any. Strict where leniency has let requests be smuggled: one
 * spelling of a line end, no folded lines, no space before a colon, one Content-Length, never beside Transfer-Encoding
 * (RFC 9112, sections 2.2, 5.1, 5.2, 6.3). */
#pragma once
#include "schema/schema.h"

enum { HTTP_HEADERS_MAX = 64 };

struct http_head {
    struct str method, target;
    struct str path, query; /* of the target, as sent */
    struct str host;        /* with its port; of the target, where that is absolute */
    int minor;              /* HTTP/1.minor */
    int64_t content_length; /* 0 where there is none */
    bool chunked, keep_alive, expect_continue;
    size_t header_count;
    struct pair headers[HTTP_HEADERS_MAX];
};

struct http_fault {
    int status; /* 400, 417, 431, 501, 505 */
    const char *why;
};

/* http_head_end - length of the head with its empty line, 0 where it is not whole yet, SIZE_MAX where it can't become
 * one (a bare line feed). */
size_t http_head_end(struct str text, size_t looked_at);
/* http_head_parse - a whole head. False: ret_fault says why. */
bool http_head_parse(struct str text, struct http_head *ret_head, struct http_fault *ret_fault) MUST_USE;
struct str http_header(const struct http_head *head, struct str name); /* "" where absent; the first of several */

struct chunked {
    int state;
    int64_t left;        /* of this chunk */
    size_t line, digits; /* bytes of this line; digits of its number */
    size_t trailer;      /* bytes of it */
};
enum chunked_result { CHUNKED_MORE, CHUNKED_DONE, CHUNKED_WRONG, CHUNKED_FULL };

/* chunked_feed - decode into body; *ret_used bytes of `text` belong to it. CHUNKED_FULL: body's maximum is passed. */
enum chunked_result chunked_feed(struct chunked *chunked, struct str text, struct buf *body, size_t *ret_used);
