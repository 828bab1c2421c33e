/* phrases.h - what our own rules and diagnoses say, in the reader's language.
 *
 * Owner: texts are static, or the arena's. Threads: any.
 *
 * Events and incidents keep English: one truth, whoever reads it. Titles, causes, failures and impacts of ours are
 * whole sentences from a fixed set, so they are looked up when they are shown; what others wrote, and evidence with its
 * numbers, stays as it is. */
#pragma once
#include "base/json.h"
#include "net/route.h"

/* phrase - the sentence in that language; the text itself where it is none of ours. A place behind it in parentheses is
 * kept: "Redis does not answer (127.0.0.1:6379)". A confidence too: "A script runs and does not end (95 %)". */
struct str phrase(struct arena *arena, struct str text, enum lang lang);
/* phrase_known - is it one of ours? For tests that no sentence was forgotten. */
bool phrase_known(struct str text);
/* phrases_in - an analysis (data of rca.completed) with its sentences in that language; NULL stays NULL. */
const struct json *phrases_in(struct arena *arena, const struct json *rca, enum lang lang);
