/* config.c - sections from files, merged and frozen. */
#include "schema/config.h"

#include "base/file.h"
#include "schema/faults.h"
#include "schema/yaml.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_FILE_BYTES_MAX = 1024 * 1024, CONFIG_BYTES_MAX = 256 * 1024 * 1024, FILES_MAX = 64 };

/* What one section holds: the struct, or the elements of a list. */
struct filled {
    const struct config_section *section;
    const char *folder; /* of its file */
    void *at;
    size_t count;
};

struct config {
    atomic_int references;
    struct arena *arena;
    VEC(struct filled) sections;
};

/* A document as it was read, for as long as the load takes. */
struct source {
    const char *file;
    const struct json *json;
};

struct load {
    struct config *config;
    struct source *sources;
    size_t count;
    const struct config_section *const *sections; /* all that are registered, by key */
    size_t section_count;
    struct faults faults;
};

static int by_key(const void *a, const void *b)
{
    const struct config_section *const *x = a, *const *y = b;

    return strcmp((*x)->key, (*y)->key);
}

const struct config_section *const *config_sections(struct arena *arena, size_t *ret_count)
{
    VEC(const struct config_section *) sections = { 0 };

    FOR_EACH_REGISTERED (config_section, it)
        *vec_push(&sections, arena) = it;
    if (sections.count)
        qsort(sections.at, sections.count, sizeof(*sections.at), by_key);
    *ret_count = sections.count;
    return sections.at;
}

static bool is_known(const struct load *load, struct str key)
{
    for (size_t i = 0; i < load->section_count; i++)
        if (str_eq(str_of(load->sections[i]->key), key))
            return true;
    return false;
}

static const char *next_section(const void *arg, size_t index)
{
    const struct load *load = arg;

    return index < load->section_count ? load->sections[index]->key : NULL;
}

static void report(struct load *load, const char *file, const struct json_member *member, const char *what)
{
    struct place place = { NULL, member->key, 0 };

    load->faults.file = file;
    faults_add(&load->faults, ERR_INVALID, &place, NULL, member->line, member->column, "%s", what);
}

static void check_known(struct load *load, const struct source *source)
{
    for (size_t i = 0; i < source->json->object.count; i++) {
        const struct json_member *member = &source->json->object.members[i];
        if (is_known(load, member->key))
            continue;
        const char *meant = nearest_word(member->key, next_section, load);
        struct str shown = str_utf8_head(member->key, 60);
        report(load, source->file, member,
               str_printf(load->config->arena, meant ? "unknown key '%.*s'; did you mean '%s'?" : "unknown key '%.*s'",
                          STR_ARG(shown), meant)
                   .at);
    }
}

static const struct json_member *find_member(const struct json *json, const char *key)
{
    for (size_t i = 0; i < json->object.count; i++)
        if (str_eq(json->object.members[i].key, str_of(key)))
            return &json->object.members[i];
    return NULL;
}

/* find_section - the one file that has it; a second one that has it too is a fault that names both. */
static const struct source *find_section(struct load *load, const char *key, const struct json_member **ret_member)
{
    const struct source *found = NULL;

    for (size_t i = 0; i < load->count; i++) {
        const struct json_member *member = find_member(load->sources[i].json, key);
        if (!member)
            continue;
        if (found) {
            const char *what = str_printf(load->config->arena, "'%s' stands in %s:%d:%d already; keep one of them", key,
                                          found->file, (*ret_member)->line, (*ret_member)->column)
                                   .at;
            report(load, load->sources[i].file, member, what);
            continue;
        }
        found = &load->sources[i];
        *ret_member = member;
    }
    return found;
}

/* adopt - the faults of one section join the others. */
static void adopt(struct load *load, err e)
{
    for (size_t i = 0; e && i < err_field_count(e); i++)
        faults_add_ready(&load->faults, err_field_path(e, i), err_field_message(e, i));
    if (e && err_field_count(e) == 0)
        faults_add_ready(&load->faults, "", err_message(e));
    err_free(e);
}

static void fill_texts(struct load *load, const struct source *source, const struct json_member *member,
                       struct filled *filled)
{
    const struct json *json = member->value;
    struct str *texts = arena_array(load->config->arena, json->array.count + 1, sizeof(*texts));

    for (size_t i = 0; i < json->array.count; i++) {
        const struct json *item = json->array.items[i];
        if (item->type == JSON_STRING)
            texts[filled->count++] = item->string;
        else if (item->type == JSON_NUMBER && item->number.text)
            texts[filled->count++] = str_of(item->number.text);
        else
            report(load, source->file, member,
                   str_printf(load->config->arena, "%s[%zu]: must be a text, not %s", filled->section->key, i,
                              json_type_name(item->type))
                       .at);
    }
    filled->at = texts;
}

static void fill_list(struct load *load, const struct source *source, const struct json_member *member,
                      struct filled *filled)
{
    const struct config_section *section = filled->section;
    struct arena *arena = load->config->arena;
    const struct json *json = member->value;

