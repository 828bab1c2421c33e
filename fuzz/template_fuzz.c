/* template_fuzz.c - any text is a template or an error, and any template ends. */
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    static const char *const variables[] = { "labels", "value", NULL };
    const struct template_options options = { .name = "fuzz",
                                              .sets = { template_text_functions },
                                              .variables = variables };
    struct value labels = value_map_new(arena);
    struct template_variable vars[] = { { "labels", labels }, { "value", value_float(1.5) } };
    struct template *template;
    struct str text;

    value_put(arena, labels, S("job"), value_text(S("node")));
    err e = template_parse(arena, (struct str){ (const char *)bytes, size }, &options, NULL, &template);
    if (!e)
        e = template_run(template, arena,
                         &(struct template_scope){ .dot = labels, .variables = vars, .variable_count = 2 }, &text);
    err_free(e);
    return 0;
}
