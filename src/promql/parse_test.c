/* parse_test.c - what a tree looks like. */
#include "promql/parse.h"

#include "base/test.h"
#include "promql/function.h"

static struct expr *parsed(struct arena *arena, const char *text)
{
    struct expr *expr;

    ASSERT_OK(promql_parse(arena, str_of(text), &promql_all_features, &expr));
    return expr;
}

TEST(parse_makes_a_tree)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct expr *expr = parsed(arena, "sum by (job) (up{job=~\"a.*\"}) / 2");

    ASSERT_EQ_INT(EXPR_BINARY, expr->kind);
    ASSERT_EQ_INT(TYPE_VECTOR, expr->type);
    ASSERT_EQ_INT(OP_DIV, expr->binary.op);
    ASSERT_TRUE(expr->binary.matching == NULL); /* one side is a scalar */
    ASSERT_NEAR(2, expr->binary.right->number, 0);
    struct expr *sum = expr->binary.left;
    ASSERT_EQ_INT(AGG_SUM, sum->aggregate.op);
    ASSERT_STR("job", sum->aggregate.labels[0]);
    ASSERT_EQ_INT(14, sum->aggregate.expr->from);
    ASSERT_EQ_INT(28, sum->aggregate.expr->to);
    ASSERT_EQ_INT(2, (int64_t)sum->aggregate.expr->selector.matcher_count);
    ASSERT_STR("__name__", sum->aggregate.expr->selector.matchers[1].name);
}

TEST(parse_binds_powers_to_the_right_and_signs_like_products)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    struct expr *power = parsed(arena, "a ^ b ^ c");
    ASSERT_EQ_INT(EXPR_BINARY, power->binary.right->kind);
    struct expr *minus = parsed(arena, "a - b - c");
    ASSERT_EQ_INT(EXPR_BINARY, minus->binary.left->kind);
    struct expr *sign = parsed(arena, "-a ^ 2");
    ASSERT_EQ_INT(EXPR_UNARY, sign->kind);
    struct expr *product = parsed(arena, "-a * 2");
    ASSERT_EQ_INT(EXPR_BINARY, product->kind);
    struct expr *both = parsed(arena, "a or b and c");
    ASSERT_EQ_INT(OP_OR, both->binary.op);
    ASSERT_EQ_INT(MANY_TO_MANY, both->binary.matching->cardinality);
}

TEST(parse_reads_ranges_and_modifiers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct expr *range = parsed(arena, "a[1h30m] @ 1.5 offset -5m");
    struct expr *subquery = parsed(arena, "a[1h:] @ end()");

    ASSERT_EQ_INT(TYPE_MATRIX, range->type);
    ASSERT_EQ_INT(5400000, range->selector.range.ms);
    ASSERT_EQ_INT(-300000, range->selector.mods.offset.ms);
    ASSERT_EQ_INT(AT_TIME, range->selector.mods.at);
    ASSERT_EQ_INT(1500, range->selector.mods.at_ms);
    ASSERT_EQ_INT(EXPR_SUBQUERY, subquery->kind);
    ASSERT_EQ_INT(AT_END, subquery->subquery.mods.at);
    ASSERT_FALSE(subquery->subquery.step.given);
    ASSERT_NEAR(90, parsed(arena, "1m30s")->number, 0);
    ASSERT_TRUE(parsed(arena, "1m30s")->is_duration);
}

TEST(spans_are_worked_out_in_the_query)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "a[step() * 2]", 60000 },
        { "a[range() - 10m]", 3000000 },
        { "a[min_of(step(), 5)]", 5000 },
        { "a[max_of(step(), 5)]", 30000 },
        { "a[(1 + 2) ^ 2 % 5]", 4000 },
        { "a[-(-7) / 2]", 3500 },
        { "a[5m]", 300000 },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct expr *expr = parsed(arena, cases[i].text);
        ASSERT_OK(span_resolve(&expr->selector.range, 30000, 3600000, false, &ms));
        ASSERT_EQ_INT(cases[i].ms, ms);
    }
    const struct expr *zero = parsed(arena, "a[1 / (step() - 30)]"), *less = parsed(arena, "a[step() - 31]");
    ASSERT_ERR(ERR_RANGE, "2:18: division by zero", span_resolve(&zero->selector.range, 30000, 0, false, &ms));
    ASSERT_ERR(ERR_RANGE, "2:13: duration must be greater than 0",
               span_resolve(&less->selector.range, 30000, 0, false, &ms));
    ASSERT_OK(span_resolve(&less->selector.range, 30000, 0, true, &ms));
    ASSERT_EQ_INT(-1000, ms);
}

TEST(parse_reads_one_selector_and_nothing_else)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct matcher *matchers;
    size_t count;

    ASSERT_OK(promql_parse_selector(arena, S("up{job!=\"a\"}"), &matchers, &count));
    ASSERT_EQ_INT(2, (int64_t)count);
    ASSERT_EQ_INT(MATCH_NE, matchers[0].type);
    ASSERT_OK(promql_parse_selector(arena, S("{job=\"\"}"), &matchers, &count));
    ASSERT_ERR(ERR_INVALID, "1:4: parse error: unexpected <op:+>",
               promql_parse_selector(arena, S("up + 1"), &matchers, &count));
    ASSERT_ERR(ERR_INVALID, "unknown position: parse error: unexpected end of input",
               promql_parse_selector(arena, S(""), &matchers, &count));
    ASSERT_ERR(ERR_INVALID, "1:1: parse error: unexpected \"(\"",
               promql_parse_selector(arena, S("(up)"), &matchers, &count));
}

TEST(parse_reads_the_name_of_a_series)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct labels labels;

    ASSERT_OK(promql_parse_metric(arena, S("up{job=\"a\", \"l.x\"='b\\n',}"), &labels));
    ASSERT_EQ_INT(3, (int64_t)labels.count);
    ASSERT_STR("up", labels_get(labels, S("__name__")));
    ASSERT_STR("b\n", labels_get(labels, S("l.x")));
    ASSERT_OK(promql_parse_metric(arena, S("{\"a.b\"}"), &labels));
    ASSERT_STR("a.b", labels_get(labels, S("__name__")));
    ASSERT_OK(promql_parse_metric(arena, S("sum"), &labels));
    ASSERT_ERR(ERR_INVALID, "1:6: parse error: unexpected \"}\" in label set, expected string",
               promql_parse_metric(arena, S("up{a=}"), &labels));
    ASSERT_ERR(ERR_INVALID, "in label set, expected \"=\"", promql_parse_metric(arena, S("up{a!=\"b\"}"), &labels));
    ASSERT_ERR(ERR_INVALID, "expected \",\" or \"}\"", promql_parse_metric(arena, S("up{a=\"b\" c}"), &labels));
}
