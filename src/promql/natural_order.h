/* natural_order.h - texts in the order in which people count: "node2" before "node10".
 *
 * Owner: values. Threads: any. */
#pragma once
#include "base/str.h"

/* natural_before - whether `a` comes before `b`: runs of digits are compared as numbers, what is between as bytes. */
bool natural_before(struct str a, struct str b);
