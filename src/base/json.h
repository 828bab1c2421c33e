/* json.h - JSON read into a tree, and written as a stream.
 *
 * Owner: trees live in the arena given. Threads: a tree is immutable, a writer belongs to one thread.
 * YAML reads into the same tree (schema/yaml.h), with places, so everything above sees one shape. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    int line, column; /* of YAML, from 1; 0 where unknown */
    union {
        bool boolean;
        struct {
            double value; /* +-Inf where the text was larger than a double: out of range, never silently */
            int64_t integer;
            const char *text; /* YAML: as it was written; NULL otherwise */
            bool is_integer;  /* written without fraction and exponent, and fits */
        } number;
        struct str string; /* UTF-8, checked; may hold NUL */
        struct {
            struct json **items;
            size_t count;
        } array;
        struct {
            struct json_member *members; /* in the order of the text */
            size_t count;
        } object;
    };
};

struct json_member {
    struct str key;
    struct json *value;
    int line, column; /* of the key */
};

enum { JSON_DEPTH_MAX = 64, JSON_BYTES_MAX = 32 * 1024 * 1024 };

/* json_parse - one document and nothing behind it. ERR_INVALID names line and column, and what is wrong: NaN and
 * Infinity as tokens, comments, single quotes, trailing commas, ill-formed UTF-8, repeated keys, depth over
 * JSON_DEPTH_MAX. */
err json_parse(struct arena *arena, struct str text, const struct json **ret_json) MUST_USE;

/* json_repeated_key - the second of two members with the same key; NULL where there is none. */
const struct json_member *json_repeated_key(const struct json_member *members, size_t count);

/* json_get - member of an object; NULL where there is none, or `json` is NULL or no object. */
const struct json *json_get(const struct json *json, struct str key);
/* json_str_or, ... - the value where it is of that type, else the fallback. */
struct str json_str_or(const struct json *json, struct str fallback);
double json_number_or(const struct json *json, double fallback);
int64_t json_i64_or(const struct json *json, int64_t fallback);
bool json_bool_or(const struct json *json, bool fallback);
const char *json_type_name(enum json_type type); /* "a string", "a number", ... */

/* The writer: commas and escapes are its business. Keys are literals or checked names; strings may be any bytes
 * (ill-formed UTF-8 is written as U+FFFD). Nothing is checked on the way; buf_check tells at the end. */
struct json_writer {
    struct buf *out;
    bool comma;
};

struct json_writer json_writer(struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, struct str key);
void json_add_str(struct json_writer *w, struct str value);
void json_add_i64(struct json_writer *w, int64_t value);
void json_add_double(struct json_writer *w, double value); /* NaN and Inf become null */
void json_add_bool(struct json_writer *w, bool value);
void json_add_null(struct json_writer *w);
void json_add_time(struct json_writer *w, int64_t time_ms); /* RFC 3339 */
void json_add_raw(struct json_writer *w, struct str json);  /* already JSON */
void json_add_tree(struct json_writer *w, const struct json *json);
/* key and value in one. */
void json_put_str(struct json_writer *w, struct str key, struct str value);
void json_put_i64(struct json_writer *w, struct str key, int64_t value);
void json_put_double(struct json_writer *w, struct str key, double value);
void json_put_bool(struct json_writer *w, struct str key, bool value);
void json_put_time(struct json_writer *w, struct str key, int64_t time_ms);
