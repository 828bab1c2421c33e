/* host_memory.c - memory, paging and pressure: /proc/meminfo, /proc/vmstat, /proc/pressure. */
#include "integrations/collectors/host.h"

/* "Active(anon)" is node_memory_Active_anon_bytes. */
static const char *metric_name(struct arena *arena, struct str key, bool bytes)
{
    char name[80];
    size_t length = 0;

    for (size_t i = 0; i < key.length && length < sizeof(name); i++)
        if (key.at[i] == '(')
            name[length++] = '_';
        else if (key.at[i] != ')')
            name[length++] = key.at[i];
    return str_printf(arena, "node_memory_%.*s%s", (int)length, name, bytes ? "_bytes" : "").at;
}

static bool is_plain(struct str key)
{
    for (size_t i = 0; i < key.length; i++) {
        char c = key.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '(' ||
              c == ')'))
            return false;
    }
    return key.length > 0 && key.length < 64;
}

void host_parse_meminfo(struct batch *out, struct str text)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str value_text, key = str_cut(line, ':', &value_text);
        double value;
        if (!value_text.at || !is_plain(key) || !line_number(&value_text, &value))
            continue;
        bool bytes = str_eq(line_word(&value_text), S("kB"));
        batch_gauge(out, metric_name(out->arena, key, bytes), "A row of /proc/meminfo.", bytes ? value * 1024 : value,
                    NULL);
    }
}

void host_parse_vmstat(struct batch *out, struct str text)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str key = line_word(&line);
        double value;
        bool wanted = str_starts(key, S("oom_kill")) || str_starts(key, S("pgpg")) || str_starts(key, S("pswp")) ||
                      (str_starts(key, S("pg")) && str_contains(key, S("fault")));
        if (wanted && is_plain(key) && line_number(&line, &value))
            batch_untyped(out, str_printf(out->arena, "node_vmstat_%.*s", STR_ARG(key)).at, "A row of /proc/vmstat.",
                          value, NULL);
    }
}

void host_parse_pressure(struct batch *out, struct str text, const char *resource)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str kind = line_word(&line);
        size_t at = str_find(line, S("total="), 0);
        double microseconds;
        if (at == SIZE_MAX || !str_to_double(str_trim(str_slice(line, at + 6, line.length)), &microseconds))
            continue;
        if (str_eq(kind, S("some")))
            batch_counter(out, str_printf(out->arena, "node_pressure_%s_waiting_seconds_total", resource).at,
                          "Seconds in which something waited for it.", microseconds / 1e6, NULL);
        else if (str_eq(kind, S("full")) && *resource != 'c')
            batch_counter(out, str_printf(out->arena, "node_pressure_%s_stalled_seconds_total", resource).at,
                          "Seconds in which everything waited for it.", microseconds / 1e6, NULL);
    }
}

static err memory_collect(struct host *host, struct batch *out)
{
    host_parse_meminfo(out, host_read(host, out, "proc/meminfo"));
    host_parse_vmstat(out, host_read(host, out, "proc/vmstat"));
    host_parse_pressure(out, host_read(host, out, "proc/pressure/cpu"), "cpu");
    host_parse_pressure(out, host_read(host, out, "proc/pressure/io"), "io");
    host_parse_pressure(out, host_read(host, out, "proc/pressure/memory"), "memory");
    return NULL;
}

static const struct host_part host_memory = { "memory", memory_collect };
REGISTER(host_part, host_memory);
