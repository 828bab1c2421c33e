/* relabel.c - applies relabelling rules, one after the other. */
#include "scrape/relabel.h"

#include "model/capture.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

static const char *const actions[] = { "replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
                                       "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase", NULL };

static void check_config(const void *object, struct str path, err *e)
{
    const struct relabel_config *config = object;
    struct buf where CLEANUP(buf_clear) = { .max = 4096 };
    bool targets = config->action == RELABEL_REPLACE || config->action == RELABEL_HASHMOD ||
                   config->action == RELABEL_LOWERCASE || config->action == RELABEL_UPPERCASE ||
                   config->action == RELABEL_KEEPEQUAL || config->action == RELABEL_DROPEQUAL;

    buf_addf(&where, "%.*saction", STR_ARG(path));
    if (targets && !config->target_label.length)
        err_add_field(e, ERR_INVALID, buf_c(&where), "'%s' wants a 'target_label'", actions[config->action]);
    if (config->action == RELABEL_HASHMOD && config->modulus <= 0)
        err_add_field(e, ERR_INVALID, buf_c(&where), "'hashmod' wants a 'modulus'");
}

static const struct field relabel_fields[] = {
    STRINGS(struct relabel_config, source_labels, .doc = "Their values, joined, are what the expression is about."),
    STRING(struct relabel_config, separator, .def = ";", .doc = "Stands between the values."),
    STRING(struct relabel_config, target_label, .doc = "The label that is written."),
    STRING(struct relabel_config, regex, .def = "(.*)", .max = 16384, .doc = "RE2, anchored at both ends."),
    INT(struct relabel_config, modulus, .def = "0", .min = 0, .max = -1, .doc = "Of hashmod."),
    STRING(struct relabel_config, replacement, .def = "$1", .doc = "What is written; $1 and ${name} are groups."),
    ENUM(struct relabel_config, action, .words = actions, .def = "replace", .doc = "What to do."),
    { 0 },
};
const struct schema relabel_config_schema = SCHEMA(
    struct relabel_config, relabel_fields, .doc = "A relabelling rule, as Prometheus has it.", .check = check_config);

struct rule {
    const struct relabel_config *config;
    const struct capture *regex;
};

struct relabel {
    VEC(struct rule) rules;
};

err relabel_compile(struct arena *arena, const struct relabel_config *configs, size_t count,
                    const struct relabel **ret_relabel)
{
    struct relabel *relabel = arena_alloc(arena, sizeof(*relabel));

    for (size_t i = 0; i < count; i++) {
        struct rule *rule = vec_push(&relabel->rules, arena);
        rule->config = &configs[i];
        TRY(capture_make(arena, configs[i].regex, &rule->regex));
    }
    *ret_relabel = relabel;
    return NULL;
}

/* The set while it changes: few labels, so a list does. */
struct working {
    struct arena *arena;
    VEC(struct label) labels;
};

static struct str get(const struct working *set, struct str name)
{
    for (size_t i = 0; i < set->labels.count; i++)
        if (str_eq(set->labels.at[i].name, name))
            return set->labels.at[i].value;
    return S("");
}

/* put - an empty value removes the label. */
static void put(struct working *set, struct str name, struct str value)
{
    size_t at = 0;

    while (at < set->labels.count && !str_eq(set->labels.at[at].name, name))
        at++;
    if (at == set->labels.count)
        *vec_push(&set->labels, set->arena) = (struct label){ name, S("") };
    set->labels.at[at].value = value;
    if (!value.length)
        set->labels.at[at] = set->labels.at[--set->labels.count];
}

static struct str joined(const struct working *set, const struct relabel_config *config)
{
    struct buf out CLEANUP(buf_clear) = { .max = 1 << 20 };

    if (config->source_labels.count == 1)
        return get(set, config->source_labels.at[0]);
    for (size_t i = 0; i < config->source_labels.count; i++) {
        if (i)
            buf_add(&out, config->separator);
        buf_add(&out, get(set, config->source_labels.at[i]));
    }
    return str_copy(set->arena, buf_str(&out));
}

