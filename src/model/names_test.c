/* names_test.c - severities and event kinds by name. */
#include "base/test.h"
#include "model/event.h"
#include "model/severity.h"

TEST(severity_understands_many_spellings)
{
    static const struct {
        const char *text;
        enum severity severity;
        const char *priority, *word;
    } cases[] = {
        { "critical", SEVERITY_CRITICAL, "P1", "critical" },
        { "PAGE", SEVERITY_CRITICAL, "P1", "critical" },
        { "p2", SEVERITY_HIGH, "P2", "high" },
        { "Error", SEVERITY_HIGH, "P2", "high" },
        { "warning", SEVERITY_WARNING, "P3", "medium" },
        { "none", SEVERITY_INFO, "P4", "low" },
        { "P5", SEVERITY_INFO, "P4", "low" },
    };
    enum severity severity;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ASSERT_TRUE(severity_parse(str_of(cases[i].text), &severity));
        ASSERT_EQ_INT(cases[i].severity, severity);
        ASSERT_STR(cases[i].priority, str_of(severity_priority(severity)));
        ASSERT_STR(cases[i].word, str_of(severity_word(severity)));
    }
    ASSERT_FALSE(severity_parse(S("catastrophic"), &severity));
    ASSERT_FALSE(severity_parse(S(""), &severity));
}

TEST(event_kinds_have_one_name_each)
{
    int found = 0;

    for (int number = 0; number < 1000; number++) {
        enum event_kind kind;
        const char *name = event_kind_name((enum event_kind)number);
        if (!name)
            continue;
        found++;
        ASSERT_TRUE(event_kind_parse(str_of(name), &kind));
        ASSERT_EQ_INT(number, kind);
    }
    ASSERT_TRUE(found > 40);
    ASSERT_STR("alert.firing", str_of(event_kind_name(EVENT_ALERT_FIRING)));
}
