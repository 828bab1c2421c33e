/* run.c - walks the nodes of a template and writes text. */
#include "template/node.h"

enum { STEPS_MAX = 1000000, DEPTH_MAX = 100, OUT_MAX = 64 << 10, ARGS_MAX = 64 };

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct variable {
    struct str name;
    struct value value;
};

struct template_run {
    const struct template *template;
    struct arena *arena;
    const struct template_scope *scope;
    struct buf *out;
    VEC(struct variable) variables;
    struct str name; /* of the text that runs, for errors */
    uint32_t line;
    int depth;
    int64_t steps;
};

struct arena *template_run_arena(struct template_run *run)
{
    return run->arena;
}

void *template_run_arg(struct template_run *run)
{
    return run->scope->arg;
}

err template_give(struct template_run *run, const struct buf *out, struct value *ret_value)
{
    TRY(buf_check(out));
    *ret_value = value_text(str_copy(run->arena, buf_str(out)));
    return NULL;
}

static err fault(struct template_run *run, enum err_kind kind, const char *what, struct str word)
{
    return err_new(kind, "%.*s:%u: %s%.*s", STR_ARG(run->name), run->line, what, STR_ARG(str_utf8_head(word, 200)));
}

/* step - one turn of anything; ends what would not end. */
static err step(struct template_run *run)
{
    if (++run->steps > STEPS_MAX)
        return fault(run, ERR_RANGE, "the template does not end", S(""));
    TRY(buf_check(run->out));
    return arena_check(run->arena);
}

static err run_pipeline(struct template_run *run, const struct pipeline *pipeline, struct value dot,
                        struct value *ret_value);

/* field - .Name of a value. `args`: a method may take some. */
static err field(struct template_run *run, struct value of, struct str name, const struct value *args, size_t count,
                 struct value *ret_value)
{
    if (of.kind == VALUE_NIL) {
        *ret_value = value_nil(); /* as Go's missing key of a map of anything */
        return NULL;
    }
    if (of.kind != VALUE_MAP)
        return err_new(ERR_RANGE, "%.*s:%u: can't evaluate field %.*s in type %s", STR_ARG(run->name), run->line,
                       STR_ARG(name), value_kind_name(of.kind));
    const struct value *entry = value_get(&of, name);
    if (entry && count == 0) {
        *ret_value = *entry;
        return NULL;
    }
    if (of.map->method && of.map->method(run->arena, of.map, name, args, count, ret_value))
        return NULL;
    if (of.map->fields || count)
        return fault(run, ERR_RANGE, "can't evaluate field ", name);
    *ret_value = value_text(S("")); /* a label that is not there */
    return NULL;
}

static err chain(struct template_run *run, struct value start, const struct operand *operand, const struct value *args,
                 size_t count, struct value *ret_value)
{
    *ret_value = start;
    for (size_t i = 0; i < operand->fields.count; i++) {
        bool last = i + 1 == operand->fields.count;
        TRY(field(run, *ret_value, operand->fields.at[i], last ? args : NULL, last ? count : 0, ret_value));
    }
    return NULL;
}

static struct variable *find_variable(struct template_run *run, struct str name)
{
    for (size_t i = run->variables.count; i-- > 0;)
        if (str_eq(run->variables.at[i].name, name))
            return &run->variables.at[i];
    return NULL;
}

/* evaluate - an operand; `args` are what a function or the last field is called with. */
static err evaluate(struct template_run *run, const struct operand *operand, struct value dot, const struct value *args,
                    size_t count, struct value *ret_value)
{
    const struct template_function *function = operand->function;
    const struct variable *variable;

    switch (operand->kind) {
    case OPERAND_VALUE:
        *ret_value = operand->value;
        return NULL;
    case OPERAND_DOT:
        return chain(run, dot, operand, args, count, ret_value);
    case OPERAND_VARIABLE:
        variable = find_variable(run, operand->name);
        if (!variable)
            return fault(run, ERR_RANGE, "undefined variable $", operand->name);
        return chain(run, variable->value, operand, args, count, ret_value);
    case OPERAND_PIPELINE:
        TRY(run_pipeline(run, operand->pipeline, dot, ret_value));
        return chain(run, *ret_value, operand, args, count, ret_value);
    case OPERAND_FUNCTION:
        if ((int)count < function->least || (function->most >= 0 && (int)count > function->most))
            return err_new(ERR_RANGE, "%.*s:%u: wrong number of args for %s: want %s%d got %zu", STR_ARG(run->name),
                           run->line, function->name, function->most < 0 ? "at least " : "", function->least, count);
        return err_wrap(function->call(run, args, count, ret_value), "%.*s:%u: error calling %s", STR_ARG(run->name),
                        run->line, function->name);
    }
    return NULL;
}

