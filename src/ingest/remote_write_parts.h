/* remote_write_parts.h - what the two versions of remote_write share; inside ingest/ only.
 *
 * Owner: a walk belongs to one remote_write_check or _append. Threads: one. */
#pragma once
#include "ingest/protobuf.h"
#include "ingest/remote_write.h"
#include "model/histogram.h"

struct doubles { /* a VEC that has a name, to be passed on */
    double *at;
    size_t count, room;
};

/* One native histogram being decoded; its lists are used again for the next. */
struct histogram_wire {
    struct histogram histogram;
    int64_t time_ms, start_ms;
    VEC(struct histogram_span) positive_spans, negative_spans;
    struct doubles positive_counts, negative_counts, bounds;
};

enum { SPAN_BYTES_MAX = 16 * 1024 * 1024 }; /* label fields of one series, put together */

struct write_walk {
    struct arena *arena;
    struct append *append; /* NULL: only look */
    bool refused;          /* the store refused the current series */
    struct str series;     /* the raw span of the current one */
    struct histogram_wire histogram;
    VEC(struct label) labels; /* of an exemplar */
    struct remote_write_refusals refusals;
    /* 2.0 */
    VEC(struct str) symbols;
    VEC(uint32_t) refs;
    struct buf span;
    struct metric_meta meta; /* the last that was told */
};

/* walk_histogram - the message Histogram, the same in both versions. */
err walk_histogram(struct write_walk *walk, struct str message) MUST_USE;
/* walk_refuse - count what the current series does wrong; the text is for the sender. */
void walk_refuse(struct write_walk *walk, const char *why);
void walk_meta(struct write_walk *walk, const struct metric_meta *meta);
enum metric_kind remote_write_kind(uint64_t type); /* the enum of both versions' metadata */
/* walk_request_2 - a whole Request of 2.0. */
err walk_request_2(struct write_walk *walk, struct str message) MUST_USE;
