/* exposition.c - one pass over the text, line by line.
 *
 * DESIGN. A reader stands at a byte; each take_ moves it over one thing or leaves an err that names the place. The same
 * code that checks labels in the first pass takes them apart when somebody asks: then with an arena to put them into.
 */
#include "scrape/exposition.h"

#include <math.h>
#include <string.h>

enum { LABELS_MAX = 1000, EXEMPLAR_CHARACTERS_MAX = 128 };

struct reader {
    struct str text;
    size_t at;
    bool openmetrics;
    struct arena *arena; /* NULL: look, but keep nothing */
    VEC(struct label) labels;
    size_t label_count;
};

static err fault(const struct reader *r, const char *what)
{
    size_t line = 1, start = 0;

    for (size_t i = 0; i < r->at && i < r->text.length; i++)
        if (r->text.at[i] == '\n') {
            line++;
            start = i + 1;
        }
    return err_new(ERR_INVALID, "line %zu, column %zu: %s", line, r->at - start + 1, what);
}

static int peek(const struct reader *r)
{
    return r->at < r->text.length ? (unsigned char)r->text.at[r->at] : -1;
}

static void skip_blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t')
        r->at++;
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static struct str take_name(struct reader *r)
{
    size_t from = r->at;

    if (is_name_start(peek(r)))
        while (is_name_start(peek(r)) || (peek(r) >= '0' && peek(r) <= '9'))
            r->at++;
    return str_slice(r->text, from, r->at);
}

/* unescape - \\ \" \n; anything else behind a backslash stays as it is, as Prometheus has it. */
static struct str unescape(struct arena *arena, struct str raw)
{
    char *to;
    size_t length = 0;

    if (!memchr(raw.at, '\\', raw.length))
        return raw;
    to = arena_alloc(arena, raw.length);
    for (size_t i = 0; i < raw.length; i++) {
        if (raw.at[i] != '\\' || i + 1 == raw.length) {
            to[length++] = raw.at[i];
            continue;
        }
        char c = raw.at[++i];
        if (c != 'n' && c != '\\' && c != '"')
            to[length++] = '\\';
        to[length++] = c;
        if (c == 'n')
            to[length - 1] = '\n';
    }
    return (struct str){ to, length };
}

static err take_quoted(struct reader *r, struct str *ret_text)
{
    size_t from = ++r->at;

    for (;; r->at++) {
        int c = peek(r);
        if (c == -1 || c == '\n')
            return fault(r, "a text without its closing quote");
        if (c == '"')
            break;
        if (c == '\\' && r->at + 1 < r->text.length)
            r->at++;
    }
    *ret_text = str_slice(r->text, from, r->at++);
    if (!str_is_utf8(*ret_text))
        return fault(r, "not UTF-8");
    if (r->arena)
        *ret_text = unescape(r->arena, *ret_text);
    return NULL;
}

static err keep_label(struct reader *r, struct str name, struct str value)
{
    if (++r->label_count > LABELS_MAX)
        return fault(r, "too many labels");
    if (r->arena)
        *vec_push(&r->labels, r->arena) = (struct label){ name, value };
    return NULL;
}

/* take_labels - {a="b",c="d"}; a quoted text alone in it is the metric's name. */
static err take_labels(struct reader *r, bool *named)
{
    for (r->at++;;) {
        struct str name, value;
        bool quoted;

        skip_blanks(r);
        if (peek(r) == '}')
            break;
        quoted = peek(r) == '"';
        if (quoted)
            TRY(take_quoted(r, &name));
        else
            name = take_name(r);
        if (!name.length)
            return fault(r, "expected a label's name");
        skip_blanks(r);
        if (quoted && peek(r) != '=') {
            if (!named || *named)
                return fault(r, "the metric has a second name");
            *named = true;
            TRY(keep_label(r, S("__name__"), name));
        } else {
            if (peek(r) != '=')
                return fault(r, "expected = behind a label's name");
            r->at++;
            skip_blanks(r);
            if (peek(r) != '"')
                return fault(r, "a label's value stands in double quotes");
            TRY(take_quoted(r, &value));
            TRY(keep_label(r, name, value));
            skip_blanks(r);
        }
        if (peek(r) == ',')
            r->at++;
        else if (peek(r) != '}')
            return fault(r, "expected , or }");
    }
    r->at++;
    return NULL;
}

