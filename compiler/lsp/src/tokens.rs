//! Rule text to tokens, whatever state it is in: completion works on text that does not parse yet.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word,
    /// Digits and what belongs to them: numbers, dates, times, lengths of time.
    Number,
    /// The quotation mark or marks that begin a text.
    TextStart,
    /// Characters of a text.
    Chars,
    /// The quotation mark or marks that end a text; empty where the line ended first.
    TextEnd,
    /// `{` in a text.
    HoleStart,
    /// `}` that ends a hole; empty where the line ended first.
    HoleEnd,
    /// Any other sign.
    Sign,
}

/// A piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// First byte.
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
}

impl Token {
    /// Its text.
    pub(crate) fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is this word or sign.
    pub(crate) fn is(&self, text: &str, what: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Sign) && self.text(text) == what
    }
}

/// What surrounds the place that is read.
enum Around {
    /// A text; block text ends with three marks and may have several lines.
    Text { block: bool },
    /// A hole, and how many braces are open in it.
    Hole { block: bool, braces: usize },
}

/// Splits a text. Comments are left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, around: Vec::new(), tokens: Vec::new() };
    while lexer.at < text.len() {
        match lexer.around.last() {
            Some(&Around::Text { block }) => lexer.chars(block),
            _ => lexer.plain(),
        }
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    around: Vec<Around>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, bytes: usize) {
        self.tokens.push(Token { kind, start: self.at, end: self.at + bytes });
        self.at += bytes;
    }

    /// Takes what a test accepts.
    fn run(&self, take: impl Fn(char) -> bool) -> usize {
        self.rest().find(|one| !take(one)).unwrap_or(self.rest().len())
    }

    /// The inside of a text.
    fn chars(&mut self, block: bool) {
        let rest = self.rest();
        let end = if block { "\"\"\"" } else { "\"" };
        if rest.starts_with(end) && !(block && rest.starts_with("\"\"\"\"")) {
            self.push(Kind::TextEnd, end.len());
            self.around.pop();
        } else if rest.starts_with('{') {
            self.push(Kind::HoleStart, 1);
            self.around.push(Around::Hole { block, braces: 0 });
        } else if !block && rest.starts_with('\n') {
            self.push(Kind::TextEnd, 0);
            self.around.pop();
        } else {
            let bytes = chars_bytes(rest, block);
            self.push(Kind::Chars, bytes);
        }
    }

    /// Everything outside texts.
    fn plain(&mut self) {
        let Some(first) = self.rest().chars().next() else { return };
        match first {
            '\n' => self.line_end(),
            '#' => self.at += self.run(|one| one != '\n'),
            '"' => self.text_start(),
            '{' | '}' => self.brace(first),
            _ if first.is_whitespace() || first == '\u{FEFF}' => self.at += first.len_utf8(),
            _ if first.is_ascii_digit() => {
                let bytes = number_bytes(self.rest());
                self.push(Kind::Number, bytes);
            }
            _ if first.is_alphabetic() || first == '_' => {
                let bytes = self.run(|one| one.is_alphanumeric() || one == '_');
                self.push(Kind::Word, bytes);
            }
            _ => {
                let two = ["..", "<=", ">="].iter().any(|sign| self.rest().starts_with(sign));
                self.push(Kind::Sign, if two { 2 } else { first.len_utf8() });
            }
        }
    }

    /// A line that ends inside the hole of a one-line text ends both: somebody is still typing there.
    fn line_end(&mut self) {
        while let Some(Around::Hole { block: false, .. }) = self.around.last() {
            self.push(Kind::HoleEnd, 0);
            self.around.pop();
            self.push(Kind::TextEnd, 0);
            self.around.pop();
        }
        self.at += 1;
    }

    fn text_start(&mut self) {
        let block = self.rest().starts_with("\"\"\"");
        if self.is_pattern() && !block {
            let bytes = pattern_bytes(self.rest());
            self.push(Kind::TextStart, 1);
            let closed =
                bytes > 1 && self.text.get(self.at..self.at + bytes - 1).is_some_and(|t| t.ends_with('"'));
            self.push(Kind::Chars, bytes - 1 - usize::from(closed));
            self.push(Kind::TextEnd, usize::from(closed));
        } else {
            self.push(Kind::TextStart, if block { 3 } else { 1 });
            self.around.push(Around::Text { block });
        }
    }

    /// Whether a regular expression stands here, in which nothing is a hole.
    fn is_pattern(&self) -> bool {
        match self.tokens.as_slice() {
            [.., last] if last.is(self.text, "regex") => true,
            [.., before, last] => before.is(self.text, "capture") && last.is(self.text, "("),
            _ => false,
        }
    }

    fn brace(&mut self, brace: char) {
        match self.around.last_mut() {
            Some(Around::Hole { braces: 0, .. }) if brace == '}' => {
                self.push(Kind::HoleEnd, 1);
                self.around.pop();
            }
            Some(Around::Hole { braces, .. }) => {
                *braces = if brace == '{' { *braces + 1 } else { *braces - 1 };
                self.push(Kind::Sign, 1);
            }
            _ => self.push(Kind::Sign, 1),
        }
    }
}

