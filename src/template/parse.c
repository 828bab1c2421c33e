/* parse.c - a template's text to nodes: one pass, the actions read by a small scanner over the text between {{ and }}.
 */
#include "template/node.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 100 };

struct parser {
    struct arena *arena;
    const struct template_options *options;
    struct template *template;
    struct str text;
    size_t at;
    uint32_t line;
    int depth, loops;
    bool in_action;
    VEC(struct str) variables; /* in scope */
};

/* What ended a list of nodes. */
enum ending { END_OF_TEXT, END_OF_BLOCK, END_AT_ELSE };

static err fault(struct parser *p, const char *what)
{
    return err_new(ERR_INVALID, "%s:%u: %s", p->options->name, p->line, what);
}

static err fault_at(struct parser *p, const char *what, struct str word)
{
    return err_new(ERR_INVALID, "%s:%u: %s '%.*s'", p->options->name, p->line, what, STR_ARG(str_utf8_head(word, 100)));
}

static void advance(struct parser *p, size_t to)
{
    for (; p->at < to; p->at++)
        p->line += p->text.at[p->at] == '\n';
}

/* ---- words of an action ---- */

static int peek(const struct parser *p)
{
    return p->at < p->text.length ? (unsigned char)p->text.at[p->at] : -1;
}

static void skip_spaces(struct parser *p)
{
    while (peek(p) != -1 && isspace(peek(p)))
        advance(p, p->at + 1);
}

/* at_end - before "}}" or " -}}". */
static bool at_end(struct parser *p)
{
    skip_spaces(p);
    struct str rest = str_slice(p->text, p->at, p->text.length);
    return str_starts(rest, S("}}")) || (str_starts(rest, S("-}}")) && p->at && isspace(p->text.at[p->at - 1]));
}

static bool take(struct parser *p, const char *sign)
{
    struct str want = str_of(sign);

    skip_spaces(p);
    if (!str_starts(str_slice(p->text, p->at, p->text.length), want))
        return false;
    p->at += want.length;
    return true;
}

static bool is_word(int c)
{
    return c != -1 && (isalnum(c) || c == '_' || c >= 0x80);
}

static struct str take_word(struct parser *p)
{
    size_t from = p->at;

    while (is_word(peek(p)))
        p->at++;
    return str_slice(p->text, from, p->at);
}

/* take_keyword - the word `name`, whole. */
static bool take_keyword(struct parser *p, const char *name)
{
    size_t before = p->at;
    uint32_t line = p->line;

    skip_spaces(p);
    if (str_eq(take_word(p), str_of(name)))
        return true;
    p->at = before;
    p->line = line;
    return false;
}

/* end_action - "}}", with "-}}" taking the blanks that follow. */
static err end_action(struct parser *p)
{
    bool trim = false;

    if (!at_end(p))
        return fault_at(p, "unexpected", str_slice(p->text, p->at, p->at + 1));
    if (peek(p) == '-') {
        trim = true;
        p->at++;
    }
    p->at += 2;
    if (trim)
        skip_spaces(p);
    return NULL;
}

static err take_escape(struct parser *p, struct buf *out)
{
    static const char letters[] = "abfnrtv\\\"'", values[] = "\a\b\f\n\r\t\v\\\"'";
    int c = peek(p);
    const char *found = c > 0 ? strchr(letters, c) : NULL;
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;

    p->at++;
    if (found) {
        buf_add_c(out, values[found - letters]);
        return NULL;
    }
    uint32_t code = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        if (peek(p) == -1 || !isxdigit(peek(p)))
            return fault(p, "an escape without its digits");
        code = code * 16 + (uint32_t)(isdigit(peek(p)) ? peek(p) - '0' : tolower(peek(p)) - 'a' + 10);
    }
    if (!digits || code > 0x10ffff)
        return fault(p, "unknown escape in a text");
    if (digits == 2 || code < 0x80) {
        buf_add_c(out, (char)code);
    } else if (code < 0x800) {
        buf_add_c(out, (char)(0xc0 | code >> 6));
        buf_add_c(out, (char)(0x80 | (code & 0x3f)));
    } else {
        if (code >= 0x10000)
            buf_add_c(out, (char)(0xf0 | code >> 18));
        buf_add_c(out, (char)(code >= 0x10000 ? 0x80 | (code >> 12 & 0x3f) : 0xe0 | code >> 12));
        buf_add_c(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_c(out, (char)(0x80 | (code & 0x3f)));
    }
    return NULL;
}

