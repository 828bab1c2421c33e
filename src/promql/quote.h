/* quote.h - within the room: text in quotes as Go's %q writes it, which is how PromQL is printed.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/buf.h"

/* quote_add - "text", printable characters as they are, the others escaped. quote_add_rune - 'c'. rune_is_printable -
 * as Go sees it, near enough: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
void quote_add(struct buf *out, struct str text);
void quote_add_rune(struct buf *out, uint32_t rune);
bool rune_is_printable(uint32_t rune);
/* rune_decode - the first character of a text that isn't empty; *ret_width its bytes. Ill-formed: RUNE_ERROR, width 1.
 */
enum { RUNE_ERROR = 0xFFFD };
uint32_t rune_decode(struct str text, size_t *ret_width);
void rune_encode(struct buf *out, uint32_t rune);
/* label_name_is_plain - [a-zA-Z_][a-zA-Z0-9_]*, which needs no quotes. */
bool label_name_is_plain(struct str name);
/* label_name_add - a label's name as PromQL writes it: in quotes where it isn't plain. */
void label_name_add(struct buf *out, struct str name);
