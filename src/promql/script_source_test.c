/* script_source_test.c - a source of series that a test script loads. */
#include "promql/script_source_test.h"

#include "base/test.h"
#include "model/histogram.h"
#include "promql/parse.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct script_sample {
    int64_t time_ms, start_ms;
    double value;
    const struct histogram *histogram;
};

struct script_series {
    struct labels labels;
    VEC(struct script_sample) samples;
    int64_t *times, *starts;
    double *values;
    const struct histogram **histograms;
    bool has_histograms, has_starts;
    bool settled; /* sorted, in columns */
};

struct script_set {
    struct series_set set;
    struct script_series **at;
    int64_t start_ms, end_ms;
};

static int by_time(const void *a, const void *b)
{
    const struct script_sample *left = a, *right = b;

    return (left->time_ms > right->time_ms) - (left->time_ms < right->time_ms);
}

static void settle(struct arena *arena, struct script_series *series)
{
    size_t count = series->samples.count;

    series->settled = true;
    if (count)
        qsort(series->samples.at, count, sizeof(*series->samples.at), by_time);
    series->times = arena_array(arena, count, sizeof(*series->times));
    series->starts = arena_array(arena, count, sizeof(*series->starts));
    series->values = arena_array(arena, count, sizeof(*series->values));
    series->histograms = arena_array(arena, count, sizeof(*series->histograms));
    for (size_t i = 0; i < count; i++) {
        const struct script_sample *sample = &series->samples.at[i];
        series->times[i] = sample->time_ms;
        series->starts[i] = sample->start_ms;
        series->values[i] = sample->value;
        series->histograms[i] = sample->histogram;
        if (sample->histogram) {
            struct histogram *hinted = histogram_copy(arena, sample->histogram);
            hinted->hint = histogram_hint_after(i ? series->histograms[i - 1] : NULL, hinted);
            series->histograms[i] = hinted;
        }
        series->has_histograms |= sample->histogram != NULL;
        series->has_starts |= sample->start_ms != 0;
    }
}

static struct labels set_labels(struct series_set *set, size_t index)
{
    return ((struct script_set *)set)->at[index]->labels;
}

static err set_read(struct series_set *set, size_t index, struct samples *ret_samples)
{
    const struct script_set *from = (struct script_set *)set;
    const struct script_series *series = from->at[index];
    size_t first = 0, end = series->samples.count;

    while (first < end && series->times[first] < from->start_ms)
        first++;
    while (end > first && series->times[end - 1] > from->end_ms)
        end--;
    *ret_samples = (struct samples){ .times = series->times + first,
                                     .values = series->values + first,
                                     .histograms = series->has_histograms ? series->histograms + first : NULL,
                                     .starts = series->has_starts ? series->starts + first : NULL,
                                     .count = end - first };
    return NULL;
}

static err source_open(struct series_source *source, struct arena *arena, const struct series_query *query,
                       struct series_set **ret_set)
{
    static const struct series_set_ops ops = { .labels = set_labels, .read = set_read };
    struct script_source *from = (struct script_source *)source;
    struct script_set *set = arena_alloc(arena, sizeof(*set));

    set->set.ops = &ops;
    set->start_ms = query->start_ms;
    set->end_ms = query->end_ms;
    set->at = arena_array(arena, from->series.count, sizeof(struct script_series *));
    for (size_t i = 0; i < from->series.count; i++) {
        struct script_series *series = from->series.at[i];
        if (!series->settled)
            settle(from->arena, series);
        if (matchers_match(query->matchers, query->matcher_count, series->labels))
            set->at[set->set.count++] = series;
    }
    *ret_set = &set->set;
    return NULL;
}

void script_source_init(struct script_source *source, struct arena *arena)
{
    static const struct series_source_ops ops = { .open = source_open };

    *source = (struct script_source){ .source = { &ops }, .arena = arena };
}

static struct script_series *series_of(struct script_source *source, struct labels labels)
{
    for (size_t i = 0; i < source->series.count; i++)
        if (labels_eq(source->series.at[i]->labels, labels))
            return source->series.at[i];
    struct script_series *series = arena_alloc(source->arena, sizeof(*series));
    series->labels = labels_copy(source->arena, labels);
    *vec_push(&source->series, source->arena) = series;
    return series;
}

