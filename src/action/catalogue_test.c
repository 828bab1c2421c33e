/* catalogue_test.c - the shipped catalogue loads; wrong ones say where and what; values are typed. */
#include "action/arguments.h"
#include "action/canonical.h"
#include "action/plan.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static err load(const char *text, struct catalogue **ret)
{
    static char path[300];
    struct str files[1];

    snprintf(path, sizeof(path), "%s/actions.yml", test_folder());
    ASSERT_OK(file_write(path, str_of(text), 0644));
    files[0] = str_of(path);
    return catalogue_load(files, 1, ret);
}

static void refuses(const char *part, const char *text)
{
    struct catalogue *catalogue = NULL;
    err e = load(text, &catalogue);
    bool found = false;

    ASSERT_TRUE(e != NULL);
    for (size_t i = 0; i < err_field_count(e); i++)
        found |= strstr(err_field_message(e, i), part) != NULL;
    if (!found)
        for (size_t i = 0; i < err_field_count(e); i++)
            fprintf(stderr, "    said: %s\n", err_field_message(e, i));
    ASSERT_TRUE(found);
    err_free(e);
}

static const struct json *json(struct arena *arena, const char *text)
{
    const struct json *tree;

    ASSERT_OK(json_parse(arena, str_of(text), &tree));
    return tree;
}

TEST(catalogue_ships_actions_that_load)
{
    struct catalogue *catalogue CLEANUP(catalogue_freep) = NULL;
    static const char *const ids[] = {
        "redis_raise_maxmemory", "redis_kill_idle_clients", "redis_script_kill", "redis_bgsave", "restart_service",
        "renice_process",        "compress_old_logs",       "scale_out",         "check_health"
    };

    ASSERT_OK(catalogue_load(NULL, 0, &catalogue));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ASSERT_TRUE(catalogue_find(catalogue, str_of(ids[i])) != NULL);
    ASSERT_TRUE(catalogue_find(catalogue, S("flushall")) == NULL);
    const struct action_def *raise = catalogue_find(catalogue, S("redis_raise_maxmemory"));
    ASSERT_EQ_INT(3, raise->verify.samples);
    ASSERT_EQ_INT(600000, raise->cooldown.ms);
}

#define HEAD   "actions:\n  - id: x\n    doc: d\n    class: 1\n    targets: [this_host]\n    irreversible: true\n"
#define VERIFY "    verify: { expr: 'up == 1' }\n"

TEST(catalogue_takes_the_examples_of_the_manual)
{
    struct catalogue *catalogue CLEANUP(catalogue_freep) = NULL;

    ASSERT_OK(
        load("actions:\n"
             "  - id: my_raise\n"
             "    doc: Give a Redis that ran out of memory more room, while the host has some.\n"
             "    class: 1\n"
             "    parameters:\n"
             "      instance: { type: redis_instance, doc: Which one. }\n"
             "      ratio:    { type: number, min: 1.05, max: 1.5, default: 1.2 }\n"
             "    targets: [instance]\n"
             "    precheck:\n"
             "      - { expr: 'node_memory_MemAvailable_bytes > 2 * redis_memory_max_bytes{instance=\"{{instance}}\"} "
             "* ({{ratio}} - 1)' }\n"
             "    run:\n"
             "      - redis: { set: maxmemory, to: '{{ floor(current * ratio) }}' }\n"
             "    verify: { expr: 'redis_memory_used_bytes / redis_memory_max_bytes < 0.9', within: 60s, for: 3 "
             "samples, settle: 5s }\n"
             "    rollback:\n"
             "      - redis: { restore: maxmemory }\n"
             "    cooldown: 10m\n"
             "    max_targets: 1\n"
             "  - id: my_restart\n"
             "    doc: Restart a systemd unit.\n"
             "    class: 1\n"
             "    parameters:\n"
             "      unit: { type: systemd_unit }\n"
             "    targets: [unit]\n"
             "    run:\n"
             "      - command: { argv: [systemctl, restart, '{{unit}}'] }\n"
             "        timeout: 30s\n"
             "    verify: { systemd: { active: '{{unit}}' }, within: 30s }\n"
             "    irreversible: true\n",
             &catalogue));
}

TEST(catalogue_says_where_and_what_is_wrong)
{
    refuses("actions.yml:9:5: unknown key 'colour'",
            HEAD "    run: [ { comand: { argv: [ls] } } ]\n" VERIFY "    colour: red\n"); /* every fault at once */
    refuses("did you mean 'command'", HEAD "    run: [ { comand: { argv: [ls] } } ]\n" VERIFY);
    refuses("a word of its own", HEAD "    run: [ { command: { argv: [ls, '--x={{y}}'] } } ]\n" VERIFY);
    refuses("no such parameter", HEAD "    run: [ { command: { argv: [ls, '{{y}}'] } } ]\n" VERIFY);
    refuses("which is no parameter", HEAD "    parameters: { p: { type: enum, values: [ls] } }\n"
                                          "    run: [ { command: { argv: ['{{p}}'] } } ]\n" VERIFY);
    refuses("a string needs a pattern",
            HEAD "    parameters: { p: { type: string } }\n    run: [ { command: { argv: [ls] } } ]\n" VERIFY);
    refuses("expected a comparison", HEAD "    run: [ { command: { argv: [ls] } } ]\n    verify: { expr: 'up' }\n");
    refuses("verify", HEAD "    run: [ { command: { argv: [ls] } } ]\n");
    refuses("list of 1 to", HEAD "    run: []\n" VERIFY);
    refuses("names nothing to act upon", "actions:\n  - id: x\n    doc: d\n    class: 1\n    irreversible: true\n"
                                         "    run: [ { command: { argv: [ls] } } ]\n" VERIFY);
    refuses("needs a rollback", "actions:\n  - id: x\n    doc: d\n    class: 1\n    targets: [this_host]\n"
                                "    run: [ { command: { argv: [ls] } } ]\n" VERIFY);
    refuses("not one that actions may set", HEAD "    parameters: { instance: { type: redis_instance } }\n"
                                                 "    run: [ { redis: { set: requirepass, to: '1' } } ]\n" VERIFY);
    refuses("exactly one of", HEAD "    parameters: { instance: { type: redis_instance } }\n"
                                   "    run: [ { redis: { bgsave: true, script_kill: true } } ]\n" VERIFY);
    refuses("stands in", HEAD "    run: [ { command: { argv: [ls] } } ]\n" VERIFY
                              "  - id: x\n    doc: d\n    class: 1\n    targets: [this_host]\n    irreversible: true\n"
                              "    run: [ { command: { argv: [ls] } } ]\n" VERIFY);
}

