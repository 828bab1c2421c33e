/* recover_test.c - what a head was it is again, from a snapshot, from the log, and from what is left of damaged ones.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/test.h"
#include "model/histogram.h"
#include "tsdb/head_snapshot.h"
#include "tsdb/recover.h"
#include "tsdb/room.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- heads as text ---- */

struct shown {
    struct buf text;
    struct arena *arena;
    struct columns columns; /* of the series that is shown */
};

/* How samples are cut into chunks is nobody's business. */
static void show_samples(struct shown *shown)
{
    struct columns *columns = &shown->columns;

    columns_settle(columns, 0);
    for (size_t i = 0; i < columns->count; i++)
        if (columns->histograms && columns->histograms[i])
            buf_addf(&shown->text, " %" PRId64 " h%g\n", columns->times[i], columns->histograms[i]->count);
        else
            buf_addf(&shown->text, " %" PRId64 " %.17g %" PRId64 "\n", columns->times[i], columns->values[i],
                     columns->starts ? columns->starts[i] : 0);
    columns_reset(columns);
}

static err show_series(void *arg, uint32_t series, struct labels labels)
{
    struct shown *shown = arg;

    show_samples(shown);
    buf_addf(&shown->text, "%u ", series);
    labels_write_series(&shown->text, labels);
    buf_add_c(&shown->text, '\n');
    return NULL;
}

static err show_chunk(void *arg, struct str chunk, bool sealed)
{
    struct shown *shown = arg;

    (void)sealed;
    return chunk_decode(chunk, shown->arena, &shown->columns);
}

static err show_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    buf_addf(&((struct shown *)arg)->text, "exemplar %u %" PRId64 " %g\n", series, exemplar->time_ms, exemplar->value);
    return NULL;
}

static err show_meta(void *arg, const struct metric_meta *meta)
{
    buf_addf(&((struct shown *)arg)->text, "meta %.*s %.*s\n", STR_ARG(meta->name), STR_ARG(meta->help));
    return NULL;
}

static struct str text_of(struct arena *arena, struct head *head)
{
    struct shown shown = { .arena = arena };
    const struct head_visitor visitor = { &shown, show_series, show_chunk };

    buf_init(&shown.text, 1 << 28);
    ASSERT_OK(head_visit(head, false, &visitor));
    show_samples(&shown);
    columns_clear(&shown.columns);
    ASSERT_OK(head_visit_exemplars(head, show_exemplar, &shown));
    ASSERT_OK(head_visit_metas(head, show_meta, &shown));
    struct str text = str_copy(arena, buf_str(&shown.text));
    buf_clear(&shown.text);
    return text;
}

/* ---- a head with something of everything, and its log ---- */

enum { SERIES = 300 };

static struct labels labels_of(struct arena *arena, uint32_t series)
{
    struct label *items = arena_array(arena, 2, sizeof(*items));

    items[0] = (struct label){ S("__name__"), S("m") };
    items[1] = (struct label){ S("s"), str_printf(arena, "%u", series) };
    return (struct labels){ items, 2 };
}

/* A head in the making, and the same to the log, as requests do. */
struct made {
    struct head *head;
    struct wal *wal;
    struct wal_batch batch;
    struct arena *arena;
};

static struct made make_head(struct arena *arena)
{
    struct made made = { .head = head_new(), .arena = arena };

    log_setup(LOG_ERROR, LOG_LOGFMT);
    wal_batch_init(&made.batch);
    ASSERT_OK(wal_open(str_printf(arena, "%s/wal", test_folder()).at, 1000, &made.wal));
    for (uint32_t series = 1; series <= SERIES; series++) {
        ASSERT_OK(head_restore_series(made.head, series, labels_of(arena, series)));
        wal_batch_series(&made.batch, series, labels_of(arena, series));
    }
    return made;
}

static void add_float(struct made *made, uint32_t series, int64_t time_ms, double value)
{
    int64_t start_ms = series % 7 == 0 ? 1000 : 0;

    ASSERT_OK(head_restore_float(made->head, series, time_ms, start_ms, value));
    wal_batch_float(&made->batch, series, time_ms, start_ms, value);
}

static void add_rounds(struct made *made, int64_t from, int64_t to)
{
    static const struct histogram histogram = { .count = 3, .sum = 5, .zero_count = 3 };
    const struct label trace[] = { { S("trace_id"), S("x") } };

    for (int64_t round = from; round < to; round++) {
        for (uint32_t series = 1; series <= SERIES; series++)
            add_float(made, series, (1000 + round) * 15000, (double)round * series / 10);
        add_float(made, 5, (1000 + round) * 15000 - 40000, 0.5); /* late */
        ASSERT_OK(head_restore_histogram(made->head, 9, (1000 + round) * 15000 + 1, 0, &histogram));
        wal_batch_histogram(&made->batch, 9, (1000 + round) * 15000 + 1, 0, &histogram);
        ASSERT_OK(wal_write(made->wal, &made->batch));
        wal_batch_reset(&made->batch);
    }
    const struct exemplar exemplar = { { trace, 1 }, to * 15000, 1 };
    const struct metric_meta meta = { S("m"), S("What m is."), S(""), KIND_GAUGE };
    ASSERT_OK(head_restore_exemplar(made->head, 3, &exemplar));
    head_restore_meta(made->head, &meta);
    wal_batch_exemplar(&made->batch, 3, &exemplar);
    wal_batch_meta(&made->batch, &meta);
    ASSERT_OK(wal_write(made->wal, &made->batch));
    wal_batch_reset(&made->batch);
}

