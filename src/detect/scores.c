/* scores.c - reads the benchmark's figures out of the binary. */
#include "detect/scores.h"

#include "base/asset.h"
#include "base/json.h"

err score_of(struct arena *arena, const struct failure_model *model, struct score *ret_score)
{
    const struct asset *file = asset_find(S("content/prediction_scores.json"));
    const struct json *json = NULL;

    if (!file)
        return err_new(ERR_CORRUPT, "content/prediction_scores.json is not in this binary");
    TRY(json_parse(arena, (struct str){ (const char *)file->bytes, file->length }, &json));
    const struct json *row = json_get(json_get(json, S("models")), str_of(model->signal_type));
    *ret_score =
        (struct score){ json_number_or(json_get(row, S("accuracy")), -1),
                        json_number_or(json_get(row, S("recall")), -1), json_i64_or(json_get(row, S("cases")), 0) };
    if (ret_score->accuracy < 0 || ret_score->recall < 0 || ret_score->cases <= 0)
        return err_new(ERR_CORRUPT, "content/prediction_scores.json has no figures of %s", model->signal_type);
    return NULL;
}
