/* golden_test.c - journals of released versions still mean what they meant: tests/golden/journal-*.jsonl, one event a
 * line, one example of each kind. A new kind gets a line in the newest file; a line is never changed. What readers make
 * of them is tests/integration/test_golden_journal.py. */
#include "base/file.h"
#include "base/json.h"
#include "base/test.h"
#include "model/event.h"

#include <glob.h>

enum { GOLDEN_BYTES = 4 << 20 };

/* golden_lines - call see() for each line of each file; paths are those of the repository, where tests run. */
static int golden_lines(struct arena *arena, void (*see)(void *arg, const struct json *line), void *arg)
{
    glob_t found;
    int count = 0;

    if (glob("tests/golden/journal-*.jsonl", 0, NULL, &found) != 0)
        TEST_SKIP("tests/golden is not here: run it in the repository's root");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct str text, line;
        ASSERT_OK(file_read(arena, found.gl_pathv[i], GOLDEN_BYTES, &text));
        for (struct str rest = str_trim(text); rest.at; count++) {
            const struct json *event;
            line = str_cut(rest, '\n', &rest);
            ASSERT_OK(json_parse(arena, line, &event));
            see(arg, event);
        }
    }
    globfree(&found);
    return count;
}

static void same_kind(void *arg, const struct json *line)
{
    struct str name = json_str_or(json_get(line, S("kind")), S(""));
    int64_t number = json_i64_or(json_get(line, S("number")), 0);
    enum event_kind kind;

    (void)arg;
    ASSERT_TRUE(event_kind_parse(name, &kind));
    ASSERT_EQ_INT(number, kind);
    ASSERT_STR(event_kind_name(kind), name);
}

TEST(kinds_of_released_versions_keep_their_numbers_and_names)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);

    ASSERT_TRUE(golden_lines(arena, same_kind, NULL) > 40);
}
