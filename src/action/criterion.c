/* criterion.c - parses and answers criteria in one pass of recursive descent. */
#include "action/criterion.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 32, MATCHERS_MAX = 16 };

struct parser {
    struct arena *arena;
    struct str text;
    size_t at;
    int depth;
    bool dry; /* only the syntax is asked for */
    const struct criterion_scope *scope;
    struct str missing; /* why the last number is none; empty where it is one */
};

static err fault(const struct parser *p, const char *what)
{
    struct str rest = str_slice(p->text, p->at, p->at + 20);

    return err_new(ERR_INVALID, "'%.*s': %s at character %zu%s%.*s", STR_ARG(str_utf8_head(p->text, 200)), what,
                   p->at + 1, rest.length ? ", before " : " (its end)", STR_ARG(rest));
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.length && isspace((unsigned char)p->text.at[p->at]))
        p->at++;
}

static bool take(struct parser *p, struct str token)
{
    skip_blanks(p);
    if (!str_starts(str_slice(p->text, p->at, p->text.length), token))
        return false;
    p->at += token.length;
    return true;
}

static bool is_name_char(char c, bool first)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':' || (!first && isdigit((unsigned char)c));
}

static struct str take_name(struct parser *p)
{
    skip_blanks(p);
    size_t from = p->at;

    while (p->at < p->text.length && is_name_char(p->text.at[p->at], p->at == from))
        p->at++;
    return str_slice(p->text, from, p->at);
}

static bool take_word(struct parser *p, struct str word)
{
    size_t before = p->at;

    if (str_eq(take_name(p), word))
        return true;
    p->at = before;
    return false;
}

/* After "{{": the parameter. */
static err take_argument(struct parser *p, const struct argument **ret_argument)
{
    struct str name = take_name(p);

    if (!take(p, S("}}")))
        return fault(p, "expected a parameter's name and }}");
    for (size_t i = 0; i < p->scope->argument_count; i++)
        if (str_eq(p->scope->arguments[i].name, name)) {
            *ret_argument = &p->scope->arguments[i];
            return NULL;
        }
    return err_new(ERR_INVALID, "'%.*s': there is no parameter '%.*s'", STR_ARG(str_utf8_head(p->text, 200)),
                   STR_ARG(name));
}

/* A quoted text, in which {{parameter}} stands for its value. */
static err take_text(struct parser *p, struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, CRITERION_TEXT_MAX * 4);
    if (!take(p, S("\"")))
        return fault(p, "expected a text in double quotes");
    for (;;) {
        if (p->at >= p->text.length)
            return fault(p, "a text without its closing quote");
        char c = p->text.at[p->at++];
        if (c == '"')
            break;
        if (c == '\\' && p->at < p->text.length) {
            buf_add_c(&out, p->text.at[p->at++]);
        } else if (c == '{' && p->at < p->text.length && p->text.at[p->at] == '{') {
            const struct argument *argument;
            p->at++;
            TRY(take_argument(p, &argument));
            buf_add(&out, argument->text);
        } else {
            buf_add_c(&out, c);
        }
    }
    TRY(buf_check(&out));
    *ret_text = str_copy(p->arena, buf_str(&out));
    return NULL;
}

static err take_matchers(struct parser *p, struct matcher *matchers, size_t *count)
{
    if (!take(p, S("{")))
        return NULL;
    while (!take(p, S("}"))) {
        struct str name = take_name(p), value;
        enum match_type type;
        if (*count == MATCHERS_MAX)
            return fault(p, "too many matchers");
        if (!name.length)
            return fault(p, "expected a label's name");
        if (take(p, S("=~")))
            type = MATCH_RE;
        else if (take(p, S("!~")))
            type = MATCH_NRE;
        else if (take(p, S("!=")))
            type = MATCH_NE;
        else if (take(p, S("=")))
            type = MATCH_EQ;
        else
            return fault(p, "expected = != =~ or !~");
        TRY(take_text(p, &value));
        TRY(matcher_make(p->arena, type, name, value, &matchers[(*count)++]));
        if (!take(p, S(",")) && !(p->at < p->text.length && p->text.at[p->at] == '}'))
            return fault(p, "expected , or }");
    }
    return NULL;
}

static bool carries_argument(const struct parser *p, struct labels labels)
{
    for (size_t i = 0; i < p->scope->argument_count; i++)
        for (size_t k = 0; k < labels.count; k++)
            if (p->scope->arguments[i].text.length > 2 && str_eq(labels.at[k].value, p->scope->arguments[i].text))
                return true;
    return false;
}

