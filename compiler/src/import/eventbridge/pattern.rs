//! Event patterns as EventBridge reads them: what it takes, and what it refuses.
//!
//! After the user guide's "Creating Amazon EventBridge event patterns" and "Comparison operators", and
//! the refusals of the open-source matcher `aws/event-ruler`.

use std::str::FromStr as _;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::super::json::Pointer;
use super::super::{ImportError, text};
use crate::world::Limits;

/// EventBridge calls a wildcard with more stars too complex. It counts states rather than stars; the
/// real bound is not published, and this one agrees with its answers on the documented examples.
const WILDCARD_STARS_MAX: usize = 5;

/// Patterns that nest deeper are refused; rule text itself may nest 32 brackets.
const DEPTH_MAX: usize = 64;

/// One level of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object(pub(super) Vec<Member>);

/// An entry of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// A field with more below it.
    Below(Pointer, String, Object),
    /// A field and what its value may be.
    Value(Pointer, String, Vec<Choice>),
    /// `$or`
    Or(Vec<Object>),
}

/// One of the things that a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// `null`
    Null,
    /// A text.
    Text(String),
    /// A number or truth value, as rule text.
    Plain(String),
    /// `exists`
    Exists(bool),
    /// `prefix`, `suffix`, `wildcard`, `equals-ignore-case`
    Shape(Shape),
    /// `numeric`: comparisons that must all hold, such as `> 5`.
    Numeric(Vec<String>),
    /// `cidr`
    Network(String),
    /// `anything-but` values, as rule text.
    ButValues(Vec<String>),
    /// `anything-but` a shape.
    ButShape(Shape),
}

/// A question about the form of a text; several texts mean any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: ShapeKind,
    pub(super) texts: Vec<String>,
    /// Whether the case of letters is ignored.
    pub(super) fold: bool,
}

/// What is asked about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeKind {
    Equal,
    Prefix,
    Suffix,
    Wildcard,
}

type Read<T> = Result<T, ImportError>;

/// Reads a whole pattern.
pub(super) fn read(value: &Value, at: &Pointer) -> Read<Object> {
    let Value::Object(members) = value else { return Err(at.invalid("a pattern must be an object")) };
    object(members, at, false, 0)
}

fn object(members: &Map<String, Value>, at: &Pointer, in_or: bool, depth: usize) -> Read<Object> {
    if members.is_empty() {
        return Err(at.invalid("empty objects are not allowed"));
    }
    if depth > DEPTH_MAX {
        return Err(ImportError::too_large(at.place(), format!("nested deeper than {DEPTH_MAX}")));
    }
    let member = |(key, value): (&String, &Value)| {
        let at = at.key(key);
        if in_or && OPERATORS.contains(&key.as_str()) {
            return Err(at.invalid(format!("`{key}` is an operator and cannot be a field inside `$or`")));
        }
        match value {
            _ if key == "$or" => Ok(Member::Or(alternatives(value, &at, depth)?)),
            Value::Object(below) => {
                let below = object(below, &at, in_or, depth + 1)?;
                let key = short(key, at.clone())?;
                Ok(Member::Below(at, key, below))
            }
            Value::Array(choices) => {
                let choices = leaf(choices, &at)?;
                let key = short(key, at.clone())?;
                Ok(Member::Value(at, key, choices))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err(at.invalid(format!("`{key}` must be an object or an array")))
            }
        }
    };
    Ok(Object(members.iter().map(member).collect::<Read<_>>()?))
}

/// Every operator's name.
const OPERATORS: &[&str] = &[
    "exactly",
    "prefix",
    "suffix",
    "wildcard",
    "equals-ignore-case",
    "numeric",
    "cidr",
    "exists",
    "anything-but",
];

fn alternatives(value: &Value, at: &Pointer, depth: usize) -> Read<Vec<Object>> {
    let Value::Array(items) = value else { return Err(at.invalid("`$or` must be an array")) };
    if items.len() < 2 {
        return Err(at.invalid("`$or` needs at least two objects"));
    }
    let read = |(index, item): (usize, &Value)| {
        let at = at.index(index);
        let Value::Object(members) = item else { return Err(at.invalid("`$or` holds objects only")) };
        object(members, &at, true, depth + 1)
    };
    items.iter().enumerate().map(read).collect()
}

fn leaf(choices: &[Value], at: &Pointer) -> Read<Vec<Choice>> {
    if choices.is_empty() {
        return Err(at.invalid("empty arrays are not allowed"));
    }
    choices.iter().enumerate().map(|(index, one)| choice(one, &at.index(index))).collect()
}

