/* histogram_parse.c - native histograms as rule tests write them: {{schema:1 count:5 sum:12 buckets:[2 3]}}. */
#include "model/histogram.h"

struct description {
    struct str rest;
    struct arena *arena;
    struct histogram *histogram;
    int64_t offset, negative_offset;
};

static struct str next_word(struct str *rest)
{
    size_t length = 0;

    while (rest->length && *rest->at == ' ')
        *rest = str_slice(*rest, 1, rest->length);
    while (length < rest->length && rest->at[length] != ' ' && rest->at[length] != ']')
        length++;
    return str_slice(*rest, 0, length);
}

static err take_number(struct str *rest, double *ret_value)
{
    struct str word = next_word(rest);

    if (!str_to_double(word, ret_value))
        return err_new(ERR_INVALID, "'%.*s' is no number in a histogram's description", STR_ARG(word));
    *rest = str_slice(*rest, word.length, rest->length);
    return NULL;
}

static err take_list(struct description *from, const double **ret_values, size_t *ret_count)
{
    VEC(double) values = { 0 };

    from->rest = str_trim(from->rest);
    if (!str_starts(from->rest, S("[")))
        return err_new(ERR_INVALID, "a histogram's description needs a list such as [1 2 3] at '%.*s'",
                       STR_ARG(str_slice(from->rest, 0, 20)));
    from->rest = str_slice(from->rest, 1, from->rest.length);
    for (;;) {
        double value;
        from->rest = str_trim(from->rest);
        if (str_starts(from->rest, S("]")))
            break;
        TRY(take_number(&from->rest, &value));
        *vec_push(&values, from->arena) = value;
    }
    from->rest = str_slice(from->rest, 1, from->rest.length);
    *ret_values = values.at;
    *ret_count = values.count;
    return NULL;
}

static err take_hint(struct description *from)
{
    struct str word = next_word(&from->rest);

    if (str_eq(word, S("unknown")))
        from->histogram->hint = RESET_UNKNOWN;
    else if (str_eq(word, S("reset")))
        from->histogram->hint = RESET_YES;
    else if (str_eq(word, S("not_reset")))
        from->histogram->hint = RESET_NO;
    else if (str_eq(word, S("gauge")))
        from->histogram->hint = RESET_GAUGE;
    else
        return err_new(ERR_INVALID, "'%.*s' is no counter_reset_hint: unknown, reset, not_reset, gauge", STR_ARG(word));
    from->rest = str_slice(from->rest, word.length, from->rest.length);
    return NULL;
}

static err take_integer(struct description *from, struct str key, int64_t *ret_value)
{
    double value;

    TRY(take_number(&from->rest, &value));
    if (!(value >= INT32_MIN && value <= INT32_MAX) || value != (double)(int64_t)value)
        return err_new(ERR_INVALID, "%.*s of a histogram is a whole number, not %g", STR_ARG(key), value);
    *ret_value = (int64_t)value;
    return NULL;
}

static err take_value(struct description *from, struct str key)
{
    struct histogram *histogram = from->histogram;
    int64_t schema;

    if (str_eq(key, S("schema"))) {
        TRY(take_integer(from, key, &schema));
        histogram->schema = (int32_t)schema;
        return NULL;
    }
    if (str_eq(key, S("sum")))
        return take_number(&from->rest, &histogram->sum);
    if (str_eq(key, S("count")))
        return take_number(&from->rest, &histogram->count);
    if (str_eq(key, S("z_bucket")))
        return take_number(&from->rest, &histogram->zero_count);
    if (str_eq(key, S("z_bucket_w")))
        return take_number(&from->rest, &histogram->zero_threshold);
    if (str_eq(key, S("custom_values")))
        return take_list(from, &histogram->bounds, &histogram->bound_count);
    if (str_eq(key, S("buckets")))
        return take_list(from, &histogram->positive.counts, &histogram->positive.count);
    if (str_eq(key, S("n_buckets")))
        return take_list(from, &histogram->negative.counts, &histogram->negative.count);
    if (str_eq(key, S("offset")))
        return take_integer(from, key, &from->offset);
    if (str_eq(key, S("n_offset")))
        return take_integer(from, key, &from->negative_offset);
    if (str_eq(key, S("counter_reset_hint")))
        return take_hint(from);
    return err_new(ERR_INVALID, "'%.*s' is nothing that a histogram has", STR_ARG(key));
}

static void one_span(struct arena *arena, struct histogram_side *side, int64_t offset)
{
    struct histogram_span *span;

    if (!side->count)
        return;
    span = arena_alloc(arena, sizeof(*span));
    *span = (struct histogram_span){ (int32_t)offset, (uint32_t)side->count };
    side->spans = span;
    side->span_count = 1;
}

err histogram_parse(struct arena *arena, struct str text, const struct histogram **ret_histogram)
{
    struct description from = { .arena = arena, .histogram = arena_alloc(arena, sizeof(*from.histogram)) };

    text = str_trim(text);
    if (!str_starts(text, S("{{")) || !str_ends(text, S("}}")) || text.length < 4)
        return err_new(ERR_INVALID, "a histogram's description stands in {{ and }}");
    for (from.rest = str_trim(str_slice(text, 2, text.length - 2)); from.rest.length; from.rest = str_trim(from.rest)) {
        size_t colon = str_find(from.rest, S(":"), 0);
        struct str key = str_trim(str_slice(from.rest, 0, colon));
        if (colon == SIZE_MAX)
            return err_new(ERR_INVALID, "'%.*s' lacks its value in a histogram's description", STR_ARG(from.rest));
        from.rest = str_slice(from.rest, colon + 1, from.rest.length);
        TRY(take_value(&from, key));
    }
    one_span(arena, &from.histogram->positive, from.offset);
    one_span(arena, &from.histogram->negative, from.negative_offset);
    TRY(histogram_check_shape(from.histogram));
    *ret_histogram = from.histogram;
    return NULL;
}
