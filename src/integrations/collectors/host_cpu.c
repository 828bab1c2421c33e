/* host_cpu.c - processors, interrupts, forks and load: /proc/stat, /proc/loadavg. */
#include "integrations/collectors/host.h"

#include <unistd.h>

static void parse_one_cpu(struct batch *out, struct str name, struct str line, double ticks_per_second)
{
    static const char *const modes[] = { "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal" };
    const char *cpu = str_c(out->arena, str_slice(name, 3, name.length));
    double ticks[10];
    size_t count = 0;

    while (count < ARRAY_LEN(ticks) && line_number(&line, &ticks[count]))
        count++;
    for (size_t i = 0; i < ARRAY_LEN(modes) && i < count; i++)
        batch_counter(out, "node_cpu_seconds_total", "Seconds the processor spent in each mode.",
                      ticks[i] / ticks_per_second, "cpu", cpu, "mode", modes[i], NULL);
    if (count == ARRAY_LEN(ticks)) {
        static const char help[] = "Seconds the processor spent running guests (counted in its mode as well).";
        batch_counter(out, "node_cpu_guest_seconds_total", help, ticks[8] / ticks_per_second, "cpu", cpu, "mode",
                      "user", NULL);
        batch_counter(out, "node_cpu_guest_seconds_total", help, ticks[9] / ticks_per_second, "cpu", cpu, "mode",
                      "nice", NULL);
    }
}

void host_parse_cpu(struct batch *out, struct str text, double ticks_per_second)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str name = line_word(&line);
        double value;
        if (str_starts(name, S("cpu"))) {
            if (name.length > 3)
                parse_one_cpu(out, name, line, ticks_per_second);
            continue;
        }
        if (!line_number(&line, &value))
            continue;
        if (str_eq(name, S("intr")))
            batch_counter(out, "node_intr_total", "Interrupts serviced.", value, NULL);
        else if (str_eq(name, S("ctxt")))
            batch_counter(out, "node_context_switches_total", "Context switches.", value, NULL);
        else if (str_eq(name, S("btime")))
            batch_gauge(out, "node_boot_time_seconds", "Boot time of this host, in seconds since 1970.", value, NULL);
        else if (str_eq(name, S("processes")))
            batch_counter(out, "node_forks_total", "Forks.", value, NULL);
        else if (str_eq(name, S("procs_running")))
            batch_gauge(out, "node_procs_running", "Processes that could run.", value, NULL);
        else if (str_eq(name, S("procs_blocked")))
            batch_gauge(out, "node_procs_blocked", "Processes that wait for I/O.", value, NULL);
    }
}

void host_parse_load(struct batch *out, struct str text)
{
    double one, five, fifteen;

    if (!line_number(&text, &one) || !line_number(&text, &five) || !line_number(&text, &fifteen))
        return;
    batch_gauge(out, "node_load1", "Load average of 1 minute.", one, NULL);
    batch_gauge(out, "node_load5", "Load average of 5 minutes.", five, NULL);
    batch_gauge(out, "node_load15", "Load average of 15 minutes.", fifteen, NULL);
}

static err cpu_collect(struct host *host, struct batch *out)
{
    host_parse_cpu(out, host_read(host, out, "proc/stat"), (double)sysconf(_SC_CLK_TCK));
    host_parse_load(out, host_read(host, out, "proc/loadavg"));
    return NULL;
}

static const struct host_part host_cpu = { "cpu", cpu_collect };
REGISTER(host_part, host_cpu);
