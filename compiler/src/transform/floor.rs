//! `floor`: the whole number below.

use super::{Accepts, Section, Transform, eg, rounding, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "floor",
    summary: "The greatest whole number that is not above the number.",
    section: Section::Numbers,
    input: Accepts::Number,
    params: &[],
    output: typing::int,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("2.9 | floor", "2"),
        eg("-2.1 | floor", "-3"),
        eg("-0.5 | floor", "-1"),
        eg("5 | floor", "5"),
        eg("99999999999999999999.5 | floor", "missing"),
        eg(r#""2.5" | floor"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    rounding::whole(&value, rust_decimal::Decimal::floor)
}
