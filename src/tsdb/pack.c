/* pack.c - columns of integers: residuals of a prediction, the usual ones in as few bits as their range needs, the few
 * unusual ones beside them.
 *
 * DESIGN. Values become multiples of their greatest common step from the first one, then residuals of the cheapest of
 * four predictions (the first value; the value before; the slope before; a fixed slope). Residuals within a window
 * [base, base + range] are digits of radix range + 1, as many to a word as fit into 57 bits, so that a range of 600
 * costs 9.3 bits and not 10; those outside the window are listed with their positions, as gaps or as a bitmap. A window
 * of one value makes of that a sparse column. Frame of reference and patches after Zukowski et al., "Super-Scalar
 * RAM-CPU Cache Compression", ICDE 2006, section 3; division by multiplication after Granlund and Montgomery, PLDI
 * 1994, section 4.
 */
#include "tsdb/pack.h"

enum { WORD_BITS = 57 }; /* what one unaligned load of eight bytes always holds */
enum { PREDICT_FIRST, PREDICT_LAST, PREDICT_SLOPE, PREDICT_GRID };
enum { OUTLIERS_NONE, OUTLIERS_GAPS, OUTLIERS_BITMAP };
/* The mode byte: prediction in bits 0 and 1, outliers in 3 and 4. */
enum { MODE_SCALED = 4, MODE_FLAT = 32, MODE_BASE_ZERO = 64, MODE_FIRST_ZERO = 128 };

static unsigned bits_of(uint64_t value)
{
    return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* A window of integers and how its digits are laid out. */
struct digits {
    int64_t base;
    uint64_t range;    /* largest digit */
    unsigned per_word; /* digits */
    unsigned bits;     /* of a full word */
};

static unsigned word_bits(uint64_t range, unsigned count)
{
    uint64_t most = range;

    while (--count > 0)
        most = most * (range + 1) + range;
    return bits_of(most);
}

static struct digits digits_of(int64_t base, uint64_t range)
{
    struct digits digits = { base, range, 1, bits_of(range) };

    if (range < 1 << 28 && range & (range + 1)) { /* else bits are digits, or the gain is below 2 % */
        uint64_t most = range;
        while (most <= ((1ULL << WORD_BITS) - 1 - range) / (range + 1)) {
            most = most * (range + 1) + range;
            digits.per_word++;
        }
        digits.bits = bits_of(most);
    }
    return digits;
}

static size_t digits_bits(const struct digits *digits, size_t count)
{
    size_t left = count % digits->per_word;

    return count / digits->per_word * digits->bits + (left ? word_bits(digits->range, (unsigned)left) : 0);
}

/* ---- bits ---- */

struct bit_writer {
    unsigned char *at; /* zeroed, with eight bytes to spare */
    size_t bit;
};

static void put_bits(struct bit_writer *out, uint64_t value, unsigned bits)
{
    uint64_t word;

    if (bits > WORD_BITS) {
        put_bits(out, value & UINT32_MAX, 32);
        value >>= 32;
        bits -= 32;
    }
    memcpy(&word, out->at + out->bit / 8, sizeof(word));
    word |= value << out->bit % 8;
    memcpy(out->at + out->bit / 8, &word, sizeof(word));
    out->bit += bits;
}

static void put_digits(struct bit_writer *out, const struct digits *digits, const int64_t *values, size_t count)
{
    uint64_t base = (uint64_t)digits->base, radix = digits->range + 1;

    if (digits->range == 0)
        return;
    for (size_t i = 0; i < count; i += digits->per_word) {
        size_t end = i + digits->per_word < count ? i + digits->per_word : count;
        uint64_t word = 0;
        for (size_t j = end; j-- > i;)
            word = word * radix + ((uint64_t)values[j] - base);
        put_bits(out, word, end - i == digits->per_word ? digits->bits : word_bits(digits->range, (unsigned)(end - i)));
    }
}

struct bit_reader {
    const unsigned char *at, *end;
    size_t bit;
};

static uint64_t load(const unsigned char *at, const unsigned char *end)
{
    uint64_t word = 0;

    if (end - at >= (ptrdiff_t)sizeof(word))
        memcpy(&word, at, sizeof(word));
    else if (at < end)
        memcpy(&word, at, (size_t)(end - at));
    return word;
}

/* The caller has seen that the bits are there. */
static inline uint64_t take_bits(struct bit_reader *in, unsigned bits)
{
    const unsigned char *at = in->at + in->bit / 8;
    uint64_t word = load(at, in->end) >> in->bit % 8;

    if (bits > WORD_BITS) {
        in->bit += 32;
        uint64_t low = word & UINT32_MAX;
        return low | take_bits(in, bits - 32) << 32;
    }
    in->bit += bits;
    return word & ((1ULL << bits) - 1);
}

/* Digits of a word below 2^57 by the reciprocal of the radix, which is exact for those (radix < 2^29, no power of two).
 */
static void split_word(uint64_t word, uint64_t base, uint64_t radix, uint64_t reciprocal, unsigned shift,
                       int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t rest = (uint64_t)((unsigned __int128)word * reciprocal >> 64) >> shift;
        values[i] = (int64_t)(base + (word - rest * radix));
        word = rest;
    }
}

