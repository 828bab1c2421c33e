/* idempotency_store.c - one request, one effect, one reply, for a day.
 *
 * DESIGN. A key is reserved durably before its request runs. A reservation of this process means "running"; one that is
 * found after a restart means that nobody knows how far the request came: it stays refused, and the client looks before
 * it asks with a new key. */
#include "api/idempotency_store.h"

#include "api/services.h"
#include "base/log.h"
#include "db/idempotency.h"

struct job {
    struct arena *arena;
    const struct idempotency_request *request;
    struct idempotency_answer answer;
    bool found;
};

static err begin_write(struct tx *tx, void *arg)
{
    struct job *job = arg;
    const struct idempotency_request *request = job->request;
    struct idempotency_answer reservation = {
        .body_hash = { (const char *)request->hash, sizeof(request->hash) },
    };

    TRY(idempotency_get(tx, job->arena, request->principal, request->key, &job->answer, &job->found));
    return job->found ? NULL : idempotency_put(tx, request->principal, request->key, &reservation);
}

static err begin(struct arena *arena, const struct idempotency_request *request, enum idempotency_state *ret_state,
                 struct idempotency_reply *ret_reply)
{
    struct job job = { .arena = arena, .request = request };
    struct str hash = { (const char *)request->hash, sizeof(request->hash) };

    TRY(db_write(services.db, begin_write, &job));
    if (!job.found)
        *ret_state = IDEMPOTENCY_NEW;
    else if (!str_eq(job.answer.body_hash, hash))
        *ret_state = IDEMPOTENCY_OTHER;
    else if (!job.answer.status)
        *ret_state = IDEMPOTENCY_RUNNING;
    else
        *ret_state = IDEMPOTENCY_KNOWN;
    *ret_reply = (struct idempotency_reply){
        .status = job.answer.status,
        .content_type = job.answer.content_type,
        .location = job.answer.location,
        .body = job.answer.body,
    };
    return NULL;
}

static err keep_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return idempotency_put(tx, job->request->principal, job->request->key, &job->answer);
}

static err keep(const struct idempotency_request *request, const struct idempotency_reply *reply)
{
    struct job job = {
        .request = request,
        .answer = { .body_hash = { (const char *)request->hash, sizeof(request->hash) },
                    .status = reply->status,
                    .content_type = reply->content_type,
                    .location = reply->location,
                    .body = reply->body },
    };

    return db_write(services.db, keep_write, &job);
}

static err forget_write(struct tx *tx, void *arg)
{
    struct job *job = arg;

    return idempotency_drop(tx, job->request->principal, job->request->key);
}

static void forget(const struct idempotency_request *request)
{
    struct job job = { .request = request };

    log_err(db_write(services.db, forget_write, &job), "can't free an Idempotency-Key");
}

const struct idempotency_store idempotency_store = { .begin = begin, .keep = keep, .forget = forget };
