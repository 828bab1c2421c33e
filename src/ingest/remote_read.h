/* remote_read.h - Prometheus' remote_read: a request for raw samples, answered from a series_source.
 *
 * Owner: the caller owns all of it. Threads: any.
 * Source: prometheus.io/docs/specs/prw and prompb/remote.proto of Prometheus. */
#pragma once
#include "model/series_source.h"

enum remote_read_answer { REMOTE_READ_SAMPLES, REMOTE_READ_CHUNKS };

struct remote_read_query {
    int64_t start_ms, end_ms;
    struct matcher *matchers;
    size_t matcher_count;
};
struct remote_read {
    VEC(struct remote_read_query) queries;
    enum remote_read_answer answer; /* the first of those accepted that we know */
    bool samples_ok;                /* SAMPLES would do, too */
};

/* remote_read_parse - of the unpacked body. ERR_INVALID where it is broken, or a regex doesn't compile. */
err remote_read_parse(struct arena *arena, struct str message, struct remote_read *ret_read) MUST_USE;

/* remote_read_samples - a ReadResponse, not yet packed. remote_read_chunks - frames of ChunkedReadResponses; ERR_RANGE
 * where a series has native histograms, which only the other answer carries. Both fail `out` at its maximum. */
err remote_read_samples(struct series_source *source, struct arena *arena, const struct remote_read *read,
                        int64_t deadline_ms, struct buf *out) MUST_USE;
err remote_read_chunks(struct series_source *source, struct arena *arena, const struct remote_read *read,
                       int64_t deadline_ms, struct buf *out) MUST_USE;

/* xor_chunk - `count` samples (at most 65,535) as a chunk of Prometheus' encoding XOR. */
void xor_chunk(struct buf *out, const int64_t *times, const double *values, size_t count);
