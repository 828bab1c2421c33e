/* scraping.c - jobs, their targets, and when each is scraped.
 *
 * DESIGN. A job is one entry of scrape_configs with its own copy of what discovery said. Whenever a provider has news,
 * the job works out its targets anew and compares: the same target keeps its loop and its timer, a new one gets them, a
 * gone one ends. Targets are spread over their interval by a hash of their key, so they are scraped at the same moments
 * after a reload or a restart. A reload keeps jobs whose configuration is the same; of the others the loops of targets
 * that stay hand over what they know. */
#include "scrape/scraping.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "ingest/global.h"
#include "scrape/discovery.h"

#include <pthread.h>
#include <stdlib.h>

METRIC(GAUGE, scrape_targets, "Targets that are scraped.", NULL);

enum { JOB_BYTES_MAX = 1 << 30, TARGET_BYTES = 1 << 20, DROPPED_SHOWN = 100, ON_TIME_MS = 250 };

struct running {
    struct arena *arena; /* in which it stands itself */
    struct target target;
    struct loop *loop;
    struct timer *timer;
    int64_t offset_ms;
    bool wanted;
};

struct asked {
    struct job *job;
    struct provider provider;
    struct timer *timer;
    struct arena *arena; /* of the last good answer */
    struct target_group *groups;
    size_t group_count;
};

struct job {
    struct scraping *scraping;
    struct config *config; /* referenced: settings point into it */
    const struct scrape_config *settings;
    struct target_defaults defaults;
    struct arena *arena;
    struct str identity; /* everything that was configured, to see a change */
    const struct relabel *relabel;
    struct asked *asked;
    size_t asked_count;
    pthread_mutex_t syncing; /* one at a time works out the targets; taken before lock */
    pthread_mutex_t lock;    /* of what follows */
    VEC(struct running *) targets;
    struct arena *dropped_arena;
    VEC(struct labels) dropped;
    size_t dropped_total;
    struct buf error;
};

typedef VEC(struct job *) job_list;

struct scraping {
    struct scraping_options options;
    pthread_mutex_t lock; /* of the list */
    job_list jobs;
};

/* ---- targets ---- */

static void scrape_now(void *arg)
{
    struct running *running = arg;
    int64_t now_ms = time_now_ms(), interval = running->target.interval_ms;
    int64_t due_ms = (now_ms - running->offset_ms) / interval * interval + running->offset_ms;

    /* A scrape that began on time is said to have been on time: regular steps compress and compare well. */
    loop_scrape(running->loop, now_ms - due_ms <= ON_TIME_MS && now_ms - due_ms <= interval / 10 ? due_ms : now_ms);
}

static void running_start(struct job *job, struct running *running)
{
    int64_t interval = running->target.interval_ms;
    int64_t past_ms = (time_now_ms() - running->offset_ms) % interval;

    running->timer =
        timer_start(job->scraping->options.ticker, &(struct timer_options){ .pool = job->scraping->options.outside,
                                                                            .lane = LANE_FRONT,
                                                                            .first_ms = interval - past_ms,
                                                                            .every_ms = interval,
                                                                            .run = scrape_now,
                                                                            .arg = running });
}

static err running_new(struct job *job, const struct target *target, struct running **ret_running)
{
    struct arena *arena = arena_new(TARGET_BYTES);
    struct running *running = arena_alloc(arena, sizeof(*running));

    *running = (struct running){ .arena = arena, .target = target_copy(arena, target), .wanted = true };
    running->offset_ms = (int64_t)(target->key % (uint64_t)target->interval_ms);
    err e = loop_new(&(struct loop_options){ .config = job->settings,
                                             .target = &running->target,
                                             .tsdb = job->scraping->options.tsdb,
                                             .http = job->scraping->options.http },
                     &running->loop);
    if (e)
        arena_free(arena);
    else
        *ret_running = running;
    return e;
}

/* running_stop - waits for a scrape that is under way. */
static void running_stop(struct running *running, bool ended)
{
    timer_stop(running->timer);
    loop_free(running->loop, ended);
    arena_free(running->arena);
    metric_add(&scrape_targets, -1);
}

