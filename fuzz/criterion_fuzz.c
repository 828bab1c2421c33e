/* criterion_fuzz.c - any bytes as a criterion, or as a command's output to be masked. The first byte chooses. What is
 * accepted has an answer; what is masked is UTF-8 and shows no whole secret. */
#include "action/criterion.h"
#include "action/mask.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct argument arguments[] = { { S("instance"), S("127.0.0.1:6379"), NAN },
                                             { S("ratio"), S("1.5"), 1.5 } };

static bool name(void *arg, struct str text, double *ret_value)
{
    (void)arg;
    *ret_value = (double)text.length - 3;
    return text.length % 2 == 0;
}

static void ask(struct arena *arena, struct str text)
{
    struct criterion_scope scope = { .now_ms = 1000, .arguments = arguments, .argument_count = 2, .name = name };
    struct criterion_result result;
    err checked = criterion_check(text, arguments, 2), asked = criterion_ask(arena, text, &scope, &result);

    if (!asked &&
        (result.answer > CRITERION_UNKNOWN || (result.answer != CRITERION_UNKNOWN && !isfinite(result.value))))
        abort();
    if (!checked && asked && err_kind(asked) == ERR_TOO_LARGE)
        abort();
    err_free(checked);
    err_free(asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(1 << 20);
    struct str text = { (const char *)bytes + 1, length ? length - 1 : 0 };
    struct str secrets[] = { S("s3cr3t-value") };

    if (length && bytes[0] % 2) {
        struct str masked = mask_text(arena, text, secrets, 1);
        if (!str_is_utf8(masked) || str_contains(masked, secrets[0]))
            abort();
    } else if (length) {
        ask(arena, text);
    }
    arena_free(arena);
    return 0;
}
