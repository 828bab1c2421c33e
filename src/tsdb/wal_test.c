/* wal_test.c - what was written is replayed, whatever happens to the file or the disk. */
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/test.h"
#include "model/histogram.h"
#include "tsdb/wal_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a replay said, a line an item. */
struct heard {
    struct buf text;
    size_t items;
};

static err hear_series(void *arg, uint32_t series, struct labels labels)
{
    struct heard *heard = arg;

    buf_addf(&heard->text, "series %u ", series);
    labels_write_series(&heard->text, labels);
    buf_add_c(&heard->text, '\n');
    heard->items++;
    return NULL;
}

static err hear_sample(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    struct heard *heard = arg;
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    buf_addf(&heard->text, "%u %" PRId64 " %" PRId64 " %016" PRIx64 "\n", series, time_ms, start_ms, bits);
    heard->items++;
    return NULL;
}

static void hear_side(struct heard *heard, const struct histogram_side *side)
{
    for (size_t i = 0; i < side->span_count; i++)
        buf_addf(&heard->text, " %d+%u", side->spans[i].offset, side->spans[i].length);
    for (size_t i = 0; i < side->count; i++)
        buf_addf(&heard->text, " %g", side->counts[i]);
    buf_add_c(&heard->text, ';');
}

static err hear_histogram(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, const struct histogram *h)
{
    struct heard *heard = arg;

    buf_addf(&heard->text, "histogram %u %" PRId64 " %" PRId64 " %d %d %d %g %g %g %g", series, time_ms, start_ms,
             h->schema, (int)h->hint, h->integral, h->zero_threshold, h->zero_count, h->count, h->sum);
    hear_side(heard, &h->positive);
    hear_side(heard, &h->negative);
    for (size_t i = 0; i < h->bound_count; i++)
        buf_addf(&heard->text, " %g", h->bounds[i]);
    buf_add_c(&heard->text, '\n');
    heard->items++;
    return NULL;
}

static err hear_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    struct heard *heard = arg;

    buf_addf(&heard->text, "exemplar %u %" PRId64 " %g ", series, exemplar->time_ms, exemplar->value);
    labels_write(&heard->text, exemplar->labels);
    buf_add_c(&heard->text, '\n');
    heard->items++;
    return NULL;
}

static err hear_meta(void *arg, const struct metric_meta *meta)
{
    struct heard *heard = arg;

    buf_addf(&heard->text, "meta %.*s %.*s %.*s %s\n", STR_ARG(meta->name), STR_ARG(meta->help), STR_ARG(meta->unit),
             metric_kind_name(meta->kind));
    heard->items++;
    return NULL;
}

static err hear_drop(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    struct heard *heard = arg;

    buf_addf(&heard->text, "drop %u %" PRId64 " %" PRId64 "\n", series, start_ms, end_ms);
    heard->items++;
    return NULL;
}

static struct wal_reader listener(struct heard *heard)
{
    return (struct wal_reader){ .arg = heard,
                                .series = hear_series,
                                .sample = hear_sample,
                                .histogram = hear_histogram,
                                .exemplar = hear_exemplar,
                                .meta = hear_meta,
                                .drop = hear_drop };
}

/* replay - what a folder's log says; returns how many files were set aside. */
static size_t replay(const char *folder, uint64_t from, struct heard *heard)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct wal_reader reader = listener(heard);
    struct str_list bad = { 0 };
    struct wal *wal = NULL;

    buf_init(&heard->text, 1 << 26);
    heard->items = 0;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    ASSERT_OK(wal_open(folder, 1000, &wal));
    ASSERT_OK(wal_replay(wal, from, &reader, &bad, arena));
    wal_close(wal);
    return bad.count;
}

static void heard_clear(struct heard *heard)
{
    buf_clear(&heard->text);
}

static err write_float(struct wal *wal, uint32_t series, int64_t time_ms, double value)
{
    struct wal_batch batch;

    wal_batch_init(&batch);
    wal_batch_float(&batch, series, time_ms, 0, value);
    err e = wal_write(wal, &batch);
    wal_batch_clear(&batch);
    return e;
}

