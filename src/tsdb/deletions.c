/* deletions.c - a short list, written anew as a whole with each change. */
#include "tsdb/deletions.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "tsdb/varint.h"

#define DELETIONS_MAGIC "AUSPEXD1"
enum { MAGIC_BYTES = 8, FILE_MAX = 256 * 1024 * 1024, DELETIONS_MAX = 10000 };

struct record {
    _Atomic int references;
    struct deletion deletion;
    uint32_t series[];
};

struct deletion_set {
    _Atomic int references;
    uint64_t serial;
    struct record **at;
    size_t count;
};

struct deletions {
    char *path;
    pthread_mutex_t lock;    /* of `set` */
    pthread_mutex_t writing; /* one writes the file at a time; taken before lock */
    struct deletion_set *set;
};

static void *allocate(size_t bytes)
{
    void *at = malloc(bytes ? bytes : 1);

    if (!at)
        out_of_memory(bytes);
    return at;
}

static void record_unref(struct record *record)
{
    if (atomic_fetch_sub(&record->references, 1) == 1)
        free(record);
}

static struct record *record_ref(struct record *record)
{
    atomic_fetch_add(&record->references, 1);
    return record;
}

void deletion_set_unref(const struct deletion_set *const_set)
{
    struct deletion_set *set = (struct deletion_set *)const_set;

    if (!set || atomic_fetch_sub(&set->references, 1) > 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        record_unref(set->at[i]);
    free(set->at);
    free(set);
}

/* An empty set with room for so many. */
static struct deletion_set *set_new(uint64_t serial, size_t room)
{
    struct deletion_set *set = allocate(sizeof(*set));

    *set = (struct deletion_set){ .references = 1, .serial = serial, .at = allocate(room * sizeof(*set->at)) };
    return set;
}

static struct record *record_new(uint64_t serial, int64_t start_ms, int64_t end_ms, size_t count)
{
    struct record *record = allocate(sizeof(*record) + count * sizeof(*record->series));

    atomic_init(&record->references, 1);
    record->deletion = (struct deletion){ serial, start_ms, end_ms, record->series, count };
    return record;
}

static void put_record(struct buf *out, const struct deletion *deletion)
{
    uint32_t before = 0;

    put_varint(out, deletion->serial);
    put_signed(out, deletion->start_ms);
    put_signed(out, deletion->end_ms);
    put_varint(out, deletion->count);
    for (size_t i = 0; i < deletion->count; i++) {
        put_varint(out, deletion->series[i] - before);
        before = deletion->series[i];
    }
}

static struct record *take_record(struct reading *in)
{
    uint64_t serial = take_varint(in), id = 0;
    int64_t start_ms = take_signed(in), end_ms = take_signed(in);
    uint64_t count = take_varint(in);

    if (in->failed || count > reading_left(in)) {
        in->failed = true;
        return NULL;
    }
    struct record *record = record_new(serial, start_ms, end_ms, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t more = take_varint(in);
        id += more;
        in->failed = in->failed || more > UINT32_MAX || id > UINT32_MAX;
        record->series[i] = (uint32_t)id;
    }
    return record;
}

static err save(const char *path, const struct deletion_set *set)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, FILE_MAX);
    buf_add(&out, S(DELETIONS_MAGIC));
    put_varint(&out, set->serial);
    put_varint(&out, set->count);
    for (size_t i = 0; i < set->count; i++)
        put_record(&out, &set->at[i]->deletion);
    put_u64(&out, out.failed ? 0 : XXH3_64bits(out.at, out.length));
    TRY(buf_check(&out));
    TRY(FAILPOINT("tsdb.deletions.write"));
    return file_write(path, buf_str(&out), 0600);
}

static err parse(const char *path, struct str text, struct deletion_set **ret_set)
{
    uint64_t hash;

    if (text.length < MAGIC_BYTES + sizeof(hash) || !str_starts(text, S(DELETIONS_MAGIC)))
        return err_new(ERR_CORRUPT, "%s is no list of deletions", path);
    memcpy(&hash, text.at + text.length - sizeof(hash), sizeof(hash));
    if (XXH3_64bits(text.at, text.length - sizeof(hash)) != hash)
        return err_new(ERR_CORRUPT, "%s fails its checksum", path);
    struct reading in = reading_of(str_slice(text, MAGIC_BYTES, text.length - sizeof(hash)));
    uint64_t serial = take_varint(&in), count = take_varint(&in);
    struct deletion_set *set = set_new(serial, count <= DELETIONS_MAX ? count : 0);
    in.failed = in.failed || count > DELETIONS_MAX;
    while (!in.failed && set->count < count) {
        struct record *record = take_record(&in);
        if (record)
            set->at[set->count++] = record;
    }
    if (in.failed || in.at != in.end) {
        deletion_set_unref(set);
        return err_new(ERR_CORRUPT, "%s makes no sense", path);
    }
    *ret_set = set;
    return NULL;
}

