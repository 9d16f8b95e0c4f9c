//! What conditions answer and expressions give, row by row.

use std::sync::Arc;

use grammar::ast::{ArithmeticOp, ConnectiveKind, QuantifierKind};

use super::*;
use crate::hir::{
    Comparison, Cond, CondKind, Container, Conversion, Needles, RecordEntry, Set, TemplatePart,
};
use crate::pattern::{Glob, NeedleSet, Regex};
use crate::plan::plan;
use crate::ternary::Ternary::{self, No, Unknown, Yes};
use crate::testing::*;
use crate::value::write_json;

fn answer(make: impl FnOnce(&mut Writer) -> Cond, payload: &str) -> Ternary {
    let mut writer = Writer::default();
    let condition = make(&mut writer);
    writer.rule("r", condition);
    let plan = plan(writer.program);
    let event = event(payload);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
    let rule = &plan.program.rules[0];
    let frame = Frame::new(facts, &rule.lets, rule.locals);
    frame.answer(&rule.condition)
}

/// The value as JSON, or `missing`; with a `!` when a hole is to blame.
fn value(make: impl FnOnce(&mut Writer) -> Expr, payload: &str) -> String {
    let mut writer = Writer::default();
    let expr = make(&mut writer);
    let plan = plan(writer.program);
    let event = event(payload);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
    let frame = Frame::new(facts, &[], 4);
    let value = frame.value(&expr).into_owned();
    let mut json = String::new();
    match value {
        Value::Missing => json.push_str("missing"),
        value => write_json(&value, &mut json),
    }
    frame.take_hole().map_or(json.clone(), |hole| format!("{json}! {hole}"))
}

