//! JSON as the importers read it: pointers, and keys that stand twice in one object.

use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{ImportError, Notes, Place};

/// A place in a JSON document while it is walked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    pub(super) fn key(&self, key: &str) -> Self {
        Self(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1")))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    pub(super) fn place(&self) -> Place {
        Place::Pointer(self.0.clone())
    }

    pub(super) fn invalid(&self, reason: impl Into<String>) -> ImportError {
        ImportError::invalid(self.place(), reason)
    }
}

/// Reads a document and notes every key that an earlier one of the same object loses to.
pub(super) fn read(source: &str, notes: &mut Notes) -> Result<Value, ImportError> {
    let value = serde_json::from_str(source).map_err(|error| ImportError::Json(error.to_string()))?;
    let mut reader = serde_json::Deserializer::from_str(source);
    // The document has just been read, so this cannot fail in another way.
    let _ = Duplicates { at: Pointer::default(), notes }.deserialize(&mut reader);
    Ok(value)
}

/// Walks a document for keys that stand twice.
struct Duplicates<'n> {
    at: Pointer,
    notes: &'n mut Notes,
}

impl<'de> DeserializeSeed<'de> for Duplicates<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Duplicates<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let at = self.at.key(&key);
            if !seen.insert(key.clone()) {
                let text = format!("the key `{key}` stands twice in one object; the last one counts");
                self.notes.add(at.place(), text);
            }
            map.next_value_seed(Duplicates { at, notes: &mut *self.notes })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while seq
            .next_element_seed(Duplicates { at: self.at.index(index), notes: &mut *self.notes })?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}
