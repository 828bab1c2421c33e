/* tsdb.h - our own time series: durable, compressed, queried through model/series_source.h.
 *
 * Owner: app/ opens one a data folder and closes it after everything that appends or reads has stopped. Threads: any.
 *
 * DESIGN. A series has one open chunk in memory; full ones are sealed (chunk.h), collected, and written as a block
 * (block.h), sorted by labels, whereupon memory forgets them. Every request is one record of the write-ahead log
 * (wal.h), written before it is answered. From time to time a snapshot of the head makes the log before it
 * superfluous. Old blocks are merged, thinned into tiers and dropped by retention. The table of series is one for all:
 * blocks know series by id, and repeat the labels so that each can be read alone. */
#pragma once
#include "base/pool.h"
#include "base/ticker.h"
#include "model/series_source.h"
#include "schema/config.h"

struct tsdb;

struct tsdb_settings {
    struct duration retention_time;                               /* 15d; 0: none */
    int64_t retention_bytes;                                      /* 0: none */
    struct duration minutes_retention_time, hours_retention_time; /* of tiers; 0: none are kept */
    struct duration fsync_interval;                               /* 200ms; 0: before each answer */
    int64_t series_max;            /* of the head; further ones are refused, old ones keep working */
    int64_t series_max_per_source; /* the same for one origin, who is named */
    struct duration future_max;    /* 10m */
};
extern const struct config_section storage_section; /* key `storage` */

struct tsdb_options {
    const char *folder;                   /* DATA/tsdb, made where it is not there */
    const struct tsdb_settings *settings; /* copied */
    struct ticker *ticker;                /* with pool: maintenance by itself. NULL: only by tsdb_maintain */
    struct pool *pool;
};

/* tsdb_open - ready at once: snapshot and log are read behind it, and whoever reads or appends waits for them (at most
 * until its deadline). A damaged file is set aside as .bad, named in the log and in tsdb_state, and the rest is served.
 */
err tsdb_open(const struct tsdb_options *options, struct tsdb **ret_tsdb) MUST_USE;
/* tsdb_close - snapshot, sync, free. */
void tsdb_close(struct tsdb *tsdb);
struct series_source *tsdb_source(struct tsdb *tsdb);
struct sample_sink *tsdb_sink(struct tsdb *tsdb);

/* ---- appending: one request is one append ---- */

enum append_outcome {
    APPEND_OK,        /* stored, whether in order or late */
    APPEND_DUPLICATE, /* the same sample again: nothing to do */
    APPEND_TOO_NEW,   /* more than future_max ahead of the clock */
    APPEND_TOO_OLD,   /* before what retention keeps is accepted; this is below the representable range */
    APPEND_NO_SERIES, /* the series was refused: limit, bad labels */
    APPEND_OUTCOMES
};

struct append; /* belongs to one thread; reused by the tsdb */

/* append_begin - `origin` is who sends ("remote_write:10.0.0.7", "scrape:node"), for limits and counters. ERR_IO while
 * the disk does not take writes, ERR_TIMEOUT where recovery takes longer than the deadline (monotonic ms). */
err append_begin(struct tsdb *tsdb, struct str origin, int64_t deadline_ms, struct append **ret_append) MUST_USE;

/* append_raw - make the series of this span of bytes the current one. The span is an identity only (a hash of it is
 * looked up): as long as it was seen before, nobody parses it. Else `parse` gives its labels, in any order; they are
 * sorted, and equal names, empty names or broken UTF-8 refuse the series. Two spellings of one series are aliases.
 * False where the series was refused: append_why says so, and its samples count as APPEND_NO_SERIES. */
typedef err (*append_parse)(void *arg, struct str raw, struct arena *arena, struct labels *ret_labels);
bool append_raw(struct append *append, struct str raw, append_parse parse, void *arg);
/* append_labels - the same by labels, sorted and unique. */
bool append_labels(struct append *append, struct labels labels);

/* append_series - the number of the current series, 0 where it was refused; never given to another one while the
 * process runs. append_known - make the series of such a number the current one: for senders who keep them. */
