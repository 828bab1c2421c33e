/* event.c - names of the journal's kinds. */
#include "model/event.h"

static const struct {
    enum event_kind kind;
    const char *name;
} kinds[] = {
#define X(constant, number, name) { constant, name },
    EVENT_KINDS(X)
#undef X
};

const char *event_kind_name(enum event_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return NULL;
}

bool event_kind_parse(struct str name, enum event_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(str_of(kinds[i].name), name)) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    return false;
}
