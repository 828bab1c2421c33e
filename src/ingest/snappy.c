/* snappy.c - libsnappy's C interface with limits and memory that is used again.
 *
 * DESIGN. A request of 2,000 samples unpacks to 400 KB; fresh pages for them would cost more than the decoding. So each
 * thread keeps its last buffer, up to KEEP_BYTES. */
#include "ingest/snappy.h"
#include "base/arena.h"

#include <pthread.h>
#include <snappy-c.h>
#include <stdlib.h>

enum {
    KEEP_BYTES = 4 * 1024 * 1024,
    RATIO_MAX = 22, /* three bytes of input make at most 64 of output: format_description.txt of snappy, section 2.2 */
};

struct room {
    size_t size;
    char bytes[];
};

static pthread_key_t room_key;
static pthread_once_t room_once = PTHREAD_ONCE_INIT;

static void room_make(void)
{
    if (pthread_key_create(&room_key, free))
        out_of_memory(sizeof(room_key));
}

/* room_for - `size` bytes of this thread. */
static char *room_for(size_t size)
{
    pthread_once(&room_once, room_make);
    struct room *room = pthread_getspecific(room_key);

    if (room && room->size >= size)
        return room->bytes;
    free(room);
    size_t wanted = size < 64 * 1024 ? 64 * 1024 : size + size / 4;
    room = malloc(sizeof(*room) + wanted);
    if (!room)
        out_of_memory(wanted);
    room->size = wanted;
    if (pthread_setspecific(room_key, room))
        out_of_memory(sizeof(room_key));
    return room->bytes;
}

void snappy_let_go(void)
{
    pthread_once(&room_once, room_make);
    struct room *room = pthread_getspecific(room_key);

    if (room && room->size > KEEP_BYTES && !pthread_setspecific(room_key, NULL))
        free(room);
}

err snappy_unpack(struct str packed, size_t max, struct str *ret_plain)
{
    size_t length;

    if (snappy_uncompressed_length(packed.at ? packed.at : "", packed.length, &length) != SNAPPY_OK)
        return err_new(ERR_INVALID, "the body is not a snappy block");
    if (length > max)
        return err_new(ERR_TOO_LARGE, "the body unpacks to %zu bytes; at most %zu are taken here", length, max);
    if (length / RATIO_MAX > packed.length)
        return err_new(ERR_INVALID, "the snappy block of the body promises %zu bytes, which %zu can't hold", length,
                       packed.length);
    char *at = room_for(length);
    if (snappy_uncompress(packed.at, packed.length, at, &length) != SNAPPY_OK)
        return err_new(ERR_INVALID, "the snappy block of the body is broken or cut short");
    *ret_plain = (struct str){ at, length };
    return NULL;
}

void snappy_pack(struct buf *out, struct str plain)
{
    size_t length = snappy_max_compressed_length(plain.length);
    char *at = buf_reserve(out, length);

    if (at && snappy_compress(plain.at ? plain.at : "", plain.length, at, &length) == SNAPPY_OK)
        out->length += length;
}
