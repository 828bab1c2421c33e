/* blocks_driver.c - blocks written, deleted from, merged and cleaned for test_blocks.py to kill.
 *
 * usage: blocks_driver FOLDER run|check. What an operation does follows from its number alone; a journal beside the
 * blocks says which began and which ended. At each start all that ended must be there and the one that did not must
 * have happened wholly or not at all. Ends with 3 where an operation failed. */
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "tsdb/block.h"
#include "tsdb/chunk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERIES = 8, SLOTS = 600, SLOT_MS = 60000 };
enum kind { WRITE, DELETE, MAINTAIN, CLEAN };

struct world {
    double at[SERIES][SLOTS];
};

static struct blocks *blocks;
static int journal;

static void fail(const char *what, long long number)
{
    fprintf(stderr, "blocks_driver: %s, operation %lld\n", what, number);
    exit(1);
}

static void check(err e)
{
    if (!e)
        return;
    log_err(e, "driver");
    exit(1);
}

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

static uint64_t seed_of(long long number)
{
    uint64_t seed = (uint64_t)number * 0x9e3779b97f4a7c15 + 1;

    draw(&seed, 2);
    return seed;
}

static enum kind kind_of(long long number)
{
    uint64_t seed = seed_of(number), turn = draw(&seed, 10);

    return turn < 6 ? WRITE : turn < 7 ? DELETE : turn < 9 ? MAINTAIN : CLEAN;
}

struct span {
    uint32_t first_series, last_series;
    size_t from, to;
};

static struct span span_of(long long number)
{
    uint64_t seed = seed_of(number) ^ 77;
    struct span span = { .first_series = (uint32_t)draw(&seed, SERIES) };

    span.last_series = span.first_series + (uint32_t)draw(&seed, SERIES - span.first_series);
    span.from = draw(&seed, SLOTS - 1);
    span.to = span.from + 1 + draw(&seed, SLOTS - span.from - 1);
    return span;
}

/* What an operation does to the world. */
static void imagine(struct world *world, long long number)
{
    struct span span = span_of(number);
    enum kind kind = kind_of(number);

    if (kind == MAINTAIN || kind == CLEAN)
        return;
    for (uint32_t series = span.first_series; series <= span.last_series; series++)
        for (size_t slot = span.from; slot < span.to; slot++)
            world->at[series][slot] = kind == WRITE ? (double)number : NAN;
}

static err write_block(long long number)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str path = blocks_next_path(blocks, arena);
    struct block_options options = { .deletions = blocks_deletions(blocks) };
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct span span = span_of(number);
    struct block_writer *writer;
    int64_t times[SLOTS];
    double values[SLOTS];
    struct samples samples = { .times = times, .values = values, .count = span.to - span.from };

    buf_init(&chunk, 1 << 20);
    for (size_t i = 0; i < samples.count; i++) {
        times[i] = (int64_t)(span.from + i) * SLOT_MS;
        values[i] = (double)number;
    }
    chunk_encode(&chunk, &samples);
    TRY(block_create(path.at, &options, &writer));
    for (uint32_t series = span.first_series; series <= span.last_series; series++) {
        struct label label = { S("__name__"), str_printf(arena, "metric_%u", series) };
        err e = block_add_series(writer, series, (struct labels){ &label, 1 });
        if (!e)
            e = block_add_chunk(writer, buf_str(&chunk));
        if (e) {
            block_abandon(writer);
            return e;
        }
    }
    TRY(block_publish(writer));
    return blocks_add(blocks, path.at);
}

static err delete_span(long long number)
{
    struct span span = span_of(number);
    uint32_t series[SERIES];
    size_t count = 0;

    for (uint32_t it = span.first_series; it <= span.last_series; it++)
        series[count++] = it;
    return blocks_delete(blocks, series, count, (int64_t)span.from * SLOT_MS, (int64_t)(span.to - 1) * SLOT_MS);
}

