/* parts.h - how each room is started and stopped; serve.c has the order.
 *
 * Owner: app/. Threads: main's. */
#pragma once
#include "app/app.h"

#include <signal.h>

/* folder.c: the data folder, and the rights to keep. */
err folder_start(struct app *app) MUST_USE;
err rights_drop(struct app *app) MUST_USE;

/* rooms.c. A start that fails leaves nothing behind: its stop is not called. */
err threads_start(struct app *app) MUST_USE;
void threads_stop(struct app *app);
err http_client_start(struct app *app) MUST_USE;
void http_client_stop(struct app *app);
err database_start(struct app *app) MUST_USE;
void database_stop(struct app *app);
err series_start(struct app *app) MUST_USE;
void series_stop(struct app *app);
err web_start(struct app *app) MUST_USE;
void web_stop(struct app *app);
err requests_start(struct app *app) MUST_USE;
void requests_stop(struct app *app);
err access_start(struct app *app) MUST_USE;
err analysis_start(struct app *app) MUST_USE;
err notifications_start(struct app *app) MUST_USE;
err readers_start(struct app *app) MUST_USE;
err outbox_part_start(struct app *app) MUST_USE;
void outbox_part_stop(struct app *app);
err live_part_start(struct app *app) MUST_USE;
void live_part_stop(struct app *app);

/* upkeep.c */
err upkeep_start(struct app *app) MUST_USE;
void upkeep_stop(struct app *app);

/* observe.c */
err sources_start(struct app *app) MUST_USE;
void sources_stop(struct app *app);
err scraping_part_start(struct app *app) MUST_USE;
void scraping_part_stop(struct app *app);
err rules_part_start(struct app *app) MUST_USE;
void rules_part_stop(struct app *app);
err doctor_part_start(struct app *app) MUST_USE;
void doctor_part_stop(struct app *app);
err prediction_start(struct app *app) MUST_USE;
void prediction_stop(struct app *app);
err connections_part_open(struct app *app) MUST_USE;
err connections_part_start(struct app *app) MUST_USE;
void connections_part_stop(struct app *app);
/* observe_reload - all or nothing. */
err observe_reload(struct config *config) MUST_USE;

/* ready.c: say to everybody that we are there. */
err become_ready(struct app *app) MUST_USE;
void signals_block(void);
void signals_wanted(sigset_t *ret_set);
