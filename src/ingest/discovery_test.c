/* discovery_test.c - who listens, from the kernel's tables. */
#include "ingest/discovery.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"

TEST(listening_sockets_are_read_from_proc_net_tcp)
{
    struct listener listener;

    ASSERT_TRUE(discovery_parse_line(S("   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  "
                                       "107        0 23425 1 0000000000000000 100 0 0 10 0"),
                                     &listener));
    ASSERT_STR("127.0.0.1", str_of(listener.address));
    ASSERT_EQ_INT(6379, listener.port);
    ASSERT_EQ_INT(23425, listener.inode);
    ASSERT_EQ_INT(107, listener.uid);
    ASSERT_TRUE(discovery_parse_line(S(" 1: 00000000000000000000000001000000:18EB 0:0 0A 0 0 0 5 0 77"), &listener));
    ASSERT_STR("::1", str_of(listener.address));
    ASSERT_FALSE(discovery_parse_line(S(" 1: 0100007F:18EB 0100007F:18EC 01 0 0 0 0 0 77"), &listener));
    ASSERT_FALSE(discovery_parse_line(S(" 1: 0100007F:0000 0:0 0A 0 0 0 5 0 77"), &listener));
    ASSERT_FALSE(discovery_parse_line(S(" 1: 0100007F 0:0 0A 0 0 0 5 0 77"), &listener));
    ASSERT_FALSE(discovery_parse_line(S(" 1: 01007F:18EB 0:0 0A 0 0 0 5 0 77"), &listener));
    ASSERT_FALSE(discovery_parse_line(S(" 1: 0100007F:18EB 0:0 0A 0 0 0 0 0 x"), &listener));
    ASSERT_FALSE(discovery_parse_line(S("  sl  local_address rem_address   st tx_queue rx_queue tr"), &listener));
    ASSERT_FALSE(discovery_parse_line(S(""), &listener));
}

TEST(services_are_told_by_program_then_by_port)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char *proc = test_folder();
    struct found_list list;

    ASSERT_OK(file_make_dirs(str_printf(arena, "%s/net", proc).at, 0700));
    ASSERT_OK(file_make_dirs(str_printf(arena, "%s/4711/fd", proc).at, 0700));
    ASSERT_OK(file_write(str_printf(arena, "%s/4711/comm", proc).at, S("redis-server\n"), 0600));
    ASSERT_EQ_INT(0, symlink("socket:[100]", str_printf(arena, "%s/4711/fd/6", proc).at));
    ASSERT_OK(file_write(str_printf(arena, "%s/net/tcp", proc).at,
                         S("header\n 0: 00000000:4268 0:0 0A 0 0 0 0 0 100\n" /* 17000: a Redis by its program */
                           " 1: 0100007F:1538 0:0 0A 0 0 0 0 0 101\n"         /* 5432: by its port */
                           " 2: 0100007F:BEEF 0:0 0A 0 0 0 0 0 102\n"         /* nobody knows */
                           " 3: 0200007F:1538 0:0 0A 0 0 0 0 0 103\n"),       /* the same again */
                         0600));
    ASSERT_OK(discovery_look(arena, proc, &list));
    ASSERT_EQ_INT(2, list.count);
    ASSERT_STR("postgresql", list.at[0].kind);
    ASSERT_EQ_INT(0, list.at[0].pid);
    ASSERT_STR("redis", list.at[1].kind);
    ASSERT_STR("redis-server", list.at[1].name);
    ASSERT_STR("127.0.0.1", list.at[1].address);
    ASSERT_EQ_INT(17000, list.at[1].port);
    ASSERT_EQ_INT(4711, list.at[1].pid);
}

/* A folder of descriptors that may not be read: the command line tells. Root reads everything, so not as root. */
TEST(services_of_other_users_are_told_by_their_command_line)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char *proc = test_folder();
    struct found_list list;

    if (geteuid() == 0) {
        ASSERT_EQ_INT(0, chmod(proc, 0777));
        ASSERT_EQ_INT(0, seteuid(65534));
    }
    uid_t uid = geteuid();
    ASSERT_OK(file_make_dirs(str_printf(arena, "%s/net", proc).at, 0700));
    ASSERT_OK(file_make_dirs(str_printf(arena, "%s/4711/fd", proc).at, 0700));
    ASSERT_EQ_INT(0, chmod(str_printf(arena, "%s/4711/fd", proc).at, 0));
    ASSERT_OK(file_write(str_printf(arena, "%s/4711/comm", proc).at, S("redis-server\n"), 0600));
    ASSERT_OK(file_write(str_printf(arena, "%s/4711/cmdline", proc).at, S("redis-server 127.0.0.1:17000\0"), 0600));
    ASSERT_OK(file_write(str_printf(arena, "%s/net/tcp", proc).at,
                         str_printf(arena,
                                    " 0: 00000000:4268 0:0 0A 0 0 0 %u 0 100\n"  /* 17000 */
                                    " 1: 00000000:06A4 0:0 0A 0 0 0 %u 0 101\n"  /* 1700: not a whole number there */
                                    " 2: 0100007F:4268 0:0 0A 0 0 0 %u 0 102\n", /* another user's */
                                    uid, uid, uid + 1),
                         0600));
    ASSERT_OK(discovery_look(arena, proc, &list));
    ASSERT_EQ_INT(1, list.count);
    ASSERT_STR("redis", list.at[0].kind);
    ASSERT_EQ_INT(4711, list.at[0].pid);
    ASSERT_EQ_INT(0, chmod(str_printf(arena, "%s/4711/fd", proc).at, 0700));
    ASSERT_EQ_INT(0, seteuid(getuid())); /* as before, for what the sanitizers look at when a test ends */
    prctl(PR_SET_DUMPABLE, 1);
}
