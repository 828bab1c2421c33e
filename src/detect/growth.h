/* growth.h - the search for a stretch that leads to a limit: what MONOTONIC_INCREASE and LINEAR_EXTRAPOLATION share.
 *
 * Owner: values. Threads: any. See assess.h for the rules. */
#pragma once
#include "detect/assess.h"

/* growth_assess - `line_decides`: the least squares line must be significant too, not the floor alone. */
struct assessment growth_assess(struct arena *arena, const struct history *history,
                                const struct assess_options *options, bool line_decides);
