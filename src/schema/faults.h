/* faults.h - everything that is wrong with one document, gathered with its places, then told as one err.
 *
 * Owner: one parse, on its stack; texts live in its arena. Threads: one at a time. For the files of schema/ only. */
#pragma once
#include "base/json.h"
#include "base/vec.h"

/* A step on the way from the document's root: a member's name, or, where that is empty, an index. The way is written
 * out only when something is wrong there. */
struct place {
    const struct place *up;
    struct str name;
    size_t index;
};

struct fault {
    enum err_kind kind;
    const char *field;   /* "receivers[0].webhook" */
    const char *message; /* what is wrong; for files with "file:line:column: path: " before it */
};

struct faults {
    struct arena *arena;
    const char *file;   /* NULL: a request */
    const char *prefix; /* before all paths */
    VEC(struct fault) list;
    size_t dropped; /* after the 50th */
};

/* faults_add - `line` 0: no place known. `field` is the path of the problem document, `shown` what stands before the
 * message in a file (the same, or its parent where the message names the key itself). */
void faults_add(struct faults *faults, enum err_kind kind, const struct place *field, const struct place *shown,
                int line, int column, const char *format, ...) PRINTF_LIKE(7, 8);
/* faults_adopt - what a schema's check found, whose path is complete. */
void faults_adopt(struct faults *faults, enum err_kind kind, struct str path, const char *message, int line,
                  int column);
/* faults_add_ready - a fault of another gathering, whose message has its place already. */
void faults_add_ready(struct faults *faults, const char *field, const char *message);
/* faults_err - NULL where there are none. ERR_INVALID for files, and where one fault is ERR_INVALID. */
err faults_err(const struct faults *faults) MUST_USE;

/* place_path - "a.b[2].c"; with `as_prefix` ready to put a name behind: "a.b[2].". */
struct str place_path(const struct faults *faults, const struct place *place, bool as_prefix);
/* nearest - the word that was probably meant, or NULL. next(arg, i) gives the i-th candidate, NULL at the end. */
const char *nearest_word(struct str word, const char *(*next)(const void *arg, size_t index), const void *arg);
