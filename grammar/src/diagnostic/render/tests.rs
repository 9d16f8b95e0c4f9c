//! The layout, held against the messages that the design shows.

use super::{Colour, render};
use crate::{Diagnostic, Source, SourceId, Span, diagnostic::Code};

/// A source whose line `number` is `line`.
fn source(id: u16, name: &str, lines: &[(usize, &str)]) -> Source {
    let last = lines.iter().map(|(number, _)| *number).max().unwrap();
    let text: Vec<&str> = (1..=last)
        .map(|number| lines.iter().find(|(at, _)| *at == number).map_or("", |(_, line)| line))
        .collect();
    Source::new(SourceId(id), name, text.join("\n"))
}

/// The place of the `nth` occurrence of `part`, from 0.
fn span(source: &Source, part: &str, nth: usize) -> Span {
    let (at, _) = source.text.match_indices(part).nth(nth).unwrap();
    Span::new(source.id, at, at + part.len())
}

fn check(diagnostic: &Diagnostic, sources: &[Source], expected: &str) {
    let rendered = render(diagnostic, sources, Colour::Off);
    assert_eq!(rendered, expected.strip_prefix('\n').unwrap(), "\n{rendered}");
}

#[test]
fn one_label_a_fact_and_a_fix() {
    let leads = source(0, "leads.route", &[(25, "    email:           lead.emial | lower")]);
    let at = span(&leads, "emial", 0);
    let message = Diagnostic::error(Code::E0203, "`Lead` has no field called `emial`")
        .at(at, "did you mean `email`?")
        .note("`Lead` (leads.route:6) has: company, country, email, name, score, source")
        .fix("replace `emial` with `email`", [(at, "email".to_owned())]);
    check(
        &message,
        &[leads],
        r"
error[E0203]: `Lead` has no field called `emial`
   ┌─ leads.route:25:27
   │
25 │     email:           lead.emial | lower
   │                           ^^^^^ did you mean `email`?
   │
   = `Lead` (leads.route:6) has: company, country, email, name, score, source
   = fix: replace `emial` with `email`
",
    );
}

#[test]
fn two_labels_on_one_line_and_two_fixes() {
    let line =
        r#"  when invoice.attempt >= 3 or invoice.amount_due >= 500 and invoice.collection is "manual""#;
    let dunning = source(0, "dunning.route", &[(43, line)]);
    let message = Diagnostic::error(Code::E0108, "`and` and `or` are mixed, so this can be read two ways")
        .at(span(&dunning, "and", 0), "then `and`")
        .also(span(&dunning, "or", 0), "first `or`")
        .fix("the one", [])
        .fix("the other", [])
        .help("with more than two conditions, `all of [ … ]` and `any of [ … ]` read better");
    check(
        &message,
        &[dunning],
        r#"
error[E0108]: `and` and `or` are mixed, so this can be read two ways
   ┌─ dunning.route:43:58
   │
43 │   when invoice.attempt >= 3 or invoice.amount_due >= 500 and invoice.collection is "manual"
   │                             --                           ^^^ then `and`
   │                             first `or`
   │
   = fix 1: the one
   = fix 2: the other
   = help: with more than two conditions, `all of [ … ]` and `any of [ … ]` read better
"#,
    );
}

