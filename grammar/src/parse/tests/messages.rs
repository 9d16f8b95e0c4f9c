//! Which mistake is reported where, and that its fix mends it.

use super::{parsed, shown};
use crate::{Diagnostic, ast::ItemKind};

/// The codes with line and column, in order.
fn places(text: &str) -> String {
    let source = crate::Source::new(crate::SourceId(0), "test.route", text);
    let place = |one: &Diagnostic| {
        let place = source.place(one.span().start);
        format!("{}@{}:{}", one.code, place.line, place.column)
    };
    parsed(text).diagnostics.iter().map(place).collect::<Vec<_>>().join(" ")
}

fn check(text: &str, expected: &str) {
    assert_eq!(places(text), expected, "\n{text}\n{}", shown(text, &parsed(text).diagnostics));
}

/// The text with the first fix of each message applied, last place first.
fn fixed(text: &str) -> String {
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    for one in &parsed(text).diagnostics {
        for edit in one.fixes.first().map_or(&[][..], |fix| &fix.edits) {
            edits.push((edit.span.range(), edit.replacement.clone()));
        }
    }
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut mended = text.to_owned();
    for (range, replacement) in edits.into_iter().rev() {
        mended.replace_range(range, &replacement);
    }
    mended
}

/// A condition with one habit, what it should be, and the code of the message.
fn check_fix(condition: &str, mended: &str, code: &str) {
    let whole =
        |condition: &str| format!("rule r {{\n  on a.b as x\n  when {condition}\n  deliver c.d\n}}\n");
    let text = whole(condition);
    let found = parsed(&text);
    let codes: Vec<&str> = found.diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, [code], "{condition}\n{}", shown(&text, &found.diagnostics));
    assert_eq!(fixed(&text), whole(mended), "{condition}");
    let again = parsed(&whole(mended));
    assert!(again.diagnostics.is_empty(), "{mended}\n{}", shown(&whole(mended), &again.diagnostics));
    assert!(!matches!(found.file.items[0].kind, ItemKind::Broken), "{condition} is read on");
}

#[test]
fn operators_from_elsewhere_are_mended() {
    for (written, mended) in [
        ("x.a == 1", "x.a is 1"),
        ("x.a==1", "x.a is 1"),
        ("x.a === 1", "x.a is 1"),
        ("x.a = 1", "x.a is 1"),
        ("x.a != 1", "x.a is not 1"),
        ("x.a !== 1", "x.a is not 1"),
        ("x.a <> 1", "x.a is not 1"),
        ("x.a ≠ 1", "x.a is not 1"),
        ("x.a ≥ 1", "x.a >= 1"),
        ("x.a ≤ 1", "x.a <= 1"),
        ("x.a && x.b", "x.a and x.b"),
        ("x.a||x.b", "x.a or x.b"),
        ("!x.a", "not x.a"),
        ("!(x.a)", "not (x.a)"),
        ("(!x.a)", "(not x.a)"),
        ("x.a ?? 1 > 2", "x.a else 1 > 2"),
        ("x?.a is 1", "x.a is 1"),
        ("x.a is in [1]", "x.a in [1]"),
        ("x.a is not in [1]", "x.a not in [1]"),
        ("x.a is one of [1]", "x.a in [1]"),
        ("x.a does not contain \"y\"", "x.a not contains \"y\""),
        ("x.a doesn't contain \"y\"", "x.a not contains \"y\""),
        ("x.a does not start with \"y\"", "x.a not starts with \"y\""),
        ("x.a does end with \"y\"", "x.a ends with \"y\""),
        ("x.a does not match \"y*\"", "x.a not matches \"y*\""),
        ("x.a == 1 && x.b != 2 && !x.c", "x.a is 1 and x.b is not 2 and not x.c"),
    ] {
        check_fix(written, mended, "E0102");
    }
}

