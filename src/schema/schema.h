/* schema.h - one table of fields declares a struct; parsing, defaults, checks, JSON Schema, docs, redaction and
 * encoding are read from it. Used for configuration (YAML), requests, replies, integrations' settings and catalogue
 * files.
 *
 * Owner: tables are static const; parsed values live in the arena given. Threads: any.
 *
 *   static const struct field slack_fields[] = {
 *       STRING(struct slack, webhook, .flags = F_REQUIRED | F_SECRET, .doc = "Incoming webhook URL."),
 *       DURATION(struct slack, timeout, .def = "10s", .min = 100, .max = 60000, .doc = "Give up after this long."),
 *       { 0 },
 *   };
 *   static const struct schema slack_schema = SCHEMA(struct slack, slack_fields, .doc = "Slack incoming webhook.");
 *
 * C types by constructor: STRING struct str (NUL-terminated as well, holds no NUL inside) · BOOL bool · INT int64_t ·
 * DOUBLE double (finite unless F_NONFINITE) · DURATION struct duration · SIZE int64_t bytes · TIME int64_t ms ·
 * ENUM int (index into words, a NULL-terminated list) · STRINGS VEC(struct str) · STRUCT the struct itself ·
 * OPTIONAL pointer to the struct, NULL where absent · LIST VEC(struct) · PAIRS VEC(struct pair) (a map of strings) ·
 * ANY const struct json * (checked by whoever knows; NULL where absent).
 *
 * Unset values, for F_NULLABLE: STRING .at == NULL, INT and SIZE INT64_MIN, TIME and DURATION 0, DOUBLE NaN, ENUM -1.
 */
#pragma once
#include "base/duration.h"
#include "base/json.h"
#include "base/vec.h"

enum field_type {
    FIELD_END,
    FIELD_STRING,
    FIELD_BOOL,
    FIELD_INT,
    FIELD_DOUBLE,
    FIELD_DURATION,
    FIELD_SIZE,
    FIELD_TIME,
    FIELD_ENUM,
    FIELD_STRINGS,
    FIELD_STRUCT,
    FIELD_OPTIONAL,
    FIELD_LIST,
    FIELD_PAIRS,
    FIELD_ANY,
};

enum field_flag {
    F_REQUIRED = 1,   /* must be there */
    F_SECRET = 2,     /* redacted wherever it is shown; may be env:NAME, file:PATH or credential:NAME */
    F_NULLABLE = 4,   /* may be absent or null; encoded as null where unset */
    F_OMIT = 8,       /* with F_NULLABLE: not encoded where unset */
    F_NONFINITE = 16, /* a DOUBLE may be NaN or infinite ("NaN", "+Inf" as strings) */
};

struct field {
    const char *name; /* key in the document: the member's name, unless .name says otherwise */
    enum field_type type;
    size_t offset;
    unsigned flags;
    const char *def; /* default as it would be written; NULL: zero, "" or unset */
    double min, max; /* of numbers; ms of durations; length in bytes of strings, count of lists. Both 0: no bound; a
                        max below min: "at least min" */
    const char *const *words;    /* of ENUM */
    const struct schema *schema; /* of STRUCT, OPTIONAL, LIST */
    const char *doc;             /* one sentence */
};

struct schema {
    const char *name; /* the struct's, without "struct " */
    const char *doc;
    size_t size;
    const struct field *fields;
    /* check - what no single field can say; may be NULL. Adds to *e by err_add_field with `path` before the names. */
    void (*check)(const void *object, struct str path, err *e);
};

struct pair {
    struct str key, value;
};

#define FIELD(kind, type_of_struct, member, ...)                                                                       \
    {                                                                                                                  \
        .name = #member, .type = FIELD_##kind, .offset = offsetof(type_of_struct, member), ##__VA_ARGS__               \
    }
