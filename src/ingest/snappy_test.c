/* snappy_test.c - bodies packed and unpacked, and what is none. */
#include "base/test.h"
#include "ingest/snappy.h"

#include <string.h>

TEST(snappy_gives_back_what_was_packed)
{
    struct buf plain CLEANUP(buf_clear) = { 0 };
    struct buf packed CLEANUP(buf_clear) = { 0 };
    struct str got;

    buf_init(&plain, 1 << 24);
    buf_init(&packed, 1 << 24);
    for (int i = 0; plain.length < 6 * 1024 * 1024; i++)
        buf_addf(&plain, "line %d of a text\n", i);
    snappy_pack(&packed, buf_str(&plain));
    ASSERT_TRUE(packed.length < plain.length / 2);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(snappy_unpack(buf_str(&packed), 1 << 24, &got));
        ASSERT_TRUE(str_eq(buf_str(&plain), got));
        snappy_let_go();
    }
}

TEST(snappy_refuses_what_is_larger_than_allowed)
{
    struct buf packed CLEANUP(buf_clear) = { 0 };
    char zeros[1000] = { 0 };
    struct str got;

    buf_init(&packed, 1 << 20);
    snappy_pack(&packed, (struct str){ zeros, sizeof(zeros) });
    ASSERT_OK(snappy_unpack(buf_str(&packed), sizeof(zeros), &got));
    ASSERT_ERR(ERR_TOO_LARGE, "unpacks to 1000 bytes; at most 999", snappy_unpack(buf_str(&packed), 999, &got));
}

TEST(snappy_refuses_bombs_before_memory_is_taken)
{
    struct str got;

    /* 2^32-1 bytes, said in five: more than any limit; and 16 MiB in six, which no snappy block can keep. */
    ASSERT_ERR(ERR_TOO_LARGE, "unpacks to 4294967295 bytes",
               snappy_unpack(S("\xff\xff\xff\xff\x0f\x00"), 1 << 25, &got));
    ASSERT_ERR(ERR_INVALID, "promises 16777216 bytes", snappy_unpack(S("\x80\x80\x80\x08\x00\x00"), 1 << 25, &got));
}

TEST(snappy_refuses_what_is_broken)
{
    struct str got;

    ASSERT_ERR(ERR_INVALID, "not a snappy block", snappy_unpack(S(""), 100, &got));
    ASSERT_ERR(ERR_INVALID, "not a snappy block", snappy_unpack(S("\xff\xff\xff\xff\xff\xff"), 100, &got));
    ASSERT_ERR(ERR_INVALID, "broken or cut short", snappy_unpack(S("\x05\x10hel"), 100, &got));
    ASSERT_OK(snappy_unpack(S("\x00"), 100, &got));
    ASSERT_EQ_INT(0, got.length);
}
