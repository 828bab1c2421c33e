/* assess_test.c - the models over simulated machines: what raises an alarm, what must not, and how good the ETA is. */
#include "base/test.h"
#include "base/time.h"
#include "detect/failure_model.h"

#include <math.h>

enum { ARENA_BYTES = 8 << 20 };

static uint64_t seed = 2463534242ULL;

static double uniform(void)
{
    return test_uniform(&seed);
}

static double normal(void)
{
    return test_normal(&seed);
}

static struct assessment run(const struct failure_model *model, const struct history *history)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    struct assess_options options = failure_model_options(model, 0);

    return assess(arena, model->algorithm, history, &options);
}

static const struct failure_model *const disk = &failure_models[MODEL_DISK];
static const struct failure_model *const memory = &failure_models[MODEL_MEMORY];
static const struct failure_model *const cpu = &failure_models[MODEL_CPU];
static const struct failure_model *const errors = &failure_models[MODEL_ERRORS];

enum { START = 1700000000 };

/* A disk with 40 % for a day, then growing by 1 % an hour: the usage example. */
TEST(a_growing_disk_is_told_with_its_time)
{
    struct history *history CLEANUP(history_freep) = history_new();
    struct assessment judged = { 0 };

    for (int minute = 0; minute < 24 * 60 + 35 * 60; minute++) {
        double grown = minute > 24 * 60 ? (minute - 24 * 60) / 60.0 : 0;
        history_add(history, (START + minute * 60LL) * 1000, 40 + grown + 0.05 * normal());
    }
    judged = run(disk, history);
    ASSERT_TRUE(judged.risk >= RISK_HIGH);
    ASSERT_NEAR(25 * 3600, judged.eta_seconds, 2 * 3600);
    ASSERT_TRUE(judged.eta_low <= judged.eta_seconds && judged.eta_seconds <= judged.eta_high);
    ASSERT_NEAR(1.0, judged.evidence.slope_per_hour, 0.05);
    ASSERT_TRUE(judged.evidence.r2 > 0.95 && judged.evidence.p_value < 0.001);
    ASSERT_FALSE(judged.learning);
}

TEST(a_level_that_stays_is_a_modest_risk_or_none)
{
    double levels[] = { 40, 94, 96, 99 }, least[] = { 0, 0, 0.4, 0.5 }, most[] = { 0.05, 0.05, 0.5, 0.69 };

    for (size_t i = 0; i < 4; i++) {
        struct history *history CLEANUP(history_freep) = history_new();
        for (int minute = 0; minute < 3 * 24 * 60; minute++)
            history_add(history, (START + minute * 60LL) * 1000, levels[i] + 0.02 * normal());
        struct assessment judged = run(disk, history);
        ASSERT_TRUE(judged.risk >= least[i] && judged.risk <= most[i]);
    }
    struct history *full CLEANUP(history_freep) = history_new();
    for (int minute = 0; minute < 600; minute++)
        history_add(full, (START + minute * 60LL) * 1000, 100);
    ASSERT_NEAR(1, run(disk, full).risk, 0);
}

TEST(what_is_new_learns_and_what_is_empty_says_nothing)
{
    struct history *history CLEANUP(history_freep) = history_new();
    struct assessment judged = run(disk, history);

    ASSERT_TRUE(judged.learning && judged.risk == 0 && isnan(judged.eta_seconds));
    for (int i = 0; i < 5; i++)
        history_add(history, (START + i * 5LL) * 1000, 20 + 10 * i); /* 10 % in 5 s, five samples */
    judged = run(disk, history);
    ASSERT_TRUE(judged.learning);
    ASSERT_TRUE(judged.risk == 0);
    history_add(history, START * 1000LL, 99); /* back in time */
    history_add(history, (START + 60) * 1000LL, NAN);
    history_add(history, (START + 61) * 1000LL, INFINITY);
    ASSERT_EQ_INT(5, (int64_t)history_samples(history));
}

