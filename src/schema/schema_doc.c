/* schema_doc.c - tables of fields for people: a Markdown table, and a YAML text of all defaults. */
#include "schema/parse.h"

enum { NESTED_MAX = 8 };

static const char *type_word(const struct field *field)
{
    static const char *const words[] = {
        [FIELD_STRING] = "text",        [FIELD_BOOL] = "true or false", [FIELD_INT] = "integer",
        [FIELD_DOUBLE] = "number",      [FIELD_DURATION] = "duration",  [FIELD_SIZE] = "size",
        [FIELD_TIME] = "time",          [FIELD_ENUM] = "one of",        [FIELD_STRINGS] = "list of texts",
        [FIELD_STRUCT] = "section",     [FIELD_OPTIONAL] = "section",   [FIELD_LIST] = "list",
        [FIELD_PAIRS] = "map of texts", [FIELD_ANY] = "anything",
    };

    return field->flags & F_SECRET ? "secret" : words[field->type];
}

/* add_cell - text of a table's cell: bars would end it. */
static void add_cell(struct buf *out, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|')
            buf_add_c(out, '\\');
        buf_add_c(out, *text == '\n' ? ' ' : *text);
    }
}

static void add_bound(struct buf *out, const struct field *field, double bound)
{
    if (field->type == FIELD_DURATION)
        duration_add(out, (struct duration){ (int64_t)bound });
    else if (field->type == FIELD_SIZE)
        size_add(out, bound);
    else
        buf_add_double(out, bound);
}

static void add_range(struct buf *out, const struct field *field)
{
    if (field->type == FIELD_ENUM)
        for (const char *const *word = field->words; *word; word++)
            if (**word)
                buf_addf(out, "%s%s", word == field->words ? "" : ", ", *word);
    if (field->min == 0 && field->max == 0)
        return;
    bool has_max = field->max >= field->min;
    buf_add(out, has_max ? S("") : S("at least "));
    add_bound(out, field, field->min);
    if (has_max) {
        buf_add(out, S(" to "));
        add_bound(out, field, field->max);
    }
    if (field->type == FIELD_STRING)
        buf_add(out, S(" bytes"));
    if (field->type == FIELD_STRINGS || field->type == FIELD_LIST || field->type == FIELD_PAIRS)
        buf_add(out, S(" entries"));
}

static void add_row(struct buf *out, const char *prefix, const struct field *field)
{
    buf_addf(out, "| `%s%s` | %s | ", prefix, field->name, type_word(field));
    if (field->flags & F_REQUIRED)
        buf_add(out, S("required"));
    else if (field->def && *field->def) {
        buf_add_c(out, '`');
        add_cell(out, field->def);
        buf_add_c(out, '`');
    }
    buf_add(out, S(" | "));
    add_range(out, field);
    buf_add(out, S(" | "));
    add_cell(out, field->doc);
    buf_add(out, S(" |\n"));
}

static void add_rows(struct buf *out, const struct schema *const *path, size_t depth, const char *prefix)
{
    const struct schema *schema = path[depth - 1];

    for (const struct field *field = schema->fields; field->type != FIELD_END; field++) {
        bool ring = depth == NESTED_MAX;
        add_row(out, prefix, field);
        for (size_t i = 0; i < depth; i++)
            ring |= path[i] == field->schema;
        if (!field->schema || ring)
            continue;
        struct buf inner CLEANUP(buf_clear) = { .max = 1024 };
        const struct schema *longer[NESTED_MAX];
        for (size_t i = 0; i < depth; i++)
            longer[i] = path[i];
        longer[depth] = field->schema;
        buf_addf(&inner, "%s%s%s.", prefix, field->name, field->type == FIELD_LIST ? "[]" : "");
        add_rows(out, longer, depth + 1, buf_c(&inner));
    }
}

void schema_markdown(struct buf *out, const struct schema *schema)
{
    const struct schema *path[NESTED_MAX] = { schema };

    buf_add(out, S("| key | type | default | range | what |\n|---|---|---|---|---|\n"));
    add_rows(out, path, 1, "");
}

/* Where a line of the YAML begins: spaces, perhaps a '#' that takes it out of force, more spaces. */
struct margin {
    int indent;
    int commented_at; /* -1: in force */
    bool dash;        /* the next line begins an entry of a list */
};

static void begin_line(struct buf *out, struct margin *m)
{
    int inner = m->dash ? m->indent - 2 : m->indent;

    if (m->commented_at >= 0)
        buf_addf(out, "%*s# %*s", m->commented_at, "", inner - m->commented_at, "");
    else
        buf_addf(out, "%*s", inner, "");
    if (m->dash)
        buf_add(out, S("- "));
    m->dash = false;
}

