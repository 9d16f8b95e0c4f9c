//! Regular expressions: searched rather than anchored, and bounded in size, so linear in the text.

use std::sync::Arc;

use super::PatternError;

/// A compiled regular expression.
#[derive(Clone)]
pub struct Regex {
    /// As written.
    pub text: Arc<str>,
    compiled: regex::Regex,
}

impl Regex {
    /// Compiles a pattern of at most `chars_max` characters into at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When it is no regular expression, or too long or large.
    pub fn new(text: &str, fold: bool, chars_max: usize, bytes_max: usize) -> Result<Self, PatternError> {
        let chars = text.chars().count();
        if chars > chars_max {
            return Err(PatternError::TooLong { chars, chars_max });
        }
        let built = regex::RegexBuilder::new(text)
            .case_insensitive(fold)
            .size_limit(bytes_max)
            .dfa_size_limit(bytes_max)
            .build();
        match built {
            Ok(compiled) => Ok(Self { text: Arc::from(text), compiled }),
            Err(regex::Error::CompiledTooBig(_)) => Err(PatternError::TooLarge { bytes_max }),
            Err(error) => Err(syntax(text, &error.to_string())),
        }
    }

    /// Whether it occurs in the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// What the named group took at the first place where the pattern occurs; `None` when it does not
    /// occur or the group took no part.
    #[must_use]
    pub fn capture<'t>(&self, text: &'t str, group: &str) -> Option<&'t str> {
        Some(self.compiled.captures(text)?.name(group)?.as_str())
    }

    /// The names of its groups.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.compiled.capture_names().flatten()
    }
}

/// The `regex` crate tells a mistake as a drawing: the pattern, carets under the place, and a last
/// line `error: …`. The place and the words are taken out of it.
fn syntax(text: &str, drawn: &str) -> PatternError {
    let words = drawn.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("malformed");
    let caret = drawn.lines().find(|line| line.contains('^') && line.trim_matches([' ', '^']).is_empty());
    // The drawing is indented by four; patterns with line breaks are drawn differently.
    let column = caret.filter(|_| !text.contains('\n')).and_then(|line| line.find('^')?.checked_sub(4));
    let at = column.map(|column| text.char_indices().nth(column).map_or(text.len(), |(at, _)| at));
    PatternError::Syntax { message: words.into(), at }
}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Regex({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(text: &str, fold: bool) -> Result<Regex, PatternError> {
        Regex::new(text, fold, 500, 256 << 10)
    }

    #[test]
    fn it_searches_and_captures() {
        let order = regex(r"ORD-(?P<number>\d+)(?<rest>x)?", false).unwrap();
        assert!(order.is_match("see ORD-17 please"));
        assert!(!order.is_match("ord-17"));
        assert_eq!(order.capture("a ORD-1 ORD-2", "number"), Some("1"));
        assert_eq!(order.capture("a ORD-1", "rest"), None);
        assert_eq!(order.capture("none", "number"), None);
        assert_eq!(order.groups().collect::<Vec<_>>(), ["number", "rest"]);
        assert!(regex("ord", true).unwrap().is_match("ORD"));
    }

    #[test]
    fn mistakes_have_words_and_a_place() {
        let PatternError::Syntax { message, at } = regex("ab(c", false).unwrap_err() else { panic!() };
        assert_eq!((&*message, at), ("unclosed group", Some(2)));
        let PatternError::Syntax { message, .. } = regex(r"(a)\1", false).unwrap_err() else { panic!() };
        assert!(message.contains("backreferences are not supported"), "{message}");
        assert_eq!(
            regex(&"a".repeat(501), false).unwrap_err(),
            PatternError::TooLong { chars: 501, chars_max: 500 }
        );
        assert_eq!(
            regex(r"\w{500}{50}", false).unwrap_err(),
            PatternError::TooLarge { bytes_max: 256 << 10 }
        );
    }
}