static err take_quoted(struct parser *p, int quote, struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };

    for (p->at++;; p->at++) {
        int c = peek(p);
        if (c == -1 || (c == '\n' && quote != '`'))
            return fault(p, "a text without its closing quote");
        if (c == quote)
            break;
        p->line += c == '\n';
        if (c == '\\' && quote != '`') {
            p->at++;
            TRY(take_escape(p, &out));
            p->at--;
        } else {
            buf_add_c(&out, (char)c);
        }
    }
    p->at++;
    TRY(buf_check(&out));
    *ret_text = str_copy(p->arena, buf_str(&out));
    return NULL;
}

static err take_number(struct parser *p, struct value *ret_value)
{
    size_t from = p->at;
    int64_t integer;
    double number;

    if (peek(p) == '-' || peek(p) == '+')
        p->at++;
    while (is_word(peek(p)) || peek(p) == '.' ||
           ((peek(p) == '-' || peek(p) == '+') && tolower(p->text.at[p->at - 1]) == 'e'))
        p->at++;
    struct str text = str_slice(p->text, from, p->at);
    if (str_starts(text, S("+")))
        text = str_slice(text, 1, text.length);
    if (str_to_i64(text, &integer)) {
        *ret_value = value_int(integer);
        return NULL;
    }
    if (str_starts(text, S("0x")) || str_starts(text, S("0X"))) {
        char *end, *copy = str_c(p->arena, text);
        *ret_value = value_int((int64_t)strtoull(copy, &end, 16));
        return *end ? fault_at(p, "bad number", text) : NULL;
    }
    if (!str_to_double(text, &number))
        return fault_at(p, "bad number", text);
    *ret_value = value_float(number);
    return NULL;
}

/* ---- pipelines ---- */

static err parse_pipeline(struct parser *p, bool declares, struct pipeline **ret_pipeline);

static void take_fields(struct parser *p, struct operand *operand)
{
    while (peek(p) == '.' && p->at + 1 < p->text.length && is_word((unsigned char)p->text.at[p->at + 1])) {
        p->at++;
        *vec_push(&operand->fields, p->arena) = take_word(p);
    }
}

static bool is_known(const struct parser *p, struct str variable)
{
    if (!variable.length)
        return true;
    for (size_t i = 0; i < p->variables.count; i++)
        if (str_eq(p->variables.at[i], variable))
            return true;
    return false;
}

static const struct template_function *find_in(const struct template_function *set, struct str name)
{
    for (; set && set->name; set++)
        if (str_eq(str_of(set->name), name))
            return set;
    return NULL;
}

static err parse_word(struct parser *p, struct operand *operand)
{
    struct str word = take_word(p);

    operand->kind = OPERAND_VALUE;
    if (str_eq(word, S("true")) || str_eq(word, S("false"))) {
        operand->value = value_bool(word.length == 4);
    } else if (str_eq(word, S("nil"))) {
        operand->value = value_nil();
    } else {
        operand->kind = OPERAND_FUNCTION;
        operand->name = word;
        operand->function = find_in(template_builtins, word);
        for (size_t i = 0; i < TEMPLATE_SETS_MAX && !operand->function; i++)
            operand->function = find_in(p->options->sets[i], word);
        if (!operand->function)
            return err_new(ERR_INVALID, "%s:%u: function \"%.*s\" not defined", p->options->name, p->line,
                           STR_ARG(str_utf8_head(word, 100)));
    }
    return NULL;
}

