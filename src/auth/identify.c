/* identify.c - from a request's credential to a principal, fast: one SHA-256 and one look-up in memory.
 *
 * DESIGN. A table of 1,024 slots by digest remembers who a secret is for CACHE_MS; misses read the database. Wrong
 * secrets are remembered too, so guessing costs us no disk. What the session or token was last used for is written at
 * most once a minute. */
#include "auth/auth.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/time.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024, CACHE_MS = 5000, SEEN_EVERY_MS = 60 * 1000, NAME_MAX_BYTES = 128, COOKIES_MAX = 4 };

struct known {
    struct digest digest;
    int64_t until_ms; /* monotonic; 0: empty */
    enum role role;   /* ROLE_NOBODY: a wrong secret */
    char name[NAME_MAX_BYTES];
    char csrf[AUTH_TOKEN_LENGTH + 1];
};

static struct {
    pthread_mutex_t lock;
    struct known slots[SLOTS];
    struct db *db;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

void auth_forget_cached(void)
{
    pthread_mutex_lock(&cache.lock);
    for (size_t i = 0; i < SLOTS; i++)
        cache.slots[i].until_ms = 0;
    pthread_mutex_unlock(&cache.lock);
}

static struct known *slot_of(const struct digest *digest)
{
    uint64_t place;

    memcpy(&place, digest->bytes, sizeof(place));
    return &cache.slots[place % SLOTS];
}

static bool cached(const struct digest *digest, struct known *ret_known)
{
    pthread_mutex_lock(&cache.lock);
    struct known *slot = slot_of(digest);
    bool hit = slot->until_ms > time_mono_ms() && memcmp(&slot->digest, digest, sizeof(*digest)) == 0;
    if (hit)
        *ret_known = *slot;
    pthread_mutex_unlock(&cache.lock);
    return hit;
}

struct look_up {
    struct known *known;
    bool session;
    bool note_use; /* its row should say that it was used */
};

static void copy_text(char *to, size_t room, struct str text)
{
    size_t length = text.length < room ? text.length : room - 1;

    memcpy(to, text.at, length);
    to[length] = 0;
}

static err look_up_token(struct tx *tx, void *arg)
{
    struct look_up *look_up = arg;
    struct known *known = look_up->known;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT name, role, coalesce(last_used_at, 0) FROM token WHERE digest = ?1 AND one_time = 0",
                 PARAMS(param_blob(known->digest.bytes, sizeof(known->digest.bytes))), &rows));
    if (rows_next(rows)) {
        copy_text(known->name, sizeof(known->name), str_printf(tx_arena(tx), "token:%.*s", STR_ARG(rows_str(rows, 0))));
        known->role = (enum role)rows_i64(rows, 1);
        look_up->note_use = tx_now_ms(tx) - rows_i64(rows, 2) > SEEN_EVERY_MS;
    }
    return rows_err(rows);
}

static err look_up_session(struct tx *tx, void *arg)
{
    struct look_up *look_up = arg;
    struct known *known = look_up->known;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(
        tx, "SELECT principal, role, csrf, seen_at FROM session WHERE digest = ?1 AND seen_at > ?2 AND created_at > ?3",
        PARAMS(param_blob(known->digest.bytes, sizeof(known->digest.bytes)), tx_now_ms(tx) - AUTH_SESSION_IDLE_MS,
               tx_now_ms(tx) - AUTH_SESSION_MAX_MS),
        &rows));
    if (rows_next(rows)) {
        copy_text(known->name, sizeof(known->name), rows_str(rows, 0));
        known->role = (enum role)rows_i64(rows, 1);
        copy_text(known->csrf, sizeof(known->csrf), rows_str(rows, 2));
        look_up->note_use = tx_now_ms(tx) - rows_i64(rows, 3) > SEEN_EVERY_MS;
    }
    return rows_err(rows);
}

static err write_use(struct tx *tx, void *arg)
{
    const struct digest *digest = arg;
    struct param key = param_blob(digest->bytes, sizeof(digest->bytes));

    TRY(tx_run(tx, "UPDATE token SET last_used_at = ?2 WHERE digest = ?1", PARAMS(key, tx_now_ms(tx))));
    return tx_run(tx, "UPDATE session SET seen_at = ?2 WHERE digest = ?1", PARAMS(key, tx_now_ms(tx)));
}

static void use_written(void *arg, err outcome)
{
    free(arg);
    err_free(outcome); /* only a date was lost */
}

