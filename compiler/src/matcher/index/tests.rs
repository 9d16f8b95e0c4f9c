//! Every rule that holds is a candidate, and few others are.

use std::sync::Arc;

use grammar::ast::ConnectiveKind;

use super::super::{Indexed, Interpreter, Matcher, Matches};
use super::*;
use crate::eval::NoLists;
use crate::hir::{Comparison, CondKind, Container, End, Expr, Needles};
use crate::pattern::Glob;
use crate::plan::plan;
use crate::slots::Slots;
use crate::testing::{Writer, compare, cond, contains, event, is, not, number, starts, text, within};
use crate::value::Value;

#[test]
fn equalities_lead_to_their_rules() {
    let mut writer = Writer::default();
    let kinds = ["a", "b"];
    for at in 0..1_000_i64 {
        let customer = is(writer.read("customer"), Expr::Constant(Value::Int(at)));
        let kind = is(text(kinds[usize::from(at % 2 == 0)]), writer.read("kind"));
        writer.rule("r", cond(CondKind::All(vec![kind, cond(CondKind::All(vec![customer]))])));
    }
    let x = writer.read("x");
    let values = vec![Value::text("P"), crate::value::parse_number("2.0")];
    writer.rule("in", within(x.clone(), values));
    writer.rule(
        "folded",
        cond(CondKind::Compare {
            op: Comparison::Equal, left: x.clone(), right: text("Straße"), fold: true
        }),
    );
    writer.rule("order", compare(Comparison::Less, x.clone(), number("1")));
    writer.rule("either", cond(CondKind::Any(vec![is(x.clone(), text("p")), is(x, text("q"))])));
    let plan = Arc::new(plan(writer.program));
    let index = Index::new(&plan.program.rules);
    for (payload, expected) in [
        (r#"{"customer":7,"kind":"a"}"#, &[7][..]),
        (r#"{"customer":7.0,"kind":"b"}"#, &[7]),
        (r#"{"customer":"7"}"#, &[]),
        (r#"{"x":"P"}"#, &[1_000]),
        (r#"{"x":2}"#, &[1_000]),
        (r#"{"x":0.5}"#, &[1_002]),
        (r#"{"x":"q"}"#, &[1_003]),
        (r#"{"x":"STRA\u00dfE"}"#, &[1_001]),
        (r#"{"customer":null,"x":[]}"#, &[]),
    ] {
        let event = event(payload);
        let slots = Slots::new(&plan, event.payload).unwrap();
        let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
        let mut found = Vec::new();
        index.candidates(&facts, &mut Memory::default(), &mut found);
        assert_eq!(found.iter().map(|id| id.0).collect::<Vec<_>>(), expected, "{payload}");
    }
}

/// Whatever the questions are, the index loses no rule that holds.
#[test]
fn no_rule_that_holds_is_lost() {
    let mut writer = Writer::default();
    let texts = ["", "a", "ab", "abc", "b", "abcdefgh", "abcdefghijklmnopq", "é", "É", "ß"];
    let paths = ["x", "y"];
    for one in texts {
        for (path, other) in [("x", "y"), ("y", "x")] {
            let (x, y) = (writer.read(path), writer.read(other));
            writer.rule("is", is(x.clone(), text(one)));
            writer.rule("starts", starts(x.clone(), text(one)));
            writer.rule("contains", contains(x.clone(), text(one), Container::Unchecked));
            let ends = CondKind::Affix {
                end: End::Finish,
                subject: x.clone(),
                needles: Needles::One(text(one)),
                fold: true,
            };
            writer.rule("ends", cond(ends.clone()));
            let glob = Glob::new(&format!("a*{one}"), one == "É").unwrap();
            let glob = CondKind::Glob { subject: y.clone(), how: ConnectiveKind::Any, globs: vec![glob] };
            writer.rule("glob", cond(glob.clone()));
            let both = vec![starts(x.clone(), text(one)), is(y.clone(), text("ab"))];
            writer.rule("both", cond(CondKind::All(both)));
            writer.rule("either", cond(CondKind::Any(vec![is(y.clone(), text(one)), cond(ends)])));
            writer.rule("not", not(is(y, text(one))));
        }
    }
    for (low, high) in [("0", "1"), ("-5", "0.5"), ("0.1", "1000000000000"), ("1", "1"), ("2", "1")] {
        let x = writer.read("x");
        let bounds = vec![
            compare(Comparison::GreaterEqual, x.clone(), number(low)),
            compare(Comparison::Less, x.clone(), number(high)),
        ];
        writer.rule("between", cond(CondKind::All(bounds)));
        writer.rule("above", compare(Comparison::Less, number(low), x));
    }
    let plan = Arc::new(plan(writer.program));
    let indexed = Indexed::new(&plan);
    let (mut expected, mut found) = (Matches::default(), Matches::default());
    let mut hits = 0;
    let numbers = ["0", "1", "0.5", "0.1", "-5", "999999999999.9999", "true", "null", r#"["a"]"#, "{}"];
    let values = texts.map(|text| format!("\"{text}\""));
    let values: Vec<&str> = values.iter().map(|value| &**value).chain(numbers).collect();
    for x in &values {
        for y in &values {
            let payload = format!("{{\"x\":{x},\"y\":{y}}}");
            let event = event(&payload);
            let slots = Slots::new(&plan, event.payload).unwrap();
            let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
            Interpreter.matches(&facts, &mut expected);
            indexed.matches(&facts, &mut found);
            assert_eq!(expected.rules, found.rules, "{payload}");
            hits += found.rules.len();
        }
    }
    assert!(hits > 10_000, "{hits} of {} rules and {:?}", plan.program.rules.len(), paths);
}

#[test]
fn pairs_tell_rules_apart_that_neither_half_does() {
    let mut writer = Writer::default();
    let names: Vec<&'static str> = ["a", "b", "c", "d", "e", "f", "g", "h"].to_vec();
    for one in &names {
        for two in &names {
            let both = vec![is(writer.read("x"), text(one)), starts(writer.read("y"), text(two))];
            writer.rule("both", cond(CondKind::All(both)));
        }
    }
    let plan = Arc::new(plan(writer.program));
    let indexed = Indexed::new(&plan);
    let event = event(r#"{"x":"c","y":"d!"}"#);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
    assert_eq!(indexed.tried(&facts), 1);
}

/// A needle that is everywhere, and needles that hit at every place, must not make more of the rules than
/// there are.
#[test]
fn a_needle_counts_once_however_often_it_is_there() {
    let all: &str = "e".repeat(199).leak();
    let mut writer = Writer::default();
    let x = writer.read("x");
    for _ in 0..300 {
        writer.rule("one", contains(x.clone(), text("e"), Container::Text));
    }
    for length in 1..200 {
        writer.rule("many", contains(x.clone(), text(all.get(..length).unwrap()), Container::Text));
    }
    writer.rule("never", contains(x, text("nowhere"), Container::Text));
    let plan = Arc::new(plan(writer.program));
    let index = Index::new(&plan.program.rules);
    for (payload, expected) in [
        (format!(r#"{{"x":"{}"}}"#, "e".repeat(3)), 303),
        // More hits than are looked at: all are tried.
        (format!(r#"{{"x":"{}"}}"#, "e".repeat(20_000)), 500),
        (r#"{"x":"not any"}"#.to_owned(), 0),
    ] {
        let event = event(&payload);
        let slots = Slots::new(&plan, event.payload).unwrap();
        let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
        let mut found = Vec::new();
        index.candidates(&facts, &mut Memory::default(), &mut found);
        assert_eq!(found.len(), expected, "{payload:.40}");
        assert!(found.capacity() <= 2_048, "{}", found.capacity());
    }
}
