/* health.h - how we are: the parts that can be ill, and the figures of our own process.
 *
 * Owner: app/ and the rooms set components; api shows them. Threads: any. */
#pragma once
#include "base/str.h"

bool services_ready(void);
void services_set_ready(bool ready);

/* process_metrics_update - refresh the gauges of our own process (memory, CPU, descriptors). */
void process_metrics_update(void);
