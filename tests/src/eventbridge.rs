//! What an EventBridge pattern means, told as plainly as can be, to hold the importer against.
//!
//! Not a matcher for use: it knows no validation, no bounds and no speed, and shares no code with the
//! importer.

use serde_json::{Map, Value};

/// Whether an event fits a valid pattern.
#[must_use]
pub fn fits(pattern: &Value, event: &Value) -> bool {
    object(members(pattern), &[event])
}

fn members(pattern: &Value) -> &Map<String, Value> {
    pattern.as_object().expect("a pattern is an object")
}

/// Whether what stands at a place fits. It is several values when lists were crossed on the way.
fn object(pattern: &Map<String, Value>, values: &[&Value]) -> bool {
    // Nothing beside it says which element is meant, so a field alone is asked of all of them.
    if pattern.len() == 1 {
        return pattern.iter().all(|(key, below)| member(key, below, values));
    }
    let elements = elements(values);
    if elements.is_empty() {
        return pattern.iter().all(|(key, below)| member(key, below, &[]));
    }
    // Several fields must fit in the same element.
    elements.iter().any(|element| pattern.iter().all(|(key, below)| member(key, below, &[element])))
}

fn member(key: &str, below: &Value, values: &[&Value]) -> bool {
    if key == "$or" {
        return below.as_array().expect("a list").iter().any(|one| object(members(one), values));
    }
    let fields: Vec<&Value> = elements(values).into_iter().filter_map(|element| element.get(key)).collect();
    match below {
        Value::Object(below) => object(below, &fields),
        choices => {
            let values: Vec<&Value> =
                elements(&fields).into_iter().filter(|value| !value.is_object()).collect();
            choices.as_array().expect("a list").iter().any(|choice| chosen(choice, &values))
        }
    }
}

/// The values, and of lists their elements, at any depth.
fn elements<'v>(values: &[&'v Value]) -> Vec<&'v Value> {
    let mut all = Vec::new();
    for value in values {
        match value {
            Value::Array(inner) => all.extend(elements(&inner.iter().collect::<Vec<_>>())),
            single => all.push(*single),
        }
    }
    all
}

fn chosen(choice: &Value, values: &[&Value]) -> bool {
    if choice.get("exists") == Some(&Value::Bool(false)) {
        return values.is_empty();
    }
    values.iter().any(|value| one(choice, value))
}

fn one(choice: &Value, value: &Value) -> bool {
    let Value::Object(expression) = choice else { return same(choice, value) };
    let (operator, operand) = expression.iter().next().expect("one operator");
    match operator.as_str() {
        "exists" => true,
        "exactly" => same(operand, value),
        "anything-but" => match operand {
            Value::Object(_) => !any(operand, value),
            Value::Array(others) => !others.iter().any(|other| same(other, value)),
            other => !same(other, value),
        },
        "numeric" => match number(value) {
            Some(value) => operand.as_array().expect("a list").chunks(2).all(|pair| {
                let bound = number(&pair[1]).expect("a number");
                match pair[0].as_str().expect("a sign") {
                    "<" => value < bound,
                    "<=" => value <= bound,
                    "=" => value == bound,
                    ">" => value > bound,
                    ">=" => value >= bound,
                    other => panic!("{other}"),
                }
            }),
            None => false,
        },
        "cidr" => {
            value.as_str().is_some_and(|address| in_network(address, operand.as_str().expect("a text")))
        }
        _ => text(operator, operand, value),
    }
}

/// `{ "prefix": ["a", "b"] }` below `anything-but`: any of the texts.
fn any(shape: &Value, value: &Value) -> bool {
    let (operator, operand) = shape.as_object().and_then(|shape| shape.iter().next()).expect("one operator");
    match operand {
        Value::Array(texts) => texts.iter().any(|one| text(operator, one, value)),
        one => text(operator, one, value),
    }
}

fn text(operator: &str, operand: &Value, value: &Value) -> bool {
    let Some(value) = value.as_str() else { return false };
    let (operand, value) = match operand.get("equals-ignore-case") {
        Some(operand) => (operand.as_str().map(str::to_lowercase), value.to_lowercase()),
        None => (operand.as_str().map(str::to_owned), value.to_owned()),
    };
    let operand = operand.expect("a text");
    match operator {
        "prefix" => value.starts_with(&operand),
        "suffix" => value.ends_with(&operand),
        "equals-ignore-case" => value.to_lowercase() == operand.to_lowercase(),
        "wildcard" => wild(operand.as_bytes(), value.as_bytes()),
        other => panic!("{other}"),
    }
}

/// `*` is any run, `\*` and `\\` are the character.
fn wild(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| wild(rest, &text[skip..])),
        [b'\\', one, rest @ ..] | [one, rest @ ..] => text.first() == Some(one) && wild(rest, &text[1..]),
    }
}

fn same(expected: &Value, value: &Value) -> bool {
    match (number(expected), number(value)) {
        (Some(expected), Some(value)) => expected == value,
        _ => expected == value,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_number().and_then(|number| number.to_string().parse().ok())
}

fn in_network(address: &str, network: &str) -> bool {
    let (base, bits) = network.split_once('/').expect("a network");
    let bits: u32 = bits.parse().expect("a number of bits");
    let number = |text: &str| -> Option<(u128, u32)> {
        match text.parse().ok()? {
            std::net::IpAddr::V4(one) => Some((u128::from(u32::from(one)), 32)),
            std::net::IpAddr::V6(one) => Some((u128::from(one), 128)),
        }
    };
    match (number(address), number(base)) {
        (Some((address, width)), Some((base, base_width))) if width == base_width => {
            let shift = width - bits;
            shift == 128 || address >> shift == base >> shift
        }
        _ => false,
    }
}