/* short_circuit - and, or: the first that decides; the others are not evaluated. */
static err short_circuit(struct template_run *run, const struct command_node *command, struct value dot,
                         const struct value *piped, struct value *ret_value)
{
    bool stop_at = command->operands.at[0].function->name[0] == 'o';

    for (size_t i = 1; i < command->operands.count; i++) {
        TRY(evaluate(run, &command->operands.at[i], dot, NULL, 0, ret_value));
        if (value_is_true(ret_value) == stop_at)
            return NULL;
    }
    if (piped)
        *ret_value = *piped;
    return NULL;
}

static err run_command(struct template_run *run, const struct command_node *command, struct value dot,
                       const struct value *piped, struct value *ret_value)
{
    const struct operand *called = &command->operands.at[0];
    struct value args[ARGS_MAX];
    size_t count = 0;

    TRY(step(run));
    if (called->kind == OPERAND_FUNCTION && command->operands.count + (piped != NULL) > 1 &&
        (str_eq(called->name, S("and")) || str_eq(called->name, S("or"))))
        return short_circuit(run, command, dot, piped, ret_value);
    if (command->operands.count > ARGS_MAX)
        return fault(run, ERR_RANGE, "too many arguments", S(""));
    for (size_t i = 1; i < command->operands.count; i++)
        TRY(evaluate(run, &command->operands.at[i], dot, NULL, 0, &args[count++]));
    if (piped)
        args[count++] = *piped;
    if (count && called->kind != OPERAND_FUNCTION && !called->fields.count)
        return fault(run, ERR_RANGE, "can't give an argument to what is no function", S(""));
    return evaluate(run, called, dot, args, count, ret_value);
}

static err run_pipeline(struct template_run *run, const struct pipeline *pipeline, struct value dot,
                        struct value *ret_value)
{
    struct value piped;

    run->line = pipeline->line;
    for (size_t i = 0; i < pipeline->commands.count; i++) {
        TRY(run_command(run, &pipeline->commands.at[i], dot, i ? &piped : NULL, ret_value));
        piped = *ret_value;
    }
    return NULL;
}

static void declare(struct template_run *run, struct str name, struct value value)
{
    *vec_push(&run->variables, run->arena) = (struct variable){ name, value };
}

/* assign - what a pipeline declares or sets, but for range. */
static void assign(struct template_run *run, const struct pipeline *pipeline, struct value value)
{
    if (!pipeline->declared.count)
        return;
    struct variable *variable = pipeline->assigns ? find_variable(run, pipeline->declared.at[0]) : NULL;
    if (variable)
        variable->value = value;
    else
        declare(run, pipeline->declared.at[0], value);
}

static err run_nodes(struct template_run *run, const node_list *nodes, struct value dot, enum flow *ret_flow);

static err run_turn(struct template_run *run, const struct node *node, struct value key, struct value item,
                    enum flow *ret_flow)
{
    const struct pipeline *pipeline = node->pipeline;
    size_t scope = run->variables.count;

    TRY(step(run));
    if (pipeline->declared.count == 2)
        declare(run, pipeline->declared.at[0], key);
    if (pipeline->declared.count)
        declare(run, pipeline->declared.at[pipeline->declared.count - 1], item);
    TRY(run_nodes(run, &node->body, item, ret_flow));
    run->variables.count = scope;
    return NULL;
}

static err run_range(struct template_run *run, const struct node *node, struct value dot, enum flow *ret_flow)
{
    struct value over = value_nil();
    enum flow flow = FLOW_ON;

    TRY(run_pipeline(run, node->pipeline, dot, &over));
    if (over.kind == VALUE_LIST) {
        for (size_t i = 0; i < over.list->items.count && flow != FLOW_BREAK; i++)
            TRY(run_turn(run, node, value_int((int64_t)i), over.list->items.at[i], &flow));
    } else if (over.kind == VALUE_MAP && !over.map->fields) {
        for (size_t i = 0; i < over.map->entries.count && flow != FLOW_BREAK; i++)
            TRY(run_turn(run, node, value_text(over.map->entries.at[i].key), over.map->entries.at[i].value, &flow));
    } else if (over.kind == VALUE_INT) {
        for (int64_t i = 0; i < over.integer && flow != FLOW_BREAK; i++)
            TRY(run_turn(run, node, value_int(i), value_int(i), &flow));
    } else if (over.kind != VALUE_NIL) {
        return fault(run, ERR_RANGE, "range can't iterate over a ", str_of(value_kind_name(over.kind)));
    }
    bool empty = over.kind == VALUE_INT ? over.integer <= 0 : !value_is_true(&over);
    return empty ? run_nodes(run, &node->otherwise, dot, ret_flow) : NULL;
}