static struct str path_of(struct arena *arena, const char *name)
{
    return str_printf(arena, "%s/%s", test_folder(), name);
}

TEST(wal_replays_what_was_written)
{
    static const struct label up[] = { { S("__name__"), S("up") }, { S("job"), S("node") } };
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct wal_batch batch CLEANUP(wal_batch_clear);
    struct wal *wal = NULL;

    wal_batch_init(&batch);
    wal_batch_series(&batch, 7, (struct labels){ up, 2 });
    wal_batch_float(&batch, 7, 1700000000000, 0, 1);
    wal_batch_float(&batch, 8, 1700000000000, 1600000000000, -0.1);
    wal_batch_delete(&batch, 7, INT64_MIN, 1700000000000);
    ASSERT_OK(wal_open(test_folder(), 200, &wal));
    ASSERT_OK(wal_write(wal, &batch));
    wal_close(wal);
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_STR("series 7 up{job=\"node\"}\n"
               "7 1700000000000 0 3ff0000000000000\n"
               "8 1700000000000 1600000000000 bfb999999999999a\n"
               "drop 7 -9223372036854775808 1700000000000\n",
               buf_str(&heard.text));
}

/* ---- the same items to a batch and to what is expected ---- */

struct both {
    struct wal_batch batch;
    struct heard heard;
    uint64_t seed;
};

static uint32_t draw(struct both *both, uint32_t below)
{
    return (uint32_t)(test_uniform(&both->seed) * below);
}

static double draw_value(struct both *both)
{
    static const double odd[] = { 0, -0.0, INFINITY, -INFINITY, NAN, 1e308, 5e-324 };

    switch (draw(both, 4)) {
    case 0:
        return draw(both, 1000);
    case 1:
        return test_normal(&both->seed);
    case 2:
        return value_stale();
    default:
        return odd[draw(both, ARRAY_LEN(odd))];
    }
}

static void add_some_histogram(struct both *both, uint32_t series, int64_t time_ms, int64_t start_ms)
{
    static const struct histogram_span spans[] = { { -2, 1 }, { 3, 2 } }, within[] = { { 0, 1 }, { 1, 2 } };
    static const double whole[] = { 1, 5, 2 }, broken[] = { 1, 0.5, NAN }, bounds[] = { 0.5, 1, 7 };
    bool custom = draw(both, 2);
    struct histogram_side side = { custom ? within : spans, 2, draw(both, 2) ? whole : broken, 3 };
    struct histogram histogram = {
        .schema = custom ? HISTOGRAM_CUSTOM : -4,
        .hint = (enum counter_reset)draw(both, 4),
        .integral = draw(both, 2),
        .zero_threshold = custom ? 0 : 1e-128,
        .zero_count = custom ? 0 : draw(both, 3) / 2.0,
        .count = draw(both, 1 << 30),
        .sum = draw_value(both),
    };

    if (draw(both, 2))
        histogram.positive = side;
    if (!custom && draw(both, 2))
        histogram.negative = side;
    if (custom)
        histogram.bounds = bounds, histogram.bound_count = 3;
    wal_batch_histogram(&both->batch, series, time_ms, start_ms, &histogram);
    ASSERT_OK(hear_histogram(&both->heard, series, time_ms, start_ms, &histogram));
}

static void add_rare(struct both *both, uint32_t series, int64_t time_ms)
{
    char text[40];
    snprintf(text, sizeof(text), "value %u", draw(both, 1000));
    const struct label items[] = { { S("a"), str_of(text) }, { S("b"), S("") } };
    const struct labels labels = { items, draw(both, 3) };
    const struct exemplar exemplar = { labels, time_ms, draw(both, 100) };
    const struct metric_meta meta = { str_of(text), S("help\n"), S(""), (enum metric_kind)draw(both, 8) };

    switch (draw(both, 4)) {
    case 0:
        wal_batch_series(&both->batch, series, labels);
        ASSERT_OK(hear_series(&both->heard, series, labels));
        break;
    case 1:
        wal_batch_exemplar(&both->batch, series, &exemplar);
        ASSERT_OK(hear_exemplar(&both->heard, series, &exemplar));
        break;
    case 2:
        wal_batch_meta(&both->batch, &meta);
        ASSERT_OK(hear_meta(&both->heard, &meta));
        break;
    default:
        wal_batch_delete(&both->batch, series, time_ms, INT64_MAX);
        ASSERT_OK(hear_drop(&both->heard, series, time_ms, INT64_MAX));
    }
}

