/* routes_test.c - what holds for every route that is registered. */
#include "base/test.h"
#include "net/route.h"

#include <stdio.h>
#include <string.h>

/* Schemas become components of the OpenAPI document by their names. */
static void check_name(const struct schema *schema, void *arg)
{
    static const struct schema *seen[2000];
    static size_t count;

    for (size_t i = 0; i < count; i++) {
        if (seen[i] == schema)
            return;
        if (strcmp(seen[i]->name, schema->name) == 0) {
            printf("two schemas are called '%s'\n", schema->name);
            *(bool *)arg = true;
        }
    }
    ASSERT_TRUE(count < ARRAY_LEN(seen));
    seen[count++] = schema;
}

TEST(every_schema_of_a_route_has_a_name_of_its_own)
{
    bool doubles = false;

    FOR_EACH_REGISTERED (route, it) {
        const struct schema *schemas[] = { it->body, it->reply };
        for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
            if (schemas[i]) {
                schema_each_nested(schemas[i], check_name, &doubles);
                check_name(schemas[i], &doubles);
            }
    }
    ASSERT_FALSE(doubles);
}

TEST(every_route_is_described_and_says_who_may_call)
{
    size_t count = 0;

    FOR_EACH_REGISTERED (route, it) {
        ASSERT_TRUE(it->summary && *it->summary);
        ASSERT_TRUE(it->path[0] == '/');
        bool writes = strcmp(it->method, "GET") != 0;
        bool public = strcmp(it->path, "/api/v1/login") == 0;
        ASSERT_TRUE(!writes || public || it->role != ROLE_NOBODY);
        count++;
    }
    ASSERT_TRUE(count > 40);
}
