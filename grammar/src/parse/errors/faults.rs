//! What the scan found: brackets without partners and characters from elsewhere.

use super::{limit, text};
use crate::{Diagnostic, Source, diagnostic::Code, parse::scan::Fault, span::Span};

/// The message about a fault.
pub(in crate::parse) fn fault(source: &Source, fault: &Fault) -> Diagnostic {
    let span = |start: usize, end: usize| Span::new(source.id, start, end);
    let one = |at: usize| span(at, at + 1);
    match *fault {
        Fault::Unclosed { open, noticed } => unclosed(source, one(open), span(noticed, noticed)),
        Fault::Stray { close } => {
            let bracket = source.slice(one(close));
            Diagnostic::error(Code::E0103, format!("this `{bracket}` closes nothing"))
                .at(one(close), "")
                .fix(format!("remove `{bracket}`"), [(one(close), String::new())])
        }
        Fault::Mismatched { open, close } => mismatched(source, one(open), one(close)),
        Fault::UnclosedText { start, block, .. } => {
            text::unclosed(span(start, start + if block { 3 } else { 1 }), block)
        }
        Fault::LoneBrace { start, brace, .. } => text::lone_brace(one(brace), one(start)),
        Fault::TooDeep { at } => limit::nesting(one(at)),
        Fault::OddSpace { start, end } => odd_space(source, span(start, end)),
        Fault::Semicolon { at } => Diagnostic::error(Code::E0121, "no `;` is needed")
            .at(one(at), "line ends and braces are enough")
            .fix("remove `;`", [(one(at), String::new())]),
        Fault::ForeignComment { start, end } => foreign_comment(source, span(start, end)),
        Fault::OddCharacter { start, end } => {
            let shown = source.slice(span(start, end));
            Diagnostic::error(Code::E0101, format!("I did not expect `{shown}` here"))
                .at(span(start, end), "outside of text this character means nothing")
        }
    }
}

fn closing(bracket: &str) -> &'static str {
    match bracket {
        "{" => "}",
        "[" => "]",
        _ => ")",
    }
}

fn unclosed(source: &Source, open: Span, noticed: Span) -> Diagnostic {
    let bracket = source.slice(open);
    let partner = closing(bracket);
    let report = Diagnostic::error(Code::E0103, format!("this `{bracket}` has no `{partner}`")).at(open, "");
    if noticed.range().start >= source.text.len() {
        report.note(format!("the file ends before a `{partner}` comes"))
    } else {
        report.also(noticed, format!("`{partner}` was expected before this"))
    }
}

fn mismatched(source: &Source, open: Span, close: Span) -> Diagnostic {
    let (bracket, found) = (source.slice(open), source.slice(close));
    let partner = closing(bracket);
    Diagnostic::error(Code::E0103, format!("`{found}` cannot close `{bracket}`"))
        .at(close, format!("`{partner}` was expected"))
        .also(open, "opened here")
        .fix(format!("replace `{found}` with `{partner}`"), [(close, partner.to_owned())])
}

fn odd_space(source: &Source, span: Span) -> Diagnostic {
    let letter = source.slice(span).chars().next().unwrap_or(' ');
    let visible = letter.is_whitespace();
    let replacement = if visible { " " } else { "" };
    let title = if visible {
        "this is not an ordinary space".to_owned()
    } else {
        "a character that cannot be seen stands here".to_owned()
    };
    Diagnostic::error(Code::E0134, title)
        .at(span, format!("U+{:04X}, perhaps pasted from a web page or a document", u32::from(letter)))
        .fix(if visible { "replace it with a space" } else { "remove it" }, [(span, replacement.to_owned())])
}

fn foreign_comment(source: &Source, span: Span) -> Diagnostic {
    let written = source.slice(span);
    let report = Diagnostic::error(Code::E0123, "comments start with `#` here");
    let sign = Span { end: span.start + 2, ..span };
    match written.strip_prefix("//") {
        Some(_) => report.at(sign, "").fix("replace `//` with `#`", [(sign, "#".to_owned())]),
        None => {
            let inside = written.trim_start_matches("/*").trim_end_matches("*/");
            let lines: Vec<String> = inside
                .lines()
                .map(|line| format!("# {}", line.trim().trim_start_matches('*').trim()))
                .collect();
            let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
            let report = report.at(sign, "");
            // Behind a comment of several lines, or at the end of a line, the rest of the line is free.
            let after = source.text.get(span.range().end..).unwrap_or_default();
            if after.split('\n').next().is_some_and(|rest| rest.trim().is_empty()) {
                return report.fix("write it with `#`", [(span, lines.join("\n"))]);
            }
            report.fix("remove it", [(span, String::new())])
        }
    }
}
