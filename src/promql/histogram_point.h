/* histogram_point.h - operators where at least one of two points is a native histogram.
 *
 * Owner: results live in the arena given. Threads: the one that evaluates. */
#pragma once
#include "promql/streams.h"

enum verdict histogram_operate(struct evaluation *ev, const struct expr *expr, struct arena *arena, struct operand left,
                               struct operand right, struct operand *ret_result);
const struct histogram *histogram_scaled(struct arena *arena, const struct histogram *histogram, double factor);