static err run_branch(struct template_run *run, const struct node *node, struct value dot, enum flow *ret_flow)
{
    size_t scope = run->variables.count;
    struct value value;

    TRY(run_pipeline(run, node->pipeline, dot, &value));
    assign(run, node->pipeline, value);
    bool holds = value_is_true(&value);
    TRY(run_nodes(run, holds ? &node->body : &node->otherwise, holds && node->kind == NODE_WITH ? value : dot,
                  ret_flow));
    run->variables.count = scope;
    return NULL;
}

/* run_named - another template: it sees its dot and $, nothing else. */
static err run_named(struct template_run *run, struct str name, struct value dot)
{
    const struct definition *definition = template_definition(run->template, name);
    struct template_run inner = *run;
    enum flow flow;

    if (!definition)
        return fault(run, ERR_RANGE, "no template is named ", name);
    if (run->depth == DEPTH_MAX)
        return fault(run, ERR_RANGE, "templates include each other too deeply at ", name);
    inner.depth++;
    inner.name = name;
    inner.variables.at = NULL;
    inner.variables.count = inner.variables.room = 0;
    declare(&inner, S(""), dot);
    TRY(run_nodes(&inner, &definition->body, dot, &flow));
    run->steps = inner.steps;
    return NULL;
}

static err run_node(struct template_run *run, const struct node *node, struct value dot, enum flow *ret_flow)
{
    struct value value = value_nil();

    TRY(step(run));
    run->line = node->line;
    switch (node->kind) {
    case NODE_TEXT:
        buf_add(run->out, node->text);
        return NULL;
    case NODE_PRINT:
        TRY(run_pipeline(run, node->pipeline, dot, &value));
        value_add(run->out, &value);
        return NULL;
    case NODE_ASSIGN:
        TRY(run_pipeline(run, node->pipeline, dot, &value));
        assign(run, node->pipeline, value);
        return NULL;
    case NODE_IF:
    case NODE_WITH:
        return run_branch(run, node, dot, ret_flow);
    case NODE_RANGE:
        return run_range(run, node, dot, ret_flow);
    case NODE_BREAK:
        *ret_flow = FLOW_BREAK;
        return NULL;
    case NODE_CONTINUE:
        *ret_flow = FLOW_CONTINUE;
        return NULL;
    case NODE_TEMPLATE:
        if (node->pipeline)
            TRY(run_pipeline(run, node->pipeline, dot, &value));
        return run_named(run, node->text, value);
    }
    return NULL;
}

static err run_nodes(struct template_run *run, const node_list *nodes, struct value dot, enum flow *ret_flow)
{
    *ret_flow = FLOW_ON;
    for (size_t i = 0; i < nodes->count && *ret_flow == FLOW_ON; i++)
        TRY(run_node(run, nodes->at[i], dot, ret_flow));
    return NULL;
}

err template_call(struct template_run *run, struct str name, struct value dot, struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear) = { .max = run->out->max };
    struct template_run inner = *run;

    inner.out = &out;
    TRY(run_named(&inner, name, dot));
    run->steps = inner.steps;
    TRY(buf_check(&out));
    *ret_text = str_copy(run->arena, buf_str(&out));
    return NULL;
}

err template_run(const struct template *template, struct arena *arena, const struct template_scope *scope,
                 struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear) = { .max = scope->out_max ? scope->out_max : OUT_MAX };
    struct template_run run = {
        .template = template, .arena = arena, .scope = scope, .out = &out, .name = template->name, .line = 1
    };
    enum flow flow;

    declare(&run, S(""), scope->dot);
    for (size_t i = 0; i < scope->variable_count; i++)
        declare(&run, str_of(scope->variables[i].name), scope->variables[i].value);
    TRY(run_nodes(&run, &template->body, scope->dot, &flow));
    TRY(buf_check(&out));
    *ret_text = str_copy(arena, buf_str(&out));
    return NULL;
}
