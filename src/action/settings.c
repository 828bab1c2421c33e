/* settings.c - what the administrator decides about actions. */
#include "action/settings.h"

#include "action/trust.h"

#include <stdio.h>

static const struct field freeze_fields[] = {
    TIME(struct freeze, from, .flags = F_REQUIRED, .doc = "When it begins."),
    TIME(struct freeze, to, .flags = F_REQUIRED, .doc = "When it ends."),
    STRING(struct freeze, reason, .max = 300, .doc = "Why."),
    { 0 },
};
static const struct schema freeze_schema = SCHEMA(struct freeze, freeze_fields, .doc = "Nothing starts in this time.");

static const struct field actions_fields[] = {
    STRINGS(struct action_settings, files, .max = 100, .doc = "Catalogues beside the built-in one; read at start."),
    PAIRS(struct action_settings, trust,
          .doc = "By action: observe, suggest, approve or auto. What is not named starts at suggest and earns more."),
    BOOL(struct action_settings, propose, .def = "true",
         .doc = "Plan what an analysis recommends, and ask for approval."),
    BOOL(struct action_settings, promote, .def = "true",
         .doc = "Raise trust after verified successes; never to auto where `trust` does not say so."),
    STRINGS(struct action_settings, allow_new_privileges, .max = 100,
            .doc = "Actions that may use sudo and the like, which no_new_privs forbids to all others."),
    STRING(struct action_settings, single_approver, .max = 200,
           .doc = "The only approver, such as user:kim: may approve her own requests, of class 3 with a reason."),
    PAIRS(struct action_settings, health_urls, .doc = "Health URL by server name."),
    LIST(struct action_settings, freezes, .schema = &freeze_schema, .doc = "Times in which no action starts."),
    DURATION(struct action_settings, drain, .def = "30s", .max = 600000,
             .doc = "How long running actions may take to finish when auspex stops."),
    DURATION(struct action_settings, approval_expiry, .def = "1h", .min = 1000, .max = 7 * 86400000.0,
             .doc = "A plan that nobody approved for so long expires."),
    DURATION(struct action_settings, budget_period, .def = "1h", .min = 1000, .max = 30 * 86400000.0,
             .doc = "What the budgets count over."),
    INT(struct action_settings, budget_total, .def = "20", .min = 0, .max = 100000,
        .doc = "Starts of any action in a period."),
    INT(struct action_settings, budget_per_action, .def = "10", .min = 0, .max = 100000,
        .doc = "Starts of one action in a period."),
    INT(struct action_settings, budget_per_target, .def = "5", .min = 0, .max = 100000,
        .doc = "Starts on one target in a period."),
    INT(struct action_settings, hosts_per_action, .def = "5", .min = 1, .max = 10000,
        .doc = "Different targets of one action in a period; more is no longer a problem of one host."),
    INT(struct action_settings, breaker_failures, .def = "2", .min = 1, .max = 100,
        .doc = "So many in a row that did not help, or nobody could tell, and the action is blocked."),
    DURATION(struct action_settings, breaker_open, .def = "30m", .min = 1000, .max = 30 * 86400000.0,
             .doc = "Blocked so long; then one attempt may show that it helps again."),
    INT(struct action_settings, attempts_per_incident, .def = "3", .min = 1, .max = 100,
        .doc = "Actions on one incident; then it needs a person."),
    { 0 },
};

static void actions_check(const void *object, struct str path, err *e)
{
    const struct action_settings *settings = object;
    enum trust_level level;

    for (size_t i = 0; i < settings->trust.count; i++)
        if (!trust_parse(settings->trust.at[i].value, &level)) {
            char field[300];
            snprintf(field, sizeof(field), "%.*strust.%.*s", STR_ARG(path),
                     STR_ARG(str_utf8_head(settings->trust.at[i].key, 100)));
            err_add_field(e, ERR_RANGE, field, "'%.*s' is not observe, suggest, approve or auto",
                          STR_ARG(str_utf8_head(settings->trust.at[i].value, 60)));
        }
}

static const struct schema actions_schema =
    SCHEMA(struct action_settings, actions_fields, .doc = "What may be done, and who decides.", .check = actions_check);

const struct config_section actions_section = { .key = "actions", .schema = &actions_schema };
REGISTER(config_section, actions_section);
