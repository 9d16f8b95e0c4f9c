//! Where things stand in a JSON text, by JSON pointer (RFC 6901).

use std::collections::HashMap;

use grammar::{Source, Span};

/// Deeper than this no places are known.
const DEPTH_MAX: usize = 64;

/// The places of keys in a JSON text.
pub(crate) struct Places {
    /// The key of a member, or the element of a list.
    keys: HashMap<String, Span>,
}

impl Places {
    /// Looks through a JSON text. What is not valid JSON ends the search.
    pub(crate) fn of(source: &Source) -> Self {
        let mut scanner = Scanner { source, at: 0, keys: HashMap::new() };
        scanner.keys.insert(String::new(), Span::new(source.id, 0, source.text.len().min(1)));
        scanner.value("", 0);
        Self { keys: scanner.keys }
    }

    /// Where the key of a member is written, quotation marks included.
    pub(crate) fn key(&self, pointer: &str) -> Option<Span> {
        self.keys.get(pointer).copied()
    }
}

struct Scanner<'s> {
    source: &'s Source,
    at: usize,
    keys: HashMap<String, Span>,
}

impl Scanner<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = self.source.text.as_bytes().get(self.at..)?;
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Scans a value; `None` at the end of what is JSON.
    fn value(&mut self, pointer: &str, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'{' => self.members(pointer, depth),
            b'[' => self.elements(pointer, depth),
            b'"' => self.text().map(drop),
            _ => {
                let rest = self.source.text.as_bytes().get(self.at..)?;
                let end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                self.at += rest.iter().position(end).unwrap_or(rest.len());
                Some(())
            }
        }
    }

    fn members(&mut self, pointer: &str, depth: usize) -> Option<()> {
        self.take(b'{')?;
        while self.peek()? != b'}' {
            let span = self.text()?;
            let written = self.source.slice(Span { start: span.start + 1, end: span.end - 1, ..span });
            let key = written.replace('~', "~0").replace('/', "~1");
            let below = format!("{pointer}/{key}");
            self.keys.insert(below.clone(), span);
            self.take(b':')?;
            self.value(&below, depth + 1)?;
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.take(b'}')
    }

    fn elements(&mut self, pointer: &str, depth: usize) -> Option<()> {
        self.take(b'[')?;
        let mut number = 0;
        while self.peek()? != b']' {
            let below = format!("{pointer}/{number}");
            let start = self.at;
            self.value(&below, depth + 1)?;
            self.keys.insert(below, Span::new(self.source.id, start, self.at));
            number += 1;
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.take(b']')
    }

    /// Scans a text, quotation marks included.
    fn text(&mut self) -> Option<Span> {
        self.take(b'"')?;
        let start = self.at - 1;
        let bytes = self.source.text.as_bytes();
        loop {
            match *bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(Span::new(self.source.id, start, self.at))
    }
}

#[cfg(test)]
mod tests {
    use grammar::{Source, SourceId};

    use super::Places;

    #[test]
    fn keys_are_found_by_their_pointer() {
        let source = Source::new(SourceId(0), "x.json", r#"{"a": {"b/c": [1, {"d": "\"}"}]}, "e": 2}"#);
        let places = Places::of(&source);
        for (pointer, expected) in
            [("/a", "\"a\""), ("/a/b~1c", "\"b/c\""), ("/a/b~1c/1/d", "\"d\""), ("/e", "\"e\"")]
        {
            let span = places.key(pointer).unwrap_or_else(|| panic!("{pointer}"));
            assert_eq!(source.slice(span), expected);
        }
        assert_eq!(places.key("/x"), None);
    }
}
