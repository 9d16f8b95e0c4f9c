//! `sha256`: the digest of a text.

use std::fmt::Write as _;

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "sha256",
    summary: "The SHA-256 digest of the text's UTF-8 bytes, as 64 hexadecimal digits.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""abc" | sha256"#, r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
        eg(r#""" | sha256"#, r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#),
        eg(r#""é" | sha256"#, r#""4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c""#),
        eg("1 | sha256", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in digest.as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    output::text(hex)
}
