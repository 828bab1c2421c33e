/* node.h - within the room: what a template is parsed into.
 *
 * Owner: the arena of the parse. Threads: immutable once parsed. */
#pragma once
#include "template/template.h"

enum node_kind {
    NODE_TEXT,
    NODE_PRINT,  /* {{ pipeline }} */
    NODE_ASSIGN, /* {{ $x := pipeline }}, {{ $x = pipeline }} */
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_TEMPLATE,
};

enum operand_kind {
    OPERAND_VALUE,    /* a literal */
    OPERAND_DOT,      /* . and .A.B */
    OPERAND_VARIABLE, /* $x and $x.A.B; "" is $ */
    OPERAND_PIPELINE, /* (pipeline) and (pipeline).A.B */
    OPERAND_FUNCTION, /* name */
};

struct pipeline;

struct operand {
    enum operand_kind kind;
    struct value value;
    struct str name;
    const struct template_function *function;
    struct pipeline *pipeline;
    VEC(struct str) fields;
};

/* The first operand is what is called, the others are its arguments. */
struct command_node {
    VEC(struct operand) operands;
};

struct pipeline {
    uint32_t line;
    VEC(struct str) declared; /* $i, $e := */
    bool assigns;             /* = instead of := */
    VEC(struct command_node) commands;
};

struct node;
typedef VEC(struct node *) node_list;

struct node {
    enum node_kind kind;
    uint32_t line;
    struct str text; /* or the name of {{ template }} */
    struct pipeline *pipeline;
    node_list body, otherwise;
};

struct definition {
    struct str name;
    node_list body;
};

struct template
{
    struct str name;
    node_list body;
    VEC(struct definition) definitions;
};

const struct definition *template_definition(const struct template *template, struct str name);