/* One healthy life, a sample a minute; kind picks it. Memory in per cent. */
static double healthy(int kind, double minute, double *wander)
{
    double day = 2 * M_PI * minute / 1440;

    *wander = 0.98 * *wander + 0.2 * normal();
    switch (kind) {
    case 0:
        return 50 + *wander;
    case 1:
        return 50 + 15 * sin(day) + 4 * sin(2 * day + 1) + 0.5 * normal(); /* daily load */
    case 2:
        return 45 + 25 * fmod(minute, 171) / 171 + 0.3 * normal(); /* collections */
    case 3:
        return 40 + 40 * (1 - exp(-minute / 400)) + 0.3 * normal(); /* a warming cache */
    case 4:
        return 40 + 30 * (1 - exp(-fmod(minute, 2000) / 200)) + 0.3 * normal(); /* restarts */
    default:
        return 90 + 0.5 * *wander; /* high, and at home there */
    }
}

TEST(healthy_machines_raise_hardly_an_alarm)
{
    int alarms[6] = { 0 }, all = 0;
    double days = 0;

    for (int kind = 0; kind < 6; kind++) {
        for (int machine = 0; machine < 5; machine++) {
            struct history *history CLEANUP(history_freep) = history_new();
            double wander = 0;
            int quiet = 0;
            for (int minute = 0; minute < 4 * 1440; minute++) {
                history_add(history, (START + minute * 60LL) * 1000, healthy(kind, minute, &wander));
                if (minute % 30 || run(memory, history).risk < RISK_HIGH) {
                    quiet++;
                    continue;
                }
                alarms[kind] += quiet >= 360; /* closer ones are one episode */
                quiet = 0;
            }
            days += 4;
        }
        all += alarms[kind];
    }
    ASSERT_TRUE(all <= 0.02 * days); /* of 120 machine-days */
    ASSERT_EQ_INT(0, alarms[0] + alarms[1] + alarms[2]);
}

TEST(leaks_are_found_before_half_of_the_way_and_the_eta_is_right)
{
    int found = 0, early = 0, inside = 0, machines = 30;
    double error = 0;

    for (int machine = 0; machine < machines; machine++) {
        struct history *history CLEANUP(history_freep) = history_new();
        int onset = 1440 + (int)(uniform() * 700), span = 360 * (1 << machine % 4);
        double wander = 0, first = -1;
        for (int minute = 0; minute < onset + span; minute++) {
            double leak = minute > onset ? 50.0 * (minute - onset) / span : 0;
            history_add(history, (START + minute * 60LL) * 1000, healthy(0, minute, &wander) + leak);
            bool look = minute % 30 == 0 || minute == onset + 3 * span / 4;
            struct assessment judged = look ? run(memory, history) : (struct assessment){ 0 };
            if (judged.risk >= RISK_HIGH && first < 0 && minute > onset)
                first = minute;
            if (minute == onset + 3 * span / 4 && judged.risk >= RISK_HIGH) {
                double left = (onset + span - minute) * 60.0;
                error += fabs(judged.eta_seconds - left) / left;
                inside += judged.eta_low <= left && !(judged.eta_high < left);
                found++;
            }
        }
        early += first > 0 && first - onset <= 0.5 * span;
    }
    ASSERT_TRUE(found >= 0.95 * machines);
    ASSERT_TRUE(early >= 0.8 * machines);
    ASSERT_TRUE(error / found <= 0.25);
    ASSERT_TRUE(inside >= 0.7 * found);
}

TEST(cpu_growth_over_days_is_found_and_noise_is_not)
{
    struct history *rising CLEANUP(history_freep) = history_new(), *steady CLEANUP(history_freep) = history_new();

    for (int minute = 0; minute < 6 * 1440; minute++) {
        double noise = 3 * normal();
        history_add(rising, (START + minute * 60LL) * 1000, 30 + 8.0 * minute / 1440 + noise);
        history_add(steady, (START + minute * 60LL) * 1000, 30 + noise + 20 * sin(2 * M_PI * minute / 1440));
    }
    struct assessment judged = run(cpu, rising);
    ASSERT_TRUE(judged.risk >= RISK_HIGH);
    ASSERT_NEAR(7.0 / 8 * 86400, judged.eta_seconds, 0.1 * 86400);
    ASSERT_TRUE(run(cpu, steady).risk < RISK_MEDIUM);
}

