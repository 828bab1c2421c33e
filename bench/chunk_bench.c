/* chunk_bench.c - what a sample costs in a chunk: bytes before and after zstd, and nanoseconds, as one JSON line.
 *
 * usage: chunk_bench [SAMPLES A CHUNK] [GROUP KIB]. The series are those of hosts with an exporter and a web service,
 * by share and movement; each host's scrapes lie on a grid, one in twenty up to 5 ms beside it. */
#include "base/log.h"
#include "tsdb/chunk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

enum { HOSTS = 30, SERIES = 1000, SAMPLES = 240, ROUNDS = 3, STEP_MS = 15000 };

struct bench {
    int64_t times[HOSTS][SAMPLES];
    double values[HOSTS][SERIES][SAMPLES];
};

static uint64_t seed = 1;

static double uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) * 0x1p-53;
}

/* Between low and high, as likely in each decade. */
static double log_uniform(double low, double high)
{
    return low * pow(high / low, uniform());
}

static void draw_counter(double *values, double rate, double quantum)
{
    double value = floor(uniform() * 1e5 * rate) * quantum;

    for (int i = 0; i < SAMPLES; i++) {
        double more = rate * (0.7 + 0.6 * uniform());
        if (more < 4) /* seldom, then a few at once */
            more = uniform() < more / 4 ? 4 * uniform() : 0;
        value = quantum < 1 ? round((value / quantum) + more) * quantum : floor(value + more);
        values[i] = quantum < 1 ? round(value / quantum) / round(1 / quantum) : value;
    }
}

static void draw_gauge(double *values, double size, double quantum, double moves)
{
    double value = floor(size * (0.2 + 0.6 * uniform()) / quantum) * quantum;

    for (int i = 0; i < SAMPLES; i++) {
        if (uniform() < moves)
            value = fmax(0, value + floor((uniform() - 0.5) * size * 0.01 / quantum + 0.5) * quantum);
        values[i] = value;
    }
}

static void draw_average(double *values)
{
    double value = uniform() * 4;

    for (int i = 0; i < SAMPLES; i++) {
        value = round((value * 0.92 + 0.64 * uniform()) * 100) / 100;
        values[i] = value;
    }
}

static void draw_sum(double *values, double rate)
{
    double value = 0;

    for (int i = 0; i < SAMPLES; i++) {
        if (uniform() < rate)
            value += rate * (0.01 + 0.3 * uniform());
        values[i] = value;
    }
}

/* One series of a host by its number, in thousandths: the shares of the kinds. */
static void draw_series(double *values, int number)
{
    double rate = log_uniform(0.05, 3000);

    if (number < 290)
        draw_gauge(values, 1e9, 4096, 0);
    else if (number < 430)
        draw_counter(values, 15 * log_uniform(0.01, 50000), 1);
    else if (number < 470)
        draw_counter(values, 15 * log_uniform(1e3, 5e7), 1);
    else if (number < 770)
        draw_counter(values, log_uniform(0.001, 3000), 1);
    else if (number < 845)
        draw_counter(values, 150, 0.01);
    else if (number < 885)
        draw_counter(values, rate, 0.001);
    else if (number < 925)
        draw_gauge(values, log_uniform(5e7, 6e10), 4096, 0.75);
    else if (number < 964)
        draw_gauge(values, log_uniform(300, 3e6), 1, 0.33);
    else if (number < 970)
        draw_average(values);
    else
        draw_sum(values, log_uniform(0.01, 3000));
}

static void draw(struct bench *bench)
{
    for (int host = 0; host < HOSTS; host++) {
        int64_t start = 1763800000000 + (int64_t)(uniform() * STEP_MS);
        for (int i = 0; i < SAMPLES; i++)
            bench->times[host][i] = start + i * STEP_MS + (uniform() < 0.05 ? (int64_t)(uniform() * 11) - 5 : 0);
        for (int number = 0; number < SERIES; number++)
            draw_series(bench->values[host][number], number);
    }
}

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(err e)
{
    if (!e)
        return;
    log_err(e, "bench");
    exit(1);
}

/* All chunks in the order of a block: series by series, host by host. */
static void encode(const struct bench *bench, size_t per_chunk, struct buf *out)
{
    for (int number = 0; number < SERIES; number++)
        for (int host = 0; host < HOSTS; host++)
            for (size_t at = 0; at < SAMPLES; at += per_chunk) {
                struct samples samples = { .times = bench->times[host] + at,
                                           .values = bench->values[host][number] + at,
                                           .count = SAMPLES - at < per_chunk ? SAMPLES - at : per_chunk };
                chunk_encode(out, &samples);
            }
    check(buf_check(out));
}

static void decode(struct str bytes, struct columns *columns)
{
    for (size_t at = 0; at < bytes.length;) {
        struct chunk_head head;
        struct str rest = str_slice(bytes, at, bytes.length);
        columns->count = 0;
        check(chunk_peek(rest, &head));
        check(chunk_decode(rest, NULL, columns));
        at += head.bytes;
    }
}

static size_t compress(struct str bytes, size_t group)
{
    size_t room = ZSTD_compressBound(group), sum = 0;
    char *out = malloc(room);

    for (size_t at = 0; at < bytes.length; at += group) {
        struct str part = str_slice(bytes, at, at + group);
        sum += ZSTD_compress(out, room, part.at, part.length, 3);
    }
    free(out);
    return sum;
}

int main(int argc, char **argv)
{
    int64_t per_chunk = 120, group_kib = 128;
    struct columns columns = { 0 };
    struct buf bytes;
    struct bench *bench = malloc(sizeof(*bench));
    double encode_ns = INFINITY, decode_ns = INFINITY, samples = (double)HOSTS * SERIES * SAMPLES;

    if (!bench || (argc > 1 && !str_to_i64(str_of(argv[1]), &per_chunk)) || per_chunk < 1 ||
        per_chunk > CHUNK_SAMPLES_MAX || (argc > 2 && !str_to_i64(str_of(argv[2]), &group_kib)) || group_kib < 1)
        return 2;
    buf_init(&bytes, 1 << 30);
    draw(bench);
    for (int round = 0; round < ROUNDS; round++) {
        buf_reset(&bytes);
        double start = now_ns();
        encode(bench, (size_t)per_chunk, &bytes);
        double middle = now_ns();
        decode(buf_str(&bytes), &columns);
        encode_ns = fmin(encode_ns, (middle - start) / samples);
        decode_ns = fmin(decode_ns, (now_ns() - middle) / samples);
    }
    printf("{\"bench\":\"chunk\",\"samples_a_chunk\":%lld,\"group_kib\":%lld,\"bytes_a_sample\":%.3f,"
           "\"compressed_bytes_a_sample\":%.3f,\"encode_ns\":%.1f,\"decode_ns\":%.1f}\n",
           (long long)per_chunk, (long long)group_kib, (double)bytes.length / samples,
           (double)compress(buf_str(&bytes), (size_t)group_kib * 1024) / samples, encode_ns, decode_ns);
    columns_clear(&columns);
    buf_clear(&bytes);
    free(bench);
    return 0;
}
