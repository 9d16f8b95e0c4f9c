//! `shorten(n)`: cut, with an ellipsis where something was cut.

use super::{Accepts, Section, Transform, eg, input, one, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "shorten",
    summary: "At most `n` characters: a longer text is cut, and its last character becomes `…`. Accents \
              and the parts of one emoji stay together.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("n", Accepts::Int)],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""Fix the login page" | shorten(10)"#, r#""Fix the l…""#),
        eg(r#""Fix the login page" | shorten(9)"#, r#""Fix the…""#),
        eg(r#""short" | shorten(5)"#, r#""short""#),
        eg(r#""日本語テキスト" | shorten(4)"#, r#""日本語…""#),
        eg(r#""ab👩\u{200d}🚀cdefg" | shorten(5)"#, r#""ab…""#),
        eg(r#""cafe\u{301} au lait" | shorten(5)"#, r#""caf…""#),
        eg(r#""abc" | shorten(1)"#, r#""…""#),
        eg(r#""abc" | shorten(0)"#, r#""""#),
        eg(r#""abc" | shorten(-3)"#, r#""""#),
        eg("12345 | shorten(2)", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(chars)) = (value, input::count(args, 0)) else { return Value::Missing };
    if input::prefix(&text, chars).len() == text.len() {
        return Value::Text(text);
    }
    let Some(kept) = chars.checked_sub(1) else { return Value::text("") };
    let mut short = whole_characters(&text, kept).trim_end().to_owned();
    short.push('…');
    output::text(short)
}

/// The first `chars` characters, less those whose marks or joined parts would be cut off.
fn whole_characters(text: &str, chars: usize) -> &str {
    let mut kept = input::prefix(text, chars);
    while let Some(last) = kept.chars().next_back() {
        let next = text.get(kept.len()..).and_then(|rest| rest.chars().next());
        if !joined(last, next) {
            break;
        }
        kept = kept.get(..kept.len() - last.len_utf8()).unwrap_or_default();
    }
    kept
}

fn joined(last: char, next: Option<char>) -> bool {
    const JOINER: char = '\u{200d}';
    let extends = |one: char| {
        matches!(one, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' | JOINER
            | '\u{1f3fb}'..='\u{1f3ff}')
    };
    last == JOINER || next.is_some_and(extends)
}
