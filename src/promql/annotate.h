/* annotate.h - what an evaluation has to say besides its answer: warnings and infos, once each.
 *
 * Owner: the evaluation. Threads: the one that evaluates. Their makers are in promql/eval.h. */
#pragma once
#include "promql/eval.h"

struct annotations *annotations_new(struct arena *arena);
/* annotate_source - a warning of the source of series, in its own words. */
void annotate_source(struct evaluation *ev, struct str text);
/* annotations_list - the texts with their places in the query, warnings and infos, in `arena`. */
void annotations_list(const struct annotations *annotations, struct arena *arena, struct str query,
                      struct str_list *ret_warnings, struct str_list *ret_infos);
