/* otlp_attribute.h - one attribute in protobuf; inside ingest/ only.
 *
 * Owner: the arena; strings are views of the message. Threads: any. */
#pragma once
#include "ingest/otlp.h"

/* otlp_attribute - push the KeyValue. ERR_INVALID where it is broken or nested deeper than OTLP_DEPTH_MAX. */
err otlp_attribute(struct arena *arena, struct str message, struct otlp_attributes *attributes) MUST_USE;
