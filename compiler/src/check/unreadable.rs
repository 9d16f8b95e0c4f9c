//! What could not be read, and what is only said because of it.

use std::collections::HashSet;

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Source, Span};

/// Messages about a name that nothing has.
const UNKNOWN_NAME: &[Code] =
    &[Code::E0202, Code::E0204, Code::E0209, Code::E0210, Code::E0213, Code::E0215, Code::E0221, Code::E0601];

/// Text that could not be read.
#[derive(Debug, Default)]
pub(super) struct Unreadable<'s> {
    spans: Vec<Span>,
    /// What the files with mistakes seem to declare: the declaration may be what could not be read.
    names: HashSet<&'s str>,
}

impl<'s> Unreadable<'s> {
    /// The places of what the parser said.
    pub(super) fn new<'d>(said: impl Iterator<Item = &'d Diagnostic>, sources: &'s [Source]) -> Self {
        let spans: Vec<Span> = said.map(Diagnostic::span).collect();
        let files: HashSet<_> = spans.iter().map(|span| span.source).collect();
        let broken = sources.iter().filter(|source| files.contains(&source.id));
        let names = broken.flat_map(|source| source.text.lines()).filter_map(declared).collect();
        Self { spans, names }
    }

    /// Whether a message speaks of text that could not be read, or misses a name that may be declared
    /// there.
    pub(super) fn explains(&self, diagnostic: &Diagnostic, sources: &[Source]) -> bool {
        let span = diagnostic.span();
        let inside = |one: &Span| one.source == span.source && span.start <= one.start && one.end <= span.end;
        let source = sources.get(usize::from(span.source.0));
        let written = source.map(|source| source.slice(span)).unwrap_or_default();
        self.spans.iter().any(inside)
            || (UNKNOWN_NAME.contains(&diagnostic.code) && self.names.contains(written))
    }
}

/// The name that a line seems to declare: the second word of a line that is not indented, whatever the
/// first one is, and that of a rule in a group.
pub(crate) fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\u{FEFF}');
    let inner = line.trim_start();
    if inner.len() < line.len() && !inner.starts_with("rule ") {
        return None;
    }
    let mut words = inner.split_whitespace();
    let word = words.next()?;
    let mut name = words.next()?;
    if word == "import" || name == "schema" {
        name = words.next()?;
    }
    let end = name.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(name.len());
    name.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn a_line_declares_its_second_word() {
        for (line, name) in [
            ("connection hook webhook", Some("hook")),
            ("conection hook: webhook", Some("hook")),
            ("import schema Order form \"x.json\"", Some("Order")),
            ("predicate big(p: any) = p.x >>> 3", Some("big")),
            ("  rule inner {", Some("inner")),
            ("  when lead is big", None),
            ("}", None),
            ("", None),
        ] {
            assert_eq!(declared(line), name, "{line}");
        }
    }
}
