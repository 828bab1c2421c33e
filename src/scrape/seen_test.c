/* seen_test.c - which series end with which scrape. */
#include "scrape/seen.h"

#include "base/test.h"

#include <stdio.h>

struct ends {
    uint32_t sum, count;
};

static void count_end(void *arg, uint32_t series)
{
    struct ends *ends = arg;

    ends->sum += series;
    ends->count++;
}

/* scrape - these lines, one letter each, as series `first` + their place in the alphabet. */
static struct ends scrape(struct seen *seen, const char *lines, uint32_t first)
{
    struct ends ends = { 0 };

    seen_begin(seen);
    for (; *lines; lines++) {
        struct seen_series *series = seen_get(seen, (struct str){ lines, 1 });
        if (!series->series)
            series->series = first + (uint32_t)(*lines - 'a');
        seen_mark(seen, series);
    }
    seen_end(seen, count_end, &ends);
    return ends;
}

TEST(seen_series_end_once_when_their_line_is_gone)
{
    struct seen *seen = seen_new();

    ASSERT_EQ_INT(0, scrape(seen, "abc", 100).count);
    ASSERT_EQ_INT(102, scrape(seen, "ab", 100).sum);
    ASSERT_EQ_INT(0, scrape(seen, "ab", 100).count);
    ASSERT_EQ_INT(0, scrape(seen, "abc", 100).count);
    ASSERT_EQ_INT(3, scrape(seen, "", 100).count);
    ASSERT_EQ_INT(0, scrape(seen, "", 100).count);
    seen_free(seen);
}

TEST(seen_series_that_a_reset_leaves_without_a_line_end)
{
    struct seen *seen = seen_new();

    scrape(seen, "abc", 100);
    seen_reset(seen);
    struct ends ends = scrape(seen, "ab", 100); /* a and b are the same series again */
    ASSERT_EQ_INT(102, ends.sum);
    seen_reset(seen);
    ends = scrape(seen, "ab", 200); /* other series now */
    ASSERT_EQ_INT(100 + 101, ends.sum);
    seen_free(seen);
}

TEST(seen_series_grow_and_forget)
{
    struct seen *seen = seen_new();
    char line[20];

    for (int round = 0; round < 50; round++) {
        struct ends ends = { 0 };
        seen_begin(seen);
        for (int i = 0; i < 1000; i++) {
            int length = snprintf(line, sizeof(line), "%d-%d", round, i);
            struct seen_series *series = seen_get(seen, (struct str){ line, (size_t)length });
            ASSERT_EQ_INT(0, series->series);
            series->series = 1;
            seen_mark(seen, series);
        }
        seen_end(seen, count_end, &ends);
        ASSERT_EQ_INT(round ? 1000 : 0, ends.count);
    }
    seen_free(seen);
}
