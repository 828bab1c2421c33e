/* capture.h - regular expressions whose groups are wanted: label_replace(), relabelling, texts of alerts.
 *
 * Owner: the compiled expression goes with its arena. Threads: one at a time, as it keeps the groups of its last match.
 */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct capture;

/* capture_make - RE2's syntax, anchored at both ends, dots match newlines. ERR_INVALID where it doesn't compile. */
err capture_make(struct arena *arena, struct str pattern, const struct capture **ret_capture) MUST_USE;
/* capture_expand - false where the text doesn't match; else the template with $1, $name, ${name} replaced by what the
 * groups hold, $$ by a dollar sign. What names no group is replaced by nothing, as in Go's regexp.Expand. */
bool capture_expand(const struct capture *capture, struct arena *arena, struct str text, struct str template,
                    struct str *ret_text) MUST_USE;

/* capture_make_anywhere - not anchored. capture_found - does it match somewhere? capture_replace - every match by the
 * template, as Go's ReplaceAllString does. */
err capture_make_anywhere(struct arena *arena, struct str pattern, const struct capture **ret_capture) MUST_USE;
bool capture_found(const struct capture *capture, struct str text);
struct str capture_replace(const struct capture *capture, struct arena *arena, struct str text, struct str template);