static void add_items(struct both *both, size_t count)
{
    uint32_t series = draw(both, 2) ? draw(both, 100) : UINT32_MAX - 50;
    int64_t time_ms = draw(both, 9) ? (int64_t)draw(both, 1 << 30) * 1000 : INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        uint32_t kind = draw(both, 12);
        int64_t start_ms = draw(both, 5) ? 0 : (int64_t)((uint64_t)time_ms - draw(both, 100000));
        if (kind > 9)
            add_rare(both, series, time_ms);
        else if (kind == 9)
            add_some_histogram(both, series, time_ms, start_ms);
        else {
            double value = draw_value(both);
            wal_batch_float(&both->batch, series, time_ms, start_ms, value);
            ASSERT_OK(hear_sample(&both->heard, series, time_ms, start_ms, value));
        }
        series += draw(both, 3) ? 1 : draw(both, 1000);
        if (!draw(both, 4))
            time_ms = (int64_t)((uint64_t)time_ms + draw(both, 40000) - 20000);
    }
}

TEST(wal_replays_any_items_over_restarts)
{
    struct both both = { .seed = 42 };
    struct heard heard CLEANUP(heard_clear) = { 0 };

    buf_init(&both.heard.text, 1 << 26);
    wal_batch_init(&both.batch);
    for (int life = 0; life < 4; life++) {
        struct wal *wal = NULL;
        ASSERT_OK(wal_open(test_folder(), life % 2 ? 0 : 5, &wal));
        for (int i = 0; i < 50; i++) {
            wal_batch_reset(&both.batch);
            add_items(&both, draw(&both, 60));
            ASSERT_OK(wal_write(wal, &both.batch));
        }
        wal_close(wal);
    }
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_EQ_INT(both.heard.items, heard.items);
    ASSERT_TRUE(str_eq(buf_str(&both.heard.text), buf_str(&heard.text)));
    wal_batch_clear(&both.batch);
    heard_clear(&both.heard);
}

/* ---- damage ---- */

enum { RECORDS = 12 };

/* A segment of so many records, of one float each; where each begins, and the end. */
static struct str make_segment(struct arena *arena, const char *folder, uint64_t begins[RECORDS + 1])
{
    struct wal *wal = NULL;
    struct str bytes;

    ASSERT_OK(wal_open(folder, 1000, &wal));
    for (uint32_t i = 0; i < RECORDS; i++) {
        begins[i] = i ? wal_segment_bytes(wal) : WAL_HEAD_BYTES;
        ASSERT_OK(write_float(wal, i, 1700000000000 + i, i + 0.1));
    }
    begins[RECORDS] = wal_segment_bytes(wal);
    wal_close(wal);
    ASSERT_OK(file_read(arena, str_printf(arena, "%s/00000001", folder).at, 1 << 20, &bytes));
    return bytes;
}

TEST(wal_torn_anywhere_keeps_all_that_is_whole)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str path = path_of(arena, "00000001");
    uint64_t begins[RECORDS + 1];
    struct str whole = make_segment(arena, test_folder(), begins);

    for (size_t length = 0; length <= whole.length; length++) {
        struct heard heard CLEANUP(heard_clear) = { 0 };
        struct stat stat_of;
        size_t complete = 0;
        while (complete < RECORDS && begins[complete + 1] <= length)
            complete++;
        ASSERT_OK(file_write(path.at, str_slice(whole, 0, length), 0600));
        ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
        ASSERT_EQ_INT(complete, heard.items);
        ASSERT_EQ_INT(0, stat(path.at, &stat_of));
        ASSERT_EQ_INT(length < WAL_HEAD_BYTES ? 0 : (int64_t)begins[complete], stat_of.st_size);
    }
}

