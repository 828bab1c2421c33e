/* otlp_labels.c - attributes to labels. */
#include "ingest/otlp_labels.h"
#include "ingest/otlp_names.h"

#include <stdlib.h>
#include <string.h>

static const struct str identifying[] = { S("service.namespace"), S("service.name"), S("service.instance.id") };

static bool is_identifying(struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(identifying); i++)
        if (str_eq(identifying[i], key))
            return true;
    return false;
}

static const struct str *attribute_get(const struct otlp_attributes *attributes, struct str key)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (str_eq(attributes->at[i].name, key))
            return &attributes->at[i].value;
    return NULL;
}

static err label_of(struct arena *arena, const struct label *attribute, struct label *ret_label)
{
    struct str name = otlp_label_name(arena, attribute->name);

    if (!name.length)
        return err_new(ERR_INVALID, "the attribute '%.*s' can't be a label",
                       STR_ARG(str_slice(attribute->name, 0, 100)));
    if (!str_is_utf8(attribute->value))
        return err_new(ERR_INVALID, "the attribute %.*s is not UTF-8", STR_ARG(name));
    *ret_label = (struct label){ name, attribute->value };
    return NULL;
}

err otlp_target_of(struct arena *arena, const struct otlp_settings *settings, const struct otlp_attributes *resource,
                   struct otlp_target *ret_target)
{
    const struct str *name = attribute_get(resource, identifying[1]), *space = attribute_get(resource, identifying[0]);
    const struct str *instance = attribute_get(resource, identifying[2]);

    *ret_target = (struct otlp_target){ .job = S(""), .instance = instance ? *instance : S("") };
    if (name && space)
        ret_target->job = str_printf(arena, "%.*s/%.*s", STR_ARG(*space), STR_ARG(*name));
    else if (name)
        ret_target->job = *name;
    if (!str_is_utf8(ret_target->job) || !str_is_utf8(ret_target->instance))
        return err_new(ERR_INVALID, "service.name or service.instance.id of the resource is not UTF-8");
    ret_target->promoted = arena_array(arena, settings->promote_resource_attributes.count + 1, sizeof(struct label));
    for (size_t i = 0; i < settings->promote_resource_attributes.count; i++) {
        struct label attribute = { settings->promote_resource_attributes.at[i], S("") };
        const struct str *value = attribute_get(resource, attribute.name);
        if (!value)
            continue;
        attribute.value = *value;
        TRY(label_of(arena, &attribute, &ret_target->promoted[ret_target->promoted_count++]));
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

struct built {
    struct label *at;
    size_t count, room;
};

static struct label *built_get(const struct built *built, struct str name)
{
    for (size_t i = 0; i < built->count; i++)
        if (str_eq(built->at[i].name, name))
            return &built->at[i];
    return NULL;
}

static void built_set(struct arena *arena, struct built *built, struct str name, struct str value)
{
    struct label *label = built_get(built, name);

    if (!label)
        label = vec_push(built, arena);
    *label = (struct label){ name, value };
}

/* add_attributes - in the order of their keys, so that values of colliding ones always stand in the same order. */
static err add_attributes(struct arena *arena, const struct otlp_attributes *attributes, bool skip_identifying,
                          struct built *built)
{
    struct label *sorted = arena_array(arena, attributes->count + 1, sizeof(*sorted)), label;

    if (attributes->count)
        memcpy(sorted, attributes->at, attributes->count * sizeof(*sorted));
    qsort(sorted, attributes->count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < attributes->count; i++) {
        if (str_eq(sorted[i].name, S("__name__")) || (skip_identifying && is_identifying(sorted[i].name)))
            continue;
        TRY(label_of(arena, &sorted[i], &label));
        struct label *there = built_get(built, label.name);
        if (there && there->value.length)
            there->value = str_printf(arena, "%.*s;%.*s", STR_ARG(there->value), STR_ARG(label.value));
        else
            built_set(arena, built, label.name, label.value);
        TRY(arena_check(arena));
    }
    return NULL;
}

static void add_target(struct arena *arena, const struct otlp_target *target, struct built *built)
{
    if (target->job.length)
        built_set(arena, built, S("job"), target->job);
    if (target->instance.length)
        built_set(arena, built, S("instance"), target->instance);
}

err otlp_point_labels(struct arena *arena, const struct otlp_target *target, const struct otlp_attributes *attributes,
                      struct labels *ret_labels)
{
    struct built built = { 0 };

    TRY(add_attributes(arena, attributes, false, &built));
    for (size_t i = 0; i < target->promoted_count; i++) {
        const struct label *there = built_get(&built, target->promoted[i].name);
        if (!there || !there->value.length)
            built_set(arena, &built, target->promoted[i].name, target->promoted[i].value);
    }
    add_target(arena, target, &built);
    *ret_labels = (struct labels){ built.at, built.count };
    return NULL;
}

err otlp_info_labels(struct arena *arena, const struct otlp_settings *settings, const struct otlp_target *target,
                     const struct otlp_attributes *resource, struct labels *ret_labels)
{
    struct built built = { 0 };
    size_t telling = 0;

    *ret_labels = (struct labels){ 0 };
    for (size_t i = 0; i < resource->count; i++)
        telling += !is_identifying(resource->at[i].name);
    if (!telling || (!target->job.length && !target->instance.length))
        return NULL;
    TRY(add_attributes(arena, resource, !settings->keep_identifying_resource_attributes, &built));
    add_target(arena, target, &built);
    *ret_labels = (struct labels){ built.at, built.count };
    return NULL;
}

struct labels otlp_series_labels(struct arena *arena, struct labels point, struct str metric, struct str suffix,
                                 struct label more)
{
    struct label *items = arena_array(arena, point.count + 2, sizeof(*items));
    size_t count = point.count;

    if (count)
        memcpy(items, point.at, count * sizeof(*items));
    if (suffix.length)
        metric = str_printf(arena, "%.*s%.*s", STR_ARG(metric), STR_ARG(suffix));
    items[count++] = (struct label){ S("__name__"), metric };
    if (more.name.length)
        items[count++] = more;
    return labels_make(arena, items, count);
}
