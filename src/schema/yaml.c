/* yaml.c - libfyaml's events into the tree of base/json.h.
 *
 * DESIGN. Recursive over the events, at most JSON_DEPTH_MAX deep. An alias shares the node of its anchor, so memory
 * never multiplies; what would be walked behind aliases is counted and bounded, and so is its depth. Merge keys (<<)
 * are understood, as other people's files have them. */
#include "schema/yaml.h"

#include "base/vec.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { YAML_BYTES_MAX = 1024 * 1024, ALIASED_NODES_MAX = 10000 };

/* A node with what aliases need to know: how many nodes one walks below it, and how deep. */
struct node {
    struct json *json;
    size_t walked;
    int height;
};

struct anchor {
    struct str name;
    struct node node;
    bool open; /* its node is still being read: an alias to it would be a ring */
};

struct yaml {
    struct arena *arena;
    struct fy_parser *parser;
    struct fy_diag *diag;
    struct str text;
    const char *file;
    VEC(struct anchor) anchors;
    size_t aliased;
    int depth;
};

static err wrong_at(const struct yaml *y, int line, int column, const char *format, ...) PRINTF_LIKE(4, 5);
static err wrong_at(const struct yaml *y, int line, int column, const char *format, ...)
{
    struct buf what CLEANUP(buf_clear) = { 0 };
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_init(&what, 2048);
    if (y->file)
        buf_addf(&what, "%s:", y->file);
    buf_addf(&what, "%d:%d: %s", line, column, text);
    return err_new(ERR_INVALID, "%s", buf_c(&what));
}

/* wrong_syntax - the first thing that libfyaml found. */
static err wrong_syntax(const struct yaml *y)
{
    void *iterator = NULL;
    const struct fy_diag_error *found = fy_diag_errors_iterate(y->diag, &iterator);

    if (!found)
        return wrong_at(y, 1, 1, "this is not YAML");
    return wrong_at(y, found->line > 0 ? found->line : 1, found->column > 0 ? found->column : 1, "%s", found->msg);
}

static void release(struct yaml *y, struct fy_event **event)
{
    fy_parser_event_free(y->parser, *event);
    *event = NULL;
}

/* next - one event, which the caller releases. */
static err next(struct yaml *y, struct fy_event **ret_event)
{
    *ret_event = fy_parser_parse(y->parser);
    return *ret_event ? NULL : wrong_syntax(y);
}

static struct str token_text(struct yaml *y, struct fy_token *token)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : NULL;

    return text ? str_copy(y->arena, (struct str){ text, length }) : S("");
}

static bool one_of(struct str text, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(text, str_of(*words)))
            return true;
    return false;
}

static size_t digits(struct str text, size_t at)
{
    size_t count = 0;

    while (at + count < text.length && text.at[at + count] >= '0' && text.at[at + count] <= '9')
        count++;
    return count;
}

