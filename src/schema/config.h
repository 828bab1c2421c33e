/* config.h - the configuration: sections that rooms register, filled from files, immutable once loaded.
 *
 * Owner: reference counted; app/ holds the current one, a job that needs a stable view takes a reference for its
 * length. Threads: any. A section is one top-level key:
 *
 *   static const struct config_section server_section = { .key = "server", .schema = &server_schema };
 *   REGISTER(config_section, server_section);
 *   const struct server_settings *server = config_get(config, &server_section); */
#pragma once
#include "base/registry.h"
#include "schema/schema.h"

struct config;

struct config_section {
    const char *key;
    const struct schema *schema; /* of the section, or of one element where is_list */
    bool is_list;
    bool is_texts; /* a list of texts: the schema has no fields, just its doc; config_list gives struct str */
};

/* config_load - read and merge the files (none: all defaults); each section stands in one of them. Unknown keys, a key
 * in two files, wrong values: ERR_INVALID with every fault as "file:line:column: path: what" in its fields. */
err config_load(const char *const *files, size_t count, struct config **ret_config) MUST_USE;
struct config *config_ref(struct config *config);
void config_unref(struct config *config);
void config_unrefp(struct config **config);

/* config_get - the section's struct; never NULL (defaults where no file has it). For lists see config_list. */
const void *config_get(const struct config *config, const struct config_section *section);
/* config_list - the elements of a list section, schema->size bytes apart. */
const void *config_list(const struct config *config, const struct config_section *section, size_t *ret_count);

/* config_folder - of the file that has the section, to which its paths are relative; "." where no file has it. */
const char *config_folder(const struct config *config, const struct config_section *section);

/* config_sections - all that are registered, by key. */
const struct config_section *const *config_sections(struct arena *arena, size_t *ret_count);

/* secret_resolve - the value behind env:NAME, file:PATH or credential:NAME (systemd's $CREDENTIALS_DIRECTORY), or the
 * text itself. Parsing does this for F_SECRET fields of files already; never for requests, whose senders could so read
 * what we can read. */
err secret_resolve(struct arena *arena, struct str reference, struct str *ret_value) MUST_USE;

void config_write_schema(struct json_writer *w);                       /* JSON Schema of the whole file */
void config_write_markdown(struct buf *out);                           /* docs/config.md */
void config_write_default(struct buf *out);                            /* auspex default-config */
void config_write(struct json_writer *w, const struct config *config); /* what is in force, redacted */
