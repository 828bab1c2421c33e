/* resp.c - replies of a Redis as a tree in an arena; hides hiredis' reader. */
#include "net/resp.h"

#include "base/lang.h"

#include <hiredis/read.h>
#include <stdlib.h>

struct decoding {
    struct arena *arena;
    size_t elements_left;
    bool over; /* a limit was passed */
};

struct resp_reader {
    redisReader *reader;
    struct decoding decoding;
};

static struct resp *attach(const redisReadTask *task, enum resp_type type)
{
    struct decoding *decoding = task->privdata;

    if (decoding->elements_left == 0) {
        decoding->over = true;
        return NULL;
    }
    decoding->elements_left--;
    struct resp *resp = arena_alloc(decoding->arena, sizeof(*resp));
    resp->type = type;
    if (task->parent)
        ((struct resp *)task->parent->obj)->items[task->idx] = resp;
    return resp;
}

static void *make_string(const redisReadTask *task, char *text, size_t length)
{
    struct decoding *decoding = task->privdata;
    struct resp *resp = attach(task, task->type == REDIS_REPLY_STATUS  ? RESP_STATUS
                                     : task->type == REDIS_REPLY_ERROR ? RESP_ERROR
                                                                       : RESP_STRING);

    if (resp)
        resp->text = str_copy(decoding->arena, (struct str){ text, length });
    return resp;
}

static void *make_array(const redisReadTask *task, int count)
{
    struct decoding *decoding = task->privdata;

    /* Before the memory is taken: a hostile server only claims them. */
    if (count < 0 || (size_t)count > decoding->elements_left) {
        decoding->over = true;
        return NULL;
    }
    struct resp *resp = attach(task, RESP_ARRAY);
    if (resp) {
        resp->count = (size_t)count;
        resp->items = arena_array(decoding->arena, (size_t)count, sizeof(struct resp *));
    }
    return resp;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    struct resp *resp = attach(task, RESP_INTEGER);

    if (resp)
        resp->integer = value;
    return resp;
}

static void *make_nil(const redisReadTask *task)
{
    return attach(task, RESP_NIL);
}

static void leave_to_arena(void *object)
{
    (void)object;
}

static redisReplyObjectFunctions makers = { make_string, make_array, make_integer, make_nil, leave_to_arena };

struct resp_reader *resp_reader_new(void)
{
    struct resp_reader *reader = calloc(1, sizeof(*reader));

    if (!reader || !(reader->reader = redisReaderCreateWithFunctions(&makers)))
        abort();
    reader->reader->privdata = &reader->decoding;
    return reader;
}

void resp_reader_free(struct resp_reader *reader)
{
    if (!reader)
        return;
    redisReaderFree(reader->reader);
    free(reader);
}

void resp_reader_begin(struct resp_reader *reader, struct arena *arena, size_t elements_max)
{
    reader->decoding = (struct decoding){ arena, elements_max, false };
}

err resp_reader_feed(struct resp_reader *reader, struct str bytes, const struct resp **ret_reply)
{
    void *reply = NULL;

    *ret_reply = NULL;
    if (bytes.length && redisReaderFeed(reader->reader, bytes.at, bytes.length) != 0)
        return err_new(ERR_INVALID, "not a Redis reply: %s", reader->reader->errstr);
    if (redisReaderGetReply(reader->reader, &reply) != 0) {
        if (reader->decoding.over)
            return err_new(ERR_TOO_LARGE, "the Redis reply has more elements than are taken");
        return err_new(ERR_INVALID, "not a Redis reply: %s", reader->reader->errstr);
    }
    *ret_reply = reply;
    return NULL;
}

bool resp_reader_has_rest(const struct resp_reader *reader)
{
    return reader->reader->len > reader->reader->pos;
}