static void note_use(const struct digest *digest)
{
    struct digest *copy = malloc(sizeof(*copy));

    if (!copy)
        abort();
    *copy = *digest;
    err e = db_post(cache.db, write_use, copy, use_written);
    if (e) {
        free(copy);
        err_free(e);
    }
}

static err find(struct str secret, bool session, struct known *ret_known)
{
    struct digest digest = digest_of(secret);

    if (cached(&digest, ret_known))
        return NULL;
    *ret_known = (struct known){ .digest = digest, .role = ROLE_NOBODY };
    struct look_up look_up = { .known = ret_known, .session = session };
    TRY(db_read(cache.db, session ? look_up_session : look_up_token, &look_up));
    if (look_up.note_use)
        note_use(&digest);
    pthread_mutex_lock(&cache.lock);
    ret_known->until_ms = time_mono_ms() + CACHE_MS;
    *slot_of(&digest) = *ret_known;
    pthread_mutex_unlock(&cache.lock);
    return NULL;
}

/* basic_password - of "Basic base64(user:password)": the token is the password. */
static struct str basic_password(struct arena *arena, struct str encoded)
{
    unsigned char *plain = arena_alloc(arena, encoded.length + 4);
    size_t padding = 0;

    while (padding < encoded.length && encoded.at[encoded.length - 1 - padding] == '=')
        padding++;
    if (encoded.length % 4 || encoded.length > 1024 || padding > 2)
        return S("");
    int length = EVP_DecodeBlock(plain, (const unsigned char *)encoded.at, (int)encoded.length);
    if (length < (int)padding)
        return S("");
    struct str rest;
    str_cut((struct str){ (const char *)plain, (size_t)length - padding }, ':', &rest);
    return rest.at ? rest : S("");
}

struct str auth_session_cookie(struct request *req, size_t n)
{
    const struct str names[] = { S("__Host-session="), S("session=") };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (i == 1 && !request_is_loopback(req))
            break;
        for (struct str rest = request_header(req, S("Cookie")), one; rest.at;) {
            one = str_trim(str_cut(rest, ';', &rest));
            if (str_starts(one, names[i]) && one.length > names[i].length && n-- == 0)
                return str_slice(one, names[i].length, one.length);
        }
    }
    return S("");
}

/* by_cookies - other servers' cookies of that name are passed over. */
static err by_cookies(struct request *req, struct known *ret_known)
{
    for (size_t n = 0; n < COOKIES_MAX && ret_known->role == ROLE_NOBODY; n++) {
        struct str id = auth_session_cookie(req, n);
        if (!id.length)
            break;
        TRY(find(id, true, ret_known));
    }
    return NULL;
}

static err identify(struct request *req, struct principal *ret_principal)
{
    struct arena *arena = request_arena(req);
    struct str header = request_header(req, S("Authorization"));
    struct known known = { .role = ROLE_NOBODY };
    bool session = !header.length;

    if (session)
        TRY(by_cookies(req, &known));
    else if (str_starts(header, S("Bearer ")))
        TRY(find(str_trim(str_slice(header, 7, header.length)), false, &known));
    else if (str_starts(header, S("Basic ")))
        TRY(find(basic_password(arena, str_trim(str_slice(header, 6, header.length))), false, &known));
    else
        return err_new(ERR_UNAUTHORIZED, "Authorization is neither Bearer nor Basic");
    if (known.role == ROLE_NOBODY) {
        if (session)
            return NULL; /* an old cookie is no attack: the page asks for a login */
        return err_new(ERR_UNAUTHORIZED, "this token is not known here");
    }
    *ret_principal = (struct principal){
        .name = str_copy(arena, str_of(known.name)),
        .role = known.role,
        .by_cookie = session,
        .csrf_token = str_copy(arena, str_of(known.csrf)),
    };
    return NULL;
}

static const struct authenticator authenticator = { .identify = identify };

static err make_admin(struct tx *tx, void *arg)
{
    int64_t users;

    (void)arg;
    TRY(tx_get_i64(tx, "SELECT count(*) FROM user", NONE, 0, &users));
    return users ? NULL : auth_user_create(tx, S("admin"), ROLE_ADMIN, (struct str){ NULL, 0 }, S("auspex"));
}

err auth_setup(struct db *db)
{
    cache.db = db;
    auth_forget_cached();
    route_authenticator = &authenticator;
    return db_write(db, make_admin, NULL);
}
