/* target.c - from an address and labels to a target, by way of relabelling. */
#include "scrape/target.h"

#include "schema/yaml.h"

#include <ctype.h>

/* Labels in the making. */
struct draft {
    struct arena *arena;
    VEC(struct label) labels;
};

static void add(struct draft *draft, struct str name, struct str value)
{
    *vec_push(&draft->labels, draft->arena) = (struct label){ name, value };
}

static struct str duration_text(struct arena *arena, int64_t ms)
{
    struct buf out CLEANUP(buf_clear) = { .max = 100 };

    duration_add(&out, (struct duration){ ms });
    return str_copy(arena, buf_str(&out));
}

static void add_params(struct draft *draft, const struct json *params)
{
    for (size_t i = 0; params && i < params->object.count; i++) {
        const struct json_member *member = &params->object.members[i];
        if (member->value->type == JSON_ARRAY && member->value->array.count &&
            member->value->array.items[0]->type == JSON_STRING)
            add(draft, str_printf(draft->arena, "__param_%.*s", STR_ARG(member->key)),
                member->value->array.items[0]->string);
    }
}

static void url_encode(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
            buf_add_c(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

static void add_param(struct buf *url, struct str name, struct str value)
{
    bool first = str_find(buf_str(url), S("?"), 0) == SIZE_MAX;

    buf_add_c(url, first ? '?' : '&');
    url_encode(url, name);
    buf_add_c(url, '=');
    url_encode(url, value);
}

/* url_of - __param_ labels give each parameter's first value, the configuration the others. */
static err url_of(struct arena *arena, struct labels labels, const struct json *params, struct str *ret_url)
{
    struct buf url CLEANUP(buf_clear) = { .max = 1 << 16 };

    buf_addf(&url, "%.*s://%.*s%.*s", STR_ARG(labels_get(labels, S("__scheme__"))),
             STR_ARG(labels_get(labels, S("__address__"))), STR_ARG(labels_get(labels, S("__metrics_path__"))));
    for (size_t i = 0; i < labels.count; i++)
        if (str_starts(labels.at[i].name, S("__param_")))
            add_param(&url, str_slice(labels.at[i].name, 8, labels.at[i].name.length), labels.at[i].value);
    for (size_t i = 0; params && i < params->object.count; i++) {
        const struct json *list = params->object.members[i].value;
        for (size_t k = 1; list->type == JSON_ARRAY && k < list->array.count; k++)
            if (list->array.items[k]->type == JSON_STRING)
                add_param(&url, params->object.members[i].key, list->array.items[k]->string);
    }
    TRY(buf_check(&url));
    *ret_url = str_copy(arena, buf_str(&url));
    return NULL;
}

static err check_address(struct str address)
{
    if (!address.length)
        return err_new(ERR_INVALID, "no address");
    for (size_t i = 0; i < address.length; i++)
        if (address.at[i] == '/' || (unsigned char)address.at[i] <= ' ')
            return err_new(ERR_INVALID, "'%.*s' is not a valid hostname: it may not hold '/' or blanks",
                           STR_ARG(str_utf8_head(address, 200)));
    return NULL;
}

static err span(struct labels labels, struct str name, int64_t *ret_ms)
{
    struct duration duration;
    struct str text = labels_get(labels, name);

    if (!duration_parse(text, &duration) || duration.ms <= 0)
        return err_new(ERR_INVALID, "%.*s '%.*s' is not a duration above zero", STR_ARG(name), STR_ARG(text));
    *ret_ms = duration.ms;
    return NULL;
}

err target_make(struct arena *arena, const struct scrape_config *config, const struct target_defaults *defaults,
                const struct relabel *relabel, const struct target_group *group, struct str address,
                struct target *ret_target, bool *ret_dropped)
{
    struct draft found = { arena }, kept = { arena };
    struct labels labels;
    int64_t interval = config->scrape_interval.ms ? config->scrape_interval.ms : defaults->interval_ms;
    int64_t timeout = config->scrape_timeout.ms ? config->scrape_timeout.ms : defaults->timeout_ms;

    add(&found, S("job"), config->job_name);
    add(&found, S("__scrape_interval__"), duration_text(arena, interval));
    add(&found, S("__scrape_timeout__"), duration_text(arena, timeout < interval ? timeout : interval));
    add(&found, S("__metrics_path__"), config->metrics_path);
    add(&found, S("__scheme__"), config->scheme);
    add_params(&found, config->params);
    for (size_t i = 0; i < group->labels.count; i++)
        add(&found, group->labels.at[i].name, group->labels.at[i].value);
    add(&found, S("__address__"), address);
    *ret_target = (struct target){ .discovered = labels_make(arena, found.labels.at, found.labels.count),
                                   .job = config->job_name };
    *ret_dropped = !relabel_apply(relabel, arena, ret_target->discovered, &labels);
    if (*ret_dropped)
        return NULL;
    TRY(check_address(labels_get(labels, S("__address__"))));
    TRY(span(labels, S("__scrape_interval__"), &ret_target->interval_ms));
    TRY(span(labels, S("__scrape_timeout__"), &ret_target->timeout_ms));
    if (ret_target->timeout_ms > ret_target->interval_ms)
        return err_new(ERR_INVALID, "__scrape_timeout__ is longer than __scrape_interval__");
    TRY(url_of(arena, labels, config->params, &ret_target->url));
    for (size_t i = 0; i < labels.count; i++)
        if (!str_starts(labels.at[i].name, S("__")))
            add(&kept, labels.at[i].name, labels.at[i].value);
    if (!labels_get(labels, S("instance")).length)
        add(&kept, S("instance"), labels_get(labels, S("__address__")));
    ret_target->labels = labels_make(arena, kept.labels.at, kept.labels.count);
    ret_target->key = labels_fingerprint(ret_target->labels) * 31 + str_hash(ret_target->url);
    return NULL;
}

struct target target_copy(struct arena *arena, const struct target *target)
{
    struct target copy = *target;

    copy.labels = labels_copy(arena, target->labels);
    copy.discovered = labels_copy(arena, target->discovered);
    copy.url = str_copy(arena, target->url);
    copy.job = str_copy(arena, target->job);
    return copy;
}

struct group_entry {
    VEC(struct str) targets;
    VEC(struct pair) labels;
};
static const struct field group_fields[] = {
    STRINGS(struct group_entry, targets, .doc = "Addresses."),
    PAIRS(struct group_entry, labels, .doc = "Labels."),
    { 0 },
};
static const struct schema group_schema = SCHEMA(struct group_entry, group_fields);

err target_groups_parse(struct arena *arena, struct str text, const char *name, struct target_group **ret_groups,
                        size_t *ret_count)
{
    const struct json *json;
    VEC(struct target_group) groups = { 0 };

    TRY(yaml_parse(arena, text, name, &json));
    if (json->type != JSON_ARRAY)
        return err_new(ERR_INVALID, "%s: expected a list of target groups, not %s", name, json_type_name(json->type));
    for (size_t i = 0; i < json->array.count; i++) {
        struct group_entry entry;
        struct target_group *group;
        TRY(schema_parse(&(struct schema_options){ .arena = arena, .file = name, .unknown_ok = true }, &group_schema,
                         json->array.items[i], &entry));
        group = vec_push(&groups, arena);
        for (size_t k = 0; k < entry.targets.count; k++)
            *vec_push(&group->addresses, arena) = entry.targets.at[k];
        for (size_t k = 0; k < entry.labels.count; k++)
            *vec_push(&group->labels, arena) = (struct label){ entry.labels.at[k].key, entry.labels.at[k].value };
    }
    *ret_groups = groups.at;
    *ret_count = groups.count;
    return NULL;
}
