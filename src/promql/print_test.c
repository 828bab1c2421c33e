/* print_test.c - PromQL that is read and printed: as Prometheus 3.14 prints it, and so that it reads back the same. */
#include "base/test.h"
#include "base/time.h"
#include "promql/parse.h"

static struct str printed(struct arena *arena, struct str text, bool pretty)
{
    struct buf out CLEANUP(buf_clear) = { 0 };
    struct expr *expr;

    ASSERT_OK(promql_parse(arena, text, &promql_all_features, &expr));
    buf_init(&out, 1 << 20);
    if (pretty)
        promql_print_pretty(&out, expr);
    else
        promql_print(&out, expr);
    ASSERT_OK(buf_check(&out));
    return str_copy(arena, buf_str(&out));
}

static const struct {
    const char *text, *printed;
} prints[] = {
    { "1_000.5", "1000.5" },
    { "foo offset (1h) + 5m", "foo offset (1h + 5m)" },
    { "foo offset -(1h) + 5m", "foo offset -1h + 5m" },
    { "foo offset - -5m + 5m", "foo offset (5m + 5m)" },
    { "foo offset --step() + 5m", "foo offset (--step() + 5m)" },
    { "foo offset -max_of(1,step()) + 5m", "foo offset -max_of(1, step()) + 5m" },
    { "foo[step()+1:min_of(2, range()*2)]", "foo[step() + 1:min_of(2, range() * 2)]" },
    { "foo[(5m+1)*2]", "foo[(5m + 1) * 2]" },
    { "foo[5m:(1)]", "foo[5m:1s]" },
    { "{\"a.b\", \"l.x\"=\"y\"}", "{\"l.x\"=\"y\",__name__=\"a.b\"}" },
    { "{\"foo\",\"bar\"}", "{__name__=\"bar\",__name__=\"foo\"}" },
    { "foo{\"l.x\"=\"y\"} > bool 5m", "foo{\"l.x\"=\"y\"} > bool 5m" },
    { "-1 ^ 2", "-1 ^ 2" },
    { "2 ^ -1 ^ 2 * 3", "2 ^ -1 ^ 2 * 3" },
    { "--5", "5" },
    { "foo @ 5m", "foo @ 300.000" },
    { "foo @ -1.5 offset -5m", "foo @ -1.500 offset -5m" },
    { "foo @ start() offset 5m", "foo @ start() offset 5m" },
    { "foo @ start()[5m]", "foo[5m] @ start()" },
    { "foo offset 0 offset 5m", "foo offset 5m" },
    { "sum by (a,) (foo)", "sum by (a) (foo)" },
    { "sum without (by, on) (foo)", "sum without (by, on) (foo)" },
    { "a * on(x) group_left b", "a * on (x) group_left () b" },
    { "a * on(x) group_left (b) c", "a * on (x) group_left (b) c" },
    { "a + fill(1) b", "a + fill (1) b" },
    { "a + fill_left(1) fill_right(-5m) b", "a + fill_left (1) fill_right (-300) b" },
    { "a + fill_right(1e-5) b", "a + fill_right (1e-05) b" },
    { "a + fill(100000) b", "a + fill (100000) b" },
    { "a + fill(1234567) b", "a + fill (1.234567e+06) b" },
    { "fill + fill", "fill + fill" },
    { "'it\\'s'", "\"it's\"" },
    { "\"\\xff\\u00e9\\101\"", "\"\\xff\xc3\xa9"
                               "A\"" },
    { "`raw\\n`", "\"raw\\\\n\"" },
    { "\"new\\nline\"", "\"new\\nline\"" },
    { "foo{a=\"\xc3\xa9\\u200b\\x01\"}", "foo{a=\"\xc3\xa9\\u200b\\x01\"}" },
    { "\"\xc3\xa9\xe2\x80\x8b\x01\\\\ \\\" x\"", "\"\xc3\xa9\\u200b\\x01\\\\ \\\" x\"" },
    { "0x1e5", "485" },
    { "_1", "_1" },
    { ".5", "0.5" },
    { "5.", "5" },
    { "foo == bool bar", "foo == bool bar" },
    { "foo:bar{a=\"b\"}", "foo:bar{a=\"b\"}" },
    { ":foo", ":foo" },
    { "a:", "a:" },
    { "{__name__=\"foo\"}", "{__name__=\"foo\"}" },
    { "{__name__=~\"foo\"}", "{__name__=~\"foo\"}" },
    { "foo anchored", "foo anchored" },
    { "foo[5m] smoothed offset 5m @ 1", "foo[5m] smoothed @ 1.000 offset 5m" },
    { "foo anchored[5m]", "foo[5m] anchored" },
    { "(foo)[5m:1m] offset -1w @ end()", "(foo)[5m:1m] @ end() offset -1w" },
    { "foo > 1h30m", "foo > 1h30m" },
    { "5m", "5m" },
    { "-5m", "-5m" },
    { "foo # comment", "foo" },
    { "# comment\nfoo", "foo" },
    { "foo{#c\na=\"b\"}", "foo{a=\"b\"}" },
    { "foo[5m#c\n]", "foo[5m]" },
    { "1e21 + 1e-7 + 123456789012345678901234", "1000000000000000000000 + 0.0000001 + 123456789012345690000000" },
    { "INF + nan + -Inf", "+Inf + NaN + -Inf" },
    { "foo </ 1", "foo </ 1" },
    { "foo >/ 1 + 2", "foo >/ 1 + 2" },
    { "limitk(1, foo)", "limitk(1, foo)" },
    { "sum(foo) == 1", "sum(foo) == 1" },
    { "foo[step()]", "foo[step()]" },
    { "foo[2^3]", "foo[2 ^ 3]" },
    { "foo offset 5m^2", "foo offset 5m ^ 2" },
    { "sum", "sum" },
    { "sum offset 5m", "sum offset 5m" },
    { "offset offset 5m", "offset offset 5m" },
    { "by", "by" },
    { "without", "without" },
    { "and", "and" },
    { "a and and and b", "a and and and b" },
    { "a / 0 * -b ^ c", "a / 0 * -b ^ c" },
    { "a or b and c unless d", "a or b and c unless d" },
    { "a - b - c", "a - b - c" },
    { "a ^ b ^ c", "a ^ b ^ c" },
    { "a % b * c / d atan2 e", "a % b * c / d atan2 e" },
    { "a == b != c", "a == b != c" },
    { "123456789012345", "123456789012345" },
    { "foo{a=~\"(?P<x>a)\"}", "foo{a=~\"(?P<x>a)\"}" },
    { "foo{a=~\"a{,1}\"}", "foo{a=~\"a{,1}\"}" },
    { "foo{a=~\"a{2,}\"}", "foo{a=~\"a{2,}\"}" },
    { "foo{a=~\"[[:alpha:]x-z]\"}", "foo{a=~\"[[:alpha:]x-z]\"}" },
    { "foo{a=~\"(?i)a\"}", "foo{a=~\"(?i)a\"}" },
    { "foo{a=~\"(?i-s:a)\"}", "foo{a=~\"(?i-s:a)\"}" },
    { "foo{a=~\"[]a]\"}", "foo{a=~\"[]a]\"}" },
    { "foo{a=~\"\\\\Qa*\\\\E*\"}", "foo{a=~\"\\\\Qa*\\\\E*\"}" },
    { "foo{a=~\"\\\\_\"}", "foo{a=~\"\\\\_\"}" },
    { "info(foo, {a=\"b\"})", "info(foo, {a=\"b\"})" },
    { "histogram_quantile(0.9, rate(x[5m]))", "histogram_quantile(0.9, rate(x[5m]))" },
    { "start()", "start()" },
    { "end() + step() + range() + min_of(1,2)", "end() + step() + range() + min_of(1, 2)" },
};