static err parse_operand(struct parser *p, struct operand *operand)
{
    int c = peek(p), next = p->at + 1 < p->text.length ? (unsigned char)p->text.at[p->at + 1] : -1;

    if (c == '"' || c == '`') {
        operand->kind = OPERAND_VALUE;
        operand->value.kind = VALUE_TEXT;
        TRY(take_quoted(p, c, &operand->value.text));
    } else if (c == '\'') {
        struct str text;
        TRY(take_quoted(p, c, &text));
        operand->value = value_int(text.length ? (unsigned char)text.at[0] : 0);
    } else if (c == '(') {
        p->at++;
        operand->kind = OPERAND_PIPELINE;
        TRY(parse_pipeline(p, false, &operand->pipeline));
        if (!take(p, ")"))
            return fault(p, "expected )");
        take_fields(p, operand);
    } else if (c == '$') {
        p->at++;
        operand->kind = OPERAND_VARIABLE;
        operand->name = take_word(p);
        if (!is_known(p, operand->name))
            return err_new(ERR_INVALID, "%s:%u: undefined variable \"$%.*s\"", p->options->name, p->line,
                           STR_ARG(str_utf8_head(operand->name, 100)));
        take_fields(p, operand);
    } else if (c == '.' && !isdigit(next)) {
        operand->kind = OPERAND_DOT;
        if (is_word(next))
            take_fields(p, operand);
        else
            p->at++;
    } else if (c != -1 && (isdigit(c) || ((c == '-' || c == '+' || c == '.') && isdigit(next)))) {
        operand->kind = OPERAND_VALUE;
        TRY(take_number(p, &operand->value));
    } else if (is_word(c)) {
        TRY(parse_word(p, operand));
    } else {
        return fault_at(p, "unexpected", str_slice(p->text, p->at, p->at + 1));
    }
    return NULL;
}

static err parse_command(struct parser *p, struct command_node *command)
{
    for (;;) {
        if (at_end(p) || peek(p) == '|' || peek(p) == ')')
            break;
        size_t before = p->at;
        TRY(parse_operand(p, vec_push(&command->operands, p->arena)));
        /* Arguments are separated by blanks. */
        if (p->at == before || (!at_end(p) && peek(p) != '|' && peek(p) != ')' && !isspace(p->text.at[p->at - 1])))
            return fault_at(p, "unexpected", str_slice(p->text, p->at, p->at + 1));
    }
    if (!command->operands.count)
        return fault(p, "missing value for command");
    const struct operand *first = &command->operands.at[0];
    if (command->operands.count > 1 && first->kind == OPERAND_VALUE)
        return fault(p, "can't give an argument to a literal");
    return NULL;
}

/* declare - "$x :=", "$i, $e :=", "$x =". Gives everything back where it is none of these. */
static err parse_declaration(struct parser *p, struct pipeline *pipeline)
{
    size_t before = p->at;
    VEC(struct str) names = { 0 };

    while (take(p, "$")) {
        *vec_push(&names, p->arena) = take_word(p);
        if (!take(p, ","))
            break;
        if (names.count == 2)
            return fault(p, "too many declarations");
    }
    bool declares = names.count && take(p, ":=");
    if (!declares && !(names.count && take(p, "="))) {
        p->at = before;
        return NULL;
    }
    pipeline->assigns = !declares;
    for (size_t i = 0; i < names.count; i++) {
        if (!names.at[i].length || (!declares && !is_known(p, names.at[i])))
            return fault_at(p, "undefined variable", names.at[i]);
        *vec_push(&pipeline->declared, p->arena) = names.at[i];
    }
    return NULL;
}

static err parse_pipeline(struct parser *p, bool declares, struct pipeline **ret_pipeline)
{
    struct pipeline *pipeline = arena_alloc(p->arena, sizeof(*pipeline));

    if (++p->depth > DEPTH_MAX)
        return fault(p, "nested too deeply");
    skip_spaces(p);
    pipeline->line = p->line;
    if (declares)
        TRY(parse_declaration(p, pipeline));
    do {
        TRY(parse_command(p, vec_push(&pipeline->commands, p->arena)));
        const struct operand *called = &pipeline->commands.at[pipeline->commands.count - 1].operands.at[0];
        if (pipeline->commands.count > 1 && called->kind == OPERAND_VALUE)
            return fault(p, "a literal can't take a piped value");
    } while (take(p, "|"));
    if (!pipeline->assigns)
        for (size_t i = 0; i < pipeline->declared.count; i++)
            *vec_push(&p->variables, p->arena) = pipeline->declared.at[i];
    p->depth--;
    *ret_pipeline = pipeline;
    return arena_check(p->arena);
}