static void put(struct script_source *source, struct labels labels, struct script_sample sample)
{
    struct script_series *series = series_of(source, labels);

    series->settled = false;
    for (size_t i = 0; i < series->samples.count; i++)
        if (series->samples.at[i].time_ms == sample.time_ms) {
            series->samples.at[i] = sample;
            return;
        }
    *vec_push(&series->samples, source->arena) = sample;
}

/* ---- load ---- */

struct load_line {
    struct labels labels;
    struct sequence samples, starts;
};

struct load {
    struct script_source *source;
    int64_t step_ms;
    bool with_custom; /* load_with_nhcb */
    VEC(struct load_line) lines;
};

size_t script_series_length(struct str line)
{
    size_t i = 0;
    char quote = 0;

    while (i < line.length && line.at[i] != '{' && line.at[i] != '@' && !isspace((unsigned char)line.at[i]))
        i++;
    if (i == line.length || line.at[i] != '{' || str_starts(str_slice(line, i, line.length), S("{{")))
        return i;
    for (; i < line.length; i++) {
        char c = line.at[i];
        if (quote && c == '\\')
            i++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'' || c == '`')
            quote = c;
        else if (c == '}')
            return i + 1;
    }
    return i;
}

static err read_line(struct load *load, struct str line)
{
    struct arena *arena = load->source->arena;
    size_t length = script_series_length(line);
    struct str rest = str_slice(line, length, line.length);
    bool starts = str_starts(rest, S("@st"));
    struct sequence sequence;
    struct load_line *to = NULL;
    struct labels labels;

    TRY(promql_parse_metric(arena, str_slice(line, 0, length), &labels));
    TRY(sequence_parse(arena, starts ? str_slice(rest, 3, rest.length) : rest, &sequence));
    for (size_t i = 0; i < load->lines.count; i++)
        if (labels_eq(load->lines.at[i].labels, labels))
            to = &load->lines.at[i];
    if (!to)
        to = vec_push(&load->lines, arena);
    to->labels = labels;
    *(starts ? &to->starts : &to->samples) = sequence;
    return NULL;
}

static void store(struct load *load, const struct load_line *line)
{
    for (size_t i = 0; i < line->samples.items.count; i++) {
        const struct sequence_item *item = &line->samples.items.at[i];
        const struct sequence_item *start = i < line->starts.items.count ? &line->starts.items.at[i] : NULL;
        int64_t time = (int64_t)i * load->step_ms;
        if (item->present)
            put(load->source, line->labels,
                (struct script_sample){ .time_ms = time,
                                        .start_ms = start && start->present ? time + (int64_t)(start->value * 1000) : 0,
                                        .value = item->value,
                                        .histogram = item->histogram });
    }
}

/* ---- classic histograms as custom ones ---- */

struct classic_bucket {
    double upper;
    const struct load_line *line;
};

static int by_upper(const void *a, const void *b)
{
    const struct classic_bucket *left = a, *right = b;

    return (left->upper > right->upper) - (left->upper < right->upper);
}

static bool value_at(const struct load_line *line, size_t i, double *ret_value)
{
    if (!line || i >= line->samples.items.count || !line->samples.items.at[i].present)
        return false;
    *ret_value = line->samples.items.at[i].value;
    return true;
}

/* custom_at - the native histogram of one moment; NULL where a bucket is missing. */
static const struct histogram *custom_at(struct arena *arena, const struct classic_bucket *buckets, size_t count,
                                         const struct load_line *sum_line, const struct load_line *count_line, size_t i)
{
    struct histogram *histogram = arena_alloc(arena, sizeof(*histogram));
    double *counts = arena_array(arena, count + 1, sizeof(*counts));
    double *bounds = arena_array(arena, count, sizeof(*bounds));
    struct histogram_span *span = arena_alloc(arena, sizeof(*span));
    double below = 0, value, total;
    size_t finite = 0, used = 0;
    bool any = false;

    for (size_t j = 0; j < count; j++) {
        if (isfinite(buckets[j].upper))
            bounds[finite++] = buckets[j].upper;
        if (!value_at(buckets[j].line, i, &value))
            continue;
        any = true;
        counts[j] = value - below;
        below = value;
        used = j + 1;
    }
    if (value_at(count_line, i, &total)) {
        any = true;
        if (total > below) {
            counts[finite] += total - below;
            used = finite + 1;
        }
        below = total;
    }
    *span = (struct histogram_span){ .length = (uint32_t)used };
    *histogram = (struct histogram){ .schema = HISTOGRAM_CUSTOM,
                                     .count = below,
                                     .sum = value_at(sum_line, i, &value) ? value : 0,
                                     .positive = { span, used > 0, counts, used },
                                     .bounds = bounds,
                                     .bound_count = finite };
    return any ? histogram_compact(arena, histogram) : NULL;
}