/* The latest sample of the one series that is meant; else NaN, and why. */
static err read_series(struct parser *p, struct str name, const struct matcher *matchers, size_t count, double *ret)
{
    const struct criterion_scope *scope = p->scope;
    struct series_list list = { 0 };
    const struct series *meant = NULL;
    size_t several = 0;
    int64_t from_ms = scope->now_ms - CRITERION_STALE_MS;

    *ret = NAN;
    if (from_ms < scope->not_before_ms)
        from_ms = scope->not_before_ms;
    if (scope->series)
        TRY(series_select(scope->series, p->arena, matchers, count, from_ms, scope->now_ms, &list));
    for (int pass = 0; pass < 2 && several != 1; pass++) { /* then only those that carry a parameter's value */
        several = 0;
        for (size_t i = 0; i < list.count; i++)
            if (list.at[i].count && (pass == 0 || carries_argument(p, list.at[i].labels))) {
                several++;
                meant = &list.at[i];
            }
        if (several == 0)
            break;
    }
    if (several == 1) {
        *ret = meant->samples[meant->count - 1].value;
        if (isnan(*ret))
            p->missing = str_printf(p->arena, "%.*s is not a number", STR_ARG(name));
    } else if (list.count == 0 || (several == 0 && list.count < 2)) {
        p->missing = str_printf(p->arena, "no recent sample of %.*s", STR_ARG(name));
    } else {
        p->missing = str_printf(p->arena, "%zu series match %.*s; name one by its labels", list.count, STR_ARG(name));
    }
    return NULL;
}

static err parse_sum(struct parser *p, double *ret);

static double apply(struct str function, const double *values, size_t count, bool *known)
{
    double first = count ? values[0] : NAN;

    *known = true;
    if (str_eq(function, S("floor")) && count == 1)
        return floor(first);
    if (str_eq(function, S("ceil")) && count == 1)
        return ceil(first);
    if (str_eq(function, S("round")) && count == 1)
        return round(first);
    if (str_eq(function, S("abs")) && count == 1)
        return fabs(first);
    if (str_eq(function, S("min")) && count == 2)
        return isnan(values[1]) || values[1] < first ? values[1] : first;
    if (str_eq(function, S("max")) && count == 2)
        return isnan(values[1]) || values[1] > first ? values[1] : first;
    *known = false;
    return NAN;
}

static err parse_call(struct parser *p, struct str function, double *ret)
{
    double values[2] = { NAN, NAN };
    size_t count = 0;
    bool known;

    do {
        if (count == ARRAY_LEN(values))
            return fault(p, "too many values");
        TRY(parse_sum(p, &values[count++]));
    } while (take(p, S(",")));
    if (!take(p, S(")")))
        return fault(p, "expected )");
    *ret = apply(function, values, count, &known);
    return known ? NULL : fault(p, "no function of that name takes that many values");
}

static err parse_name(struct parser *p, struct str name, double *ret)
{
    struct matcher matchers[MATCHERS_MAX + 1];
    size_t count = 1;

    if (take(p, S("(")))
        return parse_call(p, name, ret);
    if (p->scope->name && p->scope->name(p->scope->name_arg, name, ret)) {
        if (isnan(*ret) && !p->missing.length)
            p->missing = str_printf(p->arena, "%.*s is not known", STR_ARG(name));
        return NULL;
    }
    TRY(matcher_make(p->arena, MATCH_EQ, S("__name__"), name, &matchers[0]));
    TRY(take_matchers(p, matchers, &count));
    if (p->dry) {
        *ret = 1;
        return NULL;
    }
    return read_series(p, name, matchers, count, ret);
}

static err parse_primary(struct parser *p, double *ret)
{
    const struct argument *argument = NULL;
    size_t from;

    *ret = NAN;
    if (++p->depth > DEPTH_MAX)
        return fault(p, "nested too deeply");
    skip_blanks(p);
    from = p->at;
    if (take(p, S("{{"))) {
        TRY(take_argument(p, &argument));
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is set where there was no error
        *ret = p->dry ? 1 : argument->number;
        if (isnan(*ret))
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the same
            return err_new(ERR_INVALID, "parameter '%.*s' is no number, so it stands in quotes",
                           STR_ARG(argument->name));
    } else if (take(p, S("("))) {
        TRY(parse_sum(p, ret));
        if (!take(p, S(")")))
            return fault(p, "expected )");
    } else if (take(p, S("-"))) {
        TRY(parse_primary(p, ret));
        *ret = -*ret;
    } else if (from < p->text.length && (isdigit((unsigned char)p->text.at[from]) || p->text.at[from] == '.')) {
        while (p->at < p->text.length &&
               (isalnum((unsigned char)p->text.at[p->at]) || p->text.at[p->at] == '.' ||
                ((p->text.at[p->at] == '-' || p->text.at[p->at] == '+') && p->text.at[p->at - 1] == 'e')))
            p->at++;
        if (!str_to_double(str_slice(p->text, from, p->at), ret)) {
            p->at = from;
            return fault(p, "not a number");
        }
    } else {
        struct str name = take_name(p);
        if (!name.length)
            return fault(p, "expected a number, a name or (");
        TRY(parse_name(p, name, ret));
    }
    p->depth--;
    return NULL;
}

