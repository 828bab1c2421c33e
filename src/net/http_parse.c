/* http_parse.c - reads request heads and chunks, and refuses what two readers could read differently. */
#include "net/http_parse.h"

#include "base/lang.h"

#include <string.h>

/* RFC 9110, section 5.6.2 */
static const bool is_token[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

static bool all_token(struct str s)
{
    for (size_t i = 0; i < s.length; i++)
        if (!is_token[(unsigned char)s.at[i]])
            return false;
    return s.length > 0;
}

size_t http_head_end(struct str text, size_t looked_at)
{
    size_t from = looked_at < 3 ? 0 : looked_at - 3;
    size_t end = str_find(text, S("\r\n\r\n"), from);

    if (end != SIZE_MAX)
        return end + 4;
    return str_find(text, S("\n\n"), from) != SIZE_MAX ? SIZE_MAX : 0;
}

static bool fault(struct http_fault *ret_fault, int status, const char *why)
{
    *ret_fault = (struct http_fault){ status, why };
    return false;
}

/* next_line - cut at CRLF; false where the line holds a CR, LF or NUL of its own. */
static bool next_line(struct str *rest, struct str *ret_line)
{
    const char *end = memchr(rest->at, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->at) : 0;

    if (length == 0 || rest->at[length - 1] != '\r')
        return false;
    *ret_line = (struct str){ rest->at, length - 1 };
    *rest = (struct str){ end + 1, rest->length - length - 1 };
    return !memchr(ret_line->at, '\r', ret_line->length) && !memchr(ret_line->at, 0, ret_line->length);
}

static bool parse_target(struct http_head *head, struct http_fault *ret_fault)
{
    struct str target = head->target;

    for (size_t i = 0; i < target.length; i++)
        if (target.at[i] <= 0x20 || target.at[i] >= 0x7f || target.at[i] == '#')
            return fault(ret_fault, 400, "the URL holds a character that must be percent-escaped");
    if (str_eq(target, S("*")) && str_eq(head->method, S("OPTIONS"))) {
        head->path = S("/");
        return true;
    }
    if (str_starts(target, S("http://")) || str_starts(target, S("https://"))) { /* as to a proxy; its host counts */
        size_t begin = str_find(target, S("//"), 0) + 2;
        size_t end = str_find(target, S("/"), begin);
        if (end == SIZE_MAX)
            return fault(ret_fault, 400, "the URL has no path");
        head->host = str_slice(target, begin, end);
        target = str_slice(target, end, target.length);
    }
    if (target.length == 0 || target.at[0] != '/')
        return fault(ret_fault, 400, "the URL's path must begin with '/'");
    head->path = str_cut(target, '?', &head->query);
    if (!head->query.at)
        head->query = S("");
    return true;
}

static bool parse_request_line(struct str line, struct http_head *head, struct http_fault *ret_fault)
{
    struct str rest;

    head->method = str_cut(line, ' ', &rest);
    if (!all_token(head->method) || head->method.length > 20)
        return fault(ret_fault, 400, "this is not an HTTP request");
    head->target = rest.at ? str_cut(rest, ' ', &rest) : S("");
    if (!rest.at || head->target.length == 0)
        return fault(ret_fault, 400, "the request line must be: METHOD SP URL SP HTTP/1.1");
    if (str_eq(rest, S("HTTP/1.1")))
        head->minor = 1;
    else if (!str_eq(rest, S("HTTP/1.0")))
        return str_starts(rest, S("HTTP/")) ? fault(ret_fault, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                                            : fault(ret_fault, 400, "the request line must end in HTTP/1.1");
    return parse_target(head, ret_fault);
}

static bool parse_header(struct str line, struct http_head *head, struct http_fault *ret_fault)
{
    struct str value, name = str_cut(line, ':', &value);

    if (!value.at || !all_token(name)) /* a space before the colon, a folded line */
        return fault(ret_fault, 400, "a header line must be: Name: value, on one line");
    for (size_t i = 0; i < value.length; i++)
        if (((unsigned char)value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f)
            return fault(ret_fault, 400, "a header's value holds a control character");
    if (head->header_count == HTTP_HEADERS_MAX)
        return fault(ret_fault, 431, "more than 64 header lines");
    head->headers[head->header_count++] = (struct pair){ name, str_trim(value) };
    return true;
}

static bool parse_length(struct str value, int64_t *ret_length)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
    return value.length <= 15 && str_to_i64(value, ret_length);
}

static void parse_connection(struct str value, struct http_head *head)
{
    for (struct str rest = value; rest.at;) {
        struct str word = str_trim(str_cut(rest, ',', &rest));
        if (str_eq_nocase(word, S("close")))
            head->keep_alive = false;
        else if (str_eq_nocase(word, S("keep-alive")) && head->minor == 0)
            head->keep_alive = true;
    }
}

/* parse_framing - the headers that say where the request ends, and whom it is for. */
static bool parse_framing(struct http_head *head, struct http_fault *ret_fault)
{
    int lengths = 0, encodings = 0, hosts = 0;

    head->keep_alive = head->minor == 1;
    for (size_t i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].key, value = head->headers[i].value;
        switch (name.length) {
        case 4:
            if (str_eq_nocase(name, S("Host")) && hosts++ == 0 && head->host.length == 0)
                head->host = value;
            break;
        case 6:
            if (str_eq_nocase(name, S("Expect"))) {
                if (!str_eq_nocase(value, S("100-continue")))
                    return fault(ret_fault, 417, "the only expectation that can be met is 100-continue");
                head->expect_continue = head->minor == 1;
            }
            break;
        case 10:
            if (str_eq_nocase(name, S("Connection")))
                parse_connection(value, head);
            break;
        case 14:
            if (str_eq_nocase(name, S("Content-Length"))) {
                lengths++;
                if (!parse_length(value, &head->content_length))
                    return fault(ret_fault, 400, "Content-Length must be a number of bytes");
            }
            break;
        case 17:
            if (str_eq_nocase(name, S("Transfer-Encoding"))) {
                encodings++;
                if (!str_eq_nocase(value, S("chunked")))
                    return fault(ret_fault, 501, "the only transfer encoding understood is chunked");
                head->chunked = true;
            }
            break;
        }
    }
    if (lengths > 1 || encodings > 1 || (lengths && encodings))
        return fault(ret_fault, 400, "the request says more than once where it ends");
    if (encodings && head->minor == 0)
        return fault(ret_fault, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (hosts > 1 || (hosts == 0 && head->minor == 1))
        return fault(ret_fault, 400, "exactly one Host header is needed");
    return true;
}

bool http_head_parse(struct str text, struct http_head *ret_head, struct http_fault *ret_fault)
{
    struct str line;

    ret_head->header_count = 0;
    ret_head->host = ret_head->query = S("");
    ret_head->content_length = 0;
    ret_head->minor = 0;
    ret_head->chunked = ret_head->expect_continue = false;
    if (!next_line(&text, &line))
        return fault(ret_fault, 400, "lines must end in CR LF, and hold neither CR, LF nor NUL");
    if (!parse_request_line(line, ret_head, ret_fault))
        return false;
    for (;;) {
        if (!next_line(&text, &line))
            return fault(ret_fault, 400, "lines must end in CR LF, and hold neither CR, LF nor NUL");
        if (line.length == 0)
            break;
        if (!parse_header(line, ret_head, ret_fault))
            return false;
    }
    return parse_framing(ret_head, ret_fault);
}

struct str http_header(const struct http_head *head, struct str name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (str_eq_nocase(head->headers[i].key, name))
            return head->headers[i].value;
    return S("");
}

enum { IN_SIZE, IN_EXTENSION, IN_SIZE_LF, IN_BYTES, IN_BYTES_CR, IN_BYTES_LF, IN_TRAILER, IN_TRAILER_LF };
enum { CHUNK_LINE_MAX = 256, CHUNK_TRAILER_MAX = 4096 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool in_size(struct chunked *chunked, char c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        chunked->left = chunked->left * 16 + digit;
        return ++chunked->digits <= 12;
    }
    chunked->state = c == '\r' ? IN_SIZE_LF : IN_EXTENSION;
    return chunked->digits > 0 && (c == '\r' || c == ';');
}

/* one - a byte outside of a chunk's content; false where it may not stand there. `*ret_done`: the last one. */
static bool one(struct chunked *chunked, char c, bool *ret_done)
{
    switch (chunked->state) {
    case IN_SIZE:
        return ++chunked->line <= CHUNK_LINE_MAX && in_size(chunked, c);
    case IN_EXTENSION:
        if (c == '\r')
            chunked->state = IN_SIZE_LF;
        return ++chunked->line <= CHUNK_LINE_MAX && c != '\n' && c != 0;
    case IN_SIZE_LF:
        chunked->state = chunked->left ? IN_BYTES : IN_TRAILER;
        chunked->line = 0;
        return c == '\n';
    case IN_BYTES_CR:
        chunked->state = IN_BYTES_LF;
        return c == '\r';
    case IN_BYTES_LF:
        chunked->state = IN_SIZE;
        chunked->line = chunked->digits = 0;
        chunked->left = 0;
        return c == '\n';
    case IN_TRAILER:
        if (c == '\r')
            chunked->state = IN_TRAILER_LF;
        else
            chunked->line++;
        return ++chunked->trailer <= CHUNK_TRAILER_MAX && c != '\n' && c != 0;
    default: /* IN_TRAILER_LF */
        *ret_done = chunked->line == 0;
        chunked->line = 0;
        chunked->state = IN_TRAILER;
        return c == '\n';
    }
}

enum chunked_result chunked_feed(struct chunked *chunked, struct str text, struct buf *body, size_t *ret_used)
{
    size_t at = 0;
    bool done = false;

    while (at < text.length && !done) {
        if (chunked->state != IN_BYTES) {
            if (!one(chunked, text.at[at++], &done))
                return CHUNKED_WRONG;
            continue;
        }
        size_t there = text.length - at;
        size_t take = (int64_t)there < chunked->left ? there : (size_t)chunked->left;
        if (body->length + take > body->max)
            return CHUNKED_FULL;
        buf_add(body, str_slice(text, at, at + take));
        at += take;
        chunked->left -= (int64_t)take;
        if (chunked->left == 0)
            chunked->state = IN_BYTES_CR;
    }
    *ret_used = at;
    return done ? CHUNKED_DONE : CHUNKED_MORE;
}
