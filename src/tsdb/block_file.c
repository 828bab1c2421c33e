/* block_file.c - reads a block: footer and index at once, groups when they are asked for. */
#include "tsdb/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/metric.h"
#include "tsdb/chunk.h"
#include "tsdb/tier.h"

METRIC(COUNTER, tsdb_damaged_groups_total, "Groups of blocks that failed their checksum when they were read.", NULL);

enum { DENSE = 4, REPLACED_MAX = 65536 };

static void *allocate(size_t bytes)
{
    void *at = malloc(bytes ? bytes : 1);

    if (!at)
        out_of_memory(bytes);
    return at;
}

struct block *block_ref(struct block *block)
{
    atomic_fetch_add(&block->references, 1);
    return block;
}

void block_unref(struct block *block)
{
    if (!block || atomic_fetch_sub(&block->references, 1) > 1)
        return;
    if (atomic_load(&block->removed))
        unlink(block->path);
    fd_close(&block->fd);
    free(block->path);
    free(block->replaced);
    free(block->chunks.at);
    free(block->labels.at);
    free(block->ids);
    free(block->positions);
    free(block);
}

static void unrefp(struct block **block)
{
    block_unref(*block);
}

int64_t block_width_ms(enum block_kind kind)
{
    return kind == BLOCK_SAMPLES ? 0 : tier_width_ms(kind == BLOCK_MINUTES ? TIER_MINUTE : TIER_HOUR);
}