#[test]
fn lines_that_are_skipped_and_numbers_of_other_lengths() {
    let github =
        source(0, "github.route", &[(3, "connection chat:   slack"), (18, "  deliver slack.send_message {")]);
    let message = Diagnostic::error(Code::E0203, "no connection is called `slack`")
        .at(span(&github, "slack", 1), "use the name from line 3")
        .also(span(&github, "chat", 0), "the connection")
        .also(span(&github, "slack", 0), "its integration");
    check(
        &message,
        &[github],
        r"
error[E0203]: no connection is called `slack`
   ┌─ github.route:18:11
   │
 3 │ connection chat:   slack
   │            ----    ----- its integration
   │            the connection
   ·
18 │   deliver slack.send_message {
   │           ^^^^^ use the name from line 3
",
    );
}

#[test]
fn three_labels_hang_from_their_markers() {
    let file = source(0, "a.route", &[(1, "aa bb cc"), (2, "next")]);
    let message = Diagnostic::warning(Code::E0203, "three")
        .at(span(&file, "aa", 0), "first")
        .also(span(&file, "bb", 0), "second")
        .at(span(&file, "cc", 0), "third")
        .also(span(&file, "next", 0), "");
    check(
        &message,
        &[file],
        r"
warning[E0203]: three
   ┌─ a.route:1:1
   │
 1 │ aa bb cc
   │ ^^ -- ^^ third
   │ │  second
   │ first
 2 │ next
   │ ----
",
    );
}

#[test]
fn labels_in_two_files() {
    let one = source(0, "one.route", &[(1, "rule a {}")]);
    let two = source(1, "two.route", &[(120, "rule a {}")]);
    let message = Diagnostic::error(Code::E0203, "twice")
        .at(span(&two, "a", 0), "again")
        .also(span(&one, "a", 0), "first");
    check(
        &message,
        &[one, two],
        r"
error[E0203]: twice
    ┌─ two.route:120:6
    │
120 │ rule a {}
    │      ^ again
    │
    ┌─ one.route:1:6
    │
  1 │ rule a {}
    │      - first
",
    );
}

#[test]
fn tabs_wide_letters_and_marks_keep_the_columns() {
    let file = source(0, "a.route", &[(1, "\tx 日本 e\u{301}\u{202e}y\tz")]);
    let message =
        Diagnostic::error(Code::E0203, "odd").at(span(&file, "y", 0), "y").also(span(&file, "z", 0), "z");
    check(
        &message,
        &[file],
        "
error[E0203]: odd
   ┌─ a.route:1:10
   │
 1 │     x 日本 e\u{301}\u{fffd}y  z
   │              ^  - z
   │              y
",
    );
}

#[test]
fn the_end_of_a_line_and_of_a_file_can_be_marked() {
    let file = source(0, "a.route", &[(1, "ab"), (2, "cd")]);
    let message = Diagnostic::error(Code::E0203, "ends")
        .at(Span::new(SourceId(0), 2, 2), "here")
        .also(Span::new(SourceId(0), 0, 5), "over both lines")
        .also(Span::new(SourceId(0), 5, 5), "and here");
    check(
        &message,
        &[file],
        r"
error[E0203]: ends
   ┌─ a.route:1:3
   │
 1 │ ab
   │ --^ here
   │ over both lines
 2 │ cd
   │   - and here
",
    );
}

#[test]
fn long_lines_are_cut_around_the_marker() {
    let line = format!("{}X{}", "a".repeat(1000), "b".repeat(1000));
    let file = source(0, "a.route", &[(1, &line)]);
    let message = Diagnostic::error(Code::E0203, "long").at(span(&file, "X", 0), "here");
    let rendered = render(&message, &[file], Colour::Off);
    let lines: Vec<&str> = rendered.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() < 200), "{rendered}");
    let column = |line: &str, wanted: char| line.chars().position(|letter| letter == wanted);
    assert_eq!(column(lines[3], 'X'), column(lines[4], '^'), "{rendered}");
    assert!(lines[3].contains('…'));
}

#[test]
fn a_message_without_a_place_is_its_title_and_notes() {
    let message = Diagnostic::error(Code::E0203, "nowhere").help("do something");
    check(&message, &[], "\nerror[E0203]: nowhere\n   = help: do something\n");
}

#[test]
fn colours_come_only_when_asked_for() {
    let file = source(0, "a.route", &[(1, "ab")]);
    let message = Diagnostic::error(Code::E0203, "x").at(span(&file, "b", 0), "y").fix("z", []);
    let plain = render(&message, std::slice::from_ref(&file), Colour::Off);
    let coloured = render(&message, &[file], Colour::On);
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[1;31m^\u{1b}[0m"));
    let mut stripped = String::new();
    for (at, part) in coloured.split('\u{1b}').enumerate() {
        stripped.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(stripped, plain);
}