static void take_digits(struct bit_reader *in, const struct digits *digits, int64_t *values, size_t count)
{
    uint64_t base = (uint64_t)digits->base, radix = digits->range + 1;

    if (digits->range == 0) {
        for (size_t i = 0; i < count; i++)
            values[i] = digits->base;
        return;
    }
    if (digits->per_word == 1) {
        for (size_t i = 0; i < count; i++)
            values[i] = (int64_t)(base + take_bits(in, digits->bits));
        return;
    }
    unsigned shift = bits_of(radix) - 1;
    uint64_t reciprocal = (uint64_t)((((unsigned __int128)1 << (64 + shift)) + radix - 1) / radix);
    size_t i = 0;
    for (; i + digits->per_word <= count; i += digits->per_word)
        split_word(take_bits(in, digits->bits), base, radix, reciprocal, shift, values + i, digits->per_word);
    if (i < count)
        split_word(take_bits(in, word_bits(digits->range, (unsigned)(count - i))), base, radix, reciprocal, shift,
                   values + i, count - i);
}

/* ---- planning ---- */

/* What to do with one list of residuals, and what it costs. */
struct plan {
    struct digits usual, unusual, gaps;
    size_t outliers;
    unsigned outlier_mode;
    size_t bits; /* all of it, headers included */
};

struct span {
    int64_t low, high;
};

static struct digits digits_of_span(struct span span)
{
    return digits_of(span.low, (uint64_t)span.high - (uint64_t)span.low);
}

static struct span span_of(const int64_t *values, size_t count)
{
    struct span span = { values[0], values[0] };

    for (size_t i = 1; i < count; i++) {
        span.low = values[i] < span.low ? values[i] : span.low;
        span.high = values[i] > span.high ? values[i] : span.high;
    }
    return span;
}

static size_t varint_bits(uint64_t value)
{
    return 8 * (size_t)((bits_of(value | 1) + 6) / 7);
}

static size_t digits_cost(const struct digits *digits, size_t count)
{
    return digits_bits(digits, count) + (digits->base ? varint_bits(zigzag(digits->base)) : 0) +
           (digits->range ? varint_bits(digits->range) : 0);
}

static void swap_if_less(int64_t *a, int64_t *b)
{
    int64_t least = *b < *a ? *b : *a, most = *b < *a ? *a : *b;

    *a = least;
    *b = most;
}

/* The median of five spread over the list: nearly always the majority, where there is one. */
static int64_t typical(const int64_t *values, size_t count)
{
    int64_t five[5];

    for (size_t i = 0; i < 5; i++)
        five[i] = values[(2 * i + 1) * count / 10];
    swap_if_less(&five[0], &five[1]);
    swap_if_less(&five[3], &five[4]);
    swap_if_less(&five[0], &five[3]);
    swap_if_less(&five[1], &five[4]);
    swap_if_less(&five[2], &five[3]);
    swap_if_less(&five[1], &five[2]);
    swap_if_less(&five[2], &five[3]);
    return five[2];
}

