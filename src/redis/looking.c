/* looking.c - SLOWLOG GET, LATENCY LATEST and CLIENT LIST, read with distrust. */
#include "redis/looking.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/vec.h"

enum { COMMAND_MAX = 200, ROWS_MAX = 20000, IDLE_SECONDS = 60 };

static const struct resp *item(const struct resp *reply, size_t index, enum resp_type type)
{
    return reply && reply->type == RESP_ARRAY && index < reply->count && reply->items[index]->type == type
               ? reply->items[index]
               : NULL;
}

static struct str text_of(struct arena *arena, const struct resp *reply)
{
    return reply ? str_utf8_scrub(arena, reply->text) : S("");
}

static struct str words_of(struct arena *arena, const struct resp *words)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 64 * 1024);
    for (size_t i = 0; words && i < words->count && text.length < COMMAND_MAX; i++)
        if (words->items[i]->type == RESP_STRING) {
            if (text.length)
                buf_add_c(&text, ' ');
            buf_add(&text, str_slice(words->items[i]->text, 0, COMMAND_MAX));
        }
    return str_copy(arena, str_utf8_head(str_utf8_scrub(arena, buf_str(&text)), COMMAND_MAX));
}

void redis_slow_read(struct arena *arena, const struct resp *reply, int64_t after,
                     const struct redis_slow_entry **ret_entries, size_t *ret_count, int64_t *ret_last)
{
    VEC(struct redis_slow_entry) entries = { 0 };
    int64_t last = after;

    for (size_t i = 0; reply->type == RESP_ARRAY && i < reply->count; i++) {
        const struct resp *row = reply->items[i];
        const struct resp *id = item(row, 0, RESP_INTEGER), *time = item(row, 1, RESP_INTEGER);
        const struct resp *duration = item(row, 2, RESP_INTEGER);
        if (!id || !time || !duration || time->integer < 0 || time->integer > INT64_MAX / 1000)
            continue;
        if (id->integer > last)
            last = id->integer;
        if (id->integer > after)
            *vec_push(&entries, arena) = (struct redis_slow_entry){
                .id = id->integer,
                .time_ms = time->integer * 1000,
                .duration_us = duration->integer,
                .command = words_of(arena, item(row, 3, RESP_ARRAY)),
                .client = text_of(arena, item(row, 4, RESP_STRING)),
                .client_name = text_of(arena, item(row, 5, RESP_STRING)),
            };
    }
    *ret_entries = entries.at;
    *ret_count = entries.count;
    *ret_last = last;
}

void redis_latency_read(struct arena *arena, const struct resp *reply, const struct redis_latency_event **ret_events,
                        size_t *ret_count)
{
    VEC(struct redis_latency_event) events = { 0 };

    for (size_t i = 0; reply->type == RESP_ARRAY && i < reply->count; i++) {
        const struct resp *row = reply->items[i];
        const struct resp *name = item(row, 0, RESP_STRING), *time = item(row, 1, RESP_INTEGER);
        const struct resp *latest = item(row, 2, RESP_INTEGER), *max = item(row, 3, RESP_INTEGER);
        if (name && time && latest && max && time->integer >= 0 && time->integer <= INT64_MAX / 1000)
            *vec_push(&events, arena) = (struct redis_latency_event){ text_of(arena, name), time->integer * 1000,
                                                                      latest->integer, max->integer };
    }
    *ret_events = events.at;
    *ret_count = events.count;
}

static int64_t number_or(struct str text, int64_t fallback)
{
    int64_t value;

    return str_to_i64(text, &value) && value >= 0 ? value : fallback;
}

static void client_field(struct arena *arena, struct redis_client_row *row, struct str key, struct str value)
{
    if (str_eq(key, S("id")))
        row->id = number_or(value, 0);
    else if (str_eq(key, S("addr")))
        row->address = str_utf8_scrub(arena, value);
    else if (str_eq(key, S("name")))
        row->name = str_utf8_scrub(arena, value);
    else if (str_eq(key, S("age")))
        row->age_seconds = number_or(value, 0);
    else if (str_eq(key, S("idle")))
        row->idle_seconds = number_or(value, 0);
    else if (str_eq(key, S("flags")))
        row->flags = str_utf8_scrub(arena, value);
    else if (str_eq(key, S("omem")))
        row->output_bytes = number_or(value, 0);
    else if (str_eq(key, S("tot-mem")))
        row->total_bytes = number_or(value, 0);
    else if (str_eq(key, S("cmd")))
        row->command = str_utf8_scrub(arena, value);
    else if (str_eq(key, S("user")))
        row->user = str_utf8_scrub(arena, value);
}

/* Flags of those who wait by their nature: replicas, masters, monitors, subscribers, blocked ones. */
static bool may_idle(struct str flags)
{
    for (size_t i = 0; i < flags.length; i++)
        if (str_contains(S("SMOPb"), str_slice(flags, i, i + 1)))
            return true;
    return false;
}

static int by_idle(const void *left, const void *right)
{
    const struct redis_client_row *a = left, *b = right;

    return a->idle_seconds != b->idle_seconds
               ? (a->idle_seconds < b->idle_seconds) - (a->idle_seconds > b->idle_seconds)
               : (a->id > b->id) - (a->id < b->id);
}

void redis_clients_read(struct arena *arena, struct str text, struct redis_client_summary *ret_summary)
{
    VEC(struct redis_client_row) rows = { 0 };
    struct redis_client_summary summary = { 0 };

    for (struct str rest = text, line; rest.at && rows.count < ROWS_MAX;) {
        struct redis_client_row row = { 0 };
        line = str_trim(str_cut(rest, '\n', &rest));
        for (struct str words = line, word; words.at;) {
            word = str_cut(words, ' ', &words);
            struct str value, key = str_cut(word, '=', &value);
            if (value.at)
                client_field(arena, &row, key, value);
        }
        if (row.id <= 0)
            continue;
        *vec_push(&rows, arena) = row;
        summary.idle += row.idle_seconds >= IDLE_SECONDS && !may_idle(row.flags);
        if (row.output_bytes > summary.output_bytes_max)
            summary.output_bytes_max = row.output_bytes;
        if (row.output_bytes < INT64_MAX - summary.output_bytes)
            summary.output_bytes += row.output_bytes;
    }
    if (rows.count)
        qsort(rows.at, rows.count, sizeof(*rows.at), by_idle);
    summary.count = (int64_t)rows.count;
    summary.rows = rows.at;
    summary.row_count = rows.count;
    *ret_summary = summary;
}
