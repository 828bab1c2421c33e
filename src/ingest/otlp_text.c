/* otlp_text.c - numbers as attribute values and as the labels le and quantile. */
#include "ingest/otlp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 17, FIXED_MAX = 400 };

/* shortest - the significant digits of |value| and its decimal exponent: 0.DIGITS * 10^exponent. */
static int shortest(double value, char digits[DIGITS_MAX + 2], int *ret_exponent)
{
    char text[40];
    int count = 0, exponent;

    for (int precision = 0; precision < DIGITS_MAX; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, fabs(value));
        if (strtod(text, NULL) == fabs(value))
            break;
    }
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at != '.')
            digits[count++] = *at;
    exponent = *at ? (int)strtol(at + 1, NULL, 10) : 0;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = 0;
    *ret_exponent = exponent + 1;
    return count;
}

struct str otlp_plain_double_text(struct arena *arena, double value)
{
    char digits[DIGITS_MAX + 2], text[FIXED_MAX];
    int exponent, count, length = 0;

    if (isnan(value))
        return S("NaN");
    if (isinf(value))
        return value < 0 ? S("-Inf") : S("+Inf");
    count = shortest(value, digits, &exponent);
    if (signbit(value))
        text[length++] = '-';
    if (value == 0)
        exponent = 1;
    if (exponent <= 0) {
        text[length++] = '0';
        text[length++] = '.';
        for (int i = exponent; i < 0; i++)
            text[length++] = '0';
    }
    for (int i = 0; i < count || i < exponent; i++) {
        if (i == exponent && i > 0)
            text[length++] = '.';
        text[length++] = i < count ? digits[i] : '0';
    }
    return str_copy(arena, (struct str){ text, (size_t)length });
}

struct str otlp_double_text(struct arena *arena, double value)
{
    double size = fabs(value);
    char digits[DIGITS_MAX + 2];
    int exponent;

    if (value == 0 || (size >= 1e-6 && size < 1e21) || !isfinite(value))
        return otlp_plain_double_text(arena, value);
    int count = shortest(value, digits, &exponent);
    return str_printf(arena, "%s%c%s%.*se%c%d", value < 0 ? "-" : "", digits[0], count > 1 ? "." : "", count - 1,
                      digits + 1, exponent - 1 < 0 ? '-' : '+', abs(exponent - 1));
}
