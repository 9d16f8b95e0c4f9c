//! The walker: from one byte to the next meaningful one, checking on the way.

use std::borrow::Cow;

use super::{BYTES_MAX, DEPTH_MAX, JsonError, JsonProblem};

/// A position in a document that is known to be UTF-8.
pub(crate) struct Scanner<'e> {
    text: &'e str,
    bytes: &'e [u8],
    at: usize,
}

/// What a value is; where it stands is known to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    True,
    False,
    Number,
    /// Without its quotation marks it is the text, unless it holds escapes.
    Text(RawText),
    List,
    Record,
}

/// The inside of a string: offsets into the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawText {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) escaped: bool,
}

impl RawText {
    /// The text, borrowed when it holds no escapes.
    pub(crate) fn decode(self, text: &str) -> Cow<'_, str> {
        let raw = self.raw(text);
        if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// The text, of a document whose strings were checked, borrowed when it holds no escapes.
    pub(crate) fn decode_bytes(self, document: &[u8]) -> Cow<'_, str> {
        let raw = std::str::from_utf8(self.bytes(document)).unwrap_or_default();
        if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// As it stands in the document.
    pub(crate) fn raw(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// As it stands in the document.
    pub(crate) fn bytes(self, document: &[u8]) -> &[u8] {
        document.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

type Scanned<T> = Result<T, JsonError>;

impl<'e> Scanner<'e> {
    pub(crate) fn new(bytes: &'e [u8]) -> Scanned<Self> {
        if bytes.len() > BYTES_MAX {
            return Err(JsonError { offset: BYTES_MAX, problem: JsonProblem::TooLong });
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonError { offset: 0, problem: JsonProblem::ByteOrderMark });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| JsonError { offset: error.valid_up_to(), problem: JsonProblem::NotUtf8 })?;
        Ok(Self::over(text, 0))
    }

    /// At an offset of a text that was scanned before.
    pub(crate) fn over(text: &'e str, at: usize) -> Self {
        Self { text, bytes: text.as_bytes(), at }
    }

    pub(crate) fn text(&self) -> &'e str {
        self.text
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes from an offset up to here.
    pub(crate) fn since(&self, start: usize) -> &'e [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// The text from an offset up to here.
    pub(crate) fn text_since(&self, start: usize) -> &'e str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn error(&self, problem: JsonProblem) -> JsonError {
        JsonError { offset: self.at, problem }
    }

    /// One value with white space around it, and then the end.
    pub(crate) fn document<T>(&mut self, value: impl FnOnce(&mut Self) -> Scanned<T>) -> Scanned<T> {
        self.space();
        let value = value(self)?;
        self.space();
        if self.at < self.bytes.len() { Err(self.error(JsonProblem::Trailing)) } else { Ok(value) }
    }

    /// Passes over a value that stands inside `depth` containers.
    pub(crate) fn skip(&mut self, depth: u32) -> Scanned<Shape> {
        match self.peek() {
            Some(b'"') => self.string().map(Shape::Text),
            Some(b'{') => {
                self.members(depth + 1, |scanner, _| scanner.skip(depth + 1).map(drop))?;
                Ok(Shape::Record)
            }
            Some(b'[') => {
                self.elements(depth + 1, |scanner| scanner.skip(depth + 1).map(drop))?;
                Ok(Shape::List)
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Shape::Number),
            Some(b't') => self.word("true", Shape::True),
            Some(b'f') => self.word("false", Shape::False),
            Some(b'n') => self.word("null", Shape::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Walks an object that is container number `depth` from outside, standing on its `{`. The closure
    /// gets each key and must pass over the value.
    pub(crate) fn members(
        &mut self,
        depth: u32,
        mut value: impl FnMut(&mut Self, RawText) -> Scanned<()>,
    ) -> Scanned<()> {
        self.open(depth)?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in quotation marks"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.space();
            value(self, key)?;
            self.space();
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
            self.space();
        }
    }

    /// Walks an array that is container number `depth` from outside, standing on its `[`. The closure
    /// must pass over each element.
    pub(crate) fn elements(
        &mut self,
        depth: u32,
        mut value: impl FnMut(&mut Self) -> Scanned<()>,
    ) -> Scanned<()> {
        self.open(depth)?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            value(self)?;
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.space();
        }
    }

    fn open(&mut self, depth: u32) -> Scanned<()> {
        if depth > DEPTH_MAX {
            return Err(self.error(JsonProblem::TooDeep));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &'static str, shape: Shape) -> Scanned<Shape> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(shape)
    }

    fn number(&mut self) -> Scanned<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Scanned<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Scanned<RawText> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error(JsonProblem::ControlCharacter)),
                None => return Err(self.error(JsonProblem::Ends("the end of a string"))),
            }
        }
        let end = self.at;
        self.at += 1;
        // `new` refused documents whose offsets do not fit.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Ok(RawText { start: offset(start), end: offset(end), escaped })
    }

    fn escape(&mut self) -> Scanned<()> {
        let start = self.at;
        match self.bytes.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let lone = JsonError { offset: start, problem: JsonProblem::LoneSurrogate };
                match self.unit()? {
                    0xd800..=0xdbff => {
                        let paired = self.bytes.get(self.at..self.at + 2) == Some(b"\\u");
                        if !paired || !matches!(self.unit()?, 0xdc00..=0xdfff) {
                            return Err(lone);
                        }
                    }
                    0xdc00..=0xdfff => return Err(lone),
                    _ => {}
                }
            }
            Some(_) => return Err(self.error(JsonProblem::UnknownEscape)),
            None => return Err(self.error(JsonProblem::Ends("the end of an escape"))),
        }
        Ok(())
    }

    /// `\uXXXX`
    fn unit(&mut self) -> Scanned<u16> {
        let unknown = self.error(JsonProblem::UnknownEscape);
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(unknown)?;
        let unit =
            digits.iter().try_fold(0, |sum: u16, &digit| Some(sum << 4 | hex(digit)?)).ok_or(unknown)?;
        self.at += 6;
        Ok(unit)
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        self.error(match self.peek() {
            Some(_) => JsonProblem::Expected(expected),
            None => JsonProblem::Ends(expected),
        })
    }
}

fn hex(digit: u8) -> Option<u16> {
    char::from(digit).to_digit(16).and_then(|value| u16::try_from(value).ok())
}

/// How many bytes come before the first quotation mark, backslash or control character. Eight bytes
/// are looked at together: in `x - 0x01…` and `x - 0x20…` a byte that borrows shows in its top bit, and
/// the lowest such bit is never a false one.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let mut at = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let found = quote | backslash | control;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = after;
    }
    at + rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len())
}

/// Decodes the inside of a string whose escapes were checked.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let first = unit(&mut chars);
                let one = if (0xd800..=0xdbff).contains(&first) {
                    // The check found the other half right behind, as `\uXXXX`.
                    chars.nth(1);
                    let second = unit(&mut chars);
                    0x10000 + ((first & 0x3ff) << 10 | second & 0x3ff)
                } else {
                    first
                };
                text.push(char::from_u32(one).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}

fn unit(chars: &mut std::str::Chars<'_>) -> u32 {
    chars.by_ref().take(4).fold(0, |sum, digit| sum << 4 | digit.to_digit(16).unwrap_or(0))
}
