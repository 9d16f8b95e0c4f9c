//! Compiled code against the interpreter, operator by operator.

mod computed;

use std::sync::Arc;

use grammar::ast::ArithmeticOp;

use super::*;
use crate::eval::{Frame, NoLists};
use crate::hir::{Comparison, Cond, CondKind, Expr, Set};
use crate::pattern::ConstantSet;
use crate::plan::plan;
use crate::slots::Slots;
use crate::ternary::Ternary;
use crate::testing::*;
use crate::value::{Value, parse_number};

const PAYLOADS: &[&str] = &[
    "{}",
    r#"{"x":null}"#,
    r#"{"x":true}"#,
    r#"{"x":false}"#,
    r#"{"x":0}"#,
    r#"{"x":1}"#,
    r#"{"x":2}"#,
    r#"{"x":2.0}"#,
    r#"{"x":1.999}"#,
    r#"{"x":2.001}"#,
    r#"{"x":-2.5}"#,
    r#"{"x":-3}"#,
    r#"{"x":9223372036854775807}"#,
    r#"{"x":9223372036854775808}"#,
    r#"{"x":-9223372036854775808}"#,
    r#"{"x":-9223372036854775809}"#,
    r#"{"x":1e99}"#,
    r#"{"x":"a"}"#,
    r#"{"x":"A"}"#,
    r#"{"x":"b"}"#,
    r#"{"x":"2"}"#,
    r#"{"x":"a much longer text than any of the constants"}"#,
    r#"{"x":[]}"#,
    r#"{"x":["a"]}"#,
    r#"{"x":{"a":1}}"#,
];

/// Asks code and interpreter about each payload. Each condition becomes three rules, of which exactly
/// one holds: for yes, for no, for neither.
fn compare_all(
    conditions: &[Cond],
    mut writer: Writer,
    payloads: &[&str],
    mut each: impl FnMut(usize, Ternary),
) {
    for condition in conditions {
        let unless = |inner: Cond| cond(CondKind::Unless(Box::new(inner)));
        writer.rule("yes", condition.clone());
        writer.rule("no", not(condition.clone()));
        writer.rule(
            "neither",
            cond(CondKind::All(vec![unless(condition.clone()), unless(not(condition.clone()))])),
        );
    }
    let plan = Arc::new(plan(writer.program));
    let jit = Jit::new(&plan).unwrap();
    assert!(jit.stats().routines > 0 && jit.stats().code_bytes > 0, "{:?}", jit.stats());
    for payload in payloads {
        let event = event(payload);
        let slots = Slots::new(&plan, event.payload).unwrap();
        let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
        let mut matches = Matches::default();
        jit.matches(&facts, &mut matches);
        for (at, condition) in conditions.iter().enumerate() {
            let holds = |rule: usize| matches.rules.contains(&RuleId(u32::try_from(3 * at + rule).unwrap()));
            let code = match (holds(0), holds(1), holds(2)) {
                (true, false, false) => Ternary::Yes,
                (false, true, false) => Ternary::No,
                (false, false, true) => Ternary::Unknown,
                other => panic!("{other:?} for {condition:?} and {payload}"),
            };
            let rule = &plan.program.rules[3 * at];
            let answer = Frame::new(facts, &rule.lets, rule.locals).answer(&rule.condition);
            assert_eq!(code, answer, "{condition:?} with {payload}");
            each(at, code);
        }
    }
}

fn conditions(writer: &mut Writer) -> Vec<Cond> {
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let x = writer.read("x");
    let constants = [
        Value::Int(2),
        Value::Int(-3),
        Value::Int(i64::MAX),
        Value::Int(i64::MIN),
        parse_number("2.0"),
        parse_number("2.001"),
        parse_number("-2.5"),
        parse_number("9223372036854775808"),
        Value::text("a"),
        Value::text("2"),
        Value::Bool(true),
        Value::Bool(false),
        Value::Null,
    ];
    let mut conditions = vec![
        cond(CondKind::Present(x.clone())),
        cond(CondKind::Null(x.clone())),
        cond(CondKind::Truth(x.clone())),
    ];
    for op in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
        for constant in &constants {
            for fold in [false, true] {
                let kind = |left, right| cond(CondKind::Compare { op, left, right, fold });
                conditions.push(kind(x.clone(), Expr::Constant(constant.clone())));
                conditions.push(kind(Expr::Constant(constant.clone()), x.clone()));
            }
        }
    }
    for values in [
        vec![Value::text("a"), Value::text("b")],
        vec![Value::Int(1), parse_number("2.0")],
        vec![Value::Int(1), Value::text("a"), Value::Bool(true)],
        vec![parse_number("2.001")],
        vec![],
        (0..20).map(Value::Int).collect(),
    ] {
        for fold in [false, true] {
            let set = Set::Constant(Arc::new(ConstantSet::new(values.clone(), true, fold)));
            conditions.push(cond(CondKind::In { subject: x.clone(), set, fold }));
        }
    }
    conditions
}

#[test]
fn every_operator_answers_as_the_interpreter_does() {
    let mut seen = [0; 3];
    let mut writer = Writer::default();
    let conditions = conditions(&mut writer);
    compare_all(&conditions, writer, PAYLOADS, |_, answer| seen[answer as usize] += 1);
    assert!(seen.iter().all(|&count| count > 300), "{seen:?}");
}

