/* operations.c - what operators and their tools ask every server: /-/healthy, /-/ready, /-/reload, /metrics. */
#include "api/health.h"
#include "api/services.h"
#include "base/metric.h"

static err healthy(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    reply_text(reply, 200, "text/plain; charset=utf-8", S("Auspex is healthy.\n"));
    return NULL;
}

static const struct route healthy_route = {
    .method = "GET",
    .path = "/-/healthy",
    .summary = "Alive?",
    .tag = "Operations",
    .role = ROLE_NOBODY,
    .quick = true,
    .before_ready = true,
    .handle = healthy,
};
REGISTER(route, healthy_route);

static err ready(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    if (!services_ready())
        return err_retry_after(err_new(ERR_UNAVAILABLE, "Auspex is starting"), 1000);
    reply_text(reply, 200, "text/plain; charset=utf-8", S("Auspex is ready.\n"));
    return NULL;
}

static const struct route ready_route = {
    .method = "GET",
    .path = "/-/ready",
    .summary = "Ready to serve?",
    .tag = "Operations",
    .role = ROLE_NOBODY,
    .quick = true,
    .before_ready = true,
    .handle = ready,
};
REGISTER(route, ready_route);

static err reload(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    TRY(services.reload());
    reply_text(reply, 200, "text/plain; charset=utf-8", S("Configuration loaded.\n"));
    return NULL;
}

static const struct route reload_route = {
    .method = "POST",
    .path = "/-/reload",
    .summary = "Load the configuration again",
    .doc = "All or nothing: a wrong file keeps the old configuration, and the reply names file:line:column.",
    .tag = "Operations",
    .role = ROLE_ADMIN,
    .handle = reload,
};
REGISTER(route, reload_route);

/* On loopback /metrics needs no credential, so that a Prometheus beside us needs none. */
static err metrics(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query, (void)body;
    if (!request_is_loopback(req) && !role_allows(request_principal(req)->role, ROLE_VIEWER))
        return err_new(ERR_UNAUTHORIZED, "/metrics needs a token where it is not asked from this host");
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    process_metrics_update();
    metrics_write(&reply->body);
    return buf_check(&reply->body);
}

static const struct route metrics_route = {
    .method = "GET",
    .path = "/metrics",
    .summary = "Metrics about ourselves",
    .tag = "Operations",
    .role = ROLE_NOBODY,
    .before_ready = true,
    .handle = metrics,
};
REGISTER(route, metrics_route);
