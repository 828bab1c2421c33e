/* pack.h - a column of integers or doubles as few bytes: what chunks are made of.
 *
 * Owner: the bytes' holder. Threads: any. Format: docs/format/chunk.md. */
#pragma once
#include "tsdb/varint.h"

enum { PACK_MAX = 1024 };

/* pack_ints - append 1 to PACK_MAX integers; any int64_t is kept. About 10 ns each. */
void pack_ints(struct buf *out, const int64_t *values, size_t count);
/* unpack_ints - as many as were packed; nonsense fails the reading, and the values are then undefined. */
void unpack_ints(struct reading *in, int64_t *ret_values, size_t count);

/* pack_doubles - every bit pattern is kept. */
void pack_doubles(struct buf *out, const double *values, size_t count);
void unpack_doubles(struct reading *in, double *ret_values, size_t count);
