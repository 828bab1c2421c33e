/* eval.h - within the room: streams of columns, which is how an expression is evaluated.
 *
 * Owner: the evaluation; everything lives in its arena or ends in stream_close. Threads: the one that evaluates. */
#pragma once
#include "promql/query.h"

enum presence { POINT_NONE, POINT_FLOAT, POINT_HISTOGRAM };

/* One series over all steps of an evaluation. */
struct column {
    struct labels labels;
    bool drop_name; /* __name__ goes before the answer leaves (delayed name removal), or before labels are compared */
    double *values;
    unsigned char *present;              /* enum presence, a byte a step */
    const struct histogram **histograms; /* NULL: there are none */
};

/* The steps at which something is evaluated. A subquery has its own, so streams are opened within one of these. */
struct grid {
    int64_t start_ms, step_ms;
    size_t steps; /* at least 1 */
};
int64_t grid_time(const struct grid *grid, size_t step);

struct evaluation {
    const struct query *query;
    struct arena *arena; /* of the whole query */
    struct grid grid;    /* of the query itself: start(), end(), step(), range() */
    struct query_stats stats;
    struct str_list warnings, infos;
    /* the engine's own state follows in eval.c */
};

struct stream;
struct stream_ops {
    /* next - the next series; *ret_column is NULL at the end. A column lives until the next call on this stream; who
     * keeps it copies it (column_copy). No two columns of a stream have equal labels. */
    err (*next)(struct stream *stream, struct column **ret_column);
    void (*close)(struct stream *stream); /* may be NULL; closes its inputs */
};
struct stream {
    const struct stream_ops *ops;
    struct evaluation *ev;
    const struct grid *grid;
};

/* stream_open - of an expression of type scalar, instant vector. A scalar is one column without labels, present at
 * every step. */
err stream_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);
err stream_next(struct stream *stream, struct column **ret_column);
void stream_close(struct stream *stream); /* NULL is fine */
/* scalar_column - evaluate a scalar expression over the grid. */
err scalar_column(struct evaluation *ev, const struct grid *grid, const struct expr *expr, const double **ret_values);
/* column_new, column_copy - with room for every step of the grid, all absent; in the evaluation's arena, counted. */
struct column *column_new(struct evaluation *ev, const struct grid *grid);
struct column *column_copy(struct evaluation *ev, const struct grid *grid, const struct column *from);
/* columns_read - all of a stream, kept: for those who must see every series before the first leaves. */
struct column_list {
    struct column **at;
    size_t count;
};
err columns_read(struct stream *stream, struct column_list *ret_list);
struct stream *stream_of_columns(struct evaluation *ev, const struct grid *grid, struct column_list list);
/* evaluation_check - limits of bytes, samples, time, cancellation: ask at each series and each 64 K samples. */
err evaluation_check(struct evaluation *ev);

/* Annotations, once each text; `expr` gives the place. Texts as in Prometheus' util/annotations. */
void annotate_warning(struct evaluation *ev, const struct expr *expr, const char *format, ...) PRINTF_LIKE(3, 4);
void annotate_info(struct evaluation *ev, const struct expr *expr, const char *format, ...) PRINTF_LIKE(3, 4);

/* labels_without_name, and other work on label sets, in the evaluation's arena. */
struct labels labels_drop_name(struct arena *arena, struct labels labels);
struct labels labels_with(struct arena *arena, struct labels labels, struct str name,
                          struct str value); /* "": without */
