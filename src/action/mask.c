/* mask.c - takes secrets out of a command's output. */
#include "action/mask.h"

#include "base/buf.h"

#include <ctype.h>
#include <string.h>

#define MASK "<secret>"

enum { SECRET_PIECE_MIN = 4 };

static const char *const secret_words[] = { "password",    "passwd",     "passphrase", "secret",     "token",
                                            "api_key",     "api-key",    "apikey",     "access_key", "pwd",
                                            "requirepass", "masterauth", "auth",       "credential", "private_key" };

static bool is_value_char(char c)
{
    return c != '\0' && !isspace((unsigned char)c) && c != '"' && c != '\'' && c != ',' && c != ';' && c != '&';
}

/* The length of the secret word that begins at `at`, where it is followed by = or : or, for Redis' own words, blanks.
 */
static size_t secret_word(struct str text, size_t at)
{
    if (at > 0 && isalnum((unsigned char)text.at[at - 1]))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(secret_words); i++) {
        size_t length = strlen(secret_words[i]);
        struct str here = str_slice(text, at, at + length);
        if (!str_eq_nocase(here, str_of(secret_words[i])))
            continue;
        bool redis = !strcmp(secret_words[i], "requirepass") || !strcmp(secret_words[i], "masterauth");
        size_t end = at + length;
        while (end < text.length && (text.at[end] == '"' || text.at[end] == '\'' || text.at[end] == ' '))
            end++;
        if (end < text.length && (text.at[end] == '=' || text.at[end] == ':'))
            end++;
        else if (!redis || end == at + length)
            continue;
        while (end < text.length && (text.at[end] == ' ' || text.at[end] == '"' || text.at[end] == '\''))
            end++;
        return end - at;
    }
    return 0;
}

static size_t value_end(struct str text, size_t at)
{
    while (at < text.length && is_value_char(text.at[at]))
        at++;
    return at;
}

/* "Authorization: Bearer x": the rest of the line. */
static size_t authorization(struct str text, size_t at)
{
    struct str word = S("authorization:");

    return str_eq_nocase(str_slice(text, at, at + word.length), word) ? word.length : 0;
}

/* "://user:pass@": where the password stands. */
static bool url_password(struct str text, size_t at, size_t *ret_from, size_t *ret_to)
{
    size_t colon = SIZE_MAX;

    for (size_t i = at + 3; i < text.length; i++) {
        char c = text.at[i];
        if (c == ':' && colon == SIZE_MAX)
            colon = i;
        else if (c == '@' && colon != SIZE_MAX) {
            *ret_from = colon + 1;
            *ret_to = i;
            return true;
        } else if (c == '/' || isspace((unsigned char)c))
            return false;
    }
    return false;
}

static void mask_patterns(struct buf *out, struct str text)
{
    for (size_t at = 0; at < text.length;) {
        size_t from, to, word;
        struct str rest = str_slice(text, at, text.length);

        if (str_starts(rest, S("-----BEGIN ")) && str_contains(str_slice(rest, 0, 64), S("PRIVATE KEY-----"))) {
            size_t end = str_find(text, S("-----END "), at);
            end = end == SIZE_MAX ? text.length : str_find(text, S("\n"), end);
            buf_add(out, S(MASK));
            at = end == SIZE_MAX ? text.length : end;
        } else if (str_starts(rest, S("://")) && url_password(text, at, &from, &to)) {
            buf_add(out, str_slice(text, at, from));
            buf_add(out, S(MASK));
            at = to;
        } else if ((word = authorization(text, at))) {
            buf_add(out, str_slice(text, at, at + word));
            buf_add(out, S(" " MASK));
            at = str_find(text, S("\n"), at);
            at = at == SIZE_MAX ? text.length : at;
        } else if ((word = secret_word(text, at)) && value_end(text, at + word) > at + word) {
            buf_add(out, str_slice(text, at, at + word));
            buf_add(out, S(MASK));
            at = value_end(text, at + word);
        } else {
            buf_add_c(out, text.at[at++]);
        }
    }
}

/* A text that was cut may begin with the end of a secret, or end with its beginning. */
static struct str trim_pieces(struct str text, struct str secret)
{
    for (size_t n = secret.length - 1; n >= SECRET_PIECE_MIN; n--)
        if (str_ends(text, str_slice(secret, 0, n))) {
            text.length -= n;
            break;
        }
    for (size_t n = secret.length - 1; n >= SECRET_PIECE_MIN; n--)
        if (str_starts(text, str_slice(secret, secret.length - n, secret.length)))
            return str_slice(text, n, text.length);
    return text;
}

static struct str mask_secret(struct arena *arena, struct str text, struct str secret)
{
    struct buf out CLEANUP(buf_clear) = { 0 };
    size_t at = 0, found;

    if (secret.length < SECRET_PIECE_MIN)
        return text;
    text = trim_pieces(text, secret);
    if (str_find(text, secret, 0) == SIZE_MAX)
        return text;
    buf_init(&out, text.length * 2 + 64);
    while ((found = str_find(text, secret, at)) != SIZE_MAX) {
        buf_add(&out, str_slice(text, at, found));
        buf_add(&out, S(MASK));
        at = found + secret.length;
    }
    buf_add(&out, str_slice(text, at, text.length));
    return str_copy(arena, buf_str(&out));
}

struct str mask_text(struct arena *arena, struct str text, const struct str *secrets, size_t count)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    for (size_t i = 0; i < count; i++)
        text = mask_secret(arena, text, secrets[i]);
    buf_init(&out, text.length * 3 + 64);
    mask_patterns(&out, text);
    return str_utf8_scrub(arena, buf_str(&out));
}