    if (json->type == JSON_NULL)
        return;
    if (json->type != JSON_ARRAY) {
        report(load, source->file, member,
               str_printf(arena, "%s: must be a list, not %s", section->key, json_type_name(json->type)).at);
        return;
    }
    if (section->is_texts) {
        fill_texts(load, source, member, filled);
        return;
    }
    filled->count = json->array.count;
    filled->at = arena_array(arena, filled->count, section->schema->size);
    for (size_t i = 0; i < filled->count; i++) {
        struct schema_options options = { .arena = arena,
                                          .file = source->file,
                                          .path = str_printf(arena, "%s[%zu].", section->key, i).at };
        adopt(load, schema_parse(&options, section->schema, json->array.items[i],
                                 (char *)filled->at + i * section->schema->size));
    }
}

static const char *folder_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return ".";
    return slash == file ? "/" : str_c(arena, (struct str){ file, (size_t)(slash - file) });
}

static void fill(struct load *load, const struct config_section *section)
{
    struct arena *arena = load->config->arena;
    const struct json_member *member = NULL;
    const struct source *source = find_section(load, section->key, &member);
    struct filled *filled = vec_push(&load->config->sections, arena);

    filled->section = section;
    filled->folder = source ? folder_of(arena, source->file) : ".";
    if (section->is_list) {
        if (source)
            fill_list(load, source, member, filled);
        return;
    }
    filled->at = arena_alloc(arena, section->schema->size);
    filled->count = 1;
    if (!source || member->value->type == JSON_NULL) {
        schema_defaults(arena, section->schema, filled->at);
        return;
    }
    struct schema_options options = { .arena = arena,
                                      .file = source->file,
                                      .path = str_printf(arena, "%s.", section->key).at };
    adopt(load, schema_parse(&options, section->schema, member->value, filled->at));
}

static err read_sources(struct load *load, const char *const *files)
{
    struct arena *arena = load->config->arena;

    load->sources = arena_array(arena, load->count, sizeof(*load->sources));
    for (size_t i = 0; i < load->count; i++) {
        struct source *source = &load->sources[i];
        struct str text;
        source->file = str_c(arena, str_of(files[i]));
        TRY(file_read(arena, files[i], CONFIG_FILE_BYTES_MAX, &text));
        TRY(yaml_parse(arena, text, source->file, &source->json));
        if (source->json->type != JSON_OBJECT)
            return err_new(ERR_INVALID, "%s:%d:%d: a configuration is a mapping of sections, not %s", source->file,
                           source->json->line, source->json->column, json_type_name(source->json->type));
    }
    return NULL;
}

err config_load(const char *const *files, size_t count, struct config **ret_config)
{
    if (count > FILES_MAX)
        return err_new(ERR_INVALID, "%zu configuration files; at most %d are read", count, (int)FILES_MAX);
    struct arena *arena = arena_new(CONFIG_BYTES_MAX);
    struct config *config CLEANUP(config_unrefp) = arena_alloc(arena, sizeof(*config));
    config->references = 1;
    config->arena = arena;
    struct load load = { .config = config, .count = count, .faults = { .arena = config->arena } };
    load.sections = config_sections(config->arena, &load.section_count);
    TRY(read_sources(&load, files));
    for (size_t i = 0; i < count; i++)
        check_known(&load, &load.sources[i]);
    for (size_t i = 0; i < load.section_count; i++)
        fill(&load, load.sections[i]);
    load.faults.file = count ? load.sources[0].file : NULL;
    TRY(faults_err(&load.faults));
    TRY(arena_check(config->arena));
    *ret_config = TAKE(config);
    return NULL;
}

struct config *config_ref(struct config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void config_unref(struct config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_free(config->arena); /* in which it stands itself */
}

void config_unrefp(struct config **config)
{
    config_unref(*config);
}

static const struct filled *find_filled(const struct config *config, const struct config_section *section)
{
    for (size_t i = 0; i < config->sections.count; i++)
        if (config->sections.at[i].section == section)
            return &config->sections.at[i];
    fprintf(stderr, "bug: the configuration section %s is not registered\n", section->key);
    abort();
}

const void *config_get(const struct config *config, const struct config_section *section)
{
    return find_filled(config, section)->at;
}

const void *config_list(const struct config *config, const struct config_section *section, size_t *ret_count)
{
    const struct filled *filled = find_filled(config, section);

    *ret_count = filled->count;
    return filled->at;
}

const char *config_folder(const struct config *config, const struct config_section *section)
{
    return find_filled(config, section)->folder;
}

void config_write(struct json_writer *w, const struct config *config)
{
    json_begin_object(w);
    for (size_t i = 0; i < config->sections.count; i++) {
        const struct filled *filled = &config->sections.at[i];
        const struct schema *schema = filled->section->schema;
        json_key(w, str_of(filled->section->key));
        if (filled->section->is_list)
            json_begin_array(w);
        for (size_t j = 0; j < filled->count && filled->section->is_texts; j++)
            json_add_str(w, ((const struct str *)filled->at)[j]);
        for (size_t j = 0; j < filled->count && !filled->section->is_texts; j++)
            schema_encode(w, schema, (const char *)filled->at + j * schema->size, true);
        if (filled->section->is_list)
            json_end_array(w);
    }
    json_end_object(w);
}
