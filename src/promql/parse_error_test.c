/* parse_error_test.c - what is no PromQL, and what is said of it: texts and places of Prometheus 3.14. */
#include "base/test.h"
#include "promql/parse.h"

#include <stdio.h>

static const struct {
    const char *text, *error;
} complaints[] = {
    { "foo[5m+]", "1:8: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
                  "step(), or range()" },
    { "foo[5m 5m]", "1:8: parse error: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\"" },
    { "foo[(5m 5m]", "1:9: parse error: unexpected duration \"5m\" in subquery or range selector, expected number, "
                     "duration, step(), or range()" },
    { "foo[5m,5m]", "1:7: parse error: unexpected \",\" in subquery or range, expected \":\" or \"]\"" },
    { "foo[5m:1m 1m]", "1:11: parse error: unexpected duration \"1m\" in subquery selector, expected \"]\"" },
    { "foo[5m:1m]]", "1:11: parse error: unexpected right bracket ']'" },
    { "-foo[5m]", "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
                  "vector, got \"range vector\"" },
    { "1 @ 5", "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector "
               "selector or a subquery" },
    { "foo @ 1e30",
      "1:1: parse error: timestamp out of bounds for @ modifier: 1000000000000000019884624838656.000000" },
    { "foo @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf" },
    { "sum by (a b) (foo)",
      "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"" },
    { "sum by (,) (foo)", "1:9: parse error: unexpected \",\" in grouping opts, expected label" },
    { "sum by a (foo)", "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\"" },
    { "sum by (without) (foo)", "1:9: parse error: unexpected <without> in grouping opts, expected label" },
    { "sum(foo) by (a) by (b)", "1:17: parse error: unexpected <by>" },
    { "sum(foo,)", "1:8: parse error: trailing commas not allowed in function call args" },
    { "abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args" },
    { "abs(foo bar)", "1:9: parse error: unexpected identifier \"bar\"" },
    { "sum(abs(foo bar))", "1:13: parse error: unexpected identifier \"bar\" in aggregation" },
    { "topk(foo)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1" },
    { "topk(1,foo,2)",
      "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 3" },
    { "topk(\"a\",foo)", "1:6: parse error: expected type scalar in aggregation parameter, got string" },
    { "count_values(1,foo)", "1:14: parse error: expected type string in aggregation parameter, got scalar" },
    { "sum()", "1:1: parse error: no arguments for aggregate expression provided" },
    { "a * group_left b", "1:5: parse error: unexpected <group_left>" },
    { "a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators" },
    { "1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier" },
    { "a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression" },
    { "1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression" },
    { "a and on(x) group_left(y) b", "1:1: parse error: no grouping allowed for \"and\" operation" },
    { "a * on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once" },
    { "1 * on(x) b", "1:1: parse error: vector matching only allowed between instant vectors" },
    { "a and fill(1) b", "1:1: parse error: filling in missing series not allowed for set operators" },
    { "\"a\\qb\"", "1:1: parse error: unknown escape sequence U+0071 'q'" },
    { "\"a\\u12\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence" },
    { "\xc3\xa9", "1:1: parse error: unexpected character: '\xc3\xa9'" },
    { "foo{", "1:5: parse error: unexpected end of input inside braces" },
    { "foo{a", "1:6: parse error: unexpected end of input inside braces" },
    { "foo{a=", "1:7: parse error: unexpected end of input inside braces" },
    { "foo{a=\"b\"", "1:10: parse error: unexpected end of input inside braces" },
    { "foo{a=\"b\" c", "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\"" },
    { "foo{a=\"b\",,}", "1:11: parse error: unexpected \",\" in label matching, expected identifier or \"}\"" },
    { "foo{,}", "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\"" },
    { "foo{5}", "1:5: parse error: unexpected character inside braces: '5'" },
    { "foo{a!\"b\"}", "1:6: parse error: unexpected character after '!' inside braces: '\"'" },
    { "foo{{", "1:5: parse error: unexpected left brace '{'" },
    { "foo}", "1:4: parse error: unexpected character: '}'" },
    { "foo)", "1:5: parse error: unexpected right parenthesis ')'" },
    { "foo]", "1:4: parse error: unexpected right bracket ']'" },
    { "[5m]", "1:1: parse error: unexpected \"[\"" },
    { "foo[", "1:5: parse error: unexpected end of input in duration expression" },
    { "foo[5", "1:6: parse error: unclosed left bracket" },
    { "foo[5m", "1:7: parse error: unclosed left bracket" },
    { "(foo", "1:5: parse error: unclosed left parenthesis" },
    { "foo[5x]", "1:5: parse error: bad number or duration syntax: \"5\"" },
    { "5mm", "1:1: parse error: bad number or duration syntax: \"5mm\"" },
    { "5m5m", "1:1: parse error: not a valid duration string: \"5m5m\"" },
    { "1s1m", "1:1: parse error: not a valid duration string: \"1s1m\"" },
    { "99999y", "1:1: parse error: duration out of range" },
    { "foo[99999y]", "1:5: parse error: duration out of range" },
    { "5y3", "1:1: parse error: bad number or duration syntax: \"5y3\"" },
    { "0x", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax" },
    { "0x1p3", "1:1: parse error: bad number or duration syntax: \"0x1\"" },
    { "1e", "1:1: parse error: bad number or duration syntax: \"1e\"" },
    { "1e+", "1:1: parse error: bad number or duration syntax: \"1e+\"" },
    { "1__0", "1:1: parse error: bad number or duration syntax: \"1__\"" },
    { "1_", "1:1: parse error: bad number or duration syntax: \"1_\"" },
    { "1._5", "1:1: parse error: bad number or duration syntax: \"1._\"" },
    { "1..5", "1:1: parse error: bad number or duration syntax: \"1..\"" },
    { "1e5e5", "1:1: parse error: bad number or duration syntax: \"1e5e\"" },
    { "foo bool", "1:5: parse error: unexpected <bool>" },
    { "bool", "1:1: parse error: unexpected <bool>" },
    { "on", "1:1: parse error: unexpected <on>" },
    { "a ! b", "1:3: parse error: unexpected character after '!': ' '" },
    { "a =~ b", "1:3: parse error: unexpected character after '=': '~'" },
    { "a = b", "1:3: parse error: unexpected \"=\"" },
    { "=", "1:1: parse error: unexpected \"=\"" },
    { "foo:bar(1)", "1:8: parse error: unexpected \"(\"" },
    { "nosuch(1)", "1:1: parse error: unknown function with name \"nosuch\"" },
    { "nosuch(1) $", "1:1: parse error: unknown function with name \"nosuch\"" },
    { "round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0" },
    { "round(foo,1,2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3" },
    { "foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\"" },
    { "{}", "1:1: parse error: vector selector must contain at least one non-empty matcher" },
    { "{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher" },
    { "{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher" },
    { "{a!=\"x\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher" },
    { "foo smoothed anchored", "1:1: parse error: anchored and smoothed modifiers cannot be used together" },
    { "foo[5m:1m] anchored", "1:1: parse error: anchored modifier is not supported for subqueries" },
    { "1 anchored", "1:1: parse error: anchored modifier not implemented" },
    { "\"a\" + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types" },
    { "\"a\" offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
                         "range vector selector or a subquery" },
    { "foo[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types" },
    { "1 + foo[5m]", "1:5: parse error: binary expression must contain only scalar and instant vector types" },
    { "-\"a\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, "
                "got \"string\"" },
    { "1[5m]", "1:2: parse error: ranges only allowed for vector selectors" },
    { "1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead" },
    { "foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors" },
    { "foo[5m:][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead" },
    { "(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors" },
    { "(foo) offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
                         "range vector selector or a subquery" },
    { "foo[#c\n5m]", "1:5: parse error: unexpected character in duration expression: '#'" },
    { "\n\n  foo bar", "3:7: parse error: unexpected identifier \"bar\"" },
    { "(1) == (2)", "1:5: parse error: comparisons between scalars must use BOOL modifier" },
    { "foo[step]", "1:9: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
                   "step(), or range()" },
    { "foo[stepp()]", "1:5: parse error: unexpected character in duration expression: 's'" },
    { "foo[5m step()]", "1:8: parse error: unexpected \"step\" in subquery or range, expected \":\" or \"]\"" },
    { "foo[:5m]", "1:6: parse error: unexpected colon before duration in duration expression" },
    { "foo[5m] + bar[:5m]", "1:15: parse error: unexpected \":\" in subquery or range selector, expected number, "
                            "duration, step(), or range()" },
    { "foo[5m::]", "1:8: parse error: unexpected colon ':'" },
    { "foo[-5m]", "1:5: parse error: duration must be greater than 0" },
    { "foo[0]", "1:5: parse error: duration must be greater than 0" },
    { "foo[5m:0]", "1:8: parse error: duration must be greater than 0" },
    { "foo[5/0]", "1:6: parse error: division by zero" },
    { "foo[5%0]", "1:6: parse error: modulo by zero" },
    { "foo offset 1e30", "1:12: parse error: duration out of range" },
    { "foo[1e30]", "1:5: parse error: duration out of range" },
    { "foo offset",
      "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or range()" },
    { "foo offset bar",
      "1:12: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()" },
    { "foo offset -bar",
      "1:13: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()" },
    { "foo offset (bar)",
      "1:13: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()" },
    { "foo @", "1:6: parse error: unexpected end of input in @, expected timestamp" },
    { "foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp" },
    { "foo @ start", "1:12: parse error: unexpected end of input in @, expected timestamp" },
    { "foo @ start(1)", "1:13: parse error: unexpected number \"1\" in @, expected timestamp" },
    { "sum(foo @ bar)", "1:11: parse error: unexpected identifier \"bar\" in @, expected timestamp" },
    { "sum(foo{a b})",
      "1:11: parse error: unexpected identifier \"b\" in label matching, expected label matching operator" },
    { "sum by (x) foo", "1:12: parse error: unexpected identifier \"foo\" in aggregation" },
    { "sum foo", "1:5: parse error: unexpected identifier \"foo\"" },
    { "foo[5m] offset 5m offset 6m", "1:1: parse error: offset may not be set multiple times" },
    { "foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times" },
    { "\"unterminated", "1:1: parse error: unterminated quoted string" },
    { "'unterminated", "1:1: parse error: unterminated quoted string" },
    { "`unterminated", "1:1: parse error: unterminated raw string" },
    { "foo{a=\"b", "1:7: parse error: unterminated quoted string" },
    { "foo{a=\"b\"}[5m", "1:14: parse error: unclosed left bracket" },
    { "abcdefghijklmnop qrstuvwxyzabc", "1:18: parse error: unexpected identifier \"qrstuvwxyzabc\"" },
    { "foo \"abcdefghijklmnop\"", "1:5: parse error: unexpected string \"\\\"abcdefghi\"..." },
    { "foo 12345678901234", "1:5: parse error: unexpected number \"1234567890\"..." },
    { "foo 1h2m3s4ms5", "1:5: parse error: bad number or duration syntax: \"1h2m3s4ms5\"" },
    { "foo{a=~\"(x\"}", "1:5: parse error: error parsing regexp: missing closing ): `(x`" },
    { "foo{a=~\"x)\"}", "1:5: parse error: error parsing regexp: unexpected ): `x)`" },
    { "foo{a=~\"*\"}", "1:5: parse error: error parsing regexp: missing argument to repetition operator: `*`" },
    { "foo{a=~\"a**\"}", "1:5: parse error: error parsing regexp: invalid nested repetition operator: `**`" },
    { "foo{a=~\"a*?+\"}", "1:5: parse error: error parsing regexp: invalid nested repetition operator: `*?+`" },
    { "foo{a=~\"\\\\y\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\y`" },
    { "foo{a=~\"(?<x\"}", "1:5: parse error: error parsing regexp: invalid named capture: `(?<x`" },
    { "foo{a=~\"(?P<x y>a)\"}", "1:5: parse error: error parsing regexp: invalid named capture: `(?P<x y>`" },
    { "foo{a=~\"[z-a]\"}", "1:5: parse error: error parsing regexp: invalid character class range: `z-a`" },
    { "foo{a=~\"a{1001}\"}", "1:5: parse error: error parsing regexp: invalid repeat count: `{1001}`" },
    { "foo{a=~\"a{2,1}\"}", "1:5: parse error: error parsing regexp: invalid repeat count: `{2,1}`" },
    { "foo{a=~\"a{1}{2}\"}", "1:5: parse error: error parsing regexp: invalid nested repetition operator: `{1}{2}`" },
    { "foo{a=~\"(?=a)\"}", "1:5: parse error: error parsing regexp: invalid or unsupported Perl syntax: `(?=`" },
    { "foo{a=~\"a\\\\\"}", "1:5: parse error: error parsing regexp: trailing backslash at end of expression: ``" },
    { "foo{a=~\"[[:foo:]]\"}", "1:5: parse error: error parsing regexp: invalid character class range: `[:foo:]`" },
    { "foo{a=~\"\\\\8\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\8`" },
    { "foo{a=~\"\\\\1\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\1`" },
    { "foo{a=~\"\\\\p{Greek\"}", "1:5: parse error: error parsing regexp: invalid character class range: `\\p{Greek`" },
    { "foo{a=~\"\\\\p\"}", "1:5: parse error: error parsing regexp: invalid character class range: `\\p`" },
    { "foo{a=~\"(?z)\"}", "1:5: parse error: error parsing regexp: invalid or unsupported Perl syntax: `(?z`" },
    { "foo{a=~\"(?-)a\"}", "1:5: parse error: error parsing regexp: invalid or unsupported Perl syntax: `(?-)`" },
    { "foo{a=~\"(?\"}", "1:5: parse error: error parsing regexp: invalid or unsupported Perl syntax: `(?`" },
    { "foo{a=~\"|*\"}", "1:5: parse error: error parsing regexp: missing argument to repetition operator: `*`" },
    { "foo{a=~\"(*)\"}", "1:5: parse error: error parsing regexp: missing argument to repetition operator: `*`" },
    { "foo{a=~\"[a\"}", "1:5: parse error: error parsing regexp: missing closing ]: `[a`" },
    { "foo{a=~\"[]\"}", "1:5: parse error: error parsing regexp: missing closing ]: `[]`" },
    { "foo{a=~\"[a\\\\\"}", "1:5: parse error: error parsing regexp: trailing backslash at end of expression: ``" },
    { "foo{a=~\"\\\\x{110000}\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\x{110000`" },
    { "foo{a=~\"\\\\x4\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\x4`" },
    { "foo{a=~\"\\\\x4g\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\x4g`" },
    { "foo{a!~\"a++\"}", "1:5: parse error: error parsing regexp: invalid nested repetition operator: `++`" },
    { "foo{a=~\"((((a))\"}", "1:5: parse error: error parsing regexp: missing closing ): `((((a))`" },
    { "foo{a=~\"\\\\C\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\C`" },
    { "rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector" },
    { "rate(foo[5m],1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2" },
    { "label_join(foo)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1" },
    { "info(foo, bar)", "1:11: parse error: expected label selectors only, got vector selector instead" },
    { "info(foo, 1)", "1:1: parse error: expected type instant vector in call to function \"info\", got scalar" },
    { "time() == 1", "1:8: parse error: comparisons between scalars must use BOOL modifier" },
    { "time(  )  ==  1", "1:11: parse error: comparisons between scalars must use BOOL modifier" },
    { "max_of(1)", "1:1: parse error: expected 2 argument(s) in call to \"max_of\", got 1" },
};

TEST(parse_complains_in_the_words_and_at_the_places_of_prometheus)
{
    for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct expr *expr;
        err e CLEANUP(err_freep) = promql_parse(arena, str_of(complaints[i].text), &promql_all_features, &expr);
        if (!e)
            printf("  parsed: %s\n", complaints[i].text);
        ASSERT_TRUE(e != NULL);
        ASSERT_EQ_INT(ERR_INVALID, err_kind(e));
        ASSERT_STR(complaints[i].error, str_of(err_message(e)));
    }
}

TEST(parse_says_which_switch_is_off)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "limitk(1, foo)", "1:1: parse error: limitk() is experimental and must be enabled with "
                            "--enable-feature=promql-experimental-functions" },
        { "foo[5m + 1]", "1:5: parse error: experimental duration expression is not enabled" },
        { "foo offset step()", "1:12: parse error: experimental duration expression is not enabled" },
        { "foo[(5m)]", "1:6: parse error: experimental duration expression is not enabled" },
        { "sum(foo anchored)", "1:5: parse error: anchored modifier is experimental and not enabled" },
        { "foo[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled" },
        { "a + fill(1) b", "1:1: parse error: binop fill modifiers are experimental and not enabled" },
    };
    static const struct promql_features none;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct expr *expr;
        err e CLEANUP(err_freep) = promql_parse(arena, str_of(cases[i].text), &none, &expr);
        ASSERT_TRUE(e != NULL);
        ASSERT_STR(cases[i].error, str_of(err_message(e)));
    }
}