static err take_series(struct reader *r, struct str *ret_series)
{
    size_t from = r->at;
    struct str name = take_name(r);
    bool named = name.length > 0;

    if (named)
        TRY(keep_label(r, S("__name__"), name));
    if (peek(r) == '{')
        TRY(take_labels(r, &named));
    if (!named)
        return fault(r, "expected the name of a metric");
    *ret_series = str_slice(r->text, from, r->at);
    return NULL;
}

static struct str take_word(struct reader *r)
{
    size_t from = r->at;

    while (peek(r) != -1 && peek(r) != ' ' && peek(r) != '\t' && peek(r) != '\n')
        r->at++;
    return str_slice(r->text, from, r->at);
}

/* Most values are small integers. */
static bool number(struct str word, double *ret_value)
{
    int64_t small = 0;
    size_t i = 0;

    for (; i < word.length && i < 15 && word.at[i] >= '0' && word.at[i] <= '9'; i++)
        small = small * 10 + (word.at[i] - '0');
    if (i && i == word.length) {
        *ret_value = (double)small;
        return true;
    }
    return str_to_double(word, ret_value);
}

static err take_number(struct reader *r, double *ret_value)
{
    skip_blanks(r);
    size_t from = r->at;
    struct str word = take_word(r);

    if (number(word, ret_value))
        return NULL;
    r->at = from;
    return fault(r, word.length ? "not a number" : "expected a number");
}

static err take_time(struct reader *r, int64_t *ret_time_ms)
{
    double seconds;

    skip_blanks(r);
    size_t from = r->at;
    struct str word = take_word(r);
    if (!r->openmetrics) {
        if (str_to_i64(word, ret_time_ms) && *ret_time_ms != EXPOSITION_NO_TIME)
            return NULL;
    } else if (str_to_double(word, &seconds) && fabs(seconds) < 9e15) {
        *ret_time_ms = (int64_t)(seconds * 1000);
        return NULL;
    }
    r->at = from;
    return fault(r, "not a timestamp");
}

/* take_exemplar - {...} value [time]. */
static err take_exemplar(struct reader *r, struct exemplar *exemplar)
{
    skip_blanks(r);
    if (peek(r) != '{')
        return fault(r, "expected the labels of an exemplar");
    TRY(take_labels(r, NULL));
    TRY(take_number(r, &exemplar->value));
    skip_blanks(r);
    return peek(r) == -1 || peek(r) == '\n' ? NULL : take_time(r, &exemplar->time_ms);
}

static err take_sample(struct reader *r, struct exposition_sample *ret_sample)
{
    *ret_sample = (struct exposition_sample){ .time_ms = EXPOSITION_NO_TIME };
    TRY(take_series(r, &ret_sample->series));
    if (peek(r) != ' ' && peek(r) != '\t')
        return fault(r, "expected a blank and a value");
    TRY(take_number(r, &ret_sample->value));
    skip_blanks(r);
    if (peek(r) != '\n' && peek(r) != -1 && peek(r) != '#')
        TRY(take_time(r, &ret_sample->time_ms));
    skip_blanks(r);
    if (peek(r) == '#' && r->openmetrics) {
        size_t from = ++r->at;
        struct exemplar ignored;
        TRY(take_exemplar(r, &ignored));
        ret_sample->exemplar = str_slice(r->text, from, r->at);
        skip_blanks(r);
    }
    if (peek(r) != '\n' && (peek(r) != -1 || r->openmetrics))
        return fault(r, "expected the end of the line");
    r->at += peek(r) == '\n';
    return NULL;
}

/* ---- # TYPE, # HELP, # UNIT ---- */

static enum metric_kind kind_of(struct str word)
{
    static const struct {
        const char *word;
        enum metric_kind kind;
    } kinds[] = {
        { "counter", KIND_COUNTER },     { "gauge", KIND_GAUGE },
        { "histogram", KIND_HISTOGRAM }, { "gaugehistogram", KIND_GAUGE_HISTOGRAM },
        { "summary", KIND_SUMMARY },     { "info", KIND_INFO },
        { "stateset", KIND_STATESET },
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(word, str_of(kinds[i].word)))
            return kinds[i].kind;
    return KIND_UNKNOWN; /* untyped, unknown, and what was invented since */
}