/* begin_remark - the comment above a key; before an entry's first key there is no place for one. */
static void begin_remark(struct buf *out, const struct margin *m)
{
    if (m->commented_at >= 0)
        buf_addf(out, "%*s# %*s# ", m->commented_at, "", m->indent - m->commented_at, "");
    else
        buf_addf(out, "%*s# ", m->indent, "");
}

static void add_quoted(struct buf *out, const char *text)
{
    struct json_writer w = json_writer(out);

    json_add_str(&w, str_of(text));
}

/* plain_is_safe - a text that is the same with and without quotes. */
static bool plain_is_safe(const char *text)
{
    struct str s = str_of(text);
    double number;

    if (s.length == 0 || str_to_double(s, &number) || str_eq(s, S("true")) || str_eq(s, S("false")) ||
        str_eq(s, S("null")))
        return false;
    for (size_t i = 0; i < s.length; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '_' && c != '/' && (i == 0 || (c != '-' && c != '.')))
            return false;
    }
    return true;
}

static void add_value(struct buf *out, const struct field *field)
{
    const char *def = field->def ? field->def : "";

    switch (field->type) {
    case FIELD_STRING:
    case FIELD_TIME:
        if (plain_is_safe(def))
            buf_add(out, str_of(def));
        else
            add_quoted(out, def);
        break;
    case FIELD_BOOL:
        buf_add(out, str_of(*def ? def : "false"));
        break;
    case FIELD_DURATION:
        buf_add(out, str_of(*def ? def : "0s"));
        break;
    case FIELD_ENUM:
        buf_add(out, str_of(*def ? def : field->words[0]));
        break;
    case FIELD_STRINGS:
    case FIELD_LIST:
        buf_add(out, str_of(*def ? def : "[]"));
        break;
    case FIELD_PAIRS:
        buf_add(out, str_of(*def ? def : "{}"));
        break;
    case FIELD_ANY:
        buf_add(out, str_of(*def ? def : "null"));
        break;
    default:
        buf_add(out, str_of(*def ? def : "0"));
    }
}

static bool has_required(const struct schema *schema)
{
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        if ((field->flags & F_REQUIRED) || (field->type == FIELD_STRUCT && has_required(field->schema)))
            return true;
    return false;
}

/* is_off - fields without a value in force: they are shown, but commented out. */
static bool is_off(const struct field *field)
{
    if ((field->flags & F_REQUIRED) || (field->type == FIELD_STRUCT && has_required(field->schema)))
        return true;
    if (field->type == FIELD_OPTIONAL || field->type == FIELD_ANY || field->type == FIELD_TIME)
        return !field->def;
    return (field->flags & F_NULLABLE) && !field->def;
}

static void add_fields(struct buf *out, const struct schema *schema, struct margin m, int depth);

static void add_field(struct buf *out, const struct field *field, struct margin *m, int depth)
{
    struct margin line = *m;

    if (line.commented_at < 0 && is_off(field))
        line.commented_at = line.indent;
    if (field->doc && !line.dash) {
        begin_remark(out, m);
        buf_addf(out, "%s\n", field->doc);
    }
    begin_line(out, &line);
    m->dash = false;
    buf_addf(out, "%s:", field->name);
    bool nested = field->schema && depth < NESTED_MAX / 2;
    if (field->type == FIELD_STRUCT || field->type == FIELD_OPTIONAL) {
        buf_add(out, S("\n"));
        line.indent += 2;
        if (nested)
            add_fields(out, field->schema, line, depth + 1);
        return;
    }
    buf_add_c(out, ' ');
    add_value(out, field);
    buf_add(out, field->flags & F_REQUIRED ? S(" # required\n") : S("\n"));
    if (field->type != FIELD_LIST || !nested)
        return;
    if (line.commented_at < 0)
        line.commented_at = line.indent; /* an example of an entry */
    line.indent += 4;
    line.dash = true;
    add_fields(out, field->schema, line, depth + 1);
}

static void add_fields(struct buf *out, const struct schema *schema, struct margin m, int depth)
{
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        add_field(out, field, &m, depth);
}

void schema_default_yaml(struct buf *out, const struct schema *schema, int indent)
{
    add_fields(out, schema, (struct margin){ .indent = indent, .commented_at = -1 }, 0);
}

void schema_default_list_yaml(struct buf *out, const struct schema *schema, int indent)
{
    add_fields(out, schema, (struct margin){ .indent = indent + 2, .commented_at = 0, .dash = true }, 0);
}
