/* float_text.h - a double as the shortest decimal digits that read back the same.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/buf.h"

/* digits[0].digits[1]... times 10 to the exponent; without trailing zeros, at least one digit. */
struct float_digits {
    char digits[20];
    int count;
    int exponent;
};

/* float_digits - of a finite value's size, without its sign. Raffaello Giulietti, "The Schubfach way to render
 * doubles", 2020. About 30 ns. */
struct float_digits float_digits(double value);
/* float_add_plain - all of them and no exponent: 0.0000001, 123000; "NaN", "+Inf", "-Inf". */
void float_add_plain(struct buf *out, double value);
/* float_add_exponent - d.ddde+xx, the exponent with at least two digits. */
void float_add_exponent(struct buf *out, double value);
/* float_add - with an exponent where the one of the first digit is below `lowest`, at most -4, or not below `highest`,
 * at least 6. Go's %g is -4 and 6, a value in an answer of Prometheus' API -6 and 21. */
void float_add(struct buf *out, double value, int lowest, int highest);
