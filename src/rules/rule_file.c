/* rule_file.c - reads rule files: the schema's checks, then expressions and texts. */
#include "rules/rule_file.h"

#include "promql/parse.h"
#include "schema/yaml.h"

#include <math.h>

static bool is_metric_name(struct str name)
{
    return name.length && str_is_utf8(name);
}

/* is_label_name - any UTF-8 is one, but the name of the metric may not be set by a rule. */
static bool is_label_name(struct str name)
{
    return name.length && str_is_utf8(name) && !str_eq(name, S("__name__"));
}

static void check_rule(const void *object, struct str path, err *e)
{
    const struct rule *rule = object;
    struct buf where CLEANUP(buf_clear) = { .max = 4096 };

    buf_addf(&where, "%.*sexpr", STR_ARG(path));
    if (!rule->record.length == !rule->alert.length) {
        err_add_field(e, ERR_INVALID, buf_c(&where), "a rule has either 'record' or 'alert'");
        return;
    }
    if (rule->record.length && (rule->hold.ms || rule->keep_firing_for.ms || rule->annotations.count))
        err_add_field(e, ERR_INVALID, buf_c(&where),
                      "'for', 'keep_firing_for' and 'annotations' are for alerting rules");
    if (rule->record.length && !is_metric_name(rule->record))
        err_add_field(e, ERR_INVALID, buf_c(&where), "'record' must be the name of a metric");
    for (size_t i = 0; i < rule->labels.count; i++)
        if (!is_label_name(rule->labels.at[i].key))
            err_add_field(e, ERR_INVALID, buf_c(&where), "'%.*s' is no name for a label",
                          STR_ARG(str_utf8_head(rule->labels.at[i].key, 100)));
}

static const struct field rule_fields[] = {
    STRING(struct rule, record, .max = 1024, .doc = "Name of the series that the result is stored as."),
    STRING(struct rule, alert, .max = 1024, .doc = "Name of the alert."),
    STRING(struct rule, expr, .flags = F_REQUIRED, .min = 1, .max = 65536,
           .doc = "PromQL: what is stored, or when it fires."),
    DURATION(struct rule, hold, .name = "for", .def = "0s", .doc = "It must hold this long before it fires."),
    DURATION(struct rule, keep_firing_for, .def = "0s", .doc = "It goes on firing this long after it no longer holds."),
    PAIRS(struct rule, labels, .doc = "Added to the series' own; of alerts they may be templates."),
    PAIRS(struct rule, annotations, .doc = "Texts of the alert; Go templates with $labels, $value."),
    { 0 },
};
static const struct schema rule_schema = SCHEMA(struct rule, rule_fields, .doc = "A rule.", .check = check_rule);

static const struct field group_fields[] = {
    STRING(struct rule_group, name, .flags = F_REQUIRED, .min = 1, .doc = "Name of the group, unique in its file."),
    DURATION(struct rule_group, interval, .def = "0s", .doc = "How often its rules are evaluated; 0: as global says."),
    DURATION(struct rule_group, query_offset, .def = "0s", .doc = "Evaluated as of this long ago; 0: as global says."),
    INT(struct rule_group, limit, .def = "0", .max = -1, .doc = "Series or alerts that a rule may give; 0: no limit."),
    PAIRS(struct rule_group, labels, .doc = "Added to every rule's labels."),
    LIST(struct rule_group, rules, .schema = &rule_schema, .doc = "Its rules, evaluated one after the other."),
    { 0 },
};
static const struct schema rule_group_schema = SCHEMA(struct rule_group, group_fields, .doc = "A group of rules.");

static const struct field rule_file_fields[] = {
    LIST(struct rule_file, groups, .schema = &rule_group_schema, .doc = "Groups."),
    { 0 },
};
static const struct schema rule_file_schema = SCHEMA(struct rule_file, rule_file_fields, .doc = "A rule file.");

/* threshold_of - the number that the expression compares with at its top. */
static double threshold_of(struct expr *expr)
{
    expr = expr_bare(expr);
    if (expr->kind != EXPR_BINARY || expr->binary.op < OP_EQ || expr->binary.op > OP_GE)
        return NAN;
    const struct expr *right = expr_bare(expr->binary.right);
    return right->kind == EXPR_NUMBER ? right->number : NAN;
}

static err compile_texts(struct arena *arena, const struct rule *rule, const struct pair *pairs, size_t count,
                         struct template ***ret_texts)
{
    const struct template_options options = {
        .name = str_c(arena, str_printf(arena, "__alert_%.*s", STR_ARG(rule->alert))),
        .sets = { template_text_functions, rule_template_functions },
        .variables = rule_template_variables,
    };

    *ret_texts = arena_array(arena, count ? count : 1, sizeof(**ret_texts));
    for (size_t i = 0; i < count; i++)
        TRY(err_wrap(template_parse(arena, pairs[i].value, &options, NULL, &(*ret_texts)[i]), "%.*s",
                     STR_ARG(str_utf8_head(pairs[i].key, 100))));
    return NULL;
}

/* inherit - a group's labels are its rules', unless a rule says otherwise. */
static void inherit(struct arena *arena, const struct rule_group *group, struct rule *rule)
{
    for (size_t i = 0; i < group->labels.count; i++) {
        size_t at = 0;
        while (at < rule->labels.count && !str_eq(rule->labels.at[at].key, group->labels.at[i].key))
            at++;
        if (at == rule->labels.count)
            *vec_push(&rule->labels, arena) = group->labels.at[i];
    }
}

static err compile(struct arena *arena, const struct rule_group *group, struct rule *rule)
{
    inherit(arena, group, rule);
    TRY(promql_parse(arena, rule->expr, &promql_all_features, &rule->parsed));
    if (rule->parsed->type != TYPE_VECTOR && rule->parsed->type != TYPE_SCALAR)
        return err_new(ERR_INVALID, "a rule's expression must give an instant vector or a scalar, not a %s",
                       value_type_name(rule->parsed->type));
    rule->threshold = threshold_of(rule->parsed);
    if (rule->record.length)
        return NULL;
    TRY(compile_texts(arena, rule, rule->labels.at, rule->labels.count, &rule->label_texts));
    return compile_texts(arena, rule, rule->annotations.at, rule->annotations.count, &rule->annotation_texts);
}

err rule_file_parse(struct arena *arena, struct str text, const char *file, struct rule_file *ret_file)
{
    const struct json *json;
    err faults = NULL;

    TRY(yaml_parse(arena, text, file, &json));
    TRY(schema_parse(&(struct schema_options){ .arena = arena, .file = file }, &rule_file_schema, json, ret_file));
    for (size_t i = 0; i < ret_file->groups.count; i++) {
        struct rule_group *group = &ret_file->groups.at[i];
        for (size_t other = 0; other < i; other++)
            if (str_eq(ret_file->groups.at[other].name, group->name))
                err_add_field(&faults, ERR_INVALID, str_printf(arena, "groups[%zu].name", i).at,
                              "%s: groups[%zu]: the group '%.*s' stands in this file already", file, i,
                              STR_ARG(group->name));
        for (size_t j = 0; j < group->rules.count; j++) {
            struct rule *rule = &group->rules.at[j];
            err e CLEANUP(err_freep) = compile(arena, group, rule);
            if (e)
                err_add_field(&faults, ERR_INVALID, str_printf(arena, "groups[%zu].rules[%zu]", i, j).at,
                              "%s: groups[%zu].rules[%zu] (%.*s): %s", file, i, j,
                              STR_ARG(rule->alert.length ? rule->alert : rule->record), err_message(e));
        }
    }
    return faults;
}
