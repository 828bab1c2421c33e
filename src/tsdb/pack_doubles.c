/* pack_doubles.c - a column of doubles becomes one of integers: decimals by a power of ten, others by their bits.
 *
 * DESIGN. Most of what is measured is an integer or has two or three decimals: times 10^e it is an integer that divided
 * by 10^e gives the very same bits, which is checked for each. What uses its full mantissa is taken by its bit pattern,
 * mapped so that greater doubles are greater integers: their differences are as wide as the part of the mantissa that
 * moves, and need no leading and trailing zeros told as in XOR coding (Pelkonen et al., "Gorilla", VLDB 2015,
 * section 4.1). What is neither (NaN, infinities, -0) stands in a list. */
#include "tsdb/pack.h"

#include "model/series_source.h"

#include <math.h>

/* The first byte: an exponent of ten, or BY_BITS; WITH_SPECIALS where the list follows. */
enum { EXPONENT_MAX = 15, BY_BITS = 31, WITH_SPECIALS = 32 };
enum { SPECIAL_STALE, SPECIAL_NAN, SPECIAL_INF, SPECIAL_MINUS_INF, SPECIAL_MINUS_ZERO, SPECIAL_OTHER };

static const double powers[EXPONENT_MAX + 1] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
static const uint64_t special_bits[SPECIAL_OTHER] = {
    STALE_NAN_BITS, 0x7ff8000000000001ULL, 0x7ff0000000000000ULL, 0xfff0000000000000ULL, 0x8000000000000000ULL,
};

static uint64_t bits_of_double(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double double_of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool is_special(uint64_t bits)
{
    return (bits & 0x7ff0000000000000ULL) == 0x7ff0000000000000ULL || bits == special_bits[SPECIAL_MINUS_ZERO];
}

/* Its own inverse. */
static int64_t ordered(uint64_t bits)
{
    return (int64_t)(bits ^ ((uint64_t)((int64_t)bits >> 63) >> 1));
}

/* The nearest integer of a double below 2^53. */
static int64_t nearest(double value)
{
    return (int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

static bool is_decimal(double value, unsigned exponent)
{
    double scaled = value * powers[exponent];

    return fabs(scaled) < 0x1p53 && (double)nearest(scaled) / powers[exponent] == value;
}

/* The least exponent at which all are integers, most likely. */
static unsigned find_exponent(const double *values, size_t count)
{
    unsigned exponent = 0;

    for (size_t i = 0; i < count; i++)
        while (!is_decimal(values[i], exponent))
            if (++exponent > EXPONENT_MAX)
                return BY_BITS;
    return exponent;
}

/* False where one of them is not kept exactly. */
static bool scale(const double *values, size_t count, unsigned exponent, int64_t *ret)
{
    double power = powers[exponent];
    unsigned kept = 1;

    for (size_t i = 0; i < count; i++) {
        double scaled = values[i] * power;
        if (!(fabs(scaled) < 0x1p53))
            return false;
        ret[i] = nearest(scaled);
        kept &= (double)ret[i] / power == values[i];
    }
    return kept;
}

static void put_special(struct buf *out, uint64_t bits)
{
    for (unsigned code = 0; code < SPECIAL_OTHER; code++)
        if (special_bits[code] == bits) {
            buf_add_c(out, (char)code);
            return;
        }
    buf_add_c(out, SPECIAL_OTHER);
    put_u64(out, bits);
}

/* Put the first byte and the specials; what takes their places in *ret_values is the value before. */
static size_t replace_specials(const double *values, size_t count, double *ret_values)
{
    size_t specials = 0;
    double last = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_special(bits_of_double(values[i]))) {
            last = values[i];
            break;
        }
    for (size_t i = 0; i < count; i++) {
        bool special = is_special(bits_of_double(values[i]));
        specials += special;
        last = special ? last : values[i];
        ret_values[i] = last;
    }
    return specials;
}

static void put_specials(struct buf *out, const double *values, size_t count, size_t specials)
{
    size_t before = 0;

    put_varint(out, specials);
    for (size_t i = 0; i < count; i++)
        if (is_special(bits_of_double(values[i]))) {
            put_varint(out, i - before);
            put_special(out, bits_of_double(values[i]));
            before = i + 1;
        }
}

void pack_doubles(struct buf *out, const double *values, size_t count)
{
    double plain[PACK_MAX];
    int64_t integers[PACK_MAX];
    size_t specials = replace_specials(values, count, plain);
    const double *from = plain;

    if (specials > count / 2) { /* they are what the series is about */
        specials = 0;
        from = values;
    }
    unsigned exponent = from == plain ? find_exponent(plain, count) : BY_BITS;
    if (exponent != BY_BITS && !scale(plain, count, exponent, integers))
        exponent = BY_BITS;
    if (exponent == BY_BITS)
        for (size_t i = 0; i < count; i++)
            integers[i] = ordered(bits_of_double(from[i]));
    buf_add_c(out, (char)(exponent | (specials ? WITH_SPECIALS : 0)));
    if (specials)
        put_specials(out, values, count, specials);
    pack_ints(out, integers, count);
}

static void take_specials(struct reading *in, size_t count, uint16_t *ret_places, uint64_t *ret_bits, size_t *ret_count)
{
    uint64_t specials = take_varint(in), place = 0;

    *ret_count = 0;
    in->failed = in->failed || specials > count;
    for (uint64_t i = 0; i < specials && !in->failed; i++, place++) {
        uint64_t gap = take_varint(in);
        uint8_t code = take_byte(in);
        in->failed = in->failed || gap >= count || place + gap >= count || code > SPECIAL_OTHER;
        if (in->failed)
            return;
        place += gap;
        ret_places[i] = (uint16_t)place;
        ret_bits[i] = code == SPECIAL_OTHER ? take_u64(in) : special_bits[code];
        *ret_count = i + 1;
    }
}

void unpack_doubles(struct reading *in, double *ret_values, size_t count)
{
    int64_t integers[PACK_MAX];
    uint16_t places[PACK_MAX];
    uint64_t bits[PACK_MAX];
    size_t specials = 0;
    unsigned mode = take_byte(in), exponent = mode & (WITH_SPECIALS - 1);

    if (mode & WITH_SPECIALS)
        take_specials(in, count, places, bits, &specials);
    in->failed = in->failed || (exponent > EXPONENT_MAX && exponent != BY_BITS);
    unpack_ints(in, integers, count);
    if (in->failed)
        return;
    if (exponent == BY_BITS)
        for (size_t i = 0; i < count; i++)
            ret_values[i] = double_of_bits((uint64_t)ordered((uint64_t)integers[i]));
    else if (exponent == 0)
        for (size_t i = 0; i < count; i++)
            ret_values[i] = (double)integers[i];
    else
        for (size_t i = 0; i < count; i++)
            ret_values[i] = (double)integers[i] / powers[exponent];
    for (size_t i = 0; i < specials; i++)
        ret_values[places[i]] = double_of_bits(bits[i]);
}
