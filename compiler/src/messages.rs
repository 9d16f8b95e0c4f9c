//! Everything the checker says to people: one function per message, named after the fact.
//!
//! House rules: the title says what is wrong in the reader's words, in lower case and without a
//! final period; user text stands in backticks; the caret sits on the smallest wrong thing; a second
//! label shows the other half of the contradiction; no words of the compiler's own.

pub(crate) mod bounds;
pub(crate) mod deliveries;
pub(crate) mod failures;
pub(crate) mod names;
pub(crate) mod tests;
pub(crate) mod types;

use grammar::{Diagnostic, Span, suggest};

/// A declared field for a second label: where its type is written, and its name.
type Declared = Option<(Span, Box<str>)>;

/// A word that begins with another one is probably meant for it from so many letters on.
const PREFIX_MIN: usize = 4;

/// Longer lists of names are cut.
const NAMES_SHOWN_MAX: usize = 20;

/// The candidate that was probably meant.
fn closest<'n>(word: &str, candidates: &[&'n str]) -> Option<&'n str> {
    let begins = |candidate: &&&str| {
        let (short, long) =
            if candidate.len() < word.len() { (**candidate, word) } else { (word, **candidate) };
        short.len() >= PREFIX_MIN && long.starts_with(short)
    };
    let slip = suggest::closest(word, candidates.iter().copied());
    slip.or_else(|| candidates.iter().find(begins).copied())
}

/// Names in alphabetical order, cut when there are many.
fn listed(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    names.truncate(NAMES_SHOWN_MAX);
    let shown = names.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// `"a", "b"`
fn quoted<S: AsRef<str>>(values: &[S]) -> String {
    let values: Vec<String> = values.iter().map(|one| format!("\"{}\"", one.as_ref())).collect();
    values.join(", ")
}

/// `a`, `a or b`, `a, b or c`
fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Adds an edit that takes one word for another: a fix where it was a slip, an offer where it is a guess.
fn slip(
    diagnostic: Diagnostic,
    (wrong, right): (&str, &str),
    title: String,
    edits: impl IntoIterator<Item = (Span, String)>,
) -> Diagnostic {
    if suggest::is_slip(wrong, right) { diagnostic.fix(title, edits) } else { diagnostic.offer(title, edits) }
}

/// Adds the fix for a misspelt word.
fn replacing(diagnostic: Diagnostic, span: Span, wrong: &str, right: Option<&str>) -> Diagnostic {
    match right {
        Some(right) => {
            let title = format!("replace `{wrong}` with `{right}`");
            slip(diagnostic, (wrong, right), title, [(span, right.to_owned())])
        }
        None => diagnostic,
    }
}

/// Adds the fix for a name that has another name here.
fn renaming(diagnostic: Diagnostic, span: Span, wrong: &str, right: &str) -> Diagnostic {
    diagnostic.fix(format!("replace `{wrong}` with `{right}`"), [(span, right.to_owned())])
}

/// The words under a misspelt word.
fn did_you_mean(right: Option<&str>) -> String {
    right.map(|right| format!("did you mean `{right}`?")).unwrap_or_default()
}

/// Adds the declared field behind a value.
fn declared_as(diagnostic: Diagnostic, declared: Declared, what: &str) -> Diagnostic {
    match declared {
        Some((span, name)) => diagnostic.also(span, format!("`{name}` {what}")),
        None => diagnostic,
    }
}

/// A number with spaces between thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod unit {
    use super::{alternatives, grouped};

    #[test]
    fn words_and_numbers_read_well() {
        assert_eq!(alternatives(&["a", "b", "c"]), "a, b or c");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(100), "100");
    }
}
