//! Parts that are missing altogether.

use crate::{
    Diagnostic,
    diagnostic::Code,
    span::{Ident, Span},
};

/// E0126. A rule that selects no events.
pub(in crate::parse) fn rule_without_on(name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0126, format!("`{name}` does not say which events it is for"))
        .at(name.span, "this rule has no `on`")
        .help("write a line such as `on lead.created as lead` below it")
}

/// E0127. A rule without a statement.
pub(in crate::parse) fn rule(name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0127, format!("`{name}` does nothing"))
        .at(name.span, "this rule has no `deliver`")
        .help("write what it delivers, or `ignore \"why\"` when it is meant to do nothing")
}

/// E0127. A group without a rule.
pub(in crate::parse) fn group(name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0127, format!("`{name}` has no rules")).at(name.span, "this group is empty")
}

/// E0127. `{ }` where statements belong.
pub(in crate::parse) fn block(span: Span, of: &str) -> Diagnostic {
    Diagnostic::error(Code::E0127, format!("the braces of `{of}` have nothing in them"))
        .at(span, "write what is delivered")
        .help("`ignore \"why\"` says that nothing is meant to happen")
}

/// E0127. `choose` without `when`.
pub(in crate::parse) fn choose(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0127, "`choose` has no `when`")
        .at(Span { end: span.end.min(span.start + 6), ..span }, "nothing to choose from")
}

/// E0127. A test without steps.
pub(in crate::parse) fn test(title: Span) -> Diagnostic {
    Diagnostic::error(Code::E0127, "this test has no steps")
        .at(title, "it tests nothing")
        .help("write `given` with an event and `expect` with what should be delivered")
}
