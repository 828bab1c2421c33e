/* protobuf_test.c - the wire format read and written. */
#include "base/test.h"
#include "ingest/protobuf.h"

TEST(protobuf_fields_come_back_as_they_were_written)
{
    struct buf out CLEANUP(buf_clear) = { 0 };
    struct protobuf_field field;

    buf_init(&out, 1 << 20);
    protobuf_put_varint(&out, 1, 300);
    size_t begun = protobuf_begin(&out, 2);
    protobuf_put_bytes(&out, 1, S("inner"));
    protobuf_end(&out, begun);
    protobuf_put_double(&out, 1000, -0.5);
    protobuf_put_varint(&out, 3, UINT64_MAX);

    struct protobuf in = protobuf_of(buf_str(&out));
    ASSERT_TRUE(protobuf_next(&in, &field));
    ASSERT_EQ_INT(PROTOBUF_KEY(1, WIRE_VARINT), PROTOBUF_KEY(field.number, field.wire));
    ASSERT_EQ_INT(300, field.integer);
    ASSERT_TRUE(protobuf_next(&in, &field));
    struct protobuf inner = protobuf_of(field.bytes);
    ASSERT_TRUE(protobuf_next(&inner, &field));
    ASSERT_STR("inner", field.bytes);
    ASSERT_FALSE(protobuf_next(&inner, &field));
    ASSERT_TRUE(protobuf_next(&in, &field));
    ASSERT_EQ_INT(1000, field.number);
    ASSERT_NEAR(-0.5, protobuf_double(field.integer), 0);
    ASSERT_TRUE(protobuf_next(&in, &field));
    ASSERT_TRUE(field.integer == UINT64_MAX);
    ASSERT_FALSE(protobuf_next(&in, &field));
    ASSERT_OK(protobuf_check(&in, "Test"));
}

TEST(protobuf_long_messages_have_long_lengths)
{
    static const size_t lengths[] = { 0, 127, 128, 16383, 16384, 70000 };

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct buf out CLEANUP(buf_clear) = { 0 };
        struct protobuf_field field;
        buf_init(&out, 1 << 20);
        size_t begun = protobuf_begin(&out, 7);
        for (size_t k = 0; k < lengths[i]; k++)
            buf_add_c(&out, (char)k);
        protobuf_end(&out, begun);
        struct protobuf in = protobuf_of(buf_str(&out));
        ASSERT_TRUE(protobuf_next(&in, &field));
        ASSERT_EQ_INT(lengths[i], field.bytes.length);
        ASSERT_TRUE(!lengths[i] || field.bytes.at[lengths[i] - 1] == (char)(lengths[i] - 1));
        ASSERT_TRUE(in.at == in.end);
    }
}

TEST(protobuf_broken_messages_are_refused_with_their_place)
{
    static const struct {
        struct str bytes;
        const char *what;
    } table[] = {
        { S("\x08"), "no value behind a key" },
        { S("\x0a\x05xy"), "bytes beyond the end" },
        { S("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a length of 2^64-1" },
        { S("\x09\x01\x02\x03"), "a double cut short" },
        { S("\x0d\x01\x02\x03"), "a float cut short" },
        { S("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a varint of eleven bytes" },
        { S("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "a varint above 64 bits" },
        { S("\x0b\x0c"), "a group" },
        { S("\x0f"), "wire type 7" },
        { S("\x00\x01"), "field number 0" },
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct protobuf in = protobuf_of(table[i].bytes);
        for (struct protobuf_field field; protobuf_next(&in, &field);)
            ;
        ASSERT_TRUE(in.broken);
        ASSERT_ERR(ERR_INVALID, "the protobuf message Test is broken at its byte", protobuf_check(&in, "Test"));
    }
}

TEST(protobuf_repeated_numbers_come_packed_or_single)
{
    struct protobuf_field packed = { .number = 1, .wire = WIRE_BYTES, .bytes = S("\x01\xac\x02\x03") };
    struct protobuf_field single = { .number = 1, .wire = WIRE_VARINT, .integer = 9 };
    struct protobuf_field other = { .number = 1, .wire = WIRE_FIXED64, .integer = 9 };
    uint64_t value, sum = 0;

    for (struct protobuf_numbers it = protobuf_numbers(&packed, WIRE_VARINT); protobuf_number(&it, &value);)
        sum = sum * 1000 + value;
    ASSERT_EQ_INT(1300003, sum);
    struct protobuf_numbers it = protobuf_numbers(&single, WIRE_VARINT);
    ASSERT_TRUE(protobuf_number(&it, &value) && value == 9);
    ASSERT_FALSE(protobuf_number(&it, &value));
    it = protobuf_numbers(&other, WIRE_VARINT);
    ASSERT_FALSE(protobuf_number(&it, &value));
    packed.bytes = S("\x01\x02\x03");
    it = protobuf_numbers(&packed, WIRE_FIXED64);
    ASSERT_FALSE(protobuf_number(&it, &value));
    ASSERT_TRUE(it.packed.broken);
}
