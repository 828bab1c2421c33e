/* registry.h - tables that fill themselves: a file ends in its const struct and registers it; nobody keeps a list.
 *
 * Owner: nobody, everything is const. Threads: any.
 *
 * REGISTER(kind, object) puts the address of `object`, a static const struct kind, into the linker section
 * registry_kind. It works because all objects are linked directly: a static archive would drop files that
 * nobody calls. Order is link order; sort where order matters. */
#pragma once
#include "base/lang.h"

#define REGISTER(kind, object)                                                                                         \
    static const struct kind *const registered_##kind##_##object                                                       \
        __attribute__((used, retain, section("registry_" #kind), aligned(sizeof(void *)))) = &(object)

/* FOR_EACH_REGISTERED(notifier, it) { use(it->name); } */
#define FOR_EACH_REGISTERED(kind, it)                                                                                  \
    for (const struct kind *const *it##_at = ({                                                                        \
             extern const struct kind *const __start_registry_##kind[] __attribute__((weak));                          \
             __start_registry_##kind;                                                                                  \
         }),                                                                                                           \
                                  *it;                                                                                 \
         it##_at < ({                                                                                                  \
             extern const struct kind *const __stop_registry_##kind[] __attribute__((weak));                           \
             __stop_registry_##kind;                                                                                   \
         }) &&                                                                                                         \
         (it = *it##_at, (void)it, true);                                                                              \
         it##_at++)
