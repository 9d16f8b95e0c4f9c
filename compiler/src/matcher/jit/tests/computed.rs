//! Texts on bytes and computed numbers, against the interpreter; and the bounds of a plan's code.

use grammar::ast::ConnectiveKind;

use super::*;
use crate::hir::{Container, End, Glob, Needles, Regex};
use crate::pattern::NeedleSet;

/// Payloads in which two paths have everything that may stand there.
fn pairs() -> Vec<String> {
    let values = [
        "null",
        "true",
        "0",
        "1",
        "-1",
        "2",
        "2.0",
        "2.5",
        "3",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e99",
        r#""2""#,
        "[]",
        r#"{"a":1}"#,
    ];
    let mut payloads = vec!["{}".to_owned()];
    for x in values {
        payloads.push(format!(r#"{{"x":{x}}}"#));
        payloads.extend(values.iter().map(|y| format!(r#"{{"x":{x},"y":{y}}}"#)));
    }
    payloads
}

#[test]
fn computed_numbers_are_those_of_the_interpreter() {
    use ArithmeticOp::{Add, Divide, Multiply, Subtract};
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let mut writer = Writer::default();
    let (x, y) = (writer.read("x"), writer.read("y"));
    let of =
        |op, left: &Expr, right: &Expr| Expr::Arithmetic(op, Box::new(left.clone()), Box::new(right.clone()));
    let mut terms = vec![x.clone()];
    for op in [Add, Subtract, Multiply, Divide] {
        terms.push(of(op, &x, &number("2")));
        terms.push(of(op, &number("-1"), &of(op, &y, &x)));
    }
    terms.push(of(Add, &x, &number("0.5")));
    let mut conditions = Vec::new();
    for op in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
        for term in &terms {
            conditions.push(compare(op, term.clone(), y.clone()));
            conditions.push(compare(op, number("3"), term.clone()));
        }
    }
    let payloads = pairs();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    let mut seen = [0; 3];
    compare_all(&conditions, writer, &payloads, |_, answer| seen[answer as usize] += 1);
    assert!(seen.iter().all(|&count| count > 500), "{seen:?}");
}

#[test]
fn questions_about_texts_are_answered_as_by_the_interpreter() {
    let mut writer = Writer::default();
    let x = writer.read("x");
    let mut conditions = Vec::new();
    for fold in [false, true] {
        let one = |needle: &'static str| Needles::One(text(needle));
        let mut needles = vec![one("ab"), one(""), one("É")];
        for how in [ConnectiveKind::All, ConnectiveKind::Any, ConnectiveKind::None] {
            let texts = ["ab", "b"].map(Into::into).to_vec();
            needles.push(Needles::Several { how, set: Arc::new(NeedleSet::new(texts, fold)) });
            let globs = ["a*b", "?b*"].map(|glob| Glob::new(glob, fold).unwrap()).to_vec();
            conditions.push(cond(CondKind::Glob { subject: x.clone(), how, globs }));
        }
        for needles in needles {
            for end in [End::Start, End::Finish] {
                let (subject, needles) = (x.clone(), needles.clone());
                conditions.push(cond(CondKind::Affix { end, subject, needles, fold }));
            }
            for container in [Container::Text, Container::List, Container::Unchecked] {
                let (subject, needles) = (x.clone(), needles.clone());
                conditions.push(cond(CondKind::Contains { subject, needles, container, fold }));
            }
        }
        let regex = Regex::new("^a.?b$", fold, 100, 1 << 20).unwrap();
        conditions.push(cond(CondKind::Regex { subject: x.clone(), regex }));
    }
    let mut payloads = PAYLOADS.to_vec();
    payloads.extend([
        r#"{"x":""}"#,
        r#"{"x":"ab"}"#,
        r#"{"x":"AB"}"#,
        r#"{"x":"xab"}"#,
        r#"{"x":"abx"}"#,
        r#"{"x":"a b"}"#,
        r#"{"x":"a\u0062"}"#,
        r#"{"x":"é"}"#,
        r#"{"x":["ab","b"]}"#,
        r#"{"x":["ab",2]}"#,
    ]);
    let mut seen = [0; 3];
    compare_all(&conditions, writer, &payloads, |_, answer| seen[answer as usize] += 1);
    assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
}

/// A plan of rules that each have a shape of their own.
fn many_shapes(count: usize) -> Arc<Plan> {
    let mut writer = Writer::default();
    let x = writer.read("x");
    for shape in 0..count {
        let parts = (0..=shape).map(|at| is(x.clone(), Expr::Constant(Value::Int(at as i64))));
        writer.rule("r", cond(CondKind::Any(parts.collect())));
    }
    Arc::new(plan(writer.program))
}

#[test]
fn beyond_its_bounds_a_plan_is_interpreted() {
    let plan = many_shapes(40);
    let indexed = Arc::new(Indexed::new(&plan));
    for (shapes_max, code_bytes_max, routines) in
        [(SHAPES_MAX, CODE_BYTES_MAX, 40..=40), (7, CODE_BYTES_MAX, 7..=7), (SHAPES_MAX, 1_000, 2..=20)]
    {
        let jit = Jit::compile_within(&indexed, shapes_max, code_bytes_max).unwrap();
        let stats = jit.stats();
        assert!(routines.contains(&stats.routines), "{stats:?}");
        assert_eq!(stats.rules, stats.routines);
        for value in [0, 5, 39, 40] {
            let payload = format!(r#"{{"x":{value}}}"#);
            let event = event(&payload);
            let slots = Slots::new(&plan, event.payload).unwrap();
            let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
            let (mut code, mut plain) = (Matches::default(), Matches::default());
            jit.matches(&facts, &mut code);
            Interpreter.matches(&facts, &mut plain);
            assert_eq!(code.rules, plain.rules, "{payload}");
            assert_eq!(code.rules.len(), 40_usize.saturating_sub(value));
        }
    }
}
