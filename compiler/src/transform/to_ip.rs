//! `to_ip`: a text as an address.

use super::{Accepts, Section, Transform, eg, input, typing};
use crate::types::Type;
use crate::value::{Value, form};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_ip",
    summary: "The text without white space around it, when it is an IPv4 or IPv6 address; otherwise missing.",
    section: Section::Conversions,
    input: Accepts::Text,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Ip),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""192.0.2.7" | to_ip"#, r#""192.0.2.7""#),
        eg(r#"" 2001:db8::1 " | to_ip"#, r#""2001:db8::1""#),
        eg(r#""192.0.2.256" | to_ip"#, "missing"),
        eg(r#""192.0.2.0/24" | to_ip"#, "missing"),
        eg(r#""localhost" | to_ip"#, "missing"),
        eg("5 | to_ip", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    input::part(text, |text| Some(text.trim()).filter(|text| form::is_ip(text)))
}
