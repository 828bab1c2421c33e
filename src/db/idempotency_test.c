/* idempotency_test.c - one key, one answer, for a day. */
#include "db/idempotency.h"

#include "base/test.h"
#include "base/time.h"

static int64_t wall_ms = 1800000000000;

static int64_t test_clock(void)
{
    return wall_ms;
}

struct call {
    struct arena *arena;
    struct str principal, key;
    struct idempotency_answer answer;
    bool found;
    int64_t removed;
};

static err put(struct tx *tx, void *arg)
{
    struct call *call = arg;

    return idempotency_put(tx, call->principal, call->key, &call->answer);
}

static err get(struct tx *tx, void *arg)
{
    struct call *call = arg;

    return idempotency_get(tx, call->arena, call->principal, call->key, &call->answer, &call->found);
}

static err expire(struct tx *tx, void *arg)
{
    struct call *call = arg;

    return idempotency_expire(tx, 100, &call->removed);
}

TEST(an_answer_is_kept_for_a_day_under_its_principal_and_key)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct call call = {
        .arena = arena,
        .principal = S("token:ci"),
        .key = S("a-1"),
        .answer = { .body_hash = S("h"), .status = 201, .content_type = S("application/json"), .body = S("{}") },
    };
    struct call other = call;
    struct db *db = NULL;

    time_set_wall(test_clock);
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &db));
    ASSERT_OK(db_read(db, get, &call));
    ASSERT_FALSE(call.found);
    ASSERT_OK(db_write(db, put, &call));
    ASSERT_ERR(ERR_CONFLICT, "answered already", db_write(db, put, &call));
    call.answer = (struct idempotency_answer){ 0 };
    ASSERT_OK(db_read(db, get, &call));
    ASSERT_TRUE(call.found);
    ASSERT_EQ_INT(201, call.answer.status);
    ASSERT_STR("application/json", call.answer.content_type);
    ASSERT_STR("{}", call.answer.body);
    other.principal = S("user:kim");
    ASSERT_OK(db_read(db, get, &other));
    ASSERT_FALSE(other.found);

    wall_ms += DAY_MS + 1;
    ASSERT_OK(db_read(db, get, &call));
    ASSERT_FALSE(call.found);
    other = call;
    other.answer = (struct idempotency_answer){ .body_hash = S("i"), .status = 200 };
    ASSERT_OK(db_write(db, put, &other)); /* the old one is no hindrance */
    wall_ms += DAY_MS + 1;
    ASSERT_OK(db_write(db, expire, &call));
    ASSERT_EQ_INT(1, call.removed);
    db_close(db);
}

TEST(a_key_has_a_length)
{
    struct call call = { .principal = S("x"), .key = S("") };
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &db));
    ASSERT_ERR(ERR_INVALID, "1 to 255 bytes", db_write(db, put, &call));
    db_close(db);
}
