/* store_test.h - a real store for tests of what comes in, and all that is in it as text.
 *
 * Owner: the test. Threads: one. */
#pragma once
#include "ingest/protobuf.h"
#include "tsdb/tsdb.h"

struct tsdb *test_store_open(void); /* in test_folder; ends with test_store_closep */
void test_store_closep(struct tsdb **tsdb);
/* test_store_text - a line a series, sorted: `name{label="value"} value@time value@time`; histograms as
 * histogram_text writes them. */
struct str test_store_text(struct tsdb *tsdb, struct arena *arena);
/* test_label, test_sample - fields of a TimeSeries of remote_write 1.0. */
void test_label(struct buf *out, struct str name, struct str value);
void test_sample(struct buf *out, int64_t time_ms, double value);
