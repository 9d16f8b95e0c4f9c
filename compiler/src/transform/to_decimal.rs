//! `to_decimal`: a number.

use super::{Accepts, Section, Transform, eg, input, number_text, output, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_decimal",
    summary: "The number that a text is, with its places after the point; missing when it is none or has more \
              than 28 digits. White space around it, a sign and zeros in front are fine.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: |input, _| typing::converted(input, &[Type::Int], Type::Decimal),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""19.90" | to_decimal"#, "19.90"),
        eg(r#"" -0.5 " | to_decimal"#, "-0.5"),
        eg("5 | to_decimal", "5"),
        eg(r#""+007" | to_decimal"#, "7"),
        eg(r#""19,90" | to_decimal"#, "missing"),
        eg(r#"".5" | to_decimal"#, "missing"),
        eg(r#""12345678901234567890123456789" | to_decimal"#, "missing"),
        eg(r#""€5" | to_decimal"#, "missing"),
        eg("false | to_decimal", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let read = number_text::read(&value);
    let number = input::number(read.as_ref().unwrap_or(&value));
    output::given(number.map(Value::Decimal))
}
