//! `base64`: bytes as letters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "base64",
    summary: "The text's UTF-8 bytes in Base64 (RFC 4648, with `+`, `/` and `=`).",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""user:secret" | base64"#, r#""dXNlcjpzZWNyZXQ=""#),
        eg(r#""é~~?" | base64"#, r#""w6l+fj8=""#),
        eg(r#""" | base64"#, r#""""#),
        eg("null | base64", "missing"),
        eg("5 | base64", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    output::text(STANDARD.encode(text.as_bytes()))
}
