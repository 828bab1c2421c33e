/* template_test.c - what texts of alerts come out as. The expected texts are those that Go's text/template gives. */
#include "template/template.h"

#include "base/test.h"

static const char *const variables[] = { "labels", "value", NULL };
static const struct template_options options = { .name = "test",
                                                 .sets = { template_text_functions },
                                                 .variables = variables };

/* A map like Alertmanager's: one method. */
static bool names(struct arena *arena, const struct value_map *map, struct str name, const struct value *args,
                  size_t count, struct value *ret_value)
{
    (void)args;
    if (!str_eq(name, S("Names")) || count)
        return false;
    *ret_value = value_list_new(arena);
    for (size_t i = 0; i < map->entries.count; i++)
        value_push(arena, *ret_value, value_text(map->entries.at[i].key));
    return true;
}

static struct value labels_of(struct arena *arena)
{
    struct value labels = value_map_new(arena);

    value_put(arena, labels, S("job"), value_text(S("node")));
    value_put(arena, labels, S("instance"), value_text(S("db-1.example.com:9100")));
    labels.map->method = names;
    return labels;
}

static err run(struct arena *arena, const char *text, struct str *ret_text)
{
    struct template *template;
    struct value dot = value_map_new(arena), list = value_list_new(arena);
    struct template_variable vars[] = { { "labels", labels_of(arena) }, { "value", value_float(0.0732) } };

    for (int i = 1; i <= 3; i++)
        value_push(arena, list, value_int(i));
    dot.map->fields = true;
    value_put(arena, dot, S("Labels"), vars[0].value);
    value_put(arena, dot, S("List"), list);
    value_put(arena, dot, S("Empty"), value_list_new(arena));
    value_put(arena, dot, S("Status"), value_text(S("firing")));
    TRY(template_parse(arena, str_of(text), &options, NULL, &template));
    return template_run(template, arena,
                        &(struct template_scope){ .dot = dot, .variables = vars, .variable_count = 2, .out_max = 4096 },
                        ret_text);
}

static void expect_text(const char *text, const char *wanted)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str got;

    ASSERT_OK(run(arena, text, &got));
    ASSERT_STR(wanted, got);
}

static void expect_fault(const char *text, const char *wanted)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 22);
    struct str got;
    err e CLEANUP(err_freep) = run(arena, text, &got);

    ASSERT_TRUE(e != NULL);
    ASSERT_TRUE(str_contains(str_of(err_message(e)), str_of(wanted)));
}

TEST(template_of_an_alert_says_what_prometheus_would)
{
    expect_text("{{ $labels.instance }} is at {{ $value | humanizePercentage }}", "db-1.example.com:9100 is at 7.32%");
    expect_text("{{$labels.nothing}}|{{ $value }}", "|0.0732");
    expect_text("{{ .Labels.job | toUpper }} {{ .Status | title }}", "NODE Firing");
    expect_text("{{ $labels.instance | stripPort }} {{ stripDomain $labels.instance }}", "db-1.example.com db-1:9100");
    expect_text("{{ stripDomain \"10.0.0.1:80\" }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"::1\" }}",
                "10.0.0.1:80 ::1 ::1");
}

TEST(template_trims_blanks_where_it_is_told_to)
{
    expect_text("a {{- 1 -}} b", "a1b");
    expect_text("a {{ 1 }} b", "a 1 b");
    expect_text("a\n\n{{- /* nothing */ -}}\n b", "ab");
    expect_text("{{-3}}", "-3");
    expect_text("x {{ \"}}\" }}", "x }}");
}

