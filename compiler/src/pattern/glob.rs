//! Globs: `*` any run, `?` one character, `[a-z]` and `[!a]` classes, `[*]` and `\*` literal.
//!
//! A glob of literal parts and stars is a prefix, a suffix and searches between them. One with `?` or
//! a class becomes a regular expression, whose time is linear in the text too.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use memchr::memmem::Finder;

use super::{PatternError, fold};

/// The most bytes of a glob with `?` or classes once compiled. A glob of a thousand question marks
/// needs about a tenth of it.
const BYTES_MAX: usize = 1 << 20;

/// A glob, matched against a whole text.
#[derive(Clone)]
pub struct Glob {
    /// As written.
    pub text: Arc<str>,
    /// Unicode simple case folding on both sides.
    pub fold: bool,
    stars: usize,
    shape: Arc<Shape>,
}

enum Shape {
    /// No star.
    Whole(Box<str>),
    /// At least one star: what comes before the first, between, and after the last.
    Parts { first: Box<str>, middle: Vec<Finder<'static>>, last: Box<str> },
    /// With `?` or a class.
    Regex(regex::Regex),
}

enum Token {
    Star,
    One,
    Char(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// When a class or an escape is malformed, or the glob is too large.
    pub fn new(text: &str, fold: bool) -> Result<Self, PatternError> {
        let tokens = tokens(text)?;
        let stars = tokens.iter().filter(|token| matches!(token, Token::Star)).count();
        let shape = shape(&tokens, fold)?;
        Ok(Self { text: Arc::from(text), fold, stars, shape: Arc::new(shape) })
    }

    /// Whether the whole text fits. `*` crosses line ends.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let folded = |text| if self.fold { fold(text) } else { Cow::Borrowed(text) };
        match &*self.shape {
            Shape::Whole(whole) => *folded(text) == **whole,
            Shape::Parts { first, middle, last } => parts(&folded(text), first, middle, last),
            Shape::Regex(regex) => regex.is_match(text),
        }
    }

    /// How many stars it has.
    #[must_use]
    pub fn stars(&self) -> usize {
        self.stars
    }

    /// The one text that it fits, folded when it ignores case; `None` when it fits several.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match &*self.shape {
            Shape::Whole(whole) => Some(whole),
            Shape::Parts { .. } | Shape::Regex(_) => None,
        }
    }
}

impl Glob {
    /// What every text that it fits begins and ends with, folded when it ignores case; `None` when that is
    /// not known.
    #[must_use]
    pub fn ends(&self) -> Option<(&str, &str)> {
        match &*self.shape {
            Shape::Whole(whole) => Some((whole, whole)),
            Shape::Parts { first, last, .. } => Some((first, last)),
            Shape::Regex(_) => None,
        }
    }
}

