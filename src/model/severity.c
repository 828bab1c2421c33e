/* severity.c - how bad, in the words of many systems. */
#include "model/severity.h"

static const struct {
    struct str word;
    enum severity severity;
} spellings[] = {
    { { "critical", 8 }, SEVERITY_CRITICAL }, { { "page", 4 }, SEVERITY_CRITICAL },  { { "p1", 2 }, SEVERITY_CRITICAL },
    { { "high", 4 }, SEVERITY_HIGH },         { { "error", 5 }, SEVERITY_HIGH },     { { "p2", 2 }, SEVERITY_HIGH },
    { { "warning", 7 }, SEVERITY_WARNING },   { { "medium", 6 }, SEVERITY_WARNING }, { { "p3", 2 }, SEVERITY_WARNING },
    { { "low", 3 }, SEVERITY_INFO },          { { "info", 4 }, SEVERITY_INFO },      { { "none", 4 }, SEVERITY_INFO },
    { { "p4", 2 }, SEVERITY_INFO },           { { "p5", 2 }, SEVERITY_INFO },
};

bool severity_parse(struct str text, enum severity *ret_severity)
{
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
        if (str_eq_nocase(spellings[i].word, text)) {
            *ret_severity = spellings[i].severity;
            return true;
        }
    return false;
}

const char *severity_priority(enum severity severity)
{
    static const char *const names[] = { "P1", "P2", "P3", "P4" };

    return names[severity - SEVERITY_CRITICAL];
}

const char *severity_word(enum severity severity)
{
    static const char *const words[] = { "critical", "high", "medium", "low" };

    return words[severity - SEVERITY_CRITICAL];
}