uint32_t append_series(const struct append *append);
void append_known(struct append *append, uint32_t series);

/* append_float, append_histogram - one sample of the current series. Any order of time is fine; a sample at a time that
 * is there already is a duplicate where it is bit-equal, else it replaces the other. */
enum append_outcome append_float(struct append *append, int64_t time_ms, int64_t start_ms, double value);
enum append_outcome append_histogram(struct append *append, int64_t time_ms, int64_t start_ms,
                                     const struct histogram *histogram);
void append_exemplar(struct append *append, const struct exemplar *exemplar);
/* append_meta - describes a metric, by name. */
void append_meta(struct append *append, const struct metric_meta *meta);

struct append_summary {
    uint64_t floats, histograms, exemplars; /* stored, duplicates included */
    uint64_t outcomes[APPEND_OUTCOMES];
    struct str why; /* about the first thing that was refused, with series and value; "" where nothing was. Lives until
                       append_end */
};
/* append_end - write the log record; NULL: it is as durable as the settings say, and visible. On an error nothing may
 * be acknowledged, and the same may be sent again. Gives the append back in any case. `ret_summary` may be NULL. */
err append_end(struct append *append, struct append_summary *ret_summary) MUST_USE;
/* append_so_far - what append_end would say, before it. */
const struct append_summary *append_so_far(const struct append *append);

/* ---- housekeeping ---- */

/* tsdb_delete - samples of the series that match within [start_ms, end_ms]; gone from answers when it returns, from the
 * disk by tsdb_clean or the next merge. At least one matcher must not match the empty text. */
err tsdb_delete(struct tsdb *tsdb, const struct matcher *matchers, size_t count, int64_t start_ms,
                int64_t end_ms) MUST_USE;
err tsdb_clean(struct tsdb *tsdb) MUST_USE;
/* tsdb_backup - a complete, consistent copy into a new folder while everything runs (hard links where possible). */
err tsdb_backup(struct tsdb *tsdb, const char *folder) MUST_USE;
/* tsdb_maintain - what the ticker does: seal, write blocks, snapshot, merge, retention. */
err tsdb_maintain(struct tsdb *tsdb) MUST_USE;
err tsdb_reload(struct tsdb *tsdb, const struct tsdb_settings *settings) MUST_USE;

struct tsdb_count {
    struct str name;
    uint64_t count;
};
struct tsdb_state {
    uint64_t series, label_pairs, chunks, samples_appended, out_of_order;
    int64_t first_ms, last_ms; /* of the head */
    uint64_t blocks, block_bytes, wal_bytes, memory_bytes;
    bool recovering;
    double recovered;          /* 0..1 */
    struct str trouble;        /* why nothing is acknowledged now, or memory does not get to blocks; "" */
    struct str_list set_aside; /* damaged files */
    /* The ten largest, for /status/tsdb; only where asked for. */
    struct tsdb_count by_metric[10], by_label[10], by_pair[10], bytes_by_label[10];
};
void tsdb_state(struct tsdb *tsdb, struct arena *arena, bool with_counts, struct tsdb_state *ret_state);

/* ---- tiers: what is kept of minutes and hours, for long ranges and detectors ---- */

enum tier { TIER_MINUTE, TIER_HOUR };
struct tier_row {
    int64_t start_ms; /* of the minute or hour */
    double min, max, sum, first, last;
    uint32_t count, resets;
};
struct tier_rows {
    const struct tier_row *at;
    size_t count;
};
/* tsdb_tier - rows of one series that begin in [start_ms, end_ms] (start_ms is taken back to a whole minute or hour):
 * those that were stored when samples were dropped, the others made of samples. Histograms, stale markers and NaN are
 * left out; resets are those within a row. */
err tsdb_tier(struct tsdb *tsdb, struct arena *arena, struct labels series, enum tier tier, int64_t start_ms,
              int64_t end_ms, struct tier_rows *ret_rows) MUST_USE;
