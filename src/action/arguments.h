/* arguments.h - values of an action's parameters: typed, in range, known to the inventory; and templates of them.
 *
 * Owner: values live in the arena given. Threads: any. */
#pragma once
#include "action/catalogue.h"
#include "action/executor.h"

struct arguments {
    struct argument at[PARAMETERS_MAX];
    size_t count;
};

/* arguments_read - from a JSON object, all faults as fields below "parameters.": unknown names ERR_INVALID, wrong types
 * and values out of range ERR_RANGE. What has a default gets it. What is left to be found out stays without a value
 * (text.at == NULL): see arguments_resolve. */
err arguments_read(struct arena *arena, const struct action_def *def, const struct json *json,
                   struct arguments *ret_arguments) MUST_USE;
/* arguments_resolve - look at the world: instances must be in the inventory, processes must live, open selections
 * (which clients, which process) are made now, for good; an empty one is an err. */
err arguments_resolve(struct step_call *call, const struct action_def *def, struct arguments *arguments) MUST_USE;
/* arguments_target - the resource that a parameter names: "redis:127.0.0.1:6379". */
err arguments_target(struct arena *arena, const struct action_def *def, const struct arguments *arguments,
                     struct str name, struct str *ret_target) MUST_USE;
void arguments_write(struct json_writer *w, const struct action_def *def, const struct arguments *arguments);
/* arguments_names - the parameters' names without values, for checks at load. */
struct arguments arguments_names(const struct action_def *def);

const struct argument *argument_find(const struct argument *arguments, size_t count, struct str name);

/* template_element - one word of a command: text without {{, or exactly {{parameter}}, which is substituted whole. A
 * value that begins with '-' is refused. A process is its pid. */
err template_element(struct arena *arena, struct str element, const struct argument *arguments, size_t count,
                     struct str *ret_text) MUST_USE;
/* template_check - the same without values. */
err template_check(struct str element, const struct argument *arguments, size_t count) MUST_USE;
