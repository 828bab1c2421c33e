/* receiver.c - when something last came in. */
#include "ingest/receiver.h"

#include "base/time.h"

void receiver_got(const struct receiver *receiver, int64_t count)
{
    atomic_fetch_add(&receiver->state->count, count);
    atomic_store(&receiver->state->received_ms, time_now_ms());
}

void receiver_refused(const struct receiver *receiver)
{
    atomic_store(&receiver->state->failed_ms, time_now_ms());
}
