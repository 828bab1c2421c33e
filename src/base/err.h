/* err.h - what went wrong, for whom, and what to do next.
 *
 * Owner: whoever holds the err; it is passed up with TRY, and ends in exactly one of err_free, log_err or a reply.
 * NULL is success. Threads: an err belongs to one thread at a time. Expected outcomes on hot paths are enums, not errs.
 */
#pragma once
#include "base/lang.h"

typedef struct err *err;

/* The kinds: name, HTTP status, problem title, and whether trying the same again may help. */
#define ERR_KINDS(X)                                                                                                   \
    X(ERR_INVALID, 400, "Bad request", false) /* can't be parsed, or names an unknown thing */                         \
    X(ERR_UNAUTHORIZED, 401, "Not logged in", false)                                                                   \
    X(ERR_FORBIDDEN, 403, "Not allowed", false)                                                                        \
    X(ERR_NOT_FOUND, 404, "Not found", false)                                                                          \
    X(ERR_METHOD, 405, "Method not allowed", false)                                                                    \
    X(ERR_CONFLICT, 409, "Conflict", false)                                                                            \
    X(ERR_TOO_LARGE, 413, "Too large", false) /* a limit of ours; the text names it */                                 \
    X(ERR_MEDIA_TYPE, 415, "Unsupported media type", false)                                                            \
    X(ERR_RANGE, 422, "Unprocessable", false)     /* parsed, but out of range or of the wrong type */                  \
    X(ERR_BUSY, 429, "Too many requests", true)   /* come back later */                                                \
    X(ERR_INTERNAL, 500, "Internal error", false) /* a bug of ours */                                                  \
    X(ERR_IO, 503, "Input/output error", true)    /* the disk or the kernel said no; it may pass */                    \
    X(ERR_CORRUPT, 500, "Damaged data", false)                                                                         \
    X(ERR_REFUSED, 502, "Refused by the other side", false) /* a peer said no, and will say no again */                \
    X(ERR_UNAVAILABLE, 503, "Unavailable", true)            /* a peer or a part of ours is not there now */            \
    X(ERR_TIMEOUT, 504, "Timed out", true)

enum err_kind {
#define X(kind, status, title, retry) kind,
    ERR_KINDS(X)
#undef X
};

/* TRY - return the err of a call to the caller, if there is one. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        err try_ = (call);                                                                                             \
        if (try_)                                                                                                      \
            return try_;                                                                                               \
    } while (0)

/* err_new - an error with a sentence for the operator: what is wrong, with which value, and where. */
err err_new(enum err_kind kind, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* err_errno - the same with ": strerror(errno)" at its end; ENOSPC, EIO and the like are ERR_IO, EACCES ERR_FORBIDDEN.
 */
err err_errno(const char *format, ...) PRINTF_LIKE(1, 2) MUST_USE;
/* err_wrap - "context: what cause said", same kind, hint and fields; NULL stays NULL. Takes `cause`. */
err err_wrap(err cause, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* err_hint - add what to do next; the last one given wins. Takes and returns `e`. */
err err_hint(err e, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* err_add_field - add one entry of a problem document's errors[]: a path as in the document ("steps[2].name") and
 * what is wrong there. `*e` may be NULL: then an error of `kind` is made, whose message is the first field's. At most
 * 50 are kept. */
void err_add_field(err *e, enum err_kind kind, const char *field, const char *format, ...) PRINTF_LIKE(4, 5);
/* err_retry_after - tell callers when to come back; shown as Retry-After. */
err err_retry_after(err e, int64_t after_ms) MUST_USE;

enum err_kind err_kind(err e);
int err_status(err e);
bool err_is_retryable(err e);
const char *err_title(err e);
const char *err_message(err e);    /* never NULL */
const char *err_hint_text(err e);  /* NULL where there is none */
int64_t err_retry_after_ms(err e); /* 0 where nobody said */

size_t err_field_count(err e);
const char *err_field_path(err e, size_t index);
const char *err_field_message(err e, size_t index);

const char *err_kind_name(enum err_kind kind);
void err_free(err e);
void err_freep(err *e);
