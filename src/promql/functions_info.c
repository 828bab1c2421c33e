/* functions_info.c - info(): labels of info series, such as target_info, for series of the same job and instance.
 *
 * DESIGN. Info series are those of the same moment that the samples are of: the modifiers of the first selector within
 * the argument, and of the subqueries around it, count for them too. For each set of name, job and instance the series
 * with the newest sample counts at a step. A series whose info changes becomes several. */
#include "promql/function.h"
#include "promql/label_set.h"
#include "promql/quote.h"
#include "promql/streams.h"

#include <math.h>
#include <string.h>

enum { NAMES_MAX = 8 * 1024 }; /* bytes of values in one matcher: more, and all info series are looked at */

static const struct str identifying[] = { { "instance", 8 }, { "job", 3 } };

/* Info series of one name, job and instance. */
struct info_family {
    struct str name;
    struct column **newest;       /* by step; NULL: none */
    const struct column *tied[2]; /* at step tied_at, two are equally new */
    size_t tied_at;
};

struct enrichment {
    struct evaluation *ev;
    const struct grid *grid;
    struct matcher *name_matchers, *data_matchers;
    size_t name_count, data_count;
    struct column_list base;
    struct label_table family_table; /* of labels, name included */
    VEC(struct info_family) families;
    VEC(struct str) names; /* different ones of info series */
    struct label_table result_table;
    VEC(struct column *) results;
};

/* split_matchers - those that say which info metrics, and those of their labels. */
static err split_matchers(struct enrichment *to, const struct expr *selector)
{
    struct arena *arena = to->ev->arena;
    size_t count = selector ? selector->selector.matcher_count : 0;
    bool positive = false;

    to->name_matchers = arena_array(arena, count + 1, sizeof(*to->name_matchers));
    to->data_matchers = arena_array(arena, count, sizeof(*to->data_matchers));
    for (size_t i = 0; i < count; i++) {
        const struct matcher *matcher = &selector->selector.matchers[i];
        if (!str_eq(matcher->name, S("__name__"))) {
            to->data_matchers[to->data_count++] = *matcher;
            continue;
        }
        to->name_matchers[to->name_count++] = *matcher;
        positive = positive || matcher->type == MATCH_EQ || matcher->type == MATCH_RE;
    }
    if (positive)
        return NULL;
    bool none = to->name_count == 0;
    return matcher_make(arena, none ? MATCH_EQ : MATCH_RE, S("__name__"), none ? S("target_info") : S(".+_info"),
                        &to->name_matchers[to->name_count++]);
}

static bool is_info(const struct enrichment *of, const struct column *column)
{
    return matchers_match(of->name_matchers, of->name_count,
                          (struct labels){ column->labels.at, column->labels.count });
}

/* moment_within - the modifiers that the first selector in the expression is read with, as if it stood alone. */
static err moment_within(const struct evaluation *ev, const struct expr *expr, struct modifiers *mods, bool *found)
{
    const struct modifiers *own = NULL;

    switch (expr->kind) {
    case EXPR_SELECTOR:
        own = &expr->selector.mods;
        *found = true;
        break;
    case EXPR_SUBQUERY:
        own = &expr->subquery.mods;
        break;
    case EXPR_CALL:
        for (size_t i = 0; i < expr->call.count && !*found; i++)
            TRY(moment_within(ev, expr->call.args[i], mods, found));
        return NULL;
    case EXPR_AGGREGATE:
        if (expr->aggregate.param)
            TRY(moment_within(ev, expr->aggregate.param, mods, found));
        return *found ? NULL : moment_within(ev, expr->aggregate.expr, mods, found);
    case EXPR_UNARY:
        return moment_within(ev, expr->unary.expr, mods, found);
    case EXPR_BINARY:
        TRY(moment_within(ev, expr->binary.left, mods, found));
        return *found ? NULL : moment_within(ev, expr->binary.right, mods, found);
    case EXPR_PAREN:
        return moment_within(ev, expr->paren, mods, found);
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_DURATION:
        return NULL;
    }
    struct modifiers before = *mods;
    int64_t offset_ms = 0;
    TRY(length_ms(ev, &own->offset, true, &offset_ms));
    if (own->at != AT_NONE)
        *mods = (struct modifiers){ .at = own->at, .at_ms = own->at_ms };
    mods->offset = (struct span_of_time){ .ms = time_plus(mods->offset.ms, offset_ms), .given = true };
    if (expr->kind == EXPR_SUBQUERY) {
        TRY(moment_within(ev, expr->subquery.expr, mods, found));
        if (!*found)
            *mods = before;
    }
    return NULL;
}

