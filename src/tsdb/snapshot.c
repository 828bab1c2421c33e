/* snapshot.c - the memory store in one file, and back. Format: docs/format/series.snapshot.md.
 *
 * Written in slices: the lock is held while 256 series are copied into a buffer, never while the disk is asked. */
#include "tsdb/store.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/failpoint.h"
#include "base/file.h"

enum { SLICE = 256, LABELS_MAX = 128, TEXT_MAX = 1 << 20, BUF_MAX = 256 * 1024 * 1024 };

static const char magic[8] = { 'A', 'U', 'S', 'P', 'E', 'X', 'S', '1' };

static void put_u32(struct buf *out, size_t value)
{
    uint32_t number = (uint32_t)value;

    buf_add_bytes(out, &number, sizeof(number));
}

static void put_i64(struct buf *out, int64_t value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

static void put_double(struct buf *out, double value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

static void put_str(struct buf *out, struct str text)
{
    put_u32(out, text.length);
    buf_add(out, text);
}

static void put_chunk(struct buf *out, const struct chunk *chunk)
{
    put_i64(out, chunk->first_ms);
    put_i64(out, chunk->last_ms);
    put_i64(out, chunk->step_ms);
    put_i64(out, (int64_t)chunk->first_bits);
    put_i64(out, (int64_t)chunk->last_bits);
    put_u32(out, chunk->count);
    put_u32(out, chunk->repeat_at);
    put_u32(out, chunk->used);
    buf_add_bytes(out, chunk->bytes, chunk->used);
}

static void put_series(struct buf *out, const struct stored_series *series)
{
    buf_add_c(out, 'S');
    put_u32(out, series->labels.count);
    for (size_t i = 0; i < series->labels.count; i++) {
        put_str(out, series->labels.at[i].name);
        put_str(out, series->labels.at[i].value);
    }
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        const struct summary *open = &series->open[tier];
        size_t count = 0;
        for (const struct chunk *it = series->tiers[tier].first; it; it = it->next)
            count++;
        put_u32(out, count);
        for (const struct chunk *it = series->tiers[tier].first; it; it = it->next)
            put_chunk(out, it);
        put_i64(out, open->bucket);
        put_i64(out, open->last_ms);
        put_double(out, open->sum);
        put_double(out, open->first);
        put_double(out, open->last);
        put_u32(out, open->count);
        buf_add_c(out, open->varies);
    }
}

static void put_families(struct memory_store *store, struct buf *out)
{
    pthread_rwlock_rdlock(&store->lock);
    for (size_t i = 0; i < FAMILY_BUCKETS; i++)
        for (const struct family *it = store->families[i]; it; it = it->next) {
            buf_add_c(out, 'F');
            put_str(out, it->name);
            put_str(out, it->help);
            put_str(out, it->unit);
            put_u32(out, it->kind);
        }
    pthread_rwlock_unlock(&store->lock);
}

/* One slice; false when there is no further one. */
static bool put_slice(struct memory_store *store, struct buf *out, size_t *from)
{
    bool more;

    pthread_rwlock_rdlock(&store->lock);
    for (size_t end = *from + SLICE; *from < end && *from < store->all.count; ++*from)
        if (store->all.at[*from])
            put_series(out, store->all.at[*from]);
    more = *from < store->all.count;
    pthread_rwlock_unlock(&store->lock);
    return more;
}

static err write_out(int fd, struct buf *out, XXH3_state_t *hash)
{
    TRY(buf_check(out));
    XXH3_64bits_update(hash, out->at, out->length);
    TRY(fd_write_all(fd, buf_str(out)));
    buf_reset(out);
    return NULL;
}

static err write_all(struct memory_store *store, int fd, struct buf *out, XXH3_state_t *hash)
{
    size_t from = 0;
    bool more;

    XXH3_64bits_reset(hash);
    buf_add_bytes(out, magic, sizeof(magic));
    put_families(store, out);
    do {
        more = put_slice(store, out, &from);
        TRY(write_out(fd, out, hash));
    } while (more);
    buf_add_c(out, 'E');
    TRY(write_out(fd, out, hash));
    put_i64(out, (int64_t)XXH3_64bits_digest(hash));
    TRY(fd_write_all(fd, buf_str(out)));
    TRY(FAILPOINT("tsdb.snapshot.sync"));
    return fsync(fd) ? err_errno("can't sync") : NULL;
}

static void hash_free(XXH3_state_t **hash)
{
    XXH3_freeState(*hash);
}

err snapshot_save(struct memory_store *store, const char *path)
{
    struct buf temporary CLEANUP(buf_clear);
    struct buf out CLEANUP(buf_clear);
    XXH3_state_t *hash CLEANUP(hash_free) = XXH3_createState();

    buf_init(&temporary, 4096);
    buf_init(&out, BUF_MAX);
    buf_addf(&temporary, "%s.new", path);
    int fd CLEANUP(fd_close) = open(buf_c(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno("can't write %s", buf_c(&temporary));
    err e = write_all(store, fd, &out, hash);
    if (!e && rename(buf_c(&temporary), path))
        e = err_errno("can't rename it to %s", path);
    if (e)
        unlink(buf_c(&temporary));
    return err_wrap(e, "%s", buf_c(&temporary));
}

/* What is left to read. A take beyond the end fails once and stays failed. */
struct rest {
    const unsigned char *at, *end;
    bool failed;
};

static void take(struct rest *rest, void *to, size_t length)
{
    if (rest->failed || (size_t)(rest->end - rest->at) < length) {
        rest->failed = true;
        memset(to, 0, length);
        return;
    }
    memcpy(to, rest->at, length);
    rest->at += length;
}

static uint32_t take_u32(struct rest *rest)
{
    uint32_t value;

    take(rest, &value, sizeof(value));
    return value;
}

static int64_t take_i64(struct rest *rest)
{
    int64_t value;

    take(rest, &value, sizeof(value));
    return value;
}

static double take_double(struct rest *rest)
{
    double value;

    take(rest, &value, sizeof(value));
    return value;
}

static unsigned char take_byte(struct rest *rest)
{
    unsigned char value;

    take(rest, &value, 1);
    return value;
}

static struct str take_str(struct rest *rest)
{
    uint32_t length = take_u32(rest);
    struct str text = { (const char *)rest->at, length };

    if (rest->failed || length > TEXT_MAX || (size_t)(rest->end - rest->at) < length) {
        rest->failed = true;
        return S("");
    }
    rest->at += length;
    return text;
}

static void take_chunk(struct rest *rest, struct stream *stream)
{
    struct chunk head = { .first_ms = take_i64(rest), .last_ms = take_i64(rest), .step_ms = take_i64(rest) };
    struct chunk *chunk;

    head.first_bits = (uint64_t)take_i64(rest);
    head.last_bits = (uint64_t)take_i64(rest);
    head.count = take_u32(rest);
    head.repeat_at = (uint16_t)take_u32(rest);
    uint32_t used = take_u32(rest);
    if (rest->failed || used > CHUNK_BYTES_MAX || (stream->last && head.first_ms <= stream->last->last_ms)) {
        rest->failed = true;
        return;
    }
    head.used = head.room = (uint16_t)used;
    chunk = malloc(sizeof(*chunk) + used);
    if (!chunk)
        abort();
    *chunk = head;
    take(rest, chunk->bytes, used);
    if (rest->failed || !chunk_is_safe(chunk)) {
        rest->failed = true;
        free(chunk);
        return;
    }
    stream_adopt(stream, chunk);
}

static void take_series(struct memory_store *store, struct rest *rest)
{
    struct label items[LABELS_MAX];
    uint32_t count = take_u32(rest);

    rest->failed = rest->failed || count > LABELS_MAX;
    for (uint32_t i = 0; i < count && !rest->failed; i++)
        items[i] = (struct label){ take_str(rest), take_str(rest) };
    if (rest->failed)
        return;
    struct labels labels = { items, count };
    uint64_t hash = labels_hash(labels);
    struct stored_series *series =
        store_find_locked(store, labels, hash) ? NULL : store_add_locked(store, labels, hash, INT64_MIN / 2);
    struct stored_series dropped = { 0 }; /* a store with fewer places than the one that wrote it */
    struct stored_series *into = series ? series : &dropped;
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        uint32_t chunks = take_u32(rest);
        while (chunks-- > 0 && !rest->failed)
            take_chunk(rest, &into->tiers[tier]);
        struct summary *open = &into->open[tier];
        open->bucket = take_i64(rest);
        open->last_ms = take_i64(rest);
        open->sum = take_double(rest);
        open->first = take_double(rest);
        open->last = take_double(rest);
        open->count = take_u32(rest);
        open->varies = take_byte(rest) != 0;
        if (into->tiers[tier].last && into->tiers[tier].last->last_ms > into->newest_ms)
            into->newest_ms = into->tiers[tier].last->last_ms;
    }
    for (int tier = 0; tier < TIER_COUNT; tier++)
        stream_clear(&dropped.tiers[tier]);
}

static void take_family(struct memory_store *store, struct rest *rest)
{
    struct metric_meta meta = { .name = take_str(rest), .help = take_str(rest), .unit = take_str(rest) };
    uint32_t kind = take_u32(rest);

    rest->failed = rest->failed || kind > KIND_INFO;
    if (rest->failed)
        return;
    meta.kind = (enum metric_kind)kind;
    store->sink.ops->describe(&store->sink, &meta);
}

static err parse(struct memory_store *store, const char *path, const unsigned char *bytes, size_t length)
{
    uint64_t sum;

    if (length < sizeof(magic) + 1 + sizeof(sum) || memcmp(bytes, magic, sizeof(magic)))
        return err_new(ERR_CORRUPT, "%s is no snapshot of series", path);
    struct rest rest = { bytes + sizeof(magic), bytes + length - sizeof(sum), false };
    memcpy(&sum, rest.end, sizeof(sum));
    if (XXH3_64bits(bytes, length - sizeof(sum)) != sum)
        return err_new(ERR_CORRUPT, "%s fails its checksum", path);
    for (;;) {
        unsigned char kind = take_byte(&rest);
        if (kind == 'E' && rest.at == rest.end && !rest.failed)
            return NULL;
        if (kind == 'F')
            take_family(store, &rest);
        else if (kind == 'S')
            take_series(store, &rest);
        else
            rest.failed = true;
        if (rest.failed)
            return err_new(ERR_CORRUPT, "%s: the record before byte %td makes no sense", path, rest.at - bytes);
    }
}

err snapshot_load(struct memory_store *store, const char *path)
{
    int fd CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;

    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0 || fstat(fd, &stat))
        return err_errno("can't open %s", path);
    if (!S_ISREG(stat.st_mode) || stat.st_size == 0)
        return err_new(ERR_CORRUPT, "%s is empty", path);
    void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return err_errno("can't read %s", path);
    err e = parse(store, path, bytes, (size_t)stat.st_size);
    munmap(bytes, (size_t)stat.st_size);
    return e;
}