static struct running *find_running(const struct job *job, uint64_t key)
{
    for (size_t i = 0; i < job->targets.count; i++)
        if (job->targets.at[i]->target.key == key)
            return job->targets.at[i];
    return NULL;
}

/* ---- from discovery to targets ---- */

struct wanted_targets {
    struct arena *arena;
    VEC(struct target) targets;
    VEC(struct labels) dropped;
};

static void say(struct job *job, err e)
{
    pthread_mutex_lock(&job->lock);
    buf_reset(&job->error);
    buf_add(&job->error, str_utf8_head(str_of(e ? err_message(e) : ""), 1000));
    pthread_mutex_unlock(&job->lock);
}

static err work_out(struct job *job, struct wanted_targets *wanted)
{
    err first = NULL;

    for (size_t a = 0; a < job->asked_count; a++)
        for (size_t g = 0; g < job->asked[a].group_count; g++) {
            const struct target_group *group = &job->asked[a].groups[g];
            for (size_t i = 0; i < group->addresses.count; i++) {
                struct target target;
                bool dropped = false;
                err e = target_make(wanted->arena, job->settings, &job->defaults, job->relabel, group,
                                    group->addresses.at[i], &target, &dropped);
                if (e && !first)
                    first = TAKE(e);
                else if (!e && dropped)
                    *vec_push(&wanted->dropped, wanted->arena) = target.discovered;
                else if (!e)
                    *vec_push(&wanted->targets, wanted->arena) = target;
                err_free(e);
            }
        }
    if (job->settings->target_limit && (int64_t)wanted->targets.count > job->settings->target_limit) {
        err_free(first);
        first = err_new(ERR_TOO_LARGE, "target_limit exceeded: %zu targets, limit %lld", wanted->targets.count,
                        (long long)job->settings->target_limit);
        wanted->targets.count = 0;
    }
    return first;
}

struct index_entry {
    uint64_t key;
    struct running *running;
};

static int by_key(const void *a, const void *b)
{
    const struct index_entry *const x = a, *const y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

/* add_missing - a loop for each wanted target that has none; marks those that stay. */
static void add_missing(struct job *job, const struct wanted_targets *wanted)
{
    size_t before = job->targets.count;
    struct index_entry *index = arena_array(wanted->arena, before + 1, sizeof(*index));

    for (size_t i = 0; i < before; i++) {
        job->targets.at[i]->wanted = false;
        index[i] = (struct index_entry){ job->targets.at[i]->target.key, job->targets.at[i] };
    }
    qsort(index, before, sizeof(*index), by_key);
    for (size_t i = 0; i < wanted->targets.count; i++) {
        const struct index_entry want = { wanted->targets.at[i].key, NULL };
        struct index_entry *found = before ? bsearch(&want, index, before, sizeof(*index), by_key) : NULL;
        struct running *fresh;
        if (found) {
            found->running->wanted = true;
            continue;
        }
        /* The same target twice among the new ones is one. */
        if (wanted->targets.count < 1000 && find_running(job, want.key))
            continue;
        err e = running_new(job, &wanted->targets.at[i], &fresh);
        if (e) {
            log_err(e, "job %.*s", STR_ARG(job->settings->job_name));
            continue;
        }
        pthread_mutex_lock(&job->lock);
        *vec_push(&job->targets, NULL) = fresh;
        pthread_mutex_unlock(&job->lock);
        metric_add(&scrape_targets, 1);
        running_start(job, fresh);
    }
}

static void remove_unwanted(struct job *job)
{
    VEC(struct running *) gone = { 0 };

    pthread_mutex_lock(&job->lock);
    for (size_t i = job->targets.count; i-- > 0;)
        if (!job->targets.at[i]->wanted) {
            *vec_push(&gone, NULL) = job->targets.at[i];
            job->targets.at[i] = job->targets.at[--job->targets.count];
        }
    pthread_mutex_unlock(&job->lock);
    for (size_t i = 0; i < gone.count; i++)
        running_stop(gone.at[i], true);
    vec_clear(&gone);
}

static void keep_dropped(struct job *job, const struct wanted_targets *wanted)
{
    pthread_mutex_lock(&job->lock);
    arena_free(job->dropped_arena);
    job->dropped_arena = arena_new(JOB_BYTES_MAX);
    job->dropped.at = NULL;
    job->dropped.count = job->dropped.room = 0;
    for (size_t i = 0; i < wanted->dropped.count && i < DROPPED_SHOWN; i++)
        *vec_push(&job->dropped, job->dropped_arena) = labels_copy(job->dropped_arena, wanted->dropped.at[i]);
    job->dropped_total = wanted->dropped.count;
    pthread_mutex_unlock(&job->lock);
}

static void job_sync_locked(struct job *job)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(JOB_BYTES_MAX);
    struct wanted_targets wanted = { .arena = arena };
    err e CLEANUP(err_freep) = work_out(job, &wanted);

    say(job, e);
    add_missing(job, &wanted);
    remove_unwanted(job);
    keep_dropped(job, &wanted);
}