/* is_number - [-+]?(digits(.digits?)?|.digits)([eE][-+]?digits)? of YAML 1.2's core schema. */
static bool is_number(struct str text, bool *ret_whole)
{
    size_t at = text.length && (text.at[0] == '-' || text.at[0] == '+');
    size_t before = digits(text, at), after = 0;

    at += before;
    *ret_whole = at == text.length;
    if (at < text.length && text.at[at] == '.') {
        after = digits(text, ++at);
        at += after;
    }
    if (before + after == 0)
        return false;
    if (at < text.length && (text.at[at] == 'e' || text.at[at] == 'E')) {
        at++;
        at += at < text.length && (text.at[at] == '-' || text.at[at] == '+');
        size_t exponent = digits(text, at);
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return at == text.length;
}

static bool based_integer(struct str text, int64_t *ret_value)
{
    char *end;

    if (text.length < 3 || text.length > 24 || text.at[0] != '0' || (text.at[1] != 'x' && text.at[1] != 'o'))
        return false;
    if (text.at[2] == '-' || text.at[2] == '+' || text.at[2] == ' ')
        return false;
    unsigned long long value = strtoull(text.at + 2, &end, text.at[1] == 'x' ? 16 : 8);
    *ret_value = (int64_t)value;
    return *end == 0 && value <= INT64_MAX;
}

/* resolve_plain - null, bool, number or string. Infinities and NaN become the strings by which DOUBLE fields know them:
 * a number that is infinite always means one that was too large. */
static struct json resolve_plain(struct str text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", NULL };
    static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
    static const char *const infs[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL };
    static const char *const minus_infs[] = { "-.inf", "-.Inf", "-.INF", NULL };
    struct json json = { .type = JSON_STRING, .string = text };
    int64_t integer;
    bool whole;

    if (one_of(text, nulls))
        return (struct json){ .type = JSON_NULL };
    if (one_of(text, trues) || one_of(text, falses))
        return (struct json){ .type = JSON_BOOL, .boolean = one_of(text, trues) };
    if (one_of(text, nans))
        json.string = S("NaN");
    else if (one_of(text, infs))
        json.string = S("+Inf");
    else if (one_of(text, minus_infs))
        json.string = S("-Inf");
    else if (based_integer(text, &integer))
        json = (struct json){ .type = JSON_NUMBER, .number = { (double)integer, integer, text.at, true } };
    else if (is_number(text, &whole)) {
        json = (struct json){ .type = JSON_NUMBER, .number.text = text.at };
        json.number.is_integer = whole && str_to_i64(text, &json.number.integer);
        json.number.value = strtod(text.at, NULL);
    }
    return json;
}

static bool tag_is(struct str tag, struct str name)
{
    return str_starts(tag, S("tag:yaml.org,2002:")) && str_eq(str_slice(tag, 18, tag.length), name);
}

static err check_tag(struct yaml *y, struct fy_token *token, const struct json *json, bool *ret_string)
{
    static const char *const known[] = { "!",
                                         "tag:yaml.org,2002:str",
                                         "tag:yaml.org,2002:int",
                                         "tag:yaml.org,2002:float",
                                         "tag:yaml.org,2002:bool",
                                         "tag:yaml.org,2002:null",
                                         "tag:yaml.org,2002:map",
                                         "tag:yaml.org,2002:seq",
                                         NULL };
    struct str tag = token_text(y, token);

    *ret_string = false;
    if (tag.length == 0)
        return NULL;
    if (!one_of(tag, known))
        return wrong_at(y, json->line, json->column, "the tag %.60s is not supported", tag.at);
    *ret_string = str_eq(tag, S("!")) || tag_is(tag, S("str"));
    return NULL;
}

static err read_scalar(struct yaml *y, const struct fy_event *event, struct json *json)
{
    struct str text = token_text(y, event->scalar.value);
    bool is_string;

    TRY(check_tag(y, event->scalar.tag, json, &is_string));
    enum fy_scalar_style style = event->scalar.value ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;
    struct json value = { .type = JSON_STRING, .string = text };
    if (!is_string && (style == FYSS_PLAIN || style == FYSS_ANY))
        value = resolve_plain(text);
    value.line = json->line;
    value.column = json->column;
    *json = value;
    return NULL;
}

static err read_alias(struct yaml *y, const struct fy_event *event, int line, int column, struct node *ret_node)
{
    struct str name = token_text(y, event->alias.anchor);

    for (size_t i = y->anchors.count; i-- > 0;) {
        const struct anchor *anchor = &y->anchors.at[i];
        if (!str_eq(anchor->name, name))
            continue;
        if (anchor->open)
            return wrong_at(y, line, column, "the alias *%.60s stands inside of what it names", name.at);
        y->aliased += anchor->node.walked;
        if (y->aliased > ALIASED_NODES_MAX)
            return wrong_at(y, line, column, "aliases stand for more than %d values", (int)ALIASED_NODES_MAX);
        if (y->depth + anchor->node.height > JSON_DEPTH_MAX)
            return wrong_at(y, line, column, "nested more than %d levels deep", (int)JSON_DEPTH_MAX);
        *ret_node = anchor->node;
        return NULL;
    }
    return wrong_at(y, line, column, "no anchor &%.60s stands before this alias", name.at);
}

static err read_node(struct yaml *y, struct fy_event *event, struct node *ret_node);

static void count_child(struct node *node, const struct node *child)
{
    node->walked += child->walked;
    if (node->height < child->height + 1)
        node->height = child->height + 1;
}

static err read_sequence(struct yaml *y, struct node *node)
{
    VEC(struct json *) items = { 0 };

    node->height = 1;
    for (;;) {
        struct fy_event *event;
        struct node child;
        TRY(next(y, &event));
        if (event->type == FYET_SEQUENCE_END) {
            release(y, &event);
            break;
        }
        TRY(read_node(y, event, &child));
        count_child(node, &child);
        *vec_push(&items, y->arena) = child.json;
    }
    node->json->type = JSON_ARRAY;
    node->json->array.items = items.at;
    node->json->array.count = items.count;
    return NULL;
}

struct mapping {
    VEC(struct json_member) members;
    VEC(const struct json *) merged; /* of << keys, in order */
};

static err add_merge(struct yaml *y, struct mapping *mapping, const struct json_member *member)
{
    const struct json *value = member->value;

    if (value->type == JSON_OBJECT) {
        *vec_push(&mapping->merged, y->arena) = value;
        return NULL;
    }
    for (size_t i = 0; value->type == JSON_ARRAY && i < value->array.count; i++) {
        if (value->array.items[i]->type != JSON_OBJECT)
            return wrong_at(y, member->line, member->column, "<< merges mappings only");
        *vec_push(&mapping->merged, y->arena) = value->array.items[i];
    }
    return value->type == JSON_ARRAY ? NULL : wrong_at(y, member->line, member->column, "<< merges mappings only");
}

static bool has_key(const struct mapping *mapping, struct str key)
{
    for (size_t i = 0; i < mapping->members.count; i++)
        if (str_eq(mapping->members.at[i].key, key))
            return true;
    return false;
}

static err read_key(struct yaml *y, struct fy_event *event, struct json_member *member, bool *ret_merge)
{
    struct node key;

    TRY(read_node(y, event, &key));
    member->line = key.json->line;
    member->column = key.json->column;
    *ret_merge = false;
    switch (key.json->type) {
    case JSON_STRING:
        member->key = key.json->string;
        *ret_merge = str_eq(member->key, S("<<"));
        return NULL;
    case JSON_NUMBER:
        member->key = str_of(key.json->number.text);
        return NULL;
    case JSON_BOOL:
        member->key = key.json->boolean ? S("true") : S("false");
        return NULL;
    case JSON_NULL:
        member->key = S("null");
        return NULL;
    default:
        return wrong_at(y, member->line, member->column, "a key must be a plain text");
    }
}

static err read_members(struct yaml *y, struct node *node, struct mapping *mapping)
{
    for (;;) {
        struct json_member member = { 0 };
        struct fy_event *event;
        struct node value;
        bool merge;
        TRY(next(y, &event));
        if (event->type == FYET_MAPPING_END) {
            release(y, &event);
            return NULL;
        }
        TRY(read_key(y, event, &member, &merge));
        TRY(next(y, &event));
        TRY(read_node(y, event, &value));
        count_child(node, &value);
        member.value = value.json;
        if (merge)
            TRY(add_merge(y, mapping, &member));
        else
            *vec_push(&mapping->members, y->arena) = member;
    }
}

static err read_mapping(struct yaml *y, struct node *node)
{
    struct mapping mapping = { 0 };

    node->height = 1;
    TRY(read_members(y, node, &mapping));
    const struct json_member *repeated = json_repeated_key(mapping.members.at, mapping.members.count);
    if (repeated)
        return wrong_at(y, repeated->line, repeated->column, "the key '%.*s' stands twice in this mapping",
                        STR_ARG(str_utf8_head(repeated->key, 100)));
    for (size_t i = 0; i < mapping.merged.count; i++)
        for (size_t j = 0; j < mapping.merged.at[i]->object.count; j++)
            if (!has_key(&mapping, mapping.merged.at[i]->object.members[j].key))
                *vec_push(&mapping.members, y->arena) = mapping.merged.at[i]->object.members[j];
    node->json->type = JSON_OBJECT;
    node->json->object.members = mapping.members.at;
    node->json->object.count = mapping.members.count;
    return NULL;
}

static err read_collection(struct yaml *y, bool sequence, struct node *node)
{
    if (y->depth == JSON_DEPTH_MAX)
        return wrong_at(y, node->json->line, node->json->column, "nested more than %d levels deep",
                        (int)JSON_DEPTH_MAX);
    y->depth++;
    err e = sequence ? read_sequence(y, node) : read_mapping(y, node);
    y->depth--;
    return e;
}

/* read_node - the node that begins with `event`, which is released here. */
static err read_node(struct yaml *y, struct fy_event *event, struct node *ret_node)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    int line = mark ? mark->line + 1 : 1, column = mark ? mark->column + 1 : 1;
    enum fy_event_type type = event->type;
    struct fy_token *anchor_token = NULL, *tag = NULL;
    bool is_string;
    err e;

    if (type == FYET_ALIAS) {
        if (mark && mark->input_pos && str_eq(str_slice(y->text, mark->input_pos - 1, mark->input_pos), S("*")))
            column--; /* the library's mark stands behind the star */
        e = read_alias(y, event, line, column, ret_node);
        release(y, &event);
        return e;
    }
    *ret_node = (struct node){ .json = arena_alloc(y->arena, sizeof(struct json)), .walked = 1 };
    ret_node->json->line = line;
    ret_node->json->column = column;
    if (type == FYET_SCALAR) {
        anchor_token = event->scalar.anchor;
        e = read_scalar(y, event, ret_node->json);
    } else {
        anchor_token = type == FYET_SEQUENCE_START ? event->sequence_start.anchor : event->mapping_start.anchor;
        tag = type == FYET_SEQUENCE_START ? event->sequence_start.tag : event->mapping_start.tag;
        e = check_tag(y, tag, ret_node->json, &is_string);
    }
    size_t index = SIZE_MAX;
    if (anchor_token) {
        index = y->anchors.count;
        *vec_push(&y->anchors, y->arena) = (struct anchor){ .name = token_text(y, anchor_token), .open = true };
    }
    release(y, &event);
    if (!e && type != FYET_SCALAR)
        e = read_collection(y, type == FYET_SEQUENCE_START, ret_node);
    if (!e && index != SIZE_MAX) {
        y->anchors.at[index].node = *ret_node;
        y->anchors.at[index].open = false;
    }
    return e ? e : arena_check(y->arena);
}

