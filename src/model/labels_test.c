/* labels_test.c - label sets. */
#include "base/test.h"
#include "model/labels.h"

#include <string.h>

static const char *written(struct arena *arena, struct labels labels)
{
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 16 };

    labels_write_series(&text, labels);
    return str_c(arena, buf_str(&text));
}

TEST(labels_are_sorted_unique_and_without_empty_values)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label items[] = { { S("job"), S("old") },
                             { S("instance"), S("a:9100") },
                             { S("__name__"), S("up") },
                             { S("job"), S("redis") },
                             { S("zone"), S("") } };
    struct labels labels = labels_make(arena, items, ARRAY_LEN(items));

    ASSERT_STR("up{instance=\"a:9100\",job=\"redis\"}", str_of(written(arena, labels)));
    ASSERT_STR("redis", labels_get(labels, S("job")));
    ASSERT_STR("", labels_get(labels, S("zone")));
    ASSERT_TRUE(labels_eq(labels, labels_copy(arena, labels)));
    ASSERT_EQ_INT(0, labels_make(arena, NULL, 0).count);
}

TEST(labels_are_written_with_prometheus_escapes)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label item = { S("a"), S("x\"y\\z\nw") };
    struct label name = { S("__name__"), S("up") };

    ASSERT_STR("{a=\"x\\\"y\\\\z\\nw\"}", str_of(written(arena, labels_make(arena, &item, 1))));
    ASSERT_STR("up", str_of(written(arena, labels_make(arena, &name, 1))));
    ASSERT_STR("{}", str_of(written(arena, (struct labels){ 0 })));
}

TEST(labels_of_many_sort_as_few_do)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label items[100];
    uint32_t seed = 1;

    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        seed = seed * 1103515245 + 12345;
        items[i] = (struct label){ str_printf(arena, "l%02u", (seed >> 16) % 40), str_printf(arena, "%zu", i) };
    }
    struct labels labels = labels_make(arena, items, ARRAY_LEN(items));
    for (size_t i = 0; i < labels.count; i++) {
        struct str last = S("");
        for (size_t j = 0; j < ARRAY_LEN(items); j++)
            if (str_eq(items[j].name, labels.at[i].name))
                last = items[j].value;
        ASSERT_TRUE(str_eq(last, labels.at[i].value));
        ASSERT_TRUE(i == 0 || str_cmp(labels.at[i - 1].name, labels.at[i].name) < 0);
    }
}

/* fnv - the definition of model.LabelSet.Fingerprint, byte by byte over the written-out text. */
static uint64_t fnv(struct str bytes)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.length; i++) {
        hash ^= (unsigned char)bytes.at[i];
        hash *= 0x100000001b3u;
    }
    return hash;
}

TEST(labels_fingerprint_is_that_of_prometheus)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label items[] = { { S("job"), S("redis") }, { S("alertname"), S("Down") } };
    struct labels labels = labels_make(arena, items, 2);

    ASSERT_TRUE(labels_fingerprint((struct labels){ 0 }) == 0xcbf29ce484222325u);
    ASSERT_TRUE(labels_fingerprint(labels) == fnv(S("alertname\xFF"
                                                    "Down\xFF"
                                                    "job\xFF"
                                                    "redis\xFF")));
}

TEST(labels_hash_tells_borders)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct label a = { S("ab"), S("c") }, b = { S("a"), S("bc") };

    ASSERT_TRUE(labels_hash(labels_make(arena, &a, 1)) != labels_hash(labels_make(arena, &b, 1)));
    ASSERT_TRUE(labels_hash(labels_make(arena, &a, 1)) == labels_hash(labels_make(arena, &a, 1)));
}

TEST(labels_come_from_json_objects)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *json;
    struct labels labels;

    ASSERT_OK(json_parse(arena, S("{\"b\":\"x\",\"a\":5,\"c\":true,\"d\":0.5,\"e\":\"\"}"), &json));
    ASSERT_OK(labels_from_json(arena, json, &labels));
    ASSERT_STR("{a=\"5\",b=\"x\",c=\"true\",d=\"0.5\"}", str_of(written(arena, labels)));
    ASSERT_OK(json_parse(arena, S("{\"b\":{}}"), &json));
    ASSERT_ERR(ERR_RANGE, "b: a label's value is a string, not an object", labels_from_json(arena, json, &labels));
    ASSERT_OK(json_parse(arena, S("[]"), &json));
    ASSERT_ERR(ERR_RANGE, "labels are an object", labels_from_json(arena, json, &labels));
}
