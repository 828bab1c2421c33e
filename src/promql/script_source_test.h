/* script_source_test.h - series in memory as test scripts describe them: "1 2+3x4 _ stale {{count:5}}x3".
 *
 * Owner: its arena. Threads: the test's. */
#pragma once
#include "promql/sequence.h"

/* script_series_length - of the series at the front of a line, up to what follows it. */
size_t script_series_length(struct str line);

struct script_source {
    struct series_source source;
    struct arena *arena;
    VEC(struct script_series *) series;
};
void script_source_init(struct script_source *source, struct arena *arena);
/* script_source_load - the text of a load command: its first line, and one of each series below. */
err script_source_load(struct script_source *source, struct str command) MUST_USE;