static err parse_product(struct parser *p, double *ret)
{
    double right = NAN;

    TRY(parse_primary(p, ret));
    for (;;) {
        if (take(p, S("*"))) {
            TRY(parse_primary(p, &right));
            *ret *= right;
        } else if (take(p, S("/"))) {
            TRY(parse_primary(p, &right));
            if (right == 0 && !p->missing.length)
                p->missing = S("a division by zero");
            *ret = right == 0 ? NAN : *ret / right;
        } else {
            return NULL;
        }
    }
}

static err parse_sum(struct parser *p, double *ret)
{
    double right;

    TRY(parse_product(p, ret));
    for (;;) {
        if (take(p, S("+"))) {
            TRY(parse_product(p, &right));
            *ret += right;
        } else if (take(p, S("-"))) {
            TRY(parse_product(p, &right));
            *ret -= right;
        } else {
            return NULL;
        }
    }
}

static err parse_comparison(struct parser *p, struct criterion_result *ret)
{
    static const char *const operators[] = { "<=", ">=", "==", "!=", "<", ">" };
    double left, right;
    size_t which = 0;

    p->missing = S("");
    TRY(parse_sum(p, &left));
    while (which < ARRAY_LEN(operators) && !take(p, str_of(operators[which])))
        which++;
    if (which == ARRAY_LEN(operators))
        return fault(p, "expected a comparison");
    TRY(parse_sum(p, &right));
    if (!isfinite(left) || !isfinite(right)) {
        *ret = (struct criterion_result){ CRITERION_UNKNOWN, NAN, p->missing.length ? p->missing : S("not a number") };
        return NULL;
    }
    const bool holds[] = { left <= right, left >= right, left == right, left != right, left<right, left> right };
    ret->answer = holds[which] ? CRITERION_YES : CRITERION_NO;
    ret->value = left;
    ret->why = str_printf(p->arena, "%.6g %s %.6g %s", left, operators[which], right,
                          holds[which] ? "holds" : "does not hold");
    return NULL;
}

/* Kleene's and, or: what decides wins, else no answer, else the later one. */
static void join(struct criterion_result *left, const struct criterion_result *right, enum criterion_answer decides)
{
    if (left->answer == decides)
        return;
    if (right->answer == decides || left->answer != CRITERION_UNKNOWN)
        *left = *right;
}

static err parse_all(struct parser *p, struct criterion_result *ret)
{
    struct criterion_result all = { 0 }, right;
    bool first = true;

    do {
        struct criterion_result term = { 0 };
        TRY(parse_comparison(p, &term));
        while (take_word(p, S("and"))) {
            TRY(parse_comparison(p, &right));
            join(&term, &right, CRITERION_NO);
        }
        if (first)
            all = term;
        else
            join(&all, &term, CRITERION_YES);
        first = false;
    } while (take_word(p, S("or")));
    skip_blanks(p);
    if (p->at < p->text.length)
        return fault(p, "expected and, or, or its end");
    *ret = all;
    return NULL;
}

static err check_length(struct str text)
{
    if (text.length > CRITERION_TEXT_MAX)
        return err_new(ERR_TOO_LARGE, "a criterion of %zu bytes; at most %d", text.length, CRITERION_TEXT_MAX);
    return NULL;
}

err criterion_check(struct str text, const struct argument *arguments, size_t count)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 * 1024);
    struct criterion_scope scope = { .arguments = arguments, .argument_count = count };
    struct parser p = { .arena = arena, .text = text, .dry = true, .scope = &scope };
    struct criterion_result ignored;

    TRY(check_length(text));
    return parse_all(&p, &ignored);
}

err criterion_ask(struct arena *arena, struct str text, const struct criterion_scope *scope,
                  struct criterion_result *ret_result)
{
    struct parser p = { .arena = arena, .text = text, .scope = scope };

    TRY(check_length(text));
    return parse_all(&p, ret_result);
}

err criterion_number(struct arena *arena, struct str text, const struct criterion_scope *scope, double *ret_value)
{
    struct parser p = { .arena = arena, .text = text, .scope = scope };

    TRY(check_length(text));
    TRY(parse_sum(&p, ret_value));
    skip_blanks(&p);
    if (p.at < p.text.length)
        return fault(&p, "expected its end");
    if (!isfinite(*ret_value))
        return err_new(ERR_UNAVAILABLE, "'%.*s' has no value: %.*s", STR_ARG(text),
                       STR_ARG(p.missing.length ? p.missing : S("not a number")));
    return NULL;
}
