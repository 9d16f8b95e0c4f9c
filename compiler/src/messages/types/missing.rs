//! What is said about values that may be missing.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Span};

use super::super::{Declared, declared_as};
use crate::types::{Kind, Type};

/// E0305
pub(crate) fn hole_may_be_missing(span: Span, written: &str, ty: &Type, declared: Declared) -> Diagnostic {
    let fallback = match ty.kind() {
        Kind::Number => "0",
        _ => "\"\"",
    };
    let shown = if fallback == "0" { "0" } else { "\"…\"" };
    let told =
        Diagnostic::error(Code::E0305, format!("`{written}` may be missing, and then this text has a gap"))
            .at(span, format!("{ty}"));
    declared_as(told, declared, "may be missing")
        .help("a condition that proves it present, such as `when … is present`, does as well")
        .fix(
            format!("say what stands there instead: {{{written} else {shown}}}"),
            [(span.tail(), format!(" else {fallback}"))],
        )
}

/// W0307
pub(crate) fn silent_when_missing(
    span: Span,
    without: &str,
    subject: &str,
    written: &str,
    declared: Declared,
) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0307, format!("{without} will be skipped here"))
        .at(span, "then this is neither true nor false");
    let (too, only) =
        (format!("{subject} is missing or {written}"), format!("{subject} is present and {written}"));
    declared_as(told, declared, "may be missing")
        .help("an exception is best written as `unless`: it holds for what is not known, too")
        .fix(format!("send those too: {too}"), [(span, format!("({too})"))])
        .fix(format!("skip on purpose: {only}"), [(span, format!("({only})"))])
}

/// W0405
pub(crate) fn missing_list_is_empty(span: Span, list: &str, answer: &str, declared: Declared) -> Diagnostic {
    let told =
        Diagnostic::warning(Code::W0405, format!("without anything in `{list}` the answer here is {answer}"))
            .at(span, "a missing list counts as empty");
    declared_as(told, declared, "may be missing or empty").fix(
        format!("ask for at least one before it: {list} is not empty and …"),
        [(span.head(), format!("{list} is not empty and "))],
    )
}

/// E0307
pub(crate) fn never_missing(span: Span, value: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0307, "`else` stands after something that is never missing")
        .at(value, format!("`{written}` is always there"))
        .fix("remove the `else`", [(span, written.to_owned())])
}

/// E0302
pub(crate) fn fallback_differs(
    one: Span,
    given: Kind,
    value: Span,
    wanted: Kind,
    declared: Declared,
) -> Diagnostic {
    let told =
        Diagnostic::error(Code::E0302, format!("{} would stand in for {}", given.words(), wanted.words()))
            .at(one, format!("this is {}", given.words()));
    match declared {
        Some(_) => declared_as(told, declared, &format!("is {}", wanted.words())),
        None => told.also(value, format!("this is {}", wanted.words())),
    }
    .help("give a value of the same kind")
}

/// W0308
pub(crate) fn always_there(span: Span, written: &str, declared: Declared) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0308, format!("`{written}` is always there"))
        .at(span, "so the answer is always the same");
    declared_as(told, declared, "has no `?`")
        .help("remove this, or write `?` after the type if it may be missing")
}
