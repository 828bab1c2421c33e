/* batch.c - the builder that collectors write into. */
#include "ingest/batch.h"

#include <stdarg.h>

enum { LABELS_MAX = 16, SAMPLES_MAX = 20000 };

struct batch batch_make(struct arena *arena, int64_t time_ms, struct str job, struct str instance)
{
    return (struct batch){
        .arena = arena, .time_ms = time_ms, .job = job, .instance = instance, .samples_max = SAMPLES_MAX
    };
}

void batch_add(struct batch *out, enum metric_kind kind, const char *name, const char *help, double value,
               const struct label *labels, size_t count)
{
    struct label all[LABELS_MAX + 3] = { { S("__name__"), str_of(name) },
                                         { S("instance"), out->instance },
                                         { S("job"), out->job } };

    if (out->samples.count >= out->samples_max) {
        out->dropped++;
        return;
    }
    if (count > LABELS_MAX)
        count = LABELS_MAX;
    for (size_t i = 0; i < count; i++)
        all[3 + i] = labels[i];
    *vec_push(&out->samples, out->arena) =
        (struct sample_in){ labels_make(out->arena, all, count + 3), out->time_ms, value };
    *vec_push(&out->metas, out->arena) = (struct metric_meta){ str_of(name), str_of(help), S(""), kind };
}

static void add_list(struct batch *out, enum metric_kind kind, const char *name, const char *help, double value,
                     va_list *list)
{
    struct label labels[LABELS_MAX];
    size_t count = 0;

    for (const char *key; count < LABELS_MAX && (key = va_arg(*list, const char *));)
        labels[count++] = (struct label){ str_of(key), str_of(va_arg(*list, const char *)) };
    batch_add(out, kind, name, help, value, labels, count);
}

void batch_gauge(struct batch *out, const char *name, const char *help, double value, ...)
{
    va_list list;

    va_start(list, value);
    add_list(out, KIND_GAUGE, name, help, value, &list);
    va_end(list);
}

void batch_counter(struct batch *out, const char *name, const char *help, double value, ...)
{
    va_list list;

    va_start(list, value);
    add_list(out, KIND_COUNTER, name, help, value, &list);
    va_end(list);
}

void batch_untyped(struct batch *out, const char *name, const char *help, double value, ...)
{
    va_list list;

    va_start(list, value);
    add_list(out, KIND_UNKNOWN, name, help, value, &list);
    va_end(list);
}

void batch_resource(struct batch *out, const struct resource_seen *resource)
{
    *vec_push(&out->resources, out->arena) = *resource;
}

void batch_absent(struct batch *out, const char *why)
{
    out->absent = str_of(why);
}

void batch_note(struct batch *out, struct str note)
{
    out->note = note;
}

void batch_write(struct buf *out, const struct batch *batch)
{
    static const char *const kinds[] = { "untyped", "counter", "gauge", "histogram", "summary", "gauge" };

    for (size_t i = 0; i < batch->samples.count; i++) {
        const struct metric_meta *meta = &batch->metas.at[i];
        if (i == 0 || !str_eq(meta->name, batch->metas.at[i - 1].name))
            buf_addf(out, "# TYPE %.*s %s\n", STR_ARG(meta->name), kinds[meta->kind]);
        labels_write_series(out, batch->samples.at[i].labels);
        buf_add_c(out, ' ');
        buf_add_double(out, batch->samples.at[i].value);
        buf_add_c(out, '\n');
    }
}
