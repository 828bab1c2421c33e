/* offline.c - reads a CSV file row by row and says what the models would have said at each moment. */
#include "detect/offline.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "detect/failure_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 10 * MINUTE_MS, STEP_SHARE = 64, LINE_MAX_BYTES = 4096, ARENA_BYTES = 4 << 20 };

struct replay {
    const struct failure_model *model;
    struct assess_options options;
    struct history *history;
    struct arena *arena;
    int64_t first_ms, said_ms;
    bool said;
};

static void unquote(struct str *cell)
{
    *cell = str_trim(*cell);
    if (cell->length >= 2 && cell->at[0] == '"' && cell->at[cell->length - 1] == '"')
        *cell = str_slice(*cell, 1, cell->length - 1);
}

/* "2024-01-01 10:00:00[.f]" becomes what time_parse takes. */
static bool read_time(struct arena *arena, struct str cell, int64_t *ret_ms)
{
    if (cell.length >= 19 && cell.at[10] == ' ') {
        char *text = str_c(arena, str_printf(arena, "%.*sZ", STR_ARG(cell)));
        text[10] = 'T';
        return time_parse(str_of(text), ret_ms);
    }
    return time_parse(cell, ret_ms);
}

static void put_or_null(struct json_writer *w, struct str key, double value)
{
    json_key(w, key);
    if (isfinite(value))
        json_add_double(w, round_decimals(value, 1));
    else
        json_add_null(w);
}

static void say(struct replay *replay, struct str spelled, FILE *out)
{
    struct assessment judged = assess(replay->arena, replay->model->algorithm, replay->history, &replay->options);
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct json_writer w;
    double number;

    buf_init(&text, LINE_MAX_BYTES);
    w = json_writer(&text);
    json_begin_object(&w);
    json_key(&w, S("timestamp"));
    if (str_to_double(spelled, &number) && isfinite(number))
        json_add_raw(&w, spelled);
    else
        json_add_str(&w, spelled);
    json_put_double(&w, S("risk"), round_decimals(judged.risk, 4));
    put_or_null(&w, S("eta_seconds"), judged.eta_seconds);
    put_or_null(&w, S("eta_low"), judged.eta_low);
    put_or_null(&w, S("eta_high"), judged.eta_high);
    json_key(&w, S("evidence"));
    json_begin_object(&w);
    json_put_double(&w, S("slope_per_hour"), judged.evidence.slope_per_hour);
    json_put_double(&w, S("r2"), round_decimals(judged.evidence.r2, 6));
    json_put_double(&w, S("p_value"), judged.evidence.p_value);
    json_put_double(&w, S("baseline"), judged.evidence.baseline);
    json_put_i64(&w, S("samples"), (int64_t)judged.evidence.samples);
    json_put_double(&w, S("window_seconds"), judged.evidence.window_seconds);
    json_put_bool(&w, S("learning"), judged.learning);
    json_end_object(&w);
    json_end_object(&w);
    buf_add_c(&text, '\n');
    fwrite(text.at, 1, text.length, out);
}

static err take_row(struct replay *replay, struct str line, const char *path, size_t number, FILE *out)
{
    struct str rest = line, stamp = str_cut(line, ',', &rest), cell = str_cut(rest, ',', &rest);
    int64_t time_ms;
    double value;

    unquote(&stamp);
    unquote(&cell);
    if (!read_time(replay->arena, stamp, &time_ms))
        return err_new(ERR_INVALID, "%s:%zu: '%.*s' is not a time such as 2026-01-31T10:00:00Z or epoch seconds", path,
                       number, STR_ARG(str_utf8_head(stamp, 60)));
    if (!cell.length)
        return NULL;
    if (!str_to_double(cell, &value))
        return err_new(ERR_INVALID, "%s:%zu: '%.*s' is not a number", path, number, STR_ARG(str_utf8_head(cell, 60)));
    if (!isfinite(value))
        return NULL;
    if (history_samples(replay->history) == 0)
        replay->first_ms = time_ms;
    else if (time_ms <= history_last_ms(replay->history))
        return NULL;
    history_add(replay->history, time_ms, value);
    /* Growth takes hours; a spike of errors is over by then. */
    int64_t step = (time_ms - replay->first_ms) / STEP_SHARE;
    int64_t most = replay->model->algorithm == Z_SCORE_ANOMALY ? MINUTE_MS : STEP_MS;
    if (step > most)
        step = most;
    if (replay->said && time_ms - replay->said_ms < step)
        return NULL;
    replay->said = true;
    replay->said_ms = time_ms;
    say(replay, stamp, out);
    arena_reset(replay->arena);
    return NULL;
}

static void close_file(FILE **file)
{
    if (*file && *file != stdin)
        fclose(*file);
}

err predict_file(const struct predict_options *options, FILE *out)
{
    const struct failure_model *model = failure_model_find(options->model);
    struct history *history CLEANUP(history_freep) = history_new();
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    bool is_stdin = !options->path || strcmp(options->path, "-") == 0;
    const char *path = is_stdin ? "standard input" : options->path;
    char line[LINE_MAX_BYTES];

    if (!model)
        return err_hint(err_new(ERR_INVALID, "'%.*s' is not a model", STR_ARG(options->model)),
                        "the models are cpu_spike, mem_leak, disk_full and error_rate");
    FILE *in CLEANUP(close_file) = is_stdin ? stdin : fopen(options->path, "r");
    if (!in)
        return err_errno("%s", path);
    struct replay replay = { model, failure_model_options(model, options->limit), history, arena, 0, 0, false };
    for (size_t number = 1; fgets(line, sizeof line, in); number++) {
        struct str text = { line, strlen(line) };
        if (text.length == sizeof line - 1 && line[text.length - 1] != '\n')
            return err_new(ERR_INVALID, "%s:%zu: the line is longer than %d bytes", path, number, LINE_MAX_BYTES - 2);
        text = str_trim(text);
        if (number > 1 && text.length)
            TRY(take_row(&replay, text, path, number, out));
    }
    if (ferror(in))
        return err_errno("%s", path);
    return fflush(out) ? err_errno("standard output") : NULL;
}
