//! A strict one-pass reader of JSON (RFC 8259) over the bytes of an event.
//!
//! Everything is checked even where nothing is read: UTF-8, the syntax of every value, escapes with
//! their surrogate pairs, and a depth of 64. So what Fanwise accepts, every other parser behind it
//! accepts too, and sees the same values: of duplicate keys the last one wins.

mod blocks;
mod parse;
mod scan;
pub(crate) mod simd;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

pub(crate) use blocks::{Blocks, Looked, Seen, are_few, past_space};
pub use parse::parse;
pub(crate) use parse::parse_checked;
pub(crate) use scan::{RawText, Scanner, Shape};

/// The deepest nesting of arrays and objects; a scalar has depth 0. Deeper documents break other
/// parsers behind us, and no known app sends them.
pub const DEPTH_MAX: u32 = 64;

/// The most bytes of a document: offsets are kept in 32 bits.
pub const BYTES_MAX: usize = u32::MAX as usize;

/// Why bytes are not a JSON document that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct JsonError {
    /// Where, in bytes from the start.
    pub offset: usize,
    /// What.
    pub problem: JsonProblem,
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JsonProblem {
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Three bytes that some editors put before a text.
    #[error("a byte-order mark is not allowed")]
    ByteOrderMark,
    /// Something else should stand there.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The document ends too early.
    #[error("the text ends where {0} should follow")]
    Ends(&'static str),
    /// Something after the value.
    #[error("something follows the end of the value")]
    Trailing,
    /// A raw character below U+0020 in a string.
    #[error("a string holds a control character that is not escaped")]
    ControlCharacter,
    /// A backslash with something unknown behind it.
    #[error("a string holds an unknown escape")]
    UnknownEscape,
    /// One half of a surrogate pair.
    #[error("a string holds half of a surrogate pair")]
    LoneSurrogate,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("arrays and objects are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// More than [`BYTES_MAX`].
    #[error("the text is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// An object is needed here.
    #[error("expected an object")]
    NotAnObject,
}

/// Whether the bytes are one JSON value and nothing else.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn validate(bytes: &[u8]) -> Result<(), JsonError> {
    Scanner::new(bytes)?.document(|scanner| scanner.skip(0).map(drop))
}

/// A field's name and its value as it was sent.
pub type RawField<'e> = (Cow<'e, str>, &'e [u8]);

/// The fields of a top-level object, each with its value as it was sent. The whole document is checked.
/// Of a key that occurs twice the last value is given, at the first place.
///
/// # Errors
/// When the document is malformed or no object.
pub fn object_fields(bytes: &[u8]) -> Result<Vec<RawField<'_>>, JsonError> {
    let mut fields = Fields::default();
    Scanner::new(bytes)?.document(|scanner| {
        if scanner.peek() != Some(b'{') {
            return Err(scanner.error(JsonProblem::NotAnObject));
        }
        scanner.members(1, |scanner, key| {
            let start = scanner.at();
            scanner.skip(1)?;
            fields.insert(key.decode(scanner.text()), scanner.since(start));
            Ok(())
        })
    })?;
    Ok(fields.entries)
}

/// Fields in the order of their first place, the last value of each.
pub(crate) struct Fields<'e, V> {
    pub(crate) entries: Vec<(Cow<'e, str>, V)>,
    /// Filled once there are too many to look through one by one.
    places: HashMap<Cow<'e, str>, usize>,
}

/// Up to so many fields are compared one by one when a field is added.
const FIELDS_SCANNED_MAX: usize = 16;

impl<V> Default for Fields<'_, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::new() }
    }
}

impl<'e, V> Fields<'e, V> {
    pub(crate) fn insert(&mut self, key: Cow<'e, str>, value: V) {
        let count = self.entries.len();
        let place = if count <= FIELDS_SCANNED_MAX {
            self.entries.iter().position(|(known, _)| *known == key)
        } else {
            if self.places.is_empty() {
                self.places =
                    self.entries.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
            }
            self.places.get(&key).copied()
        };
        match place.and_then(|at| self.entries.get_mut(at)) {
            Some((_, old)) => *old = value,
            None => {
                if !self.places.is_empty() {
                    self.places.insert(key.clone(), count);
                }
                self.entries.push((key, value));
            }
        }
    }
}