#[test]
fn other_habits_in_conditions_are_mended() {
    for (written, mended, code) in [
        ("x.a between 1 and 5", "x.a >= 1 and x.a <= 5", "E0117"),
        ("1 < x.a < 3", "1 < x.a and x.a < 3", "E0117"),
        ("x.a is 'y'", "x.a is \"y\"", "E0112"),
        ("x.a is “y”", "x.a is \"y\"", "E0112"),
        ("x.a is `say \"y\"`", "x.a is \"say \\\"y\\\"\"", "E0112"),
        ("x.a is \"\\c\"", "x.a is \"\\\\c\"", "E0113"),
        ("x.a is \"a { b\"", "x.a is \"a \\{ b\"", "E0114"),
        ("x.a > 1e6", "x.a > 1_000_000", "E0115"),
        ("x.a > 2.5E3", "x.a > 2_500", "E0115"),
        ("x.a > .5", "x.a > 0.5", "E0115"),
        ("x.a > 1__0", "x.a > 10", "E0115"),
        ("x.a > 2w", "x.a > 14d", "E0116"),
        ("x.a > 1.5h", "x.a > 1h30m", "E0116"),
        ("x.a > 90min", "x.a > 1h30m", "E0116"),
        ("x.a > 30seconds", "x.a > 30s", "E0116"),
        ("x.a[-1] is 1", "x.a | last is 1", "E0119"),
        ("x.a.0.b is 1", "x.a[0].b is 1", "E0119"),
        ("x.2fa is true", "x.\"2fa\" is true", "E0122"),
        ("any y in x.ys satisfies y.a > 1", "any y in x.ys satisfies (y.a > 1)", "E0120"),
        ("all y in x.ys satisfies (y.a)", "every y in x.ys satisfies (y.a)", "E0118"),
        ("x.a;", "x.a", "E0121"),
        ("x.größe is 1", "x.\"größe\" is 1", "E0111"),
        ("x.a ? x.b : x.c", "choose { when x.a: x.b, otherwise: x.c }", "E0124"),
        ("x.a is \"p\" else \"q\"", "(x.a is \"p\") else \"q\"", "E0131"),
        ("x.a in [1 2]", "x.a in [1, 2]", "E0137"),
        ("x.a > 2026-3-1", "x.a > 2026-03-01", "E0133"),
        ("x.a > 2026-03-01T09:00", "x.a > 2026-03-01T09:00Z", "E0133"),
        ("x.a\u{a0}is 1", "x.a is 1", "E0134"),
        ("x.a is\u{200b} 1", "x.a is 1", "E0134"),
        ("x.a // why", "x.a # why", "E0123"),
        ("x.a /* why */", "x.a # why", "E0123"),
        ("x.a is 1 or x.b is 2 and x.c is 3", "x.a is 1 or (x.b is 2 and x.c is 3)", "E0108"),
        ("x.a and x.b or x.c and x.d", "(x.a and x.b) or (x.c and x.d)", "E0108"),
    ] {
        // Both fixes of mixed logic cannot be applied at once; `fixed` takes the first.
        check_fix(written, mended, code);
    }
}

#[test]
fn function_calls_are_mended() {
    for (written, mended) in [
        ("lower(x.a)", "x.a | lower"),
        ("toLowerCase(x.a)", "x.a | lower"),
        ("round(x.a + 1, 2)", "(x.a + 1) | round(2)"),
        ("x.a.lower()", "x.a | lower"),
        ("x.a.contains(\"y\")", "x.a contains \"y\""),
        ("x.a.startsWith(\"y\")", "x.a starts with \"y\""),
    ] {
        check_fix(written, mended, "E0136");
    }
}

#[test]
fn several_mistakes_of_a_file_are_all_reported() {
    check(
        "connection crm hubspot\nschema Lead { a: }\nrul x { }\nrule ok {\n  on a.b\n  deliver c.d\n}\nconst = 1\n",
        "E0138@1:16 E0101@2:18 E0109@3:1 E0101@8:7",
    );
}

#[test]
fn several_mistakes_of_an_item_are_all_reported() {
    check(
        "rule a {\n  on x.y as z\n  when z.a is\n  deliver c.d { a 1, b: 2 +, c: \"{z z}\" }\n  \
         deliver c.e { d: [1, , 2] }\n  deliver c.f with\n}\n",
        "E0101@4:3 E0138@4:19 E0101@4:28 E0114@4:37 E0101@5:24 E0101@7:1",
    );
}

