/* client.c - asks a running server over its API, as everybody else does. */
#include "app/client.h"

#include "base/file.h"
#include "base/time.h"
#include "net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 60 * SECOND_MS, REPLY_MAX = 32 << 20, CELL_MAX = 70 };

static struct str server(void)
{
    const char *url = getenv("AUSPEX_URL");
    struct str text = str_of(url && *url ? url : "http://127.0.0.1:7171");

    return str_ends(text, S("/")) ? str_slice(text, 0, text.length - 1) : text;
}

static struct str token(void)
{
    const char *given = getenv("AUSPEX_TOKEN"), *home = getenv("HOME");
    struct str text = S("");

    if (given && *given)
        return str_of(given);
    err e =
        home ? file_read(command_arena(), str_printf(command_arena(), "%s/.config/auspex/token", home).at, 4096, &text)
             : NULL;
    err_free(e); /* no file: ask without, the server says what it needs */
    return str_trim(text);
}

static err problem(const struct http_reply *reply)
{
    const struct json *json = NULL;
    enum err_kind kind = reply->status == 404 ? ERR_NOT_FOUND : reply->status == 401 ? ERR_UNAUTHORIZED : ERR_REFUSED;

    err_free(json_parse(command_arena(), reply->body, &json));
    struct str said =
        json_str_or(json_get(json, S("error")), str_utf8_head(reply->body, 300)); /* as Prometheus says it */
    struct str detail = client_line(json_str_or(json_get(json, S("detail")), said));
    err e = err_new(kind, "the server says %d: %.*s", reply->status, STR_ARG(detail));
    if (reply->status == 401)
        e = err_hint(e, "set AUSPEX_TOKEN; `auspex token create --role operator` makes one on the server's host");
    return e;
}

err client_ask(const char *method, struct str path, struct str body, const struct json **ret_reply)
{
    struct arena *arena = command_arena();
    struct http_client *client;
    struct http_reply reply;
    struct str secret = token();
    const struct pair header = { S("Authorization"), str_printf(arena, "Bearer %.*s", STR_ARG(secret)) };
    const struct http_request_out request = {
        .method = method,
        .url = str_printf(arena, "%.*s%.*s", STR_ARG(server()), STR_ARG(path)),
        .headers = &header,
        .header_count = secret.length ? 1 : 0,
        .body = body,
        .deadline_ms = time_mono_ms() + ASK_MS,
        .reply_max = REPLY_MAX,
        .trusted = true,
    };

    TRY(http_client_new(&(struct http_client_options){ 0 }, &client));
    err e = http_call(client, arena, &request, &reply);
    http_client_free(client);
    TRY(err_hint(e, "is the server running at %.*s? AUSPEX_URL says where it is", STR_ARG(server())));
    if (reply.status >= 300)
        return problem(&reply);
    *ret_reply = NULL;
    return reply.body.length ? json_parse(arena, reply.body, ret_reply) : NULL;
}

void client_print_json(const struct json *reply)
{
    struct buf out CLEANUP(buf_clear) = { .max = REPLY_MAX * 2 };

    if (!reply)
        return;
    struct json_writer w = json_writer(&out);
    json_add_tree(&w, reply);
    printf("%s\n", buf_c(&out));
}

/* blank_controls - C0, DEL, C1 (U+0080 to U+009F, which terminals obey too) and the marks that turn the direction of
 * text around (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) become spaces. */
static void blank_controls(char *text, size_t length)
{
    unsigned char *at = (unsigned char *)text;

    for (size_t i = 0; i < length; i++) {
        size_t wide = at[i] < 0x20 || at[i] == 0x7f ? 1 : 0;
        if (length - i >= 2 && at[i] == 0xc2 && at[i + 1] >= 0x80 && at[i + 1] <= 0x9f)
            wide = 2;
        if (length - i >= 3 && at[i] == 0xe2 &&
            ((at[i + 1] == 0x80 &&
              (at[i + 2] == 0x8e || at[i + 2] == 0x8f || (at[i + 2] >= 0xaa && at[i + 2] <= 0xae))) ||
             (at[i + 1] == 0x81 && at[i + 2] >= 0xa6 && at[i + 2] <= 0xa9)))
            wide = 3;
        memset(at + i, ' ', wide);
    }
}

struct str client_line(struct str text)
{
    char *line = str_c(command_arena(), text);

    blank_controls(line, text.length);
    return (struct str){ line, text.length };
}

/* cell - a value as one line. */
static struct str cell(const struct json *value)
{
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };

    if (!value || value->type == JSON_NULL)
        return S("-");
    if (value->type == JSON_NUMBER)
        buf_addf(&out, "%.15g", value->number.value); /* ids stay whole */
    else if (value->type == JSON_BOOL)
        buf_add(&out, value->boolean ? S("yes") : S("no"));
    else if (value->type == JSON_STRING)
        buf_add(&out, str_utf8_head(value->string, CELL_MAX));
    else if (value->type == JSON_ARRAY)
        for (size_t i = 0; i < value->array.count && i < 3; i++) {
            buf_add(&out, i ? S(" ") : S(""));
            buf_add(&out, str_utf8_head(json_str_or(value->array.items[i], S("")), CELL_MAX));
        }
    return out.length ? client_line(buf_str(&out)) : S("-");
}

void client_table(const struct json *reply, struct str list, const struct column *columns, size_t count)
{
    const struct json *rows = json_get(reply, list);
    size_t height = rows && rows->type == JSON_ARRAY ? rows->array.count : 0;
    size_t widths[16] = { 0 };
    struct str *cells = arena_array(command_arena(), height * count + 1, sizeof(*cells));

    for (size_t c = 0; c < count; c++) {
        widths[c] = strlen(columns[c].heading);
        for (size_t r = 0; r < height; r++) {
            cells[r * count + c] = cell(json_get(rows->array.items[r], str_of(columns[c].member)));
            if (cells[r * count + c].length > widths[c])
                widths[c] = cells[r * count + c].length;
        }
    }
    for (size_t c = 0; c < count; c++)
        printf("%-*s%s", (int)widths[c], columns[c].heading, c + 1 < count ? "  " : "\n");
    for (size_t r = 0; r < height; r++)
        for (size_t c = 0; c < count; c++)
            printf("%-*.*s%s", (int)widths[c], STR_ARG(cells[r * count + c]), c + 1 < count ? "  " : "\n");
}
