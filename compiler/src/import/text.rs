//! Writing rule text: names, paths, texts, numbers and comments.

use std::collections::HashSet;
use std::fmt::Write as _;

use grammar::keywords::KEYWORDS;
use rust_decimal::Decimal;

/// Lines of imported files are no longer, where they can be broken.
pub(super) const WIDTH: usize = 100;

/// Names that rules know without a declaration.
const KNOWN: &[&str] = &["payload", "event", "environment", "workspace"];

/// `"…"` with everything escaped that a text literal takes otherwise.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for one in text.chars() {
        match one {
            '"' | '\\' | '{' | '}' => out.extend(['\\', one]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            one if one.is_control() || matches!(one, '\u{2028}' | '\u{2029}') => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:X}}}", u32::from(one));
            }
            one => out.push(one),
        }
    }
    out.push('"');
    out
}

/// `base.key`, or `base."key"` where the key is no name.
pub(super) fn field(base: &str, key: &str) -> String {
    if is_name(key) { format!("{base}.{key}") } else { format!("{base}.{}", quoted(key)) }
}

/// A key of a record.
pub(super) fn key(key: &str) -> String {
    if is_name(key) { key.to_owned() } else { quoted(key) }
}

/// Whether it may stand after a dot and before a colon.
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
    starts && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

/// A JSON number as written, without exponent. `None` when it has more than 28 significant digits or
/// lies outside what rules compute with.
pub(super) fn number(digits: &str) -> Option<String> {
    let decimal = Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits)).ok()?;
    let significant = digits.split(['e', 'E']).next().unwrap_or_default();
    let significant =
        significant.trim_start_matches(['-', '+', '0', '.']).chars().filter(char::is_ascii_digit);
    (significant.count() <= 28).then(|| decimal.normalize().to_string())
}

/// One comment line, `# …`.
pub(super) fn comment(line: &str) -> String {
    if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") }
}

/// Every line of a text as a comment.
pub(super) fn commented(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    text.lines().map(|line| format!("{margin}{}", comment(&line.replace('\r', " ")))).collect()
}

/// Whether a name would be read as something else.
fn is_taken(name: &str) -> bool {
    KNOWN.contains(&name) || KEYWORDS.iter().any(|keyword| keyword.word == name)
}

/// Names that are given once in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// A name made of a source's own words in `snake_case`, not given before.
    pub(super) fn give(&mut self, wish: &str, otherwise: &str) -> String {
        let base = snake(wish).unwrap_or_else(|| otherwise.to_owned());
        let mut name = if is_taken(&base) { format!("one_{base}") } else { base.clone() };
        let mut number = 2_u32;
        while !self.0.insert(name.clone()) {
            name = format!("{base}_{number}");
            number = number.saturating_add(1);
        }
        name
    }

    /// Takes a name back, so that it can be given again elsewhere.
    pub(super) fn free(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// Letters and digits in lower case, everything else as single `_`; at most 60 characters.
fn snake(wish: &str) -> Option<String> {
    let mut out = String::new();
    let mut before: Option<char> = None;
    for one in wish.chars() {
        if out.len() >= 60 {
            break;
        }
        if one.is_ascii_alphanumeric() {
            // The humps of `sourceIPAddress` and `FileName` are word ends.
            let hump = one.is_ascii_uppercase() && before.is_some_and(|was| was.is_ascii_lowercase());
            if hump {
                out.push('_');
            }
            out.push(one.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        before = Some(one);
    }
    let out = out.trim_end_matches('_').to_owned();
    match out.chars().next() {
        None => None,
        Some(first) if first.is_ascii_digit() => Some(format!("n_{out}")),
        Some(_) => Some(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let rows = [
            ("plain", r#""plain""#),
            ("a \"b\" \\ {c}", r#""a \"b\" \\ \{c\}""#),
            ("line\nbreak\ttab\r\u{7}", r#""line\nbreak\ttab\u{D}\u{7}""#),
            ("ä 🚀", "\"ä 🚀\""),
        ];
        for (text, written) in rows {
            assert_eq!(quoted(text), written);
        }
    }

    #[test]
    fn numbers_lose_their_exponent_and_nothing_else() {
        let rows = [
            ("3.018e2", Some("301.8")),
            ("-5", Some("-5")),
            ("101.0", Some("101")),
            ("1e-3", Some("0.001")),
            ("0.00000000000000000001", Some("0.00000000000000000001")),
            ("1e40", None),
            ("12345678901234567890123456789", None),
        ];
        for (digits, written) in rows {
            assert_eq!(number(digits).as_deref(), written, "{digits}");
        }
    }

    #[test]
    fn names_are_snake_case_unreserved_and_given_once() {
        let mut names = Names::default();
        let rows = [
            ("detail-type", "detail_type"),
            ("sourceIPAddress", "source_ipaddress"),
            ("FileName", "file_name"),
            ("list", "one_list"),
            ("list", "list_2"),
            ("2nd  rule!", "n_2nd_rule"),
            ("2nd rule", "n_2nd_rule_2"),
            ("日本", "value"),
        ];
        for (wish, given) in rows {
            assert_eq!(names.give(wish, "value"), given);
        }
    }

    #[test]
    fn paths_quote_what_is_no_name() {
        assert_eq!(field("payload", "detail-type"), r#"payload."detail-type""#);
        assert_eq!(field("payload", "contains"), "payload.contains");
        assert_eq!(field("payload", "1st"), r#"payload."1st""#);
        assert_eq!(field("payload", ""), r#"payload."""#);
    }
}
