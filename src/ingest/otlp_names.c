/* otlp_names.c - tokens of a name, its unit in words, its suffix. */
#include "ingest/otlp_names.h"

struct word {
    struct str from, to;
};

static const struct word units[] = {
    { S("d"), S("days") },
    { S("h"), S("hours") },
    { S("min"), S("minutes") },
    { S("s"), S("seconds") },
    { S("ms"), S("milliseconds") },
    { S("us"), S("microseconds") },
    { S("ns"), S("nanoseconds") },
    { S("By"), S("bytes") },
    { S("KiBy"), S("kibibytes") },
    { S("MiBy"), S("mebibytes") },
    { S("GiBy"), S("gibibytes") },
    { S("TiBy"), S("tibibytes") },
    { S("KBy"), S("kilobytes") },
    { S("MBy"), S("megabytes") },
    { S("GBy"), S("gigabytes") },
    { S("TBy"), S("terabytes") },
    { S("m"), S("meters") },
    { S("V"), S("volts") },
    { S("A"), S("amperes") },
    { S("J"), S("joules") },
    { S("W"), S("watts") },
    { S("g"), S("grams") },
    { S("Cel"), S("celsius") },
    { S("Hz"), S("hertz") },
    { S("1"), S("") },
    { S("%"), S("percent") },
};
static const struct word per_units[] = {
    { S("s"), S("second") }, { S("m"), S("minute") }, { S("h"), S("hour") }, { S("d"), S("day") },
    { S("w"), S("week") },   { S("mo"), S("month") }, { S("y"), S("year") },
};

static struct str translate(const struct word *words, size_t count, struct str unit)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(words[i].from, unit))
            return words[i].to;
    return unit;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name_char(char c)
{
    return is_letter_or_digit(c) || c == ':';
}

/* clean - what no name may hold becomes one underscore a run; none in front. */
static struct str clean(struct arena *arena, struct str unit)
{
    char *at = arena_alloc(arena, unit.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < unit.length; i++) {
        if (is_name_char(unit.at[i]))
            at[length++] = unit.at[i];
        else if (length && at[length - 1] != '_')
            at[length++] = '_';
    }
    return (struct str){ at, length };
}

/* word_of - one side of the unit; annotations in braces are nobody's unit. */
static struct str word_of(struct arena *arena, struct str unit, const struct word *words, size_t count)
{
    unit = str_trim(unit);
    if (!unit.length || str_contains(unit, S("{")) || str_contains(unit, S("}")))
        return S("");
    return clean(arena, translate(words, count, unit));
}

static void split_unit(struct arena *arena, struct str unit, struct str *ret_main, struct str *ret_per)
{
    struct str per, base = str_cut(unit, '/', &per);

    *ret_main = word_of(arena, base, units, ARRAY_LEN(units));
    *ret_per = per.at ? word_of(arena, per, per_units, ARRAY_LEN(per_units)) : S("");
}

static struct str without_last_underscore(struct str s)
{
    return str_ends(s, S("_")) ? str_slice(s, 0, s.length - 1) : s;
}

struct str otlp_unit(struct arena *arena, struct str unit)
{
    struct str base, per;

    split_unit(arena, unit, &base, &per);
    if (!per.length)
        return without_last_underscore(base);
    return without_last_underscore(
        str_printf(arena, "%.*s%sper_%.*s", STR_ARG(base), base.length ? "_" : "", STR_ARG(per)));
}

struct tokens {
    struct str *at;
    size_t count, room;
};

static bool has_token(const struct tokens *tokens, struct str token)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (str_eq(tokens->at[i], token))
            return true;
    return false;
}

/* move_to_end - the token stands last, and once. */
static void move_to_end(struct arena *arena, struct tokens *tokens, struct str token)
{
    size_t kept = 0;

    for (size_t i = 0; i < tokens->count; i++)
        if (!str_eq(tokens->at[i], token))
            tokens->at[kept++] = tokens->at[i];
    tokens->count = kept;
    *vec_push(tokens, arena) = token;
}

static void add_unit(struct arena *arena, struct tokens *tokens, struct str unit)
{
    struct str base, per;

    split_unit(arena, unit, &base, &per);
    if (has_token(tokens, base))
        base = S("");
    if (per.length) {
        per = without_last_underscore(str_printf(arena, "per_%.*s", STR_ARG(per)));
        base = without_last_underscore(base);
    }
    if (base.length)
        *vec_push(tokens, arena) = base;
    if (per.length && !has_token(tokens, per))
        *vec_push(tokens, arena) = per;
}

static struct str join(struct arena *arena, const struct tokens *tokens)
{
    size_t length = 1;

    for (size_t i = 0; i < tokens->count; i++)
        length += tokens->at[i].length + 1;
    char *text = arena_alloc(arena, length), *at = text;
    if (tokens->count && tokens->at[0].at[0] >= '0' && tokens->at[0].at[0] <= '9')
        *at++ = '_';
    for (size_t i = 0; i < tokens->count; i++) {
        if (i)
            *at++ = '_';
        for (size_t k = 0; k < tokens->at[i].length; k++)
            *at++ = tokens->at[i].at[k];
    }
    return (struct str){ text, (size_t)(at - text) };
}

struct str otlp_metric_name(struct arena *arena, const struct otlp_metric *metric)
{
    struct tokens tokens = { 0 };
    struct str name = metric->name;

    for (size_t i = 0; i < name.length;) {
        size_t from = i;
        while (i < name.length && is_name_char(name.at[i]))
            i++;
        if (i > from)
            *vec_push(&tokens, arena) = str_slice(name, from, i);
        while (i < name.length && !is_name_char(name.at[i]))
            i++;
    }
    add_unit(arena, &tokens, metric->unit);
    if (metric->kind == OTLP_SUM && metric->monotonic)
        move_to_end(arena, &tokens, S("total"));
    if (metric->kind == OTLP_GAUGE && str_eq(metric->unit, S("1")))
        move_to_end(arena, &tokens, S("ratio"));
    return join(arena, &tokens);
}

struct str otlp_label_name(struct arena *arena, struct str key)
{
    char *text = arena_alloc(arena, key.length + 5), *name = text + 4, *at = name;
    bool plain = false; /* more than underscores */

    for (size_t i = 0; i < key.length; i++) {
        if ((key.at[i] & 0xc0) == 0x80)
            continue; /* the rest of a character that is one underscore already */
        *at++ = is_letter_or_digit(key.at[i]) ? key.at[i] : '_';
        plain |= is_letter_or_digit(key.at[i]);
    }
    struct str made = { name, (size_t)(at - name) };
    if (!made.length || (!plain && str_starts(made, S("__"))))
        return S("");
    if (*name >= '0' && *name <= '9')
        return str_printf(arena, "key_%.*s", STR_ARG(made));
    if (*name == '_' && !str_starts(made, S("__")))
        return str_printf(arena, "key%.*s", STR_ARG(made));
    return made;
}
