/* loop.c - one scrape after the other of one target. */
#include "scrape/loop.h"

#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "scrape/exposition.h"
#include "scrape/seen.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

METRIC(COUNTER, scrape_scrapes_total, "Scrapes, by result.", "result");
METRIC(COUNTER, scrape_samples_total, "Samples scraped.", NULL);

enum { BODY_MAX = 64 << 20, SCRAPE_BYTES_MAX = 1 << 30, LABELS_BYTES = 1 << 20, APPEND_WAIT_MS = 5000 };

struct loop {
    struct loop_options options;
    struct arena *arena; /* as long as the loop */
    const struct relabel *relabel;
    struct seen *seen;
    uint64_t described; /* of the metas that were stored last */
    struct str origin;

    pthread_mutex_t lock; /* of what is seen of it */
    enum target_health health;
    struct buf error;
    int64_t at_ms;
    double took_seconds;
    uint64_t samples;
};

err loop_new(const struct loop_options *options, struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    const struct scrape_config *config = options->config;

    if (!loop)
        out_of_memory(sizeof(*loop));
    loop->options = *options;
    loop->arena = arena_new(SCRAPE_BYTES_MAX);
    loop->seen = seen_new();
    buf_init(&loop->error, 1024);
    pthread_mutex_init(&loop->lock, NULL);
    loop->origin = str_printf(loop->arena, "scrape:%.*s", STR_ARG(str_utf8_head(config->job_name, 100)));
    err e = relabel_compile(loop->arena, config->metric_relabel_configs.at, config->metric_relabel_configs.count,
                            &loop->relabel);
    if (e)
        loop_free(loop, false);
    else
        *ret_loop = loop;
    return e;
}

void loop_adopt(struct loop *loop, struct loop *older)
{
    struct seen *fresh = loop->seen;

    loop->seen = older->seen;
    older->seen = fresh;
    seen_reset(loop->seen);
    pthread_mutex_lock(&older->lock);
    loop->health = older->health;
    loop->at_ms = older->at_ms;
    loop->took_seconds = older->took_seconds;
    loop->samples = older->samples;
    buf_add(&loop->error, buf_str(&older->error));
    pthread_mutex_unlock(&older->lock);
}

/* ---- the request ---- */

static err from_file(struct arena *arena, struct str text, struct str file, struct str *ret_text)
{
    *ret_text = text;
    if (!file.length)
        return NULL;
    TRY(file_read(arena, str_c(arena, file), 64 << 10, ret_text));
    *ret_text = str_trim(*ret_text);
    return NULL;
}

static err basic(struct arena *arena, const struct basic_auth *auth, struct str *ret_header)
{
    struct str user, password;

    TRY(from_file(arena, auth->username, auth->username_file, &user));
    TRY(from_file(arena, auth->password, auth->password_file, &password));
    struct str both = str_printf(arena, "%.*s:%.*s", STR_ARG(user), STR_ARG(password));
    char *encoded = arena_alloc(arena, both.length * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)both.at, (int)both.length);
    *ret_header = str_printf(arena, "Basic %s", encoded);
    return NULL;
}

static err authorize(struct arena *arena, const struct scrape_config *config, struct pair *headers, size_t *count)
{
    struct str value = S("");

    if (config->basic_auth) {
        TRY(basic(arena, config->basic_auth, &value));
    } else if (config->authorization) {
        struct str credentials;
        TRY(from_file(arena, config->authorization->credentials, config->authorization->credentials_file,
                      &credentials));
        value = str_printf(arena, "%.*s %.*s", STR_ARG(config->authorization->type), STR_ARG(credentials));
    }
    if (value.length)
        headers[(*count)++] = (struct pair){ S("Authorization"), value };
    return NULL;
}