static void made_end(struct made *made)
{
    wal_close(made->wal);
    wal_batch_clear(&made->batch);
    head_free(made->head);
}

static void free_head(struct head **head)
{
    head_free(*head);
}

static void free_blocks(struct blocks **blocks)
{
    blocks_close(*blocks);
}

/* recover_folder - what a start would find; the result's texts are in the arena. */
static struct recovery recover_folder(struct arena *arena, struct head **ret_head)
{
    struct blocks *blocks CLEANUP(free_blocks) = NULL;
    struct recovery recovery = { .snapshot = str_printf(arena, "%s/head.snapshot", test_folder()).at, .arena = arena };
    struct str_list bad;

    *ret_head = recovery.head = head_new();
    ASSERT_OK(blocks_open(str_printf(arena, "%s/blocks", test_folder()).at, arena, &bad, &blocks));
    ASSERT_OK(wal_open(str_printf(arena, "%s/wal", test_folder()).at, 1000, &recovery.wal));
    recovery.blocks = blocks;
    ASSERT_OK(recover(&recovery));
    wal_close(recovery.wal);
    return recovery;
}

static const char *snapshot_path(struct arena *arena)
{
    return str_printf(arena, "%s/head.snapshot", test_folder()).at;
}

TEST(recovery_from_the_log_alone_gives_the_same_head)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct head *head CLEANUP(free_head) = NULL;
    struct made made = make_head(arena);

    add_rounds(&made, 0, 150);
    ASSERT_OK(wal_sync(made.wal));
    struct recovery recovery = recover_folder(arena, &head);
    ASSERT_EQ_INT(0, recovery.set_aside.count);
    ASSERT_EQ_INT(SERIES, recovery.series);
    ASSERT_TRUE(str_eq(text_of(arena, made.head), text_of(arena, head)));
    made_end(&made);
}

TEST(recovery_from_a_snapshot_and_the_log_behind_it_gives_the_same_head)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct head *head CLEANUP(free_head) = NULL;
    struct made made = make_head(arena);
    uint64_t segment;

    add_rounds(&made, 0, 150);
    ASSERT_OK(wal_rotate(made.wal, &segment));
    add_rounds(&made, 150, 160); /* is in both */
    ASSERT_OK(head_snapshot_write(made.head, snapshot_path(arena), segment));
    ASSERT_OK(wal_forget(made.wal, segment));
    add_rounds(&made, 160, 170);
    ASSERT_OK(wal_sync(made.wal));
    struct recovery recovery = recover_folder(arena, &head);
    ASSERT_EQ_INT(0, recovery.set_aside.count);
    ASSERT_TRUE(str_eq(text_of(arena, made.head), text_of(arena, head)));
    made_end(&made);
}

/* Each byte of the groups would take long; a few hundred places of a file of several groups do. */
TEST(recovery_uses_what_is_good_of_a_damaged_snapshot)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct made made = make_head(arena);
    const char *path = snapshot_path(arena), *bad = str_printf(arena, "%s.bad", path).at;
    struct str whole;
    uint64_t segment, seed = 3;

    log_setup(LOG_ERROR + 1, LOG_LOGFMT);
    add_rounds(&made, 0, 40);
    ASSERT_OK(wal_rotate(made.wal, &segment));
    ASSERT_OK(head_snapshot_write(made.head, path, segment));
    ASSERT_OK(wal_forget(made.wal, segment));
    add_rounds(&made, 40, 41);
    ASSERT_OK(wal_sync(made.wal));
    ASSERT_OK(file_read(arena, path, 1 << 26, &whole));
    for (int i = 0; i < 60; i++) {
        struct head *head CLEANUP(free_head) = NULL;
        char *bytes = str_c(arena, whole);
        size_t at = i < 20 ? (size_t)i : (size_t)(test_uniform(&seed) * (double)whole.length);
        memcpy(bytes, whole.at, whole.length);
        bytes[at] ^= 4;
        ASSERT_OK(file_write(path, (struct str){ bytes, i % 5 == 4 ? at + 1 : whole.length }, 0600));
        struct recovery recovery = recover_folder(arena, &head);
        ASSERT_TRUE(recovery.set_aside.count > 0);
        ASSERT_STR(bad, recovery.set_aside.at[0]);
        ASSERT_TRUE(file_exists(bad) && file_exists(path));
    }
    made_end(&made);
}

TEST(recovery_counts_samples_of_series_that_nobody_knows)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct head *head CLEANUP(free_head) = NULL;
    struct wal_batch batch CLEANUP(wal_batch_clear);
    struct wal *wal = NULL;

    log_setup(LOG_ERROR + 1, LOG_LOGFMT);
    wal_batch_init(&batch);
    ASSERT_OK(wal_open(str_printf(arena, "%s/wal", test_folder()).at, 1000, &wal));
    wal_batch_series(&batch, 2, labels_of(arena, 2));
    wal_batch_float(&batch, 2, 1000, 0, 1);
    wal_batch_float(&batch, 77, 1000, 0, 1);
    ASSERT_OK(wal_write(wal, &batch));
    wal_close(wal);
    struct recovery recovery = recover_folder(arena, &head);
    ASSERT_EQ_INT(1, recovery.lost);
    ASSERT_EQ_INT(1, recovery.samples);
}