fn choice(value: &Value, at: &Pointer) -> Read<Choice> {
    match value {
        Value::Null => Ok(Choice::Null),
        Value::Bool(truth) => Ok(Choice::Plain(truth.to_string())),
        Value::Number(_) => Ok(Choice::Plain(number(value, at, "a number")?)),
        Value::String(one) => Ok(Choice::Text(short(one, at.clone())?)),
        Value::Array(_) => Err(at.invalid("a value must be text, a number, true, false or null")),
        Value::Object(members) => {
            let (operator, operand) = single(members, at)?;
            expression(operator, operand, &at.key(operator))
        }
    }
}

/// The one entry of an object.
fn single<'v>(members: &'v Map<String, Value>, at: &Pointer) -> Read<(&'v str, &'v Value)> {
    let mut entries = members.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Ok((key, value)),
        (None, _) => Err(at.invalid("an empty object says nothing")),
        (Some(_), Some(_)) => Err(at.invalid("only one operator is allowed in an expression")),
    }
}

fn expression(operator: &str, operand: &Value, at: &Pointer) -> Read<Choice> {
    match operator {
        "exactly" => Ok(Choice::Text(string(operand, at, operator)?)),
        "exists" => match operand {
            Value::Bool(truth) => Ok(Choice::Exists(*truth)),
            _ => Err(at.invalid("`exists` takes true or false")),
        },
        "prefix" => affix(ShapeKind::Prefix, operator, operand, at),
        "suffix" => affix(ShapeKind::Suffix, operator, operand, at),
        "equals-ignore-case" => {
            let texts = vec![string(operand, at, operator)?];
            Ok(Choice::Shape(Shape { kind: ShapeKind::Equal, texts, fold: true }))
        }
        "wildcard" => {
            let texts = vec![wildcard(operand, at)?];
            Ok(Choice::Shape(Shape { kind: ShapeKind::Wildcard, texts, fold: false }))
        }
        "numeric" => numeric(operand, at).map(Choice::Numeric),
        "cidr" => network(operand, at).map(Choice::Network),
        "anything-but" => anything_but(operand, at),
        other => Err(at.invalid(format!("`{other}` is no operator"))),
    }
}

fn affix(kind: ShapeKind, operator: &str, operand: &Value, at: &Pointer) -> Read<Choice> {
    let (text, fold) = match operand {
        Value::Object(members) => match single(members, at)? {
            (inner @ "equals-ignore-case", operand) => (string(operand, &at.key(inner), inner)?, true),
            (other, _) => return Err(at.invalid(format!("`{operator}` cannot hold `{other}`"))),
        },
        _ => (string(operand, at, operator)?, false),
    };
    Ok(Choice::Shape(Shape { kind, texts: vec![text], fold }))
}

fn string(operand: &Value, at: &Pointer, operator: &str) -> Read<String> {
    match operand {
        Value::String(one) => short(one, at.clone()),
        _ => Err(at.invalid(format!("`{operator}` takes a text"))),
    }
}

/// A text that fits into a literal.
fn short(one: &str, at: Pointer) -> Read<String> {
    let bytes_max = Limits::default().text_bytes_max;
    if one.len() > bytes_max {
        let reason = format!("a text of {} bytes, and {bytes_max} are allowed", one.len());
        return Err(ImportError::too_large(at.place(), reason));
    }
    Ok(one.to_owned())
}

fn number(value: &Value, at: &Pointer, what: &str) -> Read<String> {
    let Value::Number(digits) = value else { return Err(at.invalid(format!("{what} must be a number"))) };
    text::number(digits.as_str())
        .ok_or_else(|| at.invalid("a number of more digits than can be compared exactly"))
}

fn numeric(operand: &Value, at: &Pointer) -> Read<Vec<String>> {
    let Value::Array(terms) = operand else { return Err(at.invalid("`numeric` takes an array")) };
    let comparison = |index: usize| -> Read<Option<(&str, String)>> {
        let Some(operator) = terms.get(index) else { return Ok(None) };
        let known = operator.as_str().filter(|one| ["<", "<=", "=", ">", ">="].contains(one));
        let Some(known) = known else {
            return Err(at.index(index).invalid("this must be one of <, <=, =, > and >="));
        };
        let what = format!("what follows `{known}`");
        let value = terms.get(index + 1).unwrap_or(&Value::Null);
        Ok(Some((known, number(value, &at.index(index + 1), &what)?)))
    };
    let Some((first, bottom)) = comparison(0)? else {
        return Err(at.invalid("`numeric` takes at least one comparison"));
    };
    let word = if first == "=" { "is" } else { first };
    let mut comparisons = vec![format!("{word} {bottom}")];
    if let Some((second, top)) = comparison(2)? {
        if !matches!(first, ">" | ">=") || !matches!(second, "<" | "<=") || terms.len() > 4 {
            return Err(at.invalid("a range is `>` or `>=` with a number, then `<` or `<=` with a number"));
        }
        let decimal = |digits: &str| rust_decimal::Decimal::from_str(digits).unwrap_or_default();
        if decimal(&top) <= decimal(&bottom) {
            return Err(at.invalid("the bottom of a range must be less than its top"));
        }
        comparisons.push(format!("{second} {top}"));
    }
    Ok(comparisons)
}

