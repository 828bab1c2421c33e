/* discovery.c - static, file, HTTP and DNS discovery, with Prometheus' __meta_ labels. */
#include "scrape/discovery.h"

#include "base/file.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <glob.h>
#include <netdb.h>
#include <resolv.h>

enum { FILE_BYTES_MAX = 64 << 20, FILES_MAX = 1000, FILE_POLL_MS = 5000, HTTP_TIMEOUT_MS = 30000, ANSWER_MAX = 65535 };

struct groups {
    struct arena *arena;
    VEC(struct target_group) list;
};

static err give(const struct groups *groups, struct target_group **ret_groups, size_t *ret_count)
{
    *ret_groups = groups->list.at;
    *ret_count = groups->list.count;
    return arena_check(groups->arena);
}

/* ---- static ---- */

static err ask_static(const struct provider *provider, struct arena *arena, struct target_group **ret_groups,
                      size_t *ret_count)
{
    const struct static_config *settings = provider->settings;
    struct target_group *group = arena_alloc(arena, sizeof(*group));

    for (size_t i = 0; i < settings->targets.count; i++)
        *vec_push(&group->addresses, arena) = settings->targets.at[i];
    for (size_t i = 0; i < settings->labels.count; i++)
        *vec_push(&group->labels, arena) = (struct label){ settings->labels.at[i].key, settings->labels.at[i].value };
    *ret_groups = group;
    *ret_count = 1;
    return NULL;
}

/* ---- files ---- */

static err read_groups(struct groups *groups, const char *path)
{
    struct target_group *found;
    struct str text;
    size_t count;

    TRY(file_read(groups->arena, path, FILE_BYTES_MAX, &text));
    TRY(target_groups_parse(groups->arena, text, path, &found, &count));
    for (size_t i = 0; i < count; i++) {
        *vec_push(&found[i].labels, groups->arena) = (struct label){ S("__meta_filepath"), str_of(path) };
        *vec_push(&groups->list, groups->arena) = found[i];
    }
    return NULL;
}

static err ask_files(const struct provider *provider, struct arena *arena, struct target_group **ret_groups,
                     size_t *ret_count)
{
    const struct file_sd_config *settings = provider->settings;
    struct groups groups = { .arena = arena };

    for (size_t i = 0; i < settings->files.count; i++) {
        struct str name = settings->files.at[i];
        glob_t found CLEANUP(globfree) = { 0 };
        char *pattern = str_starts(name, S("/"))
                            ? str_c(arena, name)
                            : str_c(arena, str_printf(arena, "%s/%.*s", provider->folder, STR_ARG(name)));
        if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc > FILES_MAX)
            continue; /* no such file yet */
        for (size_t k = 0; k < found.gl_pathc; k++)
            TRY(read_groups(&groups, str_c(arena, str_of(found.gl_pathv[k]))));
    }
    return give(&groups, ret_groups, ret_count);
}

/* ---- HTTP ---- */

