/* float_text.c - a double as its shortest decimal digits.
 *
 * DESIGN. Schubfach: with a power of ten good to 128 bits, three multiplications tell the borders of the interval of
 * all decimals that read back as the value, and the shortest one in it is one of four candidates. The 617 powers are
 * worked out once, exactly. */
#include "base/float_text.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { POWER_MIN = -292, POWER_MAX = 324, LIMBS = 40 };

struct power {
    uint64_t high, low;
};
static struct power powers[POWER_MAX - POWER_MIN + 1];

/* A natural number, limbs of 32 bits, least first. */
struct big {
    uint32_t limbs[LIMBS];
};

static void big_times_10(struct big *big)
{
    uint64_t carry = 0;

    for (size_t i = 0; i < LIMBS; i++) {
        carry += 10ull * big->limbs[i];
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void big_by_10(struct big *big)
{
    uint64_t rest = 0;

    for (size_t i = LIMBS; i--;) {
        rest = rest << 32 | big->limbs[i];
        big->limbs[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
}

static unsigned bit(const struct big *big, int at)
{
    return at < 0 ? 0 : big->limbs[at / 32] >> (at % 32) & 1;
}

/* top_bits - the first 128 bits, rounded up where anything follows them, or where `inexact` says so. */
static struct power top_bits(const struct big *big, bool inexact)
{
    struct power power = { 0, 0 };
    int top = LIMBS * 32 - 1;

    while (!bit(big, top))
        top--;
    for (int i = 0; i < 128; i++) {
        power.high = power.high << 1 | power.low >> 63;
        power.low = power.low << 1 | bit(big, top - i);
    }
    for (int i = top - 128; i >= 0 && !inexact; i--)
        inexact = bit(big, i);
    if (inexact && ++power.low == 0)
        power.high++;
    return power;
}

static void make_powers(void)
{
    struct big up = { { 1 } }, down = { { 0 } };

    for (int i = 0; i <= POWER_MAX; i++, big_times_10(&up))
        powers[i - POWER_MIN] = top_bits(&up, false);
    down.limbs[LIMBS - 1] = 1u << 31; /* floors of floors are floors of the whole: no bit is lost above the last */
    for (int i = -1; i >= POWER_MIN; i--) {
        big_by_10(&down);
        powers[i - POWER_MIN] = top_bits(&down, true);
    }
}

/* times_power - the upper 64 bits of value * power, its last bit set where anything was cut off. */
static uint64_t times_power(struct power power, uint64_t value)
{
    unsigned __int128 low = (unsigned __int128)power.low * value;
    unsigned __int128 high = (unsigned __int128)power.high * value + (uint64_t)(low >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* shortest - value = *ret_digits * 10 ^ *ret_exponent. `bits` are those of a positive finite double. */
static void shortest(uint64_t bits, uint64_t *ret_digits, int *ret_exponent)
{
    uint64_t fraction = bits & ((1ull << 52) - 1);
    int biased = (int)(bits >> 52);
    uint64_t c = biased ? fraction | 1ull << 52 : fraction;
    int q = (biased ? biased : 1) - 1075;
    bool near_below = fraction == 0 && biased > 1, odd = c & 1;
    int k = (q * 1262611 - (near_below ? 524031 : 0)) >> 22; /* floor(log10(2 ^ q)), of 3/4 of it where near_below */
    int h = q + ((-k * 1741647) >> 19) + 1;
    struct power power = powers[-k - POWER_MIN];
    uint64_t below = times_power(power, (4 * c - 2 + near_below) << h) + odd;
    uint64_t value = times_power(power, (4 * c) << h);
    uint64_t above = times_power(power, (4 * c + 2) << h) - odd;
    uint64_t s = value / 4;

    if (s >= 10) {
        uint64_t tens = s / 10;
        bool down = below <= 40 * tens, up = 40 * tens + 40 <= above;
        if (down != up) {
            *ret_digits = tens + up;
            *ret_exponent = k + 1;
            return;
        }
    }
    bool down = below <= 4 * s, up = 4 * s + 4 <= above;
    if (down == up)
        up = value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1));
    *ret_digits = s + up;
    *ret_exponent = k;
}

struct float_digits float_digits(double value)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct float_digits out = { .digits = "0", .count = 1 };
    char reversed[20];
    uint64_t bits, digits;
    int exponent, count = 0;

    value = fabs(value);
    if (value == 0)
        return out;
    pthread_once(&once, make_powers);
    memcpy(&bits, &value, sizeof(bits));
    shortest(bits, &digits, &exponent);
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    for (; digits; digits /= 10)
        reversed[count++] = (char)('0' + digits % 10);
    for (int i = 0; i < count; i++)
        out.digits[i] = reversed[count - 1 - i];
    out.count = count;
    out.exponent = exponent + count - 1;
    return out;
}

static bool add_special(struct buf *out, double value)
{
    if (isfinite(value)) {
        if (signbit(value))
            buf_add_c(out, '-');
        return false;
    }
    buf_add(out, isnan(value) ? S("NaN") : value < 0 ? S("-Inf") : S("+Inf"));
    return true;
}

static void add_zeros(struct buf *out, int count)
{
    for (; count > 0; count--)
        buf_add_c(out, '0');
}

void float_add_plain(struct buf *out, double value)
{
    if (add_special(out, value))
        return;
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        buf_add_i64(out, (int64_t)fabs(value));
        return;
    }
    struct float_digits d = float_digits(value);
    if (d.exponent < 0) {
        buf_add(out, S("0."));
        add_zeros(out, -d.exponent - 1);
        buf_add_bytes(out, d.digits, (size_t)d.count);
        return;
    }
    int whole = d.exponent + 1 < d.count ? d.exponent + 1 : d.count;
    buf_add_bytes(out, d.digits, (size_t)whole);
    add_zeros(out, d.exponent + 1 - whole);
    if (whole == d.count)
        return;
    buf_add_c(out, '.');
    buf_add_bytes(out, d.digits + whole, (size_t)(d.count - whole));
}

void float_add_exponent(struct buf *out, double value)
{
    if (add_special(out, value))
        return;
    struct float_digits d = float_digits(value);
    int size = d.exponent < 0 ? -d.exponent : d.exponent;
    buf_add_c(out, d.digits[0]);
    if (d.count > 1) {
        buf_add_c(out, '.');
        buf_add_bytes(out, d.digits + 1, (size_t)(d.count - 1));
    }
    buf_add(out, d.exponent < 0 ? S("e-") : S("e+"));
    if (size < 10)
        buf_add_c(out, '0');
    buf_add_i64(out, size);
}

void float_add(struct buf *out, double value, int lowest, int highest)
{
    double size = fabs(value);
    bool usual = !isfinite(value) || value == 0 || (size >= 1e-4 && size < 1e6); /* is the same to everybody */
    int exponent = usual ? 0 : float_digits(value).exponent;

    if (exponent < lowest || exponent >= highest)
        float_add_exponent(out, value);
    else
        float_add_plain(out, value);
}
