//! What is said about the tests in rule files.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Ident, Span};

use super::{closest, did_you_mean, listed, replacing};
use crate::types::Type;

/// E0601
pub(crate) fn unknown_rule(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0601, format!("no rule is called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("there are: {}", listed(known)));
    replacing(told, name.span, name, close)
}

/// E0602
pub(crate) fn unknown_expected_field(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0602, format!("the action has no field called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("it takes: {}", known.join(", ")));
    replacing(told, name.span, name, close)
}

/// E0603
pub(crate) fn event_with_stars(span: Span, pattern: &str) -> Diagnostic {
    Diagnostic::error(Code::E0603, format!("a test sends one event, and `{pattern}` names many"))
        .at(span, "")
        .help("write the type of one event")
}

/// W0604
pub(crate) fn payload_lacks(span: Span, field: &str, schema: &str, declared: Option<Span>) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0604, format!("this payload has no `{field}`"))
        .at(span, format!("a `{schema}` has one"));
    match declared {
        Some(declared) => told.also(declared, "declared here"),
        None => told,
    }
    .help("add it, so that the test sends what your app sends")
}

/// W0604
pub(crate) fn payload_differs(
    span: Span,
    field: &str,
    given: &Type,
    wanted: &Type,
    declared: Option<Span>,
) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0604, format!("`{field}` is declared as {wanted}"))
        .at(span, format!("this is {given}"));
    match declared {
        Some(declared) => told.also(declared, "declared here"),
        None => told,
    }
}

/// W0604
pub(crate) fn payload_has_more(span: Span, field: &str, schema: &str, known: &[&str]) -> Diagnostic {
    let close = closest(field, known);
    let told = Diagnostic::warning(Code::W0604, format!("a `{schema}` has no `{field}`"))
        .at(span, did_you_mean(close))
        .note(format!("it has: {}", listed(known)));
    replacing(told, span, field, close)
}

/// E0605
pub(crate) fn fixture_not_in_bundle(span: Span, path: &str, event: &str) -> Diagnostic {
    Diagnostic::error(Code::E0605, format!("there is no file `{path}` beside these rules"))
        .at(span, "")
        .help(format!("add the file, or write the payload here: given {event} {{ … }}"))
}

/// E0606
pub(crate) fn fixture_is_no_json(span: Span, path: &str, line: usize, column: usize) -> Diagnostic {
    Diagnostic::error(Code::E0606, format!("`{path}` is not valid JSON"))
        .at(span, format!("the mistake is at line {line}, column {column}"))
}

/// E0607
pub(crate) fn expect_before_given(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0607, "nothing was sent yet")
        .at(span, "")
        .help("write `given` before what you expect of it")
}

/// W0609
pub(crate) fn expects_nothing_at_all(span: Span) -> Diagnostic {
    Diagnostic::warning(Code::W0609, "this test expects nothing, so it cannot fail")
        .at(span, "")
        .help("say what should happen: expect chat.send_message, or expect nothing")
}
