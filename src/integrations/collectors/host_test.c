/* host_test.c - texts of the kernel become node_exporter's samples; damage costs lines, never the rest. */
#include "integrations/collectors/host.h"

#include "base/test.h"

static struct batch new_batch(struct arena *arena)
{
    return batch_make(arena, 1700000000000, S("node"), S("db1"));
}

static struct str written(struct batch *batch)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 1 << 20);
    batch_write(&out, batch);
    return str_copy(batch->arena, buf_str(&out));
}

static const char stat_text[] = "cpu  20 0 0 0 0 0 0 0 0 0\n"
                                "cpu0 100 1 50 1000 5 6 7 8 9 10\n"
                                "cpu1 200 2 100 2000\n"
                                "intr 12345 0 0\nctxt 99\nbtime 1700000000\nprocesses 77\n"
                                "procs_running 3\nprocs_blocked 1\nsoftirq 5 1\n";

TEST(host_cpu_gives_seconds_by_mode)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = new_batch(arena);

    host_parse_cpu(&batch, str_of(stat_text), 100);
    struct str text = written(&batch);
    ASSERT_CONTAINS("# TYPE node_cpu_seconds_total counter\n"
                    "node_cpu_seconds_total{cpu=\"0\",instance=\"db1\",job=\"node\",mode=\"user\"} 1\n",
                    text);
    ASSERT_CONTAINS("mode=\"steal\"} 0.08\n", text);
    ASSERT_CONTAINS("node_cpu_guest_seconds_total{cpu=\"0\",instance=\"db1\",job=\"node\",mode=\"nice\"} 0.1\n", text);
    ASSERT_CONTAINS("node_cpu_seconds_total{cpu=\"1\",instance=\"db1\",job=\"node\",mode=\"idle\"} 20\n", text);
    ASSERT_CONTAINS("# TYPE node_boot_time_seconds gauge\n", text);
    ASSERT_CONTAINS("node_intr_total{instance=\"db1\",job=\"node\"} 12345\n", text);
    ASSERT_CONTAINS("node_procs_blocked{instance=\"db1\",job=\"node\"} 1\n", text);
    ASSERT_EQ_INT(8 + 2 + 4 + 6, batch.samples.count);
}

TEST(host_memory_scales_and_names_as_node_exporter)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = new_batch(arena);

    host_parse_meminfo(&batch, S("MemTotal:       1000 kB\nActive(anon):    7 kB\nHugePages_Total:   3\n"
                                 "Bad\"Name: 1 kB\nNoNumber: x kB\n:\nMemFree:"));
    host_parse_vmstat(&batch, S("pgpgin 5\npgfault 6\noom_kill 1\nnr_free_pages 9\npgpgout\n"));
    host_parse_pressure(&batch, S("some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0 total=500000\n"),
                        "io");
    host_parse_pressure(&batch, S("some total=1\nfull total=2\nsome total=x\n"), "cpu");
    struct str text = written(&batch);
    ASSERT_CONTAINS("node_memory_MemTotal_bytes{instance=\"db1\",job=\"node\"} 1024000\n", text);
    ASSERT_CONTAINS("node_memory_Active_anon_bytes{instance=\"db1\",job=\"node\"} 7168\n", text);
    ASSERT_CONTAINS("node_memory_HugePages_Total{instance=\"db1\",job=\"node\"} 3\n", text);
    ASSERT_CONTAINS("# TYPE node_vmstat_oom_kill untyped\n", text);
    ASSERT_CONTAINS("node_pressure_io_stalled_seconds_total{instance=\"db1\",job=\"node\"} 0.5\n", text);
    ASSERT_EQ_INT(3 + 3 + 2 + 1, batch.samples.count);
}

TEST(host_disk_leaves_partitions_out)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = new_batch(arena);

    host_parse_diskstats(NULL, &batch,
                         S("   8 0 sda 10 1 100 2000 20 2 200 3000 1 4000 5000 6 7 8 9000 10 11000\n"
                           "   8 1 sda1 10 1 100 2000 20 2 200 3000 1 4000 5000\n"
                           "   7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n"
                           " 259 0 nvme0n1 1 2 3\n 259 1 nvme0n1p2 1 2 3\n 254 0 vda x\n 9 0 md0 1\n garbage\n"));
    struct str text = written(&batch);
    ASSERT_CONTAINS("node_disk_read_bytes_total{device=\"sda\",instance=\"db1\",job=\"node\"} 51200\n", text);
    ASSERT_CONTAINS("node_disk_io_time_seconds_total{device=\"sda\",instance=\"db1\",job=\"node\"} 4\n", text);
    ASSERT_CONTAINS("# TYPE node_disk_io_now gauge\n", text);
    ASSERT_EQ_INT(17 + 3 + 1, batch.samples.count);
}

