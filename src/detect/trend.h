/* trend.h - the statistics behind the four algorithms: lines, monotone trends, crossings, robust deviations.
 *
 * Owner: nobody, pure functions; working memory comes from the caller's arena. Threads: any.
 * Times are seconds on any origin, rising, at any spacing. Values are finite (points_clean saw to that). */
#pragma once
#include "base/arena.h"

struct trend_points {
    const double *time;
    const double *value;
    size_t count;
};

/* trend_clean - copies what can be judged: finite values, strictly rising times (the first of equal times wins; what
 * goes back is dropped). */
struct trend_points trend_clean(struct arena *arena, const double *time, const double *value, size_t count);

/* A straight line by ordinary least squares. Errors of neighbours are rarely independent, so the number of samples is
 * first reduced to n (1 - r) / (1 + r), r the residuals' correlation with their predecessors where it is positive:
 * Santer et al., Journal of Geophysical Research 105, 2000, section 4. */
struct trend_line {
    double slope;                 /* per second */
    double center_time;           /* mean time, and */
    double center_value;          /* the line's value there */
    double r2;                    /* 0 where the values are constant */
    double p_value;               /* of slope = 0, two-sided t test; 1 where nothing can be said */
    double residual_sd;           /* 0 where the fit is exact */
    double effective;             /* samples, after the reduction above; >= 2 */
    double time_spread;           /* sum of (t - center)^2, scaled to `effective` samples */
    double robust_slope;          /* Theil-Sen: the median of the slopes of pairs. Sen, JASA 63, 1968 */
    double slope_low, slope_high; /* 95 % */
};
/* trend_line_fit - false with fewer than 3 points. */
bool trend_line_fit(struct arena *arena, struct trend_points points, struct trend_line *ret_line) MUST_USE;
double trend_line_at(const struct trend_line *line, double time);
/* trend_line_predict - 95 % interval of one new value at `time`. */
void trend_line_predict(const struct trend_line *line, double time, double *ret_low, double *ret_high);

/* trend_sen_slope - median slope of all pairs (above 200 points, of an even selection of them); NaN under 2 points. */
double trend_sen_slope(struct arena *arena, struct trend_points points);

/* Is it rising, whatever its shape? Mann, Econometrica 13, 1945; Kendall 1975, with the variance for ties. */
struct trend_monotone {
    double s, tau, z;
    double p_value; /* two-sided, normal approximation with continuity correction; 1 under 4 points */
};
struct trend_monotone trend_mann_kendall(struct trend_points points);

/* When does the line reach `limit`? */
struct trend_crossing {
    double at;        /* NaN where the line does not go there */
    double low, high; /* 95 %, from the joint uncertainty of level and slope: Fieller, JRSS B 16, 1954. high is infinite
                         where the slope can't be told from 0; low may lie before the newest sample */
};
struct trend_crossing trend_line_crossing(const struct trend_line *line, double limit);

/* How far is a value from what was usual? Median and MAD instead of mean and deviation, so that earlier incidents do
 * not count as usual: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993. `floor` is the least scale: a
 * baseline that never moved must not turn the first flicker into a thousand sigma. */
struct trend_deviation {
    double z, baseline, scale;
};
struct trend_deviation trend_robust_z(struct arena *arena, const double *baseline, size_t count, double value,
                                      double floor);
