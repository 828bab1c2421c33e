/* functions_label.c - labels made of labels: label_replace, label_join. */
#include "model/capture.h"
#include "promql/function.h"
#include "promql/streams.h"

struct relabelling {
    struct str target;
    /* label_replace */
    const struct capture *capture;
    struct str template, source;
    /* label_join */
    struct str separator, *sources;
    size_t source_count;
};

static bool is_label_name(struct str name)
{
    return name.length > 0 && str_is_utf8(name);
}

static struct str text_argument(const struct expr *call, size_t index)
{
    return expr_bare(call->call.args[index])->text;
}

/* replaced - the new value; false where the source doesn't match, and the series stays as it is. */
static bool replaced(struct arena *arena, const struct relabelling *how, struct labels labels, struct str *ret_value)
{
    if (how->capture)
        return capture_expand(how->capture, arena, labels_get(labels, how->source), how->template, ret_value);
    struct buf joined CLEANUP(buf_clear) = { 0 };
    buf_init(&joined, 1 << 20);
    for (size_t i = 0; i < how->source_count; i++) {
        buf_add(&joined, i ? how->separator : S(""));
        buf_add(&joined, labels_get(labels, how->sources[i]));
    }
    *ret_value = str_copy(arena, buf_str(&joined));
    return true;
}

/* relabelled - of all series, as two may have become one. */
static err relabelled(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                      const struct relabelling *how, struct stream **ret_stream)
{
    struct column_list list;
    struct stream *input;

    TRY(stream_open(ev, grid, call->call.args[0], &input));
    TRY(columns_read(input, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct column *column = list.at[i];
        struct str value;
        TRY(evaluation_check(ev));
        if (!replaced(ev->arena, how, column->labels, &value))
            continue;
        column->labels = labels_with(ev->arena, column->labels, how->target, value);
        if (str_eq(how->target, S("__name__")))
            column->drop_name = false; /* a name that was asked for stays */
    }
    TRY(columns_merge(ev, grid, &list));
    *ret_stream = stream_of_columns(ev, grid, list);
    return NULL;
}

static err label_replace_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                              struct stream **ret_stream)
{
    struct relabelling how = {
        .target = text_argument(call, 1),
        .template = text_argument(call, 2),
        .source = text_argument(call, 3),
    };
    struct str pattern = text_argument(call, 4);
    err why = capture_make(ev->arena, pattern, &how.capture);

    if (why) {
        err e = err_new(ERR_RANGE, "invalid regular expression in label_replace(): %.*s", STR_ARG(pattern));
        e = err_hint(e, "%s", err_message(why));
        err_free(why);
        return e;
    }
    if (!is_label_name(how.target))
        return err_new(ERR_RANGE, "invalid destination label name in label_replace(): %.*s", STR_ARG(how.target));
    return relabelled(ev, grid, call, &how, ret_stream);
}

static err label_join_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                           struct stream **ret_stream)
{
    struct relabelling how = {
        .target = text_argument(call, 1),
        .separator = text_argument(call, 2),
        .source_count = call->call.count - 3,
    };

    how.sources = arena_array(ev->arena, how.source_count, sizeof(*how.sources));
    for (size_t i = 0; i < how.source_count; i++) {
        how.sources[i] = text_argument(call, i + 3);
        if (!is_label_name(how.sources[i]))
            return err_new(ERR_RANGE, "invalid source label name in label_join(): %.*s", STR_ARG(how.sources[i]));
    }
    if (!is_label_name(how.target))
        return err_new(ERR_RANGE, "invalid destination label name in label_join(): %.*s", STR_ARG(how.target));
    return relabelled(ev, grid, call, &how, ret_stream);
}

static const struct function function_label_replace = {
    .name = "label_replace",
    .doc = "Sets a label from another by a regular expression: (vector, target, replacement, source, regex).",
    .args = { TYPE_VECTOR, TYPE_STRING, TYPE_STRING, TYPE_STRING, TYPE_STRING },
    .arg_count = 5,
    .result = TYPE_VECTOR,
    .keeps_name = true,
    .open = label_replace_open,
};
REGISTER(function, function_label_replace);

static const struct function function_label_join = {
    .name = "label_join",
    .doc = "Sets a label to the values of others, joined: (vector, target, separator, sources...).",
    .args = { TYPE_VECTOR, TYPE_STRING, TYPE_STRING, TYPE_STRING },
    .arg_count = 4,
    .variadic = -1,
    .optional = 1,
    .result = TYPE_VECTOR,
    .keeps_name = true,
    .open = label_join_open,
};
REGISTER(function, function_label_join);