/* read_document - the only one of the stream. */
static err read_document(struct yaml *y, struct json **ret_json)
{
    bool seen = false;

    for (;;) {
        struct fy_event *event = fy_parser_parse(y->parser);
        struct node root = { 0 };
        if (!event)
            return fy_parser_get_stream_error(y->parser) ? wrong_syntax(y) : NULL;
        const struct fy_mark *mark = fy_event_start_mark(event);
        switch (event->type) {
        case FYET_STREAM_START:
        case FYET_DOCUMENT_END:
            release(y, &event);
            break;
        case FYET_STREAM_END:
            release(y, &event);
            return NULL;
        case FYET_DOCUMENT_START: {
            int line = mark ? mark->line + 1 : 1, column = mark ? mark->column + 1 : 1;
            release(y, &event);
            if (seen)
                return wrong_at(y, line, column, "a second document begins here; one is all that is read");
            seen = true;
            break;
        }
        default:
            TRY(read_node(y, event, &root));
            if (root.json && root.json->type != JSON_NULL)
                *ret_json = root.json;
        }
    }
}

/* check_bytes - UTF-8 without NUL, which the library would take for the end. */
static err check_bytes(const struct yaml *y)
{
    int line = 1, column = 1;

    if (str_is_utf8(y->text) && !(y->text.length && memchr(y->text.at, 0, y->text.length)))
        return NULL;
    for (size_t at = 0, length; at < y->text.length; at += length) {
        for (length = 1; length <= 4 && !str_is_utf8(str_slice(y->text, at, at + length)); length++)
            ;
        if (length > 4)
            return wrong_at(y, line, column, "this byte is not UTF-8");
        if (y->text.at[at] == 0)
            return wrong_at(y, line, column, "a NUL byte stands here");
        column = y->text.at[at] == '\n' ? 1 : column + 1;
        line += y->text.at[at] == '\n';
    }
    return NULL;
}

static void parser_freep(struct fy_parser **parser)
{
    if (*parser)
        fy_parser_destroy(*parser);
}

static void diag_freep(struct fy_diag **diag)
{
    fy_diag_destroy(*diag);
}

err yaml_parse(struct arena *arena, struct str text, const char *file, const struct json **ret_json)
{
    struct yaml y = { .arena = arena, .text = text, .file = file };

    if (text.length > YAML_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "%s%sYAML of %zu bytes; at most %d are read", file ? file : "", file ? ": " : "",
                       text.length, (int)YAML_BYTES_MAX);
    TRY(check_bytes(&y));
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    struct fy_diag *diag CLEANUP(diag_freep) = y.diag = fy_diag_create(&diag_cfg);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
                                .diag = diag };
    struct fy_parser *parser CLEANUP(parser_freep) = y.parser = fy_parser_create(&cfg);
    if (!parser || fy_parser_set_string(parser, text.at ? text.at : "", text.length))
        return err_new(ERR_INTERNAL, "no YAML parser could be made");
    struct json *json = arena_alloc(arena, sizeof(*json));
    *json = (struct json){ .type = JSON_OBJECT, .line = 1, .column = 1 };
    TRY(read_document(&y, &json));
    *ret_json = json;
    return NULL;
}