TEST(wal_goes_on_behind_a_byte_that_changed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str path = path_of(arena, "00000001"), bad_path = path_of(arena, "00000001.bad"), bad;
    uint64_t begins[RECORDS + 1];
    struct str whole = make_segment(arena, test_folder(), begins);
    size_t hit = 0;

    for (size_t at = WAL_HEAD_BYTES; at < begins[RECORDS - 1]; at++) {
        struct heard heard CLEANUP(heard_clear) = { 0 };
        char *copy = str_c(arena, whole);
        memcpy(copy, whole.at, whole.length);
        copy[at] ^= 0x20;
        while (begins[hit + 1] <= at)
            hit++;
        ASSERT_OK(file_write(path.at, (struct str){ copy, whole.length }, 0600));
        ASSERT_EQ_INT(1, replay(test_folder(), 0, &heard));
        ASSERT_EQ_INT(RECORDS - 1, heard.items);
        ASSERT_FALSE(str_contains(buf_str(&heard.text), str_printf(arena, "%zu %zu 0", hit, 1700000000000 + hit)));
        ASSERT_OK(file_read(arena, bad_path.at, 1 << 20, &bad));
        ASSERT_EQ_INT(begins[hit + 1] - begins[hit], bad.length);
    }
}

TEST(wal_takes_no_record_for_its_own_that_stands_elsewhere)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct str path = path_of(arena, "00000001");
    uint64_t begins[RECORDS + 1];
    struct str whole = make_segment(arena, test_folder(), begins);

    /* The last record once more behind itself: a block of the disk that was used before. */
    char *bytes = arena_alloc(arena, whole.length * 2);
    memcpy(bytes, whole.at, whole.length);
    memcpy(bytes + whole.length, whole.at + begins[RECORDS - 1], whole.length - begins[RECORDS - 1]);
    struct str twice = { bytes, 2 * whole.length - begins[RECORDS - 1] };
    ASSERT_OK(file_write(path.at, twice, 0600));
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_EQ_INT(RECORDS, heard.items);
    /* And a whole segment under another number. */
    heard_clear(&heard);
    ASSERT_OK(file_write(path_of(arena, "00000002").at, whole, 0600));
    ASSERT_EQ_INT(0, replay(test_folder(), 2, &heard));
    ASSERT_EQ_INT(0, heard.items);
}

/* What a power cut may leave of what was not synced: sectors that are old, empty, or of another file; or no tail. */
static void cut_power(struct both *both, char *bytes, size_t *length, size_t synced)
{
    size_t from = synced, size = *length;

    while (from < size) {
        size_t to = from / 512 * 512 + 512 < size ? from / 512 * 512 + 512 : size;
        switch (draw(both, 4)) {
        case 0:
            memset(bytes + from, 0, to - from);
            break;
        case 1: /* what stood elsewhere in this log */
            memmove(bytes + from, bytes + draw(both, (uint32_t)(size - (to - from))), to - from);
            break;
        default:
            break;
        }
        from = to;
    }
    if (draw(both, 2))
        *length = synced + draw(both, (uint32_t)(size - synced + 1));
}