/* ---- nodes ---- */

static err parse_list(struct parser *p, node_list *list, enum ending *ret_ending);

static struct node *add_node(struct parser *p, node_list *list, enum node_kind kind)
{
    struct node *node = arena_alloc(p->arena, sizeof(*node));

    node->kind = kind;
    node->line = p->line;
    *vec_push(list, p->arena) = node;
    return node;
}

/* parse_control - if, with, range, with their else branches; `else if` and `else with` are a node in the branch. */
static err parse_control(struct parser *p, node_list *list, enum node_kind kind)
{
    struct node *node = add_node(p, list, kind);
    size_t scope = p->variables.count;
    enum ending ending;

    if (++p->depth > DEPTH_MAX)
        return fault(p, "nested too deeply");
    TRY(parse_pipeline(p, true, &node->pipeline));
    if (node->pipeline->declared.count > 1 && kind != NODE_RANGE)
        return fault(p, "too many declarations");
    TRY(end_action(p));
    p->loops += kind == NODE_RANGE;
    TRY(parse_list(p, &node->body, &ending));
    p->loops -= kind == NODE_RANGE;
    if (ending == END_AT_ELSE) {
        p->variables.count = scope + (node->pipeline->assigns ? 0 : node->pipeline->declared.count);
        if (kind != NODE_RANGE && (take_keyword(p, "if") || take_keyword(p, "with"))) {
            bool is_if = p->text.at[p->at - 1] == 'f';
            TRY(parse_control(p, &node->otherwise, is_if ? NODE_IF : NODE_WITH));
            ending = END_OF_BLOCK; /* the inner one took the end of both */
        } else {
            TRY(end_action(p));
            TRY(parse_list(p, &node->otherwise, &ending));
            if (ending == END_AT_ELSE)
                return fault(p, "expected end; found else");
        }
    }
    p->variables.count = scope;
    p->depth--;
    return ending == END_OF_BLOCK ? NULL : fault(p, "unexpected end of the text: {{end}} is missing");
}

/* take_name - the quoted name behind define, template, block. */
static err take_name(struct parser *p, struct str *ret_name)
{
    skip_spaces(p);
    if (peek(p) != '"' && peek(p) != '`')
        return fault(p, "expected a quoted name");
    return take_quoted(p, peek(p), ret_name);
}

/* parse_definition - the body of define and block: sees none of the variables around it. A later one of the same name
 * replaces the earlier. */
static err parse_definition(struct parser *p, struct str name)
{
    struct definition made = { .name = name };
    size_t scope = p->variables.count, slot = 0;
    int loops = p->loops;
    enum ending ending;
    struct str *variables = p->variables.at;

    TRY(end_action(p));
    p->variables.at = NULL;
    p->variables.count = p->variables.room = 0;
    p->loops = 0;
    TRY(parse_list(p, &made.body, &ending));
    if (ending != END_OF_BLOCK)
        return fault(p, "a definition without its {{end}}");
    p->variables.at = variables;
    p->variables.count = p->variables.room = scope;
    p->loops = loops;
    while (slot < p->template->definitions.count && !str_eq(p->template->definitions.at[slot].name, name))
        slot++;
    if (slot == p->template->definitions.count)
        vec_push(&p->template->definitions, p->arena);
    p->template->definitions.at[slot] = made;
    return NULL;
}

static err parse_template_call(struct parser *p, node_list *list, bool defines)
{
    struct node *node = add_node(p, list, NODE_TEMPLATE);

    TRY(take_name(p, &node->text));
    if (!at_end(p))
        TRY(parse_pipeline(p, false, &node->pipeline));
    return defines ? parse_definition(p, node->text) : end_action(p);
}