TEST(arguments_are_typed_and_in_range)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct catalogue *catalogue CLEANUP(catalogue_freep) = NULL;
    struct arguments values;

    ASSERT_OK(catalogue_load(NULL, 0, &catalogue));
    const struct action_def *raise = catalogue_find(catalogue, S("redis_raise_maxmemory"));
    ASSERT_OK(arguments_read(arena, raise, json(arena, "{\"instance\":\"redis:10.0.0.1:6379\"}"), &values));
    ASSERT_STR("10.0.0.1:6379", values.at[0].text);
    ASSERT_NEAR(1.2, values.at[1].number, 0);
    static const struct {
        enum err_kind kind;
        const char *part, *text;
    } bad[] = {
        { ERR_RANGE, "is required", "{}" },
        { ERR_RANGE, "not a number", "{\"instance\":\"a:1\",\"ratio\":\"1.2\"}" },
        { ERR_RANGE, "is not from", "{\"instance\":\"a:1\",\"ratio\":1e9}" },
        { ERR_RANGE, "is not from", "{\"instance\":\"a:1\",\"ratio\":-1}" },
        { ERR_RANGE, "not a number", "{\"instance\":\"a:1\",\"ratio\":1e999}" },
        { ERR_RANGE, "not a Redis", "{\"instance\":\"a:1; FLUSHALL\"}" },
        { ERR_RANGE, "not a Redis", "{\"instance\":\"-x\"}" },
        { ERR_RANGE, "not a Redis", "{\"instance\":\"a\\n1\"}" },
        { ERR_RANGE, "not a text", "{\"instance\":7}" },
        { ERR_INVALID, "no such parameter", "{\"instance\":\"a:1\",\"shell\":\"x\"}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ASSERT_ERR(bad[i].kind, bad[i].part, arguments_read(arena, raise, json(arena, bad[i].text), &values));

    const struct action_def *restart = catalogue_find(catalogue, S("restart_service"));
    static const char *const units[] = { "--now",    "-x",   "a b", "a;b",       "$(id)",
                                         "{{unit}}", "../x", "",    "a\\u0000b", "a/b" };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"unit\":\"%s\"}", units[i]);
        err e = arguments_read(arena, restart, json(arena, text), &values);
        ASSERT_TRUE(e != NULL);
        err_free(e);
    }
    ASSERT_OK(arguments_read(arena, restart, json(arena, "{\"unit\":\"nginx\"}"), &values));
    ASSERT_STR("nginx.service", values.at[0].text);
    const struct action_def *kill = catalogue_find(catalogue, S("redis_kill_idle_clients"));
    ASSERT_ERR(ERR_RANGE, "empty selection",
               arguments_read(arena, kill, json(arena, "{\"instance\":\"a:1\",\"ids\":[]}"), &values));
    ASSERT_ERR(ERR_RANGE, "list of client ids",
               arguments_read(arena, kill, json(arena, "{\"instance\":\"a:1\",\"ids\":\"1,TYPE normal\"}"), &values));
}

TEST(template_substitutes_whole_words_and_no_options)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct argument arguments[] = {
        { S("a"), S("$(id) x"), NAN }, { S("b"), S("--force"), NAN }, { S("c"), S("x\ny"), NAN }, { S("d"), S(""), NAN }
    };
    struct str word;

    ASSERT_OK(template_element(arena, S("{{a}}"), arguments, 4, &word));
    ASSERT_STR("$(id) x", word);
    ASSERT_ERR(ERR_RANGE, "begins with '-'", template_element(arena, S("{{b}}"), arguments, 4, &word));
    ASSERT_ERR(ERR_RANGE, "line break", template_element(arena, S("{{ c }}"), arguments, 4, &word));
    ASSERT_ERR(ERR_INVALID, "no value", template_element(arena, S("{{d}}"), arguments, 4, &word));
    ASSERT_ERR(ERR_INVALID, "word of its own", template_element(arena, S("x{{a}}"), arguments, 4, &word));
    ASSERT_ERR(ERR_INVALID, "word of its own", template_element(arena, S("{{a}}{{b}}"), arguments, 4, &word));
}

TEST(canonical_json_is_one_text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, 1000);
    struct json_writer w = json_writer(&out);
    canonical_write(&w, json(arena, "{ \"b\" : [1, 2.50, {\"z\":null, \"a\":true}], \"a\":\"x\" }"));
    ASSERT_STR("{\"a\":\"x\",\"b\":[1,2.5,{\"a\":true,\"z\":null}]}", buf_str(&out));
    ASSERT_STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest_hex_of(arena, S("abc")));
}
