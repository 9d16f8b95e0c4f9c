//! Every construct nested as deep as allowed, deeper, and broken: always quick, never a panic.

use std::time::{Duration, Instant};

use super::{parsed, shown};

/// Constructs as text before and after their inner part. `@` is something that fits inside.
const NESTING: &[(&str, &str)] = &[
    ("(", ")"),
    ("not (", ")"),
    ("[", "]"),
    ("{ a: ", " }"),
    ("{ a: 1, b: x, c: ", ", d: 2 }"),
    ("x[", "]"),
    ("x[", "].y[0]"),
    ("x | f(", ")"),
    ("x | f(1, ", ", 2)"),
    ("x else (", ")"),
    ("x is (", ")"),
    ("x is not (", ")"),
    ("x in (", ")"),
    ("x not in [", "]"),
    ("x contains (", ")"),
    ("x not starts with (", ")"),
    ("x < (", ")"),
    ("1 + (", ") * 2"),
    ("-(", ")"),
    ("all of [", "]"),
    ("any of [x, ", ", y]"),
    ("none of [", "]"),
    ("any x in xs satisfies (", ")"),
    ("every x in (", ") satisfies (x)"),
    ("no x in xs | f(", ") satisfies (x)"),
    ("choose { when ", ": 1, otherwise: 2 }"),
    ("choose { when x: ", " otherwise: 2 }"),
    ("choose { when x: 1, otherwise: ", " }"),
    ("each x in xs: (", ")"),
    ("each x in (", "): x"),
    ("each x in xs where (", "): x"),
    ("\"a {", "} b\""),
    ("\"\"\"a {(", ")} b\"\"\""),
    ("\"\"\"a {", "} b\"\"\""),
    ("(x and y or ", ")"),
    ("x ? (", ") : y"),
    ("x ? y : (", ")"),
    ("f(", ")"),
    ("x.f(", ")"),
    ("x == (", ")"),
    ("x between (", ") and (1)"),
    ("x between 1 and (", ")"),
    ("x does not contain (", ")"),
    ("x is in (", ")"),
    ("any x in xs satisfies x.a > (", ")"),
];

/// Longer than any of these takes, and far below what one doubling for each level would take.
const SLOW: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 100 });

fn quick(text: &str, what: &str) -> super::super::Parsed {
    let once = || {
        let before = Instant::now();
        let parsed = parsed(text);
        (before.elapsed(), parsed)
    };
    let (mut took, mut parsed) = once();
    if took >= SLOW {
        // The machine may have been busy with something else.
        (took, parsed) = once();
    }
    assert!(took < SLOW, "{what} took {took:?}");
    parsed
}

fn nested(before: &str, after: &str, levels: usize, inner: &str) -> String {
    format!("const it = {}{inner}{}\n", before.repeat(levels), after.repeat(levels))
}

fn brackets(text: &str) -> usize {
    text.matches(['(', '[', '{']).count()
}

#[test]
fn every_construct_nests_as_deep_as_allowed() {
    for (before, after) in NESTING {
        let levels = 32 / brackets(before).max(1);
        let text = nested(before, after, levels, "x");
        let parsed = quick(&text, before);
        let shown = shown(&text, &parsed.diagnostics);
        assert!(!shown.contains("E0105"), "{before}\n{shown}");
    }
}

/// Levels at which broken constructs are tried. One doubling for each of 12 levels is slow enough to be
/// seen, and unoptimised code is not fast enough for more.
const BROKEN_LEVELS: usize = if cfg!(debug_assertions) { 12 } else { 32 };

#[test]
fn every_construct_can_be_broken_at_each_level() {
    for (before, after) in NESTING {
        let levels = BROKEN_LEVELS / brackets(before).max(1);
        let inners = ["", ",", "x y", "when", "+", "\"", "{", ")", "x is", "else"];
        for inner in inners.iter().step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
            let text = nested(before, after, levels, inner);
            quick(&text, &format!("{before} with `{inner}` inside"));
        }
        let whole = nested(before, after, levels, "x");
        for cut in (0..whole.len()).step_by(67).filter(|&cut| whole.is_char_boundary(cut)) {
            quick(whole.get(..cut).unwrap(), &format!("{before} cut at {cut}"));
        }
        for level in (0..levels).step_by(7) {
            let rest = levels - level - 1;
            let (outer, inner, after) = (before.repeat(level), before.repeat(rest), after.repeat(levels));
            quick(
                &format!("const it = {outer}{before},{inner}{after}"),
                &format!("{before} broken at {level}"),
            );
        }
    }
}

#[test]
fn one_level_more_is_refused_with_its_number() {
    for (before, after) in NESTING {
        let text = nested(before, after, 33, "x");
        let parsed = quick(&text, before);
        let shown = shown(&text, &parsed.diagnostics);
        assert!(shown.contains("error[E0105]: nesting is limited to 32 levels"), "{before}\n{shown}");
    }
}

#[test]
fn what_nests_without_brackets_is_bounded_too() {
    for (before, after, inner) in [
        ("not ", "", "x"),
        ("each x in ", ": x", "xs"),
        ("each x in xs: ", "", "x"),
        ("any x in ", " satisfies (x)", "xs"),
        ("!", "", "x"),
        ("x ? y : ", "", "z"),
    ] {
        for levels in [10, 40, 150, 1000, 20_000] {
            let text = nested(before, after, levels, inner);
            if text.len() > 256 * 1024 {
                continue;
            }
            let parsed = parsed(&text);
            let shown = shown(&text, &parsed.diagnostics);
            assert_eq!(shown.contains("E0105"), levels >= 150, "{levels} times `{before}`\n{shown:.600}");
        }
    }
    for levels in [10, 40, 150, 20_000] {
        let text = format!("schema S {{ a: {}text }}", "list of ".repeat(levels));
        let shown = shown(&text, &parsed(&text).diagnostics);
        assert_eq!(shown.contains("E0105"), levels >= 150, "{levels} lists");
    }
}

