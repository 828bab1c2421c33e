/* threshold_expr.c - parses and evaluates comparisons of series with a number. */
#include "alerts/threshold_expr.h"

#include "base/duration.h"
#include "base/time.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { STALE_MS = 5 * MINUTE_MS, MATCHERS_MAX = 16 };

struct cursor {
    struct arena *arena;
    struct str text;
    size_t at;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->text.length && strchr(" \t\r\n", c->text.at[c->at]))
        c->at++;
}

static bool take(struct cursor *c, const char *token)
{
    skip_blanks(c);
    if (!str_starts(str_slice(c->text, c->at, c->text.length), str_of(token)))
        return false;
    c->at += strlen(token);
    return true;
}

static err expected(const struct cursor *c, const char *what)
{
    return err_hint(err_new(ERR_INVALID, "column %zu of '%.*s': expected %s", c->at + 1, STR_ARG(c->text), what),
                    "an expression is SELECTOR, SELECTOR / SELECTOR or rate(SELECTOR[RANGE]), compared with a number");
}

static struct str take_name(struct cursor *c)
{
    skip_blanks(c);
    size_t from = c->at;
    while (c->at < c->text.length && (isalnum((unsigned char)c->text.at[c->at]) || strchr("_:", c->text.at[c->at])))
        c->at++;
    return str_slice(c->text, from, c->at);
}

static err take_quoted(struct cursor *c, struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 4096);
    if (!take(c, "\""))
        return expected(c, "a value in double quotes");
    for (; c->at < c->text.length && c->text.at[c->at] != '"'; c->at++) {
        if (c->text.at[c->at] == '\\' && c->at + 1 < c->text.length)
            c->at++;
        buf_add_c(&out, c->text.at[c->at]);
    }
    if (!take(c, "\""))
        return expected(c, "the closing quote");
    *ret_text = str_copy(c->arena, buf_str(&out));
    return NULL;
}

static err take_matcher(struct cursor *c, struct matcher *ret_matcher)
{
    struct str value = S(""), name = take_name(c);
    enum match_type type;

    if (!name.length)
        return expected(c, "a label's name");
    if (take(c, "=~"))
        type = MATCH_RE;
    else if (take(c, "!~"))
        type = MATCH_NRE;
    else if (take(c, "!="))
        type = MATCH_NE;
    else if (take(c, "="))
        type = MATCH_EQ;
    else
        return expected(c, "= != =~ or !~");
    TRY(take_quoted(c, &value));
    return matcher_make(c->arena, type, name, value, ret_matcher);
}

static err take_selector(struct cursor *c, struct threshold_selector *ret_selector)
{
    struct str name = take_name(c);

    ret_selector->matchers = arena_array(c->arena, MATCHERS_MAX, sizeof(struct matcher));
    ret_selector->count = 1;
    if (!name.length || isdigit((unsigned char)name.at[0]))
        return expected(c, "a metric's name");
    TRY(matcher_make(c->arena, MATCH_EQ, S("__name__"), name, &ret_selector->matchers[0]));
    if (!take(c, "{"))
        return NULL;
    while (!take(c, "}")) {
        if (ret_selector->count == MATCHERS_MAX)
            return expected(c, "at most 15 matchers");
        TRY(take_matcher(c, &ret_selector->matchers[ret_selector->count++]));
        skip_blanks(c);
        if (!take(c, ",") && (c->at >= c->text.length || c->text.at[c->at] != '}'))
            return expected(c, ", or }");
    }
    return NULL;
}

static err take_rate(struct cursor *c, struct threshold_expr *expr)
{
    struct duration range;

    TRY(take_selector(c, &expr->left));
    if (!take(c, "["))
        return expected(c, "[RANGE]");
    if (!duration_parse(take_name(c), &range) || range.ms <= 0)
        return expected(c, "a range such as 5m");
    expr->rate_ms = range.ms;
    return take(c, "]") && take(c, ")") ? NULL : expected(c, "])");
}