static err ask_http(const struct provider *provider, struct arena *arena, struct target_group **ret_groups,
                    size_t *ret_count)
{
    const struct http_sd_config *settings = provider->settings;
    struct http_reply reply;
    const struct pair headers[] = { { S("Accept"), S("application/json") } };

    TRY(http_call(provider->http, arena,
                  &(struct http_request_out){ .url = settings->url,
                                              .headers = headers,
                                              .header_count = 1,
                                              .deadline_ms = time_mono_ms() + HTTP_TIMEOUT_MS,
                                              .reply_max = FILE_BYTES_MAX,
                                              .trusted = true },
                  &reply));
    if (reply.status != 200)
        return err_new(ERR_REFUSED, "service discovery answered with HTTP status %d", reply.status);
    TRY(target_groups_parse(arena, reply.body, str_c(arena, settings->url), ret_groups, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        *vec_push(&(*ret_groups)[i].labels, arena) = (struct label){ S("__meta_url"), settings->url };
    return NULL;
}

/* ---- DNS ---- */

static const int record_types[] = { ns_t_srv, ns_t_a, ns_t_aaaa, ns_t_mx, ns_t_ns };

/* read_record - address, and what is known of the record; false where it is of another type. */
static bool read_record(struct arena *arena, ns_msg message, ns_rr record, int64_t port, struct target_group *group)
{
    char name[NS_MAXDNAME], address[INET6_ADDRSTRLEN];
    const unsigned char *data = ns_rr_rdata(record);
    struct str found;

    switch (ns_rr_type(record)) {
    case ns_t_a:
        found = str_printf(arena, "%s:%lld", inet_ntop(AF_INET, data, address, sizeof(address)), (long long)port);
        break;
    case ns_t_aaaa:
        found = str_printf(arena, "[%s]:%lld", inet_ntop(AF_INET6, data, address, sizeof(address)), (long long)port);
        break;
    case ns_t_srv:
        if (ns_rr_rdlen(record) < 7 ||
            ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + 6, name, sizeof(name)) < 0)
            return false;
        found = str_printf(arena, "%s:%u", name, ns_get16(data + 4));
        *vec_push(&group->labels, arena) =
            (struct label){ S("__meta_dns_srv_record_target"), str_printf(arena, "%s.", name) };
        *vec_push(&group->labels, arena) =
            (struct label){ S("__meta_dns_srv_record_port"), str_printf(arena, "%u", ns_get16(data + 4)) };
        break;
    case ns_t_mx:
    case ns_t_ns:
        data += ns_rr_type(record) == ns_t_mx ? 2 : 0;
        if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data, name, sizeof(name)) < 0)
            return false;
        found = str_printf(arena, "%s:%lld", name, (long long)port);
        break;
    default:
        return false;
    }
    *vec_push(&group->addresses, arena) = found;
    return true;
}

static err look_up(struct groups *groups, const struct dns_sd_config *settings, struct str name)
{
    struct __res_state state = { 0 };
    unsigned char *answer = arena_alloc(groups->arena, ANSWER_MAX);
    ns_msg message;
    int length;

    if (res_ninit(&state) != 0)
        return err_errno("can't set up DNS");
    state.retrans = 5;
    state.retry = 2;
    length = res_nquery(&state, str_c(groups->arena, name), ns_c_in, record_types[settings->type], answer, ANSWER_MAX);
    int why = state.res_h_errno;
    res_nclose(&state);
    if (length < 0 && (why == HOST_NOT_FOUND || why == NO_DATA))
        return NULL; /* a name without records has no targets */
    if (length < 0 || ns_initparse(answer, length, &message) != 0)
        return err_new(ERR_UNAVAILABLE, "DNS has no answer for %.*s", STR_ARG(str_utf8_head(name, 200)));
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        struct target_group group = { .source = name };
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) != 0 ||
            !read_record(groups->arena, message, record, settings->port, &group))
            continue;
        *vec_push(&group.labels, groups->arena) = (struct label){ S("__meta_dns_name"), name };
        *vec_push(&groups->list, groups->arena) = group;
    }
    return NULL;
}

static err ask_dns(const struct provider *provider, struct arena *arena, struct target_group **ret_groups,
                   size_t *ret_count)
{
    const struct dns_sd_config *settings = provider->settings;
    struct groups groups = { .arena = arena };

    for (size_t i = 0; i < settings->names.count; i++)
        TRY(look_up(&groups, settings, settings->names.at[i]));
    return give(&groups, ret_groups, ret_count);
}

struct provider_list providers_of(struct arena *arena, const struct scrape_config *config, const char *folder,
                                  struct http_client *http)
{
    const struct provider plain = { .config = config, .folder = folder, .http = http };
    VEC(struct provider) list = { 0 };

#define EACH(member, function, interval)                                                                               \
    for (size_t i = 0; i < config->member.count; i++) {                                                                \
        struct provider *provider = vec_push(&list, arena);                                                            \
        *provider = plain;                                                                                             \
        provider->settings = &config->member.at[i];                                                                    \
        provider->ask = (function);                                                                                    \
        provider->interval_ms = (interval);                                                                            \
    }
    EACH(static_configs, ask_static, 0)
    EACH(file_sd_configs, ask_files,
         config->file_sd_configs.at[i].refresh_interval.ms < FILE_POLL_MS
             ? config->file_sd_configs.at[i].refresh_interval.ms
             : FILE_POLL_MS)
    EACH(http_sd_configs, ask_http, config->http_sd_configs.at[i].refresh_interval.ms)
    EACH(dns_sd_configs, ask_dns, config->dns_sd_configs.at[i].refresh_interval.ms)
#undef EACH
    return (struct provider_list){ list.at, list.count };
}
