/* discovery.h - services that listen on this host: offered, never touched. No connection is made.
 *
 * Owner: what is found lives in the arena. Threads: any; takes milliseconds (it walks /proc), so not in a hot path. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct found_service {
    struct str kind;    /* "redis", "postgresql", "node_exporter" ... */
    struct str name;    /* the program's name; the kind where it can't be seen */
    struct str address; /* where to connect: a wildcard is shown as loopback */
    int port;
    int pid; /* 0: of another user, can't be seen */
};

struct found_list {
    struct found_service *at;
    size_t count;
};

/* discovery_look - proc: "/proc". Sorted by port; services of unknown kind are left out, and our own. */
err discovery_look(struct arena *arena, const char *proc, struct found_list *ret_list) MUST_USE;

/* A listening socket of /proc/net/tcp or tcp6. */
struct listener {
    char address[46];
    int port;
    uint64_t inode, uid;
};
/* discovery_parse_line - false where the line is no listening socket. */
bool discovery_parse_line(struct str line, struct listener *ret_listener) MUST_USE;
