/* metric.c - numbers about ourselves. */
#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t new_cell = PTHREAD_MUTEX_INITIALIZER;

static void add_to(_Atomic double *to, double value)
{
    double before = atomic_load_explicit(to, memory_order_relaxed);

    while (
        !atomic_compare_exchange_weak_explicit(to, &before, before + value, memory_order_relaxed, memory_order_relaxed))
        ;
}

void metric_add(const struct metric *metric, double value)
{
    add_to(&metric->state->value, value);
}

void metric_set(const struct metric *metric, double value)
{
    atomic_store_explicit(&metric->state->value, value, memory_order_relaxed);
}

static struct metric_cell *find(struct metric_state *state, struct str label)
{
    size_t count = atomic_load_explicit(&state->count, memory_order_acquire);

    for (size_t i = 0; i < count; i++)
        if (str_eq(str_of(state->cells[i].label), label))
            return &state->cells[i];
    return NULL;
}

/* cell_of - cells are only ever added, under a lock; finding one takes none. */
static struct metric_cell *cell_of(const struct metric *metric, struct str label)
{
    struct metric_state *state = metric->state;
    struct metric_cell *cell = find(state, label);

    if (cell)
        return cell;
    pthread_mutex_lock(&new_cell);
    cell = find(state, label);
    size_t count = atomic_load_explicit(&state->count, memory_order_relaxed);
    if (!cell && count >= METRIC_LABEL_VALUES_MAX) {
        label = S("other");
        cell = find(state, label);
    }
    if (!cell) {
        cell = &state->cells[count];
        cell->label = strndup(label.at, label.length);
        if (!cell->label)
            abort();
        atomic_store_explicit(&state->count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&new_cell);
    return cell;
}

void metric_add_for(const struct metric *metric, struct str value_of_label, double value)
{
    add_to(&cell_of(metric, value_of_label)->value, value);
}

void metric_set_for(const struct metric *metric, struct str value_of_label, double value)
{
    atomic_store_explicit(&cell_of(metric, value_of_label)->value, value, memory_order_relaxed);
}

static void write_label_value(struct buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            buf_add(out, S("\\n"));
        else if (*value == '"' || *value == '\\')
            buf_addf(out, "\\%c", *value);
        else
            buf_add_c(out, *value);
    }
}

static void write_one(struct buf *out, const struct metric *metric)
{
    buf_addf(out, "# HELP auspex_%s %s\n# TYPE auspex_%s %s\n", metric->name, metric->doc, metric->name,
             metric->type == METRIC_COUNTER ? "counter" : "gauge");
    if (!metric->label) {
        buf_addf(out, "auspex_%s ", metric->name);
        buf_add_double(out, atomic_load(&metric->state->value));
        buf_add_c(out, '\n');
        return;
    }
    size_t count = atomic_load_explicit(&metric->state->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "auspex_%s{%s=\"", metric->name, metric->label);
        write_label_value(out, metric->state->cells[i].label);
        buf_add(out, S("\"} "));
        buf_add_double(out, atomic_load(&metric->state->cells[i].value));
        buf_add_c(out, '\n');
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct metric *const *)a)->name, (*(const struct metric *const *)b)->name);
}

void metrics_write(struct buf *out)
{
    size_t count = 0;

    FOR_EACH_REGISTERED (metric, it)
        count++;
    const struct metric **all = calloc(count + 1, sizeof(const struct metric *));
    if (!all)
        abort();
    count = 0;
    FOR_EACH_REGISTERED (metric, it)
        all[count++] = it;
    qsort(all, count, sizeof(*all), by_name);
    for (size_t i = 0; i < count; i++)
        write_one(out, all[i]);
    free(all);
}
