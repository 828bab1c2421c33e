/* tsdb.c - open and close, and the settings. */
#include "tsdb/tsdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"
#include "tsdb/room.h"

static const struct field storage_fields[] = {
    DURATION(struct tsdb_settings, retention_time, .def = "15d", .min = 0, .max = 3e12,
             .doc = "How long samples are kept; 0: no limit."),
    SIZE(struct tsdb_settings, retention_bytes, .def = "0", .min = 0, .max = 1e15,
         .doc = "At most so many bytes of blocks; 0: no limit."),
    DURATION(struct tsdb_settings, fsync_interval, .def = "200ms", .min = 0, .max = 60000,
             .doc = "The log of samples reaches the disk this often; 0: before each answer."),
    INT(struct tsdb_settings, series_max, .def = "2000000", .min = 0, .max = 1e9,
        .doc = "Series in memory. Further ones are refused, old ones go on; 0: no limit."),
    INT(struct tsdb_settings, series_max_per_source, .def = "0", .min = 0, .max = 1e9,
        .doc = "The same for what one sender has made; 0: no limit."),
    DURATION(struct tsdb_settings, future_max, .def = "10m", .min = 0, .max = 1e12,
             .doc = "Samples further ahead of the clock are refused."),
    { 0 },
};
static const struct schema storage_schema =
    SCHEMA(struct tsdb_settings, storage_fields, .doc = "Where samples are kept, and how long.");
const struct config_section storage_section = { .key = "storage", .schema = &storage_schema };

err tsdb_reload(struct tsdb *tsdb, const struct tsdb_settings *settings)
{
    tsdb->series_max = settings->series_max;
    tsdb->series_max_per_source = settings->series_max_per_source;
    tsdb->future_max_ms = settings->future_max.ms;
    return NULL;
}

err tsdb_open(const struct tsdb_options *options, struct tsdb **ret_tsdb)
{
    if (mkdir(options->folder, 0700) && errno != EEXIST)
        return err_errno("can't make folder %s", options->folder);
    struct tsdb *tsdb = calloc(1, sizeof(*tsdb));
    if (!tsdb || !(tsdb->folder = strdup(options->folder)))
        out_of_memory(sizeof(*tsdb));
    tsdb->source.ops = &tsdb_source_ops;
    tsdb->sink.ops = &tsdb_sink_ops;
    tsdb->head = head_new();
    pthread_mutex_init(&tsdb->shelf.lock, NULL);
    err e = tsdb_reload(tsdb, options->settings);
    if (e) {
        tsdb_close(tsdb);
        return e;
    }
    *ret_tsdb = tsdb;
    return NULL;
}

void tsdb_close(struct tsdb *tsdb)
{
    if (!tsdb)
        return;
    append_shelf_clear(&tsdb->shelf);
    head_free(tsdb->head);
    free(tsdb->folder);
    free(tsdb);
}

struct series_source *tsdb_source(struct tsdb *tsdb)
{
    return &tsdb->source;
}

struct sample_sink *tsdb_sink(struct tsdb *tsdb)
{
    return &tsdb->sink;
}