/* family - the one that the comments before it were about, mostly. */
static struct metric_meta *family(struct arena *arena, struct exposition *out, struct str name)
{
    if (out->metas.count && str_eq(out->metas.at[out->metas.count - 1].name, name))
        return &out->metas.at[out->metas.count - 1];
    *vec_push(&out->metas, arena) = (struct metric_meta){ .name = name };
    return &out->metas.at[out->metas.count - 1];
}

static struct str take_line(struct reader *r)
{
    size_t end = str_find(r->text, S("\n"), r->at);
    struct str line = str_slice(r->text, r->at, end);

    r->at = end == SIZE_MAX ? r->text.length : end + 1;
    return line;
}

/* take_comment - *ret_end: it was # EOF. */
static err take_comment(struct reader *r, struct arena *arena, struct exposition *out, bool *ret_end)
{
    r->at++;
    skip_blanks(r);
    struct str what = take_word(r);
    bool type = str_eq(what, S("TYPE")), help = str_eq(what, S("HELP")), unit = str_eq(what, S("UNIT"));
    *ret_end = r->openmetrics && str_eq(what, S("EOF"));
    if (!type && !help && !(unit && r->openmetrics)) {
        take_line(r);
        return NULL;
    }
    skip_blanks(r);
    struct str name;
    if (peek(r) == '"')
        TRY(take_quoted(r, &name));
    else
        name = take_name(r);
    if (!name.length)
        return fault(r, "expected the name of a metric");
    skip_blanks(r);
    struct metric_meta *meta = family(arena, out, name);
    struct str rest = take_line(r);
    if (type)
        meta->kind = kind_of(str_trim(rest));
    else if (help)
        meta->help = unescape(arena, rest);
    else
        meta->unit = str_trim(rest);
    return NULL;
}

enum exposition_format exposition_format(struct str content_type)
{
    return str_starts(content_type, S("application/openmetrics-text")) ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
}

err exposition_parse(struct arena *arena, struct str text, enum exposition_format format, size_t samples_max,
                     struct exposition *ret_exposition)
{
    struct reader r = { .text = text, .openmetrics = format == EXPOSITION_OPENMETRICS };
    bool ended = false;

    *ret_exposition = (struct exposition){ 0 };
    while (r.at < text.length) {
        if (ended)
            return fault(&r, "something stands behind # EOF");
        if (!r.openmetrics)
            skip_blanks(&r);
        r.label_count = 0;
        if (peek(&r) == '#') {
            TRY(take_comment(&r, arena, ret_exposition, &ended));
        } else if (peek(&r) == '\n' && !r.openmetrics) {
            r.at++;
        } else if (peek(&r) != -1) {
            if (samples_max && ret_exposition->samples.count == samples_max)
                return err_new(ERR_TOO_LARGE, "more than %zu samples", samples_max);
            TRY(take_sample(&r, vec_push(&ret_exposition->samples, arena)));
        }
        TRY(arena_check(arena));
    }
    return r.openmetrics && !ended ? fault(&r, "the text does not end with # EOF") : NULL;
}

err exposition_labels(struct arena *arena, struct str series, struct labels *ret_labels)
{
    struct reader r = { .text = series, .arena = arena };
    struct str whole;

    TRY(take_series(&r, &whole));
    *ret_labels = (struct labels){ r.labels.at, r.labels.count };
    return NULL;
}

err exposition_exemplar(struct arena *arena, struct str exemplar, int64_t otherwise_ms, struct exemplar *ret_exemplar)
{
    struct reader r = { .text = exemplar, .arena = arena, .openmetrics = true };
    size_t characters = 0;

    *ret_exemplar = (struct exemplar){ .time_ms = otherwise_ms };
    TRY(take_exemplar(&r, ret_exemplar));
    for (size_t i = 0; i < r.labels.count; i++)
        characters += r.labels.at[i].name.length + r.labels.at[i].value.length;
    if (characters > EXEMPLAR_CHARACTERS_MAX * 4)
        return err_new(ERR_TOO_LARGE, "the labels of an exemplar have more than %d characters",
                       EXEMPLAR_CHARACTERS_MAX);
    ret_exemplar->labels = labels_make(arena, r.labels.at, r.labels.count);
    return NULL;
}