#[test]
fn brackets_without_partners_point_at_the_culprit() {
    check(
        "rule a {\n  on x\n  deliver c.d {\n    a: 1\n  deliver c.e\n}\n\nrule b {\n  on x\n  ignore\n}\n",
        "E0103@3:15",
    );
    check("const a = [1, 2\nconst b = 3\n", "E0103@1:11");
    check("const a = (1 + 2]\n", "E0103@1:17");
    check("const a = [(1 + 2]\n", "E0103@1:12");
    check("const a = 1)\nconst b = 2\n", "E0103@1:12");
    check("rule a {\n  on x\n  ignore\n}\n}\n", "E0103@5:1");
}

#[test]
fn text_without_an_end_points_at_its_start() {
    check("const a = \"abc\nconst b = 2\n", "E0104@1:11");
    check("const a = \"\"\"\n  abc\nconst b = 2\nconst c = d d\n", "E0104@1:11 E0101@4:13");
    check("rule r {\n  on x\n  deliver c.d { a: \"abc, b: 1 }\n}\n", "E0104@3:20");
    check("const a = x matches regex \"abc\nconst b = 2\n", "E0104@1:27");
    check("const a = \"{x\"\n", "E0114@1:12");
    check("const a = \"{}\"\n", "E0114@1:13");
    // Three quotation marks behind a lone brace end the text, whatever comes later.
    check("const a = \"\"\"\n  a { b\n  \"\"\"\n", "E0114@2:5");
    check("const a = \"\"\"a {\"\"\"\nconst b = 1\n", "E0114@1:16");
    check("const a = \"\"\"a {\"\"\"\nconst b = \"\"\"c\"\"\"\nconst c = \"\"\"{b}\"\"\"\n", "E0114@1:16");
    check("const a = \"{x y}\"\n", "E0114@1:15");
}

#[test]
fn rules_ask_for_their_parts() {
    check("rule a {\n  deliver c.d\n}\n", "E0126@1:6");
    check("rule a {\n  on x\n}\n", "E0127@1:6");
    check(
        "rule a {\n  on x\n  on y\n  resource \"a\"\n  resource \"b\"\n  ignore\n}\n",
        "E0125@3:3 E0125@5:3",
    );
    check("rule a {\n  on x\n  deliver c.d\n  on y\n}\n", "E0125@4:3 E0132@4:3");
    check("rule a {\n  on x\n  deliver c.d {} when x\n}\n", "E0132@3:18");
    check("rule a {\n  on x\n  deliver c.d with {} {}\n}\n", "E0132@3:23");
    check("rule a {\n  on x as event\n  ignore\n}\n", "E0130@2:11");
    check("rule a {\n  on x\n  for each event in y { ignore }\n}\n", "E0130@3:12");
    check(
        "rule a {\n  on x\n  choose {\n    otherwise { ignore }\n    when y { }\n  }\n}\n",
        "E0132@5:5 E0127@5:12",
    );
    check("rule a {\n  on x\n  if y {\n    ignore\n  }\n}\n", "E0124@3:3");
    check("rule a {\n  on x\n  when y\n  when z\n  ignore\n}\n", "E0125@4:3");
    check("group g first_match {\n}\n", "E0127@1:7");
    check("test \"t\" {\n  given a {}\n  at 2026-01-01\n}\n", "E0132@3:3 E0133@3:6");
    check("rule limit {\n  on x\n  ignore\n}\n", "E0110@1:6");
    check("deliver a.b\n", "E0109@1:1");
}

#[test]
fn a_second_when_is_joined_to_the_first() {
    let text = "rule a {\n  on x\n  when y is 1\n  when z\n  ignore\n}\n";
    assert_eq!(fixed(text), "rule a {\n  on x\n  when y is 1\n  and z\n  ignore\n}\n");
}

