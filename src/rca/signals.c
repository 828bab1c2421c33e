/* signals.c - explains what was predicted: what grows, how fast, until when, and which processes are behind it. */
#include "rca/rca.h"

#include "base/duration.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOP_PROCESSES = 3, RATE_WINDOW_MS = 5 * MINUTE_MS };

static const struct kind {
    const char *type, *issue, *failure, *impact;
    const char *process_metric; /* which shows who is behind it; NULL: none */
    bool rate;
} kinds[] = {
    { "disk_full", "A file system fills up", "Services can't write once it is full",
      "Everything that stores on this file system", NULL, false },
    { "mem_leak", "Memory in use rises and does not come back", "The kernel kills a process once none is left",
      "Everything that runs on this host", "namedprocess_namegroup_memory_bytes", false },
    { "cpu_spike", "The CPU gets busier and busier", "Services answer late, then not at all",
      "Everything that runs on this host", "namedprocess_namegroup_cpu_seconds_total", true },
    { "error_rate", "Errors became far more frequent than they were", "Part of what the service does fails",
      "Whoever uses the service", NULL, false },
};

static const struct kind *kind_of(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(str_of(kinds[i].type), type))
            return &kinds[i];
    return NULL;
}

static struct str in_words(struct arena *arena, double seconds)
{
    struct buf text CLEANUP(buf_clear) = { .max = 64 };

    /* To the minute below a day, to the hour above: more would be pretended. */
    double step = seconds < 86400 ? 60 : 3600;
    duration_add(&text, (struct duration){ (int64_t)(round(seconds / step) * step * 1000) });
    return str_copy(arena, buf_str(&text));
}

static void add_prediction(const struct rca_case *what, struct rca_cause *cause, const struct json *data)
{
    struct arena *arena = what->arena;
    const struct json *evidence = json_get(data, S("evidence"));
    struct str metric = json_str_or(json_get(data, S("metric")), S(""));
    double value = json_number_or(json_get(data, S("value")), NAN),
           limit = json_number_or(json_get(data, S("threshold")), NAN);
    double slope = json_number_or(json_get(evidence, S("slope_per_hour")), NAN),
           eta = json_number_or(json_get(data, S("eta_seconds")), NAN);

    if (!isnan(value))
        rca_add_evidence(what, cause, str_printf(arena, "%.1f now, the limit is %.1f", value, limit), metric, value);
    if (!isnan(slope))
        rca_add_evidence(what, cause,
                         str_printf(arena, "it changes by %.2f an hour (r2 %.2f, p %.2g, %.0f samples)", slope,
                                    json_number_or(json_get(evidence, S("r2")), NAN),
                                    json_number_or(json_get(evidence, S("p_value")), NAN),
                                    json_number_or(json_get(evidence, S("samples")), 0)),
                         metric, slope);
    if (!isnan(eta))
        rca_add_evidence(what, cause,
                         str_printf(arena, "at this pace the limit is reached in %.*s (%.*s to %.*s)",
                                    STR_ARG(in_words(arena, eta)),
                                    STR_ARG(in_words(arena, json_number_or(json_get(data, S("eta_low")), eta))),
                                    STR_ARG(in_words(arena, json_number_or(json_get(data, S("eta_high")), eta)))),
                         metric, eta);
}

struct heavy {
    struct str name;
    double value;
};

static int by_value(const void *a, const void *b)
{
    double left = ((const struct heavy *)a)->value, right = ((const struct heavy *)b)->value;

    return (left < right) - (left > right);
}

static double weight(const struct series *series, bool rate)
{
    const struct sample *first = &series->samples[0], *last = &series->samples[series->count - 1];

    if (!rate)
        return last->value;
    if (last->time_ms == first->time_ms || last->value < first->value)
        return 0;
    return (last->value - first->value) * 1000 / (double)(last->time_ms - first->time_ms);
}

static bool is_this_host(struct arena *arena, struct str resource)
{
    char host[256] = "";

    gethostname(host, sizeof(host) - 1);
    return str_eq(resource, str_printf(arena, "host:%s", host));
}