static err fetch(struct loop *loop, struct arena *arena, struct http_reply *ret_reply)
{
    const struct scrape_config *config = loop->options.config;
    const struct target *target = loop->options.target;
    struct pair headers[4];
    size_t count = 0;

    headers[count++] = (struct pair){
        S("Accept"), S("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                       "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;"
                       "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1")
    };
    headers[count++] = (struct pair){ S("X-Prometheus-Scrape-Timeout-Seconds"),
                                      str_printf(arena, "%g", (double)target->timeout_ms / 1000) };
    TRY(authorize(arena, config, headers, &count));
    TRY(http_call(
        loop->options.http, arena,
        &(struct http_request_out){ .url = target->url,
                                    .headers = headers,
                                    .header_count = count,
                                    .deadline_ms = time_mono_ms() + target->timeout_ms,
                                    .reply_max = config->body_size_limit ? (size_t)config->body_size_limit : BODY_MAX,
                                    .trusted = true,
                                    .tls = { .ca_file = config->tls_config.ca_file,
                                             .cert_file = config->tls_config.cert_file,
                                             .key_file = config->tls_config.key_file,
                                             .insecure = config->tls_config.insecure_skip_verify } },
        ret_reply));
    if (ret_reply->status != 200)
        return err_new(ERR_REFUSED, "server returned HTTP status %d", ret_reply->status);
    return NULL;
}

/* ---- series ---- */

/* merge - the target's labels with those of the line: who wins where both have one depends on honor_labels; the other's
 * is kept as exported_NAME. */
static struct labels merge(struct arena *arena, const struct loop *loop, struct labels own)
{
    const struct labels target = loop->options.target->labels;
    struct label *all = arena_array(arena, own.count + target.count, sizeof(*all));
    size_t count = 0;

    for (size_t i = 0; i < own.count; i++) {
        bool clashes = labels_get(target, own.at[i].name).length > 0;
        struct str name = own.at[i].name;
        if (clashes && !loop->options.config->honor_labels)
            do {
                name = str_printf(arena, "exported_%.*s", STR_ARG(name));
            } while (labels_get(target, name).length || labels_get(own, name).length);
        if (own.at[i].value.length)
            all[count++] = (struct label){ name, own.at[i].value };
    }
    for (size_t i = 0; i < target.count; i++) {
        bool given = false;
        for (size_t k = 0; k < own.count && loop->options.config->honor_labels; k++)
            given |= str_eq(own.at[k].name, target.at[i].name);
        if (!given)
            all[count++] = target.at[i];
    }
    return labels_make(arena, all, count);
}

static err check_limits(const struct scrape_config *config, struct labels labels)
{
    if (config->label_limit && (int64_t)labels.count > config->label_limit)
        return err_new(ERR_TOO_LARGE, "label_limit exceeded: %zu labels, limit %lld", labels.count,
                       (long long)config->label_limit);
    for (size_t i = 0; i < labels.count; i++) {
        if (config->label_name_length_limit && (int64_t)labels.at[i].name.length > config->label_name_length_limit)
            return err_new(ERR_TOO_LARGE, "label_name_length_limit exceeded by '%.*s'",
                           STR_ARG(str_utf8_head(labels.at[i].name, 100)));
        if (config->label_value_length_limit && (int64_t)labels.at[i].value.length > config->label_value_length_limit)
            return err_new(ERR_TOO_LARGE, "label_value_length_limit exceeded by label '%.*s'",
                           STR_ARG(str_utf8_head(labels.at[i].name, 100)));
    }
    return NULL;
}

/* One scrape that is being stored. */
struct storing {
    struct loop *loop;
    struct append *append;
    struct arena *arena; /* of labels, reset now and then */
    int64_t time_ms;
    uint64_t kept, added;
};

/* meet - a line that was never seen: which series it is. SEEN_DROPPED: relabelling wants none of it. */
static err meet(struct storing *to, const struct exposition_sample *sample, uint32_t *ret_series)
{
    struct labels own, labels;

    arena_reset(to->arena);
    TRY(exposition_labels(to->arena, sample->series, &own));
    for (size_t i = 0; i < own.count; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(own.at[i].name, own.at[k].name))
                return err_new(ERR_INVALID, "a label appears twice in '%.*s'",
                               STR_ARG(str_utf8_head(sample->series, 200)));
    labels = merge(to->arena, to->loop, own);
    *ret_series = SEEN_DROPPED;
    if (!relabel_apply(to->loop->relabel, to->arena, labels, &labels))
        return NULL;
    if (!labels_get(labels, S("__name__")).length)
        return NULL;
    TRY(check_limits(to->loop->options.config, labels));
    if (append_labels(to->append, labels))
        *ret_series = append_series(to->append);
    else
        return err_new(ERR_TOO_LARGE, "%.*s", STR_ARG(append_so_far(to->append)->why));
    return NULL;
}

