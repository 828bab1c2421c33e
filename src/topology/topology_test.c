/* topology_test.c - resources seen, found and owned. */
#include "topology/topology.h"

#include "base/file.h"
#include "base/test.h"

static struct config *config_of(struct arena *arena, const char *yaml)
{
    const char *path = str_printf(arena, "%s/auspex.yml", test_folder()).at;
    struct config *config = NULL;

    ASSERT_OK(file_write(path, str_of(yaml), 0600));
    ASSERT_OK(config_load(&path, 1, &config));
    return config;
}

static const char inventory_yaml[] = "inventory:\n"
                                     "  resources:\n"
                                     "    - { id: 'host:db1', service: orders, labels: { env: prod } }\n"
                                     "    - { id: 'redis:10.0.0.1:6379', name: cache, owner: kim }\n"
                                     "  owners: { orders: dba, api: edge }\n";

TEST(inventory_names_services_and_owners)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct config *config CLEANUP(config_unrefp) = config_of(arena, inventory_yaml);

    ASSERT_STR("orders", resource_service(config, arena, S("db1")));
    ASSERT_STR("api", resource_service(config, arena, S("api-gateway-7")));
    ASSERT_STR("solo", resource_service(config, arena, S("solo")));
    ASSERT_STR("dba", resource_owner(config, arena, S("host:db1")));
    ASSERT_STR("dba", resource_owner(config, arena, S("filesystem:db1:/var")));
    ASSERT_STR("kim", resource_owner(config, arena, S("redis:10.0.0.1:6379")));
    ASSERT_STR("edge", resource_owner(config, arena, S("host:api-1")));
    ASSERT_STR("edge", resource_owner(config, arena, S("service:api")));
    ASSERT_STR("", resource_owner(config, arena, S("host:other")));
}

TEST(resource_labels_lead_to_its_series)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct label labels[3];

    ASSERT_EQ_INT(1, resource_labels(arena, S("redis:127.0.0.1:6379"), labels));
    ASSERT_STR("127.0.0.1:6379", labels[0].value);
    ASSERT_EQ_INT(2, resource_labels(arena, S("filesystem:db1:/var/lib"), labels));
    ASSERT_STR("db1", labels[0].value);
    ASSERT_STR("mountpoint", labels[1].name);
    ASSERT_STR("/var/lib", labels[1].value);
    ASSERT_EQ_INT(0, resource_labels(arena, S("filesystem:db1"), labels));
    ASSERT_EQ_INT(0, resource_labels(arena, S("nonsense"), labels));
    ASSERT_EQ_INT(0, resource_labels(arena, S("host:"), labels));
    ASSERT_STR("redis_instance", resource_kind(S("redis:h:1")));
    ASSERT_STR("host", resource_kind(S("host:h")));
}

TEST(inventory_with_a_wrong_id_is_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char *path = str_printf(arena, "%s/auspex.yml", test_folder()).at;
    struct config *config = NULL;

    ASSERT_OK(file_write(path, S("inventory:\n  resources:\n    - { id: db1 }\n"), 0600));
    ASSERT_ERR(ERR_INVALID, "host:db1", config_load(&path, 1, &config));
}

struct look {
    struct arena *arena;
    struct resource_filter filter;
    struct resource_list list;
    struct resource found;
    struct str name;
};

static err look_list(struct tx *tx, void *arg)
{
    struct look *look = arg;

    return resource_list(tx, look->arena, &look->filter, &look->list);
}

static err look_find(struct tx *tx, void *arg)
{
    struct look *look = arg;

    return resource_find(tx, look->arena, look->name, &look->found);
}

static err nothing(struct tx *tx, void *arg)
{
    (void)tx, (void)arg;
    return NULL;
}

static err mark_critical(struct tx *tx, void *arg)
{
    (void)arg;
    TRY(resource_set_health(tx, S("redis:127.0.0.1:6379"), HEALTH_CRITICAL));
    return resource_set_health(tx, S("host:never-seen"), HEALTH_WARNING);
}

TEST(topology_keeps_what_was_seen)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    struct config *config CLEANUP(config_unrefp) = config_of(arena, inventory_yaml);
    struct db *db = NULL;
    struct topology *topology = NULL;
    struct label labels[] = { { S("version"), S("7.0.15") } };
    const struct resource_seen seen[] = {
        { S("host:web1"), S("host"), S("web1"), { 0 }, S("") },
        { S("redis:127.0.0.1:6379"), S("redis"), S("127.0.0.1:6379"), { labels, 1 }, S("a \xff note") },
    };
    struct look look = { .arena = arena };

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &db));
    ASSERT_OK(topology_open(db, config, &topology));
    for (int i = 0; i < 3; i++)
        topology_saw(topology, seen, ARRAY_LEN(seen));
    ASSERT_OK(db_write(db, nothing, NULL)); /* behind what was posted */
    ASSERT_OK(db_read(db, look_list, &look));
    ASSERT_EQ_INT(4, look.list.total);
    ASSERT_STR("host:db1", look.list.at[0].id);
    ASSERT_STR("dba", look.list.at[0].owner);
    ASSERT_STR("prod", labels_get(look.list.at[0].labels, S("env")));
    ASSERT_STR("redis:127.0.0.1:6379", look.list.at[3].id);
    ASSERT_STR("7.0.15", labels_get(look.list.at[3].labels, S("version")));
    ASSERT_STR("a \xef\xbf\xbd note", look.list.at[3].detail);
    ASSERT_EQ_INT(HEALTH_OK, look.list.at[3].health);

    look.name = S("web1");
    ASSERT_OK(db_read(db, look_find, &look));
    ASSERT_STR("host:web1", look.found.id);
    look.name = S("cache");
    ASSERT_OK(db_read(db, look_find, &look));
    ASSERT_STR("redis:10.0.0.1:6379", look.found.id);
    look.name = S("nobody");
    ASSERT_ERR(ERR_NOT_FOUND, "nobody", db_read(db, look_find, &look));

    ASSERT_OK(db_write(db, mark_critical, NULL));
    look.filter = (struct resource_filter){ .health = S("critical") };
    ASSERT_OK(db_read(db, look_list, &look));
    ASSERT_EQ_INT(1, look.list.total);
    look.filter = (struct resource_filter){ .text = S("never") };
    ASSERT_OK(db_read(db, look_list, &look));
    ASSERT_EQ_INT(HEALTH_WARNING, look.list.at[0].health);
    topology_close(topology);
    db_close(db);
}
