/* tidy.h - put before every file that clang-tidy reads: what the analyser can't see from a declaration. */
#pragma once
#include "base/err.h"

static inline err tidy_an_err(err e)
{
    if (!e)
        __builtin_unreachable();
    return e;
}
/* These never return NULL; */
#define err_new(...)   tidy_an_err(err_new(__VA_ARGS__))
#define err_errno(...) tidy_an_err(err_errno(__VA_ARGS__))
/* and these only for NULL. */
#define err_wrap(cause, ...)   (cause)
#define err_hint(e, ...)       (e)
#define err_retry_after(e, ms) (e)
