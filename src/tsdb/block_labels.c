/* block_labels.c - the labels of a block, one series after the other. */
#include "tsdb/block_file.h"

#include <stdlib.h>

void labels_reader_init(struct labels_reader *reader, struct block *block, ZSTD_DCtx *zstd)
{
    *reader = (struct labels_reader){ .block = block, .zstd = zstd };
    buf_init(&reader->group, GROUP_BYTES_MAX);
}

void labels_reader_clear(struct labels_reader *reader)
{
    buf_clear(&reader->group);
    vec_clear(&reader->items);
    reader->labels = (struct labels){ 0 };
}

static void take_all(struct labels_reader *reader, uint64_t count)
{
    reader->items.count = 0;
    for (uint64_t i = 0; i < count && !reader->in.failed; i++) {
        struct str name = take_str(&reader->in);
        *vec_push(&reader->items, NULL) = (struct label){ name, take_str(&reader->in) };
    }
}

/* The values that changed since the series before. */
static void take_changes(struct labels_reader *reader)
{
    size_t count = reader->items.count;
    const unsigned char *changed = take_bytes(&reader->in, (count + 7) / 8);

    for (size_t i = 0; changed && i < count; i++)
        if (changed[i / 8] >> i % 8 & 1)
            reader->items.at[i].value = take_str(&reader->in);
}

err labels_reader_next(struct labels_reader *reader, bool *ret_found)
{
    const struct groups *groups = &reader->block->labels;

    *ret_found = reader->position < reader->block->stat.series;
    if (!*ret_found)
        return NULL;
    if (reader->in.at == reader->in.end && reader->next_group < groups->count) {
        const struct group *group = &groups->at[reader->next_group++];
        reader->items.count = 0;
        TRY(group_read(reader->block, group, reader->zstd, &reader->group));
        reader->in = reading_of(buf_str(&reader->group));
    }
    uint64_t count = take_varint(&reader->in);
    if (count > 0)
        take_all(reader, count - 1);
    else
        take_changes(reader);
    if (reader->in.failed)
        return block_damaged(reader->block, &groups->at[reader->next_group > 0 ? reader->next_group - 1 : 0],
                             "has labels that make no sense");
    reader->position++;
    reader->labels = (struct labels){ reader->items.at, reader->items.count };
    return NULL;
}

void labels_reader_skip(struct labels_reader *reader)
{
    const struct groups *groups = &reader->block->labels;

    reader->in = (struct reading){ 0 };
    reader->position = reader->next_group < groups->count ? groups->at[reader->next_group].first
                                                          : (uint32_t)reader->block->stat.series;
}