static err store_sample(struct storing *to, const struct exposition_sample *sample)
{
    struct seen_series *seen = seen_get(to->loop->seen, sample->series);
    bool timed = sample->time_ms != EXPOSITION_NO_TIME && to->loop->options.config->honor_timestamps;

    if (!seen->series) {
        TRY(meet(to, sample, &seen->series));
        to->added += seen->series != SEEN_DROPPED;
    }
    if (seen->series == SEEN_DROPPED)
        return NULL;
    append_known(to->append, seen->series);
    append_float(to->append, timed ? sample->time_ms : to->time_ms, 0, sample->value);
    if (!timed)
        seen_mark(to->loop->seen, seen);
    if (sample->exemplar.length) {
        struct exemplar exemplar;
        err e = exposition_exemplar(to->arena, sample->exemplar, to->time_ms, &exemplar);
        if (!e)
            append_exemplar(to->append, &exemplar);
        err_free(e); /* an exemplar is an extra: one that is too long is left out */
    }
    to->kept++;
    return NULL;
}

static void store_metas(struct storing *to, const struct exposition *exposition)
{
    uint64_t hash = 1;

    for (size_t i = 0; i < exposition->metas.count; i++) {
        const struct metric_meta *meta = &exposition->metas.at[i];
        hash = hash * 31 + str_hash(meta->name) + str_hash(meta->help) * 3 + str_hash(meta->unit) * 5 +
               (uint64_t)meta->kind;
    }
    if (hash == to->loop->described)
        return;
    for (size_t i = 0; i < exposition->metas.count; i++)
        append_meta(to->append, &exposition->metas.at[i]);
    to->loop->described = hash;
}

static void end_series(void *arg, uint32_t series)
{
    struct storing *to = arg;

    append_known(to->append, series);
    append_float(to->append, to->time_ms, 0, value_stale());
}

static err store(struct storing *to, const struct exposition *exposition)
{
    seen_begin(to->loop->seen);
    for (size_t i = 0; i < exposition->samples.count; i++)
        TRY(store_sample(to, &exposition->samples.at[i]));
    store_metas(to, exposition);
    return NULL;
}

/* What Prometheus says about every scrape. */
enum about { ABOUT_UP, ABOUT_DURATION, ABOUT_SCRAPED, ABOUT_KEPT, ABOUT_ADDED, ABOUTS };

static const char *const about_names[ABOUTS] = {
    [ABOUT_UP] = "up",
    [ABOUT_DURATION] = "scrape_duration_seconds",
    [ABOUT_SCRAPED] = "scrape_samples_scraped",
    [ABOUT_KEPT] = "scrape_samples_post_metric_relabeling",
    [ABOUT_ADDED] = "scrape_series_added",
};

static void store_about(struct storing *to, enum about about, double value)
{
    const struct labels target = to->loop->options.target->labels;
    struct label *all = arena_array(to->arena, target.count + 1, sizeof(*all));

    for (size_t i = 0; i < target.count; i++)
        all[i] = target.at[i];
    all[target.count] = (struct label){ S("__name__"), str_of(about_names[about]) };
    if (append_labels(to->append, labels_make(to->arena, all, target.count + 1)))
        append_float(to->append, to->time_ms, 0, value);
}

/* ---- a scrape ---- */

static err scrape(struct loop *loop, struct arena *arena, struct exposition *ret_exposition)
{
    const struct scrape_config *config = loop->options.config;
    struct http_reply reply;

    TRY(fetch(loop, arena, &reply));
    return exposition_parse(arena, reply.body, exposition_format(reply.content_type), (size_t)config->sample_limit,
                            ret_exposition);
}

