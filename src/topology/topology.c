/* topology.c - what was seen becomes rows, when it changed. */
#include "topology/topology.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "topology/inventory.h"

METRIC(GAUGE, topology_resources, "Resources that were seen since the start.", NULL);
METRIC(COUNTER, topology_writes_total, "Resources written, because they are new, changed, or an hour has passed.",
       NULL);
METRIC(COUNTER, topology_dropped_total, "Sightings dropped: more resources than the maximum, or a full queue.", NULL);

static const struct migration topology_1 = {
    .room = "topology",
    .number = 1,
    .sql = "CREATE TABLE resource ("
           " row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,"
           " labels TEXT NOT NULL, detail TEXT NOT NULL, owner TEXT NOT NULL, health INTEGER NOT NULL DEFAULT 0,"
           " inventory INTEGER NOT NULL DEFAULT 0, first_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL"
           ") STRICT;"
           "CREATE INDEX resource_name ON resource(name);",
};
REGISTER(migration, topology_1);

enum { KNOWN_BUCKETS = 4096, KNOWN_MAX = 50000, REWRITE_MS = HOUR_MS, FRESH_MS = 2 * HOUR_MS, LABELS_MAX = 64 * 1024 };
static const int64_t forget_ms = 30 * (int64_t)DAY_MS;

/* What is stored of a resource, as a hash. */
struct known {
    struct known *next;
    uint64_t content;
    int64_t written_ms; /* wall time; 0: not, or not any more */
    size_t id_length;
    char id[];
};

struct topology {
    struct db *db;
    pthread_mutex_t lock;
    struct config *config;
    struct known *known[KNOWN_BUCKETS];
    size_t known_count;
};

const char *health_name(enum health health)
{
    static const char *const names[] = { "unknown", "ok", "warning", "critical" };

    return names[health];
}

/* Rows on their way to the writer. */
struct sighting {
    struct str id, kind, name, labels, detail, owner;
    bool inventory;
};

struct sightings {
    struct arena *arena;
    struct topology *topology;
    VEC(struct sighting) rows;
};

static struct sightings *sightings_new(struct topology *topology)
{
    struct arena *arena = arena_new(64 << 20);
    struct sightings *sightings = arena_alloc(arena, sizeof(*sightings));

    sightings->arena = arena;
    sightings->topology = topology;
    return sightings;
}

static struct str labels_text(struct arena *arena, struct labels labels)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, LABELS_MAX);
    struct json_writer w = json_writer(&text);
    labels_write_json(&w, labels);
    return text.failed ? S("{}") : str_copy(arena, buf_str(&text));
}

static err write_sightings(struct tx *tx, void *arg)
{
    const struct sightings *sightings = arg;
    int64_t now_ms = tx_now_ms(tx);

    for (size_t i = 0; i < sightings->rows.count; i++) {
        const struct sighting *it = &sightings->rows.at[i];
        TRY(tx_run(tx,
                   "INSERT INTO resource(id, kind, name, labels, detail, owner, inventory, first_ms, seen_ms)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT(id) DO UPDATE SET kind = ?2, name = ?3,"
                   " labels = ?4, detail = ?5, owner = ?6, inventory = max(inventory, ?7), seen_ms = ?8",
                   PARAMS(it->id, it->kind, it->name, it->labels, it->detail, it->owner, it->inventory, now_ms)));
    }
    return tx_run(tx, "DELETE FROM resource WHERE seen_ms < ?1 AND inventory = 0", PARAMS(now_ms - forget_ms));
}

static struct known *known_find_locked(struct topology *topology, struct str id)
{
    struct known *known = topology->known[str_hash(id) % KNOWN_BUCKETS];

    while (known && !str_eq((struct str){ known->id, known->id_length }, id))
        known = known->next;
    return known;
}

static struct known *known_add_locked(struct topology *topology, struct str id)
{
    struct known **bucket = &topology->known[str_hash(id) % KNOWN_BUCKETS];
    struct known *known;

    if (topology->known_count >= KNOWN_MAX)
        return NULL;
    known = malloc(sizeof(*known) + id.length);
    if (!known)
        abort();
    *known = (struct known){ .next = *bucket, .id_length = id.length };
    memcpy(known->id, id.at, id.length);
    *bucket = known;
    metric_set(&topology_resources, (double)++topology->known_count);
    return known;
}

/* What was not written is as good as unknown: the next sighting tries again. */
static void forget(struct topology *topology, const struct sightings *sightings)
{
    pthread_mutex_lock(&topology->lock);
    for (size_t i = 0; i < sightings->rows.count; i++) {
        struct known *known = known_find_locked(topology, sightings->rows.at[i].id);
        if (known)
            known->written_ms = 0;
    }
    pthread_mutex_unlock(&topology->lock);
    metric_add(&topology_dropped_total, (double)sightings->rows.count);
}

static void written(void *arg, err outcome)
{
    struct sightings *sightings = arg;

    if (outcome)
        forget(sightings->topology, sightings);
    else
        metric_add(&topology_writes_total, (double)sightings->rows.count);
    log_err(outcome, "resources that were seen are not written; the next sighting tries again");
    arena_free(sightings->arena);
}

