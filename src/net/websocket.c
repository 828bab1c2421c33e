/* websocket.c - WebSocket rows are refused until the hub is in. */
#include "net/http_conn.h"

err socket_hub_start(struct socket_hub **ret_hub)
{
    *ret_hub = NULL;
    return NULL;
}

void socket_hub_stop(struct socket_hub *hub)
{
    (void)hub;
}

void socket_hub_free(struct socket_hub *hub)
{
    (void)hub;
}

err socket_upgrade(struct request *req)
{
    (void)req;
    return err_new(ERR_UNAVAILABLE, "WebSockets are not served yet");
}

void socket_adopt(struct socket *socket, struct wire *wire, struct str early)
{
    (void)socket;
    (void)wire;
    (void)early;
}

void socket_abandon(struct socket *socket)
{
    (void)socket;
}
