/* store_fuzz.h - a store in a folder of its own, which goes when the program ends.
 *
 * Owner: the fuzz target. Threads: one. */
#pragma once
#include "base/file.h"
#include "tsdb/tsdb.h"

#include <stdlib.h>

/* The store's tables are mappings, where LeakSanitizer doesn't look for pointers; tsdb's own tests look for leaks. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static char fuzz_folder[] = "/tmp/auspex-fuzz-XXXXXX";
static struct tsdb *fuzz_tsdb;

static void fuzz_store_end(void)
{
    tsdb_close(fuzz_tsdb);
    err_free(file_remove_tree(fuzz_folder));
}

static struct tsdb *fuzz_store(void)
{
    static const struct tsdb_settings settings = { .fsync_interval = { 60000 },
                                                   .series_max = 1000,
                                                   .future_max = { 600000 } };

    if (fuzz_tsdb)
        return fuzz_tsdb;
    if (!mkdtemp(fuzz_folder) ||
        tsdb_open(&(struct tsdb_options){ .folder = fuzz_folder, .settings = &settings }, &fuzz_tsdb))
        abort();
    atexit(fuzz_store_end);
    return fuzz_tsdb;
}
