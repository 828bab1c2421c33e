/* service.h - which service runs an instance: what the inventory of the configuration says.
 *
 * Owner: the arena. Threads: any; before doctor_start nobody has said anything. */
#pragma once
#include "base/str.h"

/* redis_service - the unit; empty where nobody said. */
struct str redis_service(struct arena *arena, struct str resource);