/* ask - one provider; what it said before stays in force where it fails. */
static void ask(void *arg)
{
    struct asked *asked = arg;
    struct arena *arena = arena_new(JOB_BYTES_MAX);
    struct target_group *groups = NULL;
    size_t count = 0;
    err e = asked->provider.ask(&asked->provider, arena, &groups, &count);

    if (e) {
        arena_free(arena);
        say(asked->job, e);
        log_err(e, "job %.*s: discovery", STR_ARG(asked->job->settings->job_name));
        return;
    }
    pthread_mutex_lock(&asked->job->syncing);
    arena_free(asked->arena);
    asked->arena = arena;
    asked->groups = groups;
    asked->group_count = count;
    job_sync_locked(asked->job);
    pthread_mutex_unlock(&asked->job->syncing);
}

/* ---- jobs ---- */

static struct str identity_of(struct arena *arena, const struct scrape_config *settings,
                              const struct target_defaults *defaults)
{
    struct buf out CLEANUP(buf_clear) = { .max = 64 << 20 };
    struct json_writer w = json_writer(&out);

    schema_encode(&w, scrape_section.schema, settings, false);
    buf_addf(&out, "%lld %lld", (long long)defaults->interval_ms, (long long)defaults->timeout_ms);
    return str_copy(arena, buf_str(&out));
}

static void job_free(struct job *job, bool ended)
{
    for (size_t i = 0; i < job->asked_count; i++) {
        timer_stop(job->asked[i].timer);
        arena_free(job->asked[i].arena);
    }
    for (size_t i = 0; i < job->targets.count; i++)
        running_stop(job->targets.at[i], ended);
    vec_clear(&job->targets);
    buf_clear(&job->error);
    arena_free(job->dropped_arena);
    pthread_mutex_destroy(&job->lock);
    pthread_mutex_destroy(&job->syncing);
    config_unref(job->config);
    arena_free(job->arena);
    free(job);
}

/* ask_once - the providers that always say the same. */
static err ask_once(struct job *job)
{
    for (size_t i = 0; i < job->asked_count; i++) {
        struct asked *asked = &job->asked[i];
        if (asked->provider.interval_ms)
            continue;
        asked->arena = arena_new(JOB_BYTES_MAX);
        TRY(asked->provider.ask(&asked->provider, asked->arena, &asked->groups, &asked->group_count));
    }
    return NULL;
}

static err job_new(struct scraping *scraping, struct config *config, const struct scrape_config *settings,
                   struct job **ret_job)
{
    const struct global_settings *global = config_get(config, &global_section);
    struct job *job = calloc(1, sizeof(*job));

