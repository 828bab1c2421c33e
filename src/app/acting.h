/* acting.h - the parts of the program that act; serve.c has the order.
 *
 * Owner: app/. Threads: main's. */
#pragma once
#include "app/app.h"

struct passwd;

/* folder_user - whom the server becomes where root starts it; NULL: nobody. Of folder.c. */
struct passwd *folder_user(struct app *app);

err runner_part_start(struct app *app) MUST_USE; /* forks: before any thread, and before rights are dropped */
void runner_part_stop(struct app *app);
err actions_start(struct app *app) MUST_USE;
void actions_stop(struct app *app);
/* Started after the outbox, so stopped before it: what runs may finish. */
err actions_run(struct app *app) MUST_USE;
void actions_drain(struct app *app);
