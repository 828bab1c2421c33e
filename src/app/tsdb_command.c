/* tsdb_command.c - `auspex tsdb verify`, `repair`, `dump`: the files of the metrics engine, looked at from outside. */
#include "app/command.h"
#include "app/local.h"
#include "base/file.h"
#include "base/time.h"
#include "db/folder.h"
#include "model/histogram.h"
#include "promql/parse.h"
#include "tsdb/check.h"
#include "tsdb/tsdb.h"

#include <inttypes.h>
#include <stdio.h>

struct tsdb_command_options {
    struct str storage_path;
};
static const struct field tsdb_fields[] = {
    STRING(struct tsdb_command_options, storage_path, .name = "storage.path", .def = "", .max = 4000,
           .doc = LOCAL_FOLDER_DOC),
    { 0 },
};
static const struct schema tsdb_schema = SCHEMA(struct tsdb_command_options, tsdb_fields);

static err tsdb_folder(struct str storage_path, const char **ret_data, const char **ret_tsdb)
{
    TRY(local_folder(storage_path, NULL, ret_data));
    *ret_tsdb = str_printf(command_arena(), "%s/tsdb", *ret_data).at;
    return file_exists(*ret_tsdb) ? NULL : err_new(ERR_NOT_FOUND, "%s: no samples were stored there yet", *ret_tsdb);
}

static void print_finding(void *arg, const struct check_finding *finding)
{
    (void)arg;
    printf("%s: ", finding->file);
    if (finding->bytes)
        printf("byte %" PRIu64 ", %" PRIu64 " bytes: ", finding->offset, finding->bytes);
    printf("%s\n", finding->what);
}

static int verify_run(const void *options, char **words, size_t count)
{
    const struct tsdb_command_options *o = options;
    struct check check = { .found = print_finding };
    const char *data, *folder;

    (void)words, (void)count;
    err e = tsdb_folder(o->storage_path, &data, &folder);
    if (!e)
        e = tsdb_check(folder, &check);
    if (e)
        return command_fail(e, EXIT_BAD);
    printf("%s: %" PRIu64 " files, %" PRIu64 " bytes, %" PRIu64 " records, %" PRIu64 " chunks, %" PRIu64 " samples\n",
           check.findings ? "damaged" : "fine", check.files, check.bytes, check.records, check.chunks, check.samples);
    if (check.findings)
        printf("`auspex tsdb repair`, while the server is stopped, sets aside what is damaged and keeps the rest\n");
    return check.findings ? EXIT_BAD : EXIT_OK;
}

static const struct command tsdb_verify = {
    .name = "tsdb verify",
    .arguments = "",
    .summary = "Read every byte of the samples and name what is damaged; also beside a running server.",
    .options = &tsdb_schema,
    .run = verify_run,
};
REGISTER(command, tsdb_verify);

/* open_alone - no server may have the folder. */
static err open_alone(const char *data, const char *folder, int *ret_lock, struct tsdb **ret_tsdb)
{
    const struct tsdb_settings settings = { .future_max = { DAY_MS } };

    TRY(folder_lock(data, ret_lock));
    return tsdb_open(&(struct tsdb_options){ .folder = folder, .settings = &settings }, ret_tsdb);
}

/* read_what_is_good - of a series: what is damaged is named, and goes on being so until repair or a server's
 * housekeeping has set it aside. */
static err read_what_is_good(struct series_set *set, size_t index, struct samples *ret_samples)
{
    err e = set->ops->read(set, index, ret_samples);

    if (!e || err_kind(e) != ERR_CORRUPT)
        return e;
    fprintf(stderr, "auspex: %s\n", err_message(e));
    err_free(e);
    *ret_samples = (struct samples){ 0 };
    return NULL;
}

/* for_each_series - all that match, with their samples, which live during the call. */
static err for_each_series(struct tsdb *tsdb, const struct matcher *matchers, size_t count, bool labels_only,
                           err (*show)(struct labels labels, const struct samples *samples))
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const struct series_query query = { .matchers = matchers,
                                        .matcher_count = count,
                                        .start_ms = INT64_MIN / 4,
                                        .end_ms = INT64_MAX / 4,
                                        .deadline_ms = time_mono_ms() + DAY_MS,
                                        .labels_only = labels_only };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct series_source *source = tsdb_source(tsdb);

    TRY(source->ops->open(source, arena, &query, &set));
    for (size_t i = 0; i < set->count; i++) {
        struct samples samples = { 0 };
        if (!labels_only)
            TRY(read_what_is_good(set, i, &samples));
        TRY(show(set->ops->labels(set, i), &samples));
    }
    for (size_t i = 0; i < set->warnings.count; i++)
        fprintf(stderr, "auspex: %.*s\n", STR_ARG(set->warnings.at[i]));
    return NULL;
}