TEST(wal_has_all_that_was_synced_after_a_power_cut_and_invents_nothing)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct both both = { .seed = 7 };
    struct str path = path_of(arena, "log/00000001"), folder = path_of(arena, "log"), whole;
    struct wal *wal = NULL;
    size_t synced_bytes[8], synced_items[8], points = 0, lost = 0;

    buf_init(&both.heard.text, 1 << 26);
    wal_batch_init(&both.batch);
    ASSERT_OK(wal_open(folder.at, 3600000, &wal));
    for (int i = 0; i < 80; i++) {
        wal_batch_reset(&both.batch);
        add_items(&both, 1 + draw(&both, 20));
        ASSERT_OK(wal_write(wal, &both.batch));
        if (i % 10 != 5)
            continue;
        ASSERT_OK(wal_sync(wal));
        synced_bytes[points] = wal_segment_bytes(wal);
        synced_items[points++] = both.heard.text.length;
    }
    wal_close(wal);
    ASSERT_OK(file_read(arena, path.at, 1 << 24, &whole));
    char *bytes = arena_alloc(arena, whole.length);
    for (int cut = 0; cut < 150; cut++) {
        struct heard heard CLEANUP(heard_clear) = { 0 };
        size_t length = whole.length, point = (size_t)cut % points, line = 0;
        memcpy(bytes, whole.at, whole.length);
        cut_power(&both, bytes, &length, synced_bytes[point]);
        ASSERT_OK(file_write(path.at, (struct str){ bytes, length }, 0600));
        replay(folder.at, 0, &heard);
        struct str written = buf_str(&both.heard.text), said = buf_str(&heard.text);
        ASSERT_TRUE(str_starts(said, str_slice(written, 0, synced_items[point])));
        lost += said.length < written.length;
        /* What is said beyond that was written, in this order. */
        for (struct str rest = said, one; rest.at;) {
            one = str_cut(rest, '\n', &rest);
            line = str_find(written, one, line);
            ASSERT_TRUE(line != SIZE_MAX);
            line += one.length;
        }
    }
    ASSERT_TRUE(lost > 75);
    wal_batch_clear(&both.batch);
    heard_clear(&both.heard);
}

/* ---- segments ---- */

TEST(wal_forgets_segments_and_never_uses_a_number_again)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct wal *wal = NULL;
    uint64_t segment, again;

    ASSERT_OK(wal_open(test_folder(), 1000, &wal));
    ASSERT_OK(write_float(wal, 1, 1, 1));
    ASSERT_OK(wal_rotate(wal, &segment));
    ASSERT_OK(wal_rotate(wal, &again));
    ASSERT_EQ_INT(segment, again);
    ASSERT_OK(write_float(wal, 2, 2, 2));
    ASSERT_OK(wal_forget(wal, segment));
    ASSERT_FALSE(file_exists(path_of(arena, "00000001").at));
    ASSERT_EQ_INT(wal_bytes(wal), wal_segment_bytes(wal));
    wal_close(wal);
    unlink(path_of(arena, "00000002").at);
    ASSERT_EQ_INT(0, replay(test_folder(), 5, &heard));
    ASSERT_OK(wal_open(test_folder(), 1000, &wal));
    struct str_list bad;
    struct wal_reader reader = listener(&heard);
    ASSERT_OK(wal_replay(wal, 5, &reader, &bad, arena));
    ASSERT_OK(wal_rotate(wal, &segment));
    ASSERT_EQ_INT(5, segment);
    wal_close(wal);
}

/* ---- the disk says no ---- */

TEST(wal_writes_again_what_a_failed_sync_may_have_lost)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct wal *wal = NULL;

    ASSERT_OK(failpoints_setup("wal.sync=error@2,wal.retry=error@1"));
    ASSERT_OK(wal_open(test_folder(), 3600000, &wal));
    ASSERT_OK(write_float(wal, 1, 1, 1));
    ASSERT_OK(wal_sync(wal));
    ASSERT_OK(write_float(wal, 2, 2, 2)); /* acknowledged, for it is with the kernel */
    ASSERT_ERR(ERR_IO, "failpoint wal.sync", wal_sync(wal));
    ASSERT_FALSE(wal_is_well(wal));
    ASSERT_CONTAINS("failpoint wal.sync", wal_trouble(wal, arena));
    ASSERT_ERR(ERR_IO, "failpoint wal.sync", write_float(wal, 3, 3, 3));
    ASSERT_ERR(ERR_IO, "failpoint wal.retry", wal_retry(wal));
    ASSERT_OK(wal_retry(wal));
    ASSERT_TRUE(wal_is_well(wal));
    ASSERT_OK(write_float(wal, 4, 4, 4));
    wal_close(wal);
    /* The file whose sync failed has nothing but what was synced before; the new one has the rest. */
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_STR("1 1 0 3ff0000000000000\n2 2 0 4000000000000000\n4 4 0 4010000000000000\n", buf_str(&heard.text));
    unlink(path_of(arena, "00000001").at);
    heard_clear(&heard);
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_STR("2 2 0 4000000000000000\n4 4 0 4010000000000000\n", buf_str(&heard.text));
}

