/* demo_say.c - the demo's lines: with colours on a terminal, plain elsewhere, none with --json. */
#include "app/demo.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 150 };

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define RED   "\033[31m"
#define GREEN "\033[32m"
#define BLUE  "\033[36m"
#define PLAIN "\033[0m"

static const char *paint(const struct demo *demo, const char *color)
{
    return demo->colors ? color : "";
}

void demo_say_title(const struct demo *demo, const struct demo_scenario *scenario, size_t number)
{
    if (demo->json)
        return;
    printf("\n%s%zu. %s%s  %s%s%s\n   %s\n", paint(demo, BOLD), number, scenario->title, paint(demo, PLAIN),
           paint(demo, DIM), scenario->id, paint(demo, PLAIN), scenario->said);
    fflush(stdout);
}

void demo_say(const struct demo *demo, int64_t fault_ms, int64_t time_ms, const char *what, struct str text)
{
    char when[32] = "";

    if (demo->json)
        return;
    if (fault_ms)
        snprintf(when, sizeof(when), "%+.2f s", (double)(time_ms - fault_ms) / 1000);
    struct str head = str_utf8_head(text, WIDTH);
    printf("   %s%9s%s  %s%-9s%s %.*s%s\n", paint(demo, DIM), when, paint(demo, PLAIN), paint(demo, BLUE), what,
           paint(demo, PLAIN), STR_ARG(head), head.length < text.length ? "..." : "");
    fflush(stdout);
}

void demo_say_more(const struct demo *demo, struct str text)
{
    struct str head = str_utf8_head(text, WIDTH);

    if (demo->json)
        return;
    printf("   %9s  %9s %s- %.*s%s%s\n", "", "", paint(demo, DIM), STR_ARG(head),
           head.length < text.length ? "..." : "", paint(demo, PLAIN));
    fflush(stdout);
}

static double seconds(int64_t fault_ms, int64_t time_ms)
{
    return (double)(time_ms - fault_ms) / 1000;
}

static void put_seconds(struct json_writer *w, const char *name, int64_t fault_ms, int64_t time_ms)
{
    json_key(w, str_of(name));
    if (time_ms)
        json_add_double(w, seconds(fault_ms, time_ms));
    else
        json_add_null(w);
}

static void say_json(const struct demo_scenario *scenario, const struct demo_outcome *outcome, int64_t fault_ms,
                     bool verified)
{
    struct buf line CLEANUP(buf_clear) = { .max = 1 << 16 };
    struct json_writer w = json_writer(&line);

    json_begin_object(&w);
    json_put_str(&w, S("id"), str_of(scenario->id));
    put_seconds(&w, "detected_s", fault_ms, outcome->alert_ms);
    put_seconds(&w, "proposed_s", fault_ms, outcome->proposed_ms);
    put_seconds(&w, "recovered_s", fault_ms, outcome->resolved_ms);
    json_put_bool(&w, S("verified"), verified);
    json_put_str(&w, S("action"), outcome->action);
    json_put_i64(&w, S("incident_id"), outcome->incident);
    json_put_i64(&w, S("incidents"), outcome->incidents);
    json_end_object(&w);
    printf("%s\n", buf_c(&line));
    fflush(stdout);
}

void demo_say_outcome(const struct demo *demo, const struct demo_scenario *scenario, const struct demo_outcome *outcome,
                      int64_t fault_ms, bool verified)
{
    if (demo->json) {
        say_json(scenario, outcome, fault_ms, verified);
        return;
    }
    if (verified) {
        printf("   %s%9s  verified%s  detected after %.2f s, recovered after %.2f s\n", paint(demo, GREEN), "",
               paint(demo, PLAIN), seconds(fault_ms, outcome->alert_ms), seconds(fault_ms, outcome->resolved_ms));
        return;
    }
    printf("   %s%9s  FAILED%s    %s, %d incident(s)\n", paint(demo, RED), "", paint(demo, PLAIN),
           !outcome->alert_ms      ? "it was not detected"
           : !outcome->proposed_ms ? "nothing was proposed"
           : !outcome->approved    ? "it was not approved"
           : !outcome->fixed       ? "it was not verified as fixed"
           : !outcome->resolved_ms ? "the incident is still open"
                                   : "it took longer to propose than two collection intervals",
           outcome->incidents);
}
