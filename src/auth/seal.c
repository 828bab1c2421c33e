/* seal.c - secrets at rest. */
#include "auth/seal.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_BYTES = 32, SALT_BYTES = 16, NONCE_BYTES = 12, TAG_BYTES = 16, SECRET_MAX = 64 * 1024 };

static unsigned char master[KEY_BYTES];

/* close_to_others - a key that others could read is not left so; whether one did, only a person can know. */
static err close_to_others(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return err_errno("can't look at %s", path);
    if (!S_ISREG(status.st_mode))
        return err_new(ERR_CORRUPT, "%s is not a file", path);
    if (!(status.st_mode & (S_IRWXG | S_IRWXO)))
        return NULL;
    if (chmod(path, 0400) < 0)
        return err_hint(err_errno("other users can read or change %s", path), "chmod 0400 it, and give it to auspex");
    log_warn("%s was open to other users (mode %04o) and is 0400 now; where they can't be trusted, enter the stored "
             "passwords anew",
             path, (unsigned)status.st_mode & 07777);
    return NULL;
}

err seal_open(const char *folder)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    const char *path = str_c(arena, str_printf(arena, "%s/master.key", folder));
    struct str key;

    if (!file_exists(path)) {
        random_bytes(master, sizeof(master));
        return file_write(path, (struct str){ (const char *)master, sizeof(master) }, 0400);
    }
    TRY(close_to_others(path));
    TRY(file_read(arena, path, KEY_BYTES, &key));
    if (key.length != KEY_BYTES)
        return err_hint(err_new(ERR_CORRUPT, "%s holds %zu bytes, not %d", path, key.length, KEY_BYTES),
                        "restore it from a backup; without it the stored passwords must be entered again");
    memcpy(master, key.at, KEY_BYTES);
    return NULL;
}

static err derive(const unsigned char *salt, unsigned char key[KEY_BYTES])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *work = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, master, sizeof(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, SALT_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)"auspex seal", 11),
        OSSL_PARAM_construct_end(),
    };
    bool fine = work && EVP_KDF_derive(work, key, KEY_BYTES, params) == 1;

    EVP_KDF_CTX_free(work);
    EVP_KDF_free(kdf);
    return fine ? NULL : err_new(ERR_INTERNAL, "can't derive a key");
}

static struct str place_text(struct arena *arena, const struct seal_place *place)
{
    return str_printf(arena, "%s/%.*s/%s", place->table, STR_ARG(place->row), place->column);
}

static void cipher_freep(EVP_CIPHER_CTX **work)
{
    EVP_CIPHER_CTX_free(*work);
}

err seal(struct arena *arena, const struct seal_place *place, struct str secret, struct str *ret_sealed)
{
    EVP_CIPHER_CTX *work CLEANUP(cipher_freep) = EVP_CIPHER_CTX_new();
    struct str where = place_text(arena, place);
    unsigned char key[KEY_BYTES];
    int length, last;

    if (secret.length > SECRET_MAX)
        return err_new(ERR_TOO_LARGE, "a secret has at most %d bytes", SECRET_MAX);
    size_t bytes = SALT_BYTES + NONCE_BYTES + secret.length + TAG_BYTES;
    unsigned char *box = arena_alloc(arena, bytes);
    random_bytes(box, SALT_BYTES + NONCE_BYTES);
    TRY(derive(box, key));
    unsigned char *out = box + SALT_BYTES + NONCE_BYTES;
    bool fine = work && EVP_EncryptInit_ex2(work, EVP_aes_256_gcm(), key, box + SALT_BYTES, NULL) == 1 &&
                EVP_EncryptUpdate(work, NULL, &length, (const unsigned char *)where.at, (int)where.length) == 1 &&
                EVP_EncryptUpdate(work, out, &length, (const unsigned char *)secret.at, (int)secret.length) == 1 &&
                EVP_EncryptFinal_ex(work, out + length, &last) == 1 &&
                EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + secret.length) == 1;
    explicit_bzero(key, sizeof(key));
    if (!fine)
        return err_new(ERR_INTERNAL, "can't seal a secret");
    char *text = arena_alloc(arena, 3 + (bytes + 2) / 3 * 4 + 1);
    memcpy(text, "v1:", 3);
    int text_length = EVP_EncodeBlock((unsigned char *)text + 3, box, (int)bytes);
    *ret_sealed = (struct str){ text, 3 + (size_t)text_length };
    return NULL;
}

static err does_not_open(const struct seal_place *place)
{
    return err_hint(err_new(ERR_CORRUPT, "the secret in %s.%s of %.*s does not open", place->table, place->column,
                            STR_ARG(place->row)),
                    "it was changed or moved, or master.key is not the one it was sealed with; enter it again");
}

err unseal(struct arena *arena, const struct seal_place *place, struct str sealed, struct str *ret_secret)
{
    EVP_CIPHER_CTX *work CLEANUP(cipher_freep) = EVP_CIPHER_CTX_new();
    struct str where = place_text(arena, place);
    unsigned char key[KEY_BYTES];
    int length, last;

    if (!str_starts(sealed, S("v1:")) || (sealed.length - 3) % 4)
        return does_not_open(place);
    unsigned char *box = arena_alloc(arena, sealed.length);
    int bytes = EVP_DecodeBlock(box, (const unsigned char *)sealed.at + 3, (int)sealed.length - 3);
    for (size_t i = sealed.length; bytes > 0 && i > 3 && sealed.at[i - 1] == '='; i--)
        bytes--;
    int secret_length = bytes - SALT_BYTES - NONCE_BYTES - TAG_BYTES;
    if (secret_length < 0)
        return does_not_open(place);
    TRY(derive(box, key));
    unsigned char *in = box + SALT_BYTES + NONCE_BYTES, *out = arena_alloc(arena, (size_t)secret_length + 1);
    bool fine = work && EVP_DecryptInit_ex2(work, EVP_aes_256_gcm(), key, box + SALT_BYTES, NULL) == 1 &&
                EVP_DecryptUpdate(work, NULL, &length, (const unsigned char *)where.at, (int)where.length) == 1 &&
                EVP_DecryptUpdate(work, out, &length, in, secret_length) == 1 &&
                EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, in + secret_length) == 1 &&
                EVP_DecryptFinal_ex(work, out + length, &last) == 1;
    explicit_bzero(key, sizeof(key));
    if (!fine)
        return does_not_open(place);
    *ret_secret = (struct str){ (const char *)out, (size_t)secret_length };
    return NULL;
}
