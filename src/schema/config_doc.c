/* config_doc.c - the whole configuration described: JSON Schema, Markdown, the default file. */
#include "schema/config.h"

#include <stdlib.h>

/* Each schema is written once, whatever sections share it. */
struct definitions {
    struct json_writer *w;
    VEC(const struct schema *) done;
};

static void define(const struct schema *schema, void *arg)
{
    struct definitions *d = arg;

    for (size_t i = 0; i < d->done.count; i++)
        if (d->done.at[i] == schema)
            return;
    *vec_push(&d->done, NULL) = schema;
    json_key(d->w, str_of(schema->name));
    schema_json_schema(d->w, schema, "#/$defs/");
}

static void write_definitions(struct json_writer *w, const struct config_section *const *sections, size_t count)
{
    struct definitions d = { .w = w };

    json_key(w, S("$defs"));
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        if (sections[i]->is_texts)
            continue;
        schema_each_nested(sections[i]->schema, define, &d);
        define(sections[i]->schema, &d);
    }
    json_end_object(w);
    vec_clear(&d.done);
}

static void write_section(struct json_writer *w, const struct config_section *section)
{
    struct buf ref CLEANUP(buf_clear) = { .max = 1024 };

    buf_addf(&ref, "#/$defs/%s", section->schema->name);
    json_key(w, str_of(section->key));
    json_begin_object(w);
    if (section->is_list) {
        json_put_str(w, S("type"), S("array"));
        json_key(w, S("items"));
        json_begin_object(w);
    }
    if (section->is_texts)
        json_put_str(w, S("type"), S("string"));
    else
        json_put_str(w, S("$ref"), buf_str(&ref));
    if (section->is_list)
        json_end_object(w);
    json_end_object(w);
}

void config_write_schema(struct json_writer *w)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1024 * 1024);
    size_t count;
    const struct config_section *const *sections = config_sections(arena, &count);

    json_begin_object(w);
    json_put_str(w, S("$schema"), S("https://json-schema.org/draft/2020-12/schema"));
    json_put_str(w, S("title"), S("auspex.yml"));
    json_put_str(w, S("type"), S("object"));
    json_key(w, S("properties"));
    json_begin_object(w);
    for (size_t i = 0; i < count; i++)
        write_section(w, sections[i]);
    json_end_object(w);
    json_put_bool(w, S("additionalProperties"), false);
    write_definitions(w, sections, count);
    json_end_object(w);
}

void config_write_markdown(struct buf *out)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1024 * 1024);
    size_t count;
    const struct config_section *const *sections = config_sections(arena, &count);

    buf_add(out,
            S("# Configuration\n\n"
              "One YAML file, or several that merge, given by `--config.file`; without one, everything has its "
              "default. Secrets are written as\n`env:NAME`, `file:PATH` or `credential:NAME`. `auspex check config "
              "FILE` checks a file, `auspex default-config` prints one.\n"));
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "\n## %s%s\n\n", sections[i]->key,
                 sections[i]->is_texts  ? " (a list of texts)"
                 : sections[i]->is_list ? " (a list)"
                                        : "");
        if (sections[i]->schema->doc)
            buf_addf(out, "%s\n\n", sections[i]->schema->doc);
        if (!sections[i]->is_texts)
            schema_markdown(out, sections[i]->schema);
    }
}

void config_write_default(struct buf *out)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1024 * 1024);
    size_t count;
    const struct config_section *const *sections = config_sections(arena, &count);

    buf_add(out, S("# auspex.yml - every key with its default. What is commented out is optional.\n"));
    for (size_t i = 0; i < count; i++) {
        const struct config_section *section = sections[i];
        buf_add_c(out, '\n');
        if (section->schema->doc)
            buf_addf(out, "# %s\n", section->schema->doc);
        if (!section->is_list) {
            buf_addf(out, "%s:\n", section->key);
            schema_default_yaml(out, section->schema, 2);
            continue;
        }
        buf_addf(out, "%s: []\n", section->key);
        if (!section->is_texts)
            schema_default_list_yaml(out, section->schema, 2);
    }
}
