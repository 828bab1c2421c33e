/* call.c - the ways out that most integrations need. */
#include "net/call.h"

#include "base/lang.h"

err http_post_json(struct call *call, struct str url, struct str json, struct http_reply *ret_reply)
{
    const struct pair key = { S("Idempotency-Key"), call->idempotency_key };
    const struct http_request_out request = { .method = "POST",
                                              .url = url,
                                              .headers = &key,
                                              .header_count = call->idempotency_key.length ? 1 : 0,
                                              .body = json,
                                              .deadline_ms = call->deadline_ms,
                                              .trusted = call->trusted };

    return http_call(call->http, call->arena, &request, ret_reply);
}