uint64_t block_number_of(const char *path)
{
    struct str name = str_of(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    uint64_t number;

    if (!str_ends(name, S(".block")) || !str_to_u64(str_slice(name, 0, name.length - 6), &number))
        return 0;
    return number;
}

static err read_at(const struct block *block, uint64_t offset, void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(block->fd, (char *)to + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("can't read %s at byte %llu", block->path, (unsigned long long)(offset + done));
        if (got == 0)
            return err_new(ERR_CORRUPT, "%s ends at byte %llu, in the middle of something", block->path,
                           (unsigned long long)(offset + done));
        done += (size_t)got;
    }
    return NULL;
}

err block_damaged(struct block *block, const struct group *group, const char *what)
{
    if (!atomic_exchange(&block->damaged, true))
        metric_add(&tsdb_damaged_groups_total, 1);
    return err_hint(
        err_new(ERR_CORRUPT, "%s: the group at byte %llu %s", block->path, (unsigned long long)group->offset, what),
        "The rest of the block is readable; maintenance rewrites it without the group and keeps the "
        "damaged file as .bad.");
}

/* Compressed bytes, of as many as the group says. */
static err read_packed(struct block *block, const struct group *group, char **ret_bytes)
{
    char *bytes = allocate(group->bytes);
    err e = read_at(block, group->offset, bytes, group->bytes);

    if (!e && XXH3_64bits(bytes, group->bytes) != group->hash)
        e = block_damaged(block, group, "fails its checksum");
    if (e && err_kind(e) == ERR_CORRUPT)
        atomic_store(&block->damaged, true);
    if (e) {
        free(bytes);
        return e;
    }
    *ret_bytes = bytes;
    return NULL;
}

err group_read(struct block *block, const struct group *group, ZSTD_DCtx *zstd, struct buf *out)
{
    char *packed;

    buf_reset(out);
    TRY(read_packed(block, group, &packed));
    char *to = buf_reserve(out, group->raw_bytes);
    size_t bytes = to ? ZSTD_decompressDCtx(zstd, to, group->raw_bytes, packed, group->bytes) : 0;
    free(packed);
    if (bytes != group->raw_bytes)
        return block_damaged(block, group, "does not decompress");
    out->length = bytes;
    return NULL;
}

/* ---- opening ---- */

static err corrupt(const struct block *block, const char *what)
{
    return err_new(ERR_CORRUPT, "%s: %s", block->path, what);
}

/* Is that a place in the file, before `end`? A frame of zstd does not shrink a text by more than its window. */
static bool group_fits(const struct group *group, uint64_t end)
{
    return group->offset >= BLOCK_MAGIC_BYTES && group->offset <= end && group->bytes <= end - group->offset &&
           group->raw_bytes / 20000 <= group->bytes;
}

static void take_groups(struct reading *in, struct groups *groups, uint64_t end, uint64_t series)
{
    uint64_t count = take_varint(in), first = 0;

    if (in->failed || count > reading_left(in) / 12) {
        in->failed = true;
        return;
    }
    groups->at = allocate(count * sizeof(*groups->at));
    for (size_t i = 0; i < count && !in->failed; i++) {
        struct group *group = &groups->at[i];
        uint64_t offset = take_varint(in), bytes = take_varint(in), raw_bytes = take_varint(in);
        uint64_t more = take_varint(in);
        first += more >> 1;
        *group = (struct group){ .offset = offset, .bytes = (uint32_t)bytes, .raw_bytes = (uint32_t)raw_bytes };
        group->hash = take_u64(in);
        group->first = (uint32_t)first;
        group->continued = more & 1;
        in->failed = in->failed || more >> 1 > series || first >= series || (i == 0 && more) ||
                     bytes > GROUP_BYTES_MAX || raw_bytes > GROUP_BYTES_MAX || !group_fits(group, end);
        groups->count = i + 1;
    }
}

struct slot {
    uint32_t id, position;
};

static int by_id(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* Ids that fill a quarter of their range are looked up by index. */
static err make_lookup(struct block *block, const uint32_t *ids, size_t count)
{
    uint32_t low = UINT32_MAX, high = 0;

    for (size_t i = 0; i < count; i++) {
        low = ids[i] < low ? ids[i] : low;
        high = ids[i] > high ? ids[i] : high;
    }
    block->low = low;
    if ((high - low) / DENSE < count) {
        block->slots = (size_t)(high - low) + 1;
        block->positions = allocate(block->slots * sizeof(*block->positions));
        memset(block->positions, 0xff, block->slots * sizeof(*block->positions));
        for (size_t i = 0; i < count; i++) {
            if (block->positions[ids[i] - low] != UINT32_MAX)
                return corrupt(block, "the index has a series twice");
            block->positions[ids[i] - low] = (uint32_t)i;
        }
        return NULL;
    }
    struct slot *slots = allocate(count * sizeof(*slots));
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct slot){ ids[i], (uint32_t)i };
    qsort(slots, count, sizeof(*slots), by_id);
    block->slots = count;
    block->ids = allocate(count * sizeof(*block->ids));
    block->positions = allocate(count * sizeof(*block->positions));
    bool twice = false;
    for (size_t i = 0; i < count; i++) {
        block->ids[i] = slots[i].id;
        block->positions[i] = slots[i].position;
        twice |= i > 0 && slots[i].id == slots[i - 1].id;
    }
    free(slots);
    return twice ? corrupt(block, "the index has a series twice") : NULL;
}

/* The index as it stands in the file; `series` ids at its end. */
static err read_index(struct block *block, struct buf *ret_raw)
{
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    err e;

    buf_init(ret_raw, UINT32_MAX);
    e = group_read(block, &block->index, zstd, ret_raw);
    ZSTD_freeDCtx(zstd);
    if (!e && ret_raw->length / sizeof(uint32_t) < block->stat.series)
        e = corrupt(block, "the index is too short for its series");
    return e;
}

static err load_index(struct block *block)
{
    struct buf raw CLEANUP(buf_clear) = { 0 };

    TRY(read_index(block, &raw));
    struct reading in = reading_of(buf_str(&raw));
    take_groups(&in, &block->chunks, block->index.offset, block->stat.series);
    take_groups(&in, &block->labels, block->index.offset, block->stat.series);
    size_t bytes = block->stat.series * sizeof(uint32_t);
    if (in.failed || reading_left(&in) != bytes || block->chunks.count == 0 || block->labels.count == 0)
        return corrupt(block, "the index makes no sense");
    uint32_t *ids = allocate(bytes);
    memcpy(ids, in.at, bytes);
    err e = make_lookup(block, ids, block->stat.series);
    free(ids);
    return e;
}

static err parse_footer(struct block *block, struct str footer, uint64_t footer_at)
{
    struct reading in = reading_of(footer);
    struct block_stat *stat = &block->stat;
    uint64_t version = take_varint(&in);

    if (version != BLOCK_VERSION)
        return err_new(ERR_CORRUPT, "%s is of format version %llu; this program reads version %d", block->path,
                       (unsigned long long)version, BLOCK_VERSION);
    block->kind = (enum block_kind)take_varint(&in);
    stat->level = (unsigned)take_varint(&in);
    stat->order = take_varint(&in);
    block->deletions = take_varint(&in);
    stat->series = take_varint(&in);
    stat->chunks = take_varint(&in);
    stat->samples = take_varint(&in);
    stat->first_ms = take_signed(&in);
    stat->last_ms = take_signed(&in);
    block->index.offset = take_varint(&in);
    uint64_t bytes = take_varint(&in), raw_bytes = take_varint(&in);
    block->index.bytes = (uint32_t)bytes;
    block->index.raw_bytes = (uint32_t)raw_bytes;
    block->index.hash = take_u64(&in);
    block->replaced_count = take_varint(&in);
    if (in.failed || block->kind >= BLOCK_KINDS || stat->series == 0 || stat->series >= UINT32_MAX / 4 ||
        stat->first_ms > stat->last_ms || bytes > UINT32_MAX || raw_bytes > UINT32_MAX ||
        !group_fits(&block->index, footer_at) || block->replaced_count > REPLACED_MAX)
        return corrupt(block, "the footer makes no sense");
    block->replaced = allocate(block->replaced_count * sizeof(*block->replaced));
    for (size_t i = 0; i < block->replaced_count; i++)
        block->replaced[i] = take_varint(&in);
    if (in.failed || in.at != in.end)
        return corrupt(block, "the footer makes no sense");
    stat->order = stat->order ? stat->order : block->number;
    return NULL;
}

static err read_footer(struct block *block)
{
    unsigned char tail[BLOCK_TAIL_BYTES], magic[BLOCK_MAGIC_BYTES];
    uint64_t size = block->stat.bytes, hash;
    uint32_t length;

    if (size < BLOCK_MAGIC_BYTES + BLOCK_TAIL_BYTES)
        return corrupt(block, "too short for a block");
    TRY(read_at(block, 0, magic, sizeof(magic)));
    TRY(read_at(block, size - sizeof(tail), tail, sizeof(tail)));
    memcpy(&length, tail, sizeof(length));
    memcpy(&hash, tail + sizeof(length), sizeof(hash));
    if (memcmp(magic, BLOCK_MAGIC, sizeof(magic)) || memcmp(tail + 12, BLOCK_MAGIC, BLOCK_MAGIC_BYTES))
        return corrupt(block, "does not begin and end like a block");
    if (length > BLOCK_FOOTER_MAX || length > size - BLOCK_MAGIC_BYTES - sizeof(tail))
        return corrupt(block, "the footer is longer than the file");
    uint64_t at = size - sizeof(tail) - length;
    char *footer = allocate(length);
    err e = read_at(block, at, footer, length);
    if (!e && XXH3_64bits(footer, length) != hash)
        e = corrupt(block, "the footer fails its checksum");
    if (!e)
        e = parse_footer(block, (struct str){ footer, length }, at);
    free(footer);
    return e;
}

err block_open(const char *path, struct block **ret_block)
{
    struct block *block CLEANUP(unrefp) = calloc(1, sizeof(*block));
    struct stat status;

    if (!block)
        out_of_memory(sizeof(*block));
    atomic_init(&block->references, 1);
    block->path = strdup(path);
    block->number = block_number_of(path);
    block->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (block->fd < 0 || fstat(block->fd, &status))
        return err_errno("can't open %s", path);
    block->stat = (struct block_stat){ .path = str_of(block->path), .number = block->number };
    block->stat.bytes = (uint64_t)status.st_size;
    TRY(read_footer(block));
    TRY(load_index(block));
    *ret_block = TAKE(block);
    return NULL;
}

/* ---- looking things up ---- */

uint32_t block_position(const struct block *block, uint32_t series)
{
    if (!block->ids)
        return series >= block->low && series - block->low < block->slots ? block->positions[series - block->low]
                                                                          : UINT32_MAX;
    size_t low = 0, high = block->slots;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (block->ids[middle] < series)
            low = middle + 1;
        else
            high = middle;
    }
    return low < block->slots && block->ids[low] == series ? block->positions[low] : UINT32_MAX;
}

