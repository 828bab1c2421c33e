/* receivers.h - the receivers of the configuration: names, each with the settings of any number of notifiers.
 *
 * Owner: the configuration that they were read from. Threads: any. */
#pragma once
#include "notify/notifier.h"
#include "schema/config.h"

enum { NOTIFIERS_MAX = 32 };

/* Settings of one notifier in one receiver: x_configs. */
struct receiver_configs {
    void *at;
    size_t count;
    size_t room;
};

struct receiver {
    struct str name;
    struct receiver_configs configs[NOTIFIERS_MAX]; /* in the order of the registry */
};
extern const struct config_section receivers_section;

/* One target: a notifier with one set of settings. */
struct receiver_target {
    struct str receiver;
    const struct notifier *notifier;
    const void *settings;
    int64_t index; /* among the receiver's settings of this notifier */
};
struct receiver_targets {
    VEC(struct receiver_target) targets;
};
/* receivers_list - every target, of one receiver where `only` is not empty. */
void receivers_list(struct arena *arena, const struct config *config, struct str only,
                    struct receiver_targets *ret_targets);
/* receivers_find - ERR_REFUSED where the configuration no longer has it. */
err receivers_find(struct arena *arena, const struct config *config, struct str receiver, struct str notifier,
                   int64_t index, struct receiver_target *ret_target) MUST_USE;
