/* series.c - appending to a series, sealing, and the list of its sealed chunks. */
#include "tsdb/series.h"

#include <stdlib.h>
#include <string.h>

#include "model/histogram.h"

enum { SEAL_AT = 104, SEAL_SPREAD = 32, FLUSHING = 1 };

/* What stands in front of a sealed chunk's bytes, in its first piece. */
struct sealed {
    uint32_t next; /* the chunk sealed before it */
    uint32_t bytes;
    int64_t first_ms, last_ms;
    uint8_t flags;
};
enum { SEALED_HEAD = 25 };

void shard_init(struct shard *shard)
{
    *shard = (struct shard){ .first_ms = INT64_MAX, .last_ms = INT64_MIN };
    pthread_mutex_init(&shard->lock, NULL);
    pieces_init(&shard->pieces);
    stable_init(&shard->sides, sizeof(struct side));
    buf_init(&shard->encoded, 64 << 20);
}

void shard_clear(struct shard *shard)
{
    pieces_clear(&shard->pieces);
    stable_clear(&shard->sides);
    vec_clear(&shard->side_free);
    columns_clear(&shard->scratch);
    buf_clear(&shard->encoded);
    pthread_mutex_destroy(&shard->lock);
}

void series_init(struct head_series *series, uint32_t labels)
{
    *series = (struct head_series){ .labels = labels, .flags = SERIES_LIVE, .open = { .last_ms = INT64_MIN } };
}

/* ---- the side buffer ---- */

static struct side *side_of(const struct shard *shard, const struct head_series *series)
{
    return stable_at(&shard->sides, series->side);
}

static void side_drop(struct shard *shard, struct head_series *series, uint32_t from, uint32_t to)
{
    struct side *side = side_of(shard, series);

    for (uint32_t i = from; i < to; i++)
        free(side->at[i].histogram);
    memmove(side->at + from, side->at + to, (side->count - to) * sizeof(*side->at));
    side->count -= to - from;
    if (side->count)
        return;
    shard->side_bytes -= side->room * sizeof(*side->at);
    free(side->at);
    *side = (struct side){ 0 };
    *vec_push(&shard->side_free, NULL) = series->side;
    series->side = 0;
}