static uint64_t content_of(const struct resource_seen *seen)
{
    return str_hash(seen->kind) * 31 + str_hash(seen->name) * 37 + str_hash(seen->detail) * 41 +
           (seen->labels.count ? labels_hash(seen->labels) : 0);
}

static void saw_one_locked(struct topology *topology, const struct resource_seen *seen, int64_t now_ms,
                           struct sightings **sightings)
{
    uint64_t content = content_of(seen);
    struct known *known = known_find_locked(topology, seen->id);

    if (known && known->written_ms && known->content == content && llabs(now_ms - known->written_ms) < REWRITE_MS)
        return;
    if (!known)
        known = known_add_locked(topology, seen->id);
    if (!known) {
        metric_add(&topology_dropped_total, 1);
        return;
    }
    known->content = content;
    known->written_ms = now_ms;
    if (!*sightings)
        *sightings = sightings_new(topology);
    struct arena *arena = (*sightings)->arena;
    *vec_push(&(*sightings)->rows, arena) = (struct sighting){
        .id = str_utf8_scrub(arena, seen->id),
        .kind = str_utf8_scrub(arena, seen->kind),
        .name = str_utf8_scrub(arena, seen->name),
        .labels = labels_text(arena, seen->labels),
        .detail = str_utf8_scrub(arena, seen->detail),
        .owner = resource_owner(topology->config, arena, seen->id),
    };
}

void topology_saw(struct topology *topology, const struct resource_seen *seen, size_t count)
{
    struct sightings *sightings = NULL;
    int64_t now_ms = time_now_ms();

    pthread_mutex_lock(&topology->lock);
    for (size_t i = 0; i < count; i++)
        saw_one_locked(topology, &seen[i], now_ms, &sightings);
    pthread_mutex_unlock(&topology->lock);
    if (!sightings)
        return;
    err e = db_post(topology->db, write_sightings, sightings, written);
    if (e) {
        forget(topology, sightings);
        log_err(e, "resources that were seen are not written");
        arena_free(sightings->arena);
    }
}

/* The inventory's rows, and the owners of all others, which another inventory may have changed. */
static err write_inventory(struct tx *tx, void *arg)
{
    const struct sightings *sightings = arg;
    struct arena *arena = tx_arena(tx);
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct sighting) all = { 0 };

    TRY(tx_run(tx, "UPDATE resource SET inventory = 0", NONE));
    TRY(write_sightings(tx, arg));
    TRY(tx_query(tx, "SELECT id, owner FROM resource", NONE, &rows));
    while (rows_next(rows))
        *vec_push(&all, arena) =
            (struct sighting){ .id = rows_copy(rows, 0, arena), .owner = rows_copy(rows, 1, arena) };
    TRY(rows_err(rows));
    for (size_t i = 0; i < all.count; i++) {
        struct str owner = resource_owner(sightings->topology->config, arena, all.at[i].id);
        if (!str_eq(owner, all.at[i].owner))
            TRY(tx_run(tx, "UPDATE resource SET owner = ?2 WHERE id = ?1", PARAMS(all.at[i].id, owner)));
    }
    return NULL;
}

static err store_inventory(struct topology *topology)
{
    const struct inventory *inventory = inventory_of(topology->config);
    struct sightings *sightings = sightings_new(topology);

    for (size_t i = 0; i < inventory->resources.count; i++) {
        const struct inventory_resource *it = &inventory->resources.at[i];
        struct label labels[32];
        size_t count = 0;
        for (; count < it->labels.count && count < ARRAY_LEN(labels); count++)
            labels[count] = (struct label){ it->labels.at[count].key, it->labels.at[count].value };
        *vec_push(&sightings->rows, sightings->arena) = (struct sighting){
            .id = it->id,
            .kind = resource_kind(it->id),
            .name = it->name.length ? it->name : behind_kind(it->id),
            .labels = labels_text(sightings->arena, labels_make(sightings->arena, labels, count)),
            .detail = it->detail.at ? it->detail : S(""),
            .owner = resource_owner(topology->config, sightings->arena, it->id),
            .inventory = true,
        };
    }
    err e = db_write(topology->db, write_inventory, sightings);
    arena_free(sightings->arena);
    return e;
}

err topology_open(struct db *db, struct config *config, struct topology **ret_topology)
{
    struct topology *topology = calloc(1, sizeof(*topology));

    if (!topology)
        abort();
    topology->db = db;
    topology->config = config_ref(config);
    pthread_mutex_init(&topology->lock, NULL);
    err e = store_inventory(topology);
    if (e) {
        topology_close(topology);
        return e;
    }
    *ret_topology = topology;
    return NULL;
}

err topology_reload(struct topology *topology, struct config *config)
{
    pthread_mutex_lock(&topology->lock);
    struct config *before = topology->config;
    topology->config = config_ref(config);
    for (size_t i = 0; i < KNOWN_BUCKETS; i++) /* labels of the inventory give way to what is seen, anew */
        for (struct known *it = topology->known[i]; it; it = it->next)
            it->written_ms = 0;
    pthread_mutex_unlock(&topology->lock);
    config_unref(before);
    return store_inventory(topology);
}

