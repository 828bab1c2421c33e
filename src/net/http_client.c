/* http_client.c - outgoing HTTP by libcurl; the only file that includes it.
 *
 * DESIGN. One easy handle a call, taken from a shelf and put back, so that connections are kept. Trusted and untrusted
 * calls have shelves of their own: a kept connection was checked for the calls of its shelf. The guard sits where curl
 * is about to connect (CURLOPT_OPENSOCKETFUNCTION), so it sees the very address that is used, whatever the name
 * resolves to and however it is spelled. */
#include "net/http_client.h"

#include "base/lang.h"
#include "base/metric.h"
#include "base/time.h"
#include "net/address_guard.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

METRIC(COUNTER, http_client_calls_total, "Outgoing calls, by status, or by what went wrong.", "result");

enum { SHELF_MAX = 16, REPLY_BYTES = 1024 * 1024, CONNECT_MS_MAX = 10000 };

struct shelf {
    CURL *handles[SHELF_MAX];
    size_t count;
};

struct http_client {
    struct arena *arena;
    const struct address_guard *guard;
    pthread_mutex_t lock;
    struct shelf shelves[2]; /* untrusted, trusted */
    atomic_bool cancelled;
};

/* One call, as curl's callbacks see it. */
struct calling {
    struct http_client *client;
    const struct http_request_out *request;
    struct str host;
    struct buf body;
    bool forbidden, too_large;
};

static void setup_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

err http_client_new(const struct http_client_options *options, struct http_client **ret_client)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *client = calloc(1, sizeof(*client));

    if (!client)
        abort();
    pthread_once(&once, setup_curl);
    client->arena = arena_new(SIZE_MAX);
    err e = address_guard_new(client->arena, options->allow, options->allow_count, &client->guard);
    if (e) {
        arena_free(client->arena);
        free(client);
        return e;
    }
    pthread_mutex_init(&client->lock, NULL);
    *ret_client = client;
    return NULL;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    for (size_t s = 0; s < ARRAY_LEN(client->shelves); s++)
        for (size_t i = 0; i < client->shelves[s].count; i++)
            curl_easy_cleanup(client->shelves[s].handles[i]);
    pthread_mutex_destroy(&client->lock);
    arena_free(client->arena);
    free(client);
}

static CURL *take_handle(struct http_client *client, bool trusted)
{
    struct shelf *shelf = &client->shelves[trusted];
    CURL *curl = NULL;

    pthread_mutex_lock(&client->lock);
    if (shelf->count)
        curl = shelf->handles[--shelf->count];
    pthread_mutex_unlock(&client->lock);
    if (!curl && !(curl = curl_easy_init()))
        abort();
    return curl;
}

static void put_handle(struct http_client *client, bool trusted, CURL *curl)
{
    struct shelf *shelf = &client->shelves[trusted];

    curl_easy_reset(curl); /* its connections stay */
    pthread_mutex_lock(&client->lock);
    if (shelf->count < SHELF_MAX)
        shelf->handles[shelf->count++] = TAKE(curl);
    pthread_mutex_unlock(&client->lock);
    if (curl)
        curl_easy_cleanup(curl);
}

void http_client_cancel(struct http_client *client)
{
    atomic_store(&client->cancelled, true);
}

