//! A document, or a part of one that was checked before, to a value.

use super::{Fields, JsonError, Scanner, Shape};
use crate::value::{Value, parse_number};

/// Reads a document. Text borrows from it where it holds no escapes.
///
/// # Errors
/// When the document is malformed.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    Scanner::new(bytes)?.document(|scanner| value(scanner, 0))
}

/// Reads the value at an offset of a document that was scanned before.
pub(crate) fn parse_checked(text: &str, at: u32) -> Value<'_> {
    // It was scanned, so it does not fail; and failing, it would be as if the value were not there.
    value(&mut Scanner::over(text, at as usize), 0).unwrap_or(Value::Missing)
}

fn value<'e>(scanner: &mut Scanner<'e>, depth: u32) -> Result<Value<'e>, JsonError> {
    match scanner.peek() {
        Some(b'{') => {
            let mut fields = Fields::default();
            scanner.members(depth + 1, |scanner, key| {
                let key = key.decode(scanner.text());
                fields.insert(key, value(scanner, depth + 1)?);
                Ok(())
            })?;
            Ok(Value::Record(fields.entries.into()))
        }
        Some(b'[') => {
            let mut list = Vec::new();
            scanner.elements(depth + 1, |scanner| {
                list.push(value(scanner, depth + 1)?);
                Ok(())
            })?;
            Ok(Value::List(list.into()))
        }
        _ => {
            let start = scanner.at();
            Ok(match scanner.skip(depth)? {
                Shape::Null | Shape::List | Shape::Record => Value::Null,
                Shape::True => Value::Bool(true),
                Shape::False => Value::Bool(false),
                Shape::Number => parse_number(scanner.text_since(start)),
                Shape::Text(raw) => Value::Text(raw.decode(scanner.text())),
            })
        }
    }
}