/* bucket_of - the last eight bytes of the MD5, big-endian, as Prometheus shards: two servers must agree. */
static struct str bucket_of(struct arena *arena, struct str text, int64_t modulus)
{
    unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };
    uint64_t number = 0;

    EVP_Digest(text.at ? text.at : "", text.length, hash, NULL, EVP_md5(), NULL);
    for (int i = 8; i < 16; i++)
        number = number << 8 | hash[i];
    return str_printf(arena, "%llu", (unsigned long long)(number % (uint64_t)modulus));
}

static struct str changed_case(struct arena *arena, struct str text, int (*change)(int))
{
    char *copy = str_c(arena, text);

    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)copy[i] < 0x80)
            copy[i] = (char)change((unsigned char)copy[i]);
    return (struct str){ copy, text.length };
}

static bool is_label_name(struct str name)
{
    return name.length && str_is_utf8(name);
}

static void map_labels(struct working *set, const struct rule *rule)
{
    VEC(struct label) added = { 0 };
    struct str name;

    for (size_t i = 0; i < set->labels.count; i++)
        if (capture_expand(rule->regex, set->arena, set->labels.at[i].name, rule->config->replacement, &name) &&
            is_label_name(name))
            *vec_push(&added, set->arena) = (struct label){ name, set->labels.at[i].value };
    for (size_t i = 0; i < added.count; i++)
        put(set, added.at[i].name, added.at[i].value);
}

static void filter_labels(struct working *set, const struct rule *rule, bool keep)
{
    struct str ignored;

    for (size_t i = set->labels.count; i-- > 0;)
        if (capture_expand(rule->regex, set->arena, set->labels.at[i].name, S(""), &ignored) != keep)
            set->labels.at[i] = set->labels.at[--set->labels.count];
}

static void replace(struct working *set, const struct rule *rule, struct str value)
{
    struct str name, text;

    if (!capture_expand(rule->regex, set->arena, value, rule->config->target_label, &name) || !is_label_name(name))
        return;
    if (capture_expand(rule->regex, set->arena, value, rule->config->replacement, &text))
        put(set, name, text);
}

/* step - false: dropped. */
static bool step(struct working *set, const struct rule *rule)
{
    const struct relabel_config *config = rule->config;
    struct str value = joined(set, config), ignored;

    switch ((enum relabel_action)config->action) {
    case RELABEL_REPLACE:
        replace(set, rule, value);
        return true;
    case RELABEL_KEEP:
        return capture_expand(rule->regex, set->arena, value, S(""), &ignored);
    case RELABEL_DROP:
        return !capture_expand(rule->regex, set->arena, value, S(""), &ignored);
    case RELABEL_KEEPEQUAL:
        return str_eq(get(set, config->target_label), value);
    case RELABEL_DROPEQUAL:
        return !str_eq(get(set, config->target_label), value);
    case RELABEL_HASHMOD:
        put(set, config->target_label, bucket_of(set->arena, value, config->modulus));
        return true;
    case RELABEL_LABELMAP:
        map_labels(set, rule);
        return true;
    case RELABEL_LABELDROP:
        filter_labels(set, rule, false);
        return true;
    case RELABEL_LABELKEEP:
        filter_labels(set, rule, true);
        return true;
    case RELABEL_LOWERCASE:
        put(set, config->target_label, changed_case(set->arena, value, tolower));
        return true;
    case RELABEL_UPPERCASE:
        put(set, config->target_label, changed_case(set->arena, value, toupper));
        return true;
    }
    return true;
}

bool relabel_apply(const struct relabel *relabel, struct arena *arena, struct labels labels, struct labels *ret_labels)
{
    struct working set = { .arena = arena };

    for (size_t i = 0; i < labels.count; i++)
        *vec_push(&set.labels, arena) = labels.at[i];
    for (size_t i = 0; i < relabel->rules.count; i++)
        if (!step(&set, &relabel->rules.at[i]))
            return false;
    *ret_labels = labels_make(arena, set.labels.at, set.labels.count);
    return true;
}
