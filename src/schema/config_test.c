/* config_test.c - sections out of files. */
#include "base/file.h"
#include "base/test.h"
#include "schema/config.h"

#include <stdio.h>

struct shop {
    struct str name;
    int64_t tills;
    struct str key;
};

static const struct field shop_fields[] = {
    STRING(struct shop, name, .def = "corner", .doc = "What it is called."),
    INT(struct shop, tills, .def = "2", .min = 1, .max = 100, .doc = "How many."),
    STRING(struct shop, key, .flags = F_SECRET, .doc = "Of the door."),
    { 0 },
};
static const struct schema shop_schema = SCHEMA(struct shop, shop_fields, .doc = "A shop, for tests.");
static const struct config_section shop_section = { .key = "test_shop", .schema = &shop_schema };
REGISTER(config_section, shop_section);
static const struct config_section shops_section = { .key = "test_shops", .schema = &shop_schema, .is_list = true };
REGISTER(config_section, shops_section);

static const char *write_file(char path[128], const char *name, const char *text)
{
    snprintf(path, 128, "%s/%s", test_folder(), name);
    ASSERT_OK(file_write(path, str_of(text), 0600));
    return path;
}

TEST(config_of_nothing_is_all_defaults)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    size_t count;

    ASSERT_OK(config_load(NULL, 0, &config));
    const struct shop *shop = config_get(config, &shop_section);
    ASSERT_STR("corner", shop->name);
    ASSERT_EQ_INT(2, shop->tills);
    config_list(config, &shops_section, &count);
    ASSERT_EQ_INT(0, count);
}

TEST(config_files_merge_and_secrets_stay_hidden)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    struct buf text CLEANUP(buf_clear) = { 0 };
    char a[128], b[128];
    size_t count;
    const char *files[] = { write_file(a, "a.yml", "test_shop: {name: main, key: open}\n"),
                            write_file(b, "b.yml", "test_shops:\n  - name: x\n  - {name: y, tills: 7}\n") };

    ASSERT_OK(config_load(files, 2, &config));
    struct config *again CLEANUP(config_unrefp) = config_ref(config);
    ASSERT_STR("main", ((const struct shop *)config_get(again, &shop_section))->name);
    const struct shop *shops = config_list(config, &shops_section, &count);
    ASSERT_EQ_INT(2, count);
    ASSERT_EQ_INT(7, shops[1].tills);
    buf_init(&text, 1 << 20);
    struct json_writer w = json_writer(&text);
    config_write(&w, config);
    ASSERT_CONTAINS("\"test_shop\":{\"name\":\"main\",\"tills\":2,\"key\":\"<secret>\"}", buf_str(&text));
}

TEST(config_names_every_fault_of_every_file)
{
    struct config *config = NULL;
    char a[128], b[128];
    const char *files[] = { write_file(a, "a.yml", "test_shop:\n  tills: 0\ntest_shp: 1\n"),
                            write_file(b, "b.yml", "test_shop: {}\ntest_shops:\n - nmae: x\n") };

    err e CLEANUP(err_freep) = config_load(files, 2, &config);
    ASSERT_EQ_INT(ERR_INVALID, err_kind(e));
    ASSERT_EQ_INT(4, err_field_count(e));
    struct str message = str_of(err_message(e));
    ASSERT_CONTAINS("a.yml:3:1: unknown key 'test_shp'; did you mean 'test_shop'?", message);
    ASSERT_CONTAINS("b.yml:1:1: 'test_shop' stands in ", message);
    ASSERT_CONTAINS("a.yml:1:1 already; keep one of them", message);
    ASSERT_CONTAINS("a.yml:2:10: test_shop.tills: 0 is out of range; allowed is 1 to 100", message);
    ASSERT_CONTAINS("b.yml:3:4: test_shops[0]: unknown key 'nmae'; did you mean 'name'?", message);
}

TEST(config_says_what_is_wrong_with_a_file)
{
    struct config *config = NULL;
    char path[128];
    const char *files[] = { write_file(path, "a.yml", "- a\n") };

    ASSERT_ERR(ERR_INVALID, "a.yml:1:1: a configuration is a mapping", config_load(files, 1, &config));
    write_file(path, "a.yml", "test_shop: [\n");
    ASSERT_ERR(ERR_INVALID, "a.yml:2:1: ", config_load(files, 1, &config));
    write_file(path, "a.yml", "test_shops: 5\n");
    ASSERT_ERR(ERR_INVALID, "a.yml:1:1: test_shops: must be a list, not a number", config_load(files, 1, &config));
    files[0] = "/nonexistent/a.yml";
    ASSERT_ERR(ERR_NOT_FOUND, "/nonexistent/a.yml", config_load(files, 1, &config));
}

TEST(config_default_file_reads_as_no_file)
{
    struct config *none CLEANUP(config_unrefp) = NULL, *all CLEANUP(config_unrefp) = NULL;
    struct buf text CLEANUP(buf_clear) = { .max = 4 << 20 };
    struct buf expected CLEANUP(buf_clear) = { .max = 4 << 20 }, found CLEANUP(buf_clear) = { .max = 4 << 20 };
    char path[128];

    config_write_default(&text);
    const char *files[] = { write_file(path, "default.yml", buf_c(&text)) };
    ASSERT_OK(config_load(NULL, 0, &none));
    ASSERT_OK(config_load(files, 1, &all));
    struct json_writer a = json_writer(&expected), b = json_writer(&found);
    config_write(&a, none);
    config_write(&b, all);
    ASSERT_STR(buf_c(&expected), buf_str(&found));
}

TEST(config_describes_every_section)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    struct buf text CLEANUP(buf_clear) = { .max = 4 << 20 };
    struct json_writer w = json_writer(&text);
    const struct json *json;

    config_write_schema(&w);
    ASSERT_OK(json_parse(arena, buf_str(&text), &json));
    const struct json *shops = json_get(json_get(json, S("properties")), S("test_shops"));
    ASSERT_STR("#/$defs/shop", json_str_or(json_get(json_get(shops, S("items")), S("$ref")), S("")));
    ASSERT_TRUE(json_get(json_get(json, S("$defs")), S("shop")) != NULL);
    buf_reset(&text);
    config_write_markdown(&text);
    ASSERT_CONTAINS("## test_shops (a list)\n\nA shop, for tests.\n\n| key |", buf_str(&text));
}