    if (!job)
        out_of_memory(sizeof(*job));
    *job = (struct job){ .scraping = scraping,
                         .config = config_ref(config),
                         .settings = settings,
                         .arena = arena_new(JOB_BYTES_MAX),
                         .dropped_arena = arena_new(TARGET_BYTES),
                         .defaults = { global->scrape_interval.ms, global->scrape_timeout.ms } };
    pthread_mutex_init(&job->syncing, NULL);
    pthread_mutex_init(&job->lock, NULL);
    buf_init(&job->error, 1024);
    job->identity = identity_of(job->arena, settings, &job->defaults);
    struct provider_list providers =
        providers_of(job->arena, settings, config_folder(config, &scrape_section), scraping->options.http);
    job->asked = arena_array(job->arena, providers.count + 1, sizeof(*job->asked));
    job->asked_count = providers.count;
    for (size_t i = 0; i < providers.count; i++)
        job->asked[i] = (struct asked){ .job = job, .provider = providers.at[i] };
    const struct relabel *metric_rules;
    err e = ask_once(job);
    if (!e)
        e = relabel_compile(job->arena, settings->relabel_configs.at, settings->relabel_configs.count, &job->relabel);
    if (!e)
        e = relabel_compile(job->arena, settings->metric_relabel_configs.at, settings->metric_relabel_configs.count,
                            &metric_rules);
    if (e) {
        e = err_wrap(e, "job %.*s", STR_ARG(settings->job_name));
        job_free(job, false);
        return e;
    }
    *ret_job = job;
    return NULL;
}

/* job_start - static targets are there at once; the others as soon as their provider answers. */
static void job_start(struct job *job)
{
    pthread_mutex_lock(&job->syncing);
    job_sync_locked(job);
    pthread_mutex_unlock(&job->syncing);
    for (size_t i = 0; i < job->asked_count; i++) {
        struct asked *asked = &job->asked[i];
        if (!asked->provider.interval_ms)
            continue;
        asked->timer =
            timer_start(job->scraping->options.ticker, &(struct timer_options){ .pool = job->scraping->options.outside,
                                                                                .lane = LANE_FRONT,
                                                                                .first_ms = 0,
                                                                                .every_ms = asked->provider.interval_ms,
                                                                                .run = ask,
                                                                                .arg = asked });
    }
}

/* hand_over - what discovery said and the loops of a job to its successor, target by target. */
static void hand_over(struct job *from, struct job *to)
{
    for (size_t i = 0; i < from->asked_count; i++) {
        timer_stop(from->asked[i].timer);
        from->asked[i].timer = NULL;
    }
    pthread_mutex_lock(&to->syncing);
    for (size_t i = 0; i < from->asked_count && i < to->asked_count; i++)
        if (from->asked[i].provider.ask == to->asked[i].provider.ask && to->asked[i].provider.interval_ms &&
            !to->asked[i].arena) {
            to->asked[i].arena = from->asked[i].arena;
            to->asked[i].groups = from->asked[i].groups;
            to->asked[i].group_count = from->asked[i].group_count;
            from->asked[i].arena = NULL;
        }
    job_sync_locked(to); /* new loops wait for their moment: those below hand over before it */
    for (size_t i = from->targets.count; i-- > 0;) {
        struct running *old = from->targets.at[i], *next = find_running(to, old->target.key);
        if (!next)
            continue;
        timer_stop(old->timer);
        old->timer = NULL;
        loop_adopt(next->loop, old->loop);
        running_stop(old, false);
        from->targets.at[i] = from->targets.at[--from->targets.count];
    }
    pthread_mutex_unlock(&to->syncing);
}

static err load(struct scraping *scraping, struct config *config, job_list *ret_jobs)
{
    size_t count;
    const struct scrape_config *settings = config_list(config, &scrape_section, &count);
    err e = NULL;

    for (size_t i = 0; i < count && !e; i++) {
        struct job *job = NULL;
        for (size_t k = 0; k < i && !e; k++)
            if (str_eq(settings[k].job_name, settings[i].job_name))
                e = err_new(ERR_INVALID, "scrape_configs[%zu]: there are two jobs with the name '%.*s'", i,
                            STR_ARG(settings[i].job_name));
        if (!e)
            e = job_new(scraping, config, &settings[i], &job);
        if (!e)
            *vec_push(ret_jobs, NULL) = job;
    }
    for (size_t i = 0; i < ret_jobs->count && e; i++)
        job_free(ret_jobs->at[i], false);
    if (e)
        vec_clear(ret_jobs);
    return e;
}