err deletions_open(const char *path, struct deletions **ret_deletions)
{
    struct deletion_set *set = NULL;

    if (file_exists(path)) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(FILE_MAX);
        struct str text;
        TRY(file_read(arena, path, FILE_MAX, &text));
        TRY(parse(path, text, &set));
    }
    struct deletions *deletions = allocate(sizeof(*deletions));
    *deletions = (struct deletions){ .path = strdup(path), .set = set ? set : set_new(0, 0) };
    pthread_mutex_init(&deletions->lock, NULL);
    pthread_mutex_init(&deletions->writing, NULL);
    *ret_deletions = deletions;
    return NULL;
}

void deletions_close(struct deletions *deletions)
{
    if (!deletions)
        return;
    deletion_set_unref(deletions->set);
    pthread_mutex_destroy(&deletions->lock);
    pthread_mutex_destroy(&deletions->writing);
    free(deletions->path);
    free(deletions);
}

const struct deletion_set *deletions_now(struct deletions *deletions)
{
    pthread_mutex_lock(&deletions->lock);
    struct deletion_set *set = deletions->set;
    atomic_fetch_add(&set->references, 1);
    pthread_mutex_unlock(&deletions->lock);
    return set;
}

uint64_t deletions_serial(struct deletions *deletions)
{
    pthread_mutex_lock(&deletions->lock);
    uint64_t serial = deletions->set->serial;
    pthread_mutex_unlock(&deletions->lock);
    return serial;
}

static void show(struct deletions *deletions, struct deletion_set *set)
{
    pthread_mutex_lock(&deletions->lock);
    struct deletion_set *old = deletions->set;
    deletions->set = set;
    pthread_mutex_unlock(&deletions->lock);
    deletion_set_unref(old);
}

void deletions_reach(struct deletions *deletions, uint64_t serial)
{
    pthread_mutex_lock(&deletions->lock);
    if (deletions->set->serial < serial)
        deletions->set->serial = serial;
    pthread_mutex_unlock(&deletions->lock);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static err add_locked(struct deletions *deletions, const uint32_t *series, size_t count, int64_t start_ms,
                      int64_t end_ms)
{
    const struct deletion_set *old = deletions->set; /* nobody else changes it */

    if (old->count >= DELETIONS_MAX)
        return err_hint(err_new(ERR_TOO_LARGE, "%s has %d deletions already", deletions->path, DELETIONS_MAX),
                        "Clean the tombstones, then delete again.");
    struct deletion_set *set = set_new(old->serial + 1, old->count + 1);
    for (; set->count < old->count; set->count++)
        set->at[set->count] = record_ref(old->at[set->count]);
    struct record *record = record_new(set->serial, start_ms, end_ms, count);
    memcpy(record->series, series, count * sizeof(*series));
    qsort(record->series, count, sizeof(*series), by_number);
    set->at[set->count++] = record;
    err e = save(deletions->path, set);
    if (e)
        deletion_set_unref(set);
    else
        show(deletions, set);
    return e;
}

err deletions_add(struct deletions *deletions, const uint32_t *series, size_t count, int64_t start_ms, int64_t end_ms)
{
    pthread_mutex_lock(&deletions->writing);
    err e = add_locked(deletions, series, count, start_ms, end_ms);
    pthread_mutex_unlock(&deletions->writing);
    return e;
}

static err forget_locked(struct deletions *deletions, bool (*needed)(void *, const struct deletion *), void *arg)
{
    const struct deletion_set *old = deletions->set;
    struct deletion_set *set = set_new(old->serial, old->count);

    for (size_t i = 0; i < old->count; i++)
        if (needed(arg, &old->at[i]->deletion))
            set->at[set->count++] = record_ref(old->at[i]);
    err e = set->count < old->count ? save(deletions->path, set) : NULL;
    if (e)
        deletion_set_unref(set);
    else
        show(deletions, set);
    return e;
}

err deletions_forget(struct deletions *deletions, bool (*needed)(void *, const struct deletion *), void *arg)
{
    pthread_mutex_lock(&deletions->writing);
    err e = forget_locked(deletions, needed, arg);
    pthread_mutex_unlock(&deletions->writing);
    return e;
}

const struct deletion *deletion_set_next(const struct deletion_set *set, const struct deletion *after, uint32_t series,
                                         uint64_t serial)
{
    uint64_t behind = after ? after->serial : serial;

    for (size_t i = 0; i < set->count; i++) {
        const struct deletion *deletion = &set->at[i]->deletion;
        if (deletion->serial > behind && deletion->serial > serial &&
            bsearch(&series, deletion->series, deletion->count, sizeof(series), by_number))
            return deletion;
    }
    return NULL;
}

const struct deletion *deletion_set_after(const struct deletion_set *set, const struct deletion *after)
{
    for (size_t i = 0; i < set->count; i++)
        if (!after || set->at[i]->deletion.serial > after->serial)
            return &set->at[i]->deletion;
    return NULL;
}

uint64_t deletion_set_serial(const struct deletion_set *set)
{
    return set->serial;
}

bool deletion_touches(const struct deletion_set *set, uint32_t series, uint64_t serial, int64_t first_ms,
                      int64_t last_ms)
{
    for (const struct deletion *it = NULL; (it = deletion_set_next(set, it, series, serial));)
        if (first_ms <= it->end_ms && last_ms >= it->start_ms)
            return true;
    return false;
}