uint32_t *block_ids(const struct block *block)
{
    uint32_t *ids = allocate(block->stat.series * sizeof(*ids));

    for (size_t i = 0; i < block->slots; i++)
        if (block->positions[i] != UINT32_MAX)
            ids[block->positions[i]] = block->ids ? block->ids[i] : block->low + (uint32_t)i;
    return ids;
}

size_t block_group(const struct groups *groups, uint32_t position)
{
    size_t low = 0, high = groups->count;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        const struct group *group = &groups->at[middle];
        if (group->first < position || (group->first == position && !group->continued))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- chunks ---- */

void chunk_group_clear(struct chunk_group *group)
{
    buf_clear(&group->bytes);
    free(group->ends);
    *group = (struct chunk_group){ 0 };
}

static bool take_directory(struct chunk_group *group)
{
    struct reading in = reading_of(buf_str(&group->bytes));
    uint64_t count = take_varint(&in), end = 0;

    if (in.failed || count == 0 || count > reading_left(&in))
        return false;
    if (count > group->room) {
        free(group->ends);
        group->ends = allocate(count * sizeof(*group->ends));
        group->room = count;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t length = take_varint(&in);
        if (length > GROUP_BYTES_MAX)
            return false;
        end += length;
        group->ends[i] = (uint32_t)end;
        if (end > GROUP_BYTES_MAX)
            return false;
    }
    group->count = count;
    group->start = group->bytes.length - reading_left(&in);
    return !in.failed && reading_left(&in) == end;
}

err chunk_group_read(struct block *block, size_t index, ZSTD_DCtx *zstd, struct chunk_group *group)
{
    const struct group *of = &block->chunks.at[index];

    group->count = 0;
    group->bytes.max = GROUP_BYTES_MAX;
    TRY(group_read(block, of, zstd, &group->bytes));
    if (!take_directory(group)) {
        group->count = 0;
        return block_damaged(block, of, "does not say what is in it");
    }
    return NULL;
}

struct str chunk_group_of(const struct block *block, size_t index, const struct chunk_group *group, uint32_t position)
{
    size_t at = position - block->chunks.at[index].first;

    if (position < block->chunks.at[index].first || at >= group->count)
        return S("");
    uint32_t from = at > 0 ? group->ends[at - 1] : 0;
    return str_slice(buf_str(&group->bytes), group->start + from, group->start + group->ends[at]);
}
