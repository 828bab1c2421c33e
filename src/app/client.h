/* client.h - what the client commands share: find the server, ask it, show the answer.
 *
 * Owner: memory is command_arena()'s. Threads: main's.
 *
 * The server is AUSPEX_URL (http://127.0.0.1:7171 without it), the token AUSPEX_TOKEN, or the file
 * ~/.config/auspex/token. */
#pragma once
#include "app/command.h"

/* Options that every client command has; a command's own options begin with this struct. */
struct client_options {
    bool json;
};
#define CLIENT_FIELDS(s) BOOL(s, client.json, .name = "json", .def = "false", .doc = "Print the reply as JSON.")

/* client_ask - body empty: no body. Problems become errs with the server's words. */
err client_ask(const char *method, struct str path, struct str body, const struct json **ret_reply) MUST_USE;

/* One column of a table: a member of each row, and its heading. */
struct column {
    const char *member, *heading;
};
/* client_table - rows on a terminal, the array under `list` of the reply. */
void client_table(const struct json *reply, struct str list, const struct column *columns, size_t count);
/* client_line - text as one line for a terminal: what telemetry held can't move the cursor. */
struct str client_line(struct str text);
void client_print_json(const struct json *reply);
