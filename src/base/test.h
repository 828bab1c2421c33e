/* test.h - unit tests: TEST(what_holds) { ASSERT_...; }
 *
 * They stand beside the code in x_test.c, register themselves and run each in a process of their own, so one that
 * crashes or hangs (30 s) fails alone. `unit_tests [PART OF A NAME]...` runs those whose file:name contains a part. */
#pragma once
#include "base/registry.h"
#include "base/str.h"

struct test {
    const char *file;
    const char *name;
    void (*run)(void);
};

#define TEST(test_name)                                                                                                \
    static void test_run_##test_name(void);                                                                            \
    static const struct test test_##test_name = { __FILE__, #test_name, test_run_##test_name };                        \
    REGISTER(test, test_##test_name);                                                                                  \
    static void test_run_##test_name(void)

#define ASSERT_TRUE(condition)          test_true((condition), #condition, __FILE__, __LINE__)
#define ASSERT_FALSE(condition)         test_true(!(condition), "!(" #condition ")", __FILE__, __LINE__)
#define ASSERT_EQ_INT(expected, actual) test_eq_int((expected), (actual), #actual, __FILE__, __LINE__)
/* ASSERT_NEAR - |expected - actual| <= within; NaN equals NaN. */
#define ASSERT_NEAR(expected, actual, within) test_near((expected), (actual), (within), #actual, __FILE__, __LINE__)
/* ASSERT_STR("expected", actual) - actual is a struct str. */
#define ASSERT_STR(expected, actual)  test_str(str_of(expected), (actual), #actual, __FILE__, __LINE__)
#define ASSERT_CONTAINS(part, actual) test_contains(str_of(part), (actual), #actual, __FILE__, __LINE__)
/* ASSERT_OK(call) - no error. ASSERT_ERR(ERR_RANGE, "part of its message", call) - that one. Both free it. */
#define ASSERT_OK(call)              test_ok((call), #call, __FILE__, __LINE__)
#define ASSERT_ERR(kind, part, call) test_err((kind), (part), (call), #call, __FILE__, __LINE__)
/* TEST_SKIP - ends the test as skipped, saying why; only for what the machine lacks. */
#define TEST_SKIP(why) test_skip(why)

void test_true(bool ok, const char *text, const char *file, int line);
void test_eq_int(int64_t expected, int64_t actual, const char *text, const char *file, int line);
void test_near(double expected, double actual, double within, const char *text, const char *file, int line);
void test_str(struct str expected, struct str actual, const char *text, const char *file, int line);
void test_contains(struct str part, struct str actual, const char *text, const char *file, int line);
void test_ok(err e, const char *text, const char *file, int line);
void test_err(enum err_kind kind, const char *part, err e, const char *text, const char *file, int line);
void test_skip(const char *why) __attribute__((noreturn));
/* test_folder - an empty folder for this test alone, removed when it ends. */
const char *test_folder(void);
/* test_listen - a TCP listener on a free port of loopback, for peers that a test plays itself. */
int test_listen(int *ret_port);
/* test_uniform, test_normal - numbers in (0, 1), and of the standard normal distribution (Marsaglia's xorshift; Box and
 * Muller): the same ones for the same seed, which is not 0. */
double test_uniform(uint64_t *seed);
double test_normal(uint64_t *seed);