/// The table of missing values: absent, null, out of range, and through something that is no record.
#[test]
fn missing_is_unknown() {
    type Make = fn(&mut Writer) -> Cond;
    let rows: [(&str, Make, Ternary); 22] = [
        ("is", |w| is(w.read("x"), text("a")), Unknown),
        ("is not", |w| compare(Comparison::NotEqual, w.read("x"), text("a")), Unknown),
        ("<", |w| compare(Comparison::Less, w.read("x"), number("3")), Unknown),
        (">=", |w| compare(Comparison::GreaterEqual, number("3"), w.read("x")), Unknown),
        ("in", |w| within(w.read("x"), vec![Value::text("a")]), Unknown),
        ("contains", |w| contains(w.read("x"), text("a"), Container::Text), Unknown),
        ("contains unchecked", |w| contains(w.read("x"), text("a"), Container::Unchecked), Unknown),
        ("list contains", |w| contains(w.read("x"), text("a"), Container::List), No),
        ("contains missing", |w| contains(text("abc"), w.read("x"), Container::Text), Unknown),
        ("starts", |w| starts(w.read("x"), text("a")), Unknown),
        ("starts missing", |w| starts(text("abc"), w.read("x")), Unknown),
        ("glob", |w| glob(w.read("x"), &["a*"], ConnectiveKind::None), Unknown),
        ("not", |w| not(is(w.read("x"), text("a"))), Unknown),
        ("unless", |w| cond(CondKind::Unless(Box::new(is(w.read("x"), text("a"))))), Yes),
        ("present", |w| cond(CondKind::Present(w.read("x"))), No),
        ("missing", |w| not(cond(CondKind::Present(w.read("x")))), Yes),
        ("truth", |w| cond(CondKind::Truth(w.read("x"))), Unknown),
        ("text is empty", |w| cond(CondKind::Empty { subject: w.read("x"), missing: Unknown }), Unknown),
        ("list is empty", |w| cond(CondKind::Empty { subject: w.read("x"), missing: Yes }), Yes),
        ("any", |w| quantifier(QuantifierKind::Any, 0, w.read("x"), yes()), No),
        ("every", |w| quantifier(QuantifierKind::Every, 0, w.read("x"), not(yes())), Yes),
        ("no", |w| quantifier(QuantifierKind::No, 0, w.read("x"), yes()), Yes),
    ];
    for (name, make, expected) in rows {
        for payload in ["{}", r#"{"x":null}"#, r#"{"x":1e99}"#, "[]", "7"] {
            assert_eq!(answer(make, payload), expected, "{name} {payload}");
        }
    }
    for (payload, null) in [("{}", No), (r#"{"x":null}"#, Yes), (r#"{"x":1e99}"#, No), (r#"{"x":0}"#, No)] {
        assert_eq!(answer(|w| cond(CondKind::Null(w.read("x"))), payload), null, "{payload}");
    }
}

fn glob(subject: Expr, globs: &[&str], how: ConnectiveKind) -> Cond {
    let globs = globs.iter().map(|glob| Glob::new(glob, false).unwrap()).collect();
    cond(CondKind::Glob { subject, how, globs })
}

#[test]
fn logic_is_least_and_greatest() {
    for a in [No, Unknown, Yes] {
        for b in [No, Unknown, Yes] {
            let parts = || [a, b].map(|one| cond(CondKind::Constant(one))).to_vec();
            assert_eq!(answer(|_| cond(CondKind::All(parts())), "{}"), a.min(b));
            assert_eq!(answer(|_| cond(CondKind::Any(parts())), "{}"), a.max(b));
        }
    }
    assert_eq!(answer(|_| cond(CondKind::All(Vec::new())), "{}"), Yes);
    assert_eq!(answer(|_| cond(CondKind::Any(Vec::new())), "{}"), No);
}

#[test]
fn kinds_do_not_mix() {
    for (payload, is_text, less, found, starts_so, none_of) in [
        (r#"{"x":"a"}"#, Yes, Unknown, Yes, Yes, No),
        (r#"{"x":"b"}"#, No, Unknown, No, No, Yes),
        (r#"{"x":1}"#, No, Yes, No, No, Yes),
        (r#"{"x":true}"#, No, Unknown, No, No, Yes),
        (r#"{"x":["a"]}"#, No, Unknown, Yes, No, No),
        (r#"{"x":{"a":1}}"#, No, Unknown, No, No, Yes),
    ] {
        assert_eq!(answer(|w| is(w.read("x"), text("a")), payload), is_text, "{payload}");
        assert_eq!(
            answer(|w| compare(Comparison::Less, w.read("x"), number("2.5")), payload),
            less,
            "{payload}"
        );
        assert_eq!(
            answer(|w| contains(w.read("x"), text("a"), Container::Unchecked), payload),
            found,
            "{payload}"
        );
        assert_eq!(answer(|w| starts(w.read("x"), text("a")), payload), starts_so, "{payload}");
        let set = Arc::new(NeedleSet::new(vec!["a".into(), "z".into()], false));
        let several = |subject| {
            let needles = Needles::Several { how: ConnectiveKind::None, set: Arc::clone(&set) };
            cond(CondKind::Contains { subject, needles, container: Container::Unchecked, fold: false })
        };
        assert_eq!(answer(|w| several(w.read("x")), payload), none_of, "{payload}");
    }
    assert_eq!(answer(|w| glob(w.read("x"), &["a*", "*z"], ConnectiveKind::All), r#"{"x":"a-z"}"#), Yes);
    assert_eq!(answer(|w| glob(w.read("x"), &["a*", "*z"], ConnectiveKind::All), r#"{"x":7}"#), No);
}

#[test]
fn quantifiers_take_the_best_answer() {
    use QuantifierKind::{Any, Every, No as Not};
    for (payload, any, every, none) in [
        (r#"{"xs":[{"q":1}]}"#, No, No, Yes),
        (r#"{"xs":[{"q":9}]}"#, Yes, Yes, No),
        (r#"{"xs":[{}]}"#, Unknown, Unknown, Unknown),
        (r#"{"xs":[{},{"q":9}]}"#, Yes, Unknown, No),
        (r#"{"xs":[{},{"q":1}]}"#, Unknown, No, Unknown),
        (r#"{"xs":[null,{"q":9}]}"#, Yes, Unknown, No),
        (r#"{"xs":{"q":9}}"#, Yes, Yes, No),
        (r#"{"xs":[]}"#, No, Yes, Yes),
    ] {
        for (kind, expected) in [(Any, any), (Every, every), (Not, none)] {
            let make = |w: &mut Writer| {
                let condition = compare(Comparison::Greater, field(local(0), "q"), number("5"));
                quantifier(kind, 0, w.read("xs"), condition)
            };
            assert_eq!(answer(make, payload), expected, "{kind:?} {payload}");
        }
    }
}

/// Inner lists, sets and lets inside a loop: remembered where that is right, and nowhere else.
#[test]
fn nested_loops_see_their_own_elements() {
    let same_as_outer = |w: &mut Writer| {
        let inner =
            quantifier(QuantifierKind::Any, 1, field(local(0), "ys"), is(local(1), field(local(0), "id")));
        quantifier(QuantifierKind::Any, 0, w.read("xs"), inner)
    };
    for (payload, expected) in [
        (r#"{"xs":[{"id":1,"ys":[2]},{"id":2,"ys":[1]}]}"#, No),
        (r#"{"xs":[{"id":1,"ys":[2]},{"id":2,"ys":[1,2]}]}"#, Yes),
    ] {
        assert_eq!(answer(same_as_outer, payload), expected, "{payload}");
    }
    let membership = |w: &mut Writer| {
        let ys = w.read("ys");
        let inside = cond(CondKind::In { subject: local(0), set: Set::Computed(ys), fold: false });
        quantifier(QuantifierKind::Every, 0, w.read("xs"), inside)
    };
    let many: Vec<String> = (0..3_000).map(|at| at.to_string()).collect();
    let many = many.join(",");
    for (payload, expected) in [
        (format!(r#"{{"xs":[{many}],"ys":[{many}]}}"#), Yes),
        (format!(r#"{{"xs":[{many},-1],"ys":[{many}]}}"#), No),
        (format!(r#"{{"xs":[1.0,2],"ys":[{many}]}}"#), Yes),
        (r#"{"xs":[1],"ys":[2]}"#.to_owned(), No),
        (r#"{"xs":[1]}"#.to_owned(), Unknown),
    ] {
        assert_eq!(answer(membership, &payload), expected);
    }
}

#[test]
fn an_inner_loop_over_an_unrelated_list_runs_once() {
    let many: Vec<String> = (0..20_000).map(|at| at.to_string()).collect();
    let many = many.join(",");
    let make = |w: &mut Writer| {
        let inner = quantifier(QuantifierKind::Any, 1, w.read("ys"), is(local(1), text("absent")));
        quantifier(QuantifierKind::Any, 0, w.read("xs"), inner)
    };
    let started = std::time::Instant::now();
    assert_eq!(answer(make, &format!(r#"{{"xs":[{many}],"ys":[{many}]}}"#)), No);
    // 400 million steps would take minutes.
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn lets_inside_loops_keep_the_loop_where_it_is() {
    let mut writer = Writer::default();
    let xs = writer.read("xs");
    let highest = quantifier(QuantifierKind::Any, 0, writer.read("ys"), is(local(0), number("3")));
    let has_three = Expr::Condition(Box::new(highest));
    let inner = cond(CondKind::All(vec![
        cond(CondKind::Truth(Expr::Let(crate::hir::LetId(1)))),
        is(local(0), number("1")),
    ]));
    let rule = writer.rule("r", quantifier(QuantifierKind::Any, 0, xs, inner));
    rule.lets = vec![has_three, Expr::Let(crate::hir::LetId(0)), Expr::Let(crate::hir::LetId(2))];
    let plan = plan(writer.program);
    let event = event(r#"{"xs":[1],"ys":[2,3]}"#);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
    let rule = &plan.program.rules[0];
    let frame = Frame::new(facts, &rule.lets, rule.locals);
    assert_eq!(frame.answer(&rule.condition), Yes);
    // A let that reads itself cannot come out of the checker, and does no harm.
    assert!(frame.value(&Expr::Let(crate::hir::LetId(2))).is_missing());
}

#[test]
fn expressions_give_values() {
    type Make = fn(&mut Writer) -> Expr;
    let rows: [(Make, &str, &str); 27] = [
        (|w| w.read("a.b"), r#"{"a":{"b":1.10}}"#, "1.10"),
        (|w| w.read("a.b"), r#"{"a":"text"}"#, "missing"),
        (|w| w.read("x"), r#"{"x":null}"#, "null"),
        (|w| Expr::Else(Box::new(w.read("x")), Box::new(text("b"))), r#"{"x":null}"#, "\"b\""),
        (|w| Expr::Else(Box::new(w.read("x")), Box::new(text("b"))), r#"{"x":false}"#, "false"),
        (
            |w| Expr::Arithmetic(ArithmeticOp::Add, Box::new(w.read("x")), Box::new(number("1"))),
            r#"{"x":1}"#,
            "2",
        ),
        (
            |w| Expr::Arithmetic(ArithmeticOp::Add, Box::new(w.read("x")), Box::new(number("1"))),
            r#"{"x":"1"}"#,
            "missing",
        ),
        (|w| Expr::Negate(Box::new(w.read("x"))), r#"{"x":3}"#, "-3"),
        (|w| Expr::Index(Box::new(w.read("x")), Box::new(number("1"))), r#"{"x":[1,2]}"#, "2"),
        (|w| Expr::Index(Box::new(w.read("x")), Box::new(number("2"))), r#"{"x":[1,2]}"#, "missing"),
        (|w| Expr::Index(Box::new(w.read("x")), Box::new(number("-1"))), r#"{"x":[1,2]}"#, "missing"),
        (|w| Expr::Index(Box::new(w.read("x")), Box::new(w.read("k"))), r#"{"x":{"a":1},"k":"a"}"#, "1"),
        (|w| Expr::Index(Box::new(w.read("x")), Box::new(w.read("k"))), r#"{"x":{"a":1}}"#, "missing"),
        (
            |w| walk(w.read("lines"), &["taxes"]),
            r#"{"lines":[{"taxes":[1,2]},{},{"taxes":[]},{"taxes":3}]}"#,
            "[1,2,3]",
        ),
        (
            |w| walk(w.read("o"), &["lines", "sku"]),
            r#"{"o":{"lines":[{"sku":"a"},{"sku":"b"},7]}}"#,
            "[\"a\",\"b\"]",
        ),
        (|w| walk(w.read("o"), &["lines"]), "{}", "missing"),
        (
            |w| convert(w.read("x"), Conversion::DateTime),
            r#"{"x":"2026-03-01T01:00:00+01:00"}"#,
            "\"2026-03-01T00:00:00Z\"",
        ),
        (|w| convert(w.read("x"), Conversion::Date), r#"{"x":"2026-02-30"}"#, "missing"),
        (|w| convert(w.read("x"), Conversion::Duration), r#"{"x":null}"#, "null"),
        (
            |w| Expr::List(vec![w.read("a"), w.read("b"), Expr::Constant(Value::Null)]),
            r#"{"a":1}"#,
            "[1,null]",
        ),
        (|w| record(w.read("a"), w.read("s")), r#"{"a":1,"s":{"k":2,"z":null}}"#, r#"{"k":2,"z":null}"#),
        (|w| record(w.read("a"), w.read("s")), r#"{"s":7}"#, "{}"),
        (|w| template(w.read("x")), r#"{"x":1.50}"#, "\"<1.50>\""),
        (|w| template(w.read("x.y")), r#"{"x":null}"#, "missing! x.y"),
        (|w| Expr::Else(Box::new(template(w.read("x"))), Box::new(text("b"))), "{}", "\"b\""),
        (|w| Expr::Condition(Box::new(is(w.read("x"), number("1")))), "{}", "missing"),
        (|w| each(w.read("xs")), r#"{"xs":[{"q":1},{},{"q":2},{"q":null}]}"#, "[1,2,null]"),
    ];
    for (make, payload, expected) in rows {
        assert_eq!(value(make, payload), expected, "{payload}");
    }
}

fn walk(from: Expr, names: &[&str]) -> Expr {
    Expr::Walk(Box::new(from), names.iter().map(|&name| name.into()).collect())
}

fn convert(inner: Expr, conversion: Conversion) -> Expr {
    Expr::Convert(Box::new(inner), conversion)
}

fn record(first: Expr, spread: Expr) -> Expr {
    Expr::Record(vec![RecordEntry::Field("k".into(), first), RecordEntry::Spread(spread)])
}

fn template(hole: Expr) -> Expr {
    Expr::Template(vec![
        TemplatePart::Chars("<".into()),
        TemplatePart::Hole(hole),
        TemplatePart::Chars(">".into()),
    ])
}

fn each(list: Expr) -> Expr {
    let local = crate::hir::LocalId(0);
    let body = Box::new(field(Expr::Local(local), "q"));
    Expr::Each { local, list: Box::new(list), filter: None, body }
}

#[test]
fn captures_borrow_and_choices_choose() {
    let capture = |w: &mut Writer| {
        let regex = Regex::new("(?<id>[0-9]+)-", false, 100, 1 << 16).unwrap();
        Expr::Capture { subject: Box::new(w.read("x")), regex, group: "id".into() }
    };
    for (payload, expected) in [
        (r#"{"x":"a42-"}"#, "\"42\""),
        (r#"{"x":"\u0061 42-"}"#, "\"42\""),
        (r#"{"x":"a"}"#, "missing"),
        ("{}", "missing"),
    ] {
        assert_eq!(value(capture, payload), expected, "{payload}");
    }
    let choose = |w: &mut Writer| {
        let arms =
            vec![(is(w.read("x"), number("1")), text("one")), (is(w.read("x"), number("2")), text("two"))];
        Expr::Choose(arms, Some(Box::new(text("other"))))
    };
    for (payload, expected) in [(r#"{"x":1}"#, "\"one\""), (r#"{"x":2.0}"#, "\"two\""), ("{}", "\"other\"")] {
        assert_eq!(value(choose, payload), expected, "{payload}");
    }
}

/// Small rules over a large event must not make gigabytes, or work for minutes.
#[test]
fn what_is_computed_is_bounded() {
    let big = "x".repeat(100_000);
    let many = vec!["{\"k\":\"y\"}"; 10_000].join(",");
    let payload = format!(r#"{{"big":"{big}","xs":[{many}]}}"#);
    let over = |list: Expr, body: Expr| {
        let local = crate::hir::LocalId(0);
        Expr::Each { local, list: Box::new(list), filter: None, body: Box::new(body) }
    };
    assert_eq!(value(|w| over(w.read("xs"), w.read("big")), &payload), "missing");
    let repeated =
        |w: &mut Writer| Expr::Template((0..3).map(|_| TemplatePart::Hole(w.read("big"))).collect());
    assert_eq!(value(repeated, &payload), "missing! big");
    assert_eq!(value(|w| Expr::List(vec![w.read("big"); 20]), &payload).len(), 20 * 100_003 + 1);
    assert_eq!(value(|w| Expr::List(vec![w.read("big"); 50]), &payload), "missing");
    let search = |w: &mut Writer| {
        quantifier(
            QuantifierKind::Any,
            0,
            w.read("xs"),
            contains(w.read("big"), field(local(0), "k"), Container::Text),
        )
    };
    // Ten thousand searches of a hundred thousand bytes are a thousand million.
    assert_eq!(answer(search, &payload), Unknown);
}
