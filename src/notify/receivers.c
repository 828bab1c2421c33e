/* receivers.c - the section `receivers`, whose fields come from the notifiers that are registered. */
#include "notify/receivers.h"

#include <stdio.h>
#include <stdlib.h>

static char key_texts[NOTIFIERS_MAX][64];
static struct field receiver_fields[NOTIFIERS_MAX + 2] = {
    STRING(struct receiver, name, .flags = F_REQUIRED, .min = 1, .max = 128, .doc = "Name of the receiver."),
};
static const struct schema receiver_schema = SCHEMA(struct receiver, receiver_fields, .doc = "Whom to tell, and how.");

/* The table is complete before main starts: it depends on nothing but the registry, which the linker made. */
__attribute__((constructor)) static void fill_receiver_fields(void)
{
    size_t i = 0;

    FOR_EACH_REGISTERED (notifier, it) {
        if (i == NOTIFIERS_MAX)
            abort(); /* raise NOTIFIERS_MAX */
        snprintf(key_texts[i], sizeof(key_texts[i]), "%s_configs", it->name);
        receiver_fields[i + 1] = (struct field){
            .name = key_texts[i],
            .type = FIELD_LIST,
            .offset = offsetof(struct receiver, configs) + i * sizeof(struct receiver_configs),
            .schema = it->settings,
            .doc = it->doc,
        };
        i++;
    }
}

const struct config_section receivers_section = { .key = "receivers", .schema = &receiver_schema, .is_list = true };
REGISTER(config_section, receivers_section);

void receivers_list(struct arena *arena, const struct config *config, struct str only,
                    struct receiver_targets *ret_targets)
{
    size_t count;
    const struct receiver *receivers = config_list(config, &receivers_section, &count);

    *ret_targets = (struct receiver_targets){ 0 };
    for (size_t i = 0; i < count; i++) {
        size_t kind = 0;
        if (only.length && !str_eq(only, receivers[i].name))
            continue;
        FOR_EACH_REGISTERED (notifier, it) {
            const struct receiver_configs *configs = &receivers[i].configs[kind++];
            for (size_t j = 0; j < configs->count; j++)
                *vec_push(&ret_targets->targets, arena) = (struct receiver_target){
                    .receiver = receivers[i].name,
                    .notifier = it,
                    .settings = (const char *)configs->at + j * it->settings->size,
                    .index = (int64_t)j,
                };
        }
    }
}

err receivers_find(struct arena *arena, const struct config *config, struct str receiver, struct str notifier,
                   int64_t index, struct receiver_target *ret_target)
{
    struct receiver_targets list;

    receivers_list(arena, config, receiver, &list);
    for (size_t i = 0; i < list.targets.count; i++) {
        *ret_target = list.targets.at[i];
        if (str_eq(str_of(ret_target->notifier->name), notifier) && ret_target->index == index)
            return NULL;
    }
    return err_new(ERR_REFUSED, "the configuration has no %.*s_configs[%lld] in receiver '%.*s' any more",
                   STR_ARG(notifier), (long long)index, STR_ARG(receiver));
}
