//! `to_bool`: yes or no.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_bool",
    summary: "True for `true`, `yes`, `on`, `y`, `t` and 1, false for `false`, `no`, `off`, `n`, `f` and 0, \
              as text in any case or as a number; otherwise missing.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Bool),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""true" | to_bool"#, "true"),
        eg(r#"" No " | to_bool"#, "false"),
        eg("1 | to_bool", "true"),
        eg("0.0 | to_bool", "false"),
        eg("false | to_bool", "false"),
        eg("2 | to_bool", "missing"),
        eg(r#""ja" | to_bool"#, "missing"),
        eg(r#""" | to_bool"#, "missing"),
        eg("[] | to_bool", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let truth = match &value {
        Value::Bool(truth) => Some(*truth),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
            _ => None,
        },
        number if number.equals(&Value::Int(1), false) => Some(true),
        number if number.equals(&Value::Int(0), false) => Some(false),
        _ => None,
    };
    output::given(truth.map(Value::Bool))
}
