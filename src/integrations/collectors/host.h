/* host.h - what the parts of the host collector share: files of /proc and /sys, kept open, and their parsing.
 *
 * Owner: the host collector's state, one a source. Threads: that source's calls, which never overlap.
 *
 * Each part is one file that ends in REGISTER(host_part, x): it reads texts by host_read and adds samples with
 * node_exporter's names, types and units. Kernel text is trusted for nothing: lines that don't parse are skipped. */
#pragma once
#include "base/registry.h"
#include "ingest/batch.h"

struct host;

struct host_part {
    const char *name;
    err (*collect)(struct host *host, struct batch *out);
};

/* host_read - the text of a file below the roots, such as "proc/stat" or "sys/fs/cgroup/...", in the arena of the
 * scrape; "" where there is none. `path` must be a literal: its descriptor stays open, and is read by pread. */
struct str host_read(struct host *host, struct batch *out, const char *path);
/* host_read_once - the same for paths that come and go: opened and closed. At most 4 KiB. */
struct str host_read_once(struct host *host, struct batch *out, const char *path);
/* host_path - the path in the file system, in the arena of the scrape. */
const char *host_path(struct host *host, struct batch *out, const char *path);
/* host_name - of this host, or what the settings call it. */
struct str host_name(const struct host *host);
/* host_id - "kind:HOST:name" in the arena of the scrape. */
struct str host_id(struct host *host, struct batch *out, const char *kind, struct str name);

/* line_word - the next word of the line, which shrinks; "" at its end. Blanks and tabs separate. */
struct str line_word(struct str *line);
/* line_number - the next word as a number; false where it is none. */
bool line_number(struct str *line, double *ret_value) MUST_USE;

/* The parsers, for their tests. */
void host_parse_cpu(struct batch *out, struct str text, double ticks_per_second);
void host_parse_meminfo(struct batch *out, struct str text);
void host_parse_vmstat(struct batch *out, struct str text);
void host_parse_pressure(struct batch *out, struct str text, const char *resource);
void host_parse_diskstats(struct host *host, struct batch *out, struct str text);
void host_parse_netdev(struct host *host, struct batch *out, struct str text);
void host_parse_netstat(struct batch *out, struct str text);
void host_parse_snmp6(struct batch *out, struct str text);
void host_parse_sockstat(struct batch *out, struct str text, bool v6, double page_bytes);
void host_parse_softnet(struct batch *out, struct str text);
void host_parse_load(struct batch *out, struct str text);

/* One row of /proc/self/mounts, unescaped. */
struct mount_row {
    struct str device, mountpoint, fstype;
    bool read_only;
};
/* host_parse_mount - false for a line that is none, or a file system that holds nothing of its own. */
bool host_parse_mount(struct arena *arena, struct str line, struct mount_row *ret_row) MUST_USE;
