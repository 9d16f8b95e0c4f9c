//! `url_encode`: a text as a part of an address.

use std::fmt::Write as _;

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "url_encode",
    summary: "The text as one part of a URL: all but letters, digits, `-`, `.`, `_` and `~` becomes `%` with \
              two hexadecimal digits (RFC 3986).",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""a b&c=d/e" | url_encode"#, r#""a%20b%26c%3Dd%2Fe""#),
        eg(r#""Zürich" | url_encode"#, r#""Z%C3%BCrich""#),
        eg(r#""a-z_A.Z~9" | url_encode"#, r#""a-z_A.Z~9""#),
        eg(r#""+" | url_encode"#, r#""%2B""#),
        eg("[] | url_encode", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if text.bytes().all(kept) {
        return Value::Text(text);
    }
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if kept(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    output::text(encoded)
}
