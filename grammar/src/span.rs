//! Where a piece of rule text stands: a byte range in one source.

use serde::{Deserialize, Serialize};

/// One file of a bundle, by its position in the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u16);

/// A byte range `start..end` in one source. Both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span in `source` over the bytes `start..end`.
    #[must_use]
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { source, start: clamp(start), end: clamp(end) }
    }

    /// The smallest span that covers both. Both must lie in the same source.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        debug_assert_eq!(self.source, other.source);
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span at the first byte.
    #[must_use]
    pub fn head(self) -> Self {
        Self { end: self.start, ..self }
    }

    /// The empty span after the last byte.
    #[must_use]
    pub fn tail(self) -> Self {
        Self { start: self.end, ..self }
    }

    /// The byte range, for slicing the source's text.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it was written. Its JSON form is the value's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// A name as written. Its JSON form is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Ident {
    /// The name.
    pub text: Box<str>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// A word that is there or not: a place in the tree, `true` in its JSON form.
pub mod flag {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Span;

    /// Writes `true`; an absent word is skipped by the field's attribute.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(place: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(place.is_some())
    }

    /// Reads a bool; the place of a word that is there is empty.
    ///
    /// # Errors
    /// It is no bool.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
        Ok(bool::deserialize(deserializer)?.then(Span::default))
    }
}

impl std::fmt::Display for Ident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::ops::Deref for Ident {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}
