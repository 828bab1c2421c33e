/* host_filesystem.c - mounted file systems: /proc/1/mounts and statfs. */
#include "integrations/collectors/host.h"

#include <string.h>
#include <sys/statfs.h>

enum { TOO_SMALL_BYTES = 1024 * 1024 }; /* mounts for one file or a flag: nothing of theirs fills up */

/* Octal escapes of the kernel: blank, tab, newline and backslash. */
static struct str unescape(struct arena *arena, struct str s)
{
    char *to = arena_alloc(arena, s.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < s.length; i++) {
        if (s.at[i] == '\\' && i + 3 < s.length + 0 && s.at[i + 1] >= '0' && s.at[i + 1] <= '3' && s.at[i + 2] >= '0' &&
            s.at[i + 2] <= '7' && s.at[i + 3] >= '0' && s.at[i + 3] <= '7') {
            to[length++] = (char)((s.at[i + 1] - '0') * 64 + (s.at[i + 2] - '0') * 8 + (s.at[i + 3] - '0'));
            i += 3;
        } else {
            to[length++] = s.at[i];
        }
    }
    return (struct str){ to, strlen(to) };
}

static bool is_any(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(s, str_of(*words)))
            return true;
    return false;
}

/* Those that node_exporter leaves out, because they hold nothing of their own. */
static const char *const pseudo[] = {
    "autofs",     "binfmt_misc", "bpf",      "cgroup", "cgroup2",    "configfs", "debugfs",  "devpts", "devtmpfs",
    "fusectl",    "hugetlbfs",   "iso9660",  "mqueue", "nsfs",       "overlay",  "proc",     "procfs", "pstore",
    "securityfs", "selinuxfs",   "squashfs", "sysfs",  "rpc_pipefs", "tracefs",  "efivarfs", NULL,
};

/* A server that is gone would hold statfs, and us, for ever. */
static const char *const remote[] = { "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "9p", "afs", NULL };

static bool is_below(struct str path, struct str folder)
{
    return str_starts(path, folder) && (path.length == folder.length || path.at[folder.length] == '/');
}

static bool is_left_out(struct str mountpoint)
{
    static const struct str folders[] = { { "/dev", 4 }, { "/proc", 5 }, { "/sys", 4 }, { "/run", 4 } };

    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (is_below(mountpoint, folders[i]))
            return true;
    return str_starts(mountpoint, S("/var/lib/docker/")) || str_starts(mountpoint, S("/var/lib/containers/storage/"));
}

bool host_parse_mount(struct arena *arena, struct str line, struct mount_row *ret_row)
{
    struct str device = line_word(&line), mountpoint = line_word(&line), fstype = line_word(&line);
    struct str options = line_word(&line);

    if (!fstype.length || mountpoint.at[0] != '/')
        return false;
    *ret_row = (struct mount_row){
        .device = unescape(arena, device),
        .mountpoint = unescape(arena, mountpoint),
        .fstype = str_copy(arena, fstype),
        .read_only = str_eq(options, S("ro")) || str_starts(options, S("ro,")),
    };
    /* In a container the root is an overlay, and the only disk that one has. */
    if (str_eq(fstype, S("overlay")) && str_eq(ret_row->mountpoint, S("/")))
        return true;
    return !is_any(fstype, pseudo) && !is_any(fstype, remote) && !str_starts(fstype, S("fuse.")) &&
           !is_left_out(ret_row->mountpoint);
}

static void add_one(struct host *host, struct batch *out, const struct mount_row *row)
{
    const struct label labels[] = { { S("device"), row->device },
                                    { S("fstype"), row->fstype },
                                    { S("mountpoint"), row->mountpoint } };
    struct statfs fs;
    bool failed = statfs(host_path(host, out, str_c(out->arena, str_slice(row->mountpoint, 1, SIZE_MAX))), &fs) != 0;
    double unit = failed ? 0 : (double)fs.f_bsize;
    const struct {
        const char *name, *help;
        double value;
        bool of_statfs;
    } rows[] = {
        { "node_filesystem_device_error", "1 where the file system could not be asked.", failed, false },
        { "node_filesystem_readonly", "1 where it is mounted read-only.", row->read_only, true },
        { "node_filesystem_size_bytes", "Size.", failed ? 0 : (double)fs.f_blocks * unit, true },
        { "node_filesystem_free_bytes", "Free, what is reserved for root included.",
          failed ? 0 : (double)fs.f_bfree * unit, true },
        { "node_filesystem_avail_bytes", "Free for everybody.", failed ? 0 : (double)fs.f_bavail * unit, true },
        { "node_filesystem_files", "Inodes.", failed ? 0 : (double)fs.f_files, true },
        { "node_filesystem_files_free", "Free inodes.", failed ? 0 : (double)fs.f_ffree, true },
    };

    if (!failed && (double)fs.f_blocks * unit < TOO_SMALL_BYTES)
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!failed || !rows[i].of_statfs)
            batch_add(out, KIND_GAUGE, rows[i].name, rows[i].help, rows[i].value, labels, ARRAY_LEN(labels));
    batch_resource(out, &(struct resource_seen){
                            host_id(host, out, "filesystem", row->mountpoint), S("filesystem"), row->mountpoint,
                            labels_make(out->arena, labels, ARRAY_LEN(labels)),
                            str_printf(out->arena, "%.*s on %.*s", STR_ARG(row->fstype), STR_ARG(row->device)) });
}

static err filesystem_collect(struct host *host, struct batch *out)
{
    VEC(struct mount_row) rows = { 0 };
    struct str text = host_read(host, out, "proc/1/mounts");

    if (!text.length)
        text = host_read(host, out, "proc/self/mounts");
    for (struct str rest = text, line; rest.at;) {
        struct mount_row row;
        bool seen = false;
        line = str_cut(rest, '\n', &rest);
        if (!host_parse_mount(out->arena, line, &row))
            continue;
        for (size_t i = 0; i < rows.count && !seen; i++) /* mounted over: the last one is what is seen */
            if (str_eq(rows.at[i].mountpoint, row.mountpoint)) {
                rows.at[i] = row;
                seen = true;
            }
        if (!seen)
            *vec_push(&rows, out->arena) = row;
    }
    for (size_t i = 0; i < rows.count; i++)
        add_one(host, out, &rows.at[i]);
    return NULL;
}

static const struct host_part host_filesystem = { "filesystem", filesystem_collect };
REGISTER(host_part, host_filesystem);
