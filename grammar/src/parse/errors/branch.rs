//! Branches and quantifiers as other languages write them.

use super::{on_one_line, shown};
use crate::{Diagnostic, Source, ast::Expr, diagnostic::Code, span::Span};

/// E0124. `a ? b : c`.
pub(in crate::parse) fn ternary(
    source: &Source,
    span: Span,
    condition: &Expr,
    yes: &Expr,
    no: &Expr,
) -> Diagnostic {
    let [condition, yes, no] = [condition, yes, no].map(|part| on_one_line(source, part.span));
    let mended = format!("choose {{ when {condition}: {yes}, otherwise: {no} }}");
    let title = shown(mended.clone(), "write it with `choose`");
    Diagnostic::error(Code::E0124, "a choice between values is written `choose` here")
        .at(span, "")
        .fix(title, [(span, mended)])
}

/// E0124. `if`, `elif`, `switch` and their kin.
pub(in crate::parse) fn if_word(span: Span, word: &str) -> Diagnostic {
    let report = Diagnostic::error(Code::E0124, format!("there is no `{word}` here"));
    match word {
        "if" => report
            .at(span, "a condition is written `when`")
            .help("for several branches write `choose { when … { … } otherwise { … } }`"),
        _ => report.at(span, "branches are written `choose`").help(
            "write `choose { when … { … } when … { … } otherwise { … } }`; the first condition that holds is taken",
        ),
    }
}

/// E0118. `all x in xs satisfies`.
pub(in crate::parse) fn all_in(word: Span) -> Diagnostic {
    Diagnostic::error(Code::E0118, "each element of a list is asked with `every`")
        .at(word, "write `every`")
        .fix("replace `all` with `every`", [(word, "every".to_owned())])
}

/// E0101. `for x in xs`.
pub(in crate::parse) fn for_without_each(word: Span, found: Span) -> Diagnostic {
    Diagnostic::error(Code::E0101, "`for` is followed by `each`")
        .at(found, "write `each` before this")
        .fix("write `for each`", [(word.tail(), " each".to_owned())])
}