static uint32_t side_lower(const struct side *side, int64_t time_ms)
{
    uint32_t low = 0, high = side->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (side->at[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void side_put(struct shard *shard, struct head_series *series, const struct wide *wide)
{
    if (!series->side) {
        series->side = shard->side_free.count ? shard->side_free.at[--shard->side_free.count] : ++shard->side_made;
        stable_reserve(&shard->sides, series->side);
    }
    struct side *side = side_of(shard, series);
    uint32_t at = side_lower(side, wide->time_ms);
    struct wide kept = *wide;
    if (kept.histogram)
        kept.histogram = histogram_keep(kept.histogram);
    if (at < side->count && side->at[at].time_ms == wide->time_ms) {
        free(side->at[at].histogram);
        side->at[at] = kept;
        return;
    }
    if (side->count == side->room) {
        uint32_t room = side->room ? side->room * 2 : 8;
        struct wide *grown = realloc(side->at, room * sizeof(*grown));
        if (!grown)
            out_of_memory(room * sizeof(*grown));
        shard->side_bytes += (room - side->room) * sizeof(*grown);
        side->at = grown;
        side->room = room;
    }
    memmove(side->at + at + 1, side->at + at, (side->count - at) * sizeof(*side->at));
    side->at[at] = kept;
    side->count++;
}

/* ---- the list of sealed chunks ---- */

static struct sealed sealed_head(const struct shard *shard, uint32_t first)
{
    const unsigned char *at = piece_at(&shard->pieces, first)->bytes;
    struct sealed sealed;

    memcpy(&sealed, at, SEALED_HEAD);
    return sealed;
}

static void sealed_write(struct shard *shard, uint32_t first, const struct sealed *sealed)
{
    memcpy(piece_at(&shard->pieces, first)->bytes, sealed, SEALED_HEAD);
}

void series_add_chunk_locked(struct shard *shard, struct head_series *series, struct str bytes,
                             const struct chunk_head *head)
{
    const struct sealed sealed = {
        .next = series->sealed, .bytes = (uint32_t)bytes.length, .first_ms = head->first_ms, .last_ms = head->last_ms
    };
    struct buf whole CLEANUP(buf_clear) = { 0 };

    buf_init(&whole, SIZE_MAX / 2);
    buf_add_bytes(&whole, &sealed, SEALED_HEAD);
    buf_add(&whole, bytes);
    series->sealed = pieces_store(&shard->pieces, buf_str(&whole));
    shard->sealed_bytes += bytes.length;
    shard->sealed_chunks++;
    if (!series->open.count && head->last_ms > series->open.last_ms) {
        series->open.last_ms = head->last_ms;
        series->flags &= (uint8_t)~SERIES_LAST_KNOWN;
    }
}

void series_mark_locked(struct shard *shard, struct head_series *series)
{
    for (uint32_t at = series->sealed; at;) {
        struct sealed sealed = sealed_head(shard, at);
        sealed.flags |= FLUSHING;
        sealed_write(shard, at, &sealed);
        at = sealed.next;
    }
}

void series_unmark_locked(struct shard *shard, struct head_series *series, bool done)
{
    uint32_t newer = 0;

    for (uint32_t at = series->sealed, next; at; at = next) {
        struct sealed sealed = sealed_head(shard, at);
        next = sealed.next;
        if (!(sealed.flags & FLUSHING)) {
            newer = at;
            continue;
        }
        sealed.flags = 0;
        sealed_write(shard, at, &sealed);
        if (!done)
            continue;
        shard->sealed_bytes -= sealed.bytes;
        shard->sealed_chunks--;
        pieces_give(&shard->pieces, at);
        if (newer) {
            struct sealed link = sealed_head(shard, newer);
            link.next = next;
            sealed_write(shard, newer, &link);
        } else {
            series->sealed = next;
        }
    }
}

/* ---- sealing ---- */

struct sealing {
    struct shard *shard;
    struct head_series *series;
};

static void seal_chunk(void *arg, struct str chunk)
{
    struct sealing *sealing = arg;
    struct chunk_head head;

    err e = chunk_peek(chunk, &head);
    if (e) /* what we have just written */
        abort();
    series_add_chunk_locked(sealing->shard, sealing->series, chunk, &head);
}

static void seal_columns(struct shard *shard, struct head_series *series)
{
    const struct samples samples = columns_samples(&shard->scratch);

    chunks_encode(&shard->encoded, &samples, seal_chunk, &(struct sealing){ shard, series });
    columns_reset(&shard->scratch);
}

static void push_wide(struct columns *columns, const struct wide *wide)
{
    double value;

    memcpy(&value, &wide->bits, sizeof(value));
    columns_push(columns, wide->time_ms, wide->start_ms, value, wide->histogram);
}

static void decode_open(struct shard *shard, const struct head_series *series, struct columns *columns)
{
    buf_reset(&shard->encoded);
    pieces_load(&shard->pieces, series->open.first_piece, 0, open_bytes(&series->open), &shard->encoded);
    err e = open_decode(buf_str(&shard->encoded), series->open.first_ms, series->open.count, columns);
    if (e) /* what we have written ourselves */
        abort();
}

/* seal_past - of the side buffer what is older than the open chunk. */
static void seal_past(struct shard *shard, struct head_series *series)
{
    const struct side *side = series->side ? side_of(shard, series) : NULL;
    uint32_t past = side && series->open.count ? side_lower(side, series->open.first_ms) : 0;

    if (!past)
        return;
    for (uint32_t i = 0; i < past; i++)
        push_wide(&shard->scratch, &side->at[i]);
    seal_columns(shard, series);
    side_drop(shard, series, 0, past);
}

/* seal_open - the open chunk, merged with what of the side buffer falls into it or is newer. */
static void seal_open(struct shard *shard, struct head_series *series)
{
    const struct side *side = series->side ? side_of(shard, series) : NULL;
    uint32_t from = side && series->open.count ? side_lower(side, series->open.first_ms) : 0;
    uint32_t to = side ? side->count : 0;

    if (series->open.count) {
        decode_open(shard, series, &shard->scratch);
        open_reset(&series->open, &shard->pieces);
        shard->open_chunks--;
    }
    for (uint32_t i = from; i < to; i++)
        push_wide(&shard->scratch, &side->at[i]);
    columns_settle(&shard->scratch, 0);
    if (to > from) {
        if (side->at[to - 1].time_ms > series->open.last_ms)
            series->open.last_ms = side->at[to - 1].time_ms;
        series->flags &= (uint8_t)~SERIES_LAST_KNOWN;
    }
    if (shard->scratch.count)
        seal_columns(shard, series);
    if (to > from)
        side_drop(shard, series, from, to);
}

void series_seal_locked(struct shard *shard, struct head_series *series)
{
    seal_past(shard, series);
    seal_open(shard, series);
}

void series_forget_locked(struct shard *shard, struct head_series *series)
{
    if (series->open.count)
        shard->open_chunks--;
    open_reset(&series->open, &shard->pieces);
    if (series->side)
        side_drop(shard, series, 0, side_of(shard, series)->count);
    series_mark_locked(shard, series);
    series_unmark_locked(shard, series, true);
}

/* ---- appending ---- */

static void append_open(struct shard *shard, struct head_series *series, uint32_t id, int64_t time_ms, int64_t start_ms,
                        uint64_t bits)
{
    if (series->open.count == 0)
        shard->open_chunks++;
    open_append(&series->open, &shard->pieces, time_ms, start_ms, bits);
    series->flags |= SERIES_LAST_KNOWN;
    if (series->open.count >= SEAL_AT + (id * 2654435761u >> 27) % SEAL_SPREAD)
        seal_open(shard, series);
}

void series_put_open_locked(struct shard *shard, struct head_series *series, int64_t time_ms, int64_t start_ms,
                            double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if (series->open.count == 0)
        shard->open_chunks++;
    open_append(&series->open, &shard->pieces, time_ms, start_ms, bits);
}

void series_put_aside_locked(struct shard *shard, struct head_series *series, const struct wide *wide)
{
    side_put(shard, series, wide);
}

static int find_time(const struct columns *columns, int64_t time_ms)
{
    for (size_t i = 0; i < columns->count; i++)
        if (columns->times[i] == time_ms)
            return (int)i;
    return -1;
}

static bool same_sample(const struct columns *columns, int at, const struct wide *wide)
{
    const struct histogram *there = columns->histograms ? columns->histograms[at] : NULL;
    uint64_t bits;

    if (there && wide->histogram)
        return histogram_is_same(there, wide->histogram);
    memcpy(&bits, &columns->values[at], sizeof(bits));
    return !there && !wide->histogram && bits == wide->bits;
}

enum found { NOT_THERE, THERE, THERE_DIFFERENT };

static enum found find_in_side(const struct shard *shard, const struct head_series *series, const struct wide *wide)
{
    const struct side *side = side_of(shard, series);
    uint32_t at = side_lower(side, wide->time_ms);

    if (at == side->count || side->at[at].time_ms != wide->time_ms)
        return NOT_THERE;
    const struct histogram *there = side->at[at].histogram;
    if (there && wide->histogram)
        return histogram_is_same(there, wide->histogram) ? THERE : THERE_DIFFERENT;
    return !there && !wide->histogram && side->at[at].bits == wide->bits ? THERE : THERE_DIFFERENT;
}

/* find_sample - what a reader would see at that time, as far as memory knows. */
static enum found find_sample(struct shard *shard, const struct head_series *series, const struct wide *wide)
{
    struct columns *columns = &shard->scratch;
    enum found found = series->side ? find_in_side(shard, series, wide) : NOT_THERE;
    int at = -1;

    if (found != NOT_THERE)
        return found;
    if (series->open.count && wide->time_ms >= series->open.first_ms && wide->time_ms <= series->open.last_ms) {
        decode_open(shard, series, columns);
        at = find_time(columns, wide->time_ms);
        found = at < 0 ? NOT_THERE : same_sample(columns, at, wide) ? THERE : THERE_DIFFERENT;
        columns_reset(columns);
    }
    struct arena *arena = NULL;
    for (uint32_t chunk = series->sealed; chunk && found == NOT_THERE;) {
        struct sealed sealed = sealed_head(shard, chunk);
        if (wide->time_ms >= sealed.first_ms && wide->time_ms <= sealed.last_ms) {
            arena = arena ? arena : arena_new(1 << 20);
            buf_reset(&shard->encoded);
            pieces_load(&shard->pieces, chunk, SEALED_HEAD, sealed.bytes, &shard->encoded);
            err_free(chunk_decode(buf_str(&shard->encoded), arena, columns));
            at = find_time(columns, wide->time_ms);
            found = at < 0 ? NOT_THERE : same_sample(columns, at, wide) ? THERE : THERE_DIFFERENT;
            columns_reset(columns);
        }
        chunk = sealed.next;
    }
    arena_free(arena);
    return found;
}

/* side_keep_small - seal when the side buffer is full: its past alone where that is most of it. */
static void side_keep_small(struct shard *shard, struct head_series *series)
{
    const struct side *side = side_of(shard, series);

    if (side->count < SIDE_SAMPLES_MAX)
        return;
    if (series->open.count && side_lower(side, series->open.first_ms) >= SIDE_SAMPLES_MAX / 2)
        seal_past(shard, series);
    else
        series_seal_locked(shard, series);
}

static enum append_outcome append_aside(struct shard *shard, struct head_series *series, const struct wide *wide,
                                        bool late)
{
    if (late && find_sample(shard, series, wide) == THERE)
        return APPEND_DUPLICATE;
    side_put(shard, series, wide);
    side_keep_small(shard, series);
    shard->appended++;
    shard->out_of_order += late;
    return APPEND_OK;
}

static int64_t newest_ms(const struct shard *shard, const struct head_series *series)
{
    int64_t newest = series->open.last_ms;

    if (series->side) {
        const struct side *side = side_of(shard, series);
        if (side->at[side->count - 1].time_ms > newest)
            newest = side->at[side->count - 1].time_ms;
    }
    return newest;
}

static void shard_saw(struct shard *shard, int64_t time_ms)
{
    if (time_ms < shard->first_ms)
        shard->first_ms = time_ms;
    if (time_ms > shard->last_ms)
        shard->last_ms = time_ms;
}

enum append_outcome series_append_float_locked(struct shard *shard, struct head_series *series, uint32_t id,
                                               int64_t time_ms, int64_t start_ms, uint64_t bits)
{
    shard_saw(shard, time_ms);
    if (!series->side && time_ms > series->open.last_ms) {
        append_open(shard, series, id, time_ms, start_ms, bits);
        shard->appended++;
        return APPEND_OK;
    }
    if (!series->side && time_ms == series->open.last_ms && bits == series->open.last_bits &&
        (series->flags & SERIES_LAST_KNOWN))
        return APPEND_DUPLICATE;
    if (time_ms > newest_ms(shard, series)) {
        append_open(shard, series, id, time_ms, start_ms, bits);
        shard->appended++;
        return APPEND_OK;
    }
    return append_aside(shard, series, &(struct wide){ time_ms, start_ms, bits, NULL }, true);
}

/* hint_of - what a histogram that is newer than all says of counter resets since the one before it. What the sender
 * said of its own samples holds only where it says: here it began anew. */
static enum counter_reset hint_of(struct shard *shard, const struct head_series *series,
                                  const struct histogram *histogram, bool late)
{
    const struct side *side = series->side && !late ? side_of(shard, series) : NULL;
    struct histogram unsure = *histogram;

    if (unsure.hint == RESET_NO)
        unsure.hint = RESET_UNKNOWN;
    return histogram_hint_after(side ? side->at[side->count - 1].histogram : NULL, &unsure);
}

enum append_outcome series_append_histogram_locked(struct shard *shard, struct head_series *series, int64_t time_ms,
                                                   int64_t start_ms, const struct histogram *histogram)
{
    bool late = time_ms <= newest_ms(shard, series);
    struct histogram hinted = *histogram;

    hinted.hint = hint_of(shard, series, histogram, late);
    shard_saw(shard, time_ms);
    return append_aside(shard, series, &(struct wide){ time_ms, start_ms, 0, &hinted }, late);
}

/* ---- copies ---- */

bool series_touches_locked(const struct shard *shard, const struct head_series *series, int64_t start_ms,
                           int64_t end_ms)
{
    const struct open_chunk *open = &series->open;
    const struct side *side = series->side ? side_of(shard, series) : NULL;
    uint32_t late = side ? side_lower(side, start_ms) : 0;

    if (open->count && open->first_ms <= end_ms && open->last_ms >= start_ms)
        return true;
    if (side && late < side->count && side->at[late].time_ms <= end_ms)
        return true;
    for (uint32_t at = series->sealed; at;) {
        struct sealed sealed = sealed_head(shard, at);
        if (sealed.first_ms <= end_ms && sealed.last_ms >= start_ms)
            return true;
        at = sealed.next;
    }
    return false;
}

void series_copy_clear(struct series_copy *copy)
{
    buf_clear(&copy->bytes);
    vec_clear(&copy->sealed);
    vec_clear(&copy->side);
}

static void copy_sealed(const struct shard *shard, const struct head_series *series, int64_t start_ms, int64_t end_ms,
                        struct series_copy *copy)
{
    for (uint32_t at = series->sealed; at;) {
        struct sealed sealed = sealed_head(shard, at);
        if (sealed.first_ms <= end_ms && sealed.last_ms >= start_ms) {
            *vec_push(&copy->sealed, NULL) = (struct sealed_copy){ copy->bytes.length, sealed.bytes, sealed.first_ms,
                                                                   sealed.last_ms, sealed.flags & FLUSHING };
            pieces_load(&shard->pieces, at, SEALED_HEAD, sealed.bytes, &copy->bytes);
        }
        at = sealed.next;
    }
    for (size_t i = 0, j = copy->sealed.count; i + 1 < j; i++) { /* the list is newest first */
        struct sealed_copy swapped = copy->sealed.at[i];
        copy->sealed.at[i] = copy->sealed.at[--j];
        copy->sealed.at[j] = swapped;
    }
}

void series_copy_locked(const struct shard *shard, const struct head_series *series, int64_t start_ms, int64_t end_ms,
                        struct arena *arena, struct series_copy *copy)
{
    const struct open_chunk *open = &series->open;

    if (!copy->bytes.max)
        buf_init(&copy->bytes, SIZE_MAX / 2);
    buf_reset(&copy->bytes);
    copy->sealed.count = copy->side.count = 0;
    copy->open_count = 0;
    copy_sealed(shard, series, start_ms, end_ms, copy);
    if (open->count && open->first_ms <= end_ms && open->last_ms >= start_ms) {
        copy->open_at = copy->bytes.length;
        copy->open_length = open_bytes(open);
        copy->open_count = open->count;
        copy->open_first_ms = open->first_ms;
        copy->open_last_ms = open->last_ms;
        pieces_load(&shard->pieces, open->first_piece, 0, copy->open_length, &copy->bytes);
    }
    const struct side *side = series->side ? side_of(shard, series) : NULL;
    for (uint32_t i = side ? side_lower(side, start_ms) : 0; side && i < side->count && side->at[i].time_ms <= end_ms;
         i++) {
        struct wide *wide = vec_push(&copy->side, NULL);
        *wide = side->at[i];
        if (wide->histogram)
            wide->histogram = histogram_keep_in(arena, wide->histogram);
    }
}

err series_decode_open(const struct series_copy *copy, struct columns *columns)
{
    const struct str bytes = { copy->bytes.at + copy->open_at, copy->open_length };

    if (copy->open_count)
        TRY(open_decode(bytes, copy->open_first_ms, copy->open_count, columns));
    for (size_t i = 0; i < copy->side.count; i++)
        push_wide(columns, &copy->side.at[i]);
    return NULL;
}

err series_decode(const struct series_copy *copy, struct arena *arena, struct columns *columns)
{
    for (size_t i = 0; i < copy->sealed.count; i++)
        TRY(chunk_decode((struct str){ copy->bytes.at + copy->sealed.at[i].at, copy->sealed.at[i].length }, arena,
                         columns));
    return series_decode_open(copy, columns);
}

static bool is_histogram(const struct samples *samples, size_t at)
{
    return samples->histograms && samples->histograms[at];
}

void chunks_encode(struct buf *scratch, const struct samples *samples, void (*found)(void *arg, struct str chunk),
                   void *arg)
{
    for (size_t at = 0, end; at < samples->count; at = end) {
        bool histograms = is_histogram(samples, at);
        for (end = at + 1; end < samples->count && end - at < CHUNK_SAMPLES_MAX; end++)
            if (is_histogram(samples, end) != histograms)
                break;
        const struct samples part = {
            .times = samples->times + at,
            .values = samples->values + at,
            .histograms = histograms ? samples->histograms + at : NULL,
            .starts = samples->starts ? samples->starts + at : NULL,
            .count = end - at,
        };
        buf_reset(scratch);
        chunk_encode(scratch, &part);
        found(arg, buf_str(scratch));
    }
}
