/* tsdb_driver.c - writers and a busy housekeeper on a real store, for test_tsdb.py to kill; and the check afterwards.
 *
 * usage: tsdb_driver FOLDER SEED run|write|check (write: nobody keeps house). What was acknowledged is noted in
 * FOLDER/acks, a line a write(2), which survives kill -9 without any store. Samples follow from writer, series and
 * round, so that the check knows what must be there, and what may be. */
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "tsdb/room.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 3, SERIES = 30, SAMPLES = 2, ROUNDS_MAX = 100000, WAIT_MS = 20000 };

static const char *folder;
static uint64_t seed;
static struct tsdb *tsdb;
static int acks = -1;
static int64_t acked[WRITERS]; /* rounds 1 to this one are acknowledged */

static void fail(const char *what, err e)
{
    fprintf(stderr, "tsdb_driver: %s: %s\n", what, e ? err_message(e) : "no");
    _exit(1);
}

static void must(const char *what, err e)
{
    if (e)
        fail(what, e);
}

/* The rounds come out of order within blocks of four: some samples are late. */
static int64_t time_of(int64_t round, int64_t sample)
{
    return 1700000000000 + ((round ^ 3) * SAMPLES + sample) * 1000;
}

static double value_of(int64_t writer, int64_t series, int64_t time_ms)
{
    int64_t mixed = (time_ms / 1000 * 31 + series * 7 + writer) % 100000;

    return series % 3 == 0 ? (double)mixed : (double)mixed / (series % 3 == 1 ? 100 : 7);
}

/* The tenth part of the series is new every hundred rounds. */
static struct labels labels_of(struct arena *arena, int64_t writer, int64_t series, int64_t round)
{
    struct label *items = arena_array(arena, 3, sizeof(*items));
    int64_t life = series % 10 ? 0 : round / 100;

    items[0] = (struct label){ S("__name__"), S("crash") };
    items[1] = (struct label){ S("life"), str_printf(arena, "l%" PRId64, life) };
    items[2] = (struct label){ S("series"), str_printf(arena, "%" PRId64 "-%" PRId64, writer, series) };
    return (struct labels){ items, 3 };
}

static err write_round(struct arena *arena, int64_t writer, int64_t round)
{
    struct append *append;

    TRY(append_begin(tsdb, S("driver"), time_mono_ms() + WAIT_MS, &append));
    for (int64_t series = 0; series < SERIES; series++) {
        append_labels(append, labels_of(arena, writer, series, round));
        for (int64_t i = 0; i < SAMPLES; i++) {
            int64_t time_ms = time_of(round, i);
            append_float(append, time_ms, 0, value_of(writer, series, time_ms));
        }
    }
    return append_end(append, NULL);
}

static void *write_rounds(void *arg)
{
    int64_t writer = (int64_t)(intptr_t)arg;
    struct arena *arena = arena_new(1 << 20);

    for (int64_t round = acked[writer] + 1; round < ROUNDS_MAX;) {
        arena_reset(arena);
        err e = write_round(arena, writer, round);
        if (e) { /* the same again, as a sender would */
            err_free(e);
            usleep(1000);
            continue;
        }
        char line[40];
        int length = snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 "\n", writer, round++);
        if (write(acks, line, (size_t)length) != length)
            fail("acks", NULL);
    }
    return NULL;
}

static void read_acks(struct arena *arena)
{
    struct str path = str_printf(arena, "%s/acks", folder), text = { 0 };

    if (file_exists(path.at))
        must("acks", file_read(arena, path.at, 1 << 26, &text));
    for (struct str rest = text, line; rest.at && rest.length;) {
        int64_t writer, round;
        struct str number;
        line = str_cut(rest, '\n', &rest);
        struct str first = str_cut(line, ' ', &number);
        if (rest.at && str_to_i64(first, &writer) && str_to_i64(number, &round) && writer < WRITERS)
            acked[writer] = round;
    }
}

static void open_store(struct arena *arena)
{
    static const struct tsdb_settings settings = { .series_max = 1000000 };
    struct tsdb_settings own = settings;

    own.fsync_interval.ms = seed % 2 ? 5 : 0;
    must("open",
         tsdb_open(&(struct tsdb_options){ .folder = str_printf(arena, "%s/tsdb", folder).at, .settings = &own },
                   &tsdb));
}

