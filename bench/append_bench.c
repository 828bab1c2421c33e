/* append_bench.c - what a sample costs from the bytes of its series to the head, and what reading costs; prints JSON.
 *
 * append_bench FOLDER [SERIES [STEPS]]: SERIES (100,000) series of eight labels as protobuf (about 190 bytes) get STEPS
 * (240) samples each, 15 s apart, 2,000 a request; values move like those of hosts: 29 % constant, 56 % whole numbers,
 * 12 % with two decimals, 3 % with all of their mantissa. */
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "tsdb/tsdb.h"

enum { PER_REQUEST = 2000, STEP_MS = 15000 };

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double resident_mb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        abort();
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void must(err e)
{
    if (!e)
        return;
    fprintf(stderr, "%s\n", err_message(e));
    exit(1);
}

/* ---- series: Label messages of remote_write 1.0, as they stand in a TimeSeries ---- */

static void put_field(struct buf *out, char tag, const char *text)
{
    buf_add_c(out, tag);
    buf_add_c(out, (char)strlen(text));
    buf_add(out, str_of(text));
}

static void put_label(struct buf *out, const char *name, const char *value)
{
    buf_add_c(out, 0x0a);
    buf_add_c(out, (char)(strlen(name) + strlen(value) + 4));
    put_field(out, 0x0a, name);
    put_field(out, 0x12, value);
}

static struct str *spans_make(struct arena *arena, size_t count)
{
    struct str *spans = arena_array(arena, count, sizeof(*spans));
    struct buf span CLEANUP(buf_clear) = { 0 };
    char text[80];

    buf_init(&span, 4096);
    for (size_t i = 0; i < count; i++) {
        buf_reset(&span);
        snprintf(text, sizeof(text), "node_metric_%03zu_seconds_total", i % 1000 / 4);
        put_label(&span, "__name__", text);
        put_label(&span, "cluster", "prod-eu-1");
        snprintf(text, sizeof(text), "%zu", i % 4);
        put_label(&span, "cpu", text);
        put_label(&span, "env", "production");
        snprintf(text, sizeof(text), "host-%05zu.eu1.example.internal:9100", i / 1000);
        put_label(&span, "instance", text);
        put_label(&span, "job", "node");
        put_label(&span, "mode", "user");
        put_label(&span, "rack", i / 1000 % 2 ? "r1" : "r2");
        spans[i] = str_copy(arena, buf_str(&span));
    }
    return spans;
}

static struct str take_field(struct str *rest)
{
    size_t length = (unsigned char)rest->at[1];
    struct str field = str_slice(*rest, 2, 2 + length);

    *rest = str_slice(*rest, 2 + length, rest->length);
    return field;
}

static err parse(void *arg, struct str raw, struct arena *arena, struct labels *ret_labels)
{
    VEC(struct label) items = { 0 };

    (void)arg;
    while (raw.length) {
        struct str message = take_field(&raw);
        struct label label;
        label.name = take_field(&message);
        label.value = take_field(&message);
        *vec_push(&items, arena) = label;
    }
    *ret_labels = (struct labels){ items.at, items.count };
    return NULL;
}

/* ---- values ---- */

static uint64_t seed = 88172645463325252u;

static uint32_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32);
}

static double next_value(size_t series, double value)
{
    unsigned kind = (unsigned)(series * 2654435761u >> 16) % 100;
    double rate = exp2((double)(series % 17));

    if (kind < 29)
        return value;
    if (kind < 85)
        return value + floor(rate * (0.5 + draw() / 4294967296.0));
    if (kind < 97)
        return round((value + 15 * (draw() / 4294967296.0)) * 100) / 100;
    return value + draw() / 4294967296.0;
}

/* ---- runs ---- */

struct bench {
    struct tsdb *tsdb;
    struct str *spans;
    double *values;
    size_t count;
    int64_t start_ms;
};

