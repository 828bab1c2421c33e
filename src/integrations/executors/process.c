/* process.c - as a check only: does a process have the priority that it should have? */
#include "action/arguments.h"
#include "action/executor.h"
#include "action/selection.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

struct process_step {
    struct str nice_of, at_least;
};

static const struct field process_fields[] = {
    STRING(struct process_step, nice_of, .flags = F_REQUIRED, .max = 100, .doc = "The process: '{{parameter}}'."),
    STRING(struct process_step, at_least, .flags = F_REQUIRED, .max = 100, .doc = "Its nice value, or a larger one."),
    { 0 },
};

static err process_check(const void *settings, const struct argument *arguments, size_t count)
{
    const struct process_step *process = settings;

    TRY(template_check(process->nice_of, arguments, count));
    return template_check(process->at_least, arguments, count);
}

static err process_plan(struct step_call *call, const void *settings, const struct planned_step *earlier,
                        size_t earlier_count, struct planned_step *ret_step)
{
    const struct process_step *process = settings;
    struct str pid, nice;
    int64_t number, at_least;

    (void)earlier, (void)earlier_count;
    TRY(template_element(call->arena, process->nice_of, call->arguments, call->argument_count, &pid));
    TRY(template_element(call->arena, process->at_least, call->arguments, call->argument_count, &nice));
    if (!str_to_i64(pid, &number) || !str_to_i64(nice, &at_least))
        return err_new(ERR_INVALID, "nice_of wants a process, at_least a whole number");
    ret_step->resolved =
        str_printf(call->arena, "{\"at_least\":%lld,\"pid\":%lld,\"start\":\"%llu\"}", (long long)at_least,
                   (long long)number, (unsigned long long)process_start((pid_t)number));
    ret_step->display = str_printf(call->arena, "nice of process %lld >= %lld", (long long)number, (long long)at_least);
    return NULL;
}

static err process_run(struct step_call *call, const struct json *resolved, const struct planned_step *step,
                       struct step_outcome *ret_outcome)
{
    pid_t pid = (pid_t)json_i64_or(json_get(resolved, S("pid")), 0);
    uint64_t start = 0;

    (void)step;
    if (!str_to_u64(json_str_or(json_get(resolved, S("start")), S("")), &start) || process_start(pid) != start)
        return err_new(ERR_NOT_FOUND, "the process is gone");
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, (id_t)pid);
    if (errno)
        return err_errno("priority of process %d", pid);
    ret_outcome->answer = nice >= json_i64_or(json_get(resolved, S("at_least")), 20) ? CRITERION_YES : CRITERION_NO;
    ret_outcome->value = nice;
    ret_outcome->detail = str_printf(call->arena, "process %d has nice %d", pid, nice);
    return NULL;
}

static const struct executor process = {
    .name = "process",
    .doc = "As a check: the nice value of a process.",
    .settings = SCHEMA(struct process_step, process_fields),
    .check = process_check,
    .plan = process_plan,
    .run = process_run,
};
REGISTER(executor, process);
