/* functions_histogram_value.c - one number of each native histogram: histogram_count, histogram_sum, histogram_avg,
 * histogram_stddev, histogram_stdvar. Floats have none. */
#include "model/histogram_stat.h"
#include "promql/function.h"
#include "promql/mapped.h"

#include <math.h>

static double count_of(const struct histogram *histogram)
{
    return histogram->count;
}

static double sum_of(const struct histogram *histogram)
{
    return histogram->sum;
}

static double average_of(const struct histogram *histogram)
{
    return histogram->sum / histogram->count;
}

static double deviation_of(const struct histogram *histogram)
{
    return sqrt(histogram_variance(histogram));
}

struct value {
    double (*of)(const struct histogram *histogram);
};

static void apply(struct mapped *mapped, struct column *column)
{
    const struct value *value = mapped->how;

    for (size_t i = 0; i < mapped->stream.grid->steps; i++) {
        bool histogram = column->present[i] == POINT_HISTOGRAM;
        column->present[i] = histogram ? POINT_FLOAT : POINT_NONE;
        if (histogram)
            column->values[i] = value->of(column->histograms[i]);
    }
}

static err value_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                      const struct value *value, struct stream **ret_stream)
{
    struct stream *input;

    TRY(stream_open(ev, grid, call->call.args[0], &input));
    return mapped_open(&(struct mapped){ .apply = apply, .how = value }, input, ret_stream);
}

/* The row of a function of one vector, and its opener. */
#define HISTOGRAM_VALUE(function_name, value_of, text)                                                                 \
    static err function_name##_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,           \
                                    struct stream **ret_stream)                                                        \
    {                                                                                                                  \
        static const struct value value = { value_of };                                                                \
        return value_open(ev, grid, call, &value, ret_stream);                                                         \
    }                                                                                                                  \
    static const struct function function_##function_name = { .name = #function_name,                                  \
                                                              .doc = text,                                             \
                                                              .args = { TYPE_VECTOR },                                 \
                                                              .arg_count = 1,                                          \
                                                              .result = TYPE_VECTOR,                                   \
                                                              .open = function_name##_open };                          \
    REGISTER(function, function_##function_name)

HISTOGRAM_VALUE(histogram_count, count_of, "How many observations a native histogram counted.");
HISTOGRAM_VALUE(histogram_sum, sum_of, "The sum of the observations of a native histogram.");
HISTOGRAM_VALUE(histogram_avg, average_of, "The average of the observations of a native histogram.");
HISTOGRAM_VALUE(histogram_stddev, deviation_of, "The estimated standard deviation of a native histogram.");
HISTOGRAM_VALUE(histogram_stdvar, histogram_variance, "The estimated variance of a native histogram.");
