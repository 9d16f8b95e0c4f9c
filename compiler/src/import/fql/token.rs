//! FQL text to tokens.

use super::super::{ImportError, Place};

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Names joined by dots, unescaped: a path, a word or a function's name.
    Path(Vec<String>),
    /// A text without its quotation marks. Backslashes that escape no quotation mark are kept: in
    /// patterns they mean something.
    Text(String),
    /// A number as written.
    Number(String),
    /// A sign such as `!=`.
    Sign(&'static str),
}

/// The signs, longer ones before those they begin with.
const SIGNS: &[&str] = &["!=", ">=", "<=", "=", ">", "<", "!", "(", ")", "[", "]", ","];

/// Every token with its place.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, Place)>, ImportError> {
    let mut reader = Reader { rest: source, line: 1, column: 1 };
    let mut all = Vec::new();
    loop {
        reader.skip(char::is_whitespace);
        let at = reader.place();
        let Some(first) = reader.rest.chars().next() else { return Ok(all) };
        let sign = SIGNS.iter().copied().find(|sign| reader.rest.starts_with(sign));
        let token = match first {
            '"' | '\'' => reader.text(first)?,
            '-' | '+' | '0'..='9' => reader.number()?,
            '_' | '\\' => reader.path()?,
            first if first.is_ascii_alphabetic() => reader.path()?,
            first => match sign {
                Some(sign) => {
                    reader.skip_chars(sign.len());
                    Token::Sign(sign)
                }
                None => return Err(ImportError::invalid(at, format!("`{first}` means nothing here"))),
            },
        };
        all.push((token, at));
    }
}

struct Reader<'s> {
    rest: &'s str,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        Place::Line { line: self.line, column: self.column }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let one = chars.next()?;
        self.rest = chars.as_str();
        match one {
            '\n' => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
        Some(one)
    }

    fn skip(&mut self, fits: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&fits) {
            self.next();
        }
    }

    fn skip_chars(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn text(&mut self, quote: char) -> Result<Token, ImportError> {
        let at = self.place();
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(ImportError::invalid(at, "this text never ends")),
                Some('\\') if self.peek() == Some(quote) => text.extend(self.next()),
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.next());
                }
                Some(one) if one == quote => return Ok(Token::Text(text)),
                Some(one) => text.push(one),
            }
        }
    }

    fn number(&mut self) -> Result<Token, ImportError> {
        let at = self.place();
        let mut digits = String::new();
        if let Some(sign @ ('-' | '+')) = self.peek() {
            self.next();
            digits.extend((sign == '-').then_some(sign));
        }
        while let Some(one) = self.peek().filter(|one| one.is_ascii_digit() || *one == '.') {
            self.next();
            digits.push(one);
        }
        match super::text::number(&digits).filter(|_| digits.ends_with(|one: char| one.is_ascii_digit())) {
            Some(number) => Ok(Token::Number(number)),
            None => Err(ImportError::invalid(at, "this is no number that can be compared exactly")),
        }
    }

    fn path(&mut self) -> Result<Token, ImportError> {
        let at = self.place();
        let mut steps = vec![String::new()];
        while let Some(one) = self.peek() {
            let letter = match one {
                '.' => {
                    self.next();
                    steps.push(String::new());
                    continue;
                }
                '\\' => {
                    self.next();
                    self.peek()
                }
                one if one.is_ascii_alphanumeric() || matches!(one, '_' | '-') => Some(one),
                _ => break,
            };
            let Some(letter) = letter else {
                return Err(ImportError::invalid(at, "nothing follows the backslash"));
            };
            self.next();
            steps.last_mut().into_iter().for_each(|step| step.push(letter));
        }
        if steps.iter().any(String::is_empty) {
            return Err(ImportError::invalid(at, "a name is missing between dots"));
        }
        Ok(Token::Path(steps))
    }
}
