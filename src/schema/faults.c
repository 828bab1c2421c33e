/* faults.c - what is wrong and where, as text. */
#include "schema/faults.h"

#include <stdarg.h>
#include <stdio.h>

enum { FAULTS_MAX = 50, FAULTS_TEXT_MAX = 64 * 1024 };

static void add_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    add_place(out, place->up);
    if (!place->name.at) {
        buf_addf(out, "[%zu]", place->index);
        return;
    }
    if (out->length && out->at[out->length - 1] != '.')
        buf_add_c(out, '.');
    buf_add(out, str_utf8_head(place->name, 200));
}

struct str place_path(const struct faults *faults, const struct place *place, bool as_prefix)
{
    struct buf path CLEANUP(buf_clear) = { 0 };

    buf_init(&path, 16 * 1024);
    buf_add(&path, str_of(faults->prefix));
    add_place(&path, place);
    if (as_prefix && path.length && path.at[path.length - 1] != '.')
        buf_add_c(&path, '.');
    if (!as_prefix && path.length && path.at[path.length - 1] == '.')
        buf_truncate(&path, path.length - 1);
    return str_copy(faults->arena, buf_str(&path));
}

static void add(struct faults *faults, enum err_kind kind, const char *field, struct str shown, int line, int column,
                const char *what)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    if (faults->list.count == FAULTS_MAX) {
        faults->dropped++;
        return;
    }
    buf_init(&text, 16 * 1024);
    if (faults->file) {
        kind = ERR_INVALID;
        buf_add(&text, str_of(faults->file));
        if (line)
            buf_addf(&text, ":%d:%d", line, column);
        buf_add(&text, S(": "));
        buf_add(&text, shown);
        if (shown.length)
            buf_add(&text, S(": "));
    }
    buf_add(&text, str_of(what));
    *vec_push(&faults->list, faults->arena) = (struct fault){ kind, field, str_c(faults->arena, buf_str(&text)) };
}

void faults_add(struct faults *faults, enum err_kind kind, const struct place *field, const struct place *shown,
                int line, int column, const char *format, ...)
{
    char what[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (faults->list.count == FAULTS_MAX)
        faults->dropped++; /* before their paths are written for nothing */
    else
        add(faults, kind, place_path(faults, field, false).at, place_path(faults, shown, false), line, column, what);
}

void faults_adopt(struct faults *faults, enum err_kind kind, struct str path, const char *message, int line, int column)
{
    add(faults, kind, str_c(faults->arena, path), path, line, column, message);
}

void faults_add_ready(struct faults *faults, const char *field, const char *message)
{
    if (faults->list.count == FAULTS_MAX)
        faults->dropped++;
    else
        *vec_push(&faults->list, faults->arena) = (struct fault){
            ERR_INVALID,
            str_c(faults->arena, str_of(field)),
            str_c(faults->arena, str_of(message)),
        };
}

/* A file's message shows every fault, one a line; a request's shows the first, its fields show them all. */
static void add_message(struct buf *out, const struct faults *faults)
{
    const struct fault *first = &faults->list.at[0];

    if (!faults->file) {
        buf_addf(out, "%s%s%s", first->field, *first->field ? ": " : "", first->message);
        return;
    }
    for (size_t i = 0; i < faults->list.count; i++)
        buf_addf(out, "%s%s", i ? "\n" : "", faults->list.at[i].message);
    if (faults->dropped)
        buf_addf(out, "\n%s: and %zu more", faults->file, faults->dropped);
}

err faults_err(const struct faults *faults)
{
    struct buf message CLEANUP(buf_clear) = { 0 };
    enum err_kind kind = ERR_RANGE;

    if (faults->list.count == 0)
        return NULL;
    for (size_t i = 0; i < faults->list.count; i++)
        if (faults->list.at[i].kind != ERR_RANGE)
            kind = faults->list.at[i].kind;
    buf_init(&message, FAULTS_TEXT_MAX);
    add_message(&message, faults);
    err e = err_new(kind, "%s", buf_c(&message));
    for (size_t i = 0; i < faults->list.count; i++)
        err_add_field(&e, kind, faults->list.at[i].field, "%s", faults->list.at[i].message);
    return e;
}

const char *nearest_word(struct str word, const char *(*next)(const void *arg, size_t index), const void *arg)
{
    size_t best = word.length < 4 ? 1 : word.length < 7 ? 2 : 3;
    const char *found = NULL, *candidate;

    for (size_t i = 0; (candidate = next(arg, i)); i++) {
        size_t distance = str_distance(word, str_of(candidate), best);
        if (distance <= best && distance < str_of(candidate).length) {
            found = candidate;
            if (distance == 0)
                break;
            best = distance - 1;
        }
    }
    return found;
}
