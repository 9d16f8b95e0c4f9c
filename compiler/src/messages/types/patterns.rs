//! What is said about patterns, regular expressions and texts to look for.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Span};

use super::super::{closest, did_you_mean, quoted, replacing};
use crate::types::Kind;

/// E0316
pub(crate) fn bad_glob(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(Code::E0316, format!("this pattern cannot be read: {why}"))
        .at(span, "")
        .note("`*` is any run of characters, `?` one, [a-z] one of these; \\* and [*] are a star itself")
}

/// E0317
pub(crate) fn bad_regex(span: Span, why: &str) -> Diagnostic {
    let why: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told = Diagnostic::error(Code::E0317, "this regular expression cannot be read").at(span, "");
    match why.last() {
        Some(why) => told.note(why.trim_start_matches("error: ")),
        None => told,
    }
}

/// E0325
pub(crate) fn pattern_not_constant(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0325, "a pattern is fixed text").at(span, "this depends on the event").help(
        "write the pattern out, or name a const; for texts from the event there are `contains` and its kin",
    )
}

/// E0328
pub(crate) fn needles_need_a_word(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0328, "say how many of these must be found")
        .at(span, "this is a list")
        .fix(format!("write any of {written}"), [(span, format!("any of {written}"))])
        .help("`all of` and `none of` can stand here, too")
}

/// E0328
pub(crate) fn needles_not_constant(span: Span, list: bool) -> Diagnostic {
    let told = Diagnostic::error(Code::E0328, "a list of fixed texts is wanted here");
    if list {
        told.at(span, "this depends on the event")
            .help("for a list from the event write: any x in list satisfies (text contains x)")
    } else {
        told.at(span, "this is no list").help("write it in brackets: any of [\"a\", \"b\"]")
    }
}

/// E0328
pub(crate) fn needle_is_no_text(span: Span, kind: Kind) -> Diagnostic {
    Diagnostic::error(Code::E0328, "only texts can be looked for in a text")
        .at(span, format!("this is {}", kind.words()))
        .help("put it into quotation marks")
}

/// E0328
pub(crate) fn no_needles(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0328, "there is nothing to look for").at(span, "this list is empty")
}

/// E0330
pub(crate) fn no_such_group(span: Span, group: &str, groups: &[&str], pattern: Span) -> Diagnostic {
    let close = closest(group, groups);
    let told = Diagnostic::error(Code::E0330, format!("the pattern has no group called `{group}`"))
        .at(span, did_you_mean(close))
        .also(
            pattern,
            if groups.is_empty() {
                "it has no named group".to_owned()
            } else {
                format!("its groups are: {}", quoted(groups))
            },
        )
        .help("a named group is written (?<name>…)");
    let quote = |text: &str| format!("\"{text}\"");
    replacing(told, span, &quote(group), close.map(quote).as_deref())
}

/// W0412
pub(crate) fn glob_says_the_same(span: Span, glob: &str) -> Diagnostic {
    Diagnostic::warning(Code::W0412, "a plain pattern says the same and is easier to read")
        .at(span, "")
        .help(format!("write: matches \"{glob}\""))
}

/// Words such as `leads` for the thing that a rule calls `lead`.
pub(crate) fn plural(word: &str) -> String {
    let word = word.replace('_', " ");
    match word.as_bytes() {
        [.., b's' | b'x' | b'z'] | [.., b'c' | b's', b'h'] => format!("{word}es"),
        [.., before, b'y'] if !b"aeiou".contains(before) => {
            format!("{}ies", word.strip_suffix('y').unwrap_or(&word))
        }
        _ => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn plurals_are_those_of_english_nouns() {
        for (one, many) in [("lead", "leads"), ("company", "companies"), ("box", "boxes"), ("key", "keys")] {
            assert_eq!(plural(one), many);
        }
    }
}
