/* services.c - where app/ leaves the rooms for the handlers. */
#include "api/services.h"

struct services services;