TEST(load_that_is_unusual_counts_more_than_load_that_is_not)
{
    struct history *usual CLEANUP(history_freep) = history_new(), *new CLEANUP(history_freep) = history_new();

    for (int minute = 0; minute < 1440; minute++) {
        history_add(usual, (START + minute * 60LL) * 1000, 95 + normal());
        history_add(new, (START + minute * 60LL) * 1000, (minute < 1420 ? 20 : 95) + normal());
    }
    ASSERT_TRUE(run(cpu, new).risk >= RISK_HIGH);
    ASSERT_TRUE(run(cpu, usual).risk >= RISK_MEDIUM && run(cpu, usual).risk < RISK_HIGH);
}

TEST(errors_count_by_surprise_and_by_size)
{
    double spikes[] = { 1, 3, 40 }, least[] = { 0, 0, 0.9 }, most[] = { 0.2, 0.69, 1 };

    for (size_t i = 0; i < 3; i++) {
        struct history *history CLEANUP(history_freep) = history_new();
        for (int minute = 0; minute < 600; minute++)
            history_add(history, (START + minute * 60LL) * 1000, minute < 595 ? 0.2 * uniform() : spikes[i]);
        struct assessment judged = run(errors, history);
        ASSERT_TRUE(judged.risk >= least[i] && judged.risk <= most[i]);
        ASSERT_NEAR(0.1, judged.evidence.baseline, 0.03);
    }
}

TEST(history_keeps_less_of_what_is_older)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    struct history *history CLEANUP(history_freep) = history_new();
    int64_t now = (START + 40 * 86400LL) * 1000;

    for (int64_t second = 0; second <= 40 * 86400LL; second += 60)
        history_add(history, (START + second) * 1000, (double)(second % 900));
    ASSERT_TRUE(history_window(arena, history, now - HOUR_MS, now).count == 60);
    ASSERT_NEAR(360, (double)history_window(arena, history, now - 11 * HOUR_MS, now).count, 31);
    struct reading_list all = history_window(arena, history, 0, now);
    ASSERT_EQ_INT(2016, (int64_t)all.count);
    ASSERT_NEAR(0, all.at[7].low, 0);
    ASSERT_NEAR(840, all.at[7].high, 0);
    ASSERT_NEAR(420, all.at[7].mean, 0.01);
}

TEST(risk_of_posted_values_rounds_as_python_does)
{
    ASSERT_NEAR(0.8, risk_of_value(85, 85, 0.8), 0);
    ASSERT_NEAR(0.8, risk_of_value(1e300, 85, 0.8), 0);
    ASSERT_NEAR(0.471, risk_of_value(50, 85, 0.8), 0);
    ASSERT_NEAR(1, risk_of_value(95, 95, 1), 0);
    ASSERT_NEAR(0.905, risk_of_value(86, 95, 1), 0);
    ASSERT_NEAR(0, risk_of_value(-5, 95, 1), 0);
    ASSERT_NEAR(0, risk_of_value(5, 0, 1), 0);
    ASSERT_NEAR(0, risk_of_value(5, -1, 1), 0);
    ASSERT_NEAR(0.062, round_decimals(0.0625, 3), 0); /* a true half: to even */
    ASSERT_NEAR(0.188, round_decimals(0.1875, 3), 0);
    ASSERT_NEAR(0.001, round_decimals(0.0015, 3) - 0.001, 1e-12); /* 0.0015 is above the half as a double */
    ASSERT_NEAR(2.67, round_decimals(2.675, 2), 0);               /* and 2.675 below it */
    ASSERT_STR("HIGH", str_of(risk_level(0.7)));
    ASSERT_STR("MEDIUM", str_of(risk_level(0.4)));
    ASSERT_STR("LOW", str_of(risk_level(0.399)));
}