TEST(print_says_what_was_read_and_reads_back_the_same)
{
    for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct str once = printed(arena, str_of(prints[i].text), false);
        ASSERT_STR(prints[i].printed, once);
        ASSERT_STR(prints[i].printed, printed(arena, once, false));
    }
}

TEST(print_pretty_splits_what_is_longer_than_a_hundred_bytes)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        { "sum by (job, instance) (ceil(very_long_metric_name_total{job=\"something\", instance=~\"abc.*\"})) / "
          "ignoring (x) -abs(very_long_name_of_metric_number_two{a=\"b\",c=\"d\"})",
          "  sum by (job, instance) (ceil(very_long_metric_name_total{instance=~\"abc.*\",job=\"something\"}))\n"
          "/ ignoring (x)\n"
          "  -abs(very_long_name_of_metric_number_two{a=\"b\",c=\"d\"})" },
        { "topk(5, (round(sum without (le, handler) (http_request_duration_seconds_bucket{job=\"api\", "
          "handler!~\"/health|/ready\"} offset 1h), 0.01)))[1h:5m] offset 1d",
          "topk(\n"
          "  5,\n"
          "  (\n"
          "    round(\n"
          "      sum without (le, handler) (\n"
          "        http_request_duration_seconds_bucket{handler!~\"/health|/ready\",job=\"api\"} offset 1h\n"
          "      ),\n"
          "      0.01\n"
          "    )\n"
          "  )\n"
          ")[1h:5m] offset 1d" },
        { "count_values(\"a_label_with_a_very_long_name_that_goes_on\", first_metric_name == bool on (instance) "
          "group_left (mode) second_metric_name{x=\"y\"}) > 5m",
          "  count_values(\n"
          "    \"a_label_with_a_very_long_name_that_goes_on\",\n"
          "    first_metric_name == bool on (instance) group_left (mode) second_metric_name{x=\"y\"}\n"
          "  )\n"
          ">\n"
          "  5m" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        ASSERT_STR(cases[i].printed, printed(arena, str_of(cases[i].text), true));
    }
}

