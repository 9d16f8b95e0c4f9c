//! FQL's globs as ours: the same signs, but only what needs it may be escaped here.

use super::super::{ImportError, Place};
use crate::world::Limits;

/// Writes a glob anew.
pub(super) fn translate(pattern: &str, at: &Place) -> Result<String, ImportError> {
    let mut out = String::new();
    let mut stars = 0;
    let mut chars = pattern.chars();
    // How many members the open class has.
    let mut class: Option<usize> = None;
    while let Some(one) = chars.next() {
        match (one, class) {
            ('\\', _) => {
                let Some(literal) = chars.next() else {
                    return Err(ImportError::invalid(
                        at.clone(),
                        "nothing follows the backslash in the pattern",
                    ));
                };
                out.extend((!literal.is_alphanumeric()).then_some('\\'));
                out.push(literal);
                class = class.map(|members| members + 1);
            }
            ('[', None) => {
                class = Some(0);
                out.push('[');
            }
            (']', Some(0)) => {
                return Err(ImportError::invalid(at.clone(), "nothing stands between `[` and `]`"));
            }
            (']', Some(_)) => {
                class = None;
                out.push(']');
            }
            // A first `!` negates here.
            ('!', Some(0)) => {
                class = Some(1);
                out.push_str("\\!");
            }
            ('*', None) => {
                stars += 1;
                out.push('*');
            }
            (one, _) => {
                class = class.map(|members| members + 1);
                out.push(one);
            }
        }
    }
    if class.is_some() {
        return Err(ImportError::invalid(at.clone(), "the `[` in the pattern is never closed"));
    }
    let stars_max = Limits::default().glob_stars_max;
    if stars > stars_max {
        let reason = format!("a pattern with {stars} stars, and {stars_max} are allowed");
        return Err(ImportError::too_large(at.clone(), reason));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Glob;

    #[test]
    fn documented_patterns_answer_as_documented() {
        let rows = [
            ("abcd", "a*d", true),
            ("", "*", true),
            ("abc", "ab", false),
            ("abcd", "a??d", true),
            ("abcd", "*d", true),
            ("ab*d", "ab\\*d", true),
            ("abXd", "ab\\*d", false),
            ("abCd", "ab[cC]d", true),
            ("abcd", "ab[a-z]d", true),
            ("abcd", "ab[A-Z]d", false),
            ("ab]d", "ab\\]d", true),
            ("abd", "a\\bd", true),
        ];
        let at = Place::Line { line: 1, column: 1 };
        for (text, pattern, answer) in rows {
            let glob = Glob::new(&translate(pattern, &at).unwrap(), false).unwrap();
            assert_eq!(glob.matches(text), answer, "{text} {pattern}");
        }
        for wrong in ["a[", "a[]", "a\\", "*a*a*a*a*a*a*a*a*"] {
            assert!(translate(wrong, &at).is_err(), "{wrong}");
        }
    }
}
