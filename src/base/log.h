/* log.h - what the program says about itself, one line an event on stderr, logfmt or JSON.
 *
 * Owner: the process. Threads: any; the fields of LOG_SCOPE belong to the thread that opened it.
 * Library code returns errs; who decides to go on without the result logs it (log_err), once. */
#pragma once
#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

void log_setup(enum log_level level, enum log_format format);
bool log_level_parse(const char *name, enum log_level *ret_level) MUST_USE;

void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
/* log_err - say that something failed and why (with hint), at LOG_ERROR, or LOG_WARN where it is retryable. Takes `e`;
 * NULL says nothing. */
void log_err(err e, const char *format, ...) PRINTF_LIKE(2, 3);

/* LOG_SCOPE("collector", "redis") - every line of this thread carries collector=redis until the scope ends.
 * Both texts must live that long. At most 8 are open at once; more are not shown. */
#define LOG_SCOPE(key, value)          LOG_SCOPE_AT(key, value, __LINE__)
#define LOG_SCOPE_AT(key, value, line) LOG_SCOPE_NAMED(key, value, line)
#define LOG_SCOPE_NAMED(key, value, line)                                                                              \
    int log_scope_##line CLEANUP(log_scope_close) = log_scope_open((key), (value));                                    \
    (void)log_scope_##line
int log_scope_open(const char *key, const char *value);
void log_scope_close(int *depth);
