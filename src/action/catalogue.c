/* catalogue.c - loads and checks the declared actions. */
#include "action/catalogue.h"

#include "action/arguments.h"
#include "action/executor.h"
#include "base/asset.h"
#include "base/file.h"
#include "schema/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

struct catalogue {
    struct arena *arena;
    VEC(struct action_def) actions;
};

static const char *const type_words[] = { "redis_instance", "systemd_unit", "process", "client_ids", "enum", "number",
                                          "integer",        "duration",     "url",     "string",     NULL };

const char *parameter_type_name(enum parameter_type type)
{
    return type_words[type];
}

/* What of an action has a fixed shape; the rest is read below. */
struct action_text {
    struct str id, doc;
    int64_t class;
    const struct json *parameters, *precheck, *run, *verify, *rollback;
    VEC(struct str) targets;
    bool irreversible, root, new_privileges;
    struct duration timeout, cooldown;
    int64_t max_targets;
};
static const struct field action_fields[] = {
    STRING(struct action_text, id, .flags = F_REQUIRED, .min = 1, .max = 100, .doc = "Its name: a-z, 0-9 and _."),
    STRING(struct action_text, doc, .flags = F_REQUIRED, .max = 1000, .doc = "What it does, for people."),
    INT(struct action_text, class, .flags = F_REQUIRED, .min = 0, .max = 3,
        .doc = "0 reads, 1 reversible and local, 2 affects a service, 3 destructive or irreversible."),
    ANY(struct action_text, parameters, .doc = "By name: type, doc, min, max, values, pattern, default."),
    STRINGS(struct action_text, targets, .doc = "Parameters that name what is acted upon."),
    ANY(struct action_text, precheck, .doc = "Checks that must hold before it runs."),
    ANY(struct action_text, run, .flags = F_REQUIRED, .doc = "Steps, each of one executor."),
    ANY(struct action_text, verify, .flags = F_REQUIRED, .doc = "A check, with within, for, settle and every."),
    ANY(struct action_text, rollback, .doc = "Steps that undo it."),
    BOOL(struct action_text, irreversible, .doc = "It can't be undone."),
    BOOL(struct action_text, root, .doc = "Its commands need root."),
    BOOL(struct action_text, new_privileges, .doc = "Its commands need sudo; an administrator must allow that."),
    DURATION(struct action_text, timeout, .def = "60s", .min = 100, .max = 3600000, .doc = "Of each step."),
    DURATION(struct action_text, cooldown, .def = "5m", .max = 30 * 86400000.0,
             .doc = "Not again on the same target before."),
    INT(struct action_text, max_targets, .def = "1", .min = 1, .max = 100, .doc = "At most so many targets."),
    { 0 },
};
static const struct schema action_schema = SCHEMA(struct action_text, action_fields);

static const struct field parameter_fields[] = {
    ENUM(struct parameter, type, .words = type_words, .flags = F_REQUIRED, .doc = "What it is."),
    STRING(struct parameter, doc, .max = 1000, .doc = "For people."),
    ANY(struct parameter, def, .name = "default", .doc = "Where none is given."),
    DOUBLE(struct parameter, min, .flags = F_NULLABLE, .doc = "Smallest number, or duration in seconds."),
    DOUBLE(struct parameter, max, .flags = F_NULLABLE, .doc = "Largest."),
    STRINGS(struct parameter, values, .doc = "Of an enum."),
    STRING(struct parameter, pattern, .max = 1000, .doc = "Of a string: a regular expression for the whole of it."),
    { 0 },
};
static const struct schema parameter_schema = SCHEMA(struct parameter, parameter_fields);

/* Where a fault is, in front of every message. */
struct place {
    struct arena *arena;
    const char *file;
    err *faults;
};

static void fault(const struct place *place, const struct json *at, err e)
{
    const char *hint = err_hint_text(e);

    err_add_field(place->faults, ERR_INVALID, place->file, "%s:%d:%d: %s%s%s", place->file, at ? at->line : 1,
                  at ? at->column : 1, err_message(e), hint ? "; " : "", hint ? hint : "");
    err_free(e);
}

static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", text.at[i]))
            return false;
    return text.length > 0 && (text.at[0] < '0' || text.at[0] > '9');
}

