/* rule_text.c - the functions of alert texts that look at series: query and what picks from its answer. */
#include "promql/query.h"
#include "rules/alerting.h"

#include <ctype.h>
#include <stdlib.h>

enum { QUERY_BYTES = 8 << 20, SAMPLES_MAX = 1000 };

const char *const rule_template_variables[] = { "labels", "externalLabels", "externalURL", "value", NULL };

/* query - a list of samples, each with .Labels and .Value. */
static err run_query(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct alert_texts *texts = template_run_arg(run);
    struct arena *arena = template_run_arena(run);
    struct expr *expr;
    struct query_result answer;

    (void)count;
    if (args[0].kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "a query is a string, not a %s", value_kind_name(args[0].kind));
    TRY(promql_parse(arena, args[0].text, &promql_all_features, &expr));
    TRY(promql_query(&(struct query){ .source = texts->series,
                                      .arena = arena,
                                      .expr = expr,
                                      .start_ms = texts->time_ms,
                                      .end_ms = texts->time_ms,
                                      .features = &promql_all_features,
                                      .limits = &(struct promql_limits){ .bytes_max = QUERY_BYTES } },
                     &answer));
    *ret_value = value_list_new(arena);
    for (size_t i = 0; i < answer.count && i < SAMPLES_MAX && answer.at; i++) {
        struct value sample = value_map_new(arena);
        sample.map->fields = true;
        value_put(arena, sample, S("Labels"), value_labels(arena, answer.at[i].labels));
        value_put(arena, sample, S("Value"), value_float(answer.at[i].points[0].value));
        value_push(arena, *ret_value, sample);
    }
    return NULL;
}

static err first(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    if (args[0].kind != VALUE_LIST || !args[0].list->items.count)
        return err_new(ERR_RANGE, "first() called on vector with no elements");
    *ret_value = args[0].list->items.at[0];
    return NULL;
}

static err member(const struct value *sample, struct str name, struct value *ret_value)
{
    const struct value *found = value_get(sample, name);

    if (!found)
        return err_new(ERR_RANGE, "expected a sample of a query");
    *ret_value = *found;
    return NULL;
}

static err value_of(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    return member(&args[0], S("Value"), ret_value);
}

static err label(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct value labels;

    (void)run, (void)count;
    if (args[0].kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "a label's name is a string");
    TRY(member(&args[1], S("Labels"), &labels));
    const struct value *found = value_get(&labels, args[0].text);
    *ret_value = found ? *found : value_text(S(""));
    return NULL;
}

/* strvalue - the label that count_values made. */
static err text_value(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct value both[] = { value_text(S("__value__")), args[0] };

    return label(run, both, count + 1, ret_value);
}

struct keyed {
    struct str key;
    struct value sample;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

static err sort_by_label(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct arena *arena = template_run_arena(run);

    (void)count;
    if (args[0].kind != VALUE_TEXT || args[1].kind != VALUE_LIST)
        return err_new(ERR_RANGE, "sortByLabel takes a label's name and the answer of a query");
    size_t items = args[1].list->items.count;
    struct keyed *keyed = arena_array(arena, items ? items : 1, sizeof(*keyed));
    for (size_t i = 0; i < items; i++) {
        const struct value both[] = { args[0], args[1].list->items.at[i] };
        struct value key;
        TRY(label(run, both, 2, &key));
        keyed[i] = (struct keyed){ key.text, both[1] };
    }
    qsort(keyed, items, sizeof(*keyed), by_key);
    *ret_value = value_list_new(arena);
    for (size_t i = 0; i < items; i++)
        value_push(arena, *ret_value, keyed[i].sample);
    return NULL;
}

static err external_url(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct alert_texts *texts = template_run_arg(run);

    (void)args, (void)count;
    *ret_value = value_text(texts->external_url);
    return NULL;
}

/* now - the time of the evaluation, in seconds. */
static err now(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct alert_texts *texts = template_run_arg(run);

    (void)args, (void)count;
    *ret_value = value_float((double)texts->time_ms / 1000);
    return NULL;
}

/* pathPrefix - the path of the external URL. */
static err path_prefix(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    const struct alert_texts *texts = template_run_arg(run);
    struct str url = texts->external_url;
    size_t host = str_find(url, S("://"), 0), path = str_find(url, S("/"), host == SIZE_MAX ? 0 : host + 3);

    (void)args, (void)count;
    *ret_value = value_text(str_slice(url, path, url.length));
    return NULL;
}

/* link - an expression as an address of the page that shows it. */
static err link_to(struct template_run *run, const struct value *expr, const char *tab, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 1 << 16 };

    if (expr->kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "an expression is a string");
    buf_add(&out, S("/explore?expr="));
    for (size_t i = 0; i < expr->text.length; i++) {
        unsigned char c = (unsigned char)expr->text.at[i];
        if (isalnum(c))
            buf_add_c(&out, (char)c);
        else
            buf_addf(&out, "%%%02X", c);
    }
    buf_add(&out, str_of(tab));
    TRY(buf_check(&out));
    *ret_value = value_text(str_copy(template_run_arena(run), buf_str(&out)));
    return NULL;
}

static err graph_link(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)count;
    return link_to(run, &args[0], "", ret_value);
}

static err table_link(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)count;
    return link_to(run, &args[0], "&tab=table", ret_value);
}

/* tmpl - {{ template }} where the name is worked out. */
static err named_template(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct str text;

    (void)count;
    if (args[0].kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "tmpl takes the name of a template");
    TRY(template_call(run, args[0].text, args[1], &text));
    *ret_value = value_text(text);
    return NULL;
}

const struct template_function rule_template_functions[] = {
    { "query", 1, 1, run_query },
    { "first", 1, 1, first },
    { "value", 1, 1, value_of },
    { "label", 2, 2, label },
    { "strvalue", 1, 1, text_value },
    { "sortByLabel", 2, 2, sort_by_label },
    { "now", 0, 0, now },
    { "externalURL", 0, 0, external_url },
    { "pathPrefix", 0, 0, path_prefix },
    { "graphLink", 1, 1, graph_link },
    { "tableLink", 1, 1, table_link },
    { "tmpl", 2, 2, named_template },
    { NULL, 0, 0, NULL },
};
