/* host_disk.c - block devices: /proc/diskstats. */
#include "integrations/collectors/host.h"

enum { SECTOR_BYTES = 512 };

/* One column of the kernel's table, from the fourth on. */
static const struct column {
    const char *name, *help;
    enum metric_kind kind;
    double factor;
} columns[] = {
    { "node_disk_reads_completed_total", "Reads completed.", KIND_COUNTER, 1 },
    { "node_disk_reads_merged_total", "Reads merged with neighbours.", KIND_COUNTER, 1 },
    { "node_disk_read_bytes_total", "Bytes read.", KIND_COUNTER, SECTOR_BYTES },
    { "node_disk_read_time_seconds_total", "Seconds spent by all reads.", KIND_COUNTER, 0.001 },
    { "node_disk_writes_completed_total", "Writes completed.", KIND_COUNTER, 1 },
    { "node_disk_writes_merged_total", "Writes merged with neighbours.", KIND_COUNTER, 1 },
    { "node_disk_written_bytes_total", "Bytes written.", KIND_COUNTER, SECTOR_BYTES },
    { "node_disk_write_time_seconds_total", "Seconds spent by all writes.", KIND_COUNTER, 0.001 },
    { "node_disk_io_now", "I/Os in flight.", KIND_GAUGE, 1 },
    { "node_disk_io_time_seconds_total", "Seconds in which the device was busy.", KIND_COUNTER, 0.001 },
    { "node_disk_io_time_weighted_seconds_total", "Seconds of I/O, each weighted by what was in flight.", KIND_COUNTER,
      0.001 },
    { "node_disk_discards_completed_total", "Discards completed.", KIND_COUNTER, 1 },
    { "node_disk_discards_merged_total", "Discards merged with neighbours.", KIND_COUNTER, 1 },
    { "node_disk_discarded_sectors_total", "Sectors discarded.", KIND_COUNTER, 1 },
    { "node_disk_discard_time_seconds_total", "Seconds spent by all discards.", KIND_COUNTER, 0.001 },
    { "node_disk_flush_requests_total", "Flush requests completed.", KIND_COUNTER, 1 },
    { "node_disk_flush_requests_time_seconds_total", "Seconds spent by all flush requests.", KIND_COUNTER, 0.001 },
};

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.length; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.length > 0;
}

/* Ends in digits after one letter behind `stem`: "sda1" with "sd". */
static bool is_partition_of(struct str name, struct str stem)
{
    return str_starts(name, stem) && name.length > stem.length + 1 && name.at[stem.length] >= 'a' &&
           name.at[stem.length] <= 'z' && is_digits(str_slice(name, stem.length + 1, name.length));
}

/* RAM disks, loops, floppies and partitions, as node_exporter leaves out. */
static bool is_left_out(struct str name)
{
    static const struct str stems[] = { { "ram", 3 }, { "loop", 4 }, { "fd", 2 } };
    static const struct str disks[] = { { "hd", 2 }, { "sd", 2 }, { "vd", 2 }, { "xvd", 3 } };

    for (size_t i = 0; i < ARRAY_LEN(stems); i++)
        if (str_starts(name, stems[i]) && is_digits(str_slice(name, stems[i].length, name.length)))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(disks); i++)
        if (is_partition_of(name, disks[i]))
            return true;
    size_t p = str_find(name, S("p"), 0);
    return str_starts(name, S("nvme")) && p != SIZE_MAX && is_digits(str_slice(name, p + 1, name.length));
}

void host_parse_diskstats(struct host *host, struct batch *out, struct str text)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        line_word(&line); /* major and minor number */
        line_word(&line);
        struct str name = line_word(&line);
        const char *device = str_c(out->arena, name);
        size_t count = 0;
        double value;
        if (!name.length || is_left_out(name))
            continue;
        for (; count < ARRAY_LEN(columns) && line_number(&line, &value); count++) {
            const struct column *column = &columns[count];
            batch_add(out, column->kind, column->name, column->help, value * column->factor,
                      &(struct label){ S("device"), str_of(device) }, 1);
        }
        if (count && host)
            batch_resource(out, &(struct resource_seen){
                                    host_id(host, out, "disk", name), S("disk"), str_of(device), { 0 }, S("") });
    }
}

static err disk_collect(struct host *host, struct batch *out)
{
    host_parse_diskstats(host, out, host_read(host, out, "proc/diskstats"));
    return NULL;
}

static const struct host_part host_disk = { "disk", disk_collect };
REGISTER(host_part, host_disk);