static bool is_outlier(const struct span *window, int64_t value)
{
    return value < window->low || value > window->high;
}

/* The plan where what lies outside a window is listed; something lies within. */
static struct plan plan_window(const int64_t *values, size_t count, struct span window)
{
    int64_t gaps[PACK_MAX], outliers[PACK_MAX];
    struct span usual = { INT64_MAX, INT64_MIN };
    struct plan plan = { 0 };
    size_t before = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_outlier(&window, values[i])) {
            gaps[plan.outliers] = (int64_t)(i - before);
            outliers[plan.outliers++] = values[i];
            before = i + 1;
        } else {
            usual.low = values[i] < usual.low ? values[i] : usual.low;
            usual.high = values[i] > usual.high ? values[i] : usual.high;
        }
    }
    plan.usual = digits_of_span(usual);
    plan.bits = digits_cost(&plan.usual, count - plan.outliers);
    if (plan.outliers == 0)
        return plan;
    struct span span = span_of(gaps, plan.outliers);
    plan.gaps = digits_of_span(span);
    span = span_of(outliers, plan.outliers);
    plan.unusual = digits_of_span(span);
    /* base and range of the two are always written */
    size_t list =
        digits_bits(&plan.gaps, plan.outliers) + varint_bits((uint64_t)plan.gaps.base) + varint_bits(plan.gaps.range);
    plan.outlier_mode = list < count ? OUTLIERS_GAPS : OUTLIERS_BITMAP;
    plan.bits += (list < count ? list : count) + varint_bits(plan.outliers) +
                 digits_bits(&plan.unusual, plan.outliers) + varint_bits(zigzag(plan.unusual.base)) +
                 varint_bits(plan.unusual.range);
    return plan;
}

/* A window that leaves out what needs many more bits than most; its bounds are around `middle`. */
static struct span narrow_window(const int64_t *values, size_t count, int64_t middle, unsigned full_bits)
{
    size_t of_width[65] = { 0 }, outside = 0, best_cost = SIZE_MAX;
    unsigned best = 64;

    for (size_t i = 0; i < count; i++)
        of_width[bits_of(zigzag((int64_t)((uint64_t)values[i] - (uint64_t)middle)))]++;
    for (unsigned width = 64; width > 0; outside += of_width[width--]) {
        size_t cost = (count - outside) * width + outside * (full_bits + 6);
        if (cost < best_cost) {
            best_cost = cost;
            best = width;
        }
    }
    if (best >= 62)
        return (struct span){ INT64_MIN, INT64_MAX };
    int64_t reach = (int64_t)1 << (best > 0 ? best - 1 : 0);
    return (struct span){ middle < INT64_MIN + reach ? INT64_MIN : middle - reach,
                          middle > INT64_MAX - reach ? INT64_MAX : middle + reach };
}

static size_t count_equal(const int64_t *values, size_t count, int64_t value)
{
    size_t same = 0;

    for (size_t i = 0; i < count; i++)
        same += values[i] == value;
    return same;
}

/* The mean distance from the middle. */
static uint64_t mean_distance(const int64_t *values, size_t count, int64_t middle, unsigned width)
{
    unsigned shift = width > 53 ? 10 : 0; /* the sum of PACK_MAX of them fits */
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t off = (int64_t)((uint64_t)values[i] - (uint64_t)middle);
        sum += (off < 0 ? -(uint64_t)off : (uint64_t)off) >> shift;
    }
    return sum / count << shift;
}

/* The cheapest plan for a list of residuals. */
static struct plan plan_residuals(const int64_t *values, size_t count)
{
    struct span span = span_of(values, count);
    struct plan best = { .usual = digits_of_span(span) };
    unsigned width = bits_of(best.usual.range);

    best.bits = digits_cost(&best.usual, count);
    if (width == 0 || count < 5)
        return best;
    int64_t middle = typical(values, count);
    size_t same = span.low <= 0 && span.high >= 0 ? count_equal(values, count, 0) : 0;
    if (same * 8 > count)
        middle = 0;
    else
        same = count_equal(values, count, middle);
    size_t list = (count - same) * 5 < count ? (count - same) * 5 : count;
    if (same * width > list) {
        struct plan sparse = plan_window(values, count, (struct span){ middle, middle });
        if (sparse.bits < best.bits)
            best = sparse;
    }
    if (best.outliers == 0 && width > bits_of(mean_distance(values, count, middle, width)) + 3) {
        struct plan narrow = plan_window(values, count, narrow_window(values, count, middle, width));
        if (narrow.bits < best.bits)
            best = narrow;
    }
    return best;
}

