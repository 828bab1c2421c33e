/* otlp_delta.c - the table of running totals. */
#include "ingest/otlp_delta.h"
#include "base/metric.h"
#include "model/histogram_sum.h"
#include "tsdb/histogram_keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

METRIC(GAUGE, otlp_delta_series, "Series that come as deltas and whose totals are kept.", NULL);
METRIC(COUNTER, otlp_delta_forgotten_total, "Totals that were forgotten because there were too many.", NULL);

struct total {
    uint64_t start_ns, last_ns;
    double number;
    struct histogram *histogram; /* owned; NULL: none */
};

struct entry {
    uint64_t hash, fingerprint; /* together the identity */
    struct total total;
    LIST_ENTRY(entry) same_slot;
    TAILQ_ENTRY(entry) by_use;
};

struct delta_change {
    uint64_t hash, fingerprint;
    bool begun;          /* there was none before */
    struct total before; /* owned */
    uint64_t time_ns;    /* what it was changed to */
};

LIST_HEAD(slot, entry);
TAILQ_HEAD(uses, entry);

struct delta_table {
    pthread_mutex_t lock;
    struct slot *slots;
    struct uses uses; /* longest silent first */
    size_t count, max, mask;
};

struct delta_table *delta_table_new(size_t max)
{
    struct delta_table *table = calloc(1, sizeof(*table));
    size_t slots = 64;

    while (slots < max)
        slots *= 2;
    if (!table || !(table->slots = calloc(slots, sizeof(*table->slots))))
        out_of_memory(slots * sizeof(struct slot));
    table->max = max;
    table->mask = slots - 1;
    TAILQ_INIT(&table->uses);
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static void forget_locked(struct delta_table *table, struct entry *entry)
{
    LIST_REMOVE(entry, same_slot);
    TAILQ_REMOVE(&table->uses, entry, by_use);
    table->count--;
    free(entry->total.histogram);
    free(entry);
}

void delta_table_free(struct delta_table *table)
{
    if (!table)
        return;
    for (struct entry *entry; (entry = TAILQ_FIRST(&table->uses));)
        forget_locked(table, entry);
    pthread_mutex_destroy(&table->lock);
    free(table->slots);
    free(table);
}

size_t delta_table_count(struct delta_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = table->count;
    pthread_mutex_unlock(&table->lock);
    return count;
}

static struct entry *find_locked(struct delta_table *table, uint64_t hash, uint64_t fingerprint)
{
    struct entry *entry;

    LIST_FOREACH(entry, &table->slots[hash & table->mask], same_slot)
    if (entry->hash == hash && entry->fingerprint == fingerprint)
        return entry;
    return NULL;
}

static struct entry *make_locked(struct delta_table *table, uint64_t hash, uint64_t fingerprint)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        out_of_memory(sizeof(*entry));
    if (table->count >= table->max && !TAILQ_EMPTY(&table->uses)) {
        forget_locked(table, TAILQ_FIRST(&table->uses));
        metric_add(&otlp_delta_forgotten_total, 1);
    }
    entry->hash = hash;
    entry->fingerprint = fingerprint;
    LIST_INSERT_HEAD(&table->slots[hash & table->mask], entry, same_slot);
    TAILQ_INSERT_TAIL(&table->uses, entry, by_use);
    metric_set(&otlp_delta_series, (double)++table->count);
    return entry;
}

/* add_histogram - delta->histogram becomes the sum of it and of what is kept. */
static err add_histogram(const struct total *total, struct arena *arena, struct delta *delta)
{
    struct histogram_sum sum = { 0 };

    if (!total->histogram)
        return NULL;
    histogram_sum_begin(&sum, arena, total->histogram);
    if (histogram_sum_add(&sum, delta->histogram) & HISTOGRAM_INCOMPATIBLE)
        return err_new(ERR_INVALID, "the histogram changed between explicit and exponential buckets");
    struct histogram *now = histogram_copy(arena, histogram_sum_compact(&sum, arena));
    now->integral = true;
    delta->histogram = now;
    return NULL;
}

static err add_locked(struct delta_turn *turn, struct arena *arena, struct entry *entry, struct delta *delta,
                      enum delta_result *ret_result)
{
    bool begun = entry->total.last_ns == 0;

    if (delta->histogram)
        TRY(add_histogram(&entry->total, arena, delta));
    struct delta_change *change = calloc(1, sizeof(*change));
    if (!change)
        out_of_memory(sizeof(*change));
    *change = (struct delta_change){ entry->hash, entry->fingerprint, begun, entry->total, delta->time_ns };
    *vec_push(&turn->changes, NULL) = change;
    if (begun)
        entry->total.start_ns = delta->start_ns;
    entry->total.number += delta->number;
    entry->total.last_ns = delta->time_ns;
    entry->total.histogram = delta->histogram ? histogram_keep(delta->histogram) : NULL;
    delta->number = entry->total.number;
    delta->start_ns = entry->total.start_ns;
    *ret_result = begun ? DELTA_BEGUN : DELTA_ADDED;
    return NULL;
}

err delta_add(struct delta_turn *turn, struct arena *arena, struct delta *delta, enum delta_result *ret_result)
{
    struct delta_table *table = turn->table;
    uint64_t hash = labels_hash(delta->series), fingerprint = labels_fingerprint(delta->series);
    err e = NULL;

    pthread_mutex_lock(&table->lock);
    struct entry *entry = find_locked(table, hash, fingerprint);
    if (!entry)
        entry = make_locked(table, hash, fingerprint);
    TAILQ_REMOVE(&table->uses, entry, by_use);
    TAILQ_INSERT_TAIL(&table->uses, entry, by_use);
    if (entry->total.last_ns && delta->time_ns <= entry->total.last_ns)
        *ret_result = delta->time_ns == entry->total.last_ns ? DELTA_REPEAT : DELTA_LATE;
    else
        e = add_locked(turn, arena, entry, delta, ret_result);
    pthread_mutex_unlock(&table->lock);
    return e;
}

static void end_turn(struct delta_turn *turn)
{
    for (size_t i = 0; i < turn->changes.count; i++) {
        free(turn->changes.at[i]->before.histogram);
        free(turn->changes.at[i]);
    }
    vec_clear(&turn->changes);
}

void delta_keep(struct delta_turn *turn)
{
    end_turn(turn);
}

void delta_undo(struct delta_turn *turn)
{
    struct delta_table *table = turn->table;

    pthread_mutex_lock(&table->lock);
    for (size_t i = turn->changes.count; i--;) {
        struct delta_change *change = turn->changes.at[i];
        struct entry *entry = find_locked(table, change->hash, change->fingerprint);
        if (!entry || entry->total.last_ns != change->time_ns)
            continue; /* another request built on it: this one's count is in, and its next try is late */
        if (change->begun) {
            forget_locked(table, entry);
            continue;
        }
        struct total now = entry->total;
        entry->total = change->before;
        change->before = now;
    }
    metric_set(&otlp_delta_series, (double)table->count);
    pthread_mutex_unlock(&table->lock);
    end_turn(turn);
}
