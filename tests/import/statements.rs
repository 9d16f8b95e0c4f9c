//! FQL statements made by chance: the imported rule answers as the statement's plain meaning does.

use compiler::import::fql;
use serde_json::{Value, json};

use super::generated::Chance;
use super::{holds, plan_of};

/// How many statements are tried; `FANWISE_CASES` tries more.
const STATEMENTS: u64 = 100;

/// Events for each of them.
const EVENTS: u64 = 12;

enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(&'static str, Operand, Operand),
    In(Operand, Vec<Value>),
    Element(Value, &'static str),
    Contains(&'static str, &'static str),
    Match(&'static str, &'static str),
    Truth(&'static str),
}

enum Operand {
    Path(&'static str),
    Literal(Value),
    Lower(&'static str),
    Length(&'static str),
    Typeof(&'static str),
}

const PATHS: &[&str] = &["a", "b", "c"];

fn expr(chance: &mut Chance, depth: u64) -> Expr {
    let path = chance.one(PATHS);
    let inner = |chance: &mut Chance| Box::new(expr(chance, depth - 1));
    match chance.below(if depth > 0 { 14 } else { 9 }) {
        0 => Expr::In(Operand::Path(path), vec![json!("x"), json!(1), Value::Null]),
        1 => Expr::In(Operand::Path(path), vec![json!("x"), json!("xy")]),
        2 => Expr::Element(json!("x"), path),
        3 => Expr::Contains(path, "x"),
        4 => {
            let glob = *chance.one(&["x*", "*y", "?"]);
            Expr::Match(path, glob)
        }
        5 => Expr::Truth(path),
        6..=8 => comparison(chance, path),
        9 | 10 => Expr::And(inner(chance), inner(chance)),
        11 | 12 => Expr::Or(inner(chance), inner(chance)),
        _ => Expr::Not(inner(chance)),
    }
}

fn comparison(chance: &mut Chance, path: &'static str) -> Expr {
    let equality = chance.one(&["=", "!="]);
    let any = chance.one(&["=", "!=", "<", "<=", ">", ">="]);
    let literal = chance.one(&[json!("x"), json!("XY"), json!(1), json!(true), Value::Null]).clone();
    let number = json!(chance.below(4));
    match chance.below(8) {
        0 | 1 => Expr::Compare(equality, Operand::Path(path), Operand::Literal(literal)),
        2 => Expr::Compare(equality, Operand::Literal(literal), Operand::Path(path)),
        3 => Expr::Compare(any, Operand::Path(path), Operand::Literal(number)),
        4 => {
            let other = *chance.one(PATHS);
            Expr::Compare(equality, Operand::Path(path), Operand::Path(other))
        }
        5 => Expr::Compare(any, Operand::Length(path), Operand::Literal(number)),
        6 => {
            let kind = json!(chance.one(&["string", "number", "list", "bool", "null"]));
            Expr::Compare(equality, Operand::Typeof(path), Operand::Literal(kind))
        }
        _ => Expr::Compare(equality, Operand::Lower(path), Operand::Literal(json!("xy"))),
    }
}

fn written(expr: &Expr) -> String {
    match expr {
        Expr::And(one, two) => format!("({} and {})", written(one), written(two)),
        Expr::Or(one, two) => format!("({} or {})", written(one), written(two)),
        Expr::Not(inner) => format!("!({})", written(inner)),
        Expr::Compare(op, one, two) => format!("{} {op} {}", operand(one), operand(two)),
        Expr::In(one, all) => format!("{} in {}", operand(one), Value::from(all.clone())),
        Expr::Element(value, path) => format!("{value} in {path}"),
        Expr::Contains(path, part) => format!("contains({path}, '{part}')"),
        Expr::Match(path, glob) => format!("match({path}, \"{glob}\")"),
        Expr::Truth(path) => (*path).to_owned(),
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Path(path) => (*path).to_owned(),
        Operand::Literal(value) => value.to_string(),
        Operand::Lower(path) => format!("lowercase({path})"),
        Operand::Length(path) => format!("length({path})"),
        Operand::Typeof(path) => format!("typeof({path})"),
    }
}

fn truth(expr: &Expr, event: &Value) -> bool {
    match expr {
        Expr::And(one, two) => truth(one, event) && truth(two, event),
        Expr::Or(one, two) => truth(one, event) || truth(two, event),
        Expr::Not(inner) => !truth(inner, event),
        Expr::Compare(op, one, two) => compare(op, &value(one, event), &value(two, event)),
        Expr::In(one, all) => all.contains(&value(one, event)),
        Expr::Element(value, path) => event[path].as_array().is_some_and(|all| all.contains(value)),
        // A list is asked for an element: the documented difference.
        Expr::Contains(path, part) => match &event[path] {
            Value::Array(all) => all.contains(&json!(part)),
            other => other.as_str().is_some_and(|text| text.contains(part)),
        },
        Expr::Match(path, glob) => event[path].as_str().is_some_and(|text| match *glob {
            "x*" => text.starts_with('x'),
            "*y" => text.ends_with('y'),
            _ => text.chars().count() == 1,
        }),
        Expr::Truth(path) => event[path] == json!(true),
    }
}

fn compare(op: &str, one: &Value, two: &Value) -> bool {
    let numbers = one.as_f64().zip(two.as_f64());
    match op {
        "=" => one == two,
        "!=" => one != two,
        "<" => numbers.is_some_and(|(one, two)| one < two),
        "<=" => numbers.is_some_and(|(one, two)| one <= two),
        ">" => numbers.is_some_and(|(one, two)| one > two),
        _ => numbers.is_some_and(|(one, two)| one >= two),
    }
}

fn value(operand: &Operand, event: &Value) -> Value {
    match operand {
        Operand::Path(path) => event[path].clone(),
        Operand::Literal(value) => value.clone(),
        Operand::Lower(path) => event[path].as_str().map_or(Value::Null, |text| json!(text.to_lowercase())),
        Operand::Length(path) => match &event[path] {
            Value::String(text) => json!(text.len()),
            Value::Array(all) => json!(all.len()),
            _ => json!(0),
        },
        Operand::Typeof(path) => json!(match &event[path] {
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Array(_) => "list",
            Value::Bool(_) => "bool",
            _ => "null",
        }),
    }
}

/// Texts, lists, null and nothing for `length`; the rest only where a length is not asked.
fn event(chance: &mut Chance, measured: bool) -> Value {
    let mut members = serde_json::Map::new();
    for path in PATHS {
        let all =
            [json!("x"), json!("xy"), json!("XY"), json!(""), json!(["x"]), json!([]), json!(["x", 1, "z"])];
        let kinds = [json!(1), json!(2.5), json!(true), json!(false), Value::Null];
        match chance.below(if measured { 8 } else { 11 }) {
            0 => {}
            1..=7 => drop(members.insert((*path).to_owned(), chance.one(&all).clone())),
            _ => drop(members.insert((*path).to_owned(), chance.one(&kinds).clone())),
        }
    }
    Value::Object(members)
}

#[test]
fn generated_statements_answer_as_their_meaning_says() {
    let statements =
        std::env::var("FANWISE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(STATEMENTS);
    let mut matched = 0;
    for seed in 0..statements {
        let mut chance = Chance(seed);
        let expr = expr(&mut chance, 3);
        let statement = written(&expr);
        let imported = fql::import(&statement).unwrap();
        let text = &imported.text;
        assert!(text.contains("\nrule "), "seed {seed}: {statement}\n{text}");
        let plan = plan_of(&statement, text);
        for _ in 0..EVENTS {
            let event = event(&mut chance, statement.contains("length"));
            let expected = truth(&expr, &event);
            assert_eq!(holds(&plan, &event), expected, "seed {seed}\n{statement}\n{event}\n{text}");
            matched += u64::from(expected);
        }
    }
    let share = matched * 100 / (statements * EVENTS);
    assert!((10..90).contains(&share), "{share} % matched");
}