/* ---- writing ---- */

static void put_outliers(struct bit_writer *out, const struct plan *plan, const int64_t *values, size_t count)
{
    struct span window = { plan->usual.base, (int64_t)((uint64_t)plan->usual.base + plan->usual.range) };
    int64_t usual[PACK_MAX], unusual[PACK_MAX], gaps[PACK_MAX];
    size_t usual_count = 0, unusual_count = 0, before = 0;

    for (size_t i = 0; i < count; i++) {
        bool outlier = is_outlier(&window, values[i]);
        if (plan->outlier_mode == OUTLIERS_BITMAP)
            put_bits(out, outlier, 1);
        if (outlier) {
            gaps[unusual_count] = (int64_t)(i - before);
            unusual[unusual_count++] = values[i];
            before = i + 1;
        } else {
            usual[usual_count++] = values[i];
        }
    }
    if (plan->outlier_mode == OUTLIERS_GAPS)
        put_digits(out, &plan->gaps, gaps, unusual_count);
    put_digits(out, &plan->unusual, unusual, unusual_count);
    put_digits(out, &plan->usual, usual, usual_count);
}

static void put_plan(struct buf *out, const struct plan *plan, const int64_t *values, size_t count)
{
    size_t outliers = plan->outliers;

    if (plan->usual.base)
        put_signed(out, plan->usual.base);
    if (plan->usual.range)
        put_varint(out, plan->usual.range);
    if (outliers) {
        put_varint(out, outliers);
        put_signed(out, plan->unusual.base);
        put_varint(out, plan->unusual.range);
    }
    if (plan->outlier_mode == OUTLIERS_GAPS) {
        put_varint(out, (uint64_t)plan->gaps.base);
        put_varint(out, plan->gaps.range);
    }
    size_t bits = digits_bits(&plan->usual, count - outliers);
    if (outliers)
        bits += digits_bits(&plan->unusual, outliers) +
                (plan->outlier_mode == OUTLIERS_GAPS ? digits_bits(&plan->gaps, outliers) : count);
    unsigned char *at = (unsigned char *)buf_reserve(out, bits / 8 + 16);
    if (!at)
        return;
    memset(at, 0, bits / 8 + 16);
    struct bit_writer writer = { at, 0 };
    if (outliers)
        put_outliers(&writer, plan, values, count);
    else
        put_digits(&writer, &plan->usual, values, count);
    out->length += (bits + 7) / 8;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The greatest step that all offsets from the first value are multiples of; 0 where all are equal. */
static uint64_t common_step(const int64_t *offsets, size_t count)
{
    uint64_t step = 0;

    for (size_t i = 1; i < count && step != 1; i++) {
        uint64_t distance = offsets[i] < 0 ? -(uint64_t)offsets[i] : (uint64_t)offsets[i];
        if (distance && (step == 0 || distance % step))
            step = gcd(distance, step);
    }
    return step > INT64_MAX ? 1 : step;
}

static void differences(const int64_t *values, size_t count, int64_t *ret)
{
    for (size_t i = 1; i < count; i++)
        ret[i - 1] = (int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1]);
}

/* What was chosen so far. */
struct choice {
    struct plan plan;
    unsigned predict;
    int64_t slope;
    const int64_t *residuals;
    size_t count;
};

static void consider(struct choice *best, unsigned predict, int64_t slope, const int64_t *residuals, size_t count)
{
    struct plan plan = plan_residuals(residuals, count);

    if (predict == PREDICT_SLOPE || predict == PREDICT_GRID)
        plan.bits += varint_bits(zigzag(slope));
    if (!best->residuals || plan.bits < best->plan.bits)
        *best = (struct choice){ plan, predict, slope, residuals, count };
}

