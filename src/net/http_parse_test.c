/* http_parse_test.c - heads and chunks, whole and in pieces. */
#include "net/http_parse.h"

#include "base/lang.h"
#include "base/test.h"

#include <string.h>

static struct http_head head;
static struct http_fault fault;

static int parse(const char *text)
{
    return http_head_parse(str_of(text), &head, &fault) ? 200 : fault.status;
}

TEST(http_head_parse_reads_a_head)
{
    ASSERT_EQ_INT(
        200,
        parse("POST /a/b?x=1&y HTTP/1.1\r\nHost: h:1\r\nContent-Length:  7 \r\nX-Y:\r\nExpect: 100-continue\r\n\r\n"));
    ASSERT_STR("POST", head.method);
    ASSERT_STR("/a/b", head.path);
    ASSERT_STR("x=1&y", head.query);
    ASSERT_STR("h:1", head.host);
    ASSERT_EQ_INT(7, head.content_length);
    ASSERT_TRUE(head.keep_alive && head.expect_continue && !head.chunked);
    ASSERT_STR("", http_header(&head, S("x-y")));
    ASSERT_EQ_INT(200, parse("GET http://h:2/p HTTP/1.0\r\nHost: other\r\nConnection: x, keep-alive\r\n\r\n"));
    ASSERT_STR("h:2", head.host);
    ASSERT_STR("/p", head.path);
    ASSERT_TRUE(head.keep_alive);
    ASSERT_EQ_INT(200, parse("GET / HTTP/1.1\r\nHost: h\r\nconnection: CLOSE\r\nTransfer-Encoding: Chunked\r\n\r\n"));
    ASSERT_TRUE(!head.keep_alive && head.chunked);
}

TEST(http_head_parse_refuses_what_is_ambiguous)
{
    static const char *const bad[] = {
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: x\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: x\rB: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\nA: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x7\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \r\n\r\n",
        "* / HTTP/1.1\r\nHost: h, i\r\nHost: j\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (parse(bad[i]) != 400)
            ASSERT_STR("refused by 400", str_of(bad[i]));
}

TEST(http_head_end_is_found_however_it_arrives)
{
    const char *text = "GET / HTTP/1.1\r\nHost: h\r\n\r\nbody";
    size_t whole = strlen(text) - 4, looked_at = 0;

    for (size_t length = 1; length <= strlen(text); length++) {
        size_t end = http_head_end((struct str){ text, length }, looked_at);
        ASSERT_EQ_INT(length < whole ? 0 : (int64_t)whole, (int64_t)end);
        if (end)
            break;
        looked_at = length;
    }
    ASSERT_TRUE(http_head_end(S("GET / HTTP/1.1\n\n"), 0) == SIZE_MAX);
}

/* The model: the same chunks in one piece. */
TEST(chunked_feed_gives_the_same_wherever_it_is_cut)
{
    const char *text = "5\r\nhello\r\nA;name=\"v\"\r\n, world!!!\r\n0\r\nT: 1\r\nU: 2\r\n\r\nNEXT";
    size_t length = strlen(text);

    for (size_t a = 0; a <= length; a++) {
        for (size_t b = a; b <= length; b++) {
            const struct str parts[] = { { text, a }, { text + a, b - a }, { text + b, length - b } };
            struct chunked chunked = { 0 };
            struct buf body CLEANUP(buf_clear) = { 0 };
            enum chunked_result result = CHUNKED_MORE;
            size_t sum = 0, used;
            buf_init(&body, 100);
            for (size_t i = 0; i < ARRAY_LEN(parts) && result == CHUNKED_MORE; i++) {
                result = chunked_feed(&chunked, parts[i], &body, &used);
                sum += used;
            }
            ASSERT_EQ_INT(CHUNKED_DONE, result);
            ASSERT_STR("hello, world!!!", buf_str(&body));
            ASSERT_EQ_INT((int64_t)length - 4, (int64_t)sum);
        }
    }
}

TEST(chunked_feed_refuses_broken_chunks)
{
    static const char *const bad[] = {
        "\r\n",    "g\r\n",  "5 \r\n", "5\n", "5\r\nhelloX\r\n", "5\r\nhello\n", "-1\r\n", "1000000000000000\r\n",
        "0x5\r\n", "0\r\n\n"
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct chunked chunked = { 0 };
        struct buf body CLEANUP(buf_clear) = { 0 };
        size_t used;
        buf_init(&body, 100);
        if (chunked_feed(&chunked, str_of(bad[i]), &body, &used) != CHUNKED_WRONG)
            ASSERT_STR("refused", str_of(bad[i]));
    }
    struct chunked chunked = { 0 };
    struct buf small CLEANUP(buf_clear) = { 0 };
    size_t used;
    buf_init(&small, 4);
    ASSERT_EQ_INT(CHUNKED_FULL, chunked_feed(&chunked, S("5\r\nhello\r\n"), &small, &used));
}