err scraping_start(const struct scraping_options *options, struct scraping **ret_scraping)
{
    struct scraping *scraping = calloc(1, sizeof(*scraping));

    if (!scraping)
        out_of_memory(sizeof(*scraping));
    scraping->options = *options;
    pthread_mutex_init(&scraping->lock, NULL);
    err e = load(scraping, options->config, &scraping->jobs);
    if (e) {
        scraping_stop(scraping);
        return e;
    }
    for (size_t i = 0; i < scraping->jobs.count; i++)
        job_start(scraping->jobs.at[i]);
    *ret_scraping = scraping;
    return NULL;
}

static struct job *find_job(const job_list *jobs, struct str name)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (str_eq(jobs->at[i]->settings->job_name, name))
            return jobs->at[i];
    return NULL;
}

static void set_jobs(struct scraping *scraping, job_list jobs)
{
    pthread_mutex_lock(&scraping->lock);
    scraping->jobs = jobs;
    pthread_mutex_unlock(&scraping->lock);
}

err scraping_reload(struct scraping *scraping, struct config *config)
{
    job_list fresh = { 0 }, old = scraping->jobs;

    TRY(load(scraping, config, &fresh));
    for (size_t i = 0; i < fresh.count; i++) {
        struct job *before = find_job(&old, fresh.at[i]->settings->job_name);
        if (before && str_eq(before->identity, fresh.at[i]->identity)) {
            job_free(fresh.at[i], false);
            fresh.at[i] = before;
        }
    }
    set_jobs(scraping, fresh);
    for (size_t i = 0; i < fresh.count; i++) {
        struct job *before = find_job(&old, fresh.at[i]->settings->job_name);
        if (before == fresh.at[i])
            continue;
        if (before)
            hand_over(before, fresh.at[i]);
        job_start(fresh.at[i]);
    }
    for (size_t i = 0; i < old.count; i++)
        if (find_job(&fresh, old.at[i]->settings->job_name) != old.at[i])
            job_free(old.at[i], true);
    vec_clear(&old);
    return NULL;
}

void scraping_stop(struct scraping *scraping)
{
    if (!scraping)
        return;
    for (size_t i = 0; i < scraping->jobs.count; i++)
        job_free(scraping->jobs.at[i], false); /* series go on after the restart */
    vec_clear(&scraping->jobs);
    pthread_mutex_destroy(&scraping->lock);
    free(scraping);
}

/* ---- what is seen of it ---- */

static void view_job(struct job *job, struct arena *arena, struct scrape_pool_view *ret_view)
{
    pthread_mutex_lock(&job->lock);
    *ret_view = (struct scrape_pool_view){
        .job = str_copy(arena, job->settings->job_name),
        .discovery_error = str_copy(arena, buf_str(&job->error)),
        .active = arena_array(arena, job->targets.count + 1, sizeof(*ret_view->active)),
        .active_count = job->targets.count,
        .dropped = arena_array(arena, job->dropped.count + 1, sizeof(*ret_view->dropped)),
        .dropped_count = job->dropped.count,
        .dropped_total = job->dropped_total,
    };
    for (size_t i = 0; i < job->targets.count; i++)
        loop_view(job->targets.at[i]->loop, arena, &ret_view->active[i]);
    for (size_t i = 0; i < job->dropped.count; i++)
        ret_view->dropped[i] = labels_copy(arena, job->dropped.at[i]);
    pthread_mutex_unlock(&job->lock);
}

void scraping_view(struct scraping *scraping, struct arena *arena, struct scraping_view *ret_view)
{
    pthread_mutex_lock(&scraping->lock);
    ret_view->count = scraping->jobs.count;
    ret_view->pools = arena_array(arena, ret_view->count + 1, sizeof(*ret_view->pools));
    for (size_t i = 0; i < ret_view->count; i++)
        view_job(scraping->jobs.at[i], arena, &ret_view->pools[i]);
    pthread_mutex_unlock(&scraping->lock);
}
