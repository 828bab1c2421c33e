/* check_test.c - a store that is whole is fine; one changed byte anywhere is found, with its file. */
#include "base/file.h"
#include "base/log.h"
#include "base/test.h"
#include "base/time.h"
#include "tsdb/check.h"
#include "tsdb/room.h"

#include <stdlib.h>
#include <string.h>

struct findings {
    struct arena *arena;
    const char *file;
    size_t count;
};

static void note(void *arg, const struct check_finding *finding)
{
    struct findings *findings = arg;

    findings->file = str_c(findings->arena, str_of(finding->file));
    findings->count++;
}

static struct check check_folder(struct arena *arena, struct findings *findings)
{
    struct check check = { .found = note, .arg = findings };

    *findings = (struct findings){ .arena = arena };
    ASSERT_OK(tsdb_check(test_folder(), &check));
    ASSERT_EQ_INT(findings->count, check.findings);
    return check;
}

/* A folder with a block and a snapshot, after a clean end. */
static void make_store(struct arena *arena)
{
    static const struct tsdb_settings settings = { .future_max = { DAY_MS } };
    struct tsdb *tsdb = NULL;

    log_setup(LOG_ERROR, LOG_LOGFMT);
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = &settings }, &tsdb));
    for (int64_t round = 0; round < 600; round++) {
        struct append *append;
        ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
        for (int series = 0; series < 20; series++) {
            const struct label items[] = { { S("__name__"), S("m") }, { S("s"), str_printf(arena, "%d", series) } };
            append_labels(append, (struct labels){ items, 2 });
            append_float(append, 1000 * round, 0, (double)(round * series));
        }
        ASSERT_OK(append_end(append, NULL));
        if (round == 200)
            ASSERT_OK(disk_flush(tsdb->disk, true));
    }
    tsdb_close(tsdb);
}

/* Each of a file's bytes that a step of `step` comes by, changed alone; how often that was found. */
static size_t spoil(struct arena *arena, const char *name, size_t step)
{
    const char *path = str_printf(arena, "%s/%s", test_folder(), name).at;
    struct str whole;
    size_t found = 0;

    ASSERT_OK(file_read(arena, path, 1 << 24, &whole));
    for (size_t at = 0; at < whole.length; at += step) {
        struct findings findings;
        char *bytes = arena_alloc(arena, whole.length);
        memcpy(bytes, whole.at, whole.length);
        bytes[at] ^= 0x10;
        ASSERT_OK(file_write(path, (struct str){ bytes, whole.length }, 0600));
        check_folder(arena, &findings);
        ASSERT_TRUE(findings.count > 0);
        ASSERT_STR(path, str_of(findings.file));
        found++;
    }
    ASSERT_OK(file_write(path, whole, 0600));
    return found;
}

TEST(check_finds_any_byte_that_changed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct findings findings;

    make_store(arena);
    struct check check = check_folder(arena, &findings);
    ASSERT_EQ_INT(0, findings.count);
    ASSERT_TRUE(check.files >= 2 && check.samples >= 20 * 600);
    ASSERT_TRUE(spoil(arena, "blocks/00000001.block", 7) > 50);
    ASSERT_TRUE(spoil(arena, "head.snapshot", 7) > 50);
    ASSERT_EQ_INT(0, check_folder(arena, &findings).findings);
}
