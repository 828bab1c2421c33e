/* print.h - within the room: pieces of PromQL that several printers need.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "promql/ast.h"

/* print_operator - the operator of a binary expression with bool, on, group_left and their kin. */
void print_operator(struct buf *out, const struct expr *binary);
/* print_aggregation - its name and grouping, up to the parenthesis. */
void print_aggregation(struct buf *out, const struct expr *aggregate);
/* print_subquery_span - [range:step] with @ and offset. */
void print_subquery_span(struct buf *out, const struct expr *subquery);
