/* json_read_test.c - reading JSON: what is taken, what is refused and where. */
#include "base/json.h"
#include "base/test.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

TEST(json_parse_gives_a_tree)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    ASSERT_OK(json_parse(arena, S("{\"name\": \"db1\", \"cpu\": 0.5, \"up\": true, \"tags\": [\"a\", \"b\"]}"), &json));
    ASSERT_STR("db1", json_str_or(json_get(json, S("name")), S("?")));
    ASSERT_NEAR(0.5, json_number_or(json_get(json, S("cpu")), 0), 0);
    ASSERT_TRUE(json_bool_or(json_get(json, S("up")), false));
    ASSERT_EQ_INT(2, json_get(json, S("tags"))->array.count);
    ASSERT_TRUE(json_get(json, S("absent")) == NULL);
    ASSERT_EQ_INT(7, json_i64_or(json_get(json, S("absent")), 7));
}

TEST(json_parse_refuses_what_is_not_json_and_says_where)
{
    static const struct {
        struct str text;
        const char *part;
    } cases[] = {
        { { "", 0 }, "line 1, column 1: the text ends" },
        { { "[NaN]", 5 }, "line 1, column 2: NaN and Infinity" },
        { { "[Infinity]", 10 }, "NaN and Infinity" },
        { { "[-Infinity]", 11 }, "NaN and Infinity" },
        { { "{\"a\":1,\n \"a\":2}", 15 }, "line 2, column 2: the key 'a' stands twice" },
        { { "[1,]", 4 }, "line 1, column 4: there is a comma" },
        { { "{\"a\":1,}", 8 }, "there is a comma" },
        { { "'a'", 3 }, "double quotes" },
        { { "{a:1}", 5 }, "a key in double quotes" },
        { { "/* c */ 1", 9 }, "comments" },
        { { "1 // c", 6 }, "something follows" },
        { { "[01]", 4 }, "superfluous 0" },
        { { "[1.]", 4 }, "a digit must follow" },
        { { "[.5]", 4 }, "this is no value" },
        { { "[+1]", 4 }, "this is no value" },
        { { "[1e]", 4 }, "a digit must follow" },
        { { "-", 1 }, "a digit must follow" },
        { { "1 2", 3 }, "something follows" },
        { { "1\0", 2 }, "line 1, column 2: something follows" },
        { { "[1", 2 }, "the text ends inside an array" },
        { { "{\"a\":1", 6 }, "the text ends inside an object" },
        { { "{\"a\" 1}", 7 }, "a colon" },
        { { "TRUE", 4 }, "this is no value" },
        { { "\"abc", 4 }, "line 1, column 1: this string has no end" },
        { { "\"abc\\\"", 6 }, "this string has no end" },
        { { "\"\\x41\"", 6 }, "no such escape" },
        { { "\"\\u12\"", 6 }, "four hexadecimal digits" },
        { { "\"\\ud800\"", 8 }, "surrogate" },
        { { "\"\\udc00\"", 8 }, "surrogate" },
        { { "\"\\ud800\\u0041\"", 14 }, "surrogate" },
        { { "\"a\nb\"", 5 }, "control characters" },
        { { "[\"\xED\x95\x9C\xFF\"]", 8 }, "line 1, column 4: this byte is not UTF-8" },
        { { "\"\xED\xA0\x80\"", 5 }, "not UTF-8" },
        { { "\xEF\xBB\xBF{}", 5 }, "byte order mark" },
        { { "[1\x0b]", 4 }, "a comma or ] must follow" },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_ERR(ERR_INVALID, cases[i].part, json_parse(arena, cases[i].text, &json));
}

TEST(json_numbers_lose_nothing_silently)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    ASSERT_OK(
        json_parse(arena,
                   S("[9223372036854775807, -9223372036854775808, 9223372036854775808, 1e999, -1e999, 5.0, 1e-999,"
                     "123456789012345678901234567890, -0]"),
                   &json));
    struct json **it = json->array.items;
    ASSERT_EQ_INT(INT64_MAX, json_i64_or(it[0], 0));
    ASSERT_EQ_INT(INT64_MIN, json_i64_or(it[1], 0));
    ASSERT_FALSE(it[2]->number.is_integer);
    ASSERT_NEAR(0x1p63, it[2]->number.value, 0);
    ASSERT_TRUE(isinf(it[3]->number.value) && it[3]->number.value > 0);
    ASSERT_TRUE(isinf(it[4]->number.value) && it[4]->number.value < 0);
    ASSERT_EQ_INT(5, json_i64_or(it[5], 0));
    ASSERT_NEAR(0, it[6]->number.value, 0);
    ASSERT_NEAR(123456789012345678901234567890.0, it[7]->number.value, 0);
    ASSERT_TRUE(signbit(it[8]->number.value));
}