/* on_progress - curl asks at least once a second; anything but 0 ends the call. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    return atomic_load(&((struct calling *)arg)->client->cancelled);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct calling *calling = arg;
    (void)purpose;

    if (!calling->request->trusted && !address_allows(calling->client->guard, calling->host, &address->addr)) {
        calling->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct calling *calling = arg;

    buf_add_bytes(&calling->body, bytes, size * count);
    calling->too_large = calling->body.failed;
    return calling->too_large ? 0 : size * count;
}

/* parse_url - scheme and host; the path may hold a secret, so no message of ours shows it. */
static err parse_url(struct arena *arena, struct str url, struct str *ret_host)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL;
    err e = NULL;

    if (memchr(url.at, 0, url.length) || curl_url_set(parts, CURLUPART_URL, str_c(arena, url), 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        e = err_new(ERR_INVALID, "this is not a URL such as https://host/path");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        e = err_new(ERR_INVALID, "a URL must begin with http:// or https://, not with %.20s", scheme);
    else
        *ret_host = str_copy(arena, str_of(host));
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return e;
}

static err add_header(struct arena *arena, struct curl_slist **list, struct str name, struct str value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((unsigned char)value.at[i] < 0x20 && value.at[i] != '\t')
            return err_new(ERR_INVALID, "the header %.*s would hold a control character", STR_ARG(name));
    struct str line = value.length ? str_printf(arena, "%.*s: %.*s", STR_ARG(name), STR_ARG(value))
                                   : str_printf(arena, "%.*s;", STR_ARG(name));
    struct curl_slist *longer = curl_slist_append(*list, str_c(arena, line));
    if (!longer)
        abort();
    *list = longer;
    return NULL;
}

static err make_headers(struct arena *arena, const struct http_request_out *request, struct curl_slist **ret_list)
{
    bool has_body = request->body.length || (request->method && strcmp(request->method, "POST") == 0);

    for (size_t i = 0; i < request->header_count; i++)
        TRY(add_header(arena, ret_list, request->headers[i].key, request->headers[i].value));
    if (has_body)
        TRY(add_header(arena, ret_list, S("Content-Type"),
                       str_of(request->content_type ? request->content_type : "application/json")));
    *ret_list = curl_slist_append(*ret_list, "Expect:"); /* no round trip to ask for leave */
    return NULL;
}

static void setup_tls(CURL *curl, struct arena *arena, const struct http_tls *tls)
{
    if (tls->ca_file.length)
        curl_easy_setopt(curl, CURLOPT_CAINFO, str_c(arena, tls->ca_file));
    if (tls->cert_file.length) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, str_c(arena, tls->cert_file));
        curl_easy_setopt(curl, CURLOPT_SSLKEY, str_c(arena, tls->key_file));
    }
    if (tls->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void setup_handle(CURL *curl, struct arena *arena, struct calling *calling, struct curl_slist *headers,
                         int64_t left_ms)
{
    const struct http_request_out *request = calling->request;

    curl_easy_setopt(curl, CURLOPT_URL, str_c(arena, request->url));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the address that is checked is the one that is used */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < CONNECT_MS_MAX ? left_ms : CONNECT_MS_MAX));
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, calling);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, calling);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, calling);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Auspex/" AUSPEX_VERSION);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    setup_tls(curl, arena, &request->tls);
    if (request->body.length || (request->method && strcmp(request->method, "POST") == 0)) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.length ? request->body.at : "");
    }
    if (request->method && strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (request->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static err failure(const struct calling *calling, CURLcode code)
{
    struct str host = calling->host;

    if (calling->forbidden)
        return err_hint(
            err_new(ERR_FORBIDDEN, "%.*s is an address of this machine or its private network", STR_ARG(host)),
            "an administrator may add it to server.outbound_allow");
    if (calling->too_large)
        return err_new(ERR_TOO_LARGE, "%.*s answered with more than %zu bytes", STR_ARG(host), calling->body.max);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return err_new(ERR_TIMEOUT, "no answer from %.*s in time", STR_ARG(host));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_new(ERR_INVALID, "this URL can't be called: %s", curl_easy_strerror(code));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return err_new(ERR_REFUSED, "%.*s: %s", STR_ARG(host), curl_easy_strerror(code));
    default:
        return err_new(ERR_UNAVAILABLE, "%.*s: %s", STR_ARG(host), curl_easy_strerror(code));
    }
}

static void read_reply(CURL *curl, struct arena *arena, const struct calling *calling, struct http_reply *ret_reply)
{
    const char *type = NULL;
    curl_off_t after_s = 0;
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after_s);
    *ret_reply = (struct http_reply){ .status = (int)status,
                                      .body = str_copy(arena, buf_str(&calling->body)),
                                      .content_type = str_copy(arena, str_of(type)),
                                      .retry_after_ms = after_s < DAY_MS ? after_s * 1000 : DAY_MS };
}

err http_call(struct http_client *client, struct arena *arena, const struct http_request_out *request,
              struct http_reply *ret_reply)
{
    struct calling calling = { .client = client, .request = request };
    struct curl_slist *headers = NULL;
    int64_t left_ms = request->deadline_ms - time_mono_ms();

    *ret_reply = (struct http_reply){ 0 };
    TRY(parse_url(arena, request->url, &calling.host));
    if (left_ms <= 0)
        return err_new(ERR_TIMEOUT, "no time was left to call %.*s", STR_ARG(calling.host));
    err e = make_headers(arena, request, &headers);
    if (e) {
        curl_slist_free_all(headers);
        return e;
    }
    buf_init(&calling.body, request->reply_max ? request->reply_max : REPLY_BYTES);
    CURL *curl = take_handle(client, request->trusted);
    setup_handle(curl, arena, &calling, headers, left_ms);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        read_reply(curl, arena, &calling, ret_reply);
    else
        e = failure(&calling, code);
    put_handle(client, request->trusted, curl);
    curl_slist_free_all(headers);
    buf_clear(&calling.body);
    metric_add_for(&http_client_calls_total,
                   e ? str_of(err_kind_name(err_kind(e))) : str_printf(arena, "%d", ret_reply->status), 1);
    return e;
}

err http_reply_err(const struct http_reply *reply)
{
    int status = reply->status;
    struct str head = str_utf8_head(str_trim(reply->body), 200);

    if (status >= 200 && status < 300)
        return NULL;
    const char *colon = head.length ? ": " : "";
    if (status == 429)
        return err_retry_after(err_new(ERR_BUSY, "answered 429%s%.*s", colon, STR_ARG(head)), reply->retry_after_ms);
    if (status == 408 || status == 425 || status >= 500)
        return err_retry_after(err_new(ERR_UNAVAILABLE, "answered %d%s%.*s", status, colon, STR_ARG(head)),
                               reply->retry_after_ms);
    if (status >= 300 && status < 400)
        return err_new(ERR_REFUSED, "answered %d, a redirect, which is not followed", status);
    return err_new(ERR_REFUSED, "answered %d%s%.*s", status, colon, STR_ARG(head));
}
