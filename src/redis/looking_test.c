/* looking_test.c - replies of a server that may send anything. */
#include "redis/looking.h"

#include "base/test.h"

static const struct resp *integer(struct arena *arena, int64_t value)
{
    struct resp *reply = arena_alloc(arena, sizeof(*reply));

    *reply = (struct resp){ .type = RESP_INTEGER, .integer = value };
    return reply;
}

static const struct resp *string(struct arena *arena, struct str text)
{
    struct resp *reply = arena_alloc(arena, sizeof(*reply));

    *reply = (struct resp){ .type = RESP_STRING, .text = text };
    return reply;
}

static const struct resp *array(struct arena *arena, const struct resp **items, size_t count)
{
    struct resp *reply = arena_alloc(arena, sizeof(*reply));
    const struct resp **copy = arena_array(arena, count + 1, sizeof(const struct resp *));

    for (size_t i = 0; i < count; i++)
        copy[i] = items[i];
    *reply = (struct resp){ .type = RESP_ARRAY, .items = copy, .count = count };
    return reply;
}

static const struct resp *slow_row(struct arena *arena, int64_t id, int64_t time, struct str word)
{
    const struct resp *words[] = { string(arena, S("EVAL")), string(arena, word) };
    const struct resp *row[] = { integer(arena, id),
                                 integer(arena, time),
                                 integer(arena, 379000),
                                 array(arena, words, 2),
                                 string(arena, S("127.0.0.1:5")),
                                 string(arena, S("")) };

    return array(arena, row, 6);
}

TEST(slowlog_gives_what_is_new_and_skips_the_strange)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct resp *rows[] = { slow_row(arena, 9, 1700000000, S("return \xff\n")),
                                  string(arena, S("what")),
                                  array(arena, (const struct resp *[]){ integer(arena, 8) }, 1),
                                  slow_row(arena, 8, INT64_MAX, S("x")),
                                  slow_row(arena, 7, 1700000000, S("x")),
                                  slow_row(arena, 3, 1700000000, S("x")) };
    const struct redis_slow_entry *entries;
    size_t count;
    int64_t last;

    redis_slow_read(arena, array(arena, rows, 6), 3, &entries, &count, &last);
    ASSERT_EQ_INT(2, count);
    ASSERT_EQ_INT(9, last);
    ASSERT_EQ_INT(1700000000000, entries[0].time_ms);
    ASSERT_EQ_INT(379000, entries[0].duration_us);
    ASSERT_STR("EVAL return \xef\xbf\xbd\n", entries[0].command);
    ASSERT_EQ_INT(7, entries[1].id);
    redis_slow_read(arena, integer(arena, 1), 3, &entries, &count, &last);
    ASSERT_EQ_INT(0, count);
    ASSERT_EQ_INT(3, last);
}

TEST(clients_are_summed_up_the_longest_idle_first)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct redis_client_summary clients;

    redis_clients_read(arena,
                       S("id=3 addr=127.0.0.1:1 laddr=x fd=8 name=app age=100 idle=70 flags=N omem=10 tot-mem=20 "
                         "cmd=get user=default\n"
                         "id=4 addr=127.0.0.1:2 name= age=9 idle=900 flags=P omem=5000000 cmd=subscribe\n"
                         "id=5 idle=99999999999999999999 omem=-5 flags=\n"
                         "id=-1 idle=5\n\ngarbage\nid=x\n"),
                       &clients);
    ASSERT_EQ_INT(3, clients.count);
    ASSERT_EQ_INT(1, clients.idle);
    ASSERT_EQ_INT(5000000, clients.output_bytes_max);
    ASSERT_EQ_INT(5000010, clients.output_bytes);
    ASSERT_EQ_INT(4, clients.rows[0].id);
    ASSERT_STR("127.0.0.1:1", clients.rows[1].address);
    ASSERT_STR("app", clients.rows[1].name);
    redis_clients_read(arena, S("\0\0\xff="), &clients);
    ASSERT_EQ_INT(0, clients.count);
}

TEST(latency_rows_need_all_their_numbers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct resp *good[] = { string(arena, S("command")), integer(arena, 1700000000), integer(arena, 12),
                                  integer(arena, 2000) };
    const struct resp *rows[] = { array(arena, good, 4), array(arena, good, 3), integer(arena, 1) };
    const struct redis_latency_event *events;
    size_t count;

    redis_latency_read(arena, array(arena, rows, 3), &events, &count);
    ASSERT_EQ_INT(1, count);
    ASSERT_STR("command", events[0].name);
    ASSERT_EQ_INT(2000, events[0].max_ms);
}