#define STRING(s, member, ...)   FIELD(STRING, s, member, ##__VA_ARGS__)
#define BOOL(s, member, ...)     FIELD(BOOL, s, member, ##__VA_ARGS__)
#define INT(s, member, ...)      FIELD(INT, s, member, ##__VA_ARGS__)
#define DOUBLE(s, member, ...)   FIELD(DOUBLE, s, member, ##__VA_ARGS__)
#define DURATION(s, member, ...) FIELD(DURATION, s, member, ##__VA_ARGS__)
#define SIZE(s, member, ...)     FIELD(SIZE, s, member, ##__VA_ARGS__)
#define TIME(s, member, ...)     FIELD(TIME, s, member, ##__VA_ARGS__)
#define ENUM(s, member, ...)     FIELD(ENUM, s, member, ##__VA_ARGS__)
#define STRINGS(s, member, ...)  FIELD(STRINGS, s, member, ##__VA_ARGS__)
#define STRUCT(s, member, ...)   FIELD(STRUCT, s, member, ##__VA_ARGS__)
#define OPTIONAL(s, member, ...) FIELD(OPTIONAL, s, member, ##__VA_ARGS__)
#define LIST(s, member, ...)     FIELD(LIST, s, member, ##__VA_ARGS__)
#define PAIRS(s, member, ...)    FIELD(PAIRS, s, member, ##__VA_ARGS__)
#define ANY(s, member, ...)      FIELD(ANY, s, member, ##__VA_ARGS__)
#define SCHEMA(type_of_struct, table, ...)                                                                             \
    {                                                                                                                  \
        .name = &#type_of_struct[sizeof("struct ") - 1], .size = sizeof(type_of_struct), .fields = (table),            \
        ##__VA_ARGS__                                                                                                  \
    }

struct schema_options {
    struct arena *arena;
    const char *file; /* named in errors with line and column; NULL for requests. With it secrets are fetched, null
                         counts as absent, and plain scalars of YAML are texts where a text is wanted */
    const char *path; /* put before field paths, such as "receivers[0]."; NULL: nothing */
    bool unknown_ok;  /* take and ignore unknown keys: for payloads of other people's programs only */
};

/* schema_parse - fill *ret_object (schema->size bytes) from an object. All faults are collected as fields of one err:
 * wrong type or out of range ERR_RANGE; unknown key (with "did you mean") ERR_INVALID; in files every fault is
 * ERR_INVALID and its message is "file:line:column: path: what". Missing members get their defaults. */
err schema_parse(const struct schema_options *options, const struct schema *schema, const struct json *json,
                 void *ret_object) MUST_USE;
/* schema_parse_pairs - the same from text values: a query string or a form. Lists repeat their key. */
err schema_parse_pairs(const struct schema_options *options, const struct schema *schema, const struct pair *pairs,
                       size_t count, void *ret_object) MUST_USE;
/* schema_defaults - as if parsed from {}; required members stay unset. */
void schema_defaults(struct arena *arena, const struct schema *schema, void *ret_object);

/* schema_encode - write the object as JSON. With `redact`, secrets and the passwords of URLs become "<secret>". */
void schema_encode(struct json_writer *w, const struct schema *schema, const void *object, bool redact);
/* schema_json_schema - JSON Schema 2020-12 of it; nested schemas as "$ref": ref_prefix + name, which the caller writes
 * too (schema_each_nested visits them, innermost first, each once). */
void schema_json_schema(struct json_writer *w, const struct schema *schema, const char *ref_prefix);
void schema_each_nested(const struct schema *schema, void (*visit)(const struct schema *nested, void *arg), void *arg);
/* schema_markdown - a table: key, type, default, range, what. */
void schema_markdown(struct buf *out, const struct schema *schema);
/* schema_default_yaml - a commented YAML text of all defaults, indented by `indent` spaces. */
void schema_default_yaml(struct buf *out, const struct schema *schema, int indent);
/* schema_default_list_yaml - one entry of a list of them, as an example: all of it commented out. */
void schema_default_list_yaml(struct buf *out, const struct schema *schema, int indent);