#[test]
fn logic_mixes_code_and_questions() {
    let mut writer = Writer::default();
    let (x, y) = (writer.read("x"), writer.read("y"));
    let cheap = || is(x.clone(), number("2"));
    // A quotient is asked of the interpreter.
    let half = || Expr::Arithmetic(ArithmeticOp::Divide, Box::new(y.clone()), Box::new(number("1")));
    let asked = || compare(Comparison::LessEqual, x.clone(), half());
    let mut conditions = Vec::new();
    for parts in [
        vec![cheap(), asked()],
        vec![asked(), cheap()],
        vec![asked(), not(cheap()), asked()],
        vec![asked(), asked(), cheap()],
    ] {
        let all = cond(CondKind::All(parts.clone()));
        let any = cond(CondKind::Any(parts));
        conditions.extend([
            all.clone(),
            any.clone(),
            not(all.clone()),
            cond(CondKind::Unless(Box::new(any.clone()))),
        ]);
        conditions.push(cond(CondKind::All(vec![any.clone(), not(all.clone()), cheap()])));
        conditions.push(cond(CondKind::Any(vec![all, not(any), yes()])));
    }
    let payloads = [
        r#"{"x":2,"y":2}"#,
        r#"{"x":2}"#,
        r#"{"x":1,"y":0}"#,
        r#"{"y":1}"#,
        r#"{"x":2.5,"y":3}"#,
        r#"{"x":"2","y":2}"#,
    ];
    let mut answers = 0;
    compare_all(&conditions, writer, &payloads, |_, _| answers += 1);
    assert_eq!(answers, conditions.len() * payloads.len());
}

#[test]
fn rules_of_one_shape_share_a_routine() {
    let mut writer = Writer::default();
    for at in 0..500 {
        let (x, y) = (writer.read("x"), writer.read("y"));
        let name: Value<'static> = Value::Text(format!("name {at}").into());
        let condition = cond(CondKind::All(vec![
            is(x, Expr::Constant(name)),
            compare(Comparison::Greater, y, Expr::Constant(Value::Int(at))),
        ]));
        writer.rule("r", condition);
    }
    let plan = Arc::new(plan(writer.program));
    let jit = Jit::new(&plan).unwrap();
    assert_eq!((jit.stats().rules, jit.stats().routines), (500, 1));
    let mut matches = Matches::default();
    for (payload, expected) in [
        (r#"{"x":"name 77","y":78}"#, vec![RuleId(77)]),
        (r#"{"x":"name 77","y":77}"#, vec![]),
        (r#"{"x":"name 499","y":1000}"#, vec![RuleId(499)]),
    ] {
        let event = event(payload);
        let slots = Slots::new(&plan, event.payload).unwrap();
        jit.matches(&Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists }, &mut matches);
        assert_eq!(matches.rules, expected, "{payload}");
    }
}

#[test]
fn long_and_deep_conditions_stay_within_bounds() {
    let mut writer = Writer::default();
    let x = writer.read("x");
    let long = |count: i64| {
        let parts = (0..count).map(|at| is(x.clone(), Expr::Constant(Value::Int(at))));
        cond(CondKind::Any(parts.collect()))
    };
    let mut deep = is(x.clone(), number("2"));
    for _ in 0..200 {
        deep = not(cond(CondKind::All(vec![deep, yes()])));
    }
    writer.rule("fits", long(2_000));
    writer.rule("too long", long(2_001));
    writer.rule("too deep", deep);
    let plan = Arc::new(plan(writer.program));
    let jit = Jit::new(&plan).unwrap();
    assert_eq!(jit.stats().rules, 1);
    let event = event(r#"{"x":2}"#);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let mut matches = Matches::default();
    jit.matches(&Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists }, &mut matches);
    assert_eq!(matches.rules, [RuleId(0), RuleId(1), RuleId(2)]);
}

#[test]
fn code_is_shared_between_threads_and_freed() {
    for round in 0..50 {
        let mut writer = Writer::default();
        let x = writer.read("x");
        writer.rule("r", is(x, Expr::Constant(Value::Int(round))));
        let plan = Arc::new(plan(writer.program));
        let jit = Jit::new(&plan).unwrap();
        std::thread::scope(|scope| {
            for value in [round, round + 1] {
                let (jit, plan) = (&jit, &plan);
                scope.spawn(move || {
                    let payload = format!("{{\"x\":{value}}}");
                    let event = event(&payload);
                    let slots = Slots::new(plan, event.payload).unwrap();
                    let mut matches = Matches::default();
                    jit.matches(&Facts { plan, event: &event, slots: &slots, lists: &NoLists }, &mut matches);
                    assert_eq!(matches.rules.len(), usize::from(value == round));
                });
            }
        });
    }
}

/// A transform that panics must not take the process down from within compiled code.
#[test]
fn a_panic_in_the_interpreter_goes_on_behind_the_code() {
    use crate::transform::{Accepts, Section, Transform};
    static BROKEN: Transform = Transform {
        name: "broken",
        summary: "Panics.",
        section: Section::Text,
        input: Accepts::Anything,
        params: &[],
        output: |_, _| crate::types::Type::Any,
        refuses: |_, _| None,
        apply: |_, _| panic!("broken transform"),
        examples: &[],
    };
    let mut writer = Writer::default();
    let x = writer.read("x");
    let broken = Expr::Transform { transform: &BROKEN, subject: Box::new(x.clone()), args: Vec::new() };
    writer.rule("r", cond(CondKind::All(vec![is(x, number("1")), is(broken, number("1"))])));
    let plan = Arc::new(plan(writer.program));
    let jit = Jit::new(&plan).unwrap();
    let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let event = event(r#"{"x":1}"#);
        let slots = Slots::new(&plan, event.payload).unwrap();
        jit.matches(
            &Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists },
            &mut Matches::default(),
        );
    }));
    assert_eq!(asked.unwrap_err().downcast_ref(), Some(&"broken transform"));
}