/* parse_action - what stands between {{ and }}. *ret_ending: END_OF_TEXT where it is an ordinary one. */
static err parse_action(struct parser *p, node_list *list, enum ending *ret_ending)
{
    struct str name;

    *ret_ending = END_OF_TEXT;
    skip_spaces(p);
    if (take_keyword(p, "end")) {
        *ret_ending = END_OF_BLOCK;
        return end_action(p);
    }
    if (take_keyword(p, "else")) {
        *ret_ending = END_AT_ELSE; /* what follows it is the caller's */
        skip_spaces(p);
        return NULL;
    }
    if (take_keyword(p, "if"))
        return parse_control(p, list, NODE_IF);
    if (take_keyword(p, "with"))
        return parse_control(p, list, NODE_WITH);
    if (take_keyword(p, "range"))
        return parse_control(p, list, NODE_RANGE);
    if (take_keyword(p, "template"))
        return parse_template_call(p, list, false);
    if (take_keyword(p, "block"))
        return parse_template_call(p, list, true);
    if (take_keyword(p, "define")) {
        TRY(take_name(p, &name));
        return parse_definition(p, name);
    }
    bool breaks = take_keyword(p, "break");
    if (breaks || take_keyword(p, "continue")) {
        if (!p->loops)
            return fault(p, "break or continue outside of range");
        add_node(p, list, breaks ? NODE_BREAK : NODE_CONTINUE);
        return end_action(p);
    }
    struct node *node = add_node(p, list, NODE_PRINT);
    TRY(parse_pipeline(p, true, &node->pipeline));
    if (node->pipeline->declared.count > 1)
        return fault(p, "too many declarations");
    if (node->pipeline->declared.count)
        node->kind = NODE_ASSIGN;
    return end_action(p);
}

/* skip_comment - a comment may be all that an action holds; *ret_was tells. */
static err skip_comment(struct parser *p, bool *ret_was)
{
    *ret_was = str_starts(str_slice(p->text, p->at, p->text.length), S("/*"));
    if (!*ret_was)
        return NULL;
    size_t close = str_find(p->text, S("*/"), p->at + 2);
    if (close == SIZE_MAX)
        return fault(p, "unclosed comment");
    advance(p, close + 2);
    return end_action(p);
}

static struct str trim_right(struct str text)
{
    while (text.length && isspace((unsigned char)text.at[text.length - 1]))
        text.length--;
    return text;
}

static err parse_list(struct parser *p, node_list *list, enum ending *ret_ending)
{
    for (;;) {
        size_t open = str_find(p->text, S("{{"), p->at);
        struct str text = str_slice(p->text, p->at, open);
        bool trims = open != SIZE_MAX && open + 3 < p->text.length && p->text.at[open + 2] == '-' &&
                     isspace((unsigned char)p->text.at[open + 3]);
        if (trims)
            text = trim_right(text);
        if (text.length)
            add_node(p, list, NODE_TEXT)->text = str_copy(p->arena, text);
        if (open == SIZE_MAX) {
            advance(p, p->text.length);
            *ret_ending = END_OF_TEXT;
            return NULL;
        }
        advance(p, open + (trims ? 3 : 2));
        bool comment;
        if (trims)
            skip_spaces(p);
        TRY(skip_comment(p, &comment));
        if (comment)
            continue;
        TRY(parse_action(p, list, ret_ending));
        if (*ret_ending != END_OF_TEXT)
            return NULL;
    }
}

err template_parse(struct arena *arena, struct str text, const struct template_options *options,
                   const struct template *base, struct template **ret_template)
{
    struct parser p = { .arena = arena, .options = options, .text = text, .line = 1 };
    enum ending ending;

    if (text.length > TEMPLATE_TEXT_MAX)
        return err_new(ERR_TOO_LARGE, "%s: a template may have %d bytes", options->name, TEMPLATE_TEXT_MAX);
    p.template = arena_alloc(arena, sizeof(*p.template));
    p.template->name = str_copy(arena, str_of(options->name));
    for (size_t i = 0; base && i < base->definitions.count; i++)
        *vec_push(&p.template->definitions, arena) = base->definitions.at[i];
    for (const char *const *name = options->variables; name && *name; name++)
        *vec_push(&p.variables, arena) = str_of(*name);
    TRY(parse_list(&p, &p.template->body, &ending));
    if (ending != END_OF_TEXT)
        return fault(&p, "unexpected {{end}} or {{else}}");
    *ret_template = p.template;
    return NULL;
}

const struct definition *template_definition(const struct template *template, struct str name)
{
    for (size_t i = 0; i < template->definitions.count; i++)
        if (str_eq(template->definitions.at[i].name, name))
            return &template->definitions.at[i];
    return NULL;
}