/* add_escaped - a value as a regular expression that matches it alone. */
static void add_escaped(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (strchr("\\.+*?()|[]{}^$", value.at[i]))
            buf_add_c(out, '\\');
        buf_add_c(out, value.at[i]);
    }
}

/* add_identifying - a matcher of the values that a label has in the base series; none where these are too many. */
static err add_identifying(struct enrichment *of, struct str name, struct matcher *matchers, size_t *count,
                           bool *ret_any)
{
    struct label_table seen = { .arena = of->ev->arena };
    struct buf pattern CLEANUP(buf_clear) = { 0 };
    struct str value;

    buf_init(&pattern, NAMES_MAX);
    for (size_t i = 0; i < of->base.count; i++) {
        value = labels_get(of->base.at[i]->labels, name);
        if (value.length == 0 || is_info(of, of->base.at[i]))
            continue;
        size_t known = seen.count;
        if (label_table_put(&seen, (struct labels){ &(struct label){ name, value }, 1 }) != known)
            continue;
        buf_add(&pattern, known ? S("|") : S(""));
        add_escaped(&pattern, value);
    }
    if (seen.count == 0)
        return NULL;
    *ret_any = true;
    if (pattern.failed)
        return NULL;
    if (seen.count == 1)
        return matcher_make(of->ev->arena, MATCH_EQ, name, seen.at[0].at[0].value, &matchers[(*count)++]);
    return matcher_make(of->ev->arena, MATCH_RE, name, buf_str(&pattern), &matchers[(*count)++]);
}

/* check_floats - info series are no histograms. */
static err check_floats(struct stream *stream)
{
    struct column *column;

    for (;;) {
        TRY(stream_next(stream, &column));
        if (!column)
            return NULL;
        for (size_t i = 0; i < stream->grid->steps; i++)
            if (column->present[i] == POINT_HISTOGRAM)
                return err_new(ERR_RANGE, "info sample should be float");
    }
}

/* read_info - the info series that may be needed, with the times of their samples as values. */
static err read_info(struct enrichment *of, const struct expr *call, struct column_list *ret_list)
{
    struct evaluation *ev = of->ev;
    struct matcher *matchers =
        arena_array(ev->arena, ARRAY_LEN(identifying) + of->name_count + of->data_count, sizeof(*matchers));
    struct expr *selector = arena_alloc(ev->arena, sizeof(*selector));
    struct stream *stream;
    size_t count = 0;
    bool any = false, found = false;

    *ret_list = (struct column_list){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(identifying); i++)
        TRY(add_identifying(of, identifying[i], matchers, &count, &any));
    if (!any)
        return NULL;
    for (size_t i = 0; i < of->data_count; i++)
        matchers[count++] = of->data_matchers[i];
    for (size_t i = 0; i < of->name_count; i++)
        matchers[count++] = of->name_matchers[i];
    *selector = (struct expr){ .kind = EXPR_SELECTOR, .type = TYPE_VECTOR, .from = call->from, .to = call->to };
    selector->selector.matchers = matchers;
    selector->selector.matcher_count = count;
    TRY(moment_within(ev, call->call.args[0], &selector->selector.mods, &found));
    TRY(selector_open(ev, of->grid, selector, SELECT_VALUES, &stream));
    TRY(check_floats(stream));
    TRY(selector_open(ev, of->grid, selector, SELECT_TIMES, &stream));
    return columns_read(stream, ret_list);
}