/* Faults of one parse, which know their places already. */
static bool parse(const struct place *place, const struct schema *schema, const struct json *json, const char *path,
                  void *ret)
{
    struct schema_options options = { .arena = place->arena, .file = place->file, .path = path };
    err e = schema_parse(&options, schema, json, ret);

    if (!e)
        return true;
    for (size_t i = 0; i < err_field_count(e); i++)
        err_add_field(place->faults, ERR_INVALID, err_field_path(e, i), "%s", err_field_message(e, i));
    if (!err_field_count(e))
        err_add_field(place->faults, ERR_INVALID, place->file, "%s", err_message(e));
    err_free(e);
    return false;
}

static void read_parameters(const struct place *place, const struct json *json, struct action_def *def)
{
    if (!json)
        return;
    if (json->type != JSON_OBJECT || json->object.count > PARAMETERS_MAX) {
        fault(place, json, err_new(ERR_INVALID, "parameters: a map of at most %d parameters", PARAMETERS_MAX));
        return;
    }
    for (size_t i = 0; i < json->object.count; i++) {
        const struct json_member *member = &json->object.members[i];
        struct parameter parameter = { 0 };
        struct matcher matcher;
        if (!is_id(member->key)) {
            fault(place, member->value,
                  err_new(ERR_INVALID, "'%.*s' is no name of a parameter (a-z, 0-9, _)", STR_ARG(member->key)));
            continue;
        }
        if (!parse(place, &parameter_schema, member->value, NULL, &parameter))
            continue;
        parameter.name = member->key;
        if (parameter.type == PARAMETER_ENUM && parameter.values.count == 0)
            fault(place, member->value, err_new(ERR_INVALID, "%.*s: an enum needs values", STR_ARG(member->key)));
        if (parameter.type == PARAMETER_STRING && parameter.pattern.length == 0)
            fault(place, member->value, err_new(ERR_INVALID, "%.*s: a string needs a pattern", STR_ARG(member->key)));
        if (parameter.pattern.length) {
            err e = matcher_make(place->arena, MATCH_RE, S("value"), parameter.pattern, &matcher);
            if (e)
                fault(place, member->value, e);
        }
        *vec_push(&def->parameters, place->arena) = parameter;
    }
}

static const char *nearest_executor(struct str name)
{
    FOR_EACH_REGISTERED (executor, it)
        if (str_distance(name, str_of(it->name), 2) <= 2)
            return it->name;
    return NULL;
}

/* Reads the one member that names an executor, or expr; the others are left to `extra`. */
static bool read_step(const struct place *place, const struct json *json, const struct action_def *def, bool expr_ok,
                      bool (*extra)(const struct place *place, const struct json_member *member, void *arg), void *arg,
                      struct check_def *ret)
{
    struct arguments names = arguments_names(def);
    bool found = false;

    *ret = (struct check_def){ .step.timeout = def->timeout };
    if (!json || json->type != JSON_OBJECT) {
        fault(place, json, err_new(ERR_INVALID, "a step is a map such as { command: { argv: [...] } }"));
        return false;
    }
    for (size_t i = 0; i < json->object.count; i++) {
        const struct json_member *member = &json->object.members[i];
        const struct executor *executor = executor_find(member->key);
        err e = NULL;
        if (expr_ok && str_eq(member->key, S("expr")) && !found) {
            ret->expr = json_str_or(member->value, S(""));
            e = criterion_check(ret->expr, names.at, names.count);
            found = true;
        } else if (executor && !found) {
            void *settings = arena_alloc(place->arena, executor->settings.size);
            ret->step.executor = executor;
            ret->step.settings = settings;
            found = true;
            const struct json *timeout = json_get(member->value, S("timeout"));
            if (timeout && !duration_parse(json_str_or(timeout, S("")), &ret->step.timeout))
                e = err_new(ERR_INVALID, "timeout: not a duration such as 30s");
            if (parse(place, &executor->settings, member->value, NULL, settings) && executor->check && !e)
                e = executor->check(settings, names.at, names.count);
        } else if (executor || (extra && extra(place, member, arg))) {
            if (executor)
                e = err_new(ERR_INVALID, "one executor a step; '%.*s' is the second", STR_ARG(member->key));
        } else {
            const char *near = nearest_executor(member->key);
            e = err_new(ERR_INVALID, "unknown key '%.*s'", STR_ARG(member->key));
            if (near)
                e = err_hint(e, "did you mean '%s'?", near);
        }
        if (e)
            fault(place, member->value, e);
    }
    if (!found)
        fault(place, json, err_new(ERR_INVALID, "names no executor%s", expr_ok ? " and no expr" : ""));
    return found;
}

