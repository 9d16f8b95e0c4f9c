//! Every example of every transform, and what all of them have in common.

use std::borrow::Cow;

use grammar::{Source, SourceId, ast};

use super::*;
use crate::value::{arithmetic, negate, parse_date, parse_instant, parse_number};

#[test]
fn names_are_sorted_and_unique() {
    assert!(TRANSFORMS.is_sorted_by(|a, b| a.name < b.name));
    for one in TRANSFORMS {
        assert_eq!(Transform::named(one.name).map(|found| found.name), Some(one.name));
    }
    assert!(Transform::named("capture").is_none());
}

#[test]
fn each_is_documented() {
    for one in TRANSFORMS {
        assert!(one.summary.ends_with('.') && one.summary.len() > 20, "{}", one.name);
        assert!(one.examples.len() >= 3, "{}", one.name);
        let shown = |example: &Example| example.call.contains(&format!("| {}", one.name));
        assert!(one.examples.iter().all(shown), "{}", one.name);
        assert!(one.examples.iter().any(|example| example.gives != "missing"), "{}", one.name);
        assert!(one.examples.iter().any(|example| example.gives == "missing") || one.name == "count");
    }
}

#[test]
fn examples_hold() {
    let mut failures = Vec::new();
    for (one, example) in TRANSFORMS.iter().flat_map(|one| one.examples.iter().map(move |eg| (one, eg))) {
        let (got, wanted) = (read(example.call), read(example.gives));
        let same = got.equals(&wanted, false) || got.is_missing() && wanted.is_missing();
        if !same || json(&got) != json(&wanted) && !got.is_missing() {
            failures.push(format!("{}: {} gives {}", one.name, example.call, json(&got)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// An argument or input of any kind gives a value or missing, and never a panic.
#[test]
fn every_kind_of_value_is_answered() {
    let kinds = [
        "missing",
        "null",
        "true",
        "-1",
        "0",
        "3",
        "9223372036854775807",
        "-0.5",
        "79228162514264337593543950",
        r#""""#,
        r#""a@b.c""#,
        r#""日e\u{301}""#,
        r#""UTC""#,
        r#""yyyy""#,
        "2026-03-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
        "2026-03-01",
        "9999-12-31",
        "1h",
        "-1h",
        "[]",
        "[1, \"a\", null, [2]]",
        "{}",
        "{ a: { b: \"c\" } }",
    ]
    .map(read);
    for one in TRANSFORMS {
        for input in kinds.iter().filter(|kind| !kind.is_missing()) {
            for first in &kinds {
                for second in &kinds {
                    let args = [first.clone(), second.clone()];
                    let count = one.params.len().min(2);
                    let result = (one.apply)(input.clone(), &args[..count]);
                    let missing_argument = args[..count].iter().any(Value::is_missing);
                    assert!(!missing_argument || result.is_missing(), "{} {input:?} {args:?}", one.name);
                }
            }
        }
    }
}

#[test]
fn results_have_the_type_that_was_promised() {
    let inputs = [
        (Type::Text, r#""a""#),
        (Type::Email, r#""ada@example.com""#),
        (Type::Url, r#""https://example.com""#),
        (Type::Int, "5"),
        (Type::Decimal, "2.5"),
        (Type::Bool, "true"),
        (Type::DateTime, "2026-03-01T00:00:00Z"),
        (Type::Date, "2026-03-01"),
        (Type::Duration, "90s"),
        (typing::list_of(Type::Int), "[3, 1]"),
        (typing::list_of(Type::Int), "[]"),
        (typing::list_of(Type::Text), r#"["b"]"#),
        (typing::list_of(Type::Any), r#"[1, "b", true]"#),
        (typing::list_of(Type::Bool), "[true]"),
        (typing::list_of(Type::Duration), "[1h]"),
        (Type::Map(std::sync::Arc::new(Type::Int)), "{ a: 1 }"),
    ];
    let arguments = [Type::Int, Type::Text];
    for one in TRANSFORMS {
        for (ty, literal) in &inputs {
            for count in 0..=one.params.len() {
                let given: Vec<_> = one.params.iter().take(count).map(argument).collect();
                if one.params.iter().skip(count).any(|param| param.count != Count::Optional) {
                    continue;
                }
                let kinds = [Value::Int(1).kind(), "text"];
                let types: Vec<Type> = given
                    .iter()
                    .map(|value| arguments[usize::from(value.kind() == kinds[1])].clone())
                    .collect();
                if !takes(one.input, ty) {
                    continue;
                }
                let promised = (one.output)(ty, &types);
                let result = (one.apply)(read(literal), &given);
                assert!(fits(&result, &promised), "{literal} | {}: {result:?} is no {promised:?}", one.name);
            }
        }
    }
}

#[test]
fn constant_arguments_are_refused_where_they_cannot_work() {
    for (name, at, argument, refused) in [
        ("split", 0, r#""""#, true),
        ("split", 0, r#"",""#, false),
        ("replace", 0, r#""""#, true),
        ("replace", 1, r#""""#, false),
        ("before", 0, r#""""#, true),
        ("money", 0, r#""euro""#, true),
        ("money", 0, r#""eur""#, false),
        ("format", 0, r#""YYYY""#, true),
        ("format", 0, r#""Mars/Base""#, true),
        ("format", 1, r#""Mars/Base""#, true),
        ("format", 1, r#""Europe/Berlin""#, false),
        ("hour", 0, r#""Berlin""#, true),
        ("bucket", 0, "0", true),
        ("bucket", 0, "100", false),
    ] {
        let refusal = (Transform::named(name).unwrap().refuses)(at, &read(argument));
        assert_eq!(refusal.is_some(), refused, "{name} {at} {argument}: {refusal:?}");
    }
}

#[test]
fn results_stay_within_bounds() {
    let long = "é".repeat(output::TEXT_BYTES_MAX / 2);
    let text = Value::text(long.as_str());
    let apply = |name: &str, value: Value<'static>, args: &[Value<'static>]| {
        (Transform::named(name).unwrap().apply)(value, args)
    };
    let owned = text.into_owned();
    for name in ["url_encode", "base64", "to_json"] {
        assert!(apply(name, owned.clone(), &[]).is_missing(), "{name}");
    }
    assert!(apply("upper", owned.clone(), &[]).as_text().is_some());
    assert!(apply("replace", owned.clone(), &[Value::text("é"), Value::text("ee!")]).is_missing());
    static LONG: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "é".repeat(1_000));
    let shared: Value<'static> = Value::List(vec![Value::text(&*LONG); 100_000].into());
    assert!(apply("join", shared.clone(), &[Value::text("")]).is_missing());
    assert!(apply("to_json", shared.clone(), &[]).is_missing());
    assert!(apply("to_text", shared.clone(), &[]).is_missing());
    let deep: Value<'static> = Value::List(vec![shared; 1_000].into());
    assert!(apply("texts", deep.clone(), &[]).is_missing());
    assert!(apply("unique", deep, &[]).is_missing());
}

fn argument(param: &Param) -> Value<'static> {
    match (param.name, param.accepts) {
        ("zone", _) => Value::text("Europe/Berlin"),
        ("currency", _) => Value::text("EUR"),
        ("pattern", _) => Value::text("d MMM"),
        (_, Accepts::Int) => Value::Int(1),
        _ => Value::text("a"),
    }
}

fn takes(accepts: Accepts, ty: &Type) -> bool {
    let text = matches!(ty, Type::Text | Type::Email | Type::Url);
    let list = matches!(ty, Type::List { .. });
    match accepts {
        Accepts::Anything => true,
        Accepts::Text => text,
        Accepts::Number => matches!(ty, Type::Int | Type::Decimal),
        Accepts::Int => *ty == Type::Int,
        Accepts::Bool => *ty == Type::Bool,
        Accepts::List => list,
        Accepts::Record => matches!(ty, Type::Map(_)),
        Accepts::Container => list || matches!(ty, Type::Map(_)),
        Accepts::TextOrList => text || list,
        Accepts::Instant => *ty == Type::DateTime,
        Accepts::Date => *ty == Type::Date,
        Accepts::InstantOrDate => matches!(ty, Type::DateTime | Type::Date),
        Accepts::Duration => *ty == Type::Duration,
        Accepts::NumberOrDuration => matches!(ty, Type::Int | Type::Decimal | Type::Duration),
    }
}

fn fits(value: &Value<'_>, ty: &Type) -> bool {
    match (ty, value) {
        (Type::Any, _) => true,
        (Type::Optional(_), value) if value.is_missing() => true,
        (Type::Optional(inner), value) => fits(value, inner),
        (Type::Text | Type::Email | Type::Url | Type::Ip, Value::Text(_)) => true,
        (Type::OneOf(values), Value::Text(text)) => values.iter().any(|one| **one == **text),
        (Type::Int, Value::Int(_)) | (Type::Bool, Value::Bool(_)) | (Type::Date, Value::Date(_)) => true,
        (Type::Decimal, Value::Int(_) | Value::Decimal(_)) => true,
        (Type::DateTime, Value::Instant(_)) | (Type::Duration, Value::Duration(_)) => true,
        (Type::List { of, .. }, Value::List(list)) => list.iter().all(|one| fits(one, of)),
        (Type::Map(of), Value::Record(fields)) => fields.iter().all(|(_, one)| fits(one, of)),
        (Type::Record(record), Value::Record(fields)) => fields.iter().all(|(key, one)| {
            record.fields.iter().find(|field| *field.name == **key).is_some_and(|field| fits(one, &field.ty))
        }),
        _ => false,
    }
}

fn json(value: &Value<'_>) -> String {
    let mut out = String::new();
    crate::value::write_json(value, &mut out);
    out
}

/// Reads an expression as the grammar does and computes it: literals, arithmetic, pipes.
fn read(text: &'static str) -> Value<'static> {
    if text == "missing" {
        return Value::Missing;
    }
    let source = Source::new(SourceId(0), "example.route", format!("edition 2026\nconst example = {text}\n"));
    let parsed = grammar::parse(&source);
    assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics);
    match parsed.file.items.as_slice() {
        [ast::Item { kind: ast::ItemKind::Const(one), .. }] => compute(&one.value),
        _ => panic!("{text} is no expression"),
    }
}

fn compute(expr: &ast::Expr) -> Value<'static> {
    match &expr.kind {
        ast::ExprKind::Bool(truth) => Value::Bool(*truth),
        ast::ExprKind::Null => Value::Null,
        ast::ExprKind::Int(digits) | ast::ExprKind::Decimal(digits) => parse_number(digits).into_owned(),
        ast::ExprKind::Duration(millis) => {
            Value::Duration(jiff::SignedDuration::from_millis(i64::try_from(*millis).unwrap()))
        }
        ast::ExprKind::Date(written) => Value::Date(parse_date(written).unwrap()),
        ast::ExprKind::DateTime(written) => Value::Instant(parse_instant(written).unwrap()),
        ast::ExprKind::Text(text) => Value::text(text.plain().unwrap().to_owned()),
        ast::ExprKind::Paren(inner) => compute(inner),
        ast::ExprKind::Negate(inner) => negate(&compute(inner)),
        ast::ExprKind::Arithmetic { left, op, right } => arithmetic(op.node, &compute(left), &compute(right)),
        ast::ExprKind::List(elements) => Value::List(elements.iter().map(compute).collect()),
        ast::ExprKind::Record(record) => Value::Record(record.entries.iter().map(entry).collect()),
        ast::ExprKind::Pipe { subject, transform, args } => {
            let found = Transform::named(transform).unwrap_or_else(|| panic!("no transform {transform}"));
            let subject = compute(subject);
            let args: Vec<_> = args.iter().map(compute).collect();
            if subject.is_missing() { Value::Missing } else { (found.apply)(subject, &args) }
        }
        other => panic!("an example has {other:?}"),
    }
}

fn entry(entry: &ast::Entry) -> (Cow<'static, str>, Value<'static>) {
    match entry {
        ast::Entry::Field { key, value } => (Cow::Owned(key.text.to_string()), compute(value)),
        ast::Entry::Spread(_) => panic!("an example has a spread"),
    }
}
