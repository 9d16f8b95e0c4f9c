//! `to_int`: a whole number.

use super::{Accepts, Section, Transform, eg, input, number_text, output, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_int",
    summary: "The whole number that a number or a text is; missing when it has a fraction, is out of range or \
              no number. White space around it, a sign and zeros in front are fine.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Int),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""42" | to_int"#, "42"),
        eg(r#"" +007 " | to_int"#, "7"),
        eg("19.0 | to_int", "19"),
        eg(r#""-3.00" | to_int"#, "-3"),
        eg("19.90 | to_int", "missing"),
        eg(r#""9223372036854775808" | to_int"#, "missing"),
        eg(r#""1,000" | to_int"#, "missing"),
        eg(r#""1e3" | to_int"#, "missing"),
        eg(r#""٤٢" | to_int"#, "missing"),
        eg(r#""" | to_int"#, "missing"),
        eg("true | to_int", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let read = number_text::read(&value);
    let int = input::whole(read.as_ref().unwrap_or(&value));
    output::given(int.map(Value::Int))
}
