//! `title`: every word begins with a capital letter.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "title",
    summary: "Every word with a capital letter first and small letters after it; words end at anything \
              that is no letter, digit or apostrophe.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""ada lovelace" | title"#, r#""Ada Lovelace""#),
        eg(r#""JEAN-LUC O'NEILL" | title"#, r#""Jean-Luc O'neill""#),
        eg(r#""éric de la tour" | title"#, r#""Éric De La Tour""#),
        eg(r#""2nd floor" | title"#, r#""2nd Floor""#),
        eg(r#""" | title"#, r#""""#),
        eg("12 | title", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let mut titled = String::with_capacity(text.len());
    let mut inside = false;
    for one in text.chars() {
        if inside {
            titled.extend(one.to_lowercase());
        } else {
            // A sharp s becomes two letters, of which only the first is a capital.
            let mut upper = one.to_uppercase();
            titled.extend(upper.next());
            titled.extend(upper.flat_map(char::to_lowercase));
        }
        let combining = ('\u{300}'..='\u{36f}').contains(&one);
        inside = one.is_alphanumeric() || matches!(one, '\'' | '’') || (inside && combining);
    }
    output::text(titled)
}