TEST(template_branches_and_loops)
{
    expect_text("{{ if eq .Status \"firing\" }}F{{ else }}R{{ end }}", "F");
    expect_text("{{ if .Empty }}a{{ else if .Status }}b{{ else }}c{{ end }}", "b");
    expect_text("{{ with .Empty }}a{{ else with .Status }}{{ . }}{{ else }}c{{ end }}", "firing");
    expect_text("{{ range .List }}{{ . }},{{ end }}", "1,2,3,");
    expect_text("{{ range $i, $e := .List }}{{ $i }}={{ $e }} {{ end }}", "0=1 1=2 2=3 ");
    expect_text("{{ range .Empty }}x{{ else }}none{{ end }}", "none");
    expect_text("{{ range .List }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "13");
    expect_text("{{ range .List }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1");
    expect_text("{{ range $k, $v := .Labels }}{{ $k }}={{ $v }};{{ end }}", "instance=db-1.example.com:9100;job=node;");
    expect_text("{{ range .Labels.Names }}{{ . }} {{ end }}", "instance job ");
    expect_text("{{ range 3 }}{{ . }}{{ end }}", "012");
}

TEST(template_keeps_variables_in_their_scope)
{
    expect_text("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2");
    expect_text("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21");
    expect_text("{{ with $y := .Status }}{{ $y }}{{ end }}{{ $.Status }}", "firingfiring");
    expect_fault("{{ $nowhere }}", "undefined variable \"$nowhere\"");
    expect_fault("{{ if true }}{{ $z := 1 }}{{ end }}{{ $z }}", "undefined variable \"$z\"");
}

TEST(template_calls_templates)
{
    expect_text("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .Status }}{{ template \"t\" 5 }}",
                "<firing><5>");
    expect_text("{{ block \"b\" .List }}{{ len . }}{{ end }}", "3");
    expect_text("{{ define \"two\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"two\" (args 1 \"b\") }}", "1-b");
    expect_fault("{{ template \"missing\" }}", "no template is named missing");
    expect_fault("{{ define \"l\" }}{{ template \"l\" }}{{ end }}{{ template \"l\" }}", "too deeply");
}

TEST(template_functions_of_go)
{
    expect_text("{{ printf \"%5.2f|%-4s|%q|%d|%v|%05d|%x\" 3.14159 \"ab\" \"a\\\"b\" 7 .List 42 255 }}",
                " 3.14|ab  |\"a\\\"b\"|7|[1 2 3]|00042|ff");
    expect_text("{{ printf \"%d\" \"x\" }} {{ printf \"%s\" }} {{ printf \"a\" 1 }} {{ printf \"%d%%\" 5 }}",
                "%!d(string=x) %!s(MISSING) a%!(EXTRA int=1) 5%");
    expect_text("{{ and 1 0 2 }} {{ or 0 \"\" \"x\" }} {{ not 0 }} {{ len \"abc\" }} {{ index .List 1 }}",
                "0 x true 3 2");
    expect_text("{{ index .Labels \"job\" }} {{ slice \"abcdef\" 1 3 }} {{ print 1 2 \"a\" 3 }}", "node bc 1 2a3");
    expect_text("{{ eq 1 2 1 }} {{ lt 1 2.5 }} {{ ge \"b\" \"a\" }} {{ ne true false }}", "true true true true");
    expect_text("{{ html \"<a href='x'>\" }} {{ urlquery \"a b&c\" }}", "&lt;a href=&#39;x&#39;&gt; a+b%26c");
    expect_text("{{ (index .List 0) }} {{ .Status | printf \"%s-%s\" \"x\" }}", "1 x-firing");
    expect_text("{{ 1e3 }} {{ 0x10 }} {{ 1000000.0 }} {{ 1e21 }} {{ 0.00001 }} {{ 'a' }}",
                "1000 16 1e+06 1e+21 1e-05 97");
    /* or does not look at what it needs not */
    expect_text("{{ or true (index .List 99) }}", "true");
    expect_fault("{{ index .List 99 }}", "test:1: error calling index: index out of range: 99");
    expect_fault("{{ eq 1 \"a\" }}", "incompatible types for comparison");
    expect_fault("{{ .Nope }}", "can't evaluate field Nope");
    expect_fault("{{ len 3 }}", "len of type int");
}

TEST(template_numbers_for_people)
{
    expect_text("{{ humanize 1234567.0 }} {{ humanize 0.000123 }} {{ humanize 0 }} {{ humanize -1500 }}",
                "1.235M 123u 0 -1.5k");
    expect_text("{{ humanize1024 1048576 }} {{ humanize1024 100 }} {{ humanize1024 1536 }}", "1Mi 100 1.5ki");
    expect_text("{{ humanizeDuration 0 }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration 59.5 }}",
                "0s 12.3ms 59.5s");
    expect_text("{{ humanizeDuration 3661 }} {{ humanizeDuration 90061 }} {{ humanizeDuration -65 }}",
                "1h 1m 1s 1d 1h 1m 1s -1m 5s");
    expect_text("{{ humanizeTimestamp 1435065584.128 }} {{ \"1h30m\" | parseDuration }}",
                "2015-06-23 13:19:44.128 +0000 UTC 5400");
    expect_text("{{ humanize \"2048\" }} {{ humanizePercentage 1 }}", "2.048k 100%");
}

TEST(template_functions_that_know_regular_expressions)
{
    expect_text("{{ match \"fir.\" .Status }} {{ match \"^ring\" .Status }}", "true false");
    expect_text("{{ reReplaceAll \"(i)(r)\" \"<$2${1}>\" \"firing air\" }}", "f<ri>ing a<ri>");
    expect_text("{{ reReplaceAll \"x*\" \"-\" \"abxc\" }}", "-a-b-c-");
    expect_text("{{ reReplaceAll \"é\" \"e\" \"été\" }}|{{ reReplaceAll \"\" \".\" \"é\" }}", "ete|.é.");
    expect_text("{{ $labels.instance | reReplaceAll \":.*\" \"\" }}", "db-1.example.com");
    expect_fault("{{ match \"(\" \"x\" }}", "error calling match");
    expect_text("{{ toDuration 5400 }} {{ toDuration 0.5 }} {{ toDuration 90.25 }} {{ toDuration 0 }}",
                "1h30m0s 500ms 1m30.25s 0s");
    expect_text("{{ urlQueryEscape \"a b\" }}", "a+b");
}

TEST(template_says_where_it_is_wrong)
{
    expect_fault("a\nb {{ nofunction 1 }}", "test:2: function \"nofunction\" not defined");
    expect_fault("{{ if true }}", "{{end}} is missing");
    expect_fault("{{ end }}", "unexpected {{end}}");
    expect_fault("{{ \"abc }}", "closing quote");
    expect_fault("{{ }}", "missing value");
    expect_fault("{{ 1 2 }}", "literal");
    expect_fault("{{ break }}", "outside of range");
    expect_fault("{{ (1 }}", "expected )");
    expect_fault("{{ .Status }", "unexpected");
    expect_fault("{{/* never closed", "unclosed comment");
    expect_fault("{{ printf }}", "wrong number of args for printf: want at least 1 got 0");
}

TEST(template_that_loops_ends)
{
    expect_fault("{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}", "does not end");
    expect_fault("{{ range 100000 }}xxxxxxxxxxxxxxxxxxxx{{ end }}", "4096");
}