static unsigned width_of(const int64_t *values, size_t count)
{
    struct span span = span_of(values, count);

    return bits_of((uint64_t)span.high - (uint64_t)span.low);
}

static void put_choice(struct buf *out, const struct choice *best, uint64_t step, int64_t first)
{
    const struct plan *plan = &best->plan;

    buf_add_c(out, (char)(best->predict | (step > 1 ? MODE_SCALED : 0) | plan->outlier_mode << 3 |
                          (plan->usual.range ? 0 : MODE_FLAT) | (plan->usual.base ? 0 : MODE_BASE_ZERO) |
                          (first ? 0 : MODE_FIRST_ZERO)));
    if (first)
        put_signed(out, first);
    if (step > 1)
        put_varint(out, step);
    if (best->predict == PREDICT_SLOPE || best->predict == PREDICT_GRID)
        put_signed(out, best->slope);
    put_plan(out, plan, best->residuals, best->count);
}

/* A grid that most values lie on, and more than follow the one before at its slope; steady ones need none. */
static bool consider_grid(struct choice *best, const int64_t *values, const int64_t *steps, int64_t *off_grid,
                          size_t count)
{
    int64_t slope = typical(steps, count - 1);
    size_t same = slope ? count_equal(steps, count - 1, slope) : 0;

    if (same <= count / 2 || same == count - 1)
        return false;
    for (size_t i = 1; i < count; i++)
        off_grid[i - 1] = (int64_t)((uint64_t)values[i] - (uint64_t)slope * i);
    if (count_equal(off_grid, count - 1, 0) < same)
        return false;
    consider(best, PREDICT_GRID, slope, off_grid, count - 1);
    return true;
}

void pack_ints(struct buf *out, const int64_t *values, size_t count)
{
    int64_t scaled[PACK_MAX], steps[PACK_MAX], bends[PACK_MAX], off_grid[PACK_MAX];
    struct choice best = { .predict = PREDICT_LAST, .plan.usual = digits_of(0, 0) };

    for (size_t i = 0; i < count; i++)
        scaled[i] = (int64_t)((uint64_t)values[i] - (uint64_t)values[0]);
    uint64_t step = common_step(scaled, count);
    if (step == 0) { /* all are equal */
        put_choice(out, &best, 1, values[0]);
        return;
    }
    for (size_t i = 0; step > 1 && i < count; i++)
        scaled[i] /= (int64_t)step;
    differences(scaled, count, steps);
    if (!consider_grid(&best, scaled, steps, off_grid, count))
        consider(&best, PREDICT_LAST, 0, steps, count - 1);
    if (best.predict == PREDICT_LAST && best.plan.bits > 32) {
        unsigned width = width_of(steps, count - 1);
        if (width_of(scaled + 1, count - 1) <= width)
            consider(&best, PREDICT_FIRST, 0, scaled + 1, count - 1);
        differences(steps, count - 1, bends);
        if (count > 2 && width_of(bends, count - 2) < width)
            consider(&best, PREDICT_SLOPE, steps[0], bends, count - 2);
    }
    put_choice(out, &best, step, values[0]);
}

/* ---- reading ---- */

/* Put the unusual ones between the usual ones. */
static bool merge_gaps(const int64_t *gaps, const int64_t *unusual, size_t unusual_count, const int64_t *usual,
                       size_t usual_count, int64_t *ret)
{
    for (size_t i = 0; i < unusual_count; i++) {
        if (gaps[i] < 0 || (uint64_t)gaps[i] > usual_count)
            return false;
        memcpy(ret, usual, (size_t)gaps[i] * sizeof(*ret));
        ret += gaps[i];
        usual += gaps[i];
        usual_count -= (size_t)gaps[i];
        *ret++ = unusual[i];
    }
    memcpy(ret, usual, usual_count * sizeof(*ret));
    return true;
}

