/* failure_model.c - the table of the four models, and the risk of a posted value. */
#include "detect/failure_model.h"

#include "base/time.h"

#include <math.h>
#include <stdio.h>

/* Order of texts: enum lang, that is English, Korean, Chinese. */
const struct failure_model failure_models[MODEL_COUNT] = {
    [MODEL_CPU] = {
        .id = "CPU_TREND_7D",
        .signal_type = "cpu_spike",
        .threshold = 85.0,
        .weight = 0.8,
        .window_days = 7,
        .algorithm = LINEAR_REGRESSION,
        .name = { "CPU growth over 7 days", "CPU 7일 증가율", "CPU 7 天增长率" },
        .description = { "Linear regression of CPU usage over 7 days, checked by Theil-Sen; when does it pass 85 %?",
                         "최근 7일 CPU 사용률의 선형 회귀(Theil-Sen 검증)로 85 % 도달 시점을 예측",
                         "对近 7 天 CPU 使用率做线性回归(Theil-Sen 校验),预测何时超过 85 %" },
        .predicted_failure = { "Service outage under high load", "고부하 서비스 중단", "高负载导致服务中断" },
        .action_type = "scale_out",
        .action = { "Restart at lower priority what uses the most CPU", "CPU 집중 프로세스 낮은 우선순위 재시작",
                    "以较低优先级重启 CPU 密集进程" },
        .limit = 85,
        .level_from = 85,
        .noise_floor = 2,
        .min_window_ms = DAY_MS,
        .horizon_ms = 7LL * DAY_MS,
    },
    [MODEL_MEMORY] = {
        .id = "MEM_LEAK_DETECT",
        .signal_type = "mem_leak",
        .threshold = 90.0,
        .weight = 0.9,
        .window_days = 3,
        .algorithm = MONOTONIC_INCREASE,
        .name = { "Memory leak detection", "메모리 누수 감지", "内存泄漏检测" },
        .description = { "A memory floor that keeps rising (Mann-Kendall over up to 3 days), and when memory is used up",
                         "최근 3일 메모리 하한의 단조 증가(Mann-Kendall)와 고갈 시점을 감지",
                         "检测近 3 天内存下限的单调上升(Mann-Kendall)及耗尽时间" },
        .predicted_failure = { "OOM (out of memory) crash", "OOM(Out-of-Memory) 크래시", "OOM(内存不足)崩溃" },
        .action_type = "service_restart",
        .action = { "Restart the leaking service safely", "메모리 누수 서비스 안전 재시작", "安全重启内存泄漏的服务" },
        .limit = 100,
        .level_from = 95,
        .noise_floor = 0.3,
        .min_window_ms = 10 * MINUTE_MS,
        .horizon_ms = 4LL * DAY_MS,
    },
    [MODEL_DISK] = {
        .id = "DISK_GROWTH",
        .signal_type = "disk_full",
        .threshold = 95.0,
        .weight = 1.0,
        .window_days = 14,
        .algorithm = LINEAR_EXTRAPOLATION,
        .name = { "Disk growth", "디스크 증가율", "磁盘增长率" },
        .description = { "Linear extrapolation of disk usage over up to 14 days to the moment when it is full",
                         "최근 14일 디스크 사용량을 선형 외삽하여 가득 차는 시점을 예측",
                         "对近 14 天磁盘使用量做线性外推,预测写满时间" },
        .predicted_failure = { "Disk full: the service can't write", "디스크 풀 — 서비스 쓰기 오류",
                               "磁盘写满:服务写入失败" },
        .action_type = "disk_cleanup",
        .action = { "Compress logs older than 30 days", "30일 초과 로그 압축 정리", "压缩超过 30 天的日志" },
        .limit = 100,
        .level_from = 95,
        .noise_floor = 0.1,
        .min_window_ms = 5 * MINUTE_MS,
        .horizon_ms = 14LL * DAY_MS,
    },
    [MODEL_ERRORS] = {
        .id = "ERROR_SPIKE",
        .signal_type = "error_rate",
        .threshold = 15.0,
        .weight = 0.85,
        .window_days = 1,
        .algorithm = Z_SCORE_ANOMALY,
        .name = { "Error rate spike", "에러율 급증", "错误率激增" },
        .description = { "Robust z-score (median, MAD) of the error rate against the last day",
                         "최근 1일 기준선(중앙값·MAD) 대비 에러율의 강건 z-점수 이상 감지",
                         "以近 1 天基线(中位数、MAD)计算错误率的稳健 z 分数" },
        .predicted_failure = { "Partial outage, or no answers at all", "서비스 부분 중단 / 응답 불가",
                               "服务部分中断 / 无响应" },
        .action_type = "health_check",
        .action = { "Check health, restart the service if it fails", "헬스체크 후 이상 시 서비스 재시작",
                    "健康检查,异常时重启服务" },
        .limit = 15,
        .level_from = 15,
        .noise_floor = 0.5,
        .min_window_ms = 10 * MINUTE_MS,
        .horizon_ms = 1LL * DAY_MS,
    },
};

const struct failure_model failure_model_unknown = {
    .id = "",
    .signal_type = "",
    .threshold = 80.0,
    .weight = 0.8,
    .window_days = 7,
    .algorithm = LINEAR_REGRESSION,
    .name = { "Other", "기타", "其他" },
    .description = { "", "", "" },
    .predicted_failure = { "Service failure", "서비스 장애", "服务故障" },
    .action_type = "manual_review",
    .action = { "Needs a person's look", "수동 점검 필요", "需要人工检查" },
    .limit = 100,
    .level_from = 95,
    .noise_floor = 1,
    .min_window_ms = DAY_MS,
    .horizon_ms = 7LL * DAY_MS,
};

const struct failure_model *failure_model_find(struct str signal_type)
{
    for (size_t i = 0; i < MODEL_COUNT; i++)
        if (str_eq(signal_type, str_of(failure_models[i].signal_type)))
            return &failure_models[i];
    return NULL;
}

const struct failure_model *failure_model_for(struct str signal_type)
{
    const struct failure_model *model = failure_model_find(signal_type);
    return model ? model : &failure_model_unknown;
}

struct assess_options failure_model_options(const struct failure_model *model, double limit)
{
    double scale = limit > 0 ? limit / model->limit : 1;

    return (struct assess_options){ .threshold = model->level_from * scale,
                                    .limit = model->limit * scale,
                                    .window_ms = (int64_t)model->window_days * DAY_MS,
                                    .min_window_ms = model->min_window_ms,
                                    .horizon_ms = model->horizon_ms,
                                    .noise_floor = model->noise_floor * scale };
}

double round_decimals(double value, int digits)
{
    char text[400];
    double rounded = 0;

    /* glibc prints the exact decimal value, rounded half to even: what Python does. */
    snprintf(text, sizeof text, "%.*f", digits, value);
    return str_to_double(str_of(text), &rounded) ? rounded : value;
}

double risk_of_value(double value, double threshold, double weight)
{
    if (!(threshold > 0) || !(value > 0))
        return 0;
    return round_decimals(fmin(1, fmin(1, value / threshold) * weight), 3);
}

const char *risk_level(double risk)
{
    return risk >= RISK_HIGH ? "HIGH" : risk >= RISK_MEDIUM ? "MEDIUM" : "LOW";
}
