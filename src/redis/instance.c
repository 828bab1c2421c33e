/* instance.c - the place for the one who looks. */
#include "redis/instance.h"

void (*redis_observe)(const struct redis_instance_state *state);