static err take_comparison(struct cursor *c, struct threshold_expr *expr)
{
    static const char *const ops[] = {
        [OP_LE] = "<=", [OP_GE] = ">=", [OP_EQ] = "==", [OP_NE] = "!=", [OP_LT] = "<", [OP_GT] = ">"
    };
    static const int order[] = { OP_LE, OP_GE, OP_EQ, OP_NE, OP_LT, OP_GT }; /* longer ones first */
    size_t i = 0;

    while (i < ARRAY_LEN(order) && !take(c, ops[order[i]]))
        i++;
    if (i == ARRAY_LEN(order))
        return expected(c, "a comparison");
    expr->op = order[i];
    struct str number = str_trim(str_slice(c->text, c->at, c->text.length));
    if (!str_to_double(number, &expr->limit) || !isfinite(expr->limit))
        return expected(c, "a number, and nothing behind it");
    return NULL;
}

err threshold_parse(struct arena *arena, struct str text, struct threshold_expr *ret_expr)
{
    struct cursor c = { .arena = arena, .text = str_trim(text) };

    *ret_expr = (struct threshold_expr){ 0 };
    if (take(&c, "rate(")) {
        TRY(take_rate(&c, ret_expr));
    } else {
        TRY(take_selector(&c, &ret_expr->left));
        if (take(&c, "/"))
            TRY(take_selector(&c, &ret_expr->right));
    }
    return take_comparison(&c, ret_expr);
}

static bool holds(const struct threshold_expr *expr, double value)
{
    switch (expr->op) {
    case OP_LT:
        return value < expr->limit;
    case OP_LE:
        return value <= expr->limit;
    case OP_GT:
        return value > expr->limit;
    case OP_GE:
        return value >= expr->limit;
    case OP_EQ:
        return value == expr->limit;
    default:
        return value != expr->limit;
    }
}

static struct labels without_name(struct arena *arena, struct labels labels)
{
    struct label *copy = arena_array(arena, labels.count + 1, sizeof(*copy));
    size_t count = 0;

    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.at[i].name, S("__name__")))
            copy[count++] = labels.at[i];
    return labels_make(arena, copy, count);
}

/* per_second - the rise over the samples given, resets of a counter counted as a start from zero; NaN for fewer than
 * two. */
static double per_second(const struct series *series)
{
    double rise = 0;

    if (series->count < 2)
        return NAN;
    for (size_t i = 1; i < series->count; i++) {
        double step = series->samples[i].value - series->samples[i - 1].value;
        rise += step >= 0 ? step : series->samples[i].value;
    }
    return rise / ((double)(series->samples[series->count - 1].time_ms - series->samples[0].time_ms) / 1000);
}

static double newest(const struct series *series)
{
    return series->count ? series->samples[series->count - 1].value : NAN;
}

static double divisor_of(struct arena *arena, const struct series_list *list, struct labels labels)
{
    for (size_t i = 0; i < list->count; i++)
        if (labels_eq(without_name(arena, list->at[i].labels), labels))
            return newest(&list->at[i]);
    return NAN;
}

err threshold_eval(struct arena *arena, struct series_source *series, const struct threshold_expr *expr, int64_t now_ms,
                   struct threshold_values *ret_values)
{
    struct series_list left, right = { 0 };
    int64_t from = now_ms - (expr->rate_ms ? expr->rate_ms : STALE_MS);

    *ret_values = (struct threshold_values){ 0 };
    TRY(series_select(series, arena, expr->left.matchers, expr->left.count, from, now_ms, &left));
    if (expr->right.count)
        TRY(series_select(series, arena, expr->right.matchers, expr->right.count, from, now_ms, &right));
    for (size_t i = 0; i < left.count; i++) {
        struct labels labels = without_name(arena, left.at[i].labels);
        double value = expr->rate_ms ? per_second(&left.at[i]) : newest(&left.at[i]);
        if (expr->right.count) {
            double divisor = divisor_of(arena, &right, labels);
            value = divisor == 0 ? NAN : value / divisor;
        }
        if (!isnan(value) && holds(expr, value))
            *vec_push(&ret_values->values, arena) = (struct threshold_value){ labels, value };
    }
    return arena_check(arena);
}