#[test]
fn editions() {
    check("edition 2025\n", "E0128@1:9");
    check("const a = 1\nedition 2026\n", "E0129@2:1");
    check("edition 2026\nedition 2026\n", "E0125@2:1");
    check("edition \"2026\"\n", "E0101@1:9");
    assert_eq!(fixed("const a = 1\nedition 2026\n"), "edition 2026\nconst a = 1\n\n");
}

#[test]
fn fields_and_names() {
    check(
        "rule a {\n  on x\n  deliver c.d { x-id: 1, y = 2, \"z\" = 3 }\n}\n",
        "E0122@3:17 E0138@3:28 E0138@3:37",
    );
    check("const a = b.read-only\n", "E0122@1:13");
    check("connection größe: slack\n", "E0111@1:12");
    check("rule a {\n  on x\n  deliver c.send-it\n}\n", "E0122@3:13");
    check("import schema A from \"{x}\"\n", "E0139@1:24");
    check("const a = \"\\u{D800}\\u{110000}\"\n", "E0113@1:12 E0113@1:20");
}

#[test]
fn schedules() {
    check(
        "schedule s = weekdays 9:00 to 5pm, sunday 24:00 to 25:00 in \"UTC\" except 2026-1-1\n",
        "E0133@1:23 E0133@1:31 E0133@1:43 E0133@1:52 E0133@1:74",
    );
}

#[test]
fn descriptions_of_nothing_are_a_warning() {
    check("const a = 1\n## what?\n", "W0101@2:1");
    check("rule a {\n  on x\n  ## what?\n  ignore\n}\n", "W0101@3:3");
}

#[test]
fn a_broken_item_keeps_its_name() {
    let parsed = parsed("schema Lead { a: }\nconst b = \npredicate c(x: Lead) = x is\n");
    let names: Vec<&str> = parsed.file.broken.iter().map(|name| &*name.text).collect();
    assert_eq!(names, ["Lead", "b", "c"]);
    assert!(parsed.file.items.iter().all(|item| matches!(item.kind, ItemKind::Broken)));
}

#[test]
fn items_on_one_line_are_all_read() {
    let parsed = parsed(
        "const a = 1 rule b { on x ignore } schedule c = weekdays 09:00 to 17:00 in \"UTC\" rule d {\n  on x\n  ignore\n}\n",
    );
    assert!(parsed.diagnostics.is_empty());
    assert_eq!(parsed.file.items.len(), 4);
    assert!(parsed.file.items.iter().all(|item| !matches!(item.kind, ItemKind::Broken)));
}

#[test]
fn a_misspelled_item_does_not_spoil_its_neighbours() {
    let parsed = parsed("const a = 1\nrul b {\n  on x\n}\nconst c = 2\n");
    let kinds: Vec<bool> =
        parsed.file.items.iter().map(|item| matches!(item.kind, ItemKind::Const(_))).collect();
    assert_eq!(kinds, [true, false, true]);
}

#[test]
fn nothing_of_the_parser_itself_is_shown() {
    for text in [
        "rule",
        "rule a",
        "rule a {",
        "rule a { on",
        "rule a { on x as }",
        "const",
        "const a",
        "const a =",
        "test",
        "schema A { a: list }",
        "schedule s = x",
        "event a",
        "import",
        "environments",
        "policy p",
        "list",
        "group g",
        "predicate p",
        "predicate p(x) = y",
        "connection",
        "edition",
        "const a = x |",
        "const a = any x",
        "const a = each x in",
        "const a = choose {",
        "const a = choose { when }",
        "test \"x\" { given }",
        "test \"x\" { expect }",
        "test \"x\" { after x }",
        "rule a { on x for each y in z }",
        "rule a { on x choose { x } }",
        "rule a { on x deliver }",
        "const a = x.\"",
        "const a = @",
        "const a = 5 %",
        "\u{1F6A8}",
        "const a = x is ignoring case",
    ] {
        let shown = shown(text, &parsed(text).diagnostics);
        assert!(shown.contains("error["), "{text}");
        for word in ["kw_", "_tail", "Rule", "EOI", "expected ", "ident", "chain", "primary"] {
            assert!(!shown.contains(word), "{word} in\n{shown}");
        }
    }
}
