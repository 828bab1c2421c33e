/* inventory.c - the section `inventory`, and the questions that it answers. */
#include "topology/inventory.h"

#include "topology/topology.h"

static const struct field resource_fields[] = {
    STRING(struct inventory_resource, id, .flags = F_REQUIRED, .min = 3, .max = 500,
           .doc = "As the lists show it: host:db1, redis:127.0.0.1:6379, service:db1:nginx.service."),
    STRING(struct inventory_resource, name, .max = 200, .doc = "For people; what stands behind the kind where empty."),
    STRING(struct inventory_resource, service, .max = 200, .doc = "The service that it belongs to."),
    STRING(struct inventory_resource, owner, .max = 200, .doc = "Who owns it, before what `owners` says."),
    STRING(struct inventory_resource, detail, .max = 500, .doc = "One line for people."),
    PAIRS(struct inventory_resource, labels, .doc = "Labels of the resource."),
    { 0 },
};

static void resource_check(const void *object, struct str path, err *e)
{
    const struct inventory_resource *resource = object;
    struct arena *arena CLEANUP(arena_freep) = arena_new(4096);
    size_t colon = str_find(resource->id, S(":"), 0);

    if (resource->id.length && (colon == SIZE_MAX || colon == 0 || colon + 1 == resource->id.length))
        err_add_field(e, ERR_INVALID, str_printf(arena, "%.*sid", STR_ARG(path)).at, "'%.*s' is no id such as host:db1",
                      STR_ARG(resource->id));
}

static const struct schema resource_schema = SCHEMA(
    struct inventory_resource, resource_fields, .doc = "A resource that is known beforehand.", .check = resource_check);

static const struct field inventory_fields[] = {
    LIST(struct inventory, resources, .schema = &resource_schema, .max = 10000,
         .doc = "Resources, and what is to be known about them."),
    PAIRS(struct inventory, owners, .doc = "Owner by service: `api-gateway: team-edge`."),
    { 0 },
};

static const struct schema inventory_schema =
    SCHEMA(struct inventory, inventory_fields, .doc = "What is known beforehand about resources and their owners.");
static const struct config_section inventory_section = { .key = "inventory", .schema = &inventory_schema };
REGISTER(config_section, inventory_section);

const struct inventory *inventory_of(const struct config *config)
{
    return config_get(config, &inventory_section);
}

struct str behind_kind(struct str id)
{
    struct str rest;

    str_cut(id, ':', &rest);
    return rest.at ? rest : id;
}

struct str resource_service(const struct config *config, struct arena *arena, struct str server_name)
{
    const struct inventory *inventory = inventory_of(config);

    for (size_t i = 0; i < inventory->resources.count; i++) {
        const struct inventory_resource *it = &inventory->resources.at[i];
        if (it->service.length && (str_eq(it->id, server_name) || str_eq(it->name, server_name) ||
                                   (str_starts(it->id, S("host:")) && str_eq(behind_kind(it->id), server_name))))
            return str_copy(arena, it->service);
    }
    return str_copy(arena, str_cut(server_name, '-', &(struct str){ 0 }));
}

struct str resource_owner(const struct config *config, struct arena *arena, struct str id)
{
    const struct inventory *inventory = inventory_of(config);
    struct str name = behind_kind(id), service = S("");

    for (size_t i = 0; i < inventory->resources.count; i++) {
        const struct inventory_resource *it = &inventory->resources.at[i];
        if (!str_eq(it->id, id))
            continue;
        if (it->owner.length)
            return str_copy(arena, it->owner);
        service = it->service;
    }
    if (!service.length) /* "service:api" names one; a host does by its name; the rest is its host's */
        service = str_starts(id, S("service:")) && str_find(name, S(":"), 0) == SIZE_MAX
                      ? name
                      : resource_service(config, arena, str_cut(name, ':', &(struct str){ 0 }));
    for (size_t i = 0; i < inventory->owners.count; i++)
        if (str_eq(inventory->owners.at[i].key, service))
            return str_copy(arena, inventory->owners.at[i].value);
    return S("");
}

struct str resource_kind(struct str id)
{
    struct str kind = str_cut(id, ':', &(struct str){ 0 });

    return str_eq(kind, S("redis")) ? S("redis_instance") : kind;
}

size_t resource_labels(struct arena *arena, struct str id, struct label ret_labels[3])
{
    static const struct {
        const char *kind, *label;
    } within_host[] = {
        { "filesystem", "mountpoint" }, { "disk", "device" },  { "network", "device" },
        { "process", "groupname" },     { "service", "name" },
    };
    struct str rest, kind = str_cut(id, ':', &rest), name;

    if (!rest.at || !rest.length)
        return 0;
    if (str_eq(kind, S("host")) || str_eq(kind, S("redis"))) {
        ret_labels[0] = (struct label){ S("instance"), str_copy(arena, rest) };
        return 1;
    }
    if (str_eq(kind, S("container"))) {
        ret_labels[0] = (struct label){ S("id"), str_copy(arena, rest) };
        return 1;
    }
    struct str host = str_cut(rest, ':', &name);
    for (size_t i = 0; i < ARRAY_LEN(within_host) && name.at; i++)
        if (str_eq(kind, str_of(within_host[i].kind))) {
            ret_labels[0] = (struct label){ S("instance"), str_copy(arena, host) };
            ret_labels[1] = (struct label){ str_of(within_host[i].label), str_copy(arena, name) };
            return 2;
        }
    return 0;
}
