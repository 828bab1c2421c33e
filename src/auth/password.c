/* password.c - argon2id. */
#include "auth/auth.h"
#include "base/random.h"

#include <argon2.h>
#include <string.h>

enum { PASSES = 2, MEMORY_KIB = 19456, LANES = 1, SALT_BYTES = 16, HASH_BYTES = 32, ENCODED_MAX = 256 };

err auth_password_hash(struct arena *arena, struct str password, struct str *ret_hash)
{
    unsigned char salt[SALT_BYTES];
    char *encoded = arena_alloc(arena, ENCODED_MAX);

    if (password.length < AUTH_PASSWORD_MIN)
        return err_new(ERR_RANGE, "a password has at least %d characters", AUTH_PASSWORD_MIN);
    if (password.length > AUTH_PASSWORD_MAX)
        return err_new(ERR_RANGE, "a password has at most %d characters", AUTH_PASSWORD_MAX);
    random_bytes(salt, sizeof(salt));
    int code = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.at, password.length, salt, sizeof(salt),
                                     HASH_BYTES, encoded, ENCODED_MAX);
    if (code != ARGON2_OK)
        return err_new(ERR_INTERNAL, "can't hash the password: %s", argon2_error_message(code));
    *ret_hash = (struct str){ encoded, strlen(encoded) };
    return NULL;
}

bool auth_password_fits(struct str hash, struct str password)
{
    return password.length <= AUTH_PASSWORD_MAX && argon2id_verify(hash.at, password.at, password.length) == ARGON2_OK;
}
