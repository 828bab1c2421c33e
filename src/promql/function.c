/* function.c - finds a function by its name. */
#include "promql/function.h"

const struct function *function_find(struct str name)
{
    FOR_EACH_REGISTERED (function, it) {
        if (str_eq(str_of(it->name), name))
            return it;
    }
    return NULL;
}
