//! `to_json`: a value as JSON text.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::{Value, write_json};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_json",
    summary: "The value as JSON text, without blanks; numbers keep their digits, times are in UTC.",
    section: Section::Records,
    input: Accepts::Anything,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ a: [1, 2.50, null], b: "é\"" } | to_json"#, r#""\{\"a\":[1,2.50,null],\"b\":\"é\\\"\"\}""#),
        eg(r#""a" | to_json"#, r#""\"a\"""#),
        eg("90s | to_json", r#""\"PT1M30S\"""#),
        eg("true | to_json", r#""true""#),
        eg("null | to_json", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    if value.is_missing() || !output::may_fit(&value) {
        return Value::Missing;
    }
    let mut json = String::new();
    write_json(&value, &mut json);
    output::text(json)
}
