/* histogram_fuzz.c - any bytes as descriptions of histograms, one a line. What is accepted survives arithmetic and
 * questions, and stays sound. */
#include "model/histogram_stat.h"
#include "model/histogram_sum.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void ask(struct arena *arena, const struct histogram *histogram, double edge)
{
    struct buf out CLEANUP(buf_clear) = { .max = 1 << 24 };
    struct json_writer w = json_writer(&out);
    enum nan_effect effect;

    histogram_json(&w, histogram);
    histogram_text(&out, histogram);
    histogram_quantile(histogram, 0.7, &effect);
    histogram_fraction(histogram, -1, edge, &effect);
    histogram_variance(histogram);
    if (histogram_check_shape(histogram_trim(arena, histogram, edge, true)) ||
        histogram_check_shape(histogram_trim(arena, histogram, edge, false)) ||
        histogram_check_shape(histogram_compact(arena, histogram)))
        abort();
    err_free(histogram_validate(histogram));
    if (!histogram_equal(histogram, histogram_copy(arena, histogram)))
        abort();
}

static void combine(struct arena *arena, const struct histogram *histogram, const struct histogram *previous)
{
    struct histogram_sum sum = { 0 };
    struct histogram_mean mean = { 0 };

    histogram_sum_begin(&sum, arena, histogram);
    histogram_sum_add(&sum, previous);
    histogram_sum_subtract(&sum, previous);
    histogram_mean_begin(&mean, arena, histogram);
    histogram_mean_add(&mean, previous);
    histogram_mean_settle(&mean);
    if (histogram_check_shape(histogram_sum_compact(&sum, arena)) ||
        histogram_check_shape(histogram_sum_result(&mean.sum, arena)))
        abort();
    histogram_reset(histogram, previous);
    histogram_hint_after(previous, histogram);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(1 << 24);
    struct str rest = { (const char *)bytes, length };
    const struct histogram *histogram = NULL, *previous = NULL;

    while (rest.at && rest.length && arena_used(arena) < 1 << 24) {
        err e = histogram_parse(arena, str_cut(rest, '\n', &rest), &histogram);
        if (e) {
            err_free(e);
            continue;
        }
        ask(arena, histogram, histogram->sum);
        if (previous)
            combine(arena, histogram, previous);
        previous = histogram;
    }
    arena_free(arena);
    return 0;
}
