//! `join(separator)`: a list into a text.

use super::{Accepts, Section, Transform, eg, input, one, output, typing};
use crate::value::{Value, to_text};

pub(super) const TRANSFORM: Transform = Transform {
    name: "join",
    summary: "The elements as one text with the separator between them, each written as a hole in a text \
              writes it. Nulls are left out.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[one("separator", Accepts::Text)],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"["red", "green"] | join(", ")"#, r#""red, green""#),
        eg(r#"["日", "本"] | join("")"#, r#""日本""#),
        eg(r#"[1, 2.50, true] | join("/")"#, r#""1/2.50/true""#),
        eg(r#"["a", null, "b"] | join("-")"#, r#""a-b""#),
        eg(r#"[["a"], { b: 1 }] | join(" ")"#, r#""[\"a\"] \{\"b\":1\}""#),
        eg(r#"[] | join(", ")"#, r#""""#),
        eg(r#""abc" | join(",")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::List(list), Some(separator)) = (value, input::text(args, 0)) else { return Value::Missing };
    let mut joined = String::new();
    let mut first = true;
    for element in list.iter() {
        if !output::may_fit(element) || joined.len() > output::TEXT_BYTES_MAX {
            return Value::Missing;
        }
        let Some(text) = to_text(element) else { continue };
        if !std::mem::take(&mut first) {
            joined.push_str(separator);
        }
        joined.push_str(&text);
    }
    output::text(joined)
}