/* add_processes - of this host alone: a host elsewhere has its own. */
static err add_processes(const struct rca_case *what, struct rca_cause *cause, const struct kind *kind)
{
    struct matcher matchers[2];
    struct series_list list;
    VEC(struct heavy) heavy = { 0 };
    bool memory = !kind->rate;

    TRY(matcher_make(what->arena, MATCH_EQ, S("__name__"), str_of(kind->process_metric), &matchers[0]));
    TRY(matcher_make(what->arena, MATCH_EQ, S("memtype"), S("resident"), &matchers[1]));
    TRY(series_select(what->series, what->arena, matchers, memory ? 2 : 1, what->end_ms - RATE_WINDOW_MS, what->end_ms,
                      &list));
    for (size_t i = 0; i < list.count; i++) { /* CPU has a series a mode: their sum is the process' */
        struct str name = labels_get(list.at[i].labels, S("groupname"));
        size_t at = 0;
        while (at < heavy.count && !str_eq(heavy.at[at].name, name))
            at++;
        if (at == heavy.count)
            vec_push(&heavy, what->arena)->name = name;
        heavy.at[at].value += list.at[i].count ? weight(&list.at[i], kind->rate) : 0;
    }
    if (heavy.count)
        qsort(heavy.at, heavy.count, sizeof(*heavy.at), by_value);
    for (size_t i = 0; i < heavy.count && i < TOP_PROCESSES && heavy.at[i].value > 0; i++) {
        struct buf size CLEANUP(buf_clear) = { .max = 64 };
        if (memory)
            size_add(&size, heavy.at[i].value);
        else
            buf_addf(&size, "%.2f cores", heavy.at[i].value);
        rca_add_evidence(what, cause,
                         str_printf(what->arena, "%.*s takes %.*s", STR_ARG(heavy.at[i].name), STR_ARG(buf_str(&size))),
                         str_of(kind->process_metric), heavy.at[i].value);
    }
    return NULL;
}

/* recommend - old logs are what may go without asking anybody, where they lie on the file system that fills. */
static err recommend(const struct rca_case *what, const struct kind *kind, const struct json *data,
                     struct rca_result *result)
{
    struct str mount = json_str_or(json_get(json_get(data, S("labels")), S("mountpoint")), S(""));

    if (!str_eq(str_of(kind->type), S("disk_full")) ||
        (!str_eq(mount, S("/")) && !str_eq(mount, S("/var")) && !str_eq(mount, S("/var/log"))))
        return NULL;
    return rca_recommend(what, result, S("compress_old_logs"), S("{}"),
                         S("compresses logs that nobody wrote to for 30 days; nothing is deleted"));
}

static err explain(const struct rca_case *what, const struct event *event, struct rca_result *result)
{
    const struct json *data;

    TRY(json_parse(what->arena, event->data, &data));
    const struct kind *kind = kind_of(json_str_or(json_get(data, S("signal_type")), S("")));
    if (!kind)
        return NULL;
    double risk = json_number_or(json_get(data, S("risk_score")), 0.5);
    struct rca_cause *cause =
        rca_add_cause(what, result, event->subject, str_of(kind->issue), fmin(0.9, fmax(0.3, risk)));
    add_prediction(what, cause, data);
    if (kind->process_metric && is_this_host(what->arena, event->subject))
        TRY(add_processes(what, cause, kind));
    if (!result->critical_failure.length) {
        result->critical_failure = str_of(kind->failure);
        result->impact = str_of(kind->impact);
    }
    return recommend(what, kind, data, result);
}

/* analyze - the newest signal.raised of each kind on the timeline. */
static err analyze(const struct rca_case *what, struct rca_result *result)
{
    const struct kind *seen[ARRAY_LEN(kinds)] = { 0 };
    size_t count = 0;

    for (size_t i = 0; i < what->events.count; i++) {
        const struct event *event = &what->events.at[i];
        const struct json *data;
        if (event->kind != EVENT_SIGNAL_RAISED)
            continue;
        TRY(json_parse(what->arena, event->data, &data));
        const struct kind *kind = kind_of(json_str_or(json_get(data, S("signal_type")), S("")));
        bool again = !kind;
        for (size_t j = 0; j < count; j++)
            again |= seen[j] == kind;
        if (again)
            continue;
        seen[count++] = kind;
        TRY(explain(what, event, result));
    }
    return NULL;
}

static const struct rca_method signals_method = { .name = "signals", .order = 20, .analyze = analyze };
REGISTER(rca_method, signals_method);
