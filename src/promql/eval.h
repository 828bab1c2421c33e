/* eval.h - within the room: streams of columns, which is how an expression is evaluated.
 *
 * Owner: the evaluation: everything lives in its arena, or ends with it (arena_defer), so nothing is closed. Threads:
 * the one that evaluates. */
#pragma once
#include "promql/query.h"

enum presence { POINT_NONE, POINT_FLOAT, POINT_HISTOGRAM };

/* One series over all steps of an evaluation. Who receives it may change it, but not the arrays of labels and the
 * histograms, which others may share. */
struct column {
    struct labels labels;
    bool drop_name; /* __name__, __type__ and __unit__ go before the answer leaves (delayed name removal) */
    double *values;
    unsigned char *present;              /* enum presence, a byte a step */
    const struct histogram **histograms; /* NULL: there are none */
};

/* The steps at which something is evaluated. A subquery has its own, so streams are opened within one of these. */
struct grid {
    int64_t start_ms, step_ms;
    size_t steps; /* at least 1 */
};
static inline int64_t grid_time(const struct grid *grid, size_t step)
{
    return grid->start_ms + (int64_t)step * grid->step_ms;
}

struct annotations; /* annotate.c */

/* The operator whose info about types was given last. */
struct types_noted {
    const struct expr *expr;
    bool left, right; /* was a histogram */
};

struct evaluation {
    const struct query *query;
    struct arena *arena; /* of the whole evaluation; the answer is copied out of it */
    struct grid grid;    /* of the query itself: start(), end(), step(), range() */
    struct query_stats stats;
    bool delayed_names; /* else names go as soon as a function takes them away */
    struct annotations *annotations;
    struct types_noted noted;
    size_t answer_before; /* bytes of the caller's arena that are not the answer's */
    VEC(struct arena *) scratch_arenas;
    struct open_set *sets; /* selectors': closed when the evaluation ends, as labels point into them */
    struct {
        double *at;
        size_t room;
    } scratch; /* of functions that sort a window: what one call leaves there, the next may overwrite */
    struct histogram_sum *window_sum; /* the same of those that add histograms up; NULL until the first */
};

struct stream;
struct stream_ops {
    /* next - the next series; *ret_column is NULL at the end. A column lives until the next call on this stream; who
     * keeps it copies it (column_copy). No two columns of a stream have equal labels. */
    err (*next)(struct stream *stream, struct column **ret_column);
};
struct stream {
    const struct stream_ops *ops;
    struct evaluation *ev;
    const struct grid *grid;
};

/* stream_open - of an expression of type scalar or instant vector. A scalar is one column without labels, present at
 * every step. */
err stream_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                struct stream **ret_stream) MUST_USE;
err stream_next(struct stream *stream, struct column **ret_column) MUST_USE;

/* selector_open - of an instant selector, with something else of the sample than its value: its own time or its start
 * time, in seconds, histograms too. No start time known: NaN. */
enum selected { SELECT_VALUES, SELECT_TIMES, SELECT_STARTS };
err selector_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector, enum selected what,
                  struct stream **ret_stream) MUST_USE;
/* windows_open - of a call whose function has .range, or for one that has .open and folds such a stream further
 * (absent_over_time) by a row of its own. */
struct function;
err windows_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                 const struct function *function, struct stream **ret_stream) MUST_USE;
/* stream_named - the stream of a function that takes the name away (every column has .drop_name): as it is where names
 * go late, else without them, equal label sets merged; ERR_RANGE "vector cannot contain metrics with the same labelset"
 * where two of them meet at a step. Takes the stream. The core does so for rows with .math and .range. */
err stream_named(struct stream *stream, struct stream **ret_stream) MUST_USE;
/* scalar_column - evaluate a scalar expression over the grid. */
err scalar_column(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                  const double **ret_values) MUST_USE;
/* column_new, column_copy - with room for every step of the grid, all absent; in the evaluation's arena. Texts of
 * labels are shared, as they live as long as the evaluation; histograms live as long as their column and are copied. */
struct column *column_new(struct evaluation *ev, const struct grid *grid);
struct column *column_copy(struct evaluation *ev, const struct grid *grid, const struct column *from);
/* columns_read - all of a stream, kept: for those who must see every series before the first leaves. */
struct column_list {
    struct column **at;
    size_t count;
};
err columns_read(struct stream *stream, struct column_list *ret_list) MUST_USE;
struct stream *stream_of_columns(struct evaluation *ev, const struct grid *grid, struct column_list list);
/* evaluation_check - limits of bytes, samples, time, cancellation: ask at each series and each 64 K samples. */
err evaluation_check(struct evaluation *ev) MUST_USE;

/* Annotations, once each text; `expr` gives the place. Texts as in Prometheus' util/annotations, without the place:
 * annotate_info(ev, arg, "ignored histogram in %s aggregation", "min") becomes "PromQL info: ignored ... (1:5)". */
void annotate_warning(struct evaluation *ev, const struct expr *expr, const char *format, ...) PRINTF_LIKE(3, 4);
void annotate_info(struct evaluation *ev, const struct expr *expr, const char *format, ...) PRINTF_LIKE(3, 4);
/* The two that merge: their counts, times and bounds are gathered over the query. */
void annotate_forced_monotonicity(struct evaluation *ev, const struct expr *expr, struct str metric, int64_t time_ms,
                                  double min_bucket, double max_bucket, double max_diff);
/* number_text - as they write numbers: Go's %g. */
struct str number_text(struct arena *arena, double value);
void annotate_start_overlap(struct evaluation *ev, const struct expr *expr, struct str metric);

/* Work on label sets: new arrays in the arena, texts shared. labels_drop_name takes __name__, __type__ and __unit__
 * away and returns the set itself where it has none of them. */
struct str labels_name(struct labels labels); /* __name__, or "" */
struct labels labels_drop_name(struct arena *arena, struct labels labels);
struct labels labels_with(struct arena *arena, struct labels labels, struct str name,
                          struct str value); /* "": without */