static bool read_when(const struct place *place, const struct json_member *member, void *arg)
{
    struct step_def *step = arg;

    if (str_eq(member->key, S("when"))) {
        step->after_failure = str_eq(json_str_or(member->value, S("")), S("failed"));
        if (!step->after_failure)
            fault(place, member->value, err_new(ERR_INVALID, "when: only 'failed' (the step before) is known"));
        return true;
    }
    if (str_eq(member->key, S("timeout"))) {
        if (!duration_parse(json_str_or(member->value, S("")), &step->timeout) || step->timeout.ms < 1)
            fault(place, member->value, err_new(ERR_INVALID, "timeout: not a duration such as 30s"));
        return true;
    }
    return false;
}

static bool read_verify(const struct place *place, const struct json_member *member, void *arg)
{
    struct verify_def *verify = arg;
    struct duration *duration = str_eq(member->key, S("within"))   ? &verify->within
                                : str_eq(member->key, S("settle")) ? &verify->settle
                                : str_eq(member->key, S("every"))  ? &verify->every
                                                                   : NULL;

    if (duration) {
        if (!duration_parse(json_str_or(member->value, S("")), duration) || duration->ms > 30 * 60 * 1000)
            fault(place, member->value, err_new(ERR_INVALID, "%.*s: a duration of at most 30m", STR_ARG(member->key)));
        return true;
    }
    if (!str_eq(member->key, S("for")))
        return false;
    struct str rest, number = str_cut(json_str_or(member->value, S("")), ' ', &rest);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): read_step hands on the one that it was given
    if (!str_to_i64(number, &verify->samples) || verify->samples < 1 || verify->samples > 100 ||
        (!str_eq(rest, S("samples")) && !str_eq(rest, S("sample"))))
        fault(place, member->value, err_new(ERR_INVALID, "for: written as '3 samples', 1 to 100"));
    return true;
}

static void read_action(struct catalogue *catalogue, const struct place *place, const struct json *json, bool embedded)
{
    struct action_text text;
    struct check_def check;

    if (!parse(place, &action_schema, json, NULL, &text))
        return;
    struct action_def def = {
        .id = text.id,
        .doc = text.doc,
        .class = text.class,
        .irreversible = text.irreversible,
        .root = text.root,
        .new_privileges = text.new_privileges,
        .timeout = text.timeout,
        .cooldown = text.cooldown,
        .max_targets = text.max_targets,
        .file = str_of(place->file),
        .verify = { .within = { 30000 }, .every = { 1000 }, .samples = 1 },
    };
    if (!is_id(text.id))
        fault(place, json, err_new(ERR_INVALID, "'%.*s' is no id (a-z, 0-9, _)", STR_ARG(text.id)));
    read_parameters(place, text.parameters, &def);
    struct arguments names = arguments_names(&def);
    for (size_t i = 0; i < text.targets.count; i++) {
        if (!argument_find(names.at, names.count, text.targets.at[i]) &&
            !str_eq(text.targets.at[i], S(TARGET_THIS_HOST)))
            fault(place, json,
                  err_new(ERR_INVALID, "targets: there is no parameter '%.*s'", STR_ARG(text.targets.at[i])));
        *vec_push(&def.targets, place->arena) = text.targets.at[i];
    }
    if (text.targets.count == 0)
        fault(place, json,
              err_new(ERR_INVALID, "%.*s: targets names nothing to act upon; the host is '%s'", STR_ARG(def.id),
                      TARGET_THIS_HOST));
    for (size_t i = 0; text.precheck && text.precheck->type == JSON_ARRAY && i < text.precheck->array.count; i++)
        if (read_step(place, text.precheck->array.items[i], &def, true, NULL, NULL, &check))
            *vec_push(&def.precheck, place->arena) = check;

    const struct json *lists[] = { text.run, text.rollback };
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (size_t i = 0; lists[k] && lists[k]->type == JSON_ARRAY && i < lists[k]->array.count; i++) {
            struct step_def more = { 0 };
            if (!read_step(place, lists[k]->array.items[i], &def, false, read_when, &more, &check))
                continue;
            check.step.after_failure = more.after_failure;
            if (more.timeout.ms)
                check.step.timeout = more.timeout;
            if (k == 0)
                *vec_push(&def.run, place->arena) = check.step;
            else
                *vec_push(&def.rollback, place->arena) = check.step;
        }
    if (def.run.count < 1 || def.run.count > STEPS_MAX || def.rollback.count > STEPS_MAX)
        fault(place, json, err_new(ERR_INVALID, "%.*s: run is a list of 1 to %d steps", STR_ARG(def.id), STEPS_MAX));
    if (def.class > 0 && !def.irreversible && def.rollback.count == 0)
        fault(place, json, err_new(ERR_INVALID, "%.*s: needs a rollback, or says irreversible: true", STR_ARG(def.id)));
    if (read_step(place, text.verify, &def, true, read_verify, &def.verify, &check))
        def.verify.check = check;
    for (size_t i = 0; i < catalogue->actions.count; i++)
        if (str_eq(catalogue->actions.at[i].id, def.id)) {
            if (!str_starts(catalogue->actions.at[i].file, S("content/")) || embedded)
                fault(place, json,
                      err_new(ERR_INVALID, "action '%.*s' stands in %.*s already", STR_ARG(def.id),
                              STR_ARG(catalogue->actions.at[i].file)));
            catalogue->actions.at[i] = def;
            return;
        }
    *vec_push(&catalogue->actions, catalogue->arena) = def;
}

