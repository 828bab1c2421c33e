/* canonical.c - canonical JSON and SHA-256. */
#include "action/canonical.h"

#include <openssl/evp.h>
#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
    return str_cmp((*(const struct json_member *const *)a)->key, (*(const struct json_member *const *)b)->key);
}

static void write_object(struct json_writer *w, const struct json *json)
{
    size_t count = json->object.count;
    const struct json_member **members = calloc(count + 1, sizeof(*members));

    if (!members)
        abort();
    for (size_t i = 0; i < count; i++)
        members[i] = &json->object.members[i];
    qsort(members, count, sizeof(*members), by_key);
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        json_key(w, members[i]->key);
        canonical_write(w, members[i]->value);
    }
    json_end_object(w);
    free(members);
}

void canonical_write(struct json_writer *w, const struct json *json)
{
    if (json->type == JSON_OBJECT) {
        write_object(w, json);
    } else if (json->type == JSON_ARRAY) {
        json_begin_array(w);
        for (size_t i = 0; i < json->array.count; i++)
            canonical_write(w, json->array.items[i]);
        json_end_array(w);
    } else {
        json_add_tree(w, json);
    }
}

struct str sha256_hex(struct arena *arena, struct str text)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char *hex = arena_alloc(arena, HASH_LENGTH + 1);

    if (EVP_Digest(text.at ? text.at : "", text.length, hash, &length, EVP_sha256(), NULL) != 1 ||
        length * 2 != HASH_LENGTH)
        abort();
    for (unsigned i = 0; i < length; i++) {
        hex[i * 2] = digits[hash[i] >> 4];
        hex[i * 2 + 1] = digits[hash[i] & 15];
    }
    return (struct str){ hex, HASH_LENGTH };
}