fn network(operand: &Value, at: &Pointer) -> Read<String> {
    let written = string(operand, at, "cidr")?;
    let parts = written.split_once('/').filter(|(_, mask)| !mask.contains('/'));
    let Some((address, mask)) = parts else {
        return Err(at.invalid("a network is an address, one `/` and a number of bits"));
    };
    if format!("{address}/0").parse::<IpNet>().is_err() {
        return Err(at.invalid(format!("`{address}` is no address")));
    }
    let network = format!("{address}/{mask}").parse::<IpNet>();
    // Written with its first address, as every network literal.
    network
        .map(|one| one.trunc().to_string())
        .map_err(|_| at.invalid(format!("`{mask}` is no number of bits")))
}

fn wildcard(operand: &Value, at: &Pointer) -> Read<String> {
    let written = string(operand, at, "wildcard")?;
    let mut chars = written.chars().peekable();
    let mut stars = 0;
    while let Some(one) = chars.next() {
        match one {
            '*' if chars.peek() == Some(&'*') => {
                return Err(at.invalid("two wildcards in a row are not allowed"));
            }
            '*' => stars += 1,
            '\\' if chars.next_if(|next| matches!(next, '*' | '\\')).is_none() => {
                return Err(at.invalid("a backslash in a wildcard stands before `*` or another backslash"));
            }
            _ => {}
        }
    }
    if stars > WILDCARD_STARS_MAX {
        let reason =
            format!("the wildcard is too complex: {stars} stars, and {WILDCARD_STARS_MAX} are allowed");
        return Err(at.invalid(reason));
    }
    Ok(written)
}

fn anything_but(operand: &Value, at: &Pointer) -> Read<Choice> {
    match operand {
        Value::Object(members) => {
            let (operator, operand) = single(members, at)?;
            but_shape(operator, operand, &at.key(operator)).map(Choice::ButShape)
        }
        Value::Array(values) => {
            if values.is_empty() {
                return Err(at.invalid("empty arrays are not allowed"));
            }
            let texts = values.iter().filter(|value| value.is_string()).count();
            if texts > 0 && texts < values.len() {
                return Err(at.invalid("the values after `anything-but` are all texts or all numbers"));
            }
            let read = |(index, value): (usize, &Value)| but_value(value, &at.index(index));
            values.iter().enumerate().map(read).collect::<Read<_>>().map(Choice::ButValues)
        }
        value => Ok(Choice::ButValues(vec![but_value(value, at)?])),
    }
}

fn but_value(value: &Value, at: &Pointer) -> Read<String> {
    match value {
        Value::String(one) => Ok(text::quoted(&short(one, at.clone())?)),
        Value::Number(_) => number(value, at, "a number"),
        _ => Err(at.invalid("`anything-but` takes texts or numbers")),
    }
}

fn but_shape(operator: &str, operand: &Value, at: &Pointer) -> Read<Shape> {
    let kind = match operator {
        "prefix" => ShapeKind::Prefix,
        "suffix" => ShapeKind::Suffix,
        "wildcard" => ShapeKind::Wildcard,
        "equals-ignore-case" => ShapeKind::Equal,
        other => return Err(at.invalid(format!("`anything-but` cannot hold `{other}`"))),
    };
    let read = |value: &Value, at: &Pointer| match kind {
        ShapeKind::Wildcard => wildcard(value, at),
        ShapeKind::Equal => string(value, at, operator),
        ShapeKind::Prefix | ShapeKind::Suffix => match string(value, at, operator)? {
            empty if empty.is_empty() => Err(at.invalid(format!("an empty `{operator}` fits every text"))),
            other => Ok(other),
        },
    };
    let texts = match operand {
        Value::Array(values) if values.is_empty() => return Err(at.invalid("empty arrays are not allowed")),
        Value::Array(values) => {
            let each = values.iter().enumerate();
            each.map(|(index, value)| read(value, &at.index(index))).collect::<Read<_>>()?
        }
        value => vec![read(value, at)?],
    };
    Ok(Shape { kind, texts, fold: kind == ShapeKind::Equal })
}