static bool take_outliers(struct bit_reader *in, const struct plan *plan, int64_t *ret, size_t count)
{
    int64_t usual[PACK_MAX + 1], unusual[PACK_MAX + 1], gaps[PACK_MAX];
    struct bit_reader map = *in;

    if (plan->outlier_mode == OUTLIERS_GAPS)
        take_digits(in, &plan->gaps, gaps, plan->outliers);
    else
        in->bit += count;
    take_digits(in, &plan->unusual, unusual, plan->outliers);
    take_digits(in, &plan->usual, usual, count - plan->outliers);
    if (plan->outlier_mode == OUTLIERS_GAPS)
        return merge_gaps(gaps, unusual, plan->outliers, usual, count - plan->outliers, ret);
    size_t of_unusual = 0, of_usual = 0;
    usual[count - plan->outliers] = unusual[plan->outliers] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bit = map.at[(map.bit + i) / 8] >> (map.bit + i) % 8 & 1;
        int64_t pair[2] = { usual[of_usual], unusual[of_unusual] };
        ret[i] = pair[bit];
        of_unusual += bit;
        of_usual += 1 - bit;
        if (of_unusual > plan->outliers || of_usual > count - plan->outliers)
            return false;
    }
    return true;
}

static void take_plan(struct reading *in, unsigned mode, int64_t *ret, size_t count)
{
    struct plan plan = { .outlier_mode = mode >> 3 & 3 };
    int64_t base = mode & MODE_BASE_ZERO ? 0 : take_signed(in);
    size_t bits = 0;

    plan.usual = digits_of(base, mode & MODE_FLAT ? 0 : take_varint(in));
    if (plan.outlier_mode != OUTLIERS_NONE) {
        uint64_t outliers = take_varint(in);
        base = take_signed(in);
        plan.unusual = digits_of(base, take_varint(in));
        plan.outliers = outliers <= count ? outliers : 0;
        in->failed = in->failed || outliers > count || plan.outlier_mode > OUTLIERS_BITMAP;
        bits = digits_bits(&plan.unusual, plan.outliers);
    }
    if (plan.outlier_mode == OUTLIERS_GAPS) {
        base = (int64_t)take_varint(in);
        plan.gaps = digits_of(base, take_varint(in));
        bits += digits_bits(&plan.gaps, plan.outliers);
    } else if (plan.outlier_mode == OUTLIERS_BITMAP) {
        bits += count;
    }
    bits += digits_bits(&plan.usual, count - plan.outliers);
    const unsigned char *at = take_bytes(in, (bits + 7) / 8);
    if (!at)
        return;
    struct bit_reader reader = { at, in->end, 0 };
    if (plan.outlier_mode == OUTLIERS_NONE)
        take_digits(&reader, &plan.usual, ret, count);
    else if (!take_outliers(&reader, &plan, ret, count))
        in->failed = true;
}

void unpack_ints(struct reading *in, int64_t *ret_values, size_t count)
{
    unsigned mode = take_byte(in), predict = mode & 3;
    uint64_t first = mode & MODE_FIRST_ZERO ? 0 : (uint64_t)take_signed(in);
    uint64_t step = mode & MODE_SCALED ? take_varint(in) : 1;
    uint64_t slope = predict >= PREDICT_SLOPE ? (uint64_t)take_signed(in) : 0;
    size_t known = predict == PREDICT_SLOPE ? 2 : 1;

    if (in->failed || count < known) {
        in->failed = true;
        return;
    }
    ret_values[0] = (int64_t)first;
    if (known == 2)
        ret_values[1] = (int64_t)(first + slope * step);
    take_plan(in, mode, ret_values + known, count - known);
    if (in->failed)
        return;
    if (predict == PREDICT_LAST)
        for (size_t i = 1; i < count; i++)
            ret_values[i] = (int64_t)(first += (uint64_t)ret_values[i] * step);
    else if (predict == PREDICT_FIRST)
        for (size_t i = 1; i < count; i++)
            ret_values[i] = (int64_t)(first + (uint64_t)ret_values[i] * step);
    else if (predict == PREDICT_GRID)
        for (size_t i = 1; i < count; i++)
            ret_values[i] = (int64_t)(first + ((uint64_t)ret_values[i] + slope * i) * step);
    else
        for (size_t i = 2; i < count; i++)
            ret_values[i] = (int64_t)((uint64_t)ret_values[i - 1] + (slope += (uint64_t)ret_values[i]) * step);
}
