//! Text: quotation marks, escapes and holes.

use crate::{Diagnostic, diagnostic::Code, span::Span};

/// E0112. `'text'` and its kin.
pub(in crate::parse) fn odd_quotes(span: Span, inside: &str) -> Diagnostic {
    let mut mended = String::from("\"");
    let mut escaped = false;
    for letter in inside.chars() {
        if letter == '"' && !escaped {
            mended.push('\\');
        }
        escaped = letter == '\\' && !escaped;
        mended.push(letter);
    }
    mended.push('"');
    Diagnostic::error(Code::E0112, "text stands in `\"` quotation marks")
        .at(span, "these are other quotation marks")
        .fix(format!("replace them: {mended}"), [(span, mended)])
}

/// E0113. `\c`.
pub(in crate::parse) fn unknown_escape(span: Span, letter: char) -> Diagnostic {
    let report = if letter.is_control() {
        Diagnostic::error(Code::E0113, "a `\\` at the end of a line means nothing")
    } else {
        Diagnostic::error(Code::E0113, format!("`\\{letter}` means nothing in text"))
    };
    let backslash = Span { end: span.start + 1, ..span };
    report
        .at(span, "")
        .note("these do: \\\" \\\\ \\{ \\} \\n \\t \\u{1F6A8}")
        .fix("for a backslash itself write `\\\\`", [(backslash, "\\\\".to_owned())])
        .fix("for the character alone remove the `\\`", [(backslash, String::new())])
}

/// E0113. `\u{D800}`.
pub(in crate::parse) fn no_such_character(span: Span, code: &str) -> Diagnostic {
    Diagnostic::error(Code::E0113, format!("there is no character with the number {code}"))
        .at(span, "Unicode has none here")
}

/// E0114. `"use { here"`.
pub(in crate::parse) fn lone_brace(brace: Span, text: Span) -> Diagnostic {
    Diagnostic::error(Code::E0114, "a `{` in text opens a hole, and this one has no `}`")
        .at(brace, "")
        .also(text.head(), "in this text")
        .fix("for the brace itself write `\\{`", [(brace, "\\{".to_owned())])
}

/// E0114. A hole with something in it that is no expression.
pub(in crate::parse) fn not_a_hole(brace: Span, found: Span, shown: &str) -> Diagnostic {
    let report = Diagnostic::error(Code::E0114, "a `{` in text opens a hole, and this is no value");
    let report = if shown.is_empty() {
        report.at(found, "a value was expected here")
    } else {
        report.at(found, format!("I did not expect `{shown}` here"))
    };
    report
        .also(brace, "the hole")
        .fix("for the brace itself write `\\{`", [(brace, "\\{".to_owned())])
        .help("a hole holds one value, such as `{lead.name}`")
}

/// E0104. Text that ends with its line, or with the file.
pub(in crate::parse) fn unclosed(quote: Span, block: bool) -> Diagnostic {
    let report = Diagnostic::error(Code::E0104, "this text is not closed").at(quote, "it starts here");
    if block {
        report.help("close it with `\"\"\"`")
    } else {
        report.help("close it with `\"` on the same line; text of several lines stands in `\"\"\"`")
    }
}

/// E0139. A hole where the text must be known when the rules are read.
pub(in crate::parse) fn hole_in_fixed_text(hole: Span, what: &str) -> Diagnostic {
    Diagnostic::error(Code::E0139, format!("{what} cannot have a hole"))
        .at(hole, "it must be known before any event comes")
        .help("for a brace itself write `\\{`")
}
