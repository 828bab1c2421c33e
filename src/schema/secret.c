/* secret.c - secrets stand elsewhere than in configuration files; this fetches them. */
#include "schema/config.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { SECRET_BYTES_MAX = 64 * 1024 };

static err from_env(struct arena *arena, struct str name, struct str *ret_value)
{
    const char *value = getenv(str_c(arena, name));

    if (!value)
        return err_new(ERR_NOT_FOUND, "the environment variable %.*s is not set", STR_ARG(name));
    *ret_value = str_copy(arena, str_of(value));
    return NULL;
}

/* from_file - without the line end that editors leave. */
static err from_file(struct arena *arena, const char *path, struct str *ret_value)
{
    struct str text;

    TRY(file_read(arena, path, SECRET_BYTES_MAX, &text));
    while (text.length && (text.at[text.length - 1] == '\n' || text.at[text.length - 1] == '\r'))
        text.length--;
    if (text.length && memchr(text.at, 0, text.length))
        return err_new(ERR_INVALID, "%s holds a NUL byte", path);
    *ret_value = str_copy(arena, text);
    return NULL;
}

static err from_credential(struct arena *arena, struct str name, struct str *ret_value)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    if (!folder)
        return err_hint(err_new(ERR_NOT_FOUND, "credential:%.*s needs $CREDENTIALS_DIRECTORY", STR_ARG(name)),
                        "add LoadCredential=%.*s:PATH to the systemd unit", STR_ARG(name));
    if (name.length == 0 || name.at[0] == '.' || memchr(name.at, '/', name.length))
        return err_new(ERR_INVALID, "'%.*s' is not the name of a credential", STR_ARG(name));
    return from_file(arena, str_printf(arena, "%s/%.*s", folder, STR_ARG(name)).at, ret_value);
}

err secret_resolve(struct arena *arena, struct str reference, struct str *ret_value)
{
    static const struct str env = { "env:", 4 }, file = { "file:", 5 }, credential = { "credential:", 11 };

    if (str_starts(reference, env))
        return from_env(arena, str_slice(reference, env.length, reference.length), ret_value);
    if (str_starts(reference, file))
        return from_file(arena, str_c(arena, str_slice(reference, file.length, reference.length)), ret_value);
    if (str_starts(reference, credential))
        return from_credential(arena, str_slice(reference, credential.length, reference.length), ret_value);
    *ret_value = str_copy(arena, reference);
    return NULL;
}
