/* promql_fuzz.c - any bytes as PromQL: refused, or a tree whose text reads back as itself. */
#include "promql/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static err parse_and_print(struct arena *arena, struct str text, struct buf *out)
{
    struct buf pretty CLEANUP(buf_clear) = { .max = 1 << 20 }, tree CLEANUP(buf_clear) = { .max = 4 << 20 };
    struct json_writer w = json_writer(&tree);
    struct expr *expr;

    TRY(promql_parse(arena, text, &promql_all_features, &expr));
    promql_print(out, expr);
    promql_print_pretty(&pretty, expr);
    promql_print_json(&w, expr);
    return buf_check(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct buf once CLEANUP(buf_clear) = { .max = 4 << 20 }, twice CLEANUP(buf_clear) = { .max = 4 << 20 };
    struct str text = { (const char *)bytes, length };
    struct matcher *matchers;
    struct labels labels;
    size_t count;

    err_free(promql_parse_selector(arena, text, &matchers, &count));
    err_free(promql_parse_metric(arena, text, &labels));
    err e CLEANUP(err_freep) = parse_and_print(arena, text, &once);
    if (e)
        return 0;
    e = parse_and_print(arena, buf_str(&once), &twice);
    if (e || !str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    return 0;
}