TEST(wal_cuts_off_a_write_that_failed)
{
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct wal *wal = NULL;

    ASSERT_OK(failpoints_setup("wal.written=error@2"));
    ASSERT_OK(wal_open(test_folder(), 1000, &wal));
    ASSERT_OK(write_float(wal, 1, 1, 1));
    ASSERT_ERR(ERR_IO, "failpoint wal.written", write_float(wal, 2, 2, 2));
    ASSERT_OK(wal_retry(wal));
    ASSERT_OK(write_float(wal, 3, 3, 3));
    wal_close(wal);
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_STR("1 1 0 3ff0000000000000\n3 3 0 4008000000000000\n", buf_str(&heard.text));
}

/* A small disk of this process alone. */
static void mount_small_disk(const char *folder)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("small", folder, "tmpfs", 0, "size=4m") < 0)
        TEST_SKIP("a disk that fills up can't be mounted here");
}

TEST(wal_refuses_while_the_disk_is_full_and_goes_on_by_itself)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct wal *wal = NULL;
    uint32_t acknowledged = 0;
    err e = NULL;

    mount_small_disk(test_folder());
    ASSERT_OK(wal_open(test_folder(), 1000, &wal));
    ASSERT_OK(write_float(wal, acknowledged++, 1, 1));
    int filler CLEANUP(fd_close) = open(path_of(arena, "filler").at, O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ_INT(0, posix_fallocate(filler, 0, (4 << 20) - (64 << 10)));
    while (!(e = write_float(wal, acknowledged, 1, 1)) && acknowledged < 100000)
        acknowledged++;
    ASSERT_ERR(ERR_IO, "No space left", e);
    ASSERT_ERR(ERR_IO, "No space left", wal_retry(wal));
    ASSERT_ERR(ERR_IO, "No space left", write_float(wal, acknowledged, 1, 1));
    ASSERT_EQ_INT(0, ftruncate(filler, 0));
    for (int i = 0; i < 1000 && !wal_is_well(wal); i++)
        usleep(10000);
    ASSERT_OK(write_float(wal, acknowledged++, 1, 1));
    wal_close(wal);
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_EQ_INT(acknowledged, heard.items);
}

/* ---- many at once ---- */

enum { WRITERS = 8, WRITES = 200 };

struct writer {
    struct wal *wal;
    uint32_t number;
};

static void *write_many(void *arg)
{
    const struct writer *writer = arg;

    for (uint32_t i = 0; i < WRITES; i++)
        ASSERT_OK(write_float(writer->wal, writer->number * WRITES + i, i, 1));
    return NULL;
}

TEST(wal_acknowledges_many_with_one_sync)
{
    struct heard heard CLEANUP(heard_clear) = { 0 };
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    struct wal *wal = NULL;
    struct buf shown CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct str rest;
    double syncs = 0;

    ASSERT_OK(wal_open(test_folder(), 0, &wal));
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ wal, i };
        pthread_create(&threads[i], NULL, write_many, &writers[i]);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    wal_close(wal);
    ASSERT_EQ_INT(0, replay(test_folder(), 0, &heard));
    ASSERT_EQ_INT(WRITERS * WRITES, heard.items);
    metrics_write(&shown);
    struct str text = buf_str(&shown), name = S("\nauspex_tsdb_wal_syncs_total ");
    ASSERT_TRUE(str_to_double(str_cut(str_slice(text, str_find(text, name, 0) + name.length, text.length), '\n', &rest),
                              &syncs));
    ASSERT_TRUE(syncs >= 1 && syncs < WRITERS * WRITES / 2);
}