static err look_at(struct labels labels, const struct samples *samples)
{
    (void)labels, (void)samples;
    return NULL;
}

/* Opening sets aside what is damaged in log and snapshot; reading finds the damaged groups of blocks, and housekeeping
 * then writes those blocks anew without them. */
static err repair(struct tsdb *tsdb, struct tsdb_state *ret_state)
{
    TRY(for_each_series(tsdb, NULL, 0, false, look_at));
    TRY(tsdb_maintain(tsdb));
    tsdb_state(tsdb, command_arena(), false, ret_state);
    return NULL;
}

static int repair_run(const void *options, char **words, size_t count)
{
    const struct tsdb_command_options *o = options;
    struct tsdb *tsdb = NULL;
    struct tsdb_state state = { 0 };
    const char *data, *folder;
    int lock = -1;

    (void)words, (void)count;
    err e = tsdb_folder(o->storage_path, &data, &folder);
    if (!e)
        e = open_alone(data, folder, &lock, &tsdb);
    if (!e)
        e = repair(tsdb, &state);
    tsdb_close(tsdb);
    fd_close(&lock);
    if (e)
        return command_fail(e, EXIT_BAD);
    for (size_t i = 0; i < state.set_aside.count; i++)
        printf("set aside: %.*s\n", STR_ARG(state.set_aside.at[i]));
    printf("%" PRIu64 " series, %" PRIu64 " blocks\n", state.series, state.blocks);
    return EXIT_OK;
}

static const struct command tsdb_repair = {
    .name = "tsdb repair",
    .arguments = "",
    .summary = "Set aside what is damaged of the samples, and keep the rest; the server must be stopped.",
    .options = &tsdb_schema,
    .run = repair_run,
};
REGISTER(command, tsdb_repair);

/* ---- dump ---- */

enum what { WHAT_SAMPLES, WHAT_SERIES, WHAT_WAL };
static const char *const whats[] = { "samples", "series", "wal", NULL };

struct dump_options {
    struct str storage_path, match;
    int what;
};
static const struct field dump_fields[] = {
    STRING(struct dump_options, storage_path, .name = "storage.path", .def = "", .max = 4000, .doc = LOCAL_FOLDER_DOC),
    STRING(struct dump_options, match, .def = "", .max = 4000,
           .doc = "Only series that match, such as 'up{job=\"node\"}'."),
    ENUM(struct dump_options, what, .def = "samples", .words = whats,
         .doc = "samples, series, or wal: the records of the log as they stand there, also beside a running server."),
    { 0 },
};
static const struct schema dump_schema = SCHEMA(struct dump_options, dump_fields);

static err print_series(struct labels labels, const struct samples *samples)
{
    struct buf name CLEANUP(buf_clear) = { .max = 1 << 20 };
    struct buf line CLEANUP(buf_clear) = { .max = 1 << 20 };

    labels_write_series(&name, labels);
    if (!samples->count)
        printf("%s\n", buf_c(&name));
    for (size_t i = 0; i < samples->count; i++) {
        const struct histogram *histogram = samples->histograms ? samples->histograms[i] : NULL;
        buf_reset(&line);
        if (histogram)
            histogram_text(&line, histogram);
        else
            buf_add_double(&line, samples->values[i]);
        printf("%s %s %" PRId64 "\n", buf_c(&name), buf_c(&line), samples->times[i]);
    }
    return buf_check(&name);
}

static void print_line(void *arg, struct str line)
{
    (void)arg;
    fwrite(line.at, 1, line.length, stdout);
}

static err dump(const struct dump_options *o, const char *data, const char *folder)
{
    struct matcher *matchers = NULL;
    struct tsdb *tsdb = NULL;
    size_t count = 0;
    int lock CLEANUP(fd_close) = -1;

    if (o->match.length)
        TRY(promql_parse_selector(command_arena(), o->match, &matchers, &count));
    if (o->what == WHAT_WAL)
        return tsdb_dump_log(folder, &(struct wal_dump){ matchers, count, print_line, NULL });
    err e = open_alone(data, folder, &lock, &tsdb);
    if (!e)
        e = for_each_series(tsdb, matchers, count, o->what == WHAT_SERIES, print_series);
    tsdb_close(tsdb);
    return e;
}

static int dump_run(const void *options, char **words, size_t count)
{
    const struct dump_options *o = options;
    const char *data, *folder;

    (void)words, (void)count;
    err e = tsdb_folder(o->storage_path, &data, &folder);
    if (!e)
        e = dump(o, data, folder);
    return e ? command_fail(e, EXIT_BAD) : EXIT_OK;
}

static const struct command tsdb_dump = {
    .name = "tsdb dump",
    .arguments = "",
    .summary = "Print series, samples or the log as text; but for the log, the server must be stopped.",
    .options = &dump_schema,
    .run = dump_run,
};
REGISTER(command, tsdb_dump);
