/* host_kernel.c - descriptors, entropy, time and the kernel's name. */
#include "integrations/collectors/host.h"

#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

static void add_descriptors(struct host *host, struct batch *out)
{
    struct str line = str_trim(host_read(host, out, "proc/sys/fs/file-nr"));
    double allocated, unused, maximum;

    if (!line_number(&line, &allocated) || !line_number(&line, &unused) || !line_number(&line, &maximum))
        return;
    batch_gauge(out, "node_filefd_allocated", "File descriptors in use.", allocated, NULL);
    batch_gauge(out, "node_filefd_maximum", "File descriptors there may be.", maximum, NULL);
}

static void add_entropy(struct host *host, struct batch *out)
{
    double bits;

    if (str_to_double(str_trim(host_read(host, out, "proc/sys/kernel/random/entropy_avail")), &bits))
        batch_gauge(out, "node_entropy_available_bits", "Bits of entropy.", bits, NULL);
    if (str_to_double(str_trim(host_read(host, out, "proc/sys/kernel/random/poolsize")), &bits))
        batch_gauge(out, "node_entropy_pool_size_bits", "Bits that the pool of entropy holds.", bits, NULL);
}

static void add_time(struct batch *out)
{
    struct timespec now;
    struct tm local;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    batch_gauge(out, "node_time_seconds", "This host's clock, in seconds since 1970.",
                (double)now.tv_sec + (double)now.tv_nsec / 1e9, NULL);
    batch_gauge(out, "node_time_zone_offset_seconds", "Offset of the local time from UTC.", (double)local.tm_gmtoff,
                "time_zone", local.tm_zone, NULL);
}

static void add_timex(struct batch *out)
{
    struct timex tx = { 0 };
    int state = adjtimex(&tx);
    double unit = tx.status & STA_NANO ? 1e9 : 1e6;

    if (state < 0)
        return;
    batch_gauge(out, "node_timex_sync_status", "1 where the clock is synchronised.", state != TIME_ERROR, NULL);
    batch_gauge(out, "node_timex_offset_seconds", "Offset from the reference clock.", (double)tx.offset / unit, NULL);
    batch_gauge(out, "node_timex_maxerror_seconds", "Largest error of the clock.", (double)tx.maxerror / 1e6, NULL);
    batch_gauge(out, "node_timex_estimated_error_seconds", "Estimated error of the clock.", (double)tx.esterror / 1e6,
                NULL);
}

static void add_uname(struct batch *out)
{
    struct utsname name;

    if (uname(&name))
        return;
    batch_gauge(out, "node_uname_info", "The kernel, as uname says; always 1.", 1, "domainname",
                str_c(out->arena, str_of(name.domainname)), "machine", str_c(out->arena, str_of(name.machine)),
                "nodename", str_c(out->arena, str_of(name.nodename)), "release",
                str_c(out->arena, str_of(name.release)), "sysname", str_c(out->arena, str_of(name.sysname)), "version",
                str_c(out->arena, str_of(name.version)), NULL);
}

static err kernel_collect(struct host *host, struct batch *out)
{
    add_descriptors(host, out);
    add_entropy(host, out);
    add_time(out);
    add_timex(out);
    add_uname(out);
    return NULL;
}

static const struct host_part host_kernel = { "kernel", kernel_collect };
REGISTER(host_part, host_kernel);