static void remember(struct loop *loop, err failure, int64_t time_ms, double seconds, uint64_t samples)
{
    bool news = failure && loop->health != TARGET_DOWN;

    if (news) /* said when it begins; the list of targets shows that it lasts */
        log_warn("scrape of %.*s failed: %s", STR_ARG(loop->options.target->url), err_message(failure));
    pthread_mutex_lock(&loop->lock);
    loop->health = failure ? TARGET_DOWN : TARGET_UP;
    buf_reset(&loop->error);
    buf_add(&loop->error, str_utf8_head(str_of(failure ? err_message(failure) : ""), 1000));
    loop->at_ms = time_ms;
    loop->took_seconds = seconds;
    loop->samples = samples;
    pthread_mutex_unlock(&loop->lock);
}

/* finish - what Prometheus says about every scrape, whether it went well or not. */
static void finish(struct storing *to, err failure, double seconds, uint64_t scraped)
{
    if (failure)
        seen_begin(to->loop->seen); /* nothing was seen */
    seen_end(to->loop->seen, end_series, to);
    arena_reset(to->arena);
    const double values[] = {
        [ABOUT_UP] = failure ? 0 : 1,    [ABOUT_DURATION] = seconds,        [ABOUT_SCRAPED] = (double)scraped,
        [ABOUT_KEPT] = (double)to->kept, [ABOUT_ADDED] = (double)to->added,
    };
    for (int i = 0; i < ABOUTS; i++)
        store_about(to, (enum about)i, values[i]);
}

void loop_scrape(struct loop *loop, int64_t time_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SCRAPE_BYTES_MAX);
    struct arena *labels CLEANUP(arena_freep) = arena_new(LABELS_BYTES);
    struct storing to = { .loop = loop, .arena = labels, .time_ms = time_ms };
    struct exposition exposition = { 0 };
    int64_t began_us = time_mono_us();

    err failure CLEANUP(err_freep) = scrape(loop, arena, &exposition);
    double seconds = (double)(time_mono_us() - began_us) / 1e6;
    err e = append_begin(loop->options.tsdb, loop->origin, time_mono_ms() + APPEND_WAIT_MS, &to.append);
    if (!e) {
        if (!failure)
            failure = store(&to, &exposition);
        if (failure)
            to.kept = to.added = 0;
        finish(&to, failure, seconds, exposition.samples.count);
        e = append_end(to.append, NULL);
    }
    metric_add_for(&scrape_scrapes_total, failure ? S("failed") : S("ok"), 1);
    metric_add(&scrape_samples_total, (double)to.kept);
    if (!failure && e)
        failure = TAKE(e);
    log_err(e, "can't store the scrape of %.*s", STR_ARG(loop->options.target->url));
    remember(loop, failure, time_ms, seconds, to.kept);
}

void loop_free(struct loop *loop, bool ended)
{
    struct storing to = { .loop = loop, .time_ms = time_now_ms() };

    if (ended) {
        to.arena = arena_new(LABELS_BYTES);
        err e = append_begin(loop->options.tsdb, loop->origin, time_mono_ms() + APPEND_WAIT_MS, &to.append);
        if (!e) {
            seen_begin(loop->seen);
            seen_end(loop->seen, end_series, &to);
            for (int i = 0; i < ABOUTS; i++)
                store_about(&to, (enum about)i, value_stale());
            e = append_end(to.append, NULL);
        }
        log_err(e, "can't end the series of %.*s", STR_ARG(loop->options.target->url));
        arena_free(to.arena);
    }
    seen_free(loop->seen);
    buf_clear(&loop->error);
    pthread_mutex_destroy(&loop->lock);
    arena_free(loop->arena);
    free(loop);
}

void loop_view(struct loop *loop, struct arena *arena, struct loop_view *ret_view)
{
    pthread_mutex_lock(&loop->lock);
    *ret_view = (struct loop_view){
        .target = target_copy(arena, loop->options.target),
        .health = loop->health,
        .last_error = str_copy(arena, buf_str(&loop->error)),
        .scraped_at_ms = loop->at_ms,
        .took_seconds = loop->took_seconds,
        .samples = loop->samples,
    };
    pthread_mutex_unlock(&loop->lock);
}
