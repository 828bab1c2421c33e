/* annotate.c - warnings and infos of an evaluation, kept once a text, whatever step or series they came from. */
#include "promql/annotate.h"

#include "base/float_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ANNOTATIONS_MAX = 1000 }; /* different ones; what comes later is left out */

struct annotation {
    struct str text; /* without the place */
    bool info;
    bool placeless;
    uint32_t from, to; /* in the query */
    uint64_t count;
    /* Of forced monotonicity. */
    bool monotonicity;
    int64_t min_ms, max_ms;
    double min_bucket, max_bucket, max_diff;
    /* Of overlapping start times. */
    bool overlap;
};

struct annotations {
    struct arena *arena;
    VEC(struct annotation) list;
};

struct annotations *annotations_new(struct arena *arena)
{
    struct annotations *annotations = arena_alloc(arena, sizeof(*annotations));

    annotations->arena = arena;
    return annotations;
}

/* note - the one with this text, made where it is new; NULL where there are too many. Of several places the last
 * counts: Prometheus evaluates from left to right and from within, and the later one replaces the earlier. */
static struct annotation *note(struct evaluation *ev, const struct expr *expr, bool info, struct str text)
{
    struct annotations *all = ev->annotations;
    uint32_t from = expr_bare((struct expr *)expr)->from, to = expr_bare((struct expr *)expr)->to;

    for (size_t i = all->list.count; i--;) {
        struct annotation *it = &all->list.at[i];
        if (it->info == info && str_eq(it->text, text)) {
            it->count++;
            if (to > it->to || (to == it->to && from < it->from)) {
                it->from = from;
                it->to = to;
            }
            return it;
        }
    }
    if (all->list.count == ANNOTATIONS_MAX)
        return NULL;
    struct annotation *made = vec_push(&all->list, all->arena);
    *made = (struct annotation){ .text = str_copy(all->arena, text), .info = info, .from = from, .to = to, .count = 1 };
    return made;
}

void annotate_source(struct evaluation *ev, struct str text)
{
    static const struct expr nowhere;
    struct annotation *it = note(ev, &nowhere, false, text);

    if (it)
        it->placeless = true;
}

static void note_format(struct evaluation *ev, const struct expr *expr, bool info, const char *format, va_list args)
{
    char text[1024];
    int start = snprintf(text, sizeof(text), "PromQL %s: ", info ? "info" : "warning");
    int length = vsnprintf(text + start, sizeof(text) - (size_t)start, format, args);

    if (length < 0)
        return;
    size_t total = (size_t)start + (size_t)length;
    note(ev, expr, info, (struct str){ text, total < sizeof(text) ? total : sizeof(text) - 1 });
}

void annotate_warning(struct evaluation *ev, const struct expr *expr, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_format(ev, expr, false, format, args);
    va_end(args);
}

void annotate_info(struct evaluation *ev, const struct expr *expr, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_format(ev, expr, true, format, args);
    va_end(args);
}

void annotate_forced_monotonicity(struct evaluation *ev, const struct expr *expr, struct str metric, int64_t time_ms,
                                  double min_bucket, double max_bucket, double max_diff)
{
    char text[1024];
    int length = snprintf(
        text, sizeof(text),
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)%s%.*s%s",
        metric.length ? " for metric name \"" : "", STR_ARG(str_slice(metric, 0, 512)), metric.length ? "\"" : "");
    struct annotation *it = note(ev, expr, true, (struct str){ text, (size_t)length });

    if (!it)
        return;
    if (!it->monotonicity) {
        it->monotonicity = true;
        it->min_ms = it->max_ms = time_ms;
        it->min_bucket = min_bucket;
        it->max_bucket = max_bucket;
        it->max_diff = max_diff;
        return;
    }
    it->min_ms = time_ms < it->min_ms ? time_ms : it->min_ms;
    it->max_ms = time_ms > it->max_ms ? time_ms : it->max_ms;
    it->min_bucket = fmin(it->min_bucket, min_bucket);
    it->max_bucket = fmax(it->max_bucket, max_bucket);
    it->max_diff = fmax(it->max_diff, max_diff);
}

void annotate_start_overlap(struct evaluation *ev, const struct expr *expr, struct str metric)
{
    char text[1024];
    int length = snprintf(text, sizeof(text),
                          "PromQL warning: sample has start time that overlaps with previous sample timestamp for "
                          "metric \"%.*s\"",
                          STR_ARG(str_slice(metric, 0, 512)));
    struct annotation *it = note(ev, expr, false, (struct str){ text, (size_t)length });

    if (it)
        it->overlap = true;
}

static void add_time(struct buf *out, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    char text[64];
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    buf_add(out, str_of(text));
}

struct str number_text(struct arena *arena, double value)
{
    struct buf text CLEANUP(buf_clear) = { .max = 64 };

    float_add(&text, value, -4, 6);
    return str_copy(arena, buf_str(&text));
}

static void add_place(struct buf *out, struct str query, uint32_t from)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < from && i < query.length; i++) {
        column = query.at[i] == '\n' ? 1 : column + 1;
        line += query.at[i] == '\n';
    }
    buf_addf(out, " (%zu:%zu)", line, column);
}

static struct str whole_text(struct arena *arena, struct str query, const struct annotation *it)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 4096);
    buf_add(&text, it->text);
    if (query.length && it->monotonicity) {
        buf_add(&text, S(", from buckets "));
        buf_add(&text, number_text(arena, it->min_bucket));
        buf_add(&text, S(" to "));
        buf_add(&text, number_text(arena, it->max_bucket));
        buf_addf(&text, ", with a max diff of %.2g, over %llu samples from ", it->max_diff,
                 (unsigned long long)it->count);
        add_time(&text, it->min_ms);
        buf_add(&text, S(" to "));
        add_time(&text, it->max_ms);
    }
    if (query.length && it->overlap && it->count > 1)
        buf_addf(&text, " (%llu occurrences)", (unsigned long long)it->count);
    if (query.length && !it->placeless)
        add_place(&text, query, it->from);
    return str_copy(arena, buf_str(&text));
}

void annotations_list(const struct annotations *annotations, struct arena *arena, struct str query,
                      struct str_list *ret_warnings, struct str_list *ret_infos)
{
    size_t count = annotations->list.count;

    *ret_warnings = (struct str_list){ .at = arena_array(arena, count, sizeof(struct str)) };
    *ret_infos = (struct str_list){ .at = arena_array(arena, count, sizeof(struct str)) };
    for (size_t i = 0; i < count; i++) {
        const struct annotation *it = &annotations->list.at[i];
        struct str_list *list = it->info ? ret_infos : ret_warnings;
        list->at[list->count++] = whole_text(arena, query, it);
    }
}
