//! `ceil`: the whole number above.

use super::{Accepts, Section, Transform, eg, rounding, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "ceil",
    summary: "The least whole number that is not below the number.",
    section: Section::Numbers,
    input: Accepts::Number,
    params: &[],
    output: typing::int,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("2.1 | ceil", "3"),
        eg("-2.9 | ceil", "-2"),
        eg("-0.5 | ceil", "0"),
        eg("5 | ceil", "5"),
        eg("99999999999999999999.5 | ceil", "missing"),
        eg(r#""2.5" | ceil"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    rounding::whole(&value, rust_decimal::Decimal::ceil)
}
