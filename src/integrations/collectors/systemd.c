/* systemd.c - states of systemd's units over D-Bus, with node_exporter's names.
 *
 * One call a scrape, ListUnits, which costs systemd a millisecond for 200 units. Labels `type` of services are not
 * asked for: a call a unit each time would cost more than all the rest. */
#include "integrations/collectors/systemd.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/time.h"
#include "ingest/collector.h"

enum { UNITS_MAX = 2000, STATES = 5 };

static const char *const states[STATES] = { "active", "activating", "deactivating", "inactive", "failed" };

struct systemd {
    sd_bus *bus;
    char host[HOST_NAME_MAX + 1];
};

/* Kinds that come and go with every mount and login, as node_exporter leaves out. */
static bool is_left_out(struct str name)
{
    static const struct str suffixes[] = { { ".automount", 10 }, { ".device", 7 }, { ".mount", 6 },
                                           { ".scope", 6 },      { ".slice", 6 },  { ".target", 7 } };

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (str_ends(name, suffixes[i]))
            return true;
    return false;
}

void systemd_add_unit(struct batch *out, struct str host, const struct systemd_unit *unit, int64_t counts[5])
{
    const char *name = str_c(out->arena, str_utf8_scrub(out->arena, unit->name));

    for (size_t i = 0; i < STATES; i++)
        counts[i] += str_eq(unit->active, str_of(states[i]));
    if (is_left_out(unit->name) || !str_eq(unit->load, S("loaded")))
        return;
    for (size_t i = 0; i < STATES; i++)
        batch_gauge(out, "node_systemd_unit_state", "1 for the state that the unit is in.",
                    str_eq(unit->active, str_of(states[i])), "name", name, "state", states[i], NULL);
    if (str_ends(unit->name, S(".service")) && !str_eq(unit->active, S("inactive")))
        batch_resource(out, &(struct resource_seen){
                                str_printf(out->arena, "service:%.*s:%s", STR_ARG(host), name), S("service"),
                                str_of(name), labels_make(out->arena, &(struct label){ S("name"), str_of(name) }, 1),
                                str_printf(out->arena, "%.*s (%.*s)", STR_ARG(unit->active), STR_ARG(unit->sub)) });
}

void systemd_add_counts(struct batch *out, const int64_t counts[5])
{
    for (size_t i = 0; i < STATES; i++)
        batch_gauge(out, "node_systemd_units", "Units by state.", (double)counts[i], "state", states[i], NULL);
}

static err bus_err(int code, sd_bus_error *error, const char *what)
{
    return err_new(ERR_UNAVAILABLE, "systemd: %s: %s", what,
                   error && error->message ? error->message : strerror(code < 0 ? -code : code));
}

static void message_free(sd_bus_message **message)
{
    sd_bus_message_unref(*message);
}

static err read_units(struct systemd *systemd, sd_bus_message *reply, struct batch *out)
{
    int64_t counts[STATES] = { 0 };
    size_t count = 0;
    int code = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

    while (code >= 0 && count++ < UNITS_MAX) {
        const char *name, *load, *active, *sub;
        code =
            sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, &load, &active, &sub, NULL, NULL, NULL, NULL, NULL);
        if (code <= 0)
            break;
        systemd_add_unit(out, str_of(systemd->host),
                         &(struct systemd_unit){ str_of(name), str_of(load), str_of(active), str_of(sub) }, counts);
    }
    if (code < 0)
        return bus_err(code, NULL, "the list of units can't be read");
    systemd_add_counts(out, counts);
    if (count > UNITS_MAX)
        batch_note(out, str_printf(out->arena, "only the first %d units are taken", UNITS_MAX));
    return NULL;
}

static err list_units(struct call *call, struct systemd *systemd, struct batch *out)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *request CLEANUP(message_free) = NULL, *reply CLEANUP(message_free) = NULL;
    int64_t left_ms = call->deadline_ms - time_mono_ms();
    int code =
        sd_bus_message_new_method_call(systemd->bus, &request, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                       "org.freedesktop.systemd1.Manager", "ListUnits");

    if (code >= 0)
        code = sd_bus_call(systemd->bus, request, (uint64_t)(left_ms > 1 ? left_ms : 1) * 1000, &error, &reply);
    err e = code < 0 ? bus_err(code, &error, "ListUnits") : read_units(systemd, reply, out);
    sd_bus_error_free(&error);
    return e;
}

static err systemd_collect(struct call *call, const void *settings, void *state, struct batch *out)
{
    struct systemd *systemd = state;

    (void)settings;
    if (sd_booted() <= 0) {
        batch_absent(out, "systemd does not run here");
        return NULL;
    }
    if (!systemd->bus) {
        int code = sd_bus_open_system(&systemd->bus);
        if (code < 0)
            return bus_err(code, NULL, "can't reach the system bus");
    }
    err e = list_units(call, systemd, out);
    if (e) /* a new connection next time */
        systemd->bus = sd_bus_flush_close_unref(systemd->bus);
    return e;
}

static err systemd_open(struct call *call, const void *settings, void **ret_state)
{
    struct systemd *systemd = calloc(1, sizeof(*systemd));

    (void)call, (void)settings;
    if (!systemd)
        abort();
    gethostname(systemd->host, sizeof(systemd->host) - 1);
    *ret_state = systemd;
    return NULL;
}

static void systemd_close(void *state)
{
    struct systemd *systemd = state;

    sd_bus_flush_close_unref(systemd->bus);
    free(systemd);
}

static const struct collector systemd = {
    .name = "systemd",
    .doc = "States of systemd's units, with node_exporter's names.",
    .interval_ms = 30 * SECOND_MS,
    .automatic = true,
    .blocks = true,
    .open = systemd_open,
    .collect = systemd_collect,
    .close = systemd_close,
};
REGISTER(collector, systemd);