TEST(print_json_shows_the_tree)
{
    static const char expected[] =
        "{\"bool\":false,\"lhs\":{\"expr\":{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"b\",\"type\":\"!=\","
        "\"value\":\"c\"},{\"name\":\"__name__\",\"type\":\"=\",\"value\":\"x\"}],\"name\":\"x\",\"offset\":0,"
        "\"offsetExpr"
        "\":{\"lhs\":null,\"op\":\"-\",\"rhs\":{\"lhs\":null,\"op\":\"step\",\"rhs\":null,\"type\":\"durationExpr\","
        "\"wra"
        "pped\":false},\"type\":\"durationExpr\",\"wrapped\":false},\"startOrEnd\":null,\"timestamp\":null,\"sm"
        "oothed\":false,\"type\":\"vectorSelector\"},\"op\":\"-\",\"type\":\"unaryExpr\"},\"grouping\":[],\"op\":\"to"
        "pk\",\"param\":{\"type\":\"numberLiteral\",\"val\":\"2\"},\"type\":\"aggregation\",\"without\":false},\"matc"
        "hing\":{\"card\":\"many-to-many\",\"fillValues\":{\"lhs\":null,\"rhs\":null},\"include\":[],\"labels\":[\""
        "a\"],\"on\":true},\"op\":\"unless\",\"rhs\":{\"args\":[{\"bool\":true,\"lhs\":{\"expr\":{\"anchored\":false,\""
        "matchers\":[{\"name\":\"__name__\",\"type\":\"=\",\"value\":\"y\"}],\"name\":\"y\",\"offset\":0,"
        "\"offsetExpr\":"
        "null,\"startOrEnd\":null,\"timestamp\":1500,\"smoothed\":false,\"type\":\"vectorSelector\"},\"type\":\""
        "parenExpr\"},\"matching\":null,\"op\":\">\",\"rhs\":{\"type\":\"numberLiteral\",\"val\":\"300\"},\"type\":\"bi"
        "naryExpr\"},{\"type\":\"numberLiteral\",\"val\":\"0.5\"}],\"func\":{\"argTypes\":[\"vector\",\"scalar\"],\"n"
        "ame\":\"round\",\"returnType\":\"vector\",\"variadic\":1},\"type\":\"call\"},\"type\":\"binaryExpr\"}";
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf out CLEANUP(buf_clear) = { 0 };
    struct expr *expr;

    ASSERT_OK(promql_parse(arena,
                           S("topk(2, -x{b!=\"c\"} offset -step()) unless on (a) round((y @ 1.5) > bool 5m, .5)"),
                           &promql_all_features, &expr));
    buf_init(&out, 1 << 20);
    struct json_writer w = json_writer(&out);
    promql_print_json(&w, expr);
    ASSERT_STR(expected, buf_str(&out));
}

TEST(print_pretty_stays_cheap_where_everything_is_deep_and_long)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };

    for (int i = 0; i < 190; i++)
        buf_add(&text, S("("));
    buf_add(&text, S("{a=\"b\""));
    for (int i = 0; i < 40000; i++)
        buf_addf(&text, ",a%d=\"b\"", i);
    buf_add(&text, S(",c=\""));
    for (int i = 0; i < 400000; i++)
        buf_add_c(&text, 'x');
    buf_add(&text, S("\"}"));
    for (int i = 0; i < 190; i++)
        buf_add(&text, S(")"));
    int64_t began = time_mono_ms();
    struct str once = printed(arena, buf_str(&text), true);
    ASSERT_TRUE(once.length > buf_str(&text).length);
    ASSERT_TRUE(time_mono_ms() - began < 10000); /* sorting at each of 190 levels would take minutes */
}
