/* open_chunk.c - the bit stream of open chunks: writing to pieces, reading from a copy. */
#include "tsdb/open_chunk.h"

#include <string.h>

enum {
    PIECE_BITS = PIECE_BYTES * 8,
    WASTE_MAX = 10, /* a new window or width costs about as much more than staying in the old one */
    LEADING_MAX = 31,
    SHIFT_MIN = 8, /* fewer zeros come and go */
    SHIFT_MAX = 15,
    CODE_SCALE = 62, /* in place of a width */
    CODE_XOR = 63
};

static const double scales[OPEN_SCALES] = { 1, 10, 100, 1000 };

/* ---- decimals ---- */

/* to_decimal - true where the value is n / scale exactly, bit for bit. */
static inline bool to_decimal(uint64_t bits, unsigned scale, int64_t *ret_n)
{
    double value, back;

    memcpy(&value, &bits, sizeof(value));
    double scaled = value * scales[scale];
    if (!(scaled > -0x1p53 && scaled < 0x1p53))
        return false;
    *ret_n = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    back = scale ? (double)*ret_n / scales[scale] : (double)*ret_n;
    uint64_t back_bits;
    memcpy(&back_bits, &back, sizeof(back_bits));
    return back_bits == bits;
}

static inline uint64_t from_decimal(int64_t n, unsigned scale)
{
    double value = scale ? (double)n / scales[scale] : (double)n;
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* ---- writing ---- */

struct bits {
    unsigned __int128 value;
    unsigned count;
};

static inline void bits_put(struct bits *bits, uint64_t value, unsigned count)
{
    bits->value = bits->value << count | value;
    bits->count += count;
}

static void chunk_extend(struct open_chunk *chunk, struct pieces *pieces)
{
    uint32_t piece = piece_take(pieces);

    if (chunk->first_piece)
        piece_at(pieces, chunk->last_piece)->next = piece;
    else
        chunk->first_piece = piece;
    chunk->last_piece = piece;
}

static void chunk_write(struct open_chunk *chunk, struct pieces *pieces, struct bits *bits)
{
    struct piece *piece = chunk->bits % PIECE_BITS ? piece_at(pieces, chunk->last_piece) : NULL;

    while (bits->count) {
        unsigned offset = chunk->bits % PIECE_BITS;
        if (offset == 0) {
            chunk_extend(chunk, pieces);
            piece = piece_at(pieces, chunk->last_piece);
        }
        unsigned room = 8 - offset % 8;
        unsigned take = room < bits->count ? room : bits->count;
        bits->count -= take;
        unsigned part = (unsigned)(bits->value >> bits->count); /* what is above was written, and is gone */
        bits->value &= ((unsigned __int128)1 << bits->count) - 1;
        piece->bytes[offset / 8] |= (unsigned char)(part << (room - take));
        chunk->bits = (uint16_t)(chunk->bits + take);
    }
    bits->value = 0;
}

static uint32_t step_of(int64_t time_ms, int64_t last_ms)
{
    uint64_t step = (uint64_t)time_ms - (uint64_t)last_ms;

    return step > UINT32_MAX ? 0 : (uint32_t)step;
}

static uint64_t low(int64_t value, unsigned bits)
{
    return (uint64_t)value & ((1ull << bits) - 1);
}

static void put_time(struct bits *bits, const struct open_chunk *chunk, int64_t time_ms)
{
    uint64_t step = (uint64_t)time_ms - (uint64_t)chunk->last_ms;
    int64_t change = (int64_t)step - (int64_t)chunk->step_ms;

    if (step > UINT32_MAX) {
        bits_put(bits, 30, 5);
        bits_put(bits, (uint64_t)time_ms, 64);
    } else if (change == 0) {
        bits_put(bits, 0, 1);
    } else if (change >= -64 && change < 64) {
        bits_put(bits, 2ull << 7 | low(change, 7), 9);
    } else if (change >= -65536 && change < 65536) {
        bits_put(bits, 6ull << 17 | low(change, 17), 20);
    } else {
        bits_put(bits, 14ull << 33 | low(change, 33), 37);
    }
}

static void put_xor(struct bits *bits, struct open_chunk *chunk, uint64_t changed, bool fresh)
{
    unsigned leading = (unsigned)__builtin_clzll(changed), trailing = (unsigned)__builtin_ctzll(changed);

    if (leading > LEADING_MAX)
        leading = LEADING_MAX;
    if (!fresh && leading >= chunk->leading && trailing >= chunk->trailing &&
        (leading - chunk->leading) + (trailing - chunk->trailing) <= WASTE_MAX) {
        bits_put(bits, 2, 2);
        bits_put(bits, changed >> chunk->trailing, 64u - chunk->leading - chunk->trailing);
        return;
    }
    unsigned length = 64 - leading - trailing;
    bits_put(bits, 3ull << 11 | (uint64_t)leading << 6 | (length - 1), 13);
    bits_put(bits, changed >> trailing, length);
    chunk->leading = (uint8_t)leading;
    chunk->trailing = (uint8_t)trailing;
}

/* width_of - bits of a number with its sign. */
static inline unsigned width_of(int64_t number)
{
    return 65 - (unsigned)__builtin_clzll((uint64_t)(number < 0 ? ~number : number) | 1);
}

static void put_difference(struct bits *bits, struct open_chunk *chunk, int64_t difference, bool fresh)
{
    unsigned zeros = (unsigned)__builtin_ctzll((uint64_t)difference);
    unsigned need = width_of(difference >> chunk->trailing);

    if (!fresh && chunk->leading && zeros >= chunk->trailing && need <= chunk->leading &&
        chunk->leading - need <= WASTE_MAX) {
        bits_put(bits, 2, 2);
        bits_put(bits, low(difference >> chunk->trailing, chunk->leading), chunk->leading);
        return;
    }
    unsigned shift = zeros < SHIFT_MIN ? 0 : zeros > SHIFT_MAX ? SHIFT_MAX : zeros;
    need = width_of(difference >> shift);
    if (!fresh)
        bits_put(bits, 3, 2);
    bits_put(bits, (uint64_t)(need - 1) << 4 | shift, 10);
    bits_put(bits, low(difference >> shift, need), need);
    chunk->leading = (uint8_t)need;
    chunk->trailing = (uint8_t)shift;
}

static void put_value(struct bits *bits, struct open_chunk *chunk, uint64_t value)
{
    int64_t before, now;

    if (value == chunk->last_bits) {
        bits_put(bits, 0, 1);
        return;
    }
    for (unsigned scale = chunk->mode; scale < OPEN_SCALES; scale++) {
        if (!to_decimal(value, scale, &now) || !to_decimal(chunk->last_bits, scale, &before))
            continue;
        if (scale != chunk->mode)
            bits_put(bits, 3ull << 8 | CODE_SCALE << 2 | scale, 10);
        put_difference(bits, chunk, now - before, scale != chunk->mode);
        chunk->mode = (uint8_t)scale;
        return;
    }
    if (chunk->mode != OPEN_XOR)
        bits_put(bits, 3ull << 6 | CODE_XOR, 8);
    put_xor(bits, chunk, value ^ chunk->last_bits, chunk->mode != OPEN_XOR);
    chunk->mode = OPEN_XOR;
}

void open_append(struct open_chunk *chunk, struct pieces *pieces, int64_t time_ms, int64_t start_ms, uint64_t value)
{
    struct bits bits = { 0 };

    if (chunk->count == 0) {
        chunk->first_ms = chunk->last_ms = time_ms;
        chunk->start_ms = 0;
        chunk->last_bits = 0;
        chunk->step_ms = 0;
        chunk->mode = chunk->leading = chunk->trailing = 0;
    }
    bool regular = (uint64_t)time_ms - (uint64_t)chunk->last_ms == chunk->step_ms;
    if (regular && value == chunk->last_bits && start_ms == chunk->start_ms) {
        if (chunk->bits % PIECE_BITS == 0)
            chunk_extend(chunk, pieces);
        chunk->bits++; /* pieces are made of zeros */
    } else {
        bits_put(&bits, 1, 1);
        if (start_ms != chunk->start_ms) {
            bits_put(&bits, 31, 5);
            bits_put(&bits, (uint64_t)start_ms, 64);
            chunk_write(chunk, pieces, &bits);
            chunk->start_ms = start_ms;
        }
        put_time(&bits, chunk, time_ms);
        if (bits.count > 40)
            chunk_write(chunk, pieces, &bits);
        put_value(&bits, chunk, value);
        chunk_write(chunk, pieces, &bits);
        chunk->step_ms = step_of(time_ms, chunk->last_ms);
    }
    chunk->last_ms = time_ms;
    chunk->last_bits = value;
    chunk->count++;
}

void open_reset(struct open_chunk *chunk, struct pieces *pieces)
{
    pieces_give(pieces, chunk->first_piece);
    chunk->first_piece = chunk->last_piece = 0;
    chunk->bits = 0;
    chunk->count = 0;
}

/* ---- reading ---- */

struct reader {
    const unsigned char *at, *end;
    uint64_t word; /* the next bits, from the top */
    unsigned count;
    bool failed;
};

static inline void reader_fill(struct reader *reader)
{
    if (reader->end - reader->at >= 8) { /* as many whole bytes as fit, by one load */
        uint64_t next;
        memcpy(&next, reader->at, sizeof(next));
        reader->word |= __builtin_bswap64(next) >> reader->count;
        unsigned bytes = (63 - reader->count) / 8;
        reader->at += bytes;
        reader->count += bytes * 8;
        return;
    }
    while (reader->count <= 56 && reader->at < reader->end) {
        reader->word |= (uint64_t)*reader->at++ << (56 - reader->count);
        reader->count += 8;
    }
}

/* take - 1 to 56 bits. */
static inline uint64_t take(struct reader *reader, unsigned count)
{
    if (reader->count < count) {
        reader_fill(reader);
        if (reader->count < count) {
            reader->failed = true;
            return 0;
        }
    }
    uint64_t value = reader->word >> (64 - count);
    reader->word <<= count;
    reader->count -= count;
    return value;
}

static uint64_t take_long(struct reader *reader, unsigned count)
{
    uint64_t high = count > 32 ? take(reader, count - 32) : 0;

    return high << 32 | take(reader, count > 32 ? 32 : count);
}

static int64_t take_signed(struct reader *reader, unsigned count)
{
    return (int64_t)(take(reader, count) << (64 - count)) >> (64 - count);
}

struct decoding {
    int64_t time_ms, start_ms;
    uint64_t bits;
    uint32_t step_ms;
    int64_t n; /* the value, in decimals */
    unsigned mode, leading, trailing;
};

static bool decode_time(struct reader *reader, struct decoding *now)
{
    unsigned ones = 0;
    int64_t time_ms;

    while (ones < 5 && take(reader, 1))
        if (++ones == 5) {
            now->start_ms = (int64_t)take_long(reader, 64);
            ones = 0;
            if (reader->failed)
                return false;
        }
    static const unsigned widths[] = { 0, 7, 17, 33 };
    if (ones == 4) {
        time_ms = (int64_t)take_long(reader, 64);
    } else {
        int64_t step = (int64_t)now->step_ms + (ones ? take_signed(reader, widths[ones]) : 0);
        if (__builtin_add_overflow(now->time_ms, step, &time_ms))
            return false;
    }
    now->step_ms = step_of(time_ms, now->time_ms);
    bool rises = time_ms > now->time_ms;
    now->time_ms = time_ms;
    return rises;
}

static bool decode_xor(struct reader *reader, struct decoding *now, bool fresh)
{
    if (fresh) {
        now->leading = (unsigned)take(reader, 5);
        unsigned length = (unsigned)take(reader, 6) + 1;
        if (now->leading + length > 64)
            return false;
        now->trailing = 64 - now->leading - length;
    }
    now->bits ^= take_long(reader, 64 - now->leading - now->trailing) << now->trailing;
    return true;
}

static bool decode_difference(struct reader *reader, struct decoding *now, bool fresh, unsigned width)
{
    if (fresh) {
        now->leading = width;
        now->trailing = (unsigned)take(reader, 4);
    }
    if (now->leading == 0 || now->leading > 55)
        return false;
    uint64_t difference = (uint64_t)take_signed(reader, now->leading) << now->trailing;
    now->n = (int64_t)((uint64_t)now->n + difference);
    now->bits = from_decimal(now->n, now->mode);
    return true;
}

static bool decode_value(struct reader *reader, struct decoding *now)
{
    if (!take(reader, 1))
        return true;
    bool fresh = take(reader, 1);
    if (now->mode == OPEN_XOR && !fresh)
        return decode_xor(reader, now, false);
    if (now->mode == OPEN_XOR)
        return decode_xor(reader, now, true);
    unsigned code = fresh ? (unsigned)take(reader, 6) : 0;
    if (code == CODE_XOR) {
        now->mode = OPEN_XOR;
        return take(reader, 2) == 3 && decode_xor(reader, now, true);
    }
    if (code == CODE_SCALE) {
        now->mode = (unsigned)take(reader, 2);
        code = (unsigned)take(reader, 6);
        if (!to_decimal(now->bits, now->mode, &now->n))
            return false;
    }
    return decode_difference(reader, now, fresh, code + 1);
}

/* put_start - `done` samples of this chunk are in the columns, but not counted yet. */
static void put_start(struct columns *columns, size_t done, int64_t start_ms)
{
    if (!columns->starts && start_ms) {
        columns_need_starts(columns);
        memset(columns->starts + columns->count, 0, done * sizeof(*columns->starts));
    }
    if (columns->starts)
        columns->starts[columns->count + done] = start_ms;
}

/* decode_sample - `first`: its time is known already. */
static inline bool decode_sample(struct reader *reader, struct decoding *now, bool first)
{
    if (!take(reader, 1))
        return (first || now->step_ms > 0) && !__builtin_add_overflow(now->time_ms, now->step_ms, &now->time_ms);
    int64_t before = now->time_ms;
    return (decode_time(reader, now) || (first && now->time_ms == before)) && decode_value(reader, now);
}

err open_decode(struct str bytes, int64_t first_ms, size_t count, struct columns *columns)
{
    struct reader reader = { .at = (const unsigned char *)bytes.at,
                             .end = (const unsigned char *)bytes.at + bytes.length };
    struct decoding now = { .time_ms = first_ms };

    columns_reserve(columns, count);
    int64_t *times = columns->times + columns->count;
    double *values = columns->values + columns->count;
    for (size_t i = 0; i < count; i++) {
        if (!decode_sample(&reader, &now, i == 0) || reader.failed)
            return err_new(ERR_CORRUPT, "an open chunk of %zu bytes makes no sense at sample %zu of %zu", bytes.length,
                           i, count);
        times[i] = now.time_ms;
        memcpy(&values[i], &now.bits, sizeof(now.bits));
        if (now.start_ms || columns->starts)
            put_start(columns, i, now.start_ms);
    }
    if (columns->histograms)
        memset((void *)(columns->histograms + columns->count), 0, count * sizeof(struct histogram *));
    columns->count += count;
    return NULL;
}