TEST(host_mounts_are_unescaped_and_chosen)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct mount_row row;

    ASSERT_TRUE(host_parse_mount(arena, S("/dev/sda1 /mnt/my\\040disk ext4 ro,relatime 0 0"), &row));
    ASSERT_STR("/mnt/my disk", row.mountpoint);
    ASSERT_TRUE(row.read_only);
    ASSERT_TRUE(host_parse_mount(arena, S("overlay / overlay rw 0 0"), &row));
    ASSERT_FALSE(row.read_only);
    ASSERT_FALSE(host_parse_mount(arena, S("overlay /var/x overlay rw 0 0"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S("proc /proc proc rw 0 0"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S("server:/x /data nfs4 rw 0 0"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S("tmpfs /dev/shm tmpfs rw 0 0"), &row));
    ASSERT_TRUE(host_parse_mount(arena, S("tmpfs /development tmpfs rw 0 0"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S("/dev/sda1 nowhere ext4"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S("/dev/sda1"), &row));
    ASSERT_FALSE(host_parse_mount(arena, S(""), &row));
    ASSERT_TRUE(host_parse_mount(arena, S("/dev/sda1 /a\\04 ext4 rw"), &row));
    ASSERT_STR("/a\\04", row.mountpoint);
}

TEST(host_network_reads_the_stack)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = new_batch(arena);

    host_parse_netdev(NULL, &batch,
                      S("Inter-|   Receive                                                |  Transmit\n"
                        " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
                        "  eth0:1000 10 1 2 3 4 5 6 2000 20 7 8 9 10 11 12\n wlan0: 7 8\n lo\n"));
    host_parse_netstat(&batch, S("TcpExt: SyncookiesSent ListenOverflows Other\nTcpExt: 1 2 3\n"
                                 "Udp: InErrors NoPorts\nTcp: 1\nUdp: 5 6\nUdp: 7 8\nIp:"));
    host_parse_snmp6(&batch, S("Ip6InOctets                     \t12\nIcmp6InMsgs x\nNothing 5\nUdp6InErrors 3\n"));
    host_parse_sockstat(&batch, S("sockets: used 16\nTCP: inuse 1 orphan 0 mem 2\nUDP: inuse\nFRAG\n"), false, 4096);
    host_parse_softnet(&batch, S("000a261e 00000001 00000002 0\nzz\n\n000ab850 00000000 00000000\n"));
    struct str text = written(&batch);
    ASSERT_CONTAINS("node_network_receive_bytes_total{device=\"eth0\",instance=\"db1\",job=\"node\"} 1000\n", text);
    ASSERT_CONTAINS("node_network_transmit_compressed_total{device=\"eth0\",instance=\"db1\",job=\"node\"} 12\n", text);
    ASSERT_CONTAINS("node_network_receive_packets_total{device=\"wlan0\",instance=\"db1\",job=\"node\"} 8\n", text);
    ASSERT_CONTAINS("node_netstat_TcpExt_ListenOverflows{instance=\"db1\",job=\"node\"} 2\n", text);
    ASSERT_CONTAINS("node_netstat_Ip6_InOctets{instance=\"db1\",job=\"node\"} 12\n", text);
    ASSERT_CONTAINS("node_netstat_Udp6_InErrors{instance=\"db1\",job=\"node\"} 3\n", text);
    ASSERT_CONTAINS("node_sockstat_TCP_mem_bytes{instance=\"db1\",job=\"node\"} 8192\n", text);
    ASSERT_CONTAINS("node_softnet_processed_total{cpu=\"0\",instance=\"db1\",job=\"node\"} 665118\n", text);
    ASSERT_FALSE(str_contains(text, S("TcpExt_Other")));
}

/* Every parser takes any cut of any text, and any bytes. */
TEST(host_parsers_take_cut_and_random_text)
{
    static const char alphabet[] = "cpu0 :1=|\n\t\\(Tcp)Ip6e9-.x\0\xff";
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    char noise[512];
    uint64_t seed = 7;

    for (size_t i = 0; i < 3000; i++) {
        for (size_t k = 0; k < sizeof(noise); k++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            noise[k] = alphabet[(seed >> 33) % sizeof(alphabet)];
        }
        struct str text =
            i < sizeof(stat_text) ? str_slice(str_of(stat_text), i / 2, i) : (struct str){ noise, i % 512 };
        struct batch batch = new_batch(arena);
        host_parse_cpu(&batch, text, 100);
        host_parse_load(&batch, text);
        host_parse_meminfo(&batch, text);
        host_parse_vmstat(&batch, text);
        host_parse_pressure(&batch, text, "io");
        host_parse_diskstats(NULL, &batch, text);
        host_parse_netdev(NULL, &batch, text);
        host_parse_netstat(&batch, text);
        host_parse_snmp6(&batch, text);
        host_parse_sockstat(&batch, text, true, 4096);
        host_parse_softnet(&batch, text);
        arena_reset(arena);
    }
}
