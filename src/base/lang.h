/* lang.h - the words that the whole project adds to C; there are no others.
 *
 * CLEANUP(f)             f(&variable) runs when the scope ends.      TAKE(p)      hand a pointer on; the scope no
 * longer owns it. TRY(call)              pass an err up (base/err.h).                MUST_USE     the result may not be
 * dropped. S("text")              a struct str of a literal (base/str.h).     STR_ARG(s)   the two arguments of "%.*s".
 * VEC(type)              a growable array (base/vec.h).              ARRAY_LEN(a)
 * REGISTER, FOR_EACH_REGISTERED    tables that fill themselves (base/registry.h).
 * METRIC (base/metric.h), LOG_SCOPE (base/log.h), PARAMS (db/db.h), FAILPOINT (base/failpoint.h); TEST, ASSERT_*
 * (base/test.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLEANUP(f)        __attribute__((cleanup(f)))
#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* TAKE - the value of a pointer, which becomes NULL: ownership moves out of the scope's CLEANUP. */
#define TAKE(p)                                                                                                        \
    ({                                                                                                                 \
        __typeof__(p) taken_ = (p);                                                                                    \
        (p) = NULL;                                                                                                    \
        taken_;                                                                                                        \
    })