static void run(struct arena *arena, bool keep_house)
{
    pthread_t threads[WRITERS];
    uint64_t draws = seed;

    open_store(arena);
    acks = open(str_printf(arena, "%s/acks", folder).at, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (intptr_t i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, write_rounds, (void *)i);
    while (!keep_house)
        pause();
    for (;;) {
        draws = draws * 6364136223846793005u + 1442695040888963407u;
        usleep((unsigned)(draws >> 33) % 6000);
        err_free(disk_flush(tsdb->disk, draws >> 60 > 8));
        err_free(tsdb_maintain(tsdb));
        if (draws >> 40 & 1)
            err_free(tsdb_clean(tsdb));
    }
}

/* ---- the check ---- */

struct found {
    unsigned char *rounds; /* bit of each sample, by writer, series, time */
    uint64_t samples;
};

static size_t place_of(int64_t writer, int64_t series, int64_t time_ms)
{
    return (size_t)((writer * SERIES + series) * (ROUNDS_MAX * SAMPLES) + (time_ms - 1700000000000) / 1000);
}

static void check_series(struct arena *arena, struct found *found, struct labels labels, const struct samples *samples)
{
    struct str name = labels_get(labels, S("series")), number;
    struct str first = str_cut(name, '-', &number);
    int64_t writer, series;

    if (!str_to_i64(first, &writer) || !str_to_i64(number, &series) || writer >= WRITERS || series >= SERIES)
        fail("a series that nobody wrote", NULL);
    for (size_t i = 0; i < samples->count; i++) {
        int64_t time_ms = samples->times[i], round = (time_ms - 1700000000000) / (1000 * SAMPLES) ^ 3;
        if (samples->values[i] != value_of(writer, series, time_ms) || round < 1 || round >= ROUNDS_MAX ||
            !labels_eq(labels, labels_of(arena, writer, series, round)))
            fail("a sample that nobody wrote",
                 err_new(ERR_CORRUPT, "%.*s life %.*s at %" PRId64 ": %.17g", STR_ARG(name),
                         STR_ARG(labels_get(labels, S("life"))), time_ms, samples->values[i]));
        found->rounds[place_of(writer, series, time_ms) / 8] |=
            (unsigned char)(1u << place_of(writer, series, time_ms) % 8);
        found->samples++;
    }
}

static void look_for(const struct found *found, int64_t writer, int64_t round)
{
    for (int64_t series = 0; series < SERIES; series++)
        for (int64_t i = 0; i < SAMPLES; i++) {
            size_t place = place_of(writer, series, time_of(round, i));
            if (!(found->rounds[place / 8] >> place % 8 & 1)) {
                fprintf(stderr,
                        "tsdb_driver: lost: writer %" PRId64 " round %" PRId64 " series %" PRId64 " time %" PRId64 "\n",
                        writer, round, series, time_of(round, i));
                _exit(1);
            }
        }
}

static int check(struct arena *arena)
{
    const struct series_query query = { .start_ms = 0,
                                        .end_ms = INT64_MAX / 4,
                                        .deadline_ms = time_mono_ms() + WAIT_MS };
    struct found found = { .rounds = calloc(1, place_of(WRITERS, 0, 1700000000000) / 8 + 1) };
    struct series_set *set;
    struct tsdb_state state;
    int64_t rounds = 0;

    open_store(arena);
    struct series_source *source = tsdb_source(tsdb);
    must("select", source->ops->open(source, arena, &query, &set));
    for (size_t i = 0; i < set->count; i++) {
        struct samples samples;
        must("read", set->ops->read(set, i, &samples));
        check_series(arena, &found, set->ops->labels(set, i), &samples);
    }
    series_set_close(set);
    tsdb_state(tsdb, arena, false, &state);
    if (state.set_aside.count)
        fail("set aside", err_new(ERR_CORRUPT, "%.*s", STR_ARG(state.set_aside.at[0])));
    for (int64_t writer = 0; writer < WRITERS; writer++) {
        for (int64_t round = 1; round <= acked[writer]; round++)
            look_for(&found, writer, round);
        rounds += acked[writer];
    }
    printf("%" PRId64 " rounds acknowledged, %" PRIu64 " samples found, %" PRIu64 " blocks\n", rounds, found.samples,
           state.blocks);
    tsdb_close(tsdb);
    free(found.rounds);
    return 0;
}

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(SIZE_MAX);

    if (argc != 4 || !str_to_u64(str_of(argv[2]), &seed))
        return 2;
    folder = argv[1];
    log_setup(LOG_ERROR, LOG_LOGFMT);
    must("failpoints", failpoints_setup(getenv("AUSPEX_FAILPOINTS")));
    read_acks(arena);
    if (!str_eq(str_of(argv[3]), S("check")))
        run(arena, str_eq(str_of(argv[3]), S("run"))); /* until somebody kills us */
    return check(arena);
}
