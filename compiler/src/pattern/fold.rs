//! Unicode simple case folding: one character to one character, so lengths in characters stay.
//!
//! The Kelvin sign equals `k`; `ß` does not equal `ss`. The relation is that of the `C` and `S` lines
//! of Unicode's CaseFolding.txt, computed from the standard library's case mappings: the lower case of
//! the upper case, where each is a single character. Four places where the two differ are listed here,
//! and a test compares the whole relation with the one in the `regex` crate.

use std::borrow::Cow;

/// Folds a text; borrowed when nothing changes.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    let Some(at) = text.char_indices().find(|&(_, one)| fold_char(one) != one).map(|(at, _)| at) else {
        return Cow::Borrowed(text);
    };
    let (same, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let mut folded = String::with_capacity(text.len());
    folded.push_str(same);
    folded.extend(rest.chars().map(fold_char));
    Cow::Owned(folded)
}

/// Folds one character. Two characters are equal ignoring case when both fold to the same one.
#[must_use]
pub fn fold_char(one: char) -> char {
    if one.is_ascii() {
        return one.to_ascii_lowercase();
    }
    match one {
        // The dotless i is a letter of its own outside Turkic languages, although its upper case is I.
        'ı' => one,
        // Equal in full folding, and by an explicit line in simple folding.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => {
            let upper = only(one.to_uppercase()).unwrap_or(one);
            only(upper.to_lowercase()).unwrap_or(upper)
        }
    }
}

fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fold_by_character() {
        for (text, folded) in [
            ("", ""),
            ("already lower", "already lower"),
            ("STRASSE", "strasse"),
            ("Straße", "straße"),
            ("ẞ", "ß"),
            ("\u{212a}elvin", "kelvin"),
            ("ΣΑΣ σας", "σασ σασ"),
            ("İI", "İi"),
            ("ı", "ı"),
            ("日本", "日本"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        assert!(matches!(fold("plain ß 日"), Cow::Borrowed(_)));
    }

    /// Every character with a case mapping, against the tables of the `regex` crate.
    #[test]
    fn the_relation_is_that_of_simple_case_folding() {
        let cased: Vec<char> = ('\u{80}'..=char::MAX)
            .filter(|one| !one.to_lowercase().eq([*one]) || !one.to_uppercase().eq([*one]))
            .collect();
        // The standard library may be a Unicode version ahead of the crate.
        let unknown = regex::Regex::new(r"\p{Cn}").unwrap();
        let known = |one: char| !unknown.is_match(one.encode_utf8(&mut [0; 4]));
        assert!(cased.len() > 2_000, "{}", cased.len());
        for one in cased.into_iter().filter(|&one| known(one)) {
            let same = regex::Regex::new(&format!(r"\A(?i:\x{{{:x}}})\z", u32::from(one))).unwrap();
            let related = [Some(fold_char(one)), only(one.to_lowercase()), only(one.to_uppercase())];
            for other in related.into_iter().flatten().filter(|&other| known(other)) {
                let equal = same.is_match(other.encode_utf8(&mut [0; 4]));
                assert_eq!(fold_char(one) == fold_char(other), equal, "{one} and {other}");
            }
        }
    }
}
