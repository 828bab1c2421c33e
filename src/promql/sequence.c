/* sequence.c - reads sequences of samples: numbers, gaps, steps, histograms. */
#include "promql/sequence.h"

#include "base/duration.h"
#include "model/histogram.h"
#include "model/histogram_sum.h"

#include <ctype.h>
#include <math.h>

enum { TIMES_MAX = 1000000 };

bool sequence_duration(struct str text, int64_t *ret_ms)
{
    bool negative = str_starts(text, S("-"));
    struct duration duration;

    if (negative || str_starts(text, S("+")))
        text = str_slice(text, 1, text.length);
    if (!duration_parse(text, &duration))
        return false;
    *ret_ms = negative ? -duration.ms : duration.ms;
    return true;
}

bool sequence_number(struct str text, double *ret_value)
{
    struct str bare = str_starts(text, S("-")) || str_starts(text, S("+")) ? str_slice(text, 1, text.length) : text;
    int64_t ms;

    if (!bare.length || bare.at[0] == '-' || bare.at[0] == '+')
        return false;
    if (str_eq_nocase(bare, S("inf")) || str_eq_nocase(bare, S("nan"))) {
        double value = str_eq_nocase(bare, S("nan")) ? NAN : INFINITY;
        *ret_value = *text.at == '-' ? -value : value;
        return true;
    }
    if (str_to_double(text, ret_value))
        return true;
    if (!sequence_duration(text, &ms) || str_eq(bare, S("0")))
        return false;
    *ret_value = (double)ms / 1000;
    return true;
}

/* number_length - of the number at the front: signs, digits, an exponent, words. Stops before x, + and -. */
static size_t number_length(struct str text)
{
    size_t i = text.length && (*text.at == '-' || *text.at == '+');

    for (; i < text.length; i++) {
        char c = text.at[i];
        bool exponent = i > 1 && (c == '-' || c == '+') && (text.at[i - 1] == 'e' || text.at[i - 1] == 'E') &&
                        isdigit((unsigned char)text.at[i - 2]);
        if (c == 'x' || c == ' ' || (!isalnum((unsigned char)c) && c != '.' && !exponent))
            break;
    }
    return i;
}

static struct sequence_item *add(struct arena *arena, struct sequence *to)
{
    return vec_push(&to->items, arena);
}

/* take_times - "x5" at the front, in *ret_times; 0 where there is none. */
static bool take_times(struct str *text, size_t *ret_times)
{
    size_t digits = 0;
    uint64_t times;

    *ret_times = 0;
    if (!str_starts(*text, S("x")))
        return true;
    struct str rest = str_slice(*text, 1, text->length);
    while (digits < rest.length && isdigit((unsigned char)rest.at[digits]))
        digits++;
    if (!str_to_u64(str_slice(rest, 0, digits), &times) || times > TIMES_MAX)
        return false;
    *ret_times = times;
    *text = str_slice(rest, digits, rest.length);
    return true;
}

static err take_histograms(struct arena *arena, struct str *text, struct sequence *to)
{
    const struct histogram *first, *step = NULL;
    size_t end = str_find(*text, S("}}"), 0), times;
    bool subtract = false;

    if (end == SIZE_MAX)
        return err_new(ERR_INVALID, "a histogram without its end");
    TRY(histogram_parse(arena, str_slice(*text, 0, end + 2), &first));
    *text = str_slice(*text, end + 2, text->length);
    if (text->length && (*text->at == '+' || *text->at == '-')) {
        subtract = *text->at == '-';
        *text = str_slice(*text, 1, text->length);
        end = str_find(*text, S("}}"), 0);
        if (end == SIZE_MAX)
            return err_new(ERR_INVALID, "a histogram's step without its end");
        TRY(histogram_parse(arena, str_slice(*text, 0, end + 2), &step));
        *text = str_slice(*text, end + 2, text->length);
    }
    if (!take_times(text, &times))
        return err_new(ERR_INVALID, "bad count of histograms");
    for (size_t i = 0; i <= times; i++) {
        struct histogram_sum sum = { .plain = true };
        *add(arena, to) = (struct sequence_item){ .present = true, .histogram = first };
        if (!step || i == times)
            continue;
        histogram_sum_begin(&sum, arena, first);
        unsigned told = subtract ? histogram_sum_subtract(&sum, step) : histogram_sum_add(&sum, step);
        if (told & HISTOGRAM_INCOMPATIBLE)
            return err_new(ERR_INVALID, "histograms of a sequence that can't be added");
        first = histogram_sum_result(&sum, arena);
    }
    return NULL;
}

static err take_numbers(struct arena *arena, struct str *text, struct sequence *to)
{
    size_t length = number_length(*text), times;
    double first, step = 0;

    if (!sequence_number(str_slice(*text, 0, length), &first))
        return err_new(ERR_INVALID, "no number at '%.*s'", STR_ARG(*text));
    *text = str_slice(*text, length, text->length);
    if (text->length && (*text->at == '+' || *text->at == '-')) {
        length = number_length(*text);
        if (!sequence_number(str_slice(*text, 0, length), &step))
            return err_new(ERR_INVALID, "no step at '%.*s'", STR_ARG(*text));
        *text = str_slice(*text, length, text->length);
    }
    if (!take_times(text, &times))
        return err_new(ERR_INVALID, "bad count of numbers");
    for (size_t i = 0; i <= times; i++) {
        *add(arena, to) = (struct sequence_item){ .present = true, .value = first };
        first += step;
    }
    return NULL;
}

err sequence_parse(struct arena *arena, struct str text, struct sequence *ret_sequence)
{
    size_t times;

    *ret_sequence = (struct sequence){ 0 };
    for (text = str_trim(text); text.length; text = str_trim(text)) {
        if (str_starts(text, S("{{"))) {
            TRY(take_histograms(arena, &text, ret_sequence));
        } else if (str_starts(text, S("stale"))) {
            *add(arena, ret_sequence) = (struct sequence_item){ .present = true, .value = value_stale() };
            text = str_slice(text, 5, text.length);
        } else if (str_starts(text, S("_"))) {
            text = str_slice(text, 1, text.length);
            bool counted = str_starts(text, S("x"));
            if (!take_times(&text, &times))
                return err_new(ERR_INVALID, "bad count of gaps");
            for (size_t i = 0; i < (counted ? times : 1); i++)
                add(arena, ret_sequence);
        } else {
            TRY(take_numbers(arena, &text, ret_sequence));
        }
        TRY(arena_check(arena));
        if (text.length && *text.at != ' ' && *text.at != '\t')
            return err_new(ERR_INVALID, "a sequence goes on with '%.*s'", STR_ARG(text));
    }
    return NULL;
}
