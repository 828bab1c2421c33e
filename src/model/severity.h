/* severity.h - how bad: P1 critical .. P4 info, and how other systems spell it.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/str.h"

enum severity { SEVERITY_CRITICAL = 1, SEVERITY_HIGH, SEVERITY_WARNING, SEVERITY_INFO }; /* P1..P4 */

/* severity_parse - critical|page|P1 -> P1, high|error|P2 -> P2, warning|medium|P3 -> P3, low|info|none|P4|P5 -> P4; any
 * case. False for anything else: the caller takes P3 and keeps the original label. */
bool severity_parse(struct str text, enum severity *ret_severity) MUST_USE;
const char *severity_priority(enum severity severity); /* "P1" */
const char *severity_word(enum severity severity);     /* critical, high, medium, low: the words of the API */