TEST(parse_refuses_what_is_too_deep_or_too_long)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct expr *expr;

    buf_init(&text, 4 << 20);
    for (int i = 0; i < 5000; i++)
        buf_add_c(&text, '(');
    ASSERT_ERR(ERR_INVALID, "nested more than 200 levels deep",
               promql_parse(arena, buf_str(&text), &promql_all_features, &expr));
    buf_reset(&text);
    for (int i = 0; i < 5000; i++)
        buf_add(&text, S("1+"));
    buf_add_c(&text, '1');
    ASSERT_ERR(ERR_INVALID, "nested more than 200 levels deep",
               promql_parse(arena, buf_str(&text), &promql_all_features, &expr));
    buf_reset(&text);
    for (int i = 0; i < 5000; i++)
        buf_add(&text, S("-a^"));
    ASSERT_ERR(ERR_INVALID, "nested more than 200 levels deep",
               promql_parse(arena, buf_str(&text), &promql_all_features, &expr));
    buf_reset(&text);
    buf_add(&text, S("foo[5m:"));
    for (int i = 0; i < 5000; i++)
        buf_add(&text, S("1+"));
    buf_add(&text, S("1]"));
    ASSERT_ERR(ERR_INVALID, "nested more than 200 levels deep",
               promql_parse(arena, buf_str(&text), &promql_all_features, &expr));
    buf_reset(&text);
    for (int i = 0; i <= PROMQL_TEXT_MAX; i++)
        buf_add_c(&text, ' ');
    ASSERT_ERR(ERR_INVALID, "at most 1048576", promql_parse(arena, buf_str(&text), &promql_all_features, &expr));
}
