/* histogram_text.c - native histograms as Prometheus writes them: in answers of its API, and as text. */
#include "model/histogram.h"

#include "model/histogram_bucket.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back the same, and the decimal exponent of the first one. printf breaks a tie of the last
 * digit to the even one, which may miss the value where the odd one hits. */
static void shortest(double value, char digits[static 24], int *ret_exponent)
{
    char text[40];

    for (int precision = 0; precision < 17; precision++) {
        uint64_t number = 0;
        snprintf(text, sizeof(text), "%.*e", precision, value);
        for (const char *at = text; *at != 'e'; at++)
            if (*at != '.')
                number = number * 10 + (uint64_t)(*at - '0');
        *ret_exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        for (unsigned up = 0; up < 2; up++) {
            snprintf(text, sizeof(text), "%llue%d", (unsigned long long)number + up, *ret_exponent - precision);
            if (strtod(text, NULL) == value) {
                snprintf(digits, 24, "%llu", (unsigned long long)number + up);
                return;
            }
        }
    }
}

/* add_number - shortest, with an exponent where the decimal exponent is below `lowest` or not below `highest`: "1e-07",
 * "1e+21". */
static void add_number(struct buf *out, double value, int lowest, int highest)
{
    char digits[24] = "0";
    int exponent = 0, count;

    if (!isfinite(value) || value == 0) {
        buf_add_double(out, value);
        return;
    }
    shortest(fabs(value), digits, &exponent);
    count = (int)strlen(digits);
    if (value < 0)
        buf_add_c(out, '-');
    if (exponent < lowest || exponent >= highest) {
        buf_addf(out, "%c%s%se%+03d", digits[0], digits[1] ? "." : "", digits + 1, exponent);
        return;
    }
    if (exponent < 0)
        buf_addf(out, "0.%.*s%s", -exponent - 1, "0000000000", digits);
    for (int i = 0; exponent >= 0 && i <= exponent; i++)
        buf_add_c(out, i < count ? digits[i] : '0');
    if (exponent >= 0 && count > exponent + 1)
        buf_addf(out, ".%s", digits + exponent + 1);
}

static void json_number(struct json_writer *w, double value)
{
    char memory[64];
    struct buf text = { .max = sizeof(memory) };

    add_number(&text, value, -6, 21);
    json_add_str(w, buf_str(&text));
    buf_clear(&text);
}

void histogram_json(struct json_writer *w, const struct histogram *histogram)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    struct bucket bucket;
    bool found = false;

    json_begin_object(w);
    json_key(w, S("count"));
    json_number(w, histogram->count);
    json_key(w, S("sum"));
    json_number(w, histogram->sum);
    while (bucket_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        if (!found) {
            json_key(w, S("buckets"));
            json_begin_array(w);
            found = true;
        }
        json_begin_array(w);
        json_add_i64(w, bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1) : (bucket.upper_inclusive ? 0 : 2));
        json_number(w, bucket.lower);
        json_number(w, bucket.upper);
        json_number(w, bucket.count);
        json_end_array(w);
    }
    if (found)
        json_end_array(w);
    json_end_object(w);
}

/* As Go's %g. */
static void text_number(struct buf *out, double value)
{
    add_number(out, value, -4, 6);
}

void histogram_text(struct buf *out, const struct histogram *histogram)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    struct bucket bucket;

    walk.uncut = true;
    buf_add(out, S("{count:"));
    text_number(out, histogram->count);
    buf_add(out, S(", sum:"));
    text_number(out, histogram->sum);
    while (bucket_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        buf_addf(out, ", %c", bucket.lower_inclusive ? '[' : '(');
        text_number(out, bucket.lower);
        buf_add_c(out, ',');
        text_number(out, bucket.upper);
        buf_addf(out, "%c:", bucket.upper_inclusive ? ']' : ')');
        text_number(out, bucket.count);
    }
    buf_add_c(out, '}');
}