static struct labels base_labels(struct arena *arena, struct labels labels, struct str suffix)
{
    struct label *at = arena_array(arena, labels.count, sizeof(*at));
    size_t count = 0;

    for (size_t i = 0; i < labels.count; i++) {
        if (str_eq(labels.at[i].name, S("le")))
            continue;
        at[count] = labels.at[i];
        if (str_eq(at[count].name, S("__name__")))
            at[count].value = str_slice(at[count].value, 0, at[count].value.length - suffix.length);
        count++;
    }
    return (struct labels){ at, count };
}

static struct str name_of(struct labels labels)
{
    return labels_get(labels, S("__name__"));
}

static const struct load_line *line_of(const struct load *load, struct arena *arena, struct labels base,
                                       struct str suffix)
{
    for (size_t i = 0; i < load->lines.count; i++) {
        struct labels labels = load->lines.at[i].labels;
        if (str_ends(name_of(labels), suffix) && labels_eq(base_labels(arena, labels, suffix), base))
            return &load->lines.at[i];
    }
    return NULL;
}

static void store_custom_of(struct load *load, struct labels base)
{
    struct arena *arena = load->source->arena;
    VEC(struct classic_bucket) buckets = { 0 };
    size_t count = 0;

    for (size_t i = 0; i < load->lines.count; i++) {
        const struct load_line *line = &load->lines.at[i];
        double upper;
        if (!str_ends(name_of(line->labels), S("_bucket")) ||
            !labels_eq(base_labels(arena, line->labels, S("_bucket")), base) ||
            !sequence_number(labels_get(line->labels, S("le")), &upper))
            continue;
        *vec_push(&buckets, arena) = (struct classic_bucket){ upper, line };
        count = line->samples.items.count > count ? line->samples.items.count : count;
    }
    if (buckets.count)
        qsort(buckets.at, buckets.count, sizeof(*buckets.at), by_upper);
    for (size_t i = 0; i < count; i++) {
        const struct histogram *histogram =
            custom_at(arena, buckets.at, buckets.count, line_of(load, arena, base, S("_sum")),
                      line_of(load, arena, base, S("_count")), i);
        if (histogram)
            put(load->source, base,
                (struct script_sample){ .time_ms = (int64_t)i * load->step_ms, .histogram = histogram });
    }
}

static void store_custom(struct load *load)
{
    struct arena *arena = load->source->arena;

    for (size_t i = 0; i < load->lines.count; i++)
        if (str_ends(name_of(load->lines.at[i].labels), S("_bucket")))
            store_custom_of(load, base_labels(arena, load->lines.at[i].labels, S("_bucket")));
}

err script_source_load(struct script_source *source, struct str command)
{
    struct load load = { .source = source, .with_custom = str_starts(command, S("load_with_nhcb")) };
    struct str rest = command, line = str_cut(command, '\n', &rest), step;

    str_cut(str_trim(line), ' ', &step);
    if (!sequence_duration(str_trim(step), &load.step_ms))
        return err_new(ERR_INVALID, "'%.*s' is no step", STR_ARG(step));
    while (rest.at) {
        line = str_trim(str_cut(rest, '\n', &rest));
        if (line.length && *line.at != '#')
            TRY(read_line(&load, line));
    }
    for (size_t i = 0; i < load.lines.count; i++)
        store(&load, &load.lines.at[i]);
    if (load.with_custom)
        store_custom(&load);
    return NULL;
}
