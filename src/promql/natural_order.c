/* natural_order.c - natural order as github.com/facette/natsort has it, which sort_by_label() goes by in Prometheus. */
#include "promql/natural_order.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* next_run - the digits, or the other bytes, that the text begins with. */
static struct str next_run(struct str *rest)
{
    size_t length = 0;

    while (length < rest->length && is_digit(rest->at[length]) == is_digit(rest->at[0]))
        length++;
    struct str run = str_slice(*rest, 0, length);
    *rest = str_slice(*rest, length, rest->length);
    return run;
}

bool natural_before(struct str a, struct str b)
{
    if (!a.length)
        return b.length > 0;
    while (a.length) {
        int64_t number_a, number_b;
        if (!b.length)
            return false;
        struct str run_a = next_run(&a), run_b = next_run(&b);
        bool numbers = is_digit(run_a.at[0]) && is_digit(run_b.at[0]) && str_to_i64(run_a, &number_a) &&
                       str_to_i64(run_b, &number_b);
        if (numbers && number_a != number_b)
            return number_a < number_b;
        if (!numbers && !str_eq(run_a, run_b))
            return str_cmp(run_a, run_b) < 0;
        /* Equal so far: the one that ends here comes first, "1" and "01" in the order in which they are asked. */
        if (!a.length)
            return true;
    }
    return false;
}
