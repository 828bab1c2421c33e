/* failure_model.h - the four failure models, what each says in three languages, and the formula for posted values.
 *
 * Owner: nobody, all of it is constant. Threads: any. Clients rely on ids, thresholds, weights and the Korean texts. */
#pragma once
#include "detect/assess.h"
#include "net/route.h"

enum failure_model_index { MODEL_CPU, MODEL_MEMORY, MODEL_DISK, MODEL_ERRORS, MODEL_COUNT };

struct failure_model {
    const char *id;
    const char *signal_type;
    double threshold; /* of posted values, percent */
    double weight;
    int window_days;
    enum algorithm algorithm;
    const char *name[LANG_COUNT];
    const char *description[LANG_COUNT];
    const char *predicted_failure[LANG_COUNT];
    const char *action_type;
    const char *action[LANG_COUNT]; /* the prevention's description */
    /* For assess(), of values in percent: */
    double limit;      /* the failure itself */
    double level_from; /* where the level alone becomes worth naming */
    double noise_floor;
    int64_t min_window_ms, horizon_ms;
};

extern const struct failure_model failure_models[MODEL_COUNT];
/* failure_model_unknown - what holds for every other type: threshold 80, weight 0.8, manual_review. */
extern const struct failure_model failure_model_unknown;

/* failure_model_find - by signal type; NULL where there is none. failure_model_for never is: the unknown one then. */
const struct failure_model *failure_model_find(struct str signal_type);
const struct failure_model *failure_model_for(struct str signal_type);

/* failure_model_options - for series in the unit of `limit`; 0: percent. */
struct assess_options failure_model_options(const struct failure_model *model, double limit);

/* risk_of_value - round(min(1, min(1, value / threshold) * weight), 3): half to even on the exact decimal value of the
 * double, as Python's round does. Never below 0; 0 where the threshold is not positive. */
double risk_of_value(double value, double threshold, double weight);
/* round_decimals - the nearest double to the value's decimal expansion cut to `digits`, as Python's round(). */
double round_decimals(double value, int digits);

enum { RISK_LEVEL_LENGTH_MAX = 6 };
#define RISK_HIGH   0.7
#define RISK_MEDIUM 0.4
const char *risk_level(double risk); /* HIGH, MEDIUM, LOW */
