/* scores.h - what the shipped benchmark measured of each model (content/prediction_scores.json).
 *
 * Owner: read from the embedded file. Threads: any. */
#pragma once
#include "detect/failure_model.h"

struct score {
    double accuracy, recall; /* percent */
    int64_t cases;
};

/* score_of - ERR_CORRUPT where the file does not have the model. */
err score_of(struct arena *arena, const struct failure_model *model, struct score *ret_score) MUST_USE;