static err do_nothing(struct tx *tx, void *arg)
{
    (void)tx, (void)arg;
    return NULL;
}

void topology_close(struct topology *topology)
{
    if (!topology)
        return;
    log_err(db_write(topology->db, do_nothing, NULL), "resources"); /* behind the last that was posted */
    for (size_t i = 0; i < KNOWN_BUCKETS; i++)
        for (struct known *it = topology->known[i], *next; it; it = next) {
            next = it->next;
            free(it);
        }
    config_unref(topology->config);
    pthread_mutex_destroy(&topology->lock);
    free(topology);
}

#define RESOURCE_COLUMNS "row, id, kind, name, labels, health, detail, owner, seen_ms"

static err resource_read(struct rows *rows, struct arena *arena, int64_t now_ms, struct resource *ret_resource)
{
    const struct json *labels = NULL;
    int64_t health = rows_i64(rows, 5);

    *ret_resource = (struct resource){
        .row = rows_i64(rows, 0),
        .id = rows_copy(rows, 1, arena),
        .kind = rows_copy(rows, 2, arena),
        .name = rows_copy(rows, 3, arena),
        .health = health >= HEALTH_UNKNOWN && health <= HEALTH_CRITICAL ? (enum health)health : HEALTH_UNKNOWN,
        .detail = rows_copy(rows, 6, arena),
        .owner = rows_copy(rows, 7, arena),
        .seen_ms = rows_i64(rows, 8),
    };
    if (ret_resource->health == HEALTH_UNKNOWN && ret_resource->seen_ms > now_ms - FRESH_MS)
        ret_resource->health = HEALTH_OK;
    TRY(json_parse(arena, rows_copy(rows, 4, arena), &labels));
    return labels_from_json(arena, labels, &ret_resource->labels);
}

static bool filter_takes(const struct resource_filter *filter, const struct resource *resource)
{
    return (!filter->kind.length || str_eq(filter->kind, resource->kind)) &&
           (!filter->health.length || str_eq(filter->health, str_of(health_name(resource->health)))) &&
           (!filter->text.length || str_contains(resource->id, filter->text) ||
            str_contains(resource->name, filter->text));
}

err resource_list(struct tx *tx, struct arena *arena, const struct resource_filter *filter,
                  struct resource_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct resource) list = { 0 };
    size_t limit = filter->limit > 0 ? (size_t)filter->limit : 1000;

    *ret_list = (struct resource_list){ 0 };
    TRY(tx_query(tx, "SELECT " RESOURCE_COLUMNS " FROM resource ORDER BY id", NONE, &rows));
    while (rows_next(rows)) {
        struct resource resource;
        TRY(resource_read(rows, arena, tx_now_ms(tx), &resource));
        if (!filter_takes(filter, &resource))
            continue;
        ret_list->total++;
        if (list.count < limit && (!filter->after.length || str_cmp(resource.id, filter->after) > 0))
            *vec_push(&list, arena) = resource;
        TRY(arena_check(arena));
    }
    TRY(rows_err(rows));
    ret_list->at = list.at;
    ret_list->count = list.count;
    return NULL;
}

err resource_find(struct tx *tx, struct arena *arena, struct str name, struct resource *ret_resource)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    bool found = false, several = false;

    TRY(tx_query(tx,
                 "SELECT " RESOURCE_COLUMNS
                 ", CASE WHEN id = ?1 THEN 0 WHEN id = 'host:' || ?1 THEN 1 ELSE 2 END AS rank"
                 " FROM resource WHERE id = ?1 OR id = 'host:' || ?1 OR name = ?1 ORDER BY rank LIMIT 2",
                 PARAMS(name), &rows));
    while (rows_next(rows)) {
        if (found) {
            several = rows_i64(rows, 9) == 2; /* and the first one had rank 2 as well, or it is better */
            break;
        }
        found = true;
        TRY(resource_read(rows, arena, tx_now_ms(tx), ret_resource));
        if (rows_i64(rows, 9) < 2)
            return NULL;
    }
    TRY(rows_err(rows));
    if (!found)
        return err_new(ERR_NOT_FOUND, "no resource is named '%.*s'", STR_ARG(name));
    if (several)
        return err_hint(err_new(ERR_NOT_FOUND, "several resources are named '%.*s'", STR_ARG(name)), "Give the id.");
    return NULL;
}

err resource_set_health(struct tx *tx, struct str id, enum health health)
{
    struct str kind = resource_kind(id), name = behind_kind(id);

    return tx_run(tx,
                  "INSERT INTO resource(id, kind, name, labels, detail, owner, health, first_ms, seen_ms)"
                  " VALUES(?1, ?2, ?3, '{}', '', '', ?4, ?5, ?5)"
                  " ON CONFLICT(id) DO UPDATE SET health = ?4 WHERE health <> ?4",
                  PARAMS(id, kind, name, (int64_t)health, tx_now_ms(tx)));
}