#[test]
fn long_rows_of_operators_are_bounded() {
    for link in [" + 1", " * 1", ".b", "[0]", " | f", " else 1"] {
        let fits = format!("const it = a{}\n", link.repeat(200));
        let shown_fits = shown(&fits, &quick(&fits, link).diagnostics);
        assert_eq!(shown_fits, "", "{link}");
        for links in [300, 20_000] {
            let text = format!("const it = a{}\n", link.repeat(links));
            let shown = shown(&text, &parsed(&text).diagnostics);
            assert!(
                shown.contains("limited to 256 operators in a row"),
                "{links} times `{link}`\n{shown:.500}"
            );
        }
    }
    // Logic is flat, so it has no such bound.
    let text = format!("const it = a{}\n", " and b".repeat(5_000));
    assert!(parsed(&text).diagnostics.is_empty());
}

#[test]
fn thirty_two_parentheses_are_read_at_once() {
    let text = format!("const it = {}x{}", "(".repeat(32), ")".repeat(32));
    parsed(&text);
    let best = (0..20).map(|_| {
        let before = Instant::now();
        parsed(&text);
        before.elapsed()
    });
    let best = best.min().unwrap();
    // Unoptimised code on a busy machine is an order of magnitude slower.
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 50 } else { 5 });
    assert!(best < bound, "{best:?}");
}

#[test]
fn blocks_nest_and_break() {
    let arm = "choose { when x { ";
    let each = "for each y in x.ys { ";
    for (before, after) in [(arm, " } }"), (each, " }"), ("schema S { a: { ", " } }")] {
        for inner in ["deliver a.b", "deliver", "when", "", "deliver a.b { a: }", "b: text", "}"] {
            for levels in [5, 15, 30] {
                let body = format!("{}{inner}{}", before.repeat(levels), after.repeat(levels));
                quick(&format!("rule r {{ on a.b as x {body} }}"), before);
            }
        }
    }
    let types = format!("schema S {{ a: {}text{} }}", "{ b: (".repeat(15), ") }".repeat(15));
    assert!(quick(&types, "types").diagnostics.is_empty());
}

#[test]
fn a_file_that_is_too_large_is_refused_whole() {
    let text = "# a comment\n".repeat(256 * 1024 / 12 + 1);
    let parsed = parsed(&text);
    let shown = shown(&text, &parsed.diagnostics);
    assert!(shown.contains("error[E0106]: a file is limited to 256 KiB"), "{shown:.300}");
    assert!(parsed.file.items.is_empty());
}

#[test]
fn large_literals_are_refused_by_their_own_limits() {
    let list = |items: usize| format!("const it = [{}]", "1, ".repeat(items));
    let record = |fields: usize| {
        let fields: String = (0..fields).map(|at| format!("f{at}: 1\n")).collect();
        format!("const it = {{ {fields} }}")
    };
    let schema = |fields: usize| record(fields).replace("const it =", "schema S").replace(": 1", ": int");
    let text = |bytes: usize| format!("const it = \"{}\"", "x".repeat(bytes - 2));
    let pattern = |chars: usize| format!("const it = x matches regex \"{}\"", "ä".repeat(chars));
    for (fits, exceeds, words) in [
        (list(1_000), list(1_001), "a list is limited to 1000 values"),
        (record(250), record(251), "a record is limited to 250 fields"),
        (schema(250), schema(251), "a record is limited to 250 fields"),
        (text(16 * 1024), text(16 * 1024 + 1), "a text is limited to 16 KiB"),
        (pattern(500), pattern(501), "a pattern is limited to 500 characters"),
    ] {
        assert!(parsed(&fits).diagnostics.is_empty(), "{words}");
        let shown = shown(&exceeds, &parsed(&exceeds).diagnostics);
        assert!(shown.contains("E0135") && shown.contains(words), "{shown:.300}");
    }
}

#[test]
fn hostile_files_take_time_in_proportion() {
    let size = if cfg!(debug_assertions) { 3 * 1024 } else { 200 * 1024 };
    for part in [
        "\"{",
        "(",
        "[",
        "{",
        ")",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "{\n",
        "(\n",
        "\"\"\"{\n",
        "\"\"\"{",
        "{\"\"\"",
        "{\"\"\"x",
        "\"\"\"{ \"\"\"} ",
        "\"\"\"{\"\"\"a\"\"\"}",
        "#\n",
        "##\n",
        "/*",
        "\\",
        "a = ",
        "x == y\n",
        "rule\n",
        "rule a {\n",
        "rul\n",
        "\u{a0}",
        "ä ",
        ";",
        "x.",
        "1.",
        "deliver a.b {\n",
        "const a = \"{\n",
        "test \"",
        "const a = [",
        "\"{a\"",
        "a: {",
        "const x = 1 +\n",
        "[x] = ",
        "!x && ",
        "rule a { on b\n deliver a.b { text: \"{\" }\n deliver a.b { text: \"x }\n}\n",
    ] {
        let text = part.repeat(size / part.len());
        let before = Instant::now();
        let parsed = parsed(&text);
        let took = before.elapsed();
        assert!(
            took < Duration::from_secs(8),
            "`{part}` took {took:?}, {} messages",
            parsed.diagnostics.len()
        );
    }
}
