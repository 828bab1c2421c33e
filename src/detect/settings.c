/* settings.c - what of detection can be configured. */
#include "detect/settings.h"

static const struct field detect_fields[] = {
    BOOL(struct detect_settings, enabled, .def = "true",
         .doc = "Watch the host's and Redis' own series for failures that are coming."),
    DURATION(struct detect_settings, interval, .def = "15s", .min = 100, .max = 3600000,
             .doc = "Look at every watched series this often."),
    DOUBLE(struct detect_settings, raise_risk, .def = "0.4", .min = 0.05, .max = 1,
           .doc = "Raise a signal from this risk on."),
    DOUBLE(struct detect_settings, clear_risk, .def = "0.25", .min = 0, .max = 1,
           .doc = "Clear it below this one; less than raise_risk, so that a signal does not flap."),
    INT(struct detect_settings, confirm, .def = "3", .min = 1, .max = 100,
        .doc = "Looks in a row that must agree before a signal is raised; twice as many before it is cleared."),
    DURATION(struct detect_settings, min_window, .def = "0", .min = 0, .max = 86400000,
             .doc =
                 "The shortest stretch of a series that may raise an alarm; 0: what each model says (5 min to 1 d)."),
    DURATION(struct detect_settings, retention, .def = "90d", .min = 86400000, .max = 315360000000,
             .doc = "Forget closed signals and settled predictions after this long."),
    { 0 },
};

static void detect_check(const void *object, struct str path, err *e)
{
    const struct detect_settings *settings = object;

    if (settings->clear_risk > settings->raise_risk)
        err_add_field(e, ERR_RANGE, "clear_risk", "%.*sclear_risk may not be greater than raise_risk", STR_ARG(path));
}

static const struct schema detect_schema = SCHEMA(struct detect_settings, detect_fields, .check = detect_check,
                                                  .doc = "Detection and prediction over the series that Auspex keeps.");
const struct config_section detect_section = { .key = "detect", .schema = &detect_schema };
REGISTER(config_section, detect_section);