static void append_step(struct bench *bench, size_t step)
{
    for (size_t from = 0; from < bench->count; from += PER_REQUEST) {
        struct append *append;
        must(append_begin(bench->tsdb, S("bench"), time_mono_ms() + 60000, &append));
        for (size_t i = from; i < from + PER_REQUEST && i < bench->count; i++) {
            int64_t jitter = draw() % 20 ? 0 : draw() % 6;
            append_raw(append, bench->spans[i], parse, NULL);
            append_float(append, bench->start_ms + (int64_t)step * STEP_MS + (int64_t)(i / 1000 % 15000) + jitter, 0,
                         bench->values[i]);
        }
        must(append_end(append, NULL));
    }
}

static void move_values(struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i++)
        bench->values[i] = next_value(i, bench->values[i]);
}

static struct series_set *open_set(struct bench *bench, struct arena *arena, enum match_type type, const char *name,
                                   const char *value, double *ret_us)
{
    struct matcher *matcher = arena_alloc(arena, sizeof(*matcher));
    struct series_source *source = tsdb_source(bench->tsdb);
    struct series_set *set;

    must(matcher_make(arena, type, str_of(name), str_of(value), matcher));
    const struct series_query query = {
        .matchers = matcher, .matcher_count = 1, .start_ms = INT64_MIN, .end_ms = INT64_MAX
    };
    int64_t before_us = time_mono_us();
    must(source->ops->open(source, arena, &query, &set));
    *ret_us = (double)(time_mono_us() - before_us);
    return set;
}

static double read_all(struct series_set *set, size_t *ret_samples)
{
    double before = cpu_s();

    *ret_samples = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct samples samples;
        must(set->ops->read(set, i, &samples));
        *ret_samples += samples.count;
    }
    return cpu_s() - before;
}

int main(int count, char **words)
{
    struct arena *arena = arena_new(SIZE_MAX / 2);
    const struct tsdb_settings settings = { .fsync_interval = { 200 }, .future_max = { (int64_t)1 << 50 } };
    struct bench bench = { .count = count > 2 ? strtoul(words[2], NULL, 10) : 100000 };
    size_t steps = count > 3 ? strtoul(words[3], NULL, 10) : 240, samples;
    double open_us, regex_us, again_us, step_ns = 0, rest_ns = 0, open_mb = 0;

    if (count < 2) {
        fprintf(stderr, "append_bench FOLDER [SERIES [STEPS]]\n");
        return 2;
    }
    bench.spans = spans_make(arena, bench.count);
    bench.values = arena_array(arena, bench.count, sizeof(*bench.values));
    bench.start_ms = time_now_ms() - (int64_t)steps * STEP_MS;
    double before_mb = resident_mb();
    must(tsdb_open(&(struct tsdb_options){ .folder = words[1], .settings = &settings }, &bench.tsdb));
    double before = cpu_s();
    append_step(&bench, 0);
    double first_ns = (cpu_s() - before) / (double)bench.count * 1e9;
    for (size_t step = 1; step < steps; step++) {
        move_values(&bench);
        before = cpu_s();
        append_step(&bench, step);
        step_ns = (cpu_s() - before) / (double)bench.count * 1e9;
        rest_ns += step_ns;
        if (step == 103) /* the first chunks are about to be sealed */
            open_mb = resident_mb() - before_mb;
    }
    double after_mb = resident_mb() - before_mb;
    struct series_set *all = open_set(&bench, arena, MATCH_EQ, "job", "node", &open_us);
    series_set_close(open_set(&bench, arena, MATCH_RE, "instance", "host-0.*[0-9]\\..*", &regex_us));
    series_set_close(open_set(&bench, arena, MATCH_RE, "instance", "host-0.*[0-9]\\..*", &again_us));
    double read_s = read_all(all, &samples);
    printf(
        "{\"series\": %zu, \"steps\": %zu, \"new_series_ns\": %.0f, \"append_ns\": %.1f, \"mb_with_104_open_samples\": "
        "%.1f, \"mb\": %.1f, \"open_all_us\": %.0f, \"regex_us\": %.0f, \"regex_again_us\": %.0f, \"read_series_us\": "
        "%.2f, \"samples\": %zu}\n",
        bench.count, steps, first_ns, rest_ns / (double)(steps - 1), open_mb, after_mb, open_us, regex_us, again_us,
        read_s / (double)all->count * 1e6, samples);
    series_set_close(all);
    tsdb_close(bench.tsdb);
    arena_free(arena);
    return 0;
}