fn parts(text: &str, first: &str, middle: &[Finder<'static>], last: &str) -> bool {
    let Some(rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    // The leftmost place for each part leaves the most room for those after it.
    let mut rest = rest.as_bytes();
    middle.iter().all(|part| {
        let after = part.find(rest).and_then(|at| rest.get(at + part.needle().len()..));
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

fn tokens(text: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, one)) = chars.next() {
        tokens.push(match one {
            // Two stars in a row say what one says.
            '*' if matches!(tokens.last(), Some(Token::Star)) => continue,
            '*' => Token::Star,
            '?' => Token::One,
            '[' => class(at, &mut chars)?,
            '\\' => Token::Char(escaped(at, chars.next())?),
            other => Token::Char(other),
        });
    }
    Ok(tokens)
}

fn escaped(at: usize, next: Option<(usize, char)>) -> Result<char, PatternError> {
    match next {
        Some((_, one)) if !one.is_alphanumeric() => Ok(one),
        Some(_) | None => Err(PatternError::LoneBackslash { at }),
    }
}

fn class(
    opened: usize,
    chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
) -> Result<Token, PatternError> {
    let negated = chars.next_if(|&(_, one)| one == '!').is_some();
    let mut ranges = Vec::new();
    loop {
        let Some((at, one)) = chars.next() else { return Err(PatternError::UnclosedClass { at: opened }) };
        let from = match one {
            ']' if ranges.is_empty() => return Err(PatternError::EmptyClass { at: opened }),
            ']' => break,
            '\\' => escaped(at, chars.next())?,
            other => other,
        };
        let mut ahead = chars.clone();
        let to = match (ahead.next(), ahead.next()) {
            // `[a-]` holds a hyphen, as everywhere else.
            (Some((_, '-')), Some((_, end))) if end != ']' => {
                chars.next();
                match chars.next() {
                    Some((at, '\\')) => escaped(at, chars.next())?,
                    _ => end,
                }
            }
            _ => from,
        };
        if to < from {
            return Err(PatternError::BackwardRange { at });
        }
        ranges.push((from, to));
    }
    Ok(match ranges.as_slice() {
        &[(from, to)] if from == to && !negated => Token::Char(from),
        _ => Token::Class { negated, ranges },
    })
}

fn shape(tokens: &[Token], folded: bool) -> Result<Shape, PatternError> {
    let mut parts = vec![String::new()];
    for token in tokens {
        match token {
            Token::Star => parts.push(String::new()),
            Token::Char(one) => {
                let one = if folded { super::fold_char(*one) } else { *one };
                parts.last_mut().into_iter().for_each(|part| part.push(one));
            }
            Token::One | Token::Class { .. } => return as_regex(tokens, folded).map(Shape::Regex),
        }
    }
    let last = parts.pop().unwrap_or_default().into_boxed_str();
    if parts.is_empty() {
        return Ok(Shape::Whole(last));
    }
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_default().into_boxed_str();
    let middle = parts.map(|part| Finder::new(part.as_bytes()).into_owned()).collect();
    Ok(Shape::Parts { first, middle, last })
}

fn as_regex(tokens: &[Token], folded: bool) -> Result<regex::Regex, PatternError> {
    let mut pattern = String::from(if folded { r"(?si)\A" } else { r"(?s)\A" });
    for token in tokens {
        // Writing to a String cannot fail.
        let _ = match token {
            Token::Star => write!(pattern, ".*"),
            Token::One => write!(pattern, "."),
            Token::Char(one) => write!(pattern, r"\x{{{:x}}}", u32::from(*one)),
            Token::Class { negated, ranges } => {
                pattern.push_str(if *negated { "[^" } else { "[" });
                for &(from, to) in ranges {
                    let _ = write!(pattern, r"\x{{{:x}}}-\x{{{:x}}}", u32::from(from), u32::from(to));
                }
                write!(pattern, "]")
            }
        };
    }
    pattern.push_str(r"\z");
    regex::RegexBuilder::new(&pattern)
        .size_limit(BYTES_MAX)
        .dfa_size_limit(BYTES_MAX)
        .build()
        .map_err(|_| PatternError::TooLarge { bytes_max: BYTES_MAX })
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.fold) == (&other.text, other.fold)
    }
}

impl Eq for Glob {}

impl std::fmt::Debug for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Glob({:?}{})", self.text, if self.fold { " ignoring case" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, fold, fits, not) in [
            ("", false, &[""][..], &["a"][..]),
            ("abc", false, &["abc"], &["abcd", "ABC", "ab"]),
            ("*", false, &["", "a", "line\nbreak"], &[]),
            ("**", false, &["", "a"], &[]),
            ("hotfix/*", false, &["hotfix/", "hotfix/a/b"], &["hotfix", "a/hotfix/"]),
            ("*.pdf", false, &[".pdf", "a.pdf.pdf"], &["a.pdf ", "pdf"]),
            ("a*a", false, &["aa", "aba"], &["a"]),
            ("a*bc*bc*d", false, &["abcbcd", "a-bc-bc-d"], &["abcd", "abcbc"]),
            ("*ab*ab*", false, &["abab", "xabxabx"], &["aba"]),
            ("a?c", false, &["abc", "aéc", "a\nc"], &["ac", "abbc"]),
            ("[a-c]*", false, &["a", "czz"], &["d", ""]),
            ("[!a]x", false, &["bx", "éx"], &["ax", "x"]),
            ("[a-]x", false, &["ax", "-x"], &["bx"]),
            ("[*]", false, &["*"], &["a"]),
            (r"\*\?\[", false, &["*?["], &["a?["]),
            (r"[\]x]", false, &["]", "x"], &["a"]),
            ("[^a]", false, &["^", "a"], &["b"]),
            ("STRASSE*", true, &["strasse 1", "Strasse"], &["straße"]),
            ("\u{212a}*", true, &["k", "K", "\u{212a}x"], &["x"]),
            ("[A-C]?", true, &["ax", "Bx"], &["dx"]),
            ("日*本", false, &["日本", "日日本本"], &["日"]),
        ] {
            let built = Glob::new(glob, fold).unwrap();
            for text in fits {
                assert!(built.matches(text), "`{glob}` should fit `{text}`");
            }
            for text in not {
                assert!(!built.matches(text), "`{glob}` should not fit `{text}`");
            }
        }
    }

    #[test]
    fn malformed_globs_say_where() {
        for (glob, error) in [
            ("a[b", PatternError::UnclosedClass { at: 1 }),
            ("[]", PatternError::EmptyClass { at: 0 }),
            ("[!]", PatternError::EmptyClass { at: 0 }),
            ("x[z-a]", PatternError::BackwardRange { at: 2 }),
            (r"a\t", PatternError::LoneBackslash { at: 1 }),
            (r"a\", PatternError::LoneBackslash { at: 1 }),
        ] {
            assert_eq!(Glob::new(glob, false), Err(error), "{glob}");
        }
    }

    #[test]
    fn hostile_globs_stay_linear() {
        let glob = Glob::new("*a*a*a*a*a*a*a*b", false).unwrap();
        assert_eq!(glob.stars(), 8);
        assert!(!glob.matches(&"a".repeat(200_000)));
        let classes = Glob::new("*[ab]?[ab]?[ab]*[!x]c", false).unwrap();
        assert!(!classes.matches(&"ab".repeat(100_000)));
    }
}