static void read_file(struct catalogue *catalogue, const char *file, struct str text, bool embedded, err *faults)
{
    const struct json *json;
    struct place place = { catalogue->arena, file, faults };
    err e = yaml_parse(catalogue->arena, text, file, &json);

    if (e) {
        err_add_field(faults, ERR_INVALID, file, "%s", err_message(e));
        err_free(e);
        return;
    }
    const struct json *list = json_get(json, S("actions"));
    if (!list || list->type != JSON_ARRAY || json->object.count != 1 || list->array.count > ACTIONS_MAX) {
        fault(&place, json, err_new(ERR_INVALID, "a catalogue is one list of at most %d: actions", ACTIONS_MAX));
        return;
    }
    for (size_t i = 0; i < list->array.count; i++)
        read_action(catalogue, &place, list->array.items[i], embedded);
}

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct action_def *)a)->id, ((const struct action_def *)b)->id);
}

err catalogue_load(const struct str *files, size_t count, struct catalogue **ret_catalogue)
{
    struct catalogue *catalogue CLEANUP(catalogue_freep) = calloc(1, sizeof(*catalogue));
    err faults = NULL;

    if (!catalogue)
        abort();
    catalogue->arena = arena_new(16 * 1024 * 1024);
    for (const struct asset *it = NULL; (it = asset_next(S("content/actions/"), it));)
        read_file(catalogue, it->path, (struct str){ (const char *)it->bytes, it->length }, true, &faults);
    for (size_t i = 0; i < count; i++) {
        struct str text;
        const char *path = str_c(catalogue->arena, files[i]);
        err e = file_read(catalogue->arena, path, FILE_MAX, &text);
        if (e) {
            err_add_field(&faults, ERR_INVALID, path, "%s", err_message(e));
            err_free(e);
        } else {
            read_file(catalogue, path, text, false, &faults);
        }
    }
    TRY(faults); // NOLINT(clang-analyzer-unix.Malloc): CLEANUP frees it
    if (catalogue->actions.count)
        qsort(catalogue->actions.at, catalogue->actions.count, sizeof(*catalogue->actions.at), by_id);
    *ret_catalogue = TAKE(catalogue);
    return NULL;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    arena_free(catalogue->arena);
    free(catalogue);
}

void catalogue_freep(struct catalogue **catalogue)
{
    catalogue_free(*catalogue);
    *catalogue = NULL;
}

size_t catalogue_count(const struct catalogue *catalogue)
{
    return catalogue->actions.count;
}

const struct action_def *catalogue_at(const struct catalogue *catalogue, size_t index)
{
    return &catalogue->actions.at[index];
}

const struct action_def *catalogue_find(const struct catalogue *catalogue, struct str id)
{
    for (size_t i = 0; i < catalogue->actions.count; i++)
        if (str_eq(catalogue->actions.at[i].id, id))
            return &catalogue->actions.at[i];
    return NULL;
}