/* family_labels - name, job and instance of a series under an info metric's name. */
static struct labels family_labels(struct arena *arena, struct labels labels, struct str name)
{
    struct labels family = labels_with(arena, (struct labels){ 0 }, S("__name__"), name);

    for (size_t i = 0; i < ARRAY_LEN(identifying); i++)
        family = labels_with(arena, family, identifying[i], labels_get(labels, identifying[i]));
    return family;
}

/* add_info - let the newest of a family count at each step. */
static void add_info(struct enrichment *to, struct column *column)
{
    struct arena *arena = to->ev->arena;
    struct str name = labels_name(column->labels);
    size_t known = to->families.count, index;
    bool named = false;

    index = label_table_put(&to->family_table, family_labels(arena, column->labels, name));
    if (index == known) {
        struct column **newest = arena_array(arena, to->grid->steps, sizeof(struct column *));
        *vec_push(&to->families, arena) = (struct info_family){ .name = name, .newest = newest };
        for (size_t i = 0; i < to->names.count; i++)
            named = named || str_eq(to->names.at[i], name);
        if (!named)
            *vec_push(&to->names, arena) = name;
    }
    struct info_family *family = &to->families.at[index];
    for (size_t i = 0; i < to->grid->steps; i++) {
        if (!column->present[i])
            continue;
        const struct column *before = family->newest[i];
        if (before && before->values[i] == column->values[i] && !family->tied[0]) {
            family->tied[0] = before;
            family->tied[1] = column;
            family->tied_at = i;
        }
        if (!before || before->values[i] < column->values[i])
            family->newest[i] = column;
    }
}

/* series_text - a series as Prometheus' errors write it: {__name__="a", b="c"}. */
static struct str series_text(struct arena *arena, struct labels labels)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < labels.count; i++) {
        buf_add(&text, i ? S(", ") : S("{"));
        label_name_add(&text, labels.at[i].name);
        buf_add_c(&text, '=');
        quote_add(&text, labels.at[i].value);
    }
    buf_add(&text, labels.count ? S("}") : S("{}"));
    return str_copy(arena, buf_str(&text));
}

static err check_ties(const struct enrichment *of)
{
    for (size_t i = 0; i < of->families.count; i++) {
        const struct info_family *family = &of->families.at[i];
        if (!family->tied[0])
            continue;
        long long time_ms = llround(family->tied[0]->values[family->tied_at] * 1000);
        return err_new(ERR_RANGE, "found duplicate series for info metric: existing %.*s @ %lld, new %.*s @ %lld",
                       STR_ARG(series_text(of->ev->arena, family->tied[0]->labels)), time_ms,
                       STR_ARG(series_text(of->ev->arena, family->tied[1]->labels)), time_ms);
    }
    return NULL;
}

/* enriched - the labels of a base series with those of its info series. */
static err enriched(struct enrichment *of, struct labels base, struct column *const *infos, size_t count,
                    struct labels *ret_labels)
{
    struct labels added = { 0 };

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; infos[i] && at < infos[i]->labels.count; at++) {
            const struct label *label = &infos[i]->labels.at[at];
            bool wanted = of->data_count == 0;
            for (size_t m = 0; m < of->data_count; m++)
                wanted = wanted || str_eq(of->data_matchers[m].name, label->name);
            if (!wanted || str_eq(label->name, S("__name__")))
                continue;
            struct str before = labels_get(added, label->name);
            if (before.length && !str_eq(before, label->value))
                return err_new(ERR_RANGE, "conflicting label: %.*s", STR_ARG(label->name));
            if (labels_get(base, label->name).length == 0)
                added = labels_with(of->ev->arena, added, label->name, label->value);
        }
    }
    for (size_t i = 0; i < added.count; i++)
        base = labels_with(of->ev->arena, base, added.at[i].name, added.at[i].value);
    *ret_labels = base;
    return NULL;
}

