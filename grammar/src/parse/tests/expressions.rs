//! Every alternative of the expression grammar, and how it binds.

use super::{dump::dump, parsed, shown};
use crate::ast::{Expr, ItemKind};

fn expr(text: &str) -> Expr {
    let text = format!("const it = {text}");
    let parsed = parsed(&text);
    assert_eq!(shown(&text, &parsed.diagnostics), "");
    match &parsed.file.items[..] {
        [item] => match &item.kind {
            ItemKind::Const(it) => it.value.clone(),
            other => panic!("{text}: {other:?}"),
        },
        items => panic!("{text}: {} items", items.len()),
    }
}

fn check(text: &str, expected: &str) {
    let read = expr(text);
    assert_eq!(dump(&read), expected, "{text}");
    let span = read.span.range();
    assert_eq!(span, "const it = ".len().."const it = ".len() + text.len(), "the span of {text}");
}

#[test]
fn literals() {
    for (text, expected) in [
        ("42", "42"),
        ("10_000", "10000"),
        ("19.90", "19.90"),
        ("1_000.50", "1000.50"),
        ("5%", "5%"),
        ("2.5%", "2.5%"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
        ("30s", "30000ms"),
        ("1h30m", "5400000ms"),
        ("250ms", "250ms"),
        ("7d", "604800000ms"),
        ("2026-03-01", "@2026-03-01"),
        ("2026-03-01T09:00:00Z", "@2026-03-01T09:00:00Z"),
        ("2026-03-01T09:00+01:00", "@2026-03-01T09:00+01:00"),
        ("2026-03-01T09:00:00.125Z", "@2026-03-01T09:00:00.125Z"),
        ("[]", "[]"),
        ("[1, 2,]", "[1 2]"),
        ("{}", "{}"),
    ] {
        check(text, expected);
    }
}

#[test]
fn arithmetic_and_transforms_bind_as_written() {
    for (text, expected) in [
        ("a + b * c", "(+ a (* b c))"),
        ("a - b - c", "(- (- a b) c)"),
        ("a * b / c", "(/ (* a b) c)"),
        ("-a + b", "(+ (- a) b)"),
        ("-a.b", "(- a.b)"),
        ("a -b", "(- a b)"),
        ("o.net + o.tax | round(2) else 0 > 100", "(Greater (else (| (+ o.net o.tax) round 2) 0) 100)"),
        ("a | trim | lower", "(| (| a trim) lower)"),
        ("a else b else c", "(else (else a b) c)"),
        ("a | replace(\"x\", \"y\",)", "(| a replace text<\"x\"> text<\"y\">)"),
        ("h | only(\"a\")", "(| h only text<\"a\">)"),
        ("a | capture(\"v(?<n>\\d+)\", \"n\")", r#"(capture a "v(?<n>\\d+)" "n")"#),
        ("(a + b) * c", "(* ((+ a b)) c)"),
    ] {
        check(text, expected);
    }
}

#[test]
fn paths() {
    for (text, expected) in [
        ("a.b.c", "a.b.c"),
        ("a.\"x-id\".when", "a.\"x-id\".when"),
        ("a[0].b", "a[0].b"),
        ("m[a.key][\"k\"]", "m[a.key][text<\"k\">]"),
        ("a\n  .b", "a.b"),
        ("rule_1._x", "rule_1._x"),
        ("event.type", "event.type"),
    ] {
        check(text, expected);
    }
}

#[test]
fn comparisons() {
    for (text, expected) in [
        ("a is b", "(Is a b)"),
        ("a is not b", "(IsNot a b)"),
        ("a < b", "(Less a b)"),
        ("a <= b", "(LessEqual a b)"),
        ("a > b", "(Greater a b)"),
        ("a >= b", "(GreaterEqual a b)"),
        ("a in [1, 2]", "(In a [1 2])"),
        ("a not in b", "(NotIn a b)"),
        ("a contains b", "(Contains a b)"),
        ("a not contains b", "(NotContains a b)"),
        ("a starts with b", "(StartsWith a b)"),
        ("a not starts with b", "(NotStartsWith a b)"),
        ("a ends with b", "(EndsWith a b)"),
        ("a not ends with b", "(NotEndsWith a b)"),
        ("a matches \"x*\"", "(Matches a text<\"x*\">)"),
        ("a not matches \"x*\"", "(NotMatches a text<\"x*\">)"),
        ("a is b ignoring case", "(Is a b nocase)"),
        (
            "a contains any of [\"x\", \"y\"] ignoring case",
            "(Contains a (any-of [text<\"x\"> text<\"y\">]) nocase)",
        ),
        ("a ends with any of extensions", "(EndsWith a (any-of extensions))"),
        ("a is missing", "(Missing a)"),
        ("a is not missing", "(not Missing a)"),
        ("a is present", "(Present a)"),
        ("a is null", "(Null a)"),
        ("a is not empty", "(not Empty a)"),
        ("a matches regex \"^\\d{2}\\\"$\"", r#"(regex a "^\\d{2}\"$")"#),
        ("a not matches regex p", "(not regex a p)"),
        ("a matches regex \"x\" ignoring case", "(regex a \"x\" nocase)"),
        ("a matches regex", "(Matches a regex)"),
        ("a is missing_thing", "(Is a missing_thing)"),
    ] {
        check(text, expected);
    }
}

#[test]
fn logic() {
    for (text, expected) in [
        ("a and b and c", "(and a b c)"),
        ("a or b or c", "(or a b c)"),
        ("a and (b or c)", "(and a ((or b c)))"),
        ("not a and b", "(and (not a) b)"),
        ("not not a is b", "(not (not (Is a b)))"),
        ("all of [a, b is 1]", "(all-of [a (Is b 1)])"),
        ("any of [a, none of [b]]", "(any-of [a (none-of [b])])"),
        ("none of checks", "(none-of checks)"),
        ("any x in a.xs satisfies (x.n > 1)", "(any x a.xs (Greater x.n 1))"),
        ("every x in xs satisfies (x)", "(every x xs x)"),
        ("no x in xs | unique satisfies (x is 1) and b", "(and (no x (| xs unique) (Is x 1)) b)"),
    ] {
        check(text, expected);
    }
}

#[test]
fn choices_and_records() {
    for (text, expected) in [
        ("choose { when a: 1, when b is 2: 2 otherwise: 3 }", "(choose a: 1, (Is b 2): 2, _: 3)"),
        ("choose { when a: 1 }", "(choose a: 1)"),
        ("each l in o.lines: l.sku", "(each l o.lines l.sku)"),
        ("each l in ls where l.n > 1: { a: l.b }", "(each l ls if (Greater l.n 1) {a: l.b})"),
        ("each l in ls: l.a | join(\", \")", "(each l ls (| l.a join text<\", \">))"),
        ("(each l in ls: l.a) | join(\", \")", "(| ((each l ls l.a)) join text<\", \">)"),
        ("{ a: 1, \"b c\": 2 when: 3 ..d.e }", "{a: 1, b c: 2, when: 3, ..d.e}"),
        (
            "{ ..a, b: c\n contains: d\n in: e\n is: f\n and: g }",
            "{..a, b: c, contains: d, in: e, is: f, and: g}",
        ),
        (
            "{ else: 1, not: 2, starts: 3, matches: 4, or: 5 }",
            "{else: 1, not: 2, starts: 3, matches: 4, or: 5}",
        ),
        ("{ a: x\n between: y\n limit: 1 }", "{a: x, between: y, limit: 1}"),
        ("{ a: x matches regex, b: 1 }", "{a: (Matches x regex), b: 1}"),
        ("choose { when x matches regex p: 1 }", "(choose (regex x p): 1)"),
    ] {
        check(text, expected);
    }
}

#[test]
fn text_with_escapes_and_holes() {
    for (text, expected) in [
        (r#""""#, "text<>"),
        (r#""a\"b\\c\{d\}\n\t\u{1F6A8}""#, r#"text<"a\"b\\c{d}\n\t🚨">"#),
        (r#""Hi {lead.name}!""#, r#"text<"Hi " {lead.name} "!">"#),
        (r#""{a}{b}""#, "text<{a} {b}>"),
        (r#""{ a else "(no {title})" }""#, r#"text<{(else a text<"(no " {title} ")">)}>"#),
        (r#""a } b""#, r#"text<"a } b">"#),
        (r##""# no comment // none""##, r##"text<"# no comment // none">"##),
        (r#""<{url}|{title | shorten(80)}>""#, r#"text<"<" {url} "|" {(| title shorten 80)} ">">"#),
    ] {
        check(text, expected);
    }
}

#[test]
fn block_text_stands_in_holes_of_block_text() {
    for (text, expected) in [
        (
            "\"\"\"\n  a\n  {\"\"\"\n      b {x}\n        c\n      \"\"\"}d\n  \"\"\"",
            r#"block<"a\n" {block<"b " {x} "\n  c\n">} "d\n">"#,
        ),
        (
            "\"\"\"{x else \"\"\"none\"\"\"}, {(\"\"\"y\"\"\") | upper}\"\"\"",
            r#"block<{(else x block<"none">)} ", " {(| (block<"y">) upper)}>"#,
        ),
        ("\"\"\"1{\"\"\"2{\"\"\"3\"\"\"}2\"\"\"}1\"\"\"", r#"block<"1" {block<"2" {block<"3">} "2">} "1">"#),
        ("\"\"\"{ { a: \"\"\"}\"\"\" } | to_json }\"\"\"", r#"block<{(| {a: block<"}">} to_json)}>"#),
        ("\"a{\"\"\"b\"\"\"}c\"", r#"text<"a" {block<"b">} "c">"#),
    ] {
        check(text, expected);
    }
}

#[test]
fn block_text_loses_its_first_line_break_and_its_indentation() {
    for (text, expected) in [
        ("\"\"\"\n    a\n      b\n    \"\"\"", r#"block<"a\n  b\n">"#),
        ("\"\"\"\n    a\n  \"\"\"", r#"block<"  a\n">"#),
        ("\"\"\"one {x} line\"\"\"", r#"block<"one " {x} " line">"#),
        ("\"\"\"\n  {x}: {y}\n\n  z\"\"\"", r#"block<{x} ": " {y} "\n\nz">"#),
        ("\"\"\"\r\n  a\r\n  b\r\n  \"\"\"", r#"block<"a\nb\n">"#),
        ("\"\"\"\n  say \"hi\"\n  \"\"\"", r#"block<"say \"hi\"\n">"#),
        ("\"\"\"ends with \"quote\"\"\"\"", r#"block<"ends with \"quote\"">"#),
        ("\"\"\"\n\t\\ta\n\t\\u{41}\n\t\"\"\"", r#"block<"\ta\nA\n">"#),
        ("\"\"\"\"\"\"", "block<>"),
        ("\"\"\"\n  a {\n  x\n  } b\n  \"\"\"", r#"block<"a " {x} " b\n">"#),
    ] {
        check(text, expected);
    }
}

#[test]
fn spans_end_where_their_last_token_ends() {
    let text = "a.b   # why\n  and  c   # so\n";
    let read = expr(text);
    assert_eq!(dump(&read), "(and a.b c)");
    let offset = "const it = ".len();
    assert_eq!(read.span.range(), offset..offset + text.find("c   #").unwrap() + 1);
}