static err operate(long long number)
{
    /* Nothing is older than retention, an eighth of which is less than what some blocks span. */
    const struct blocks_policy policy = { .now_ms = (int64_t)SLOTS * SLOT_MS,
                                          .retention_ms = (int64_t)SLOTS * SLOT_MS + (number % 2 ? 1 : 1LL << 40) };

    switch (kind_of(number)) {
    case WRITE:
        return write_block(number);
    case DELETE:
        return delete_span(number);
    case MAINTAIN:
        return blocks_maintain(blocks, &policy);
    case CLEAN:
        return blocks_clean(blocks);
    }
    return NULL;
}

static err collect(void *arg, struct str chunk)
{
    double *slots = arg;
    struct columns columns CLEANUP(columns_clear) = { 0 };

    TRY(chunk_decode(chunk, NULL, &columns));
    for (size_t i = 0; i < columns.count; i++)
        slots[columns.times[i] / SLOT_MS] = columns.values[i];
    return NULL;
}

static void read_world(struct world *world)
{
    struct blocks_view *view = blocks_view(blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);

    for (uint32_t series = 0; series < SERIES; series++)
        check(blocks_chunks(cursor, series, INT64_MIN, INT64_MAX, collect, world->at[series]));
    blocks_cursor_free(cursor);
    blocks_view_free(view);
}

static void empty(struct world *world)
{
    for (size_t i = 0; i < SERIES; i++)
        for (size_t slot = 0; slot < SLOTS; slot++)
            world->at[i][slot] = NAN;
}

static bool same(const struct world *a, const struct world *b)
{
    for (size_t i = 0; i < SERIES; i++)
        for (size_t slot = 0; slot < SLOTS; slot++)
            if (!(isnan(a->at[i][slot]) ? isnan(b->at[i][slot]) : a->at[i][slot] == b->at[i][slot]))
                return false;
    return true;
}

static void note(char what, long long number)
{
    char line[40];
    int length = snprintf(line, sizeof(line), "%c %lld\n", what, number);

    if (write(journal, line, (size_t)length) != length)
        exit(1);
}

/* What the journal says: the world of all that ended, and the operation that began and did not; 0 where there is none.
 */
static long long replay(const char *path, struct world *world, long long *ret_last)
{
    FILE *file = fopen(path, "r");
    long long number, open = 0;
    char what;

    *ret_last = 0;
    empty(world);
    while (file && fscanf(file, "%c %lld\n", &what, &number) == 2) {
        open = what == 'B' ? number : 0;
        *ret_last = number;
        if (what == 'E')
            imagine(world, number);
    }
    if (file)
        fclose(file);
    return open;
}

/* All that ended is there, and what did not is so wholly or not at all. */
static long long verify(const char *path)
{
    static struct world ended, with, found;
    long long last, open = replay(path, &ended, &last);

    with = ended;
    empty(&found);
    read_world(&found);
    if (open)
        imagine(&with, open);
    if (!same(&found, &ended) && !same(&found, &with))
        fail("what was acknowledged is not there", last);
    if (open)
        note(same(&found, &with) ? 'E' : 'S', open);
    return last;
}

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(1 << 20);
    struct str_list bad;

    if (argc != 3)
        return 2;
    check(failpoints_setup(getenv("AUSPEX_FAILPOINTS")));
    const char *path = str_printf(arena, "%s/journal", argv[1]).at;
    journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    check(blocks_open(str_printf(arena, "%s/blocks", argv[1]).at, arena, &bad, &blocks));
    if (bad.count)
        fail("a block is damaged", 0);
    long long number = verify(path);
    while (!strcmp(argv[2], "run")) {
        note('B', ++number);
        err e = operate(number);
        if (e) {
            err_free(e);
            exit(3);
        }
        note('E', number);
    }
    printf("%lld\n", number);
    blocks_close(blocks);
    arena_free(arena);
    return 0;
}