TEST(json_strings_keep_nul_and_every_plane)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;

    ASSERT_OK(
        json_parse(arena, S("{\"a\\u0000b\": \"x\\u0000y\", \"a\": \"\\ud83d\\ude00\\u20ac\\u00e9\\n\\/\"}"), &json));
    ASSERT_EQ_INT(3, json->object.members[0].key.length);
    ASSERT_EQ_INT(3, json->object.members[0].value->string.length);
    ASSERT_STR("\xF0\x9F\x98\x80\xE2\x82\xAC\xC3\xA9\n/", json_str_or(json_get(json, S("a")), S("")));
}

TEST(json_depth_is_bounded_and_ends_quickly)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;
    char text[10001];

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    ASSERT_OK(json_parse(arena, (struct str){ text, 128 }, &json));
    memset(text, '[', 10000);
    ASSERT_ERR(ERR_INVALID, "column 65: nested more than 64", json_parse(arena, (struct str){ text, 10000 }, &json));
}

TEST(json_of_100_mb_is_refused_at_once)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;
    size_t length = 100u << 20;
    char *text = malloc(length);

    memset(text, ' ', length);
    int64_t start = time_mono_ms();
    ASSERT_ERR(ERR_TOO_LARGE, "at most 33554432", json_parse(arena, (struct str){ text, length }, &json));
    for (size_t i = 0; i < JSON_BYTES_MAX; i++)
        text[i] = i % 2 ? '1' : ',';
    text[0] = '[';
    /* 16 million nodes would be gigabytes: the arena's budget ends it. */
    ASSERT_ERR(ERR_TOO_LARGE, "bytes of memory", json_parse(arena, (struct str){ text, JSON_BYTES_MAX }, &json));
    ASSERT_TRUE(time_mono_ms() - start < 5000);
    free(text);
}

TEST(json_repeated_keys_are_found_in_large_objects_too)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct buf text CLEANUP(buf_clear);
    const struct json *json;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "%s\"key%d\":%d", i ? "," : "{", i, i);
    size_t length = text.length;
    buf_add(&text, S("}"));
    ASSERT_OK(json_parse(arena, buf_str(&text), &json));
    ASSERT_EQ_INT(5000, json->object.count);
    ASSERT_EQ_INT(4711, json_i64_or(json_get(json, S("key4711")), 0));
    buf_truncate(&text, length);
    buf_add(&text, S(",\"key17\":0}"));
    ASSERT_ERR(ERR_INVALID, "'key17' stands twice", json_parse(arena, buf_str(&text), &json));
}

/* random_tree - any tree that JSON can spell, as text. */
static void random_text(struct buf *out, unsigned *seed, int depth)
{
    static const char *const leaves[] = { "null",
                                          "true",
                                          "false",
                                          "0",
                                          "-7",
                                          "1.5",
                                          "1e+300",
                                          "9223372036854775807",
                                          "\"\"",
                                          "\"a\"",
                                          "\"\\u0000\\\"\\\\\\n\\u007f\"",
                                          "\"\xED\x95\x9C\"" };
    unsigned pick = (*seed = *seed * 1103515245 + 12345) >> 16;

    if (depth == 0 || pick % 3 == 0) {
        buf_add(out, str_of(leaves[pick / 3 % ARRAY_LEN(leaves)]));
        return;
    }
    bool object = pick % 3 == 1;
    buf_add_c(out, object ? '{' : '[');
    for (unsigned i = 0; i < pick / 3 % 4; i++) {
        if (i)
            buf_add_c(out, ',');
        if (object)
            buf_addf(out, "\"k%u\":", i);
        random_text(out, seed, depth - 1);
    }
    buf_add_c(out, object ? '}' : ']');
}

TEST(json_written_from_a_tree_reads_as_the_same_text)
{
    unsigned seed = 4711;

    for (int i = 0; i < 500; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct buf text CLEANUP(buf_clear), again CLEANUP(buf_clear);
        const struct json *json;
        buf_init(&text, 1 << 20);
        buf_init(&again, 1 << 20);
        random_text(&text, &seed, 6);
        ASSERT_OK(json_parse(arena, buf_str(&text), &json));
        struct json_writer w = json_writer(&again);
        json_add_tree(&w, json);
        ASSERT_STR(buf_c(&text), str_of(buf_c(&again)));
    }
}