/// How many bytes of characters follow, at least one.
fn chars_bytes(rest: &str, block: bool) -> usize {
    let mut escaped = false;
    for (at, one) in rest.char_indices() {
        let ends = match one {
            _ if escaped => false,
            '{' => true,
            '\n' => !block,
            '"' => {
                !block
                    || rest.get(at..).is_some_and(|r| r.starts_with("\"\"\"") && !r.starts_with("\"\"\"\""))
            }
            _ => false,
        };
        if ends && at > 0 {
            return at;
        }
        escaped = one == '\\' && !escaped && rest.get(at + 1..).is_some_and(|r| !r.starts_with('\n'));
    }
    rest.len()
}

/// The bytes of a regular expression with its quotation marks; at most to the end of the line.
fn pattern_bytes(rest: &str) -> usize {
    let mut escaped = true;
    for (at, one) in rest.char_indices() {
        match one {
            '\n' => return at,
            '"' if !escaped => return at + 1,
            _ => escaped = one == '\\' && !escaped,
        }
    }
    rest.len()
}

/// The bytes of a number, a day, an instant, a time or a length of time.
fn number_bytes(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let belongs = match byte {
            b'.' | b':' => digit(at + 1),
            b'-' | b'+' => at >= 4 && digit(at + 1) && (at == 4 || at == 7 || at > 10),
            b'%' => return at + 1,
            _ => byte.is_ascii_alphanumeric() || byte == b'_',
        };
        if !belongs {
            break;
        }
        at += 1;
    }
    at.max(1)
}

#[cfg(test)]
mod tests {
    use super::{Kind, tokens};

    fn split(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|token| token.text(text)).collect()
    }

    #[test]
    fn texts_and_holes_nest() {
        let text = "a: \"x {b.c | join(\", \")} y\" # remark {\nd";
        assert_eq!(
            split(text),
            [
                "a", ":", "\"", "x ", "{", "b", ".", "c", "|", "join", "(", "\"", ", ", "\"", ")", "}", " y",
                "\"", "d"
            ]
        );
    }

    #[test]
    fn a_text_that_is_still_open_ends_with_its_line() {
        for text in ["a: \"x {b.\nrule c", "a: \"x\nrule c", "a: \"x {b | join(\"\nrule c"] {
            let all = tokens(text);
            let last: Vec<_> = all.iter().rev().take(2).map(|token| (token.kind, token.text(text))).collect();
            assert_eq!(last, [(Kind::Word, "c"), (Kind::Word, "rule")], "{text}");
        }
    }

    #[test]
    fn block_text_ends_with_the_last_three_marks() {
        assert_eq!(
            split("\"\"\"a \"\" {x}\n\"\"\"\" b"),
            ["\"\"\"", "a \"\" ", "{", "x", "}", "\n\"", "\"\"\"", "b"]
        );
    }

    #[test]
    fn a_pattern_has_no_holes() {
        assert_eq!(
            split(r#"x matches regex "a{2}\"" y | capture("\d{3}", "n")"#),
            [
                "x",
                "matches",
                "regex",
                "\"",
                r#"a{2}\""#,
                "\"",
                "y",
                "|",
                "capture",
                "(",
                "\"",
                r"\d{3}",
                "\"",
                ",",
                "\"",
                "n",
                "\"",
                ")"
            ]
        );
    }

    #[test]
    fn numbers_of_every_kind_are_one_token() {
        for text in ["10_000", "19.90", "5%", "1h30m", "2026-03-01", "2026-03-01T09:00:00+01:00", "09:00"] {
            assert_eq!(split(text), [text]);
        }
        assert_eq!(split("a.lines[0].x-1"), ["a", ".", "lines", "[", "0", "]", ".", "x", "-", "1"]);
    }

    #[test]
    fn every_prefix_of_a_file_is_split_without_a_gap_in_order() {
        let file = include_str!("../../../grammar/editors/tree-sitter/test/every_construct.route");
        for end in (0..file.len()).filter(|&end| file.is_char_boundary(end)) {
            let text = file.get(..end).unwrap_or_default();
            let mut at = 0;
            for token in tokens(text) {
                assert!(token.start >= at && token.end >= token.start, "{token:?} after {at}");
                at = token.end;
            }
            assert!(at <= end);
        }
    }
}
