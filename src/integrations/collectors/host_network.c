/* host_network.c - interfaces and the network stack: /proc/net. */
#include "integrations/collectors/host.h"

#include <string.h>
#include <unistd.h>

void host_parse_netdev(struct host *host, struct batch *out, struct str text)
{
    static const char *const columns[] = {
        "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
        "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
        "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
        "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed",
    };

    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str values, name = str_trim(str_cut(line, ':', &values));
        size_t count = 0;
        double value;
        if (!values.at || !name.length || str_contains(name, S("|")))
            continue;
        struct label device = { S("device"), str_copy(out->arena, name) };
        for (; count < ARRAY_LEN(columns) && line_number(&values, &value); count++)
            batch_add(out, KIND_COUNTER, str_printf(out->arena, "node_network_%s_total", columns[count]).at,
                      "A column of /proc/net/dev.", value, &device, 1);
        if (count && host && !str_eq(name, S("lo")))
            batch_resource(out, &(struct resource_seen){
                                    host_id(host, out, "network", name), S("network"), device.value, { 0 }, S("") });
        if (count && host && !str_contains(name, S("/"))) {
            const char *path = str_printf(out->arena, "sys/class/net/%.*s/operstate", STR_ARG(name)).at;
            struct str state = str_trim(host_read_once(host, out, path));
            if (state.length)
                batch_add(out, KIND_GAUGE, "node_network_up", "1 where the interface is up.", str_eq(state, S("up")),
                          &device, 1);
        }
    }
}

static bool is_wanted(struct str group, struct str field)
{
    static const struct {
        const char *group, *fields;
    } wanted[] = {
        { "Ip", " Forwarding " },
        { "Ip6", " InOctets OutOctets " },
        { "IpExt", " InOctets OutOctets " },
        { "Icmp", " InMsgs OutMsgs " },
        { "Icmp6", " InMsgs OutMsgs " },
        { "TcpExt", " TCPSynRetrans TCPTimeouts " },
        { "Tcp", " ActiveOpens InSegs OutSegs OutRsts PassiveOpens RetransSegs CurrEstab " },
        { "Udp", " InDatagrams OutDatagrams NoPorts RcvbufErrors SndbufErrors " },
        { "Udp6", " InDatagrams OutDatagrams NoPorts RcvbufErrors SndbufErrors " },
    };
    char padded[48];

    if (str_eq(field, S("InErrors")) || str_eq(field, S("InErrs")))
        return true;
    if (str_eq(group, S("TcpExt")) && (str_starts(field, S("Listen")) || str_starts(field, S("Syncookies"))))
        return true;
    if (field.length + 2 > sizeof(padded))
        return false;
    padded[0] = padded[field.length + 1] = ' ';
    memcpy(padded + 1, field.at, field.length);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (str_eq(group, str_of(wanted[i].group)))
            return str_contains(str_of(wanted[i].fields), (struct str){ padded, field.length + 2 });
    return false;
}

static void add_field(struct batch *out, struct str group, struct str field, struct str text)
{
    double value;

    if (group.length < 16 && is_wanted(group, field) && str_to_double(text, &value))
        batch_untyped(out, str_printf(out->arena, "node_netstat_%.*s_%.*s", STR_ARG(group), STR_ARG(field)).at,
                      "A counter of the network stack.", value, NULL);
}

/* Two lines a group: names, then values. */
void host_parse_netstat(struct batch *out, struct str text)
{
    struct str names = { NULL, 0 }, names_group = S("");

    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str words, group = str_cut(line, ':', &words);
        if (!words.at)
            continue;
        if (!names.at || !str_eq(group, names_group)) {
            names = words;
            names_group = group;
            continue;
        }
        for (;;) {
            struct str name = line_word(&names), value = line_word(&words);
            if (!name.length || !value.length)
                break;
            add_field(out, group, name, value);
        }
        names.at = NULL;
    }
}

/* "Ip6InOctets 12": the group ends behind the 6. */
void host_parse_snmp6(struct batch *out, struct str text)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str key = line_word(&line);
        size_t six = str_find(key, S("6"), 0);
        if (six != SIZE_MAX)
            add_field(out, str_slice(key, 0, six + 1), str_slice(key, six + 1, key.length), line_word(&line));
    }
}

void host_parse_sockstat(struct batch *out, struct str text, bool v6, double page_bytes)
{
    for (struct str rest = text, line; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        struct str pairs, group = str_cut(line, ':', &pairs);
        if (!pairs.at || !group.length || group.length > 16 || (v6 && !str_ends(group, S("6"))))
            continue;
        for (;;) {
            struct str key = line_word(&pairs);
            double value;
            if (!key.length || key.length > 16 || !line_number(&pairs, &value))
                break;
            batch_gauge(out, str_printf(out->arena, "node_sockstat_%.*s_%.*s", STR_ARG(group), STR_ARG(key)).at,
                        "A number of sockets, or pages of theirs.", value, NULL);
            if (str_eq(key, S("mem")))
                batch_gauge(out, str_printf(out->arena, "node_sockstat_%.*s_mem_bytes", STR_ARG(group)).at,
                            "Memory of sockets.", value * page_bytes, NULL);
        }
    }
}

static bool parse_hex(struct str word, double *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < word.length; i++) {
        char c = word.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret_value = (double)value;
    return word.length > 0 && word.length <= 16;
}

void host_parse_softnet(struct batch *out, struct str text)
{
    int cpu = 0;

    for (struct str rest = text, line; rest.at; cpu++) {
        double processed, dropped, squeezed;
        line = str_cut(rest, '\n', &rest);
        if (!parse_hex(line_word(&line), &processed) || !parse_hex(line_word(&line), &dropped) ||
            !parse_hex(line_word(&line), &squeezed))
            continue;
        const char *name = str_printf(out->arena, "%d", cpu).at;
        batch_counter(out, "node_softnet_processed_total", "Packets processed.", processed, "cpu", name, NULL);
        batch_counter(out, "node_softnet_dropped_total", "Packets dropped.", dropped, "cpu", name, NULL);
        batch_counter(out, "node_softnet_times_squeezed_total", "Times that processing ran out of its time.", squeezed,
                      "cpu", name, NULL);
    }
}

static void add_single(struct host *host, struct batch *out, const char *path, const char *name, const char *help)
{
    double value;

    if (str_to_double(str_trim(host_read(host, out, path)), &value))
        batch_gauge(out, name, help, value, NULL);
}

static err network_collect(struct host *host, struct batch *out)
{
    double page_bytes = (double)sysconf(_SC_PAGESIZE);

    host_parse_netdev(host, out, host_read(host, out, "proc/net/dev"));
    host_parse_netstat(out, host_read(host, out, "proc/net/netstat"));
    host_parse_netstat(out, host_read(host, out, "proc/net/snmp"));
    host_parse_snmp6(out, host_read(host, out, "proc/net/snmp6"));
    host_parse_sockstat(out, host_read(host, out, "proc/net/sockstat"), false, page_bytes);
    host_parse_sockstat(out, host_read(host, out, "proc/net/sockstat6"), true, page_bytes);
    host_parse_softnet(out, host_read(host, out, "proc/net/softnet_stat"));
    add_single(host, out, "proc/sys/net/netfilter/nf_conntrack_count", "node_nf_conntrack_entries",
               "Connections tracked.");
    add_single(host, out, "proc/sys/net/netfilter/nf_conntrack_max", "node_nf_conntrack_entries_limit",
               "Connections that can be tracked.");
    return NULL;
}

static const struct host_part host_network = { "network", network_collect };
REGISTER(host_part, host_network);