static struct column *result_for(struct enrichment *to, struct labels labels, bool drop_name)
{
    size_t known = to->results.count, index = label_table_put(&to->result_table, labels);

    if (index == known) {
        struct column *made = column_new(to->ev, to->grid);
        made->labels = labels;
        made->drop_name = drop_name;
        *vec_push(&to->results, to->ev->arena) = made;
    }
    return to->results.at[index];
}

static err copy_point(struct enrichment *of, const struct column *from, struct column *to, size_t step)
{
    if (to->present[step])
        return err_new(ERR_RANGE, "vector cannot contain metrics with the same labelset");
    to->present[step] = from->present[step];
    to->values[step] = from->values[step];
    if (from->present[step] == POINT_HISTOGRAM) {
        column_histograms(of->ev, of->grid, to);
        to->histograms[step] = from->histograms[step];
    }
    return NULL;
}

/* enrich - one base series. Without any info it stays as it is, where the matchers allow labels that aren't there. */
static err enrich(struct enrichment *of, const struct column *base)
{
    struct arena *arena = of->ev->arena;
    size_t count = is_info(of, base) ? 0 : of->names.count;
    struct column **infos = arena_array(arena, count, sizeof(*infos)), *to = NULL;
    size_t *families = arena_array(arena, count, sizeof(*families));
    bool must = false;

    for (size_t i = 0; i < of->data_count && !is_info(of, base); i++)
        must = must || !matcher_matches(&of->data_matchers[i], S(""));
    for (size_t i = 0; i < count; i++)
        families[i] = label_table_put(&of->family_table, family_labels(arena, base->labels, of->names.at[i]));
    for (size_t step = 0; step < of->grid->steps; step++) {
        bool changed = !to, any = false;
        if (!base->present[step])
            continue;
        for (size_t i = 0; i < count; i++) {
            bool there = families[i] < of->families.count;
            struct column *info = there ? of->families.at[families[i]].newest[step] : NULL;
            changed = changed || info != infos[i];
            any = any || info;
            infos[i] = info;
        }
        if (must && !any)
            continue;
        if (changed) {
            struct labels labels;
            TRY(enriched(of, base->labels, infos, count, &labels));
            to = result_for(of, labels, base->drop_name);
        }
        TRY(copy_point(of, base, to, step));
    }
    return NULL;
}

static err info_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     struct stream **ret_stream)
{
    struct enrichment of = { .ev = ev, .grid = grid };
    struct column_list infos;
    struct stream *base;

    of.family_table.arena = of.result_table.arena = ev->arena;
    TRY(split_matchers(&of, call->call.count > 1 ? expr_bare(call->call.args[1]) : NULL));
    TRY(stream_open(ev, grid, call->call.args[0], &base));
    TRY(columns_read(base, &of.base));
    TRY(read_info(&of, call, &infos));
    for (size_t i = 0; i < infos.count; i++) {
        TRY(evaluation_check(ev));
        add_info(&of, infos.at[i]);
    }
    TRY(check_ties(&of));
    for (size_t i = 0; i < of.base.count; i++) {
        TRY(evaluation_check(ev));
        TRY(enrich(&of, of.base.at[i]));
    }
    *ret_stream = stream_of_columns(ev, grid, (struct column_list){ of.results.at, of.results.count });
    return NULL;
}

static const struct function function_info = {
    .name = "info",
    .doc = "The vector with the labels of its info series, target_info unless the second argument selects others.",
    .args = { TYPE_VECTOR, TYPE_VECTOR },
    .arg_count = 2,
    .optional = 1,
    .result = TYPE_VECTOR,
    .experimental = true,
    .keeps_name = true,
    .open = info_open,
};
REGISTER(function, function_info);
