/* parse.h - text to tree: the language of Prometheus 3.x, with its error texts and places.
 *
 * Owner: the tree lives in the arena given; it points into the text, which must live as long. Threads: any. */
#pragma once
#include "promql/ast.h"

/* What Prometheus keeps behind --enable-feature=..., under the same names. */
struct promql_features {
    bool experimental_functions; /* promql-experimental-functions */
    bool duration_expressions;   /* promql-duration-expr */
    bool extended_selectors;     /* promql-extended-range-selectors: anchored, smoothed */
    bool binop_fill;             /* promql-binop-fill-modifiers */
    bool delayed_name_removal;   /* promql-delayed-name-removal */
    bool type_and_unit_labels;   /* type-and-unit-labels */
};
extern const struct promql_features promql_all_features; /* what the server runs with unless configured otherwise */

enum { PROMQL_TEXT_MAX = 1 << 20, PROMQL_DEPTH_MAX = 200 };

/* promql_parse - ERR_INVALID "1:12: parse error: unexpected ..." where the text isn't PromQL or its types don't fit. */
err promql_parse(struct arena *arena, struct str text, const struct promql_features *features,
                 struct expr **ret_expr) MUST_USE;
/* promql_parse_selector - a single series selector, as match[] has it. */
err promql_parse_selector(struct arena *arena, struct str text, struct matcher **ret_matchers,
                          size_t *ret_count) MUST_USE;
/* promql_parse_metric - name and labels of one series, as rule tests and logs write it. */
err promql_parse_metric(struct arena *arena, struct str text, struct labels *ret_labels) MUST_USE;

/* promql_print - the tree as one line of PromQL, as Prometheus prints it. promql_print_pretty - as /format_query does:
 * split over lines where one is longer than 100 characters. */
void promql_print(struct buf *out, const struct expr *expr);
void promql_print_pretty(struct buf *out, const struct expr *expr);
/* promql_print_json - the tree as /parse_query answers it. */
void promql_print_json(struct json_writer *w, const struct expr *expr);
