/* resp.h - reads Redis' protocol piece by piece; inside net/ only, others see redis_client.h.
 *
 * Owner: who called resp_reader_new; replies live in the arena given to resp_reader_begin. Threads: one at a time. */
#pragma once
#include "net/redis_client.h"

struct resp_reader;

struct resp_reader *resp_reader_new(void);
void resp_reader_free(struct resp_reader *reader);
/* resp_reader_begin - where the next reply goes, and how many elements it may have. */
void resp_reader_begin(struct resp_reader *reader, struct arena *arena, size_t elements_max);
/* resp_reader_feed - more bytes; *ret_reply is NULL until a whole reply is there. ERR_INVALID: not RESP, nested over
 * 8 levels; ERR_TOO_LARGE: too many elements. After an error the reader is of no more use. */
err resp_reader_feed(struct resp_reader *reader, struct str bytes, const struct resp **ret_reply) MUST_USE;
/* resp_reader_has_rest - bytes came behind the last reply. */
bool resp_reader_has_rest(const struct resp_reader *reader);
