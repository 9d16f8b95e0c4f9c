//! The types of action fields, written in the language's own words.

use std::sync::Arc;

use crate::types::Type;

/// Reads `text`, `list of email`, `map of text`, `"a" | "b"`, each perhaps with a `?`. A test proves
/// that every shipped field reads; anything else is `any`.
#[must_use]
pub fn parse(words: &str) -> Type {
    read(words).unwrap_or(Type::Any)
}

/// Reads a type; `None` when it is none.
pub(crate) fn read(words: &str) -> Option<Type> {
    let words = words.trim();
    if let Some(inner) = words.strip_suffix('?') {
        return Some(read(inner)?.optional());
    }
    if let Some(of) = words.strip_prefix("list of ") {
        return Some(Type::List { of: Arc::new(read(of)?), limit: None });
    }
    if let Some(of) = words.strip_prefix("map of ") {
        return Some(Type::Map(Arc::new(read(of)?)));
    }
    if words.starts_with('"') {
        let value = |part: &str| part.trim().strip_prefix('"')?.strip_suffix('"').map(Box::<str>::from);
        return Some(Type::OneOf(words.split('|').map(value).collect::<Option<_>>()?));
    }
    Type::plain(words)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_shipped_field_has_a_type_that_reads() {
        let catalogue = Catalogue::shipped();
        let mut seen = 0;
        for integration in catalogue.integrations.values() {
            for (name, action) in &integration.actions {
                for field in &action.fields {
                    let place = format!("{}.{name} {}", integration.name, field.name);
                    assert!(read(&field.ty).is_some(), "{place}: {}", field.ty);
                    seen += 1;
                }
            }
        }
        assert!(seen > 40, "only {seen} fields");
    }

    #[test]
    fn a_type_is_shown_as_it_is_written() {
        for words in ["text", "email?", "list of text", "map of decimal", "\"low\" | \"high\""] {
            assert_eq!(read(words).unwrap().to_string(), words);
        }
        assert_eq!(read("lists of text"), None);
    }
}
